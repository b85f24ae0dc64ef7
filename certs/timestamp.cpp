// The time-stamp authority. The token is written octet by octet: its constant parts once, so that a
// stamp costs one digest and one signature in the token. RFC 3161, RFC 5652, RFC 5816.
#include "certs/timestamp.h"

#include <openssl/ts.h>

#include <algorithm>
#include <mutex>

#include "base/encoding.h"
#include "certs/clock_guard.h"
#include "certs/der.h"
#include "certs/openssl.h"
#include "certs/signature.h"
#include "certs/tbs.h"
#include "hsm/algorithm.h"
#include "hsm/key.h"

namespace certs {
namespace {

using base::Bytes;
using base::BytesView;
using base::Code;

constexpr const char* kTstInfo = "1.2.840.113549.1.9.16.1.4";
constexpr const char* kSignedData = "1.2.840.113549.1.7.2";
constexpr const char* kContentType = "1.2.840.113549.1.9.3";
constexpr const char* kMessageDigest = "1.2.840.113549.1.9.4";
constexpr const char* kSigningCertificateV2 = "1.2.840.113549.1.9.16.2.47";
constexpr const char* kSha256 = "2.16.840.1.101.3.4.2.1";

constexpr std::size_t kMostRequest = 4096;
constexpr int kMostNonce = 64;

/// PKIFailureInfo, RFC 3161 §2.4.2: the bit's number.
enum class Failure {
  bad_algorithm = 0,
  bad_request = 2,
  bad_data_format = 5,
  time_not_available = 14,
  unaccepted_policy = 15,
  unaccepted_extension = 16,
};

Bytes rejection(Failure failure, std::string_view text) {
  const int bit = static_cast<int>(failure);
  Bytes octets(static_cast<std::size_t>(bit / 8 + 1));
  octets.back() = static_cast<std::uint8_t>(0x80 >> (bit % 8));
  const int unused = 7 - bit % 8;
  return der::sequence({der::sequence(
      {der::integer(2), der::sequence({der::utf8(text)}), der::bits(octets, unused)})});
}

Bytes accuracy_of(std::chrono::milliseconds accuracy) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(accuracy);
  const auto millis = (accuracy - whole).count();
  Bytes seconds;
  Bytes rest;
  if (whole.count() > 0) seconds = der::integer(whole.count());
  if (millis > 0) {
    rest = der::integer(millis);
    rest[0] = 0x80;
  }
  return der::sequence({seconds, rest});
}

Bytes attribute(const char* oid, BytesView value) {
  return der::sequence({der::oid(oid), der::set({value})});
}

/// SET OF: the members in the order of their encodings. X.690 §11.6.
Bytes sorted_members(std::vector<Bytes> members) {
  std::sort(members.begin(), members.end());
  Bytes out;
  for (const auto& member : members) base::append(out, member);
  return out;
}

struct Asked {
  Bytes imprint;  ///< MessageImprint
  Bytes nonce;    ///< INTEGER, or empty
  bool with_certificates = true;
  std::string_view digest = "sha256";
  Bytes hashed;  ///< the digest by itself
};

}  // namespace

struct TimestampAuthority::Impl {
  Impl(std::shared_ptr<const hsm::Key> key_in, const Certificate& certificate,
       const std::vector<Certificate>& chain, const Config& config, const base::Clock& clock_in,
       base::Random& random_in, ClockGuard* guard_in)
      : key(std::move(key_in)),
        not_before(certificate.not_before()),
        not_after(certificate.not_after()),
        policy(der::oid(config.policy_oid)),
        accuracy(accuracy_of(config.accuracy)),
        clock(clock_in),
        random(random_in),
        guard(guard_in) {
    X509* x509 = raw(certificate);
    const auto issuer =
        encode([&](unsigned char** out) { return i2d_X509_NAME(X509_get_issuer_name(x509), out); });
    const auto serial = encode(
        [&](unsigned char** out) { return i2d_ASN1_INTEGER(X509_get0_serialNumber(x509), out); });
    issuer_and_serial = der::sequence({issuer, serial});
    // ESSCertIDv2 with the default hash, SHA-256, left out. RFC 5035 §4.
    const auto hash = certificate.sha256();
    const auto general_name = der::sequence({der::value(0xA4, issuer)});
    const auto id = der::sequence({der::octets(hash), der::sequence({general_name, serial})});
    signing_certificate = attribute(kSigningCertificateV2, der::sequence({der::sequence({id})}));
    content_type = attribute(kContentType, der::oid(kTstInfo));
    std::vector<Bytes> all{base::to_bytes(certificate.der())};
    for (const auto& one : chain) all.push_back(base::to_bytes(one.der()));
    certificates = der::value(0xA0, sorted_members(std::move(all)));
    sha256_algorithm = der::sequence({der::oid(kSha256)});
    if (const Owned<PKEY_USAGE_PERIOD, PKEY_USAGE_PERIOD_free> period(
            static_cast<PKEY_USAGE_PERIOD*>(
                X509_get_ext_d2i(x509, NID_private_key_usage_period, nullptr, nullptr)));
        period && period->notAfter != nullptr)
      not_after = std::min(not_after, to_time(period->notAfter).value_or(not_before));
    ERR_clear_error();
  }

