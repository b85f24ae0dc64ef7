#include "certs/crl.h"

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/memo.h"
#include "certs/openssl.h"
#include "certs/signature.h"

namespace certs {

using OwnedPoint = Owned<ISSUING_DIST_POINT, ISSUING_DIST_POINT_free>;

struct Crl::Impl {
  OwnedCrl crl;
  OwnedPoint point;                            ///< names made full, so that readers only look
  base::Bytes partition;                       ///< its DER
  base::Bytes authority_key_id;                ///< DER
  std::optional<std::string> base_number_hex;  ///< of a delta list
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

/// Critical extensions of the list that reasons_covered and completes understand; no critical one
/// of an entry is (certificateIssuer makes a list indirect).
bool is_understood(const X509_CRL* crl) {
  for (int i = 0; i < X509_CRL_get_ext_count(crl); ++i) {
    const X509_EXTENSION* extension = X509_CRL_get_ext(crl, i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(const_cast<X509_EXTENSION*>(extension)));
    if (X509_EXTENSION_get_critical(extension) != 0 && nid != NID_issuing_distribution_point &&
        nid != NID_delta_crl)
      return false;
  }
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(const_cast<X509_CRL*>(crl));
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    for (int j = 0; j < X509_REVOKED_get_ext_count(entry); ++j)
      if (X509_EXTENSION_get_critical(X509_REVOKED_get_ext(entry, j)) != 0) return false;
  }
  return true;
}

std::string hex_of(const ASN1_INTEGER* number) {
  return base::to_hex(
      {ASN1_STRING_get0_data(number), static_cast<std::size_t>(ASN1_STRING_length(number))});
}

/// Numbers of at most 20 octets, not negative, as hex_of writes them.
bool less(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

bool number_fits(const ASN1_INTEGER* number) {
  return number != nullptr && ASN1_STRING_length(number) <= 20 &&
         (ASN1_STRING_type(number) & V_ASN1_NEG) == 0;
}

std::uint32_t mask_of(const ASN1_BIT_STRING* reasons) {
  if (reasons == nullptr) return Crl::kAllReasons;
  std::uint32_t mask = 0;
  for (int flag = 1; flag <= 8; ++flag)
    if (ASN1_BIT_STRING_get_bit(reasons, flag) != 0) mask |= 1u << flag;
  return mask;
}

bool names_directory(const GENERAL_NAMES* names, X509_NAME* name) {
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* one = sk_GENERAL_NAME_value(names, i);
    if (one->type == GEN_DIRNAME && X509_NAME_cmp(one->d.directoryName, name) == 0) return true;
  }
  return false;
}

/// Two points are one when one of their names is. Relative names were made full before.
bool same_point(const DIST_POINT_NAME& a, const DIST_POINT_NAME& b) {
  if (a.type == 1 && b.type == 1) return X509_NAME_cmp(a.dpname, b.dpname) == 0;
  if (a.type == 1) return names_directory(b.name.fullname, a.dpname);
  if (b.type == 1) return names_directory(a.name.fullname, b.dpname);
  for (int i = 0; i < sk_GENERAL_NAME_num(a.name.fullname); ++i)
    for (int j = 0; j < sk_GENERAL_NAME_num(b.name.fullname); ++j)
      if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(a.name.fullname, i),
                           sk_GENERAL_NAME_value(b.name.fullname, j)) == 0)
        return true;
  return false;
}

/// The reasons for which a list of `list` speaks about `x509`, by the points that the certificate
/// names. A point with a CRL issuer of its own asks for an indirect list.
std::uint32_t reasons_at(const ISSUING_DIST_POINT& list, X509* x509) {
  const auto of_list = mask_of(list.onlysomereasons);
  if (list.distpoint == nullptr) return of_list;
  const Owned<CRL_DIST_POINTS, CRL_DIST_POINTS_free> points(static_cast<CRL_DIST_POINTS*>(
      X509_get_ext_d2i(x509, NID_crl_distribution_points, nullptr, nullptr)));
  std::uint32_t mask = 0;
  for (int i = 0; i < sk_DIST_POINT_num(points.get()); ++i) {
    const DIST_POINT* point = sk_DIST_POINT_value(points.get(), i);
    if (point->CRLissuer != nullptr || point->distpoint == nullptr ||
        DIST_POINT_set_dpname(point->distpoint, X509_get_issuer_name(x509)) != 1 ||
        !same_point(*point->distpoint, *list.distpoint))
      continue;
    mask |= mask_of(point->reasons) & of_list;
  }
  ERR_clear_error();
  return mask;
}

