// What xinyin-signer is told by its configuration file, read and judged once at the start.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/settings.h"
#include "hsm/key.h"
#include "hsm/sm2_native.h"

namespace hsm {

inline constexpr std::string_view kOfficersDoor = "officer";

/// A socket, who may use it, and for what.
struct Door {
  std::string name;  ///< "service", "officer"
  std::filesystem::path socket;
  std::set<uid_t> uids;
  std::set<Purpose> purposes;
};

struct SignerConfig {
  bool production = false;
  struct {
    std::filesystem::path module, pin_file, so_pin_file, softhsm_conf, directory, inventory;
    std::string label, serial;
    bool writable_ok = false;
    Sm2Native sm2;
  } token;
  std::vector<Door> doors;
  int sessions = 4;
  struct {
    std::filesystem::path file;
    bool sync = true;
  } oplog;
  struct {
    std::filesystem::path genesis;  ///< the founding file; empty: nobody governs the keys
    std::filesystem::path ledger, backups;
  } officers;
  std::chrono::milliseconds deadline{2000};  ///< the longest a request may wait
  std::chrono::milliseconds watchdog{5000};  ///< the longest a call may stay in the module
  std::chrono::milliseconds recheck{5000};
  std::chrono::milliseconds longest_change{600'000};  ///< of the token, after officers approved
  std::string fail_point;                             ///< where to die, for tests
  int most_connections = 256;
  int most_in_flight = 256;  ///< requests of one connection
};

/// Errors: invalid_argument `config.invalid` naming every wrong key.
base::Result<SignerConfig> read_signer_config(base::Settings& settings);

/// What must hold before the token is served; looks at files and permissions only.
/// Errors: unavailable `hsm.token_directory`: this process could write there (security.md §0.1).
base::Result<void> check_token_directory(const SignerConfig& config);

}  // namespace hsm
