// The plan of a key ceremony: who takes part, which keys must be there, which certificates come of
// it. Written and read aloud before anyone touches the token. certs/demo_ceremony.json is an
// example.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "certs/authority.h"
#include "hsm/key.h"
#include "hsm/officers/people.h"
#include "hsm/officers/request.h"

namespace cli {

struct PlannedRole {
  std::string id;  ///< of the person, as on the card
  std::string person, title;
  hsm::officers::Role role = hsm::officers::Role::officer;
};

struct PlannedKey {
  std::string label;
  hsm::Algorithm algorithm = hsm::Algorithm::ecdsa_p256;
  hsm::Purpose purpose = hsm::Purpose::seal;
};

struct PlannedCertificate {
  certs::Profile profile = certs::Profile::seal;
  std::string key;     ///< label
  std::string issuer;  ///< label of the issuer's key; empty for the root
  std::string file;    ///< in the PKI directory
  std::string common_name;
};

struct CeremonyPlan {
  std::string title;
  bool demonstration = false;
  std::string token;  ///< its label
  std::vector<PlannedRole> roles;
  std::optional<hsm::officers::Policy> policy;  ///< none: the usual one
  std::vector<PlannedKey> keys;
  /// What the policy wants proven before a key is used: made, drilled and recorded in the run.
  std::optional<hsm::officers::Backup> backup;
  std::vector<PlannedCertificate> certificates;  ///< root, issuing authority, end entities
  std::chrono::hours list_life{24 * 7};
  base::Digest sha256{};  ///< of the file: read aloud, and in the minutes

  /// `agency` stands for {agency} in common names.
  /// Errors: invalid_argument `cli.bad_plan` with what is wrong.
  static base::Result<CeremonyPlan> parse(std::string_view json, std::string_view agency);
};

}  // namespace cli