base::Bytes extension_octets(const X509_CRL* crl, int nid) {
  const int at = X509_CRL_get_ext_by_NID(crl, nid, -1);
  if (at < 0) return {};
  const ASN1_STRING* data = X509_EXTENSION_get_data(X509_CRL_get_ext(crl, at));
  return {ASN1_STRING_get0_data(data), ASN1_STRING_get0_data(data) + ASN1_STRING_length(data)};
}

/// Reads what says which part of the issuer's certificates the list is about. False: malformed, or
/// a kind of list that is not used.
bool read_partition(const X509_CRL* crl, Crl::Impl& out) {
  int critical = -1;
  out.point.reset(static_cast<ISSUING_DIST_POINT*>(
      X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, nullptr)));
  if (critical != -1 && !out.point) return false;  // malformed, or there twice
  if (out.point) {
    const ISSUING_DIST_POINT& point = *out.point;
    // An indirect list none of whose entries says so (critically) is of its issuer alone.
    if (point.onlyattr > 0 || (point.onlyuser > 0 && point.onlyCA > 0)) return false;
    if (point.distpoint != nullptr &&
        DIST_POINT_set_dpname(point.distpoint, X509_CRL_get_issuer(crl)) != 1)
      return false;
    out.partition = extension_octets(crl, NID_issuing_distribution_point);
  }
  out.authority_key_id = extension_octets(crl, NID_authority_key_identifier);
  const Owned<ASN1_INTEGER, ASN1_INTEGER_free> base_number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, NID_delta_crl, &critical, nullptr)));
  if (critical == -1) return true;
  if (!number_fits(base_number.get())) return false;
  out.base_number_hex = hex_of(base_number.get());
  return true;
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
  auto impl = std::make_shared<Impl>();
  if (!is_understood(crl.get()) || !read_partition(crl.get(), *impl))
    return malformed("an indirect list, or one of unknown kind");
  const auto this_update = to_time(X509_CRL_get0_lastUpdate(crl.get()));
  const auto next_update = to_time(X509_CRL_get0_nextUpdate(crl.get()));
  if (!this_update || !next_update || *next_update <= *this_update)
    return malformed("no thisUpdate and later nextUpdate");
  const Owned<ASN1_INTEGER, ASN1_INTEGER_free> number(static_cast<ASN1_INTEGER*>(
      X509_CRL_get_ext_d2i(crl.get(), NID_crl_number, nullptr, nullptr)));
  if (!number_fits(number.get())) return malformed("no CRL number");
  ERR_clear_error();

  impl->der = base::to_bytes(der);
  impl->sha256 = sha256;
  impl->this_update = *this_update;
  impl->next_update = *next_update;
  impl->number_hex = hex_of(number.get());
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

bool Crl::issued_by_name_of(const Certificate& issuer) const {
  return X509_NAME_cmp(X509_CRL_get_issuer(impl_->crl.get()), X509_get_subject_name(raw(issuer))) ==
         0;
}

bool Crl::signed_by(const Certificate& issuer) const {
  X509* x509 = raw(issuer);
  if (!issued_by_name_of(issuer)) return false;
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

base::BytesView Crl::partition() const {
  return impl_->partition;
}
bool Crl::is_delta() const {
  return impl_->base_number_hex.has_value();
}

bool Crl::completes(const Crl& complete) const {
  const auto& base = *complete.impl_;
  return impl_->base_number_hex && !base.base_number_hex && base.partition == impl_->partition &&
         base.authority_key_id == impl_->authority_key_id &&
         X509_NAME_cmp(X509_CRL_get_issuer(impl_->crl.get()),
                       X509_CRL_get_issuer(base.crl.get())) == 0 &&
         !less(base.number_hex, *impl_->base_number_hex) &&
         less(base.number_hex, impl_->number_hex);
}

bool Crl::removes(const Certificate& certificate) const {
  X509_REVOKED* entry = nullptr;
  return is_delta() && X509_CRL_get0_by_serial(impl_->crl.get(), &entry,
                                               X509_get_serialNumber(raw(certificate))) == 2;
}

std::uint32_t Crl::reasons_covered(const Certificate& certificate) const {
  if (X509_NAME_cmp(X509_CRL_get_issuer(impl_->crl.get()),
                    X509_get_issuer_name(raw(certificate))) != 0)
    return 0;
  const ISSUING_DIST_POINT* point = impl_->point.get();
  if (point == nullptr) return kAllReasons;  // about each certificate of its issuer
  const bool authority = X509_check_ca(raw(certificate)) != 0;
  if ((authority && point->onlyuser > 0) || (!authority && point->onlyCA > 0)) return 0;
  return reasons_at(*point, raw(certificate));
}

}  // namespace certs