  /// The moment to attest: never before one that was attested already.
  base::Result<base::Time> moment() const {
    if (guard != nullptr)
      BASE_TRY_VOID(guard->moment());  // may ask the database: not under the lock
    const std::lock_guard lock(mutex);
    const auto now = clock.now();
    if (now < last)
      return base::error(
          Code::unavailable, "certs.clock_back",
          "now " + base::to_rfc3339(now, true) + ", attested " + base::to_rfc3339(last, true));
    if (now < not_before || now > not_after)
      return base::error(Code::unavailable, "certs.timestamp_key_over",
                         "in use until " + base::to_rfc3339(not_after));
    last = now;
    return now;
  }

  Bytes new_serial() const {
    auto serial = random.bytes(16);
    serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7F) | 0x40);
    return serial;
  }

  base::Result<Bytes> token(const Asked& asked, base::Time at, const Bytes& serial) const {
    // Signed attributes are hashed with SHA-256 here, whatever the key would rather have.
    if (key->info().algorithm != hsm::Algorithm::ecdsa_p256 &&
        hsm::facts_of(key->info().algorithm).scheme != hsm::Scheme::rsa)
      return base::error(Code::invalid_argument, "hsm.input", key->info().label);
    const auto info = der::sequence({der::integer(1), policy, asked.imprint, der::integer(serial),
                                     der::generalized_time(at, true), accuracy, asked.nonce});
    const auto digest = base::sha256(info);
    const auto attributes = sorted_members(
        {content_type, signing_certificate, attribute(kMessageDigest, der::octets(digest))});
    const auto to_sign = base::sha256(der::value(0x31, attributes));
    BASE_TRY(const auto signature, key->sign(to_sign));
    const auto algorithm = key->info().algorithm;
    const auto signer = der::sequence({der::integer(1), issuer_and_serial, sha256_algorithm,
                                       der::value(0xA0, attributes), signature_algorithm(algorithm),
                                       der::octets(signature_value(algorithm, signature))});
    const auto content = der::sequence({der::oid(kTstInfo), der::value(0xA0, der::octets(info))});
    const auto data =
        der::sequence({der::integer(3), der::set({sha256_algorithm}), content,
                       asked.with_certificates ? certificates : Bytes{}, der::set({signer})});
    return der::sequence({der::oid(kSignedData), der::value(0xA0, data)});
  }

  const std::shared_ptr<const hsm::Key> key;
  const base::Time not_before;
  base::Time not_after;  ///< of the certificate, or of its key's use where that is earlier
  const Bytes policy;
  const Bytes accuracy;
  Bytes issuer_and_serial;
  Bytes signing_certificate;
  Bytes content_type;
  Bytes certificates;
  Bytes sha256_algorithm;
  const base::Clock& clock;
  base::Random& random;
  ClockGuard* const guard;
  mutable std::mutex mutex;  ///< protects last
  mutable base::Time last{};
};

