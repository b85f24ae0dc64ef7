#include "certs/crl.h"

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/memo.h"
#include "certs/openssl.h"
#include "certs/signature.h"

namespace certs {

struct Crl::Impl {
  OwnedCrl crl;
  base::Bytes der;
  base::Digest sha256{};
  base::Time this_update;
  base::Time next_update;
  std::string number_hex;
};

namespace {

constexpr std::size_t kMostBytes = 16 << 20;

base::Error malformed(std::string why) {
  ERR_clear_error();
  return base::error(base::Code::invalid_argument, "certs.crl_malformed", std::move(why));
}

bool has_critical_extension(const X509_CRL* crl) {
  for (int i = 0; i < X509_CRL_get_ext_count(crl); ++i)
    if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)) != 0) return true;
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(const_cast<X509_CRL*>(crl));
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    for (int j = 0; j < X509_REVOKED_get_ext_count(entry); ++j)
      if (X509_EXTENSION_get_critical(X509_REVOKED_get_ext(entry, j)) != 0) return true;
  }
  return false;
}

}  // namespace

base::Result<Crl> Crl::from_der(base::BytesView der) {
  if (der.size() > kMostBytes) return malformed("larger than 16 MiB");
  static Memo<std::shared_ptr<const Impl>> parsed(8);  // they may be large
  const auto sha256 = base::sha256(der);
  if (auto known = parsed.find(sha256)) return Crl(std::move(*known));
  if (!der::is_strict(der)) return malformed("not strict DER");
  const unsigned char* at = der.data();
  OwnedCrl crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  if (!crl || at != der.data() + der.size()) return malformed("not a CRL: " + openssl_errors());
  if (X509_CRL_get_version(crl.get()) != 1) return malformed("not version 2");
  if (has_critical_extension(crl.get())) return malformed("partial or indirect list");
  const auto this_update = to_time(X509_CRL_get0_lastUpdate(crl.get()));
  const auto next_update = to_time(X509_CRL_get0_nextUpdate(crl.get()));
  if (!this_update || !next_update || *next_update <= *this_update)
    return malformed("no thisUpdate and later nextUpdate");
  const Owned<ASN1_INTEGER, ASN1_INTEGER_free> number(static_cast<ASN1_INTEGER*>(
      X509_CRL_get_ext_d2i(crl.get(), NID_crl_number, nullptr, nullptr)));
  if (!number || ASN1_STRING_length(number.get()) > 20 ||
      (ASN1_STRING_type(number.get()) & V_ASN1_NEG) != 0)
    return malformed("no CRL number");
  ERR_clear_error();

  auto impl = std::make_shared<Impl>();
  impl->der = base::to_bytes(der);
  impl->sha256 = sha256;
  impl->this_update = *this_update;
  impl->next_update = *next_update;
  impl->number_hex = base::to_hex({ASN1_STRING_get0_data(number.get()),
                                   static_cast<std::size_t>(ASN1_STRING_length(number.get()))});
  // Sorts the entries once, here; finding one only looks from then on.
  X509_REVOKED* ignored = nullptr;
  const Owned<ASN1_INTEGER, ASN1_INTEGER_free> none(ASN1_INTEGER_new());
  X509_CRL_get0_by_serial(crl.get(), &ignored, none.get());
  impl->crl = std::move(crl);
  parsed.keep(sha256, impl);
  return Crl(std::move(impl));
}

base::BytesView Crl::der() const {
  return impl_->der;
}
std::string Crl::issuer() const {
  return name_text(X509_CRL_get_issuer(impl_->crl.get()));
}
base::Time Crl::this_update() const {
  return impl_->this_update;
}
base::Time Crl::next_update() const {
  return impl_->next_update;
}
std::string Crl::number_hex() const {
  return impl_->number_hex;
}
std::size_t Crl::size() const {
  const int count = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(impl_->crl.get()));
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

bool Crl::has_authority_key_id() const {
  return X509_CRL_get_ext_by_NID(impl_->crl.get(), NID_authority_key_identifier, -1) >= 0;
}

bool Crl::reasons_ok() const {
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(impl_->crl.get());
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const Owned<ASN1_ENUMERATED, ASN1_ENUMERATED_free> reason(
        static_cast<ASN1_ENUMERATED*>(X509_REVOKED_get_ext_d2i(sk_X509_REVOKED_value(entries, i),
                                                               NID_crl_reason, nullptr, nullptr)));
    if (!reason) continue;
    const long number = ASN1_ENUMERATED_get(reason.get());
    if (number < 1 || number > 10 || number == 7) return false;
  }
  return true;
}

bool Crl::signed_by(const Certificate& issuer) const {
  X509* x509 = raw(issuer);
  if (X509_NAME_cmp(X509_CRL_get_issuer(impl_->crl.get()), X509_get_subject_name(x509)) != 0)
    return false;
  if ((X509_get_extension_flags(x509) & EXFLAG_KUSAGE) != 0 &&
      (X509_get_key_usage(x509) & KU_CRL_SIGN) == 0)
    return false;
  static Memo<bool> held(64);
  const auto fact =
      base::Sha256().update(impl_->sha256).update(issuer.public_key_sha256()).finish();
  if (held.find(fact)) return true;
  const bool sm2 = X509_CRL_get_signature_nid(impl_->crl.get()) == NID_SM2_with_SM3;
  const bool good = sm2 ? sm2_signed(issuer.public_key(), impl_->der)
                        : X509_CRL_verify(impl_->crl.get(), X509_get0_pubkey(x509)) == 1;
  if (good) held.keep(fact, true);
  ERR_clear_error();
  return good;
}

std::optional<RevokedEntry> Crl::find(const Certificate& certificate) const {
  X509_REVOKED* entry = nullptr;
  const int found =
      X509_CRL_get0_by_serial(impl_->crl.get(), &entry, X509_get_serialNumber(raw(certificate)));
  if (found != 1 || entry == nullptr) return std::nullopt;  // 2: removeFromCRL
  RevokedEntry out;
  // An unreadable date in a signed list: the worst reading, revoked from the beginning.
  out.revoked_at = to_time(X509_REVOKED_get0_revocationDate(entry)).value_or(base::Time{});
  const Owned<ASN1_ENUMERATED, ASN1_ENUMERATED_free> reason(static_cast<ASN1_ENUMERATED*>(
      X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, nullptr, nullptr)));
  if (reason) out.reason = static_cast<int>(ASN1_ENUMERATED_get(reason.get()));
  const Owned<ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free> invalid(
      static_cast<ASN1_GENERALIZEDTIME*>(
          X509_REVOKED_get_ext_d2i(entry, NID_invalidity_date, nullptr, nullptr)));
  if (invalid) {
    const auto since = to_time(invalid.get());
    if (since) out.revoked_at = std::min(out.revoked_at, *since);
  }
  ERR_clear_error();
  return out;
}

}  // namespace certs
