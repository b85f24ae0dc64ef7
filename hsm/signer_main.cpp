// xinyin-signer: the only program that opens the token.
//
//   xinyin-signer --config FILE                                    serves
//   xinyin-signer provision --config FILE --plan PLAN [--json]     makes what the plan lists and is
//   missing xinyin-signer keys-of-config                                   the configuration keys,
//   as a table
//
// Exit status: 0 stopped or done, 1 provisioning left something to look at, 2 wrong call,
// 78 the configuration, the token directory or the operation log keeps it from serving.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "base/messages.h"
#include "base/random.h"
#include "hsm/journal.h"
#include "hsm/provision.h"
#include "hsm/signer.h"
#include "hsm/signer_config.h"
#include "hsm/supervisor.h"
#include "hsm/token_change.h"

namespace {

constexpr int kWrongCall = 2;

struct Call {
  std::string deed = "serve";
  std::string config, plan;
  bool json = false;
};

int usage() {
  std::cerr << "xinyin-signer --config FILE\n"
               "xinyin-signer provision --config FILE --plan PLAN.json [--json]\n"
               "xinyin-signer keys-of-config\n";
  return kWrongCall;
}

std::optional<Call> parse(int argc, char** argv) {
  Call call;
  int at = 1;
  if (at < argc && argv[at][0] != '-') call.deed = argv[at++];
  for (; at < argc; ++at) {
    const std::string_view option = argv[at];
    if (option == "--json") {
      call.json = true;
    } else if ((option == "--config" || option == "--plan") && at + 1 < argc) {
      (option == "--config" ? call.config : call.plan) = argv[++at];
    } else {
      return std::nullopt;
    }
  }
  const bool provision = call.deed == "provision";
  if (call.deed == "keys-of-config") return call;
  if (call.config.empty() || (!provision && call.deed != "serve") || provision == call.plan.empty())
    return std::nullopt;
  return call;
}

void say(const base::Error& failure) {
  std::cerr << "xinyin-signer: " << base::message(failure.key, base::Language::en, failure.args);
  if (!failure.detail.empty()) std::cerr << " [" << failure.detail << "]";
  std::cerr << "\n";
}

int serve(const hsm::SignerConfig& config) {
  if (const auto checked = hsm::check_token_directory(config); !checked.ok()) {
    say(checked.error());
    return hsm::kExitMisconfigured;
  }
  hsm::harden_process();
  if (!config.fail_point.empty()) base::arm_fail_point(config.fail_point);
  const base::SystemClock clock;
  base::SystemRandom random;
  const hsm::Journal journal(clock);
  return hsm::supervise(config, clock, random, journal);
}

void tell(const hsm::ProvisionStep& step, bool json) {
  std::cerr << "  " << step.what << " " << step.label << ": " << to_string(step.outcome)
            << (step.detail.empty() ? "" : " - ") << step.detail << "\n";
  if (!json) return;
  base::JsonWriter out;
  out.StartObject();
  out.member("what", step.what);
  out.member("label", step.label);
  out.member("outcome", to_string(step.outcome));
  out.member("detail", step.detail);
  out.EndObject();
  std::cout << out.text() << std::endl;
}

base::Result<void> provision(const hsm::SignerConfig& config, const Call& call) {
  std::ifstream file(call.plan, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) {
    auto failure = base::error(base::Code::invalid_argument, "hsm.plan", call.plan);
    failure.args = {{"why", call.plan + " cannot be read"}};
    return failure;
  }
  BASE_TRY(const auto plan, hsm::plan_from_json(text.str()));
  hsm::ProvisionConfig provisioning;
  provisioning.module = config.token.module;
  provisioning.label = config.token.label;
  provisioning.serial = config.token.serial;
  provisioning.directory = config.token.directory;
  provisioning.inventory = config.token.inventory;
  provisioning.sm2 = config.token.sm2;
  BASE_TRY(provisioning.pin, base::Secret::from_file(config.token.pin_file));
  if (!config.token.so_pin_file.empty()) {
    BASE_TRY(provisioning.so_pin, base::Secret::from_file(config.token.so_pin_file));
  }
  if (!config.token.softhsm_conf.empty())
    ::setenv("SOFTHSM2_CONF", config.token.softhsm_conf.c_str(), 1);  // SoftHSM's own interface
  base::SystemRandom random;
  const auto told = [&](const hsm::ProvisionStep& step) { tell(step, call.json); };
  BASE_TRY_VOID(hsm::set_writable(provisioning.directory, true));
  const auto directory = provisioning.directory;
  auto done = hsm::provision(std::move(provisioning), plan, random, told);
  BASE_TRY_VOID(hsm::set_writable(directory, false));
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "change-token") {  // started by the signer itself
    hsm::harden_process();
    base::SystemRandom random;
    return hsm::change_token(random);
  }
  const auto call = parse(argc, argv);
  if (!call) return usage();
  if (call->deed == "keys-of-config") {
    auto none = base::Settings::from_text("token.label = x\ntoken.pin_file = x\n", "-");
    (void)hsm::read_signer_config(*none);
    std::cout << none->describe();
    return 0;
  }
  auto settings = base::Settings::from_file(call->config);
  if (!settings.ok()) {
    say(settings.error());
    return hsm::kExitMisconfigured;
  }
  const auto config = hsm::read_signer_config(*settings);
  if (!config.ok()) {
    say(config.error());
    return hsm::kExitMisconfigured;
  }
  if (call->deed == "serve") return serve(*config);
  hsm::harden_process();
  const auto done = provision(*config, *call);
  if (done.ok()) return 0;
  say(done.error());
  return 1;
}
