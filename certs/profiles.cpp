#include "certs/profiles.h"

#include <array>

#include "base/check.h"
#include "certs/oids.h"

namespace certs {
namespace {

using std::chrono::days;

constexpr days kYear{365};
constexpr std::uint8_t kAuthorityUsage = kKeyCertSign | kCrlSign;
constexpr std::uint8_t kSignUsage = kDigitalSignature | kNonRepudiation;

// Why seals also carry e-mail protection: readers built on NSS (pdfsig among them) judge a PDF's
// signer by that purpose, and refuse a certificate whose usages leave it out.
// docs/decisions/0011-certificate-profiles.md
// clang-format off
const std::array<ProfileRule, 6> kRules{{
    {Profile::root_ca, "root_ca", true, 1, kAuthorityUsage, {}, false,
     kYear * 20, {}, nullptr, false},
    {Profile::issuing_ca, "issuing_ca", true, 0, kAuthorityUsage,
     {oid::kSealUse, oid::kDocumentSigningUse, oid::kEmailUse, oid::kTimestampUse, oid::kOpenidUse,
      oid::kDocumentCodeUse}, false,
     kYear * 10, {}, oid::kPolicy, false},
    {Profile::seal, "seal", false, {}, kSignUsage,
     {oid::kSealUse, oid::kDocumentSigningUse, oid::kEmailUse}, false,
     kYear * 3, kYear * 2, oid::kPolicy, true},
    {Profile::timestamp, "timestamp", false, {}, kSignUsage, {oid::kTimestampUse}, true,
     kYear * 11, kYear, oid::kPolicy, false},
    {Profile::openid, "openid", false, {}, kDigitalSignature, {oid::kOpenidUse}, false,
     days{90}, {}, oid::kPolicy, false},
    {Profile::document_code, "document_code", false, {}, kDigitalSignature, {oid::kDocumentCodeUse}, false,
     kYear * 3, kYear, oid::kPolicy, true},
}};
// clang-format on

}  // namespace

std::span<const ProfileRule> profile_rules() {
  return kRules;
}

const ProfileRule& rule_of(Profile profile) {
  for (const auto& rule : kRules)
    if (rule.profile == profile) return rule;
  base::fail("a profile without a row");
}

std::optional<Profile> profile_from(std::string_view name) {
  for (const auto& rule : kRules)
    if (rule.name == name) return rule.profile;
  return std::nullopt;
}

std::string_view to_string(Profile profile) {
  return rule_of(profile).name;
}

}  // namespace certs
