#include "certs/lint.h"

#include <openssl/rsa.h>

#include <algorithm>
#include <array>

#include "certs/lint_rules.h"
#include "certs/oids.h"
#include "certs/openssl.h"

namespace certs {
namespace {

using Uses = Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;

bool is_authority(const Certificate& c) {
  return X509_check_ca(raw(c)) != 0;
}
bool is_root(const Certificate& c) {
  return is_authority(c) && (X509_get_extension_flags(raw(c)) & EXFLAG_SI) != 0;
}

/// Whether the extension is there and critical; nothing when it is not there.
std::optional<bool> critical(const Certificate& c, int nid) {
  const int at = X509_get_ext_by_NID(raw(c), nid, -1);
  if (at < 0) return std::nullopt;
  return X509_EXTENSION_get_critical(X509_get_ext(raw(c), at)) != 0;
}

std::size_t serial_octets(const Certificate& c) {
  return c.serial_hex().size() / 2;
}

bool serial_positive(const Certificate& c) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(raw(c));
  return (ASN1_STRING_type(serial) & V_ASN1_NEG) == 0 && c.serial_hex() != "00";
}

bool signature_algorithm_known(const Certificate& c) {
  const int nid = X509_get_signature_nid(raw(c));
  return nid == NID_ecdsa_with_SHA256 || nid == NID_ecdsa_with_SHA384 ||
         nid == NID_sha256WithRSAEncryption || nid == NID_sha384WithRSAEncryption ||
         nid == NID_sha512WithRSAEncryption || nid == NID_ED25519 || nid == NID_SM2_with_SM3;
}

bool algorithms_equal(const Certificate& c) {
  const X509_ALGOR* outer = nullptr;
  X509_get0_signature(nullptr, &outer, raw(c));
  return X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(raw(c))) == 0;
}

bool time_form(const ASN1_TIME* time) {
  const auto at = to_time(time);
  const bool late = at && *at >= base::Time(std::chrono::sys_days{std::chrono::year{2050} / 1 / 1});
  const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(time)),
                              static_cast<std::size_t>(ASN1_STRING_length(time)));
  return at && text.ends_with('Z') && text.size() == (late ? 15 : 13) &&
         ASN1_STRING_type(time) == (late ? V_ASN1_GENERALIZEDTIME : V_ASN1_UTCTIME);
}

bool time_forms(const Certificate& c) {
  return time_form(X509_get0_notBefore(raw(c))) && time_form(X509_get0_notAfter(raw(c)));
}

bool name_strings(const X509_NAME* name) {
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const ASN1_STRING* data = X509_NAME_ENTRY_get_data(entry);
    const int type = ASN1_STRING_type(data);
    if (type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING) return false;
    const bool country = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) == NID_countryName;
    if (country && (type != V_ASN1_PRINTABLESTRING || ASN1_STRING_length(data) != 2)) return false;
    // RFC 5280 appendix A upper bounds are 64 characters; a character is at most four octets.
    if (ASN1_STRING_length(data) < 1) return false;
    unsigned char* wide = nullptr;
    const int size = ASN1_STRING_to_UTF8(&wide, data);
    if (size < 0) return false;
    const auto characters = std::count_if(
        wide, wide + size, [](unsigned char octet) { return (octet & 0xC0) != 0x80; });
    OPENSSL_free(wide);
    if (characters > 64) return false;
  }
  return true;
}

bool names_ok(const Certificate& c) {
  return name_strings(X509_get_subject_name(raw(c))) && name_strings(X509_get_issuer_name(raw(c)));
}

/// The issuer's always, an authority's own too; an end entity may be named by its SAN.
bool names_present(const Certificate& c) {
  return (!is_authority(c) || X509_NAME_entry_count(X509_get_subject_name(raw(c))) > 0) &&
         X509_NAME_entry_count(X509_get_issuer_name(raw(c))) > 0;
}

bool no_unknown_critical(const Certificate& c) {
  for (int i = 0; i < X509_get_ext_count(raw(c)); ++i) {
    X509_EXTENSION* one = X509_get_ext(raw(c), i);
    if (X509_EXTENSION_get_critical(one) != 0 && X509_supported_extension(one) == 0) return false;
  }
  return true;
}

