#include "certs/lint_rules.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>

#include <algorithm>
#include <set>
#include <string>

#include "certs/names.h"
#include "certs/oids.h"
#include "certs/openssl.h"
#include "certs/profiles.h"

namespace certs::rules {
namespace {

using OwnedBn = Owned<BIGNUM, BN_free>;
using OwnedContext = Owned<BN_CTX, BN_CTX_free>;
using Names = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

std::string_view text_of(const ASN1_STRING* data) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(data)),
          static_cast<std::size_t>(ASN1_STRING_length(data))};
}

std::string dotted(const ASN1_OBJECT* object) {
  char text[128] = {};
  const int size = OBJ_obj2txt(text, sizeof text, object, 1);
  return size > 0 && size < static_cast<int>(sizeof text) ? std::string(text) : std::string();
}

std::set<std::string> uses_of(const Certificate& c) {
  const Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free> uses(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(raw(c), NID_ext_key_usage, nullptr, nullptr)));
  std::set<std::string> out;
  for (int i = 0; i < sk_ASN1_OBJECT_num(uses.get()); ++i)
    out.insert(dotted(sk_ASN1_OBJECT_value(uses.get(), i)));
  return out;
}

/// The longest-lived profile of an end entity with exactly these uses.
const ProfileRule* profile_of(const std::set<std::string>& uses) {
  const ProfileRule* found = nullptr;
  for (const auto& rule : profile_rules())
    if (!rule.authority && std::set<std::string>(rule.uses.begin(), rule.uses.end()) == uses &&
        (found == nullptr || rule.life > found->life))
      found = &rule;
  return found;
}

Names alternative_names(const Certificate& c) {
  return Names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(raw(c), NID_subject_alt_name, nullptr, nullptr)));
}

bool subject_empty(const Certificate& c) {
  return X509_NAME_entry_count(X509_get_subject_name(raw(c))) == 0;
}

OwnedBn rsa_number(const Certificate& c, const char* name) {
  EVP_PKEY* key = X509_get0_pubkey(raw(c));
  BIGNUM* out = nullptr;
  if (EVP_PKEY_is_a(key, "RSA")) EVP_PKEY_get_bn_param(key, name, &out);
  return OwnedBn(out);
}

}  // namespace

bool alternative_name_fits_subject(const Certificate& c) {
  const int at = X509_get_ext_by_NID(raw(c), NID_subject_alt_name, -1);
  if (at < 0) return !subject_empty(c);
  return (X509_EXTENSION_get_critical(X509_get_ext(raw(c), at)) != 0) == subject_empty(c);
}

bool alternative_name_forms(const Certificate& c) {
  if (X509_get_ext_by_NID(raw(c), NID_subject_alt_name, -1) < 0) return true;
  const auto names = alternative_names(c);
  if (!names || sk_GENERAL_NAME_num(names.get()) < 1) return false;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      if (!is_dns_name(text_of(name->d.dNSName))) return false;
    } else if (name->type == GEN_IPADD) {
      const int size = ASN1_STRING_length(name->d.iPAddress);
      if (size != 4 && size != 16) return false;
    } else {
      return false;
    }
  }
  return true;
}

bool server_named_by_alternative_names(const Certificate& c) {
  const bool server = uses_of(c).count(oid::kServerUse) != 0;
  const bool named = X509_get_ext_by_NID(raw(c), NID_subject_alt_name, -1) >= 0;
  return server ? named && subject_empty(c) : !named;
}

bool uses_of_one_profile(const Certificate& c) {
  return profile_of(uses_of(c)) != nullptr;
}

bool life_of_profile(const Certificate& c) {
  const auto* rule = profile_of(uses_of(c));
  return rule == nullptr || c.not_after() - c.not_before() <= rule->life;
}

bool nocheck_for_responders_only(const Certificate& c) {
  const int at = X509_get_ext_by_NID(raw(c), NID_id_pkix_OCSP_noCheck, -1);
  const bool responder = X509_check_ca(raw(c)) == 0 && uses_of(c).count(oid::kOcspUse) != 0;
  if (at < 0) return !responder;
  X509_EXTENSION* one = X509_get_ext(raw(c), at);
  const auto value = text_of(X509_EXTENSION_get_data(one));
  return responder && X509_EXTENSION_get_critical(one) == 0 && value == std::string_view("\5\0", 2);
}

bool login_has_pseudonym(const Certificate& c) {
  if (uses_of(c) != std::set<std::string>{oid::kClientUse}) return true;
  const X509_NAME* name = X509_get_subject_name(raw(c));
  const int at = X509_NAME_get_index_by_NID(name, NID_serialNumber, -1);
  return at >= 0 && X509_NAME_get_index_by_NID(name, NID_serialNumber, at) < 0 &&
         is_pseudonym(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))));
}

bool no_identity_number(const Certificate& c) {
  const X509_NAME* name = X509_get_subject_name(raw(c));
  const Owned<ASN1_OBJECT, ASN1_OBJECT_free> unit(OBJ_txt2obj("2.5.4.97", 1));
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    // A unit's credit code is public, and may look like one by chance.
    if (OBJ_cmp(X509_NAME_ENTRY_get_object(entry), unit.get()) == 0) continue;
    if (holds_identity_number(text_of(X509_NAME_ENTRY_get_data(entry)))) return false;
  }
  return true;
}

