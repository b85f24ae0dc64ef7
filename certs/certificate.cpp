#include "certs/certificate.h"

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/memo.h"
#include "certs/openssl.h"
#include "certs/signature.h"

namespace certs {
namespace {

constexpr std::size_t kMostBytes = 64 << 10;

base::Error malformed(std::string why) {
  ERR_clear_error();
  return base::error(base::Code::invalid_argument, "certs.malformed", std::move(why));
}

std::string text_entry(const X509_NAME* name, int nid) {
  const int at = X509_NAME_get_index_by_NID(name, nid, -1);
  if (at < 0) return {};
  const ASN1_STRING* data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, data);
  if (size < 0) return {};
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

}  // namespace

std::optional<base::Time> to_time(const ASN1_TIME* time) {
  std::tm fields{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &fields) != 1) return std::nullopt;
  return base::from_unix_s(timegm(&fields));
}

std::string name_text(const X509_NAME* name) {
  const Owned<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
  // RFC 2253, but characters past ASCII stay themselves.
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string openssl_errors() {
  std::string text;
  char line[256];
  while (const unsigned long code = ERR_get_error()) {
    ERR_error_string_n(code, line, sizeof line);
    if (!text.empty()) text += "; ";
    text += line;
  }
  return text;
}

base::Result<Certificate> Certificate::from_der(base::BytesView der) {
  if (der.size() > kMostBytes) return malformed("larger than 64 KiB");
  static Memo<std::shared_ptr<const Impl>> parsed(256);
  const auto sha256 = base::sha256(der);
  if (auto known = parsed.find(sha256)) return Certificate(std::move(*known));
  if (!der::is_strict(der)) return malformed("not strict DER");
  const unsigned char* at = der.data();
  OwnedX509 x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!x509) return malformed("not a certificate: " + openssl_errors());
  if (at != der.data() + der.size()) return malformed("bytes behind the certificate");

  auto impl = std::make_shared<Impl>();
  // Reads the extensions once, here: later readers, on any thread, only look.
  X509_check_purpose(x509.get(), -1, -1);
  if ((X509_get_extension_flags(x509.get()) & EXFLAG_INVALID) != 0)
    return malformed("an extension is malformed or stands twice");
  if (X509_get_signature_nid(x509.get()) == NID_SM2_with_SM3) {
    // Unless told, OpenSSL checks SM2 signatures under an empty user id, and none holds.
    ASN1_OCTET_STRING* id = ASN1_OCTET_STRING_new();
    base::check(id != nullptr && ASN1_OCTET_STRING_set(
                                     id, reinterpret_cast<const unsigned char*>(kSm2UserId.data()),
                                     static_cast<int>(kSm2UserId.size())) == 1,
                "out of memory in OpenSSL");
    X509_set0_distinguishing_id(x509.get(), id);  // and owns it
  }
  if (X509_get0_pubkey(x509.get()) == nullptr) return malformed("unreadable public key");
  const auto not_before = to_time(X509_get0_notBefore(x509.get()));
  const auto not_after = to_time(X509_get0_notAfter(x509.get()));
  if (!not_before || !not_after) return malformed("unreadable validity");
  ERR_clear_error();

  impl->not_before = *not_before;
  impl->not_after = *not_after;
  impl->der = base::to_bytes(der);
  impl->sha256 = sha256;
  const X509_PUBKEY* spki = X509_get_X509_PUBKEY(x509.get());
  impl->public_key = encode([&](unsigned char** out) { return i2d_X509_PUBKEY(spki, out); });
  impl->public_key_sha256 = base::sha256(impl->public_key);
  impl->x509 = std::move(x509);
  parsed.keep(sha256, impl);
  return Certificate(std::move(impl));
}

base::Result<Certificate> Certificate::from_pem(std::string_view pem) {
  if (pem.size() > 2 * kMostBytes) return malformed("larger than 128 KiB of PEM");
  const auto der = base::from_pem("CERTIFICATE", pem);
  if (!der) return malformed("no PEM block CERTIFICATE");
  return from_der(*der);
}

base::Result<std::vector<Certificate>> certificates_from_pem(std::string_view pem) {
  static constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  constexpr std::size_t kMost = 64;
  std::vector<Certificate> out;
  while (true) {
    const auto end = pem.find(kEnd);
    if (end == std::string_view::npos) break;
    if (out.size() == kMost) return malformed("more than 64 certificates");
    const auto block = pem.substr(0, end + kEnd.size());
    const auto begin = block.rfind("-----BEGIN CERTIFICATE-----");
    if (begin == std::string_view::npos) return malformed("an end without a beginning");
    BASE_TRY(auto one, Certificate::from_pem(block.substr(begin)));
    out.push_back(std::move(one));
    pem.remove_prefix(end + kEnd.size());
  }
  if (out.empty()) return malformed("no PEM block CERTIFICATE");
  return out;
}

base::BytesView Certificate::der() const {
  return impl_->der;
}
std::string Certificate::pem() const {
  return base::to_pem("CERTIFICATE", impl_->der);
}
base::Bytes Certificate::public_key() const {
  return impl_->public_key;
}
std::string Certificate::subject() const {
  return name_text(X509_get_subject_name(impl_->x509.get()));
}
std::string Certificate::issuer() const {
  return name_text(X509_get_issuer_name(impl_->x509.get()));
}
std::string Certificate::common_name() const {
  return text_entry(X509_get_subject_name(impl_->x509.get()), NID_commonName);
}
std::string Certificate::organization() const {
  return text_entry(X509_get_subject_name(impl_->x509.get()), NID_organizationName);
}
std::string Certificate::serial_hex() const {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(impl_->x509.get());
  return base::to_hex(
      {ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial))});
}
base::Time Certificate::not_before() const {
  return impl_->not_before;
}
base::Time Certificate::not_after() const {
  return impl_->not_after;
}
base::Digest Certificate::sha256() const {
  return impl_->sha256;
}
base::Digest Certificate::public_key_sha256() const {
  return impl_->public_key_sha256;
}

}  // namespace certs
