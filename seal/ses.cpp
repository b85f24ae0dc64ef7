#include "seal/ses.h"

#include <algorithm>

#include "base/check.h"
#include "certs/der.h"
#include "certs/signature.h"
#include "hsm/algorithm.h"

namespace seal {
namespace {

namespace der = certs::der;
using base::Bytes;
using base::BytesView;
using base::Code;
using verify::ses::Seal;
using verify::ses::Version;

constexpr std::uint8_t kIa5 = 0x16, kTagged0 = 0xA0;

bool is_sm2(BytesView public_key) {
  return hsm::good_form(hsm::Algorithm::sm2, public_key);
}

bool is_key_of(const hsm::KeyInfo& key, const certs::Certificate& certificate,
               hsm::Purpose purpose) {
  return key.algorithm == hsm::Algorithm::sm2 && key.purpose == purpose && is_sm2(key.public_key) &&
         certificate.public_key() == key.public_key;
}

base::Error refused(const char* key, std::string detail = {}) {
  return base::error(Code::invalid_argument, key, std::move(detail));
}

Bytes ia5(std::string_view text) {
  return der::value(kIa5, base::as_bytes(text));
}

/// The algorithm that both certificates are followed by.
const Bytes& sm2_with_sm3() {
  static const Bytes oid = der::oid(verify::ses::kSm2WithSm3);
  return oid;
}

Bytes token_of(BytesView token) {
  return der::value(kTagged0, der::bits(token));
}

Bytes list_of(const SealDraft& draft) {
  Bytes members;
  for (const auto& sealer : draft.sealers)
    base::append(members, draft.by_digest ? der::sequence({der::printable(verify::ses::kSm3),
                                                           der::octets(base::sm3(sealer.der()))})
                                          : der::octets(sealer.der()));
  return der::sequence({members});
}

/// SES_SealInfo. GB/T 38540-2020 6.1.
Bytes seal_info(const SealDraft& draft) {
  const auto header = der::sequence(
      {ia5("ES"), der::integer(static_cast<std::int64_t>(draft.version)), ia5(draft.vendor)});
  const auto property = der::sequence({der::integer(draft.type), der::utf8(draft.name),
                                       der::integer(draft.by_digest ? 2 : 1), list_of(draft),
                                       der::generalized_time(draft.created, false),
                                       der::generalized_time(draft.valid_from, false),
                                       der::generalized_time(draft.valid_until, false)});
  const auto picture = der::sequence({ia5(draft.picture_type), der::octets(draft.picture),
                                      der::integer(draft.width_mm), der::integer(draft.height_mm)});
  return der::sequence({header, ia5(draft.id), property, picture});
}

base::Result<void> check_parties(const SealDraft& draft, const hsm::Key& maker,
                                 const certs::Certificate& maker_certificate) {
  if (draft.version != Version::v4 && draft.version != Version::v5)
    return refused("seal.ses.version");
  if (!is_key_of(maker.info(), maker_certificate, hsm::Purpose::seal_maker))
    return refused("seal.ses.maker", maker.info().label);
  if (draft.sealers.empty()) return refused("seal.ses.sealer", "none");
  for (const auto& sealer : draft.sealers) {
    if (!is_sm2(sealer.public_key())) return refused("seal.ses.sealer", sealer.subject());
    if (sealer.public_key() == maker.info().public_key)
      return refused("seal.ses.maker_is_sealer", sealer.subject());
  }
  // der::integer takes no negative numbers: they are refused as the reader would.
  if (draft.type < 0) return refused("verify.ses.structure", "type");
  if (draft.width_mm < 1 || draft.height_mm < 1) return refused("verify.ses.picture");
  return {};
}

}  // namespace

base::Result<Bytes> make_seal(const SealDraft& draft, const hsm::Key& maker,
                              const certs::Certificate& maker_certificate,
                              const TimestampSource* timestamps) {
  BASE_TRY_VOID(check_parties(draft, maker, maker_certificate));
  if (timestamps != nullptr && draft.version != Version::v5)
    return refused("verify.ses.time_stamp_not_in_version");
  const auto info = seal_info(draft);
  const auto certificate = der::octets(maker_certificate.der());
  const auto whole = [&](BytesView signature, BytesView token) {
    return der::sequence({info, certificate, sm2_with_sm3(), der::bits(signature), token});
  };
  // Judged by the reader before the key is asked: nothing is signed that nobody could read.
  const auto draft_der = whole(certs::ecdsa_to_der(Bytes(64, 1)), {});
  if (const auto readable = Seal::read(draft_der); !readable) return readable.error();
  BASE_TRY(const auto raw, maker.sign_message(info));
  const auto signature = certs::ecdsa_to_der(raw);
  if (certs::judge_sm2(maker.info().public_key, info, signature) != certs::Sm2Answer::holds)
    return base::error(Code::internal, "seal.ses.wrong_signature", maker.info().label);
  if (timestamps == nullptr) return whole(signature, {});
  BASE_TRY(const auto token, timestamps->stamp(base::sha256(signature)));
  auto stamped = whole(signature, token_of(token));
  if (const auto readable = Seal::read(stamped); !readable) return readable.error();
  return stamped;
}

base::Result<SesFrame> SesFrame::create(const hsm::KeyInfo& key,
                                        const certs::Certificate& certificate, BytesView seal,
                                        const std::string& property_info) {
  BASE_TRY(const auto read, Seal::read(seal));
  if (read.version == Version::v1) return refused("seal.ses.version");
  if (!is_key_of(key, certificate, hsm::Purpose::seal) || !read.lists(certificate.der()))
    return refused("seal.ses.sealer", key.label);
  const auto good = [](char c) { return c >= 0x20 && c < 0x7F; };
  if (property_info.empty() || property_info.size() > 1024 ||
      !std::all_of(property_info.begin(), property_info.end(), good))
    return refused("verify.ses.text", "property information");

  SesFrame out;
  out.property_ = ia5(property_info);
  // Time and digest are of one length, so the octets before them are the same each time.
  const Bytes room(out.tail({}, {}).size());
  const auto version = der::integer(static_cast<std::int64_t>(read.version));
  out.begin_ = der::sequence({version, seal, room});
  out.begin_.resize(out.begin_.size() - room.size());
  const auto z = base::sm2_z(BytesView(key.public_key).last(64), hsm::kSm2UserId);
  out.state_.update(z).update(out.begin_);
  out.certificate_ = der::octets(certificate.der());
  base::append(out.certificate_, sm2_with_sm3());
  return out;
}

Bytes SesFrame::tail(const base::Digest& original, base::Time at) const {
  auto out = der::generalized_time(at, false);
  base::append(out, der::bits(original));
  base::append(out, property_);
  return out;
}

base::Digest SesFrame::to_sign(const base::Digest& original, base::Time at) const {
  auto state = state_;
  return state.update(tail(original, at)).finish();
}

Bytes SesFrame::signature_value(BytesView signature) {
  return certs::ecdsa_to_der(signature);
}

Bytes SesFrame::finish(const base::Digest& original, base::Time at, BytesView signature_value,
                       BytesView timestamp_token) const {
  const auto token = timestamp_token.empty() ? Bytes{} : token_of(timestamp_token);
  return der::sequence(
      {begin_, tail(original, at), certificate_, der::bits(signature_value), token});
}

std::size_t SesFrame::most_bytes(std::size_t token_bytes) const {
  constexpr std::size_t kMostSignature = 72, kHeaders = 64;
  return begin_.size() + tail({}, {}).size() + certificate_.size() + kMostSignature + kHeaders +
         token_bytes;
}

base::Result<Bytes> sign_with(const SesFrame& frame, const hsm::Key& key,
                              const base::Digest& original, base::Time at,
                              const TimestampSource* timestamps) {
  BASE_TRY(const auto raw, key.sign(frame.to_sign(original, at)));
  const auto value = SesFrame::signature_value(raw);
  Bytes token;
  if (timestamps != nullptr) {
    BASE_TRY(token, timestamps->stamp(base::sha256(value)));
  }
  return frame.finish(original, at, value, token);
}

}  // namespace seal
