#include "hsm/signer_config.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <charconv>
#include <optional>

namespace hsm {
namespace {

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto end = list.find(',');
    auto one = list.substr(0, end);
    list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (!one.empty()) out.emplace_back(one);
  }
  return out;
}

std::optional<uid_t> uid_of(const std::string& text) {
  uid_t uid = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), uid);
  if (failure == std::errc{} && end == text.data() + text.size()) return uid;
  const auto* user = ::getpwnam(text.c_str());  // before any thread starts
  return user != nullptr ? std::optional(user->pw_uid) : std::nullopt;
}

std::set<uid_t> uids(base::Settings& settings, std::string_view key, std::string_view help) {
  std::set<uid_t> out;
  for (const auto& one : split(settings.text(key, "", help))) {
    if (const auto uid = uid_of(one))
      out.insert(*uid);
    else
      settings.refuse(key, "names an unknown user: " + one);
  }
  if (out.empty()) out.insert(::geteuid());
  return out;
}

Door service_door(base::Settings& settings, bool production) {
  Door door;
  door.name = "service";
  door.socket = settings.path("socket.service", "signer.sock", "Unix socket for the service");
  door.uids =
      uids(settings, "socket.service_uids",
           "users (names or numbers, with commas) that may use it; empty: the signer's own");
  for (const auto& word : split(settings.text("socket.service_purposes",
                                              "seal,timestamp,ocsp,openid,document_code,audit,log,"
                                              "data_wrapping",
                                              "what the service may have keys used for"))) {
    const auto purpose = purpose_from(word);
    if (!purpose)
      settings.refuse("socket.service_purposes", "names an unknown purpose: " + word);
    else if (*purpose == Purpose::key_wrapping)  // the signer's own affair, through no door
      settings.refuse("socket.service_purposes", "may not hold key_wrapping");
    else if (production && (*purpose == Purpose::root_ca || *purpose == Purpose::issuing_ca ||
                            *purpose == Purpose::seal_maker))
      settings.refuse("socket.service_purposes",
                      "may not hold " + word + " when profile = production");
    else
      door.purposes.insert(*purpose);
  }
  return door;
}

/// Numbers of mechanisms as their makers write them: 0x10002.
unsigned long number(base::Settings& settings, std::string_view key, std::string_view help) {
  const auto text = settings.text(key, "", help);
  const bool hex = text.starts_with("0x");
  unsigned long value = 0;
  const auto* end = text.data() + text.size();
  const auto [at, failure] =
      std::from_chars(text.data() + (hex ? 2 : 0), end, value, hex ? 16 : 10);
  if (!text.empty() && (failure != std::errc{} || at != end))
    settings.refuse(key, "must be a number, decimal or with 0x");
  return value;
}

Sm2Native sm2_of(base::Settings& settings) {
  Sm2Native sm2;
  const auto how = settings.text("token.sm2", "wrapped",
                                 "SM2 keys: wrapped by a key of the token, or native: in a token "
                                 "that speaks SM2, with its maker's numbers below");
  if (how != "wrapped" && how != "native")
    settings.refuse("token.sm2", "must be wrapped or native");
  sm2.native = how == "native";
  sm2.key_type = number(settings, "token.sm2_key_type", "the module's CKA_KEY_TYPE of SM2 keys");
  sm2.generate_mechanism =
      number(settings, "token.sm2_generate_mechanism", "its mechanism that makes SM2 key pairs");
  sm2.sign_mechanism = number(settings, "token.sm2_sign_mechanism",
                              "its mechanism that signs e = SM3(Z ‖ M), 32 bytes");
  const auto form = settings.text("token.sm2_signature", "raw",
                                  "form of its signatures: raw (r‖s) or der (SEQUENCE)");
  if (form != "raw" && form != "der") settings.refuse("token.sm2_signature", "must be raw or der");
  sm2.der = form == "der";
  if (sm2.native && (sm2.generate_mechanism == 0 || sm2.sign_mechanism == 0))
    settings.refuse("token.sm2",
                    "= native needs the module's numbers: token.sm2_key_type, "
                    "token.sm2_generate_mechanism, token.sm2_sign_mechanism");
  return sm2;
}

std::optional<Door> officer_door(base::Settings& settings, bool governed) {
  Door door;
  door.name = "officer";
  door.socket =
      settings.path("socket.officer", "",
                    "Unix socket for officers' requests and approvals; without a founding "
                    "file it hands authorities' keys to whoever may use it; empty: none");
  door.uids =
      uids(settings, "socket.officer_uids", "users that may use it; empty: the signer's own");
  if (door.socket.empty()) return std::nullopt;
  if (governed) return door;  // its requests are judged one by one, by the officers' votes
  door.purposes = {Purpose::root_ca,    Purpose::issuing_ca,    Purpose::seal,
                   Purpose::seal_maker, Purpose::timestamp,     Purpose::ocsp,
                   Purpose::openid,     Purpose::document_code, Purpose::audit,
                   Purpose::log,        Purpose::data_wrapping};
  return door;
}

}  // namespace

