// xinyin staff: who decides about people's accounts. By the owner of the installation, who can run
// this against its database. LD/T 01-2020 6.2.5.
#include "api/cli/people.h"
#include "base/json.h"

namespace cli {
namespace {

struct Options {
  std::string login_name, by = "system:cli";
  bool dry_run = false;
};

base::Result<Answer> change(Context& context, const Options& options, bool named) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto id, people->accounts.find_by_login(options.login_name));
  if (!id) return base::error(base::Code::not_found, "auth.subject_unknown");
  base::JsonWriter out;
  out.StartObject();
  out.member("subject", id->value());
  out.member("staff", named);
  out.EndObject();
  if (!options.dry_run) {
    if (named)
      BASE_TRY_VOID(people->requests.name_staff(*id, options.by));
    else
      BASE_TRY_VOID(people->requests.end_staff(*id, options.by));
  }
  return Answer{out.text(),
                named ? "已列为工作人员 · is staff now" : "不再是工作人员 · is staff no more",
                kDone};
}

}  // namespace

void register_staff(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("staff", "who decides about people's accounts");
  noun->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  for (const bool named : {true, false}) {
    auto* verb = noun->add_subcommand(named ? "name" : "end",
                                      named ? "let an account decide" : "let it decide no more");
    verb->add_option("login", options->login_name, "its user name")->required();
    verb->add_option("--by", options->by, "who says so, for the audit trail")
        ->capture_default_str();
    verb->add_flag("--dry-run", options->dry_run, "look it up, change nothing");
    verb->callback([&context, options, named] {
      context.run([&] { return change(context, *options, named); });
    });
  }
}

}  // namespace cli
