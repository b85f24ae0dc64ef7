// xinyin: the command line of officers and administrators. `xinyin <noun> <verb>`, as
// api/cli/commands.h describes.
#include <csignal>
#include <cstdio>

#include "api/cli/commands.h"

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
  app.require_subcommand(0, 1);
  app.fallthrough();  // --json and --config may stand after the verb too

#define XINYIN_NOUN(noun) cli::register_##noun(app, context);
#include "cli_nouns.inc"
#undef XINYIN_NOUN

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    // --help and --version come this way too, with code 0.
    return app.exit(failure) == 0 ? cli::kDone : cli::kUsage;
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
