// xinyin database migrate: brings the database up to what this binary carries.
#include "api/cli/commands.h"
#include "base/json.h"
#include "store/migrate.h"

namespace cli {
namespace {

base::Result<Answer> migrate(Context& context) {
  BASE_TRY(const auto* config, context.config());
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
  noun->add_subcommand("migrate", "run the migrations that have not run yet, as xinyin_owner")
      ->callback([&context] { context.run([&] { return migrate(context); }); });
}

}  // namespace cli
