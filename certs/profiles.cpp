#include "certs/profiles.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "certs/oids.h"
#include "certs/openssl.h"

namespace certs {
namespace {

using std::chrono::days;

constexpr days kYear{365};
constexpr std::uint8_t kAuthorityUsage = kKeyCertSign | kCrlSign;
constexpr std::uint8_t kSignUsage = kDigitalSignature | kNonRepudiation;

// Why seals also carry e-mail protection: readers built on NSS (pdfsig among them) judge a PDF's
// signer by that purpose, and refuse a certificate whose usages leave it out.
// docs/decisions/0011-certificate-profiles.md
// A seal object lives up to three years past the last one its maker's key signed, hence six.
// clang-format off
const std::array<ProfileRule, 14> kRules{{
    {Profile::root_ca, "root_ca", true, 1, kAuthorityUsage, {}, false,
     kYear * 20, {}, nullptr, Naming::plain, false},
    {Profile::issuing_ca, "issuing_ca", true, 0, kAuthorityUsage,
     {oid::kSealUse, oid::kDocumentSigningUse, oid::kEmailUse, oid::kTimestampUse, oid::kOpenidUse,
      oid::kDocumentCodeUse, oid::kSealMakerUse, oid::kOcspUse, oid::kOfficerUse, oid::kClientUse,
      oid::kServerUse, oid::kAuditUse, oid::kLogUse}, false,
     kYear * 10, {}, oid::kPolicy, Naming::plain, false},
    {Profile::seal, "seal", false, {}, kSignUsage,
     {oid::kSealUse, oid::kDocumentSigningUse, oid::kEmailUse}, false,
     kYear * 3, kYear * 2, oid::kPolicy, Naming::agency, true},
    {Profile::timestamp, "timestamp", false, {}, kSignUsage, {oid::kTimestampUse}, true,
     kYear * 11, kYear, oid::kPolicy, Naming::plain, true},
    {Profile::openid, "openid", false, {}, kDigitalSignature, {oid::kOpenidUse}, false,
     days{90}, {}, oid::kPolicy, Naming::plain, true},
    {Profile::document_code, "document_code", false, {}, kDigitalSignature, {oid::kDocumentCodeUse}, false,
     kYear * 3, kYear, oid::kPolicy, Naming::agency, true},
    {Profile::seal_maker, "seal_maker", false, {}, kSignUsage, {oid::kSealMakerUse}, false,
     kYear * 6, kYear * 2, oid::kPolicy, Naming::agency, true},
    {Profile::ocsp, "ocsp", false, {}, kDigitalSignature, {oid::kOcspUse}, false,
     days{90}, {}, oid::kPolicy, Naming::plain, false},
    {Profile::officer, "officer", false, {}, kSignUsage, {oid::kOfficerUse, oid::kClientUse}, false,
     kYear * 2, kYear, oid::kPolicy, Naming::plain, false},
    {Profile::person_login, "person_login", false, {}, kDigitalSignature, {oid::kClientUse}, false,
     kYear * 2, {}, oid::kPolicy, Naming::pseudonym, false},
    {Profile::unit_login, "unit_login", false, {}, kDigitalSignature, {oid::kClientUse}, false,
     kYear * 2, {}, oid::kPolicy, Naming::pseudonym, false},
    {Profile::tls_server, "tls_server", false, {}, kDigitalSignature, {oid::kServerUse}, false,
     days{90}, {}, oid::kPolicy, Naming::server, false},
    {Profile::audit, "audit", false, {}, kSignUsage, {oid::kAuditUse}, false,
     kYear * 11, kYear * 2, oid::kPolicy, Naming::plain, true},
    {Profile::log, "log", false, {}, kSignUsage, {oid::kLogUse}, false,
     kYear * 11, kYear * 2, oid::kPolicy, Naming::plain, true},
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

bool may_allow(const Certificate& issuer, const ProfileRule& rule) {
  const Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free> uses(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(raw(issuer), NID_ext_key_usage, nullptr, nullptr)));
  ERR_clear_error();
  if (!uses) return true;
  return std::all_of(rule.uses.begin(), rule.uses.end(), [&](const char* wanted) {
    const Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(wanted, 1));
    for (int i = 0; i < sk_ASN1_OBJECT_num(uses.get()); ++i)
      if (OBJ_cmp(sk_ASN1_OBJECT_value(uses.get(), i), object.get()) == 0) return true;
    return false;
  });
}

std::optional<Profile> profile_of(const Certificate& certificate) {
  const Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free> uses(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(raw(certificate), NID_ext_key_usage, nullptr, nullptr)));
  ERR_clear_error();
  const auto count = static_cast<std::size_t>(uses ? sk_ASN1_OBJECT_num(uses.get()) : 0);
  const bool authority = X509_check_ca(raw(certificate)) == 1;
  const bool own = certificate.subject() == certificate.issuer();
  const bool pseudonym = X509_NAME_get_index_by_NID(X509_get_subject_name(raw(certificate)),
                                                    NID_organizationName, -1) < 0;
  for (const auto& rule : kRules) {
    if (rule.authority != authority || rule.uses.size() != count) continue;
    if (rule.authority && (rule.profile == Profile::root_ca) != own) continue;
    // Both log in as clients; a unit names itself.
    if (rule.profile == Profile::person_login && !pseudonym) continue;
    if (rule.profile == Profile::unit_login && pseudonym) continue;
    if (count == 0 || may_allow(certificate, rule)) return rule.profile;
  }
  return std::nullopt;
}

std::string_view to_string(Profile profile) {
  return rule_of(profile).name;
}

}  // namespace certs
