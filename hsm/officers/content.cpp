#include "hsm/officers/content.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <set>

#include "base/canonical_json.h"
#include "base/encoding.h"
#include "base/owned.h"
#include "hsm/officers/seal_content.h"
#include "hsm/officers/strict_der.h"

namespace hsm::officers {
namespace {

constexpr std::size_t kMostContent = 4 << 20;
constexpr int kMostSerial = 20;  // octets; RFC 5280 §4.1.2.2

using base::Owned;

base::Error bad(std::string_view why) {
  ERR_clear_error();
  auto failure =
      base::error(base::Code::invalid_argument, "hsm.officers.content", std::string(why));
  failure.args = {{"why", std::string(why)}};
  return failure;
}

void put_length(base::Bytes& out, std::size_t size) {
  if (size < 0x80) {
    out.push_back(static_cast<std::uint8_t>(size));
    return;
  }
  int octets = 1;
  while (octets < 8 && (size >> (8 * octets)) != 0) ++octets;
  out.push_back(static_cast<std::uint8_t>(0x80 | octets));
  for (int i = octets - 1; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
}

/// The to-be-signed part with an algorithm and a signature of zeros behind it, so that OpenSSL's
/// readers take it. The algorithm is its own one (second member of a list, third of a certificate).
base::Bytes completed(base::BytesView tbs) {
  // AlgorithmIdentifier ecdsa-with-SHA256 and a BIT STRING of one octet: never looked at.
  static constexpr std::uint8_t kTail[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
                                           0x3d, 0x04, 0x03, 0x02, 0x03, 0x02, 0x00, 0x00};
  base::Bytes out{0x30};
  put_length(out, tbs.size() + sizeof kTail);
  base::append(out, tbs);
  base::append(out, base::BytesView(kTail, sizeof kTail));
  return out;
}

std::optional<base::Time> to_time(const ASN1_TIME* from) {
  std::tm parts{};
  if (from == nullptr || ASN1_TIME_to_tm(from, &parts) != 1) return std::nullopt;
  return base::from_unix_s(static_cast<std::int64_t>(::timegm(&parts)));
}

/// Nothing for a serial below zero: it would have the same digits as the one above.
std::optional<std::string> hex_of(const ASN1_INTEGER* number) {
  if (number == nullptr || ASN1_STRING_type(number) != V_ASN1_INTEGER ||
      ASN1_STRING_length(number) > kMostSerial)
    return std::nullopt;
  return base::to_hex(
      {ASN1_STRING_get0_data(number), static_cast<std::size_t>(ASN1_STRING_length(number))});
}

/// Written anew it is the same octets: what was parsed is all that is there. `encode` is one of
/// those that do not give back the octets that were read.
template <class T, class Encode>
bool same_again(T* parsed, Encode encode, base::BytesView tbs) {
  unsigned char* der = nullptr;
  const int size = encode(parsed, &der);
  const bool same = size > 0 && std::equal(der, der + size, tbs.begin(), tbs.end());
  OPENSSL_free(der);
  return same;
}

/// Only what cannot change what the list says of its entries. A delta, a part of a list, an entry
/// of another issuer or one that is to be taken off again would undo a revocation while its serial
/// still stands there.
bool harmless(const X509_EXTENSION* extension, std::set<int>& seen, std::set<int> known) {
  const int nid =
      OBJ_obj2nid(X509_EXTENSION_get_object(const_cast<X509_EXTENSION*>(extension)));  // NOLINT
  return known.count(nid) != 0 && seen.insert(nid).second &&
         X509_EXTENSION_get_critical(extension) == 0;
}

base::Digest digest_of(const X509_NAME* name) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_NAME(name, &der);
  const auto out =
      base::sha256(base::BytesView(der, size > 0 ? static_cast<std::size_t>(size) : 0));
  OPENSSL_free(der);
  return out;
}

/// RFC 5280 §5.2.3. Nothing when it is missing, there twice, below 1 or out of all reason.
std::optional<std::int64_t> number_of(const X509_CRL* list) {
  int critical = 0;
  const Owned<ASN1_INTEGER, ASN1_INTEGER_free> number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(list, NID_crl_number, &critical, nullptr)));
  std::int64_t out = 0;
  if (!number || ASN1_INTEGER_get_int64(&out, number.get()) != 1 || out < 1 || out > kMostSequence)
    return std::nullopt;
  return out;
}

bool harmless_list(const X509_CRL* list) {
  std::set<int> seen;
  for (int i = 0; i < X509_CRL_get_ext_count(list); ++i)
    if (!harmless(X509_CRL_get_ext(list, i), seen, {NID_authority_key_identifier, NID_crl_number}))
      return false;
  return true;
}

bool harmless_entry(const X509_REVOKED* entry) {
  std::set<int> seen;
  for (int i = 0; i < X509_REVOKED_get_ext_count(entry); ++i)
    if (!harmless(X509_REVOKED_get_ext(entry, i), seen, {NID_crl_reason, NID_invalidity_date}))
      return false;
  if (seen.count(NID_crl_reason) == 0) return true;
  int critical = 0;
  const Owned<ASN1_ENUMERATED, ASN1_ENUMERATED_free> reason(static_cast<ASN1_ENUMERATED*>(
      X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, &critical, nullptr)));
  return reason && ASN1_ENUMERATED_get(reason.get()) >= 0 &&
         ASN1_ENUMERATED_get(reason.get()) != CRL_REASON_REMOVE_FROM_CRL;
}