bool no_unique_ids(const Certificate& c) {
  const ASN1_BIT_STRING* issuer = nullptr;
  const ASN1_BIT_STRING* subject = nullptr;
  X509_get0_uids(raw(c), &issuer, &subject);
  return issuer == nullptr && subject == nullptr;
}

bool key_usage_only(const Certificate& c, std::uint32_t allowed) {
  return (X509_get_key_usage(raw(c)) & ~allowed) == 0;
}

bool path_length_fits(const Certificate& c) {
  const long length = X509_get_pathlen(raw(c));
  return is_root(c) || length == 0;
}

bool uses_present(const Certificate& c) {
  const Uses uses(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(raw(c), NID_ext_key_usage, nullptr, nullptr)));
  return uses && sk_ASN1_OBJECT_num(uses.get()) > 0;
}

bool no_any_use(const Certificate& c) {
  const Uses uses(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(raw(c), NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; i < sk_ASN1_OBJECT_num(uses.get()); ++i)
    if (OBJ_obj2nid(sk_ASN1_OBJECT_value(uses.get(), i)) == NID_anyExtendedKeyUsage) return false;
  return true;
}

bool time_stamping_alone(const Certificate& c) {
  const Uses uses(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(raw(c), NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; i < sk_ASN1_OBJECT_num(uses.get()); ++i)
    if (OBJ_obj2nid(sk_ASN1_OBJECT_value(uses.get(), i)) == NID_time_stamp)
      return sk_ASN1_OBJECT_num(uses.get()) == 1 && critical(c, NID_ext_key_usage) == true;
  return true;
}

bool policy_once(const Certificate& c) {
  const Owned<CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free> policies(
      static_cast<CERTIFICATEPOLICIES*>(
          X509_get_ext_d2i(raw(c), NID_certificate_policies, nullptr, nullptr)));
  return policies && sk_POLICYINFO_num(policies.get()) == 1;
}

bool key_strong(const Certificate& c) {
  EVP_PKEY* key = X509_get0_pubkey(raw(c));
  if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "SM2")) return true;
  if (EVP_PKEY_is_a(key, "EC")) {
    char group[32] = {};
    if (EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1) return false;
    return std::string_view(group) == "prime256v1" || std::string_view(group) == "secp384r1";
  }
  if (!EVP_PKEY_is_a(key, "RSA")) return false;
  const int bits = EVP_PKEY_get_bits(key);
  return bits >= 3072 && bits <= 8192 && bits % 8 == 0;
}

bool rsa_exponent(const Certificate& c) {
  EVP_PKEY* key = X509_get0_pubkey(raw(c));
  if (!EVP_PKEY_is_a(key, "RSA")) return true;
  BIGNUM* exponent = nullptr;
  EVP_PKEY_get_bn_param(key, "e", &exponent);
  const Owned<BIGNUM, BN_free> owned(exponent);
  return owned && BN_is_odd(owned.get()) && BN_num_bits(owned.get()) > 16 &&
         BN_num_bits(owned.get()) <= 64;
}

bool crl_point_form(const Certificate& c) {
  const Owned<CRL_DIST_POINTS, CRL_DIST_POINTS_free> points(static_cast<CRL_DIST_POINTS*>(
      X509_get_ext_d2i(raw(c), NID_crl_distribution_points, nullptr, nullptr)));
  for (int i = 0; i < sk_DIST_POINT_num(points.get()); ++i) {
    const DIST_POINT* point = sk_DIST_POINT_value(points.get(), i);
    if (point->distpoint == nullptr || point->distpoint->type != 0 || point->reasons != nullptr ||
        point->CRLissuer != nullptr)
      return false;
    const GENERAL_NAMES* names = point->distpoint->name.fullname;
    for (int j = 0; j < sk_GENERAL_NAME_num(names); ++j) {
      const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, j);
      if (name->type != GEN_URI) return false;
      const std::string_view url(
          reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier)),
          static_cast<std::size_t>(ASN1_STRING_length(name->d.uniformResourceIdentifier)));
      if (!url.starts_with("http://") || url.size() < 10) return false;
    }
  }
  return true;
}

