// xinyin database migrate: brings the database up to what this binary carries.
#include "api/cli/commands.h"
#include "base/json.h"
#include "store/migrate.h"

namespace cli {
namespace {

base::Result<Answer> would_migrate(const Config& config) {
  BASE_TRY(const auto missing, store::missing_migrations(config.database.owner));
  base::JsonWriter out;
  out.StartObject();
  out.key("would_run");
  out.StartArray();
  std::string text;
  for (const auto& name : missing) {
    out.string(name);
    text += "\n  " + name;
  }
  out.EndArray();
  out.member("newest", store::newest_migration());
  out.EndObject();
  return Answer{out.text(),
                missing.empty() ? "数据库已是最新 · the database is up to date"
                                : "将执行 · would run:" + text,
                kDone};
}

base::Result<Answer> migrate(Context& context, bool dry_run) {
  BASE_TRY(const auto* config, context.config());
  if (dry_run) return would_migrate(*config);
  BASE_TRY(const auto done, store::migrate(config->database.owner, [&](std::string_view name) {
             context.say("正在执行 · running " + std::string(name));
           }));
  base::JsonWriter out;
  out.StartObject();
  out.key("ran");
  out.StartArray();
  for (const auto& name : done.ran) out.string(name);
  out.EndArray();
  out.member("newest", done.newest);
  out.EndObject();
  Answer answer{out.text(), {}, kDone};
  answer.text = done.ran.empty()
                    ? "数据库已是最新：" + done.newest + " · the database is up to date"
                    : "已升级到 " + done.newest + " · migrated, " +
                          std::to_string(done.ran.size()) + " file(s) ran";
  return answer;
}

}  // namespace

void register_database(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("database", "the database's tables");
  noun->require_subcommand(1);
  auto* verb =
      noun->add_subcommand("migrate", "run the migrations that have not run yet, as xinyin_owner");
  const auto dry_run = std::make_shared<bool>(false);
  verb->add_flag("--dry-run", *dry_run, "name them, run none");
  verb->callback([&context, dry_run] { context.run([&] { return migrate(context, *dry_run); }); });
}

}  // namespace cli
