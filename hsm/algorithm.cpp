#include "hsm/algorithm.h"

#include <algorithm>
#include <array>

#include "base/sm3.h"

namespace hsm {
namespace {

template <class... Octets>
constexpr std::array<std::uint8_t, sizeof...(Octets)> octets(Octets... each) {
  return {static_cast<std::uint8_t>(each)...};
}

// SEQUENCE { SEQUENCE { id-ecPublicKey, curve }, BIT STRING } up to the point: RFC 5480 §2, for SM2
// GM/T 0015-2012. Ed25519: RFC 8410 §4.
constexpr auto kP256 =
    octets(0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
           0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00);
constexpr auto kP384 =
    octets(0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05,
           0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00);
constexpr auto kSm2 =
    octets(0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
           0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d, 0x03, 0x42, 0x00);
constexpr auto kEd25519 =
    octets(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);
// SEQUENCE { SEQUENCE { rsaEncryption, NULL }, … }: RFC 3279 §2.3.1.
constexpr auto kRsaIdentifier = octets(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
                                       0x01, 0x01, 0x01, 0x05, 0x00);

constexpr base::BytesView part(base::BytesView all, std::size_t at, std::size_t size) {
  return all.subspan(at, size);
}

constexpr std::array<AlgorithmFacts, 7> kFacts{{
    {Algorithm::ecdsa_p256, "ecdsa_p256", Scheme::ecdsa, 32, 64, 256, kP256, 65,
     part(kP256, 13, 10)},
    {Algorithm::ecdsa_p384, "ecdsa_p384", Scheme::ecdsa, 48, 96, 384, kP384, 97,
     part(kP384, 13, 7)},
    {Algorithm::rsa_3072, "rsa_3072", Scheme::rsa, 32, 384, 3072, {}, 0, {}},
    {Algorithm::rsa_4096, "rsa_4096", Scheme::rsa, 32, 512, 4096, {}, 0, {}},
    {Algorithm::ed25519, "ed25519", Scheme::eddsa, 0, 64, 256, kEd25519, 32, part(kEd25519, 4, 5)},
    {Algorithm::sm2, "sm2", Scheme::sm2, 32, 64, 256, kSm2, 65, part(kSm2, 13, 10)},
    {Algorithm::aes_256, "aes_256", Scheme::none, 0, 0, 256, {}, 0, {}},
}};

base::Error wrong_input(const KeyInfo& key, const std::string& why) {
  auto failure = base::error(base::Code::invalid_argument, "hsm.input", key.label + ": " + why);
  failure.args = {{"label", key.label}, {"why", why}};
  return failure;
}

}  // namespace

std::span<const AlgorithmFacts> algorithm_facts() {
  return kFacts;
}

const AlgorithmFacts& facts_of(Algorithm algorithm) {
  for (const auto& one : kFacts)
    if (one.algorithm == algorithm) return one;
  base::fail("an algorithm without facts");
}

bool fits(Algorithm algorithm, Purpose purpose) {
  const bool wraps = purpose == Purpose::data_wrapping || purpose == Purpose::key_wrapping;
  return wraps == !signs(algorithm);
}

bool good_input_size(Algorithm algorithm, std::size_t size) {
  const auto& facts = facts_of(algorithm);
  return facts.input_size != 0 ? size == facts.input_size
                               : facts.scheme != Scheme::none && size <= kMostMessageBytes;
}

base::Result<void> check_input(const KeyInfo& key, base::BytesView input) {
  const auto& facts = facts_of(key.algorithm);
  if (facts.scheme == Scheme::none)
    return base::error(base::Code::permission_denied, "hsm.refused", key.label + " signs nothing");
  if (good_input_size(key.algorithm, input.size())) return {};
  return wrong_input(
      key, std::string(facts.name) + " signs " +
               (facts.input_size != 0 ? std::to_string(facts.input_size) + " bytes"
                                      : "at most " + std::to_string(kMostMessageBytes) + " bytes") +
               ", not " + std::to_string(input.size()));
}

base::Result<base::Bytes> input_of(const KeyInfo& key, base::BytesView message) {
  base::Bytes input;
  switch (key.algorithm) {
    case Algorithm::ecdsa_p256:
    case Algorithm::rsa_3072:
    case Algorithm::rsa_4096:
      return base::to_bytes(base::sha256(message));
    case Algorithm::ecdsa_p384:
      return base::to_bytes(base::sha384(message));
    case Algorithm::sm2:
      if (!good_form(key.algorithm, key.public_key))
        return base::error(base::Code::invalid_argument, "hsm.public_key", key.label);
      return base::to_bytes(sm2_input(base::BytesView(key.public_key).last(64), message));
    case Algorithm::ed25519:
    case Algorithm::aes_256:
      break;
  }
  BASE_TRY_VOID(check_input(key, message));
  return base::to_bytes(message);
}

bool good_form(Algorithm algorithm, base::BytesView spki) {
  const auto& facts = facts_of(algorithm);
  if (facts.scheme == Scheme::rsa) {
    // The outer SEQUENCE's length takes three or four octets.
    const auto at = std::search(
        spki.begin(),
        spki.begin() + std::min<std::ptrdiff_t>(24, static_cast<std::ptrdiff_t>(spki.size())),
        kRsaIdentifier.begin(), kRsaIdentifier.end());
    return spki.size() > static_cast<std::size_t>(facts.bits) / 8 && at == spki.begin() + 4;
  }
  const auto& prefix = facts.spki_prefix;
  if (prefix.empty() || spki.size() != prefix.size() + facts.public_size ||
      !std::equal(prefix.begin(), prefix.end(), spki.begin()))
    return false;
  return facts.scheme == Scheme::eddsa || spki[prefix.size()] == 0x04;  // an uncompressed point
}

base::Digest sm2_input(base::BytesView point, base::BytesView message) {
  return base::Sm3().update(base::sm2_z(point, kSm2UserId)).update(message).finish();
}

}  // namespace hsm
