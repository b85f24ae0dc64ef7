// What each kind of certificate that we issue carries: a table, security.md §2.1.
// The template alone decides; nothing of a request but the public key gets in.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "certs/authority.h"
#include "certs/key_usage.h"

namespace certs {

/// What a subject must say of itself.
enum class Naming : std::uint8_t {
  plain,      ///< a common name
  agency,     ///< and the agency's name and credit code
  pseudonym,  ///< and a serial number that tells nothing about the person
  server,     ///< nothing: the names stand in the SAN
};

struct ProfileRule {
  Profile profile;
  std::string_view name;
  bool authority;                  ///< may issue certificates and revocation lists
  std::optional<int> path_length;  ///< authorities below it
  std::uint8_t key_usage;          ///< first octet of the BIT STRING, RFC 5280 §4.2.1.3
  std::vector<const char*> uses;   ///< extended key usages; none: the extension is absent
  bool uses_critical;
  std::chrono::days life;
  std::optional<std::chrono::days>
      key_life;        ///< the key signs no longer than this; judged till `life`
  const char* policy;  ///< certificate policy; nullptr for roots
  Naming naming;
  bool listed;  ///< in the trust list: what its key signs is judged by others
};

const ProfileRule& rule_of(Profile profile);
std::span<const ProfileRule> profile_rules();
std::optional<Profile> profile_from(std::string_view name);  ///< "seal", "root_ca", …
/// The profile that a certificate of ours was made by; nothing when it fits none.
std::optional<Profile> profile_of(const Certificate& certificate);
std::string_view to_string(Profile profile);
/// An issuer that names uses may allow those alone (RFC 5280 §4.2.1.12 as all verifiers nest it).
bool may_allow(const Certificate& issuer, const ProfileRule& rule);

}  // namespace certs