base::Result<SignerConfig> read_signer_config(base::Settings& settings) {
  using Ms = std::chrono::milliseconds;
  SignerConfig config;
  const auto profile = settings.text("profile", "demonstration", "demonstration or production");
  if (profile != "demonstration" && profile != "production")
    settings.refuse("profile", "must be demonstration or production");
  config.production = profile == "production";
  auto& token = config.token;
  token.module = settings.path("token.module", "/usr/lib/softhsm/libsofthsm2.so", "PKCS#11 module");
  token.label = settings.required("token.label", "label of the token");
  if (token.label.size() > 32) settings.refuse("token.label", "has more than 32 bytes");
  token.serial = settings.text("token.serial", "", "serial number of the token; empty: any");
  token.pin_file = settings.path("token.pin_file", "", "file with the user PIN");
  if (token.pin_file.empty())
    settings.refuse("token.pin_file", "is required: file with the user PIN");
  token.so_pin_file = settings.path("token.so_pin_file", "",
                                    "file with the security officer's PIN; read by provision only");
  token.softhsm_conf = settings.path("token.softhsm_conf", "",
                                     "SoftHSM's configuration, handed to it as SOFTHSM2_CONF");
  token.directory = settings.path(
      "token.directory", "", "where a software token lies; must not be writable while serving");
  token.inventory = settings.path("token.inventory", "inventory.json", "the key inventory");
  token.writable_ok =
      settings.boolean("token.writable_ok", false,
                       "serve though the token directory is writable; demonstration only");
  if (config.production && token.writable_ok)
    settings.refuse("token.writable_ok",
                    "is for demonstrations only; profile = production refuses it");
  token.sm2 = sm2_of(settings);
  config.doors.push_back(service_door(settings, config.production));
  config.officers.genesis = settings.path(
      "officers.genesis", "",
      "the founding file: officers, policy, everybody's signature; empty: nobody's approval is "
      "asked for, demonstration only");
  config.officers.ledger = settings.path("officers.ledger", "officers-ledger.jsonl",
                                         "what officers asked for, approved and had done");
  config.officers.backups =
      settings.path("officers.backups", "backups", "directory that backups of the token go to");
  const bool governed = !config.officers.genesis.empty();
  if (config.production && !governed)
    settings.refuse("officers.genesis", "is required when profile = production");
  if (auto officer = officer_door(settings, governed)) config.doors.push_back(*officer);
  config.sessions = static_cast<int>(
      settings.integer("sessions", 4, 1, 64, "sessions with the token, a thread each"));
  config.oplog.file = settings.path("oplog.file", "signer-operations.log", "the operation log");
  config.oplog.sync =
      settings.boolean("oplog.fsync", true, "keep each line on the disk before its result leaves");
  if (config.production && !config.oplog.sync)
    settings.refuse("oplog.fsync", "must be true when profile = production");
  config.deadline =
      Ms(settings.integer("deadline_ms", 2000, 10, 60'000, "the longest a request may wait"));
  config.watchdog = Ms(settings.integer("watchdog_ms", 5000, 100, 600'000,
                                        "a call that stays longer in the module ends the worker"));
  config.recheck = Ms(settings.integer("token.recheck_ms", 5000, 100, 3'600'000,
                                       "how often the token is compared with the inventory"));
  config.longest_change =
      Ms(settings.integer("token.change_ms", 600'000, 100, 3'600'000,
                          "the longest that making or destroying keys may take"));
  config.most_connections =
      static_cast<int>(settings.integer("most_connections", 256, 1, 10'000, "open connections"));
  config.most_in_flight = static_cast<int>(
      settings.integer("most_in_flight", 256, 1, 10'000, "unanswered requests of one connection"));
  config.fail_point =
      settings.text("testing.fail_point", "", "kills the signer at a named place; for tests");
  if (config.production && !config.fail_point.empty())
    settings.refuse("testing.fail_point", "is for tests; profile = production refuses it");
  BASE_TRY_VOID(settings.finish());
  return config;
}

base::Result<void> check_token_directory(const SignerConfig& config) {
  const auto& directory = config.token.directory;
  const auto refuse = [&](const std::filesystem::path& path, const std::string& why) {
    auto failure =
        base::error(base::Code::unavailable, "hsm.token_directory", path.string() + ": " + why);
    failure.args = {{"path", path.string()}, {"why", why}};
    return failure;
  };
  if (directory.empty() || config.token.writable_ok) return {};
  const auto writable = [](const std::filesystem::path& path) {
    return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
  };
  const std::string why =
      std::string(::geteuid() == 0 ? "root can write it; run the signer as a user of its own"
                                   : "this process can write it; take the write permission away") +
      " (a software token is rewritten at every login, and a crash then tears it), or set "
      "token.writable_ok = true for a demonstration";
  std::error_code failed;
  if (!std::filesystem::is_directory(directory, failed))
    return refuse(directory, "is not a directory");
  if (writable(directory)) return refuse(directory, why);
  for (std::filesystem::recursive_directory_iterator it(directory, failed), end;
       !failed && it != end; it.increment(failed))
    if (writable(it->path())) return refuse(it->path(), why);
  if (failed) return refuse(directory, failed.message());
  return {};
}

}  // namespace hsm
