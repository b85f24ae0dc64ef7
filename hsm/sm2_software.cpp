#include "hsm/sm2_software.h"

#include <botan/ec_group.h>
#include <botan/pubkey.h>
#include <botan/rng.h>
#include <botan/sm2.h>

#include <algorithm>

#include "hsm/algorithm.h"

namespace hsm {
namespace {

constexpr std::size_t kSize = 32;

/// The house's source of chance, for Botan.
class Chance final : public Botan::RandomNumberGenerator {
 public:
  explicit Chance(base::Random& random) : random_(random) {}
  void randomize(std::uint8_t out[], std::size_t size) override { random_.fill({out, size}); }
  void add_entropy(const std::uint8_t[], std::size_t) override {}
  bool accepts_input() const override { return false; }
  std::string name() const override { return "base::Random"; }
  void clear() override {}
  bool is_seeded() const override { return true; }

 private:
  base::Random& random_;
};

const Botan::EC_Group& curve() {
  static const Botan::EC_Group group("sm2p256v1");
  return group;
}

}  // namespace

Sm2Pair make_sm2_pair(base::Random& random) {
  Chance chance(random);
  const Botan::SM2_PrivateKey key(chance, curve());
  Sm2Pair pair;
  pair.scalar = base::Secret::blank(kSize);
  Botan::BigInt::encode_1363(pair.scalar.writable().data(), kSize, key.private_value());
  const auto& facts = facts_of(Algorithm::sm2);
  pair.spki = base::to_bytes(facts.spki_prefix);
  const auto point = key.public_point().encode(Botan::PointGFp::UNCOMPRESSED);
  base::append(pair.spki, {point.data(), point.size()});
  return pair;
}

base::Result<base::Bytes> sm2_sign(base::BytesView scalar, base::BytesView e,
                                   base::Random& random) {
  base::check(scalar.size() == kSize && e.size() == kSize, "SM2 takes 32 bytes of each");
  Chance chance(random);
  try {
    // User id and hash: none, the digest goes in as it is. Z is in e already.
    const Botan::SM2_PrivateKey key(chance, curve(), Botan::BigInt(scalar.data(), kSize));
    Botan::PK_Signer signer(key, chance, ",Raw", Botan::IEEE_1363);
    return signer.sign_message(e.data(), e.size(), chance);
  } catch (const std::exception& failure) {
    return base::error(base::Code::invalid_argument, "hsm.public_key", failure.what());
  }
}

}  // namespace hsm