bool key_usage_fits_key(const Certificate& c) {
  EVP_PKEY* key = X509_get0_pubkey(raw(c));
  const std::uint32_t usage = X509_get_key_usage(raw(c));
  const std::uint32_t encipher = KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT;
  if (EVP_PKEY_is_a(key, "RSA")) return (usage & KU_KEY_AGREEMENT) == 0;  // RFC 4055 §1.2
  if (EVP_PKEY_is_a(key, "EC")) return (usage & encipher) == 0;           // RFC 8813 §3
  return (usage & (encipher | KU_KEY_AGREEMENT)) == 0;                    // RFC 8410 §5
}

bool key_use_within_life(const Certificate& c) {
  const Owned<PKEY_USAGE_PERIOD, PKEY_USAGE_PERIOD_free> period(static_cast<PKEY_USAGE_PERIOD*>(
      X509_get_ext_d2i(raw(c), NID_private_key_usage_period, nullptr, nullptr)));
  if (!period) return X509_get_ext_by_NID(raw(c), NID_private_key_usage_period, -1) < 0;
  const auto from = to_time(period->notBefore);
  const auto to = to_time(period->notAfter);
  return from && to && c.not_before() <= *from && *from < *to && *to <= c.not_after();
}

bool access_form(const Certificate& c) {
  const int at = X509_get_ext_by_NID(raw(c), NID_info_access, -1);
  if (at < 0) return true;
  if (X509_EXTENSION_get_critical(X509_get_ext(raw(c), at)) != 0) return false;
  const Owned<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free> access(
      static_cast<AUTHORITY_INFO_ACCESS*>(
          X509_get_ext_d2i(raw(c), NID_info_access, nullptr, nullptr)));
  if (!access || sk_ACCESS_DESCRIPTION_num(access.get()) < 1) return false;
  for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
    const ACCESS_DESCRIPTION* one = sk_ACCESS_DESCRIPTION_value(access.get(), i);
    const int method = OBJ_obj2nid(one->method);
    if ((method != NID_ad_OCSP && method != NID_ad_ca_issuers) || one->location->type != GEN_URI)
      return false;
    const auto url = text_of(one->location->d.uniformResourceIdentifier);
    if (!url.starts_with("http://") || url.size() < 10) return false;
  }
  return true;
}

bool named_curve(const Certificate& c) {
  X509_ALGOR* algorithm = nullptr;
  X509_PUBKEY_get0_param(nullptr, nullptr, nullptr, &algorithm, X509_get_X509_PUBKEY(raw(c)));
  const ASN1_OBJECT* id = nullptr;
  int type = V_ASN1_UNDEF;
  X509_ALGOR_get0(&id, &type, nullptr, algorithm);
  return OBJ_obj2nid(id) != NID_X9_62_id_ecPublicKey || type == V_ASN1_OBJECT;
}

bool rsa_without_small_factor(const Certificate& c) {
  const auto modulus = rsa_number(c, OSSL_PKEY_PARAM_RSA_N);
  if (!modulus) return true;
  for (BN_ULONG divisor = 3; divisor < 752; divisor += 2)
    if (BN_mod_word(modulus.get(), divisor) == 0) return false;
  return BN_is_odd(modulus.get()) != 0;
}

bool rsa_factors_apart(const Certificate& c) {
  const auto modulus = rsa_number(c, OSSL_PKEY_PARAM_RSA_N);
  if (!modulus) return true;
  // Fermat: n = a² - b² with a just above √n when the factors are close. A hundred steps, as
  // others' lints take. Newton's method gives ⌊√n⌋.
  const OwnedContext context(BN_CTX_new());
  const OwnedBn root(BN_new()), next(BN_new()), square(BN_new()), rest(BN_new()), test(BN_new());
  const auto floor_root = [&](BIGNUM* out, const BIGNUM* of) {
    BN_one(out);
    BN_lshift(out, out, (BN_num_bits(of) + 2) / 2);
    while (true) {
      BN_div(next.get(), nullptr, of, out, context.get());
      BN_add(next.get(), next.get(), out);
      BN_rshift1(next.get(), next.get());
      if (BN_cmp(next.get(), out) >= 0) return;
      BN_copy(out, next.get());
    }
  };
  floor_root(root.get(), modulus.get());
  for (int step = 0; step < 100; ++step) {
    BN_add_word(root.get(), 1);
    BN_sqr(square.get(), root.get(), context.get());
    BN_sub(rest.get(), square.get(), modulus.get());
    if (BN_is_negative(rest.get()) || BN_is_zero(rest.get())) continue;
    floor_root(test.get(), rest.get());
    BN_sqr(square.get(), test.get(), context.get());
    if (BN_cmp(square.get(), rest.get()) == 0) return false;
  }
  return true;
}

}  // namespace certs::rules
