// xinyin agreement: publishes the service agreement and the privacy text, and shows what is in
// force. LD/T 01-2020 6.2.4.
#include <fstream>
#include <sstream>

#include "api/cli/commands.h"
#include "auth/agreements.h"
#include "base/json.h"

namespace cli {
namespace {

struct Options {
  std::string kind;
  std::filesystem::path file;
  std::string by = "system:cli";
  bool dry_run = false;
};

base::Result<std::string> content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in) {
    auto failure = base::error(base::Code::unavailable, "auth.demo.file", file.string());
    failure.args = {{"path", file.string()}, {"why", "cannot be read"}};
    return failure;
  }
  return content.str();
}

base::Result<Answer> publish(Context& context, const Options& options) {
  BASE_TRY(const auto content, content_of(options.file));
  const auto kind = *auth::agreement_kind(options.kind);
  BASE_TRY(const auto read, auth::read_agreement(kind, content));
  base::JsonWriter out;
  out.StartObject();
  out.member("kind", options.kind);
  out.member("sha256", read.sha256);
  if (options.dry_run) {
    out.member("would_publish", true);
    out.EndObject();
    return Answer{out.text(), "内容完整，可以发布 · complete, could be published: " + read.sha256,
                  kDone};
  }
  BASE_TRY(const auto* config, context.config());
  store::Pool pool({.conninfo = config->database.service, .connections = 1});
  auth::Agreements agreements(pool, context.clock());
  BASE_TRY(const auto version, agreements.publish(kind, content, options.by));
  out.member("version", version);
  out.EndObject();
  return Answer{out.text(),
                "已发布第" + std::to_string(version) +
                    "版；用户下次登录时确认 · published as version " + std::to_string(version) +
                    "; people are asked at their next login",
                kDone};
}

base::Result<Answer> show(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  store::Pool pool({.conninfo = config->database.service, .connections = 1});
  auth::Agreements agreements(pool, context.clock());
  BASE_TRY(const auto found, agreements.current(*auth::agreement_kind(options.kind)));
  base::JsonWriter out;
  out.StartObject();
  out.member("kind", options.kind);
  out.member("version", found.version);
  out.member("sha256", found.sha256);
  out.member("published_at", base::to_rfc3339(found.published_at));
  out.member("content", found.content);
  out.EndObject();
  return Answer{out.text(), found.content, kDone};
}

}  // namespace

void register_agreement(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("agreement", "the service agreement and the privacy text");
  noun->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  auto* in_force = noun->add_subcommand("show", "the text in force, to the byte");
  auto* next = noun->add_subcommand("publish", "publish a text as the next version");
  for (auto* verb : {in_force, next})
    verb->add_option("--kind", options->kind, "which of the two")
        ->required()
        ->check(CLI::IsMember({"service", "privacy"}));
  next->add_option("--file", options->file, "JSON: title, and sections with id, zh, en")
      ->required();
  next->add_option("--by", options->by, "who publishes it, for the audit trail")
      ->capture_default_str();
  next->add_flag("--dry-run", options->dry_run, "say whether it is complete, publish nothing");
  in_force->callback([&context, options] { context.run([&] { return show(context, *options); }); });
  next->callback([&context, options] { context.run([&] { return publish(context, *options); }); });
}

}  // namespace cli
