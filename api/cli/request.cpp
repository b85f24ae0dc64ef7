// xinyin request list | show | approve | reject | execute: sensitive acts, from the asking to the
// deed. The signer enforces; what is shown here is made from the bytes that are signed.
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "api/cli/card_file.h"
#include "api/cli/issuing.h"
#include "api/cli/words.h"

namespace cli {
namespace {

using hsm::officers::Decision;

struct Options {
  std::string id;
  CardOptions card;
  std::string reason;
  std::string confirm;
  bool all = false;
  bool dry_run = false;
};

std::string column(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

base::Result<Answer> list(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  base::JsonWriter out;
  out.StartArray();
  std::string text;
  for (const auto& one : governance.all()["requests"].GetArray()) {
    const auto standing = base::json_text(one, "standing");
    if (!options.all && standing != "open" && standing != "executing") continue;
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    one.Accept(writer);
    out.RawValue(buffer.GetString(), buffer.GetSize(), rapidjson::kObjectType);
    text += (text.empty() ? "" : "\n") + std::string(base::json_text(one, "id").substr(0, 12)) +
            "  " + column(std::string(base::json_text(one, "op")), 15) + "  " +
            column(std::string(standing), 9) + "  " + std::to_string(one["approvals"].Size()) +
            "/" + std::to_string(base::json_int(one, "needed").value_or(0)) + "  " +
            std::string(base::json_text(one, "not_after")) + "  " +
            std::string(base::json_text(one, "reason"));
  }
  out.EndArray();
  if (text.empty()) text = "没有待办请求 · nothing is waiting";
  return Answer{out.text(), text, kDone};
}

base::Result<RequestRecord> named(Officer& officer, const std::string& beginning) {
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  BASE_TRY(const auto id, governance.request_named(beginning));
  return find_request(officer, id);
}

base::Result<Answer> show(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto record, named(officer, options.id));
  auto answer = request_answer(record);
  answer.exit = kDone;
  return answer;
}

/// The last characters typed again: whoever approves has looked at this request and no other.
base::Result<void> confirmed(Context& context, const RequestRecord& record, std::string typed) {
  if (typed.empty()) {
    if (::isatty(STDIN_FILENO) == 0)
      return base::error(base::Code::invalid_argument, "cli.confirm_wanted");
    context.say("请输入请求编号的最后 6 位 · type the request's last 6 characters:");
    std::getline(std::cin, typed);
  }
  if (typed == tail_of(record) || typed == record.id) return {};
  return base::error(base::Code::invalid_argument, "cli.confirm_differs");
}

base::Result<Answer> vote(Context& context, const Options& options, Decision decision) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto record, named(officer, options.id));
  context.say(words(record));
  context.say(standing_words(record));
  if (options.dry_run) {
    auto answer = request_answer(record);
    answer.exit = kDone;
    return answer;
  }
  BASE_TRY_VOID(confirmed(context, record, options.confirm));
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  BASE_TRY(const auto card, open_card(context, options.card));
  BASE_TRY(const auto after,
           cast_vote(officer, governance, *card, record, decision, options.reason));
  const bool ready =
      after.standing == "open" && static_cast<int>(after.approvals.size()) >= after.needed;
  return Answer{after.json,
                standing_words(after) +
                    (ready ? "\n  可以执行 · it can be carried out:  xinyin request execute " +
                                 after.id.substr(0, 12)
                           : ""),
                kDone};
}

/// What has to be done here once the signer has done its part; safe to repeat.
base::Result<FinishOutcome> finish(Officer& officer, const RequestRecord& record) {
  if (record.request.op == "key.compromise") return finish_compromise(officer, record);
  FinishOutcome out;
  if (record.request.op != "sign") return out;
  BASE_TRY(out.lines, finish_signing(officer, record));
  BASE_TRY(const auto signed_, hsm::officers::read_sign(record.request.params()));
  const bool list = std::any_of(signed_.items.begin(), signed_.items.end(),
                                [](const auto& item) { return item.kind == "trust_list"; });
  if (!list) return out;
  // What was revoked while it waited for approval is not in it: renewed at once, it is.
  BASE_TRY(const auto published, published_list(officer.pki));
  BASE_TRY(const auto crl, officer.pki.read(certs::PkiDirectory::kIssuingCrl));
  const bool fresh =
      !published || std::any_of(published->crls.begin(), published->crls.end(),
                                [&](const base::Bytes& one) { return base::as_text(one) == crl; });
  if (fresh) return out;
  BASE_TRY(auto renewed, publish_lists(officer, std::chrono::hours(24 * 7), record.request.reason));
  if (renewed.published)
    out.lines.push_back(std::string(certs::PkiDirectory::kTrustList) + "  #" +
                        std::to_string(renewed.published->sequence));
  out.waiting = std::move(renewed.waiting);
  return out;
}

base::Result<Answer> execute_now(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(auto record, named(officer, options.id));
  if (options.dry_run) {
    auto answer = request_answer(record);
    answer.exit = static_cast<int>(record.approvals.size()) >= record.needed ? kDone : kWaiting;
    return answer;
  }
  context.say(words(record));
  BASE_TRY(record, execute(officer, record.id));
  BASE_TRY(const auto after, finish(officer, record));
  std::string text = standing_words(record);
  for (const auto& line : after.lines) text += "\n  " + line;
  base::JsonWriter out;
  out.StartObject();
  out.key("finished");
  out.StartArray();
  for (const auto& line : after.lines) out.string(line);
  out.EndArray();
  if (after.waiting) {
    text += "\n" + request_answer(*after.waiting).text;
    out.member("next", after.waiting->id);
  }
  out.EndObject();
  // The request as the signer tells of it, and what was done here.
  auto json = record.json.substr(0, record.json.size() - 1) + "," + out.text().substr(1);
  return Answer{std::move(json), text, kDone};
}

}  // namespace

void register_request(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("request", "sensitive acts that officers approve");
  noun->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  auto* listed = noun->add_subcommand("list", "what waits for officers");
  listed->add_flag("--all", options->all, "those that have ended as well");
  listed->callback([&context, options] { context.run([&] { return list(context, *options); }); });
  const auto id = [&](CLI::App* verb) {
    verb->add_option("REQUEST", options->id, "its name, or the first 6 characters and more")
        ->required();
  };
  auto* shown = noun->add_subcommand("show", "one request in plain words");
  id(shown);
  shown->callback([&context, options] { context.run([&] { return show(context, *options); }); });
  const auto voting = [&](const char* name, const char* means, Decision decision) {
    auto* verb = noun->add_subcommand(name, means);
    id(verb);
    add_card_options(*verb, options->card);
    verb->add_option("--reason", options->reason, "written into the vote");
    verb->add_option("--confirm", options->confirm,
                     "the request's last 6 characters, instead of typing them");
    verb->add_flag("--dry-run", options->dry_run, "show what would be signed, sign nothing");
    verb->callback([&context, options, decision] {
      context.run([&] { return vote(context, *options, decision); });
    });
  };
  voting("approve", "sign for it with your card", Decision::approve);
  voting("reject", "stop it for ever, with your card", Decision::reject);
  auto* done = noun->add_subcommand("execute", "have an approved request carried out, once");
  id(done);
  done->add_flag("--dry-run", options->dry_run, "say whether it could be, do nothing");
  done->callback(
      [&context, options] { context.run([&] { return execute_now(context, *options); }); });
}

}  // namespace cli
