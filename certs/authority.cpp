#include "certs/authority.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "certs/crl.h"
#include "certs/lint.h"
#include "certs/names.h"
#include "certs/openssl.h"
#include "certs/path.h"
#include "certs/profiles.h"
#include "certs/signature.h"
#include "certs/tbs.h"
#include "certs/trust_list_text.h"
#include "hsm/algorithm.h"

namespace certs {
namespace {

using base::Bytes;
using base::BytesView;
using base::Code;

bool good_text(std::string_view text, bool may_be_empty) {
  if (text.empty()) return may_be_empty;
  return base::length_code_points(text) >= 1 && base::length_code_points(text) <= 64 &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

/// A server is named by its addresses alone.
bool good_server(const Subject& subject) {
  return subject.common_name.empty() && subject.organization.empty() &&
         subject.organization_id.empty() && subject.serial_number.empty() &&
         !(subject.dns_names.empty() && subject.ip_addresses.empty()) &&
         std::all_of(subject.dns_names.begin(), subject.dns_names.end(),
                     [](const auto& name) { return is_dns_name(name); }) &&
         std::all_of(subject.ip_addresses.begin(), subject.ip_addresses.end(),
                     [](const auto& text) { return ip_octets(text).has_value(); });
}

bool good_subject(const Subject& subject, const ProfileRule& rule) {
  if (rule.naming == Naming::server) return good_server(subject);
  if (!subject.dns_names.empty() || !subject.ip_addresses.empty()) return false;
  if (rule.naming == Naming::pseudonym && !is_pseudonym(subject.serial_number)) return false;
  if (!subject.serial_number.empty() && !is_pseudonym(subject.serial_number)) return false;
  if (holds_identity_number(subject.common_name) || holds_identity_number(subject.serial_number))
    return false;
  const auto upper_or_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
  };
  const auto& id = subject.organization_id;
  if (rule.naming == Naming::agency && (id.empty() || subject.organization.empty())) return false;
  return good_text(subject.common_name, false) && good_text(subject.organization, true) &&
         (id.empty() || (id.size() == 18 && std::all_of(id.begin(), id.end(), upper_or_digit))) &&
         subject.country.size() == 2 &&
         std::all_of(subject.country.begin(), subject.country.end(),
                     [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool good_public_key(BytesView spki) {
  const unsigned char* at = spki.data();
  const OwnedKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  const bool good = key && at == spki.data() + spki.size();
  ERR_clear_error();
  return good;
}

/// Something of the right shape where the signature will be: the lint copy is signed by nobody.
Bytes blank_signature(hsm::Algorithm algorithm) {
  return Bytes(hsm::facts_of(algorithm).signature_size, 1);
}

base::Result<void> linted(const Certificate& certificate) {
  const auto findings = lint(certificate);
  if (findings.empty()) return {};
  return base::error(Code::internal, "certs.lint", to_text(findings));
}

base::Time to_seconds(base::Time at) {
  return std::chrono::floor<std::chrono::seconds>(at);
}

}  // namespace

Authority::Authority(std::shared_ptr<const hsm::Key> key, std::optional<Certificate> issuer,
                     const base::Clock& clock, base::Random& random, std::string crl_url,
                     std::string ocsp_url)
    : key_(std::move(key)),
      issuer_(std::move(issuer)),
      crl_url_(std::move(crl_url)),
      ocsp_url_(std::move(ocsp_url)),
      clock_(clock),
      random_(random) {}

base::Result<Bytes> Authority::sign(BytesView tbs) const {
  BASE_TRY(auto signature, key_->sign_message(tbs));
  if (!verify_message(key_->info().public_key, tbs, signature))
    return base::error(Code::internal, "certs.wrong_signature", key_->info().label);
  return signature;
}

base::Result<Certificate> Authority::issue(Profile profile, const Subject& subject,
                                           BytesView public_key) {
  BASE_TRY(const auto prepared, prepare(profile, subject, public_key));
  BASE_TRY(const auto signature, sign(prepared.tbs));
  return finish(prepared.tbs, signature);
}

base::Result<Authority::Prepared> Authority::prepare(Profile profile, const Subject& subject,
                                                     BytesView public_key) {
  const auto& rule = rule_of(profile);
  if (!good_subject(subject, rule))
    return base::error(Code::invalid_argument, "certs.bad_subject", std::string(rule.name));
  if (!good_public_key(public_key))
    return base::error(Code::invalid_argument, "certs.bad_public_key");
  const bool self = profile == Profile::root_ca;
  const BytesView own_key = key_->info().public_key;
  if (self != !issuer_ || (self && !std::ranges::equal(own_key, public_key)) ||
      (issuer_ && !std::ranges::equal(own_key, issuer_->public_key())))
    return base::error(Code::invalid_argument, "certs.wrong_issuer", "key and certificate");
  // A root issues authorities, what has path length 0 issues end entities.
  if (issuer_ && rule.authority != (X509_get_pathlen(raw(*issuer_)) != 0))
    return base::error(Code::invalid_argument, "certs.wrong_issuer", std::string(rule.name));
  if (issuer_ && !may_allow(*issuer_, rule))
    return base::error(Code::invalid_argument, "certs.wrong_issuer",
                       std::string(rule.name) + ": a use that the issuer has not");

  TbsInput in;
  in.profile = profile;
  in.algorithm = key_->info().algorithm;
  in.subject = subject;
  in.public_key = base::to_bytes(public_key);
  in.crl_url = self ? std::string() : crl_url_;
  // A responder is not asked about itself: RFC 6960 §4.2.2.2.1.
  if (!rule.authority && profile != Profile::ocsp) in.ocsp_url = ocsp_url_;
  in.serial = random_.bytes(16);
  in.serial[0] = static_cast<std::uint8_t>((in.serial[0] & 0x3F) | 0x40);  // positive, 16 octets
  in.not_before = to_seconds(clock_.now());
  in.not_after = in.not_before + rule.life - std::chrono::seconds(1);
  if (issuer_) {
    if (in.not_before >= issuer_->not_after())
      return base::error(Code::expired, "certs.issuer_expired", issuer_->subject());
    in.not_after = std::min(in.not_after, issuer_->not_after());
    const X509_NAME* name = X509_get_subject_name(raw(*issuer_));
    in.issuer = encode([&](unsigned char** out) { return i2d_X509_NAME(name, out); });
    const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(raw(*issuer_));
    in.issuer_key_id = base::to_bytes(
        BytesView(ASN1_STRING_get0_data(id), static_cast<std::size_t>(ASN1_STRING_length(id))));
  }
  Bytes tbs = tbs_certificate(in).encode();
  BASE_TRY(auto draft,
           Certificate::from_der(assemble(tbs, in.algorithm, blank_signature(in.algorithm))));
  BASE_TRY_VOID(linted(draft));
  return Prepared{std::move(tbs), std::move(draft)};
}

base::Result<Certificate> Authority::finish(BytesView tbs, BytesView signature) const {
  BASE_TRY(auto certificate,
           Certificate::from_der(assemble(tbs, key_->info().algorithm, signature)));
  BASE_TRY_VOID(linted(certificate));
  if (!issued_by(certificate, issuer_ ? *issuer_ : certificate))
    return base::error(Code::internal, "certs.wrong_signature", "issuer does not fit");
  return certificate;
}

base::Result<Bytes> Authority::crl(std::int64_t number, const std::vector<Revocation>& revoked,
                                   base::Time next_update) {
  if (!issuer_) return base::error(Code::invalid_argument, "certs.wrong_issuer", "no certificate");
  const auto this_update = to_seconds(clock_.now());
  const X509_NAME* name = X509_get_subject_name(raw(*issuer_));
  const Bytes issuer = encode([&](unsigned char** out) { return i2d_X509_NAME(name, out); });
  const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(raw(*issuer_));
  const BytesView key_id(ASN1_STRING_get0_data(id),
                         static_cast<std::size_t>(ASN1_STRING_length(id)));
  const auto algorithm = key_->info().algorithm;
  const Bytes tbs =
      tbs_crl(algorithm, issuer, key_id, this_update, to_seconds(next_update), number, revoked);
  BASE_TRY(const auto draft, Crl::from_der(assemble(tbs, algorithm, blank_signature(algorithm))));
  const auto findings = lint(draft);
  if (!findings.empty()) return base::error(Code::internal, "certs.lint", to_text(findings));
  BASE_TRY(const auto signature, sign(tbs));
  auto der = assemble(tbs, algorithm, signature);
  BASE_TRY(const auto finished, Crl::from_der(der));
  if (!finished.signed_by(*issuer_))
    return base::error(Code::internal, "certs.wrong_signature", "revocation list");
  return der;
}

base::Result<std::string> Authority::sign_trust_list(const TrustList& list) {
  if (list.version != 2)
    return base::error(Code::invalid_argument, "certs.trust_list_malformed", "an old version");
  BASE_TRY_VOID(check_consistent(list));
  if (key_->info().algorithm != hsm::Algorithm::ecdsa_p256 ||
      !std::ranges::equal(key_->info().public_key, list.roots.front().public_key()))
    return base::error(Code::invalid_argument, "certs.wrong_issuer", "first root of the list");
  const auto signed_text = trust_list_signing_input(list);
  BASE_TRY(const auto signature, sign(base::as_bytes(signed_text)));
  std::string jws = signed_text + "." + base::to_base64url(signature);
  BASE_TRY(const auto again, TrustList::parse(jws, list.roots.front().sha256()));
  if (again.sequence != list.sequence)
    return base::error(Code::internal, "certs.trust_list_malformed", "reads back differently");
  return jws;
}

}  // namespace certs
