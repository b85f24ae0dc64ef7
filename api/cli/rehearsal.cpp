#include "api/cli/rehearsal.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "api/cli/card_issue.h"
#include "hsm/client.h"
#include "hsm/software_token.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr auto kPatience = std::chrono::minutes(5);  // a limit, never the expected time
constexpr auto kLook = std::chrono::milliseconds(20);
constexpr std::size_t kPinDigits = 12;

std::atomic<pid_t> worker{0};

base::Error failed(std::string why) {
  auto failure = base::error(base::Code::unavailable, "cli.rehearsal", why);
  failure.args = {{"why", std::move(why)}};
  return failure;
}

std::string text_of(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

/// The token's directory was made read-only by its signer, as a served one is.
void remove_all_of(const fs::path& place) {
  std::error_code ignored;
  for (fs::recursive_directory_iterator it(place, ignored), end; !ignored && it != end;
       it.increment(ignored))
    if (it->is_directory(ignored) && !it->is_symlink(ignored))
      fs::permissions(it->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
  fs::remove_all(place, ignored);
}

/// The parent's part: it ends with the child's own status.
[[noreturn]] void clean_up_after(pid_t child, const fs::path& place) {
  worker = child;
  ::signal(SIGINT, SIG_IGN);  // the terminal sends it to the child as well
  ::signal(SIGQUIT, SIG_IGN);
  for (const int one : {SIGTERM, SIGHUP}) ::signal(one, [](int it) { ::kill(worker, it); });
  int status = 0, other = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  // What the child left running was told to end when it did, and is now this process's to wait for.
  while (::waitpid(-1, &other, 0) > 0 || errno == EINTR) {
  }
  remove_all_of(place);
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

}  // namespace

base::Result<fs::path> rehearsal_place() {
  std::error_code problem;
  const auto folder = fs::temp_directory_path(problem);
  auto name = (folder / "xinyin-rehearsal-XXXXXX").string();
  if (problem || ::mkdtemp(name.data()) == nullptr)
    return failed(name + ": " + (problem ? problem.message() : std::strerror(errno)));
  // PostgreSQL does not run as root: its account must get as far as its own directory in here.
  if (::geteuid() == 0) ::chmod(name.c_str(), 0711);
  return fs::path(name);
}

base::Result<void> leave_nothing_at(const fs::path& place) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const auto child = ::fork();
  if (child < 0) return failed(std::strerror(errno));
  if (child != 0) clean_up_after(child, place);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  return {};
}

RehearsalHouse::RehearsalHouse(Context& context, Config config, fs::path place, Programs programs)
    : context_(context),
      config_(std::move(config)),
      place_(std::move(place)),
      programs_(std::move(programs)) {}

RehearsalHouse::~RehearsalHouse() = default;

void RehearsalHouse::put(const std::string& name, std::string_view text) const {
  std::ofstream(place_ / name, std::ios::binary) << text;
  ::chmod(at(name).c_str(), 0600);
}

/// Twelve digits that nobody knows.
std::string RehearsalHouse::pin_file(const std::string& name) const {
  std::string pin;
  while (pin.size() < kPinDigits)
    for (const auto byte : context_.random().bytes(kPinDigits))
      if (byte < 250 && pin.size() < kPinDigits) pin += static_cast<char>('0' + byte % 10);
  put(name, pin + "\n");
  return at(name);
}

base::Result<std::unique_ptr<RehearsalHouse>> RehearsalHouse::build(Context& context,
                                                                    const Config& like,
                                                                    const CeremonyPlan& plan,
                                                                    const fs::path& place,
                                                                    Programs programs) {
  if (programs.signer.empty()) {
    std::error_code ignored;
    programs.signer = fs::read_symlink("/proc/self/exe", ignored).parent_path() / "xinyin-signer";
  }
  const auto house = place / "house";
  std::error_code problem;
  for (const auto& folder : {house, house / "run", house / "token", place / "database"})
    if (!fs::create_directory(folder, problem) || ::chmod(folder.c_str(), 0700) != 0)
      return failed(folder.string() + ": " + problem.message());
  auto config = like;
  config.signer.socket = house / "run" / "signer.sock";
  config.signer.officer_socket = house / "run" / "officer.sock";
  config.signer.backups = house / "backups";
  config.pki_directory = house / "pki";
  std::unique_ptr<RehearsalHouse> out(
      new RehearsalHouse(context, std::move(config), house, std::move(programs)));
  context.say("  数据库 a database");
  BASE_TRY(out->database_, store::PrivateCluster::start(place / "database"));
  out->config_.database.service = out->database_->conninfo("xinyin_service");
  out->config_.database.owner = out->database_->conninfo("xinyin_owner");
  for (const auto& role : plan.roles) BASE_TRY_VOID(out->make_card(role));
  BASE_TRY_VOID(out->make_token(plan));
  return out;
}

base::Result<void> RehearsalHouse::make_card(const PlannedRole& role) {
  context_.say("  卡 a card: " + role.id);
  const auto name = "card-" + role.id;
  const auto pin = pin_file(name + ".pin"), so_pin = pin_file(name + ".so-pin");
  put(name + ".conf", "card.module = " + programs_.module.string() + "\ncard.label = " + name +
                          "\ncard.softhsm_conf = " + at(name + ".softhsm.conf") +
                          "\ncard.directory = " + at(name) + "\ncard.pin_file = " + pin + "\n");
  CardOptions options;
  options.card = at(name + ".conf");
  BASE_TRY(const auto file, CardFile::read(options.card));
  hsm::NewCard card{file.module, file.label, file.directory, {}, {}};
  BASE_TRY(card.pin, base::Secret::from_file(pin));
  BASE_TRY(card.so_pin, base::Secret::from_file(so_pin));
  BASE_TRY_VOID(hsm::write_softhsm_conf(file.softhsm_conf, file.directory));
  hsm::point_softhsm_at(file.softhsm_conf);
  BASE_TRY(const auto made, issue_card(context_, file, std::move(card), {role.id, role.person}));
  cards_.push_back(std::move(options));
  return {};
}

base::Result<void> RehearsalHouse::make_token(const CeremonyPlan& plan) {
  context_.say("  空密码机 an empty token: " + plan.token);
  BASE_TRY_VOID(hsm::write_softhsm_conf(at("token.softhsm.conf"), at("token")));
  const auto pin = pin_file("token.pin"), so_pin = pin_file("token.so-pin");
  put("signer.conf",
      "token.module = " + programs_.module.string() + "\ntoken.label = " + plan.token +
          "\ntoken.pin_file = " + pin + "\ntoken.so_pin_file = " + so_pin +
          "\ntoken.softhsm_conf = " + at("token.softhsm.conf") +
          "\ntoken.directory = " + at("token") + "\ntoken.inventory = " + at("inventory.json") +
          "\ntoken.writable_ok = true\nsocket.service = " + config_.signer.socket.string() +
          "\nsocket.officer = " + config_.signer.officer_socket.string() + "\nofficers.genesis = " +
          at("genesis.json") + "\nofficers.ledger = " + at("ledger.jsonl") +
          "\nofficers.backups = " + config_.signer.backups.string() +
          "\noplog.file = " + at("operations.log") + "\n");
  put("no-keys.json", "{\"keys\":[]}\n");
  base::ChildPlan provision;
  provision.program = programs_.signer;
  provision.arguments = {"provision", "--config", at("signer.conf"), "--plan", at("no-keys.json")};
  provision.output = at("provision.log");
  return base::run_to_end(provision);
}

base::Result<void> RehearsalHouse::start_signer(std::string_view founding) {
  put("genesis.json", founding);
  base::ChildPlan serving;
  serving.program = programs_.signer;
  serving.arguments = {"--config", at("signer.conf")};
  serving.output = at("signer.log");
  BASE_TRY(auto started, base::Child::start(serving));
  signer_.emplace(std::move(started));
  hsm::Client client({config_.signer.officer_socket, config_.signer.deadline, 1});
  for (const auto until = std::chrono::steady_clock::now() + kPatience;;) {
    const auto health = client.health();
    if (health.ok() && health->token_up) return {};
    if (!signer_->running() || std::chrono::steady_clock::now() > until)
      return failed(text_of(place_ / "signer.log").substr(0, 2000));
    std::this_thread::sleep_for(kLook);
  }
}

}  // namespace cli
