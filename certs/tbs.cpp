#include "certs/tbs.h"

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/names.h"
#include "certs/openssl.h"
#include "certs/profiles.h"
#include "certs/signature.h"
#include "hsm/algorithm.h"

namespace certs {
namespace {

using base::Bytes;
using base::BytesView;

Bytes attribute(const char* oid, const Bytes& text) {
  return der::set({der::sequence({der::oid(oid), text})});
}

Bytes concatenated(const std::vector<Bytes>& parts) {
  Bytes out;
  for (const auto& part : parts) base::append(out, part);
  return out;
}

/// A named BIT STRING: trailing zero bits are left out. X.690 §11.2.2.
Bytes key_usage_bits(std::uint8_t usage) {
  int unused = 0;
  while (unused < 8 && ((usage >> unused) & 1) == 0) ++unused;
  return der::bits(BytesView(&usage, 1), unused);
}

Bytes authority_key_id(BytesView key_id) {
  return der::sequence({der::value(0x80, key_id)});
}

Bytes extended_uses(const std::vector<const char*>& uses) {
  Bytes all;
  for (const auto* use : uses) base::append(all, der::oid(use));
  return der::sequence({all});
}

/// PrivateKeyUsagePeriod: signing ends here, judging goes on. RFC 3280 §4.2.1.4.
Bytes key_usage_period(base::Time from, base::Time to) {
  auto not_before = der::generalized_time(from, false);
  auto not_after = der::generalized_time(to, false);
  not_before[0] = 0x80;
  not_after[0] = 0x81;
  return der::sequence({not_before, not_after});
}

Bytes distribution_point(const std::string& url) {
  const auto uri = der::value(0x86, base::as_bytes(url));
  return der::sequence({der::sequence({der::value(0xA0, der::value(0xA0, uri))})});
}

/// AuthorityInfoAccess with id-ad-ocsp. RFC 5280 §4.2.2.1.
Bytes ocsp_access(const std::string& url) {
  const auto uri = der::value(0x86, base::as_bytes(url));
  return der::sequence({der::sequence({der::oid("1.3.6.1.5.5.7.48.1"), uri})});
}

/// The GeneralNames, one behind the other. RFC 5280 §4.2.1.6.
Bytes alternative_names(const Subject& subject) {
  Bytes out;
  for (const auto& name : subject.dns_names)
    base::append(out, der::value(0x82, base::as_bytes(name)));
  for (const auto& text : subject.ip_addresses)
    if (const auto octets = ip_octets(text)) base::append(out, der::value(0x87, *octets));
  return out;
}

Bytes enumerated(int number) {
  const std::uint8_t octet[] = {static_cast<std::uint8_t>(number)};
  return der::value(0x0A, BytesView(octet));
}

Bytes revoked_entry(const Authority::Revocation& revoked) {
  const auto serial = base::from_hex(revoked.serial_hex);
  base::check(serial.has_value(), "a serial number in the register is not hex");
  std::vector<Bytes> extensions;
  if (revoked.reason != 0)  // RFC 5280 §5.3.1: unspecified is left out
    extensions.push_back(extension("2.5.29.21", false, enumerated(revoked.reason)));
  if (revoked.invalid_since)
    extensions.push_back(
        extension("2.5.29.24", false, der::generalized_time(*revoked.invalid_since, false)));
  Bytes tail;
  if (!extensions.empty()) tail = der::sequence({concatenated(extensions)});
  return der::sequence({der::integer(*serial), der::time(revoked.at), tail});
}

}  // namespace

Bytes extension(const char* oid, bool critical, BytesView value) {
  const Bytes flag = critical ? der::boolean(true) : Bytes{};
  return der::sequence({der::oid(oid), flag, der::octets(value)});
}

Bytes signature_algorithm(hsm::Algorithm algorithm) {
  switch (algorithm) {
    case hsm::Algorithm::ecdsa_p256:  // RFC 5758 §3.2: parameters are absent
      return der::sequence({der::oid("1.2.840.10045.4.3.2")});
    case hsm::Algorithm::ecdsa_p384:
      return der::sequence({der::oid("1.2.840.10045.4.3.3")});
    case hsm::Algorithm::ed25519:  // RFC 8410 §3: likewise
      return der::sequence({der::oid("1.3.101.112")});
    case hsm::Algorithm::sm2:  // GM/T 0006-2012, SM2 with SM3: likewise
      return der::sequence({der::oid("1.2.156.10197.1.501")});
    case hsm::Algorithm::rsa_3072:
    case hsm::Algorithm::rsa_4096:  // RFC 4055 §5: parameters are NULL
      return der::sequence({der::oid("1.2.840.113549.1.1.11"), der::null()});
    case hsm::Algorithm::aes_256:
      break;
  }
  base::fail("an algorithm without an identifier");
}

Bytes name_of(const Subject& subject) {
  if (subject.common_name.empty()) return der::sequence({});  // a server: RFC 5280 §4.1.2.6
  std::vector<Bytes> parts;
  parts.push_back(attribute("2.5.4.6", der::printable(subject.country)));
  if (!subject.organization.empty())
    parts.push_back(attribute("2.5.4.10", der::utf8(subject.organization)));
  if (!subject.organization_id.empty())  // ETSI EN 319 412-1 §5.1.4: national trade register
    parts.push_back(attribute("2.5.4.97", der::utf8("NTRCN-" + subject.organization_id)));
  if (!subject.serial_number.empty())
    parts.push_back(attribute("2.5.4.5", der::printable(subject.serial_number)));
  parts.push_back(attribute("2.5.4.3", der::utf8(subject.common_name)));
  return der::sequence({concatenated(parts)});
}

Bytes key_identifier(BytesView public_key) {
  const unsigned char* at = public_key.data();
  const Owned<X509_PUBKEY, X509_PUBKEY_free> spki(
      d2i_X509_PUBKEY(nullptr, &at, static_cast<long>(public_key.size())));
  base::check(spki != nullptr, "key_identifier of what is no public key");
  const unsigned char* bits = nullptr;
  int size = 0;
  X509_PUBKEY_get0_param(nullptr, &bits, &size, nullptr, spki.get());
  const auto digest = base::sha256({bits, static_cast<std::size_t>(size)});
  return {digest.begin(), digest.begin() + 20};
}

Bytes TbsCertificate::encode() const {
  const auto all = der::value(0xA3, der::sequence({concatenated(extensions)}));
  return der::sequence({version, serial, algorithm, issuer, validity, subject, public_key, all});
}

TbsCertificate tbs_certificate(const TbsInput& in) {
  const auto& rule = rule_of(in.profile);
  TbsCertificate tbs;
  tbs.version = der::value(0xA0, der::integer(2));
  tbs.serial = der::integer(in.serial);
  tbs.algorithm = signature_algorithm(in.algorithm);
  tbs.subject = name_of(in.subject);
  tbs.issuer = in.issuer.empty() ? tbs.subject : in.issuer;
  tbs.validity = der::sequence({der::time(in.not_before), der::time(in.not_after)});
  tbs.public_key = in.public_key;

  auto& extensions = tbs.extensions;
  if (rule.authority) {
    const Bytes length = rule.path_length ? der::integer(*rule.path_length) : Bytes{};
    extensions.push_back(extension("2.5.29.19", true, der::sequence({der::boolean(true), length})));
  }
  extensions.push_back(extension("2.5.29.15", true, key_usage_bits(rule.key_usage)));
  if (!rule.uses.empty())
    extensions.push_back(extension("2.5.29.37", rule.uses_critical, extended_uses(rule.uses)));
  extensions.push_back(extension("2.5.29.14", false, der::octets(key_identifier(in.public_key))));
  if (!in.issuer_key_id.empty())
    extensions.push_back(extension("2.5.29.35", false, authority_key_id(in.issuer_key_id)));
  if (rule.policy != nullptr)
    extensions.push_back(
        extension("2.5.29.32", false, der::sequence({der::sequence({der::oid(rule.policy)})})));
  if (rule.key_life)
    extensions.push_back(extension(
        "2.5.29.16", false,
        key_usage_period(in.not_before,
                         std::min<base::Time>(in.not_after, in.not_before + *rule.key_life))));
  if (in.profile == Profile::ocsp)  // RFC 6960 §4.2.2.2.1
    extensions.push_back(extension("1.3.6.1.5.5.7.48.1.5", false, der::null()));
  if (const auto names = alternative_names(in.subject); !names.empty())
    extensions.push_back(
        extension("2.5.29.17", in.subject.common_name.empty(), der::sequence({names})));
  if (!in.ocsp_url.empty())
    extensions.push_back(extension("1.3.6.1.5.5.7.1.1", false, ocsp_access(in.ocsp_url)));
  if (!in.crl_url.empty())
    extensions.push_back(extension("2.5.29.31", false, distribution_point(in.crl_url)));
  return tbs;
}

Bytes signature_value(hsm::Algorithm algorithm, BytesView signature) {
  const auto scheme = hsm::facts_of(algorithm).scheme;
  return scheme == hsm::Scheme::ecdsa || scheme == hsm::Scheme::sm2 ? ecdsa_to_der(signature)
                                                                    : base::to_bytes(signature);
}

Bytes assemble(BytesView tbs, hsm::Algorithm algorithm, BytesView signature) {
  return der::sequence(
      {tbs, signature_algorithm(algorithm), der::bits(signature_value(algorithm, signature))});
}

Bytes tbs_crl(hsm::Algorithm algorithm, BytesView issuer, BytesView issuer_key_id,
              base::Time this_update, base::Time next_update, std::int64_t number,
              const std::vector<Authority::Revocation>& revoked) {
  Bytes entries;
  for (const auto& one : revoked) base::append(entries, revoked_entry(one));
  if (!entries.empty()) entries = der::sequence({entries});  // RFC 5280 §5.1.2.6: absent when empty
  const auto extensions =
      der::sequence({extension("2.5.29.35", false, authority_key_id(issuer_key_id)),
                     extension("2.5.29.20", false, der::integer(number))});
  return der::sequence({der::integer(1), signature_algorithm(algorithm), issuer,
                        der::time(this_update), der::time(next_update), entries,
                        der::value(0xA0, extensions)});
}

}  // namespace certs
