// xinyin: the command line of officers and administrators. `xinyin <noun> <verb>`, as
// api/cli/commands.h describes.
#include <csignal>
#include <cstdio>

#include "api/cli/command_tree.h"
#include "api/cli/commands.h"
#include "base/text.h"

namespace {

/// Asked for in JSON: answered so even when the rest of the line makes no sense.
int usage(const CLI::App& app, const CLI::ParseError& failure, cli::Context& context, int argc,
          char** argv) {
  if (failure.get_exit_code() == 0) return app.exit(failure);  // --help, --version
  for (int i = 1; i < argc; ++i)
    context.json = context.json || std::string_view(argv[i]) == "--json";
  if (!context.json) {
    (void)app.exit(failure);
    return cli::kUsage;
  }
  context.run([&] {
    auto error = base::error(base::Code::invalid_argument, "cli.usage", failure.what());
    error.args = {{"why", base::shown(failure.what())}};
    return base::Result<cli::Answer>(std::move(error));
  });
  return cli::kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  cli::Context context;
  context.config_file = "/etc/xinyin/xinyin.conf";
  CLI::App app{"信印管理命令行 · Xinyin, for officers and administrators", "xinyin"};
  app.add_option("-c,--config", context.config_file, "configuration file")->capture_default_str();
  app.add_flag("--json", context.json, "answer with one JSON object on stdout");
  bool print_config = false;
  app.add_flag("--print-config", print_config, "print all configuration keys and stop");
  app.set_version_flag("--version", "xinyin " XINYIN_VERSION);
  app.set_help_all_flag("--help-all", "print the help of every command and stop");
  app.require_subcommand(0, 1);
  app.fallthrough();  // --json and --config may stand after the verb too

#define XINYIN_NOUN(noun) cli::register_##noun(app, context);
#include "cli_nouns.inc"
#undef XINYIN_NOUN
  app.footer(cli::exit_code_help());  // after the nouns: they would each inherit it

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return usage(app, failure, context, argc, argv);
  }
  if (print_config) {
    std::fputs(cli::Config::describe().c_str(), stdout);
    return cli::kDone;
  }
  if (app.get_subcommands().empty()) {
    std::fputs(app.help().c_str(), stderr);
    return cli::kUsage;
  }
  if (std::fflush(stdout) != 0 && context.exit == cli::kDone) return cli::kFailed;
  return context.exit;
}
