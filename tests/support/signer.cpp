#include "tests/support/signer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

namespace test {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);  // a limit, never the expected time

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

Signer::Signer(const Token& token, Options options) {
  base::check(std::filesystem::exists(options.program),
              options.program.string() + " is not built: ninja xinyin-signer");
  std::string pattern = (std::filesystem::temp_directory_path() / "xinyin-signer-XXXXXX").string();
  base::check(::mkdtemp(pattern.data()) != nullptr, "cannot make " + pattern);
  directory_ = pattern;
  ::chmod(directory_.c_str(), 0755);  // a client under another user must reach the socket
  const auto config = directory_ / "signer.conf";
  std::ofstream out(config);
  out << "token.module = " << (options.module.empty() ? Token::module() : options.module).string()
      << "\n"
      << "token.label = " << token.label() << "\n"
      << "token.pin_file = " << token.pin_file().string() << "\n"
      << "token.softhsm_conf = " << token.softhsm_conf().string() << "\n"
      << "token.inventory = " << token.inventory().string() << "\n"
      << "socket.service = signer.sock\n"
      << "oplog.file = operations.log\n";
  if (options.officer) out << "socket.officer = officer.sock\n";
  for (const auto& line : options.settings) out << line << "\n";
  out.close();

  if (options.user != static_cast<uid_t>(-1) && ::geteuid() == 0) {
    for (const auto& path : {directory_, config})
      base::check(::chown(path.c_str(), options.user, options.user) == 0, "chown");
  }
  base::ChildPlan plan;
  plan.program = options.program;
  plan.arguments = {"--config", config.string()};
  plan.output = directory_ / "stderr";
  plan.unset = {"SOFTHSM2_CONF"};  // it must come from the configuration
  plan.environment = options.environment;
  // Leaks cannot be looked for in a process that is not dumpable.
  plan.environment.insert(plan.environment.begin(), "ASAN_OPTIONS=detect_leaks=0");
  plan.uid = options.user;
  auto started = base::Child::start(plan);
  base::check(started.ok(), options.program.string() + " cannot be started");
  child_.emplace(std::move(*started));
  if (!options.wait) return;
  hsm::Client client(options.officer ? officer() : this->client());
  for (const auto until = std::chrono::steady_clock::now() + kPatience;;) {
    const auto health = client.health();
    if (health.ok() && health->token_up) return;
    if (std::chrono::steady_clock::now() > until || !child_->running())
      base::fail("the signer does not come up: " + log());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Signer::~Signer() {
  (void)stop();
  const auto said = log();  // a sanitized build speaks there
  base::check(said.find("Sanitizer") == std::string::npos &&
                  said.find("runtime error") == std::string::npos,
              said);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

hsm::ClientConfig Signer::client(std::chrono::milliseconds deadline) const {
  hsm::ClientConfig config;
  config.socket = socket();
  config.deadline = deadline;
  return config;
}

hsm::ClientConfig Signer::officer(std::chrono::milliseconds deadline) const {
  auto config = client(deadline);
  config.socket = directory_ / "officer.sock";
  return config;
}

std::string Signer::log() const {
  return read(directory_ / "stderr");
}

pid_t Signer::worker() const {
  const auto id = std::to_string(pid());
  const auto children = read("/proc/" + id + "/task/" + id + "/children");
  return static_cast<pid_t>(std::strtol(children.c_str(), nullptr, 10));
}

int Signer::stop() {
  return child_->stop(kPatience);
}

int Signer::wait() {
  return child_->end_within(kPatience);
}

}  // namespace test