/// What seals for an agency names it by its credit code: "NTRCN-" and 18 digits or letters.
bool agency_named(const Certificate& c) {
  const Uses uses(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(raw(c), NID_ext_key_usage, nullptr, nullptr)));
  const Owned<ASN1_OBJECT, ASN1_OBJECT_free> seal(OBJ_txt2obj(oid::kSealUse, 1));
  bool seals = false;
  for (int i = 0; i < sk_ASN1_OBJECT_num(uses.get()); ++i)
    seals = seals || OBJ_cmp(sk_ASN1_OBJECT_value(uses.get(), i), seal.get()) == 0;
  if (!seals) return true;
  const X509_NAME* name = X509_get_subject_name(raw(c));
  const Owned<ASN1_OBJECT, ASN1_OBJECT_free> id(OBJ_txt2obj("2.5.4.97", 1));
  const int at = X509_NAME_get_index_by_OBJ(name, id.get(), -1);
  if (at < 0 || c.organization().empty()) return false;
  const ASN1_STRING* data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(data)),
                              static_cast<std::size_t>(ASN1_STRING_length(data)));
  return text.size() == 24 && text.starts_with("NTRCN-") &&
         std::all_of(text.begin() + 6, text.end(),
                     [](char x) { return (x >= '0' && x <= '9') || (x >= 'A' && x <= 'Z'); });
}

bool life_within(const Certificate& c) {
  const auto life = c.not_after() - c.not_before();
  return life <= std::chrono::days(365 * (is_root(c) ? 20 : 11));
}