namespace {

/// The request, or the rejection that answers it. RFC 3161 §2.4.1.
struct Parsed {
  std::optional<Asked> asked;
  Bytes refusal;
};

Parsed refused(Failure failure, std::string_view text) {
  ERR_clear_error();
  return {std::nullopt, rejection(failure, text)};
}

Parsed parse(BytesView request, const Bytes& policy) {
  if (request.size() > kMostRequest || !der::is_strict(request))
    return refused(Failure::bad_data_format, "the request is not DER of at most 4096 octets");
  const unsigned char* at = request.data();
  const Owned<TS_REQ, TS_REQ_free> req(d2i_TS_REQ(nullptr, &at, static_cast<long>(request.size())));
  if (!req || at != request.data() + request.size())
    return refused(Failure::bad_data_format, "the request is not a TimeStampReq");
  if (TS_REQ_get_version(req.get()) != 1)
    return refused(Failure::bad_request, "version 1 is known");
  TS_MSG_IMPRINT* imprint = TS_REQ_get_msg_imprint(req.get());
  const ASN1_OBJECT* algorithm = nullptr;
  int parameters = V_ASN1_UNDEF;
  X509_ALGOR_get0(&algorithm, &parameters, nullptr, TS_MSG_IMPRINT_get_algo(imprint));
  const int nid = OBJ_obj2nid(algorithm);
  const int size = nid == NID_sha256 ? 32 : nid == NID_sha384 ? 48 : nid == NID_sha512 ? 64 : 0;
  if (size == 0 || (parameters != V_ASN1_UNDEF && parameters != V_ASN1_NULL))
    return refused(Failure::bad_algorithm, "SHA-256, SHA-384 or SHA-512 is wanted");
  if (ASN1_STRING_length(TS_MSG_IMPRINT_get_msg(imprint)) != size)
    return refused(Failure::bad_data_format, "the digest has another length than its algorithm");
  if (ASN1_OBJECT* wanted = TS_REQ_get_policy_id(req.get())) {
    const auto text = encode([&](unsigned char** out) { return i2d_ASN1_OBJECT(wanted, out); });
    if (text != policy) return refused(Failure::unaccepted_policy, "another policy is wanted");
  }
  if (TS_REQ_get_ext_count(req.get()) > 0)
    return refused(Failure::unaccepted_extension, "no extension is known");
  Asked asked;
  asked.imprint = encode([&](unsigned char** out) { return i2d_TS_MSG_IMPRINT(imprint, out); });
  if (const ASN1_INTEGER* nonce = TS_REQ_get_nonce(req.get())) {
    if (ASN1_STRING_length(nonce) > kMostNonce)
      return refused(Failure::bad_request, "the nonce is longer than 64 octets");
    asked.nonce = encode([&](unsigned char** out) { return i2d_ASN1_INTEGER(nonce, out); });
  }
  asked.digest = size == 32 ? "sha256" : size == 48 ? "sha384" : "sha512";
  const ASN1_OCTET_STRING* hashed = TS_MSG_IMPRINT_get_msg(imprint);
  asked.hashed = base::to_bytes(BytesView(ASN1_STRING_get0_data(hashed),
                                          static_cast<std::size_t>(ASN1_STRING_length(hashed))));
  asked.with_certificates = TS_REQ_get_cert_req(req.get()) != 0;
  ERR_clear_error();
  return {std::move(asked), {}};
}

}  // namespace

TimestampAuthority::TimestampAuthority(std::shared_ptr<const hsm::Key> key, Certificate certificate,
                                       std::vector<Certificate> chain, Config config,
                                       const base::Clock& clock, base::Random& random,
                                       ClockGuard* guard)
    : impl_(std::make_shared<Impl>(std::move(key), certificate, chain, config, clock, random,
                                   guard)) {}

base::Result<Bytes> TimestampAuthority::stamp(const base::Digest& digest) const {
  BASE_TRY(const auto at, impl_->moment());
  Asked asked;
  asked.imprint = der::sequence({impl_->sha256_algorithm, der::octets(digest)});
  return impl_->token(asked, at, impl_->new_serial());
}

base::Result<TimestampAuthority::Answer> TimestampAuthority::respond(BytesView request) const {
  const auto parsed = parse(request, impl_->policy);
  if (!parsed.asked) return Answer{parsed.refusal, std::nullopt};
  const auto at = impl_->moment();
  if (!at) return Answer{rejection(Failure::time_not_available, at.error().key), std::nullopt};
  const auto serial = impl_->new_serial();
  BASE_TRY(const auto token, impl_->token(*parsed.asked, *at, serial));
  const auto granted = der::sequence({der::integer(0)});
  return Answer{der::sequence({granted, token}),
                Stamped{base::to_hex(serial), parsed.asked->digest, parsed.asked->hashed, *at}};
}

base::Result<Bytes> TimestampAuthority::answer(BytesView request) const {
  BASE_TRY(auto answered, respond(request));
  return std::move(answered.response);
}

}  // namespace certs
