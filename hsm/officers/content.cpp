#include "hsm/officers/content.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

#include "base/canonical_json.h"
#include "base/encoding.h"

namespace hsm::officers {
namespace {

constexpr std::size_t kMostContent = 4 << 20;

template <class T, auto Free>
struct Freer {
  void operator()(T* thing) const { Free(thing); }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<T, Free>>;

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

std::string hex_of(const ASN1_INTEGER* number) {
  return base::to_hex(
      {ASN1_STRING_get0_data(number), static_cast<std::size_t>(ASN1_STRING_length(number))});
}

/// Reads back to the same octets: what was parsed is all that is there.
template <class T, class Encode>
bool same_again(T* parsed, Encode encode, base::BytesView whole) {
  unsigned char* der = nullptr;
  const int size = encode(parsed, &der);
  const bool same = size > 0 && std::equal(der, der + size, whole.begin(), whole.end());
  OPENSSL_free(der);
  return same;
}

base::Result<Content> read_crl(base::BytesView whole) {
  const unsigned char* at = whole.data();
  const Owned<X509_CRL, X509_CRL_free> list(
      d2i_X509_CRL(nullptr, &at, static_cast<long>(whole.size())));
  if (!list || at != whole.data() + whole.size() || !same_again(list.get(), i2d_X509_CRL, whole))
    return bad("neither a certificate nor a revocation list to be signed");
  Content out;
  out.kind = ContentKind::crl;
  const auto from = to_time(X509_CRL_get0_lastUpdate(list.get()));
  const auto to = to_time(X509_CRL_get0_nextUpdate(list.get()));
  if (X509_CRL_get_version(list.get()) != 1 || !from || !to || *to <= *from)
    return bad("a revocation list without version 2 or times");
  out.from = *from;
  out.to = *to;
  const STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(list.get());
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const auto* entry = sk_X509_REVOKED_value(entries, i);
    const auto when = to_time(X509_REVOKED_get0_revocationDate(entry));
    if (!when) return bad("an entry of the revocation list");
    auto value = base::to_rfc3339(*when);
    int critical = 0;
    const Owned<ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free> invalid(
        static_cast<ASN1_GENERALIZEDTIME*>(
            X509_REVOKED_get_ext_d2i(entry, NID_invalidity_date, &critical, nullptr)));
    if (invalid) {
      const auto since = to_time(invalid.get());
      if (!since) return bad("an entry's invalidity date");
      value += " " + base::to_rfc3339(*since);
    }
    if (!out.revoked.emplace(hex_of(X509_REVOKED_get0_serialNumber(entry)), std::move(value))
             .second)
      return bad("the revocation list names a serial twice");
  }
  ERR_clear_error();
  return out;
}

base::Result<Content> read_der(base::BytesView bytes) {
  const auto whole = completed(bytes);
  const unsigned char* at = whole.data();
  const Owned<X509, X509_free> certificate(d2i_X509(nullptr, &at, static_cast<long>(whole.size())));
  if (!certificate || at != whole.data() + whole.size() ||
      X509_get_version(certificate.get()) != 2) {
    ERR_clear_error();
    return read_crl(whole);
  }
  if (!same_again(certificate.get(), i2d_X509, whole))
    return bad("a certificate in another spelling");
  const auto from = to_time(X509_get0_notBefore(certificate.get()));
  const auto to = to_time(X509_get0_notAfter(certificate.get()));
  if (!from || !to) return bad("a certificate's times");
  Content out;
  out.from = *from;
  out.to = *to;
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
  if (!sequence || *sequence < 1 || !issued || !next || *next <= *issued)
    return bad("a trust list has sequence, issued and next_update");
  out.sequence = *sequence;
  out.from = *issued;
  out.to = *next;
  for (const auto* changing : {"sequence", "issued", "next_update", "crls"})
    document->RemoveMember(changing);
  BASE_TRY(const auto stable, base::canonical_json(*document));
  // The header is part of it: a list in another format is another list.
  out.stable = base::sha256(base::as_bytes(std::string(text.substr(0, dot)) + "." + stable));
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
  }
  base::fail("unknown ContentKind");
}

base::Result<Content> read_content(base::BytesView bytes) {
  if (bytes.size() < 16 || bytes.size() > kMostContent) return bad("its size");
  if (bytes[0] == 0x30) return read_der(bytes);
  return read_trust_list(base::as_text(bytes));
}

}  // namespace hsm::officers