using S = LintScope;
constexpr std::array kRules{
    LintRule{"version-3", "RFC 5280 4.1.2.1", S::any,
             [](const Certificate& c) { return X509_get_version(raw(c)) == X509_VERSION_3; }},
    LintRule{"serial-positive", "RFC 5280 4.1.2.2", S::any, serial_positive},
    LintRule{"serial-length", "RFC 5280 4.1.2.2", S::any,
             [](const Certificate& c) { return serial_octets(c) <= 20; }},
    LintRule{"serial-entropy", "security.md 2.1", S::any,
             [](const Certificate& c) { return serial_octets(c) >= 16; }},
    LintRule{"signature-algorithm-known", "RFC 5280 4.1.1.2", S::any, signature_algorithm_known},
    LintRule{"signature-algorithms-equal", "RFC 5280 4.1.2.3", S::any, algorithms_equal},
    LintRule{"validity-order", "RFC 5280 4.1.2.5", S::any,
             [](const Certificate& c) { return c.not_before() < c.not_after(); }},
    LintRule{"validity-form", "RFC 5280 4.1.2.5.1", S::any, time_forms},
    LintRule{"validity-length", "security.md 2.1", S::any, life_within},
    LintRule{"names-present", "RFC 5280 4.1.2.4", S::any, names_present},
    LintRule{"names-strings", "RFC 5280 4.1.2.4, A.1", S::any, names_ok},
    LintRule{"no-unique-ids", "RFC 5280 4.1.2.8", S::any, no_unique_ids},
    LintRule{"key-strong", "security.md 2.2", S::any, key_strong},
    LintRule{"rsa-exponent", "FIPS 186-5 5.1", S::any, rsa_exponent},
    LintRule{"no-unknown-critical", "RFC 5280 4.2", S::any, no_unknown_critical},
    LintRule{"subject-key-id", "RFC 5280 4.2.1.2", S::any,
             [](const Certificate& c) { return critical(c, NID_subject_key_identifier) == false; }},
    LintRule{"authority-key-id", "RFC 5280 4.2.1.1", S::below_root,
             [](const Certificate& c) {
               return critical(c, NID_authority_key_identifier) == false &&
                      X509_get0_authority_key_id(raw(c)) != nullptr;
             }},
    LintRule{"key-usage-critical", "RFC 5280 4.2.1.3", S::any,
             [](const Certificate& c) {
               return critical(c, NID_key_usage) == true && X509_get_key_usage(raw(c)) != 0;
             }},
    LintRule{"authority-key-usage", "RFC 5280 4.2.1.3", S::authority,
             [](const Certificate& c) {
               return X509_get_key_usage(raw(c)) == (KU_KEY_CERT_SIGN | KU_CRL_SIGN);
             }},
    LintRule{"leaf-key-usage", "RFC 5280 4.2.1.3", S::leaf,
             [](const Certificate& c) {
               return key_usage_only(c, KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
             }},
    LintRule{"basic-constraints-critical", "RFC 5280 4.2.1.9", S::authority,
             [](const Certificate& c) { return critical(c, NID_basic_constraints) == true; }},
    LintRule{"path-length", "security.md 2.1", S::authority, path_length_fits},
    LintRule{"extended-usage-present", "security.md 2.1", S::leaf, uses_present},
    LintRule{"extended-usage-not-any", "RFC 5280 4.2.1.12", S::any, no_any_use},
    LintRule{"time-stamping-alone", "RFC 3161 2.3", S::leaf, time_stamping_alone},
    LintRule{"policy-once", "security.md 2.2", S::below_root, policy_once},
    LintRule{"crl-point-form", "RFC 5280 4.2.1.13", S::any, crl_point_form},
    LintRule{"alternative-name-critical", "RFC 5280 4.1.2.6, 4.2.1.6", S::leaf,
             rules::alternative_name_fits_subject},
    LintRule{"alternative-name-form", "RFC 5280 4.2.1.6", S::any, rules::alternative_name_forms},
    LintRule{"server-named-by-san", "security.md 2.1", S::leaf,
             rules::server_named_by_alternative_names},
    LintRule{"uses-of-one-profile", "security.md 2.2", S::leaf, rules::uses_of_one_profile},
    LintRule{"life-of-profile", "security.md 2.1", S::leaf, rules::life_of_profile},
    LintRule{"ocsp-nocheck", "RFC 6960 4.2.2.2.1", S::any, rules::nocheck_for_responders_only},
    LintRule{"login-pseudonym", "security.md 2.1", S::leaf, rules::login_has_pseudonym},
    LintRule{"no-identity-number", "security.md 2.1", S::any, rules::no_identity_number},
    LintRule{"key-usage-fits-key", "RFC 8813 3, RFC 4055 1.2", S::any, rules::key_usage_fits_key},
    LintRule{"key-use-within-life", "RFC 3280 4.2.1.4", S::any, rules::key_use_within_life},
    LintRule{"access-form", "RFC 5280 4.2.2.1", S::any, rules::access_form},
    LintRule{"named-curve", "RFC 5480 2.1.1", S::any, rules::named_curve},
    LintRule{"rsa-small-factor", "security.md 2.2", S::any, rules::rsa_without_small_factor},
    LintRule{"rsa-close-factors", "security.md 2.2", S::any, rules::rsa_factors_apart},
    LintRule{"agency-named", "ETSI EN 319 412-1 5.1.4", S::leaf, agency_named},
};

constexpr std::array kCrlRules{
    CrlLintRule{"crl-number-length", "RFC 5280 5.2.3",
                [](const Crl& crl) { return crl.number_hex().size() <= 40; }},
    CrlLintRule{"crl-next-update-year", "security.md 1.1",
                [](const Crl& crl) {
                  return crl.next_update() - crl.this_update() <= std::chrono::days(366);
                }},
    CrlLintRule{"crl-authority-key-id", "RFC 5280 5.2.1",
                [](const Crl& crl) { return crl.has_authority_key_id(); }},
    CrlLintRule{"crl-reasons", "RFC 5280 5.3.1", [](const Crl& crl) { return crl.reasons_ok(); }},
};

bool in_scope(LintScope scope, const Certificate& c) {
  switch (scope) {
    case LintScope::any:
      return true;
    case LintScope::authority:
      return is_authority(c);
    case LintScope::root:
      return is_root(c);
    case LintScope::below_root:
      return !is_root(c);
    case LintScope::leaf:
      return !is_authority(c);
  }
  return true;
}

}  // namespace

std::span<const LintRule> lint_rules() {
  return kRules;
}
std::span<const CrlLintRule> crl_lint_rules() {
  return kCrlRules;
}

std::vector<LintFinding> lint(const Certificate& certificate) {
  std::vector<LintFinding> out;
  for (const auto& rule : kRules)
    if (in_scope(rule.scope, certificate) && !rule.holds(certificate))
      out.push_back({rule.id, rule.clause});
  ERR_clear_error();
  return out;
}

std::vector<LintFinding> lint(const Crl& crl) {
  std::vector<LintFinding> out;
  for (const auto& rule : kCrlRules)
    if (!rule.holds(crl)) out.push_back({rule.id, rule.clause});
  ERR_clear_error();
  return out;
}

std::string to_text(const std::vector<LintFinding>& findings) {
  std::string text;
  for (const auto& finding : findings) {
    if (!text.empty()) text += ", ";
    text.append(finding.id).append(" (").append(finding.clause).append(")");
  }
  return text;
}

}  // namespace certs
