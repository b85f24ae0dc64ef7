#include <cstdio>

#include "api/cli/commands.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "base/messages.h"

namespace cli {

int exit_code_of(const base::Error& failure) {
  const std::string_view key = failure.key;
  if (key == "cli.interrupted") return kInterrupted;
  if (key == "hsm.officers.forged" || key == "hsm.officers.line_forged" ||
      key == "hsm.officers.vote")
    return kInvalidSignature;
  if (key == "hsm.officers.too_few") return kOfficersTooFew;
  if (key == "hsm.officers.too_few_approvals" || key == "hsm.officers.grace") return kWaiting;
  if (key == "hsm.self_test") return kSelfTestFailed;
  if (key == "hsm.officers.ledger" || key.ends_with(".minutes_broken")) return kLogBroken;
  if (key == "hsm.officers.inventory" || key == "hsm.token_files") return kIntegrity;
  if (key.ends_with(".wrong_signature") || key.ends_with(".lint") || key.ends_with("_altered") ||
      key.ends_with("_unproven"))
    return kIntegrity;
  if (key.ends_with("_forged") || key.ends_with("_foreign_root")) return kInvalidSignature;
  switch (failure.code) {
    case base::Code::invalid_argument:
      return kUsage;
    case base::Code::unauthenticated:
    case base::Code::permission_denied:
      return kRefused;
    case base::Code::not_found:
    case base::Code::conflict:
      return kConflict;
    case base::Code::expired:
      return kExpired;
    case base::Code::rate_limited:
      return kTryAgain;
    case base::Code::unavailable:
      if (key.starts_with("config.")) return kUsage;
      return key.starts_with("hsm.") ? kTokenUnavailable : kTryAgain;
    case base::Code::internal:
      return kFailed;
  }
  return kFailed;
}

base::Result<const Config*> Context::config() {
  if (!config_) {
    auto settings = base::Settings::from_file(config_file);
    if (!settings) return settings.error();
    BASE_TRY(config_, Config::read(*settings));
    if (!config_->fail_point.empty()) base::arm_fail_point(config_->fail_point);
  }
  return &*config_;
}

void Context::run(const std::function<base::Result<Answer>()>& verb) {
  const auto answer = verb();
  exit = answer ? answer->exit : exit_code_of(answer.error());
  if (answer)
    print(*answer);
  else
    print(answer.error());
}

void Context::say(std::string_view line) const {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

void Context::warn(std::string line) {
  say(line);
  warnings_.push_back(std::move(line));
}

void Context::print(const Answer& answer) const {
  if (!json) {
    if (!answer.text.empty()) std::fprintf(stdout, "%s\n", answer.text.c_str());
    return;
  }
  base::JsonWriter out;
  out.StartObject();
  out.member("ok", answer.exit == kDone);
  out.member("code", answer.exit);
  out.key("data");
  out.RawValue(answer.json.c_str(), answer.json.size(), rapidjson::kObjectType);
  out.key("warnings");
  out.StartArray();
  for (const auto& warning : warnings_) out.string(warning);
  out.EndArray();
  out.EndObject();
  std::fprintf(stdout, "%s\n", out.text().c_str());
}

void Context::print(const base::Error& failure) const {
  const auto zh = base::message(failure.key, base::Language::zh, failure.args);
  const auto en = base::message(failure.key, base::Language::en, failure.args);
  if (!json) {
    std::fprintf(stderr, "错误：%s\nError: %s\n", zh.c_str(), en.c_str());
    std::fprintf(stderr, "  [%s]%s%s\n", failure.key.c_str(), failure.detail.empty() ? "" : " ",
                 failure.detail.c_str());
    for (const auto& field : failure.fields)
      std::fprintf(stderr, "  %s: %s / %s\n", field.field.c_str(),
                   base::message(field.key, base::Language::zh).c_str(),
                   base::message(field.key, base::Language::en).c_str());
    return;
  }
  base::JsonWriter out;
  out.StartObject();
  out.member("ok", false);
  out.member("code", exit_code_of(failure));
  out.member("error", failure.key);
  out.member("message_zh", zh);
  out.member("message_en", en);
  out.member("detail", failure.detail);
  out.key("data");
  out.Null();
  out.key("warnings");
  out.StartArray();
  for (const auto& warning : warnings_) out.string(warning);
  out.EndArray();
  out.EndObject();
  std::fprintf(stdout, "%s\n", out.text().c_str());
}

}  // namespace cli