base::Result<Content> read_crl(base::BytesView whole, base::BytesView tbs) {
  const unsigned char* at = whole.data();
  const Owned<X509_CRL, X509_CRL_free> list(
      d2i_X509_CRL(nullptr, &at, static_cast<long>(whole.size())));
  if (!list || at != whole.data() + whole.size() ||
      !same_again(list.get(), i2d_re_X509_CRL_tbs, tbs))
    return bad("neither a certificate nor a revocation list to be signed");
  Content out;
  out.kind = ContentKind::crl;
  const auto from = to_time(X509_CRL_get0_lastUpdate(list.get()));
  const auto to = to_time(X509_CRL_get0_nextUpdate(list.get()));
  if (X509_CRL_get_version(list.get()) != 1 || !from || !to || *to <= *from)
    return bad("a revocation list without version 2 or times");
  if (!harmless_list(list.get()))
    return bad("a revocation list has no extensions but its number and its authority's key");
  const auto number = number_of(list.get());
  if (!number) return bad("a revocation list has a number above 0");
  out.from = *from;
  out.to = *to;
  out.sequence = *number;
  out.name = digest_of(X509_CRL_get_issuer(list.get()));
  const STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(list.get());
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const auto* entry = sk_X509_REVOKED_value(entries, i);
    const auto when = to_time(X509_REVOKED_get0_revocationDate(entry));
    const auto serial = hex_of(X509_REVOKED_get0_serialNumber(entry));
    if (!when || !serial || !harmless_entry(entry)) return bad("an entry of the revocation list");
    auto value = base::to_rfc3339(*when);
    int critical = 0;
    const Owned<ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free> invalid(
        static_cast<ASN1_GENERALIZEDTIME*>(
            X509_REVOKED_get_ext_d2i(entry, NID_invalidity_date, &critical, nullptr)));
    if (critical != -1) {  // it is there
      const auto since = to_time(invalid.get());
      if (!since) return bad("an entry's invalidity date");
      value += " " + base::to_rfc3339(*since);
    }
    if (!out.revoked.emplace(*serial, std::move(value)).second)
      return bad("the revocation list names a serial twice");
  }
  ERR_clear_error();
  return out;
}

base::Result<Content> read_der(base::BytesView bytes) {
  if (!strict_der(bytes)) return bad("not DER");
  if (is_seal_info(bytes)) {
    auto seal = read_seal_info(bytes);
    return seal ? base::Result<Content>(std::move(*seal)) : bad("a seal in another form");
  }
  const auto whole = completed(bytes);
  const unsigned char* at = whole.data();
  const Owned<X509, X509_free> certificate(d2i_X509(nullptr, &at, static_cast<long>(whole.size())));
  if (!certificate || at != whole.data() + whole.size() ||
      X509_get_version(certificate.get()) != 2) {
    ERR_clear_error();
    return read_crl(whole, bytes);
  }
  if (!same_again(certificate.get(), i2d_re_X509_tbs, bytes))
    return bad("a certificate in another spelling");
  const auto from = to_time(X509_get0_notBefore(certificate.get()));
  const auto to = to_time(X509_get0_notAfter(certificate.get()));
  if (!from || !to) return bad("a certificate's times");
  Content out;
  out.from = *from;
  out.to = *to;
  out.name = digest_of(X509_get_subject_name(certificate.get()));
  unsigned char* spki = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &spki);
  if (size > 0) out.public_key.assign(spki, spki + size);
  OPENSSL_free(spki);
  ERR_clear_error();
  return out;
}

base::Result<Content> read_trust_list(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos || text.find('.', dot + 1) != std::string_view::npos)
    return bad("not a signing input");
  const auto payload = base::from_base64url(text.substr(dot + 1));
  if (!payload || !base::from_base64url(text.substr(0, dot))) return bad("not base64url");
  auto document = base::parse_json(base::as_text(*payload), {kMostContent, 16});
  if (!document.ok() || !document->IsObject()) return bad("the payload is not JSON");
  Content out;
  out.kind = ContentKind::trust_list;
  const auto sequence = base::json_int(*document, "sequence");
  const auto issued = base::parse_rfc3339(base::json_text(*document, "issued"));
  const auto next = base::parse_rfc3339(base::json_text(*document, "next_update"));
  if (!sequence || *sequence < 1 || *sequence > kMostSequence || !issued || !next ||
      *next <= *issued)
    return bad("a trust list has sequence, issued and next_update");
  out.sequence = *sequence;
  out.from = *issued;
  out.to = *next;
  for (const auto* changing : {"sequence", "issued", "next_update", "crls"})
    document->RemoveMember(changing);
  BASE_TRY(const auto stable, base::canonical_json(*document));
  // The header is part of it: a list in another format is another list.
  out.said = std::string(text.substr(0, dot)) + "." + stable;
  out.stable = base::sha256(base::as_bytes(out.said));
  return out;
}

}  // namespace

std::string_view to_string(ContentKind kind) {
  switch (kind) {
    case ContentKind::certificate:
      return "certificate";
    case ContentKind::crl:
      return "crl";
    case ContentKind::trust_list:
      return "trust_list";
    case ContentKind::seal_object:
      return "seal_object";
  }
  base::fail("unknown ContentKind");
}

base::Result<Content> read_content(base::BytesView bytes) {
  if (bytes.size() < 16 || bytes.size() > kMostContent) return bad("its size");
  if (bytes[0] == 0x30) return read_der(bytes);
  return read_trust_list(base::as_text(bytes));
}

}  // namespace hsm::officers
