#include "hsm/shares.h"

#include <botan/rng.h>
#include <botan/tss.h>

#include <set>

#include "hsm/envelope.h"

namespace hsm {
namespace {

// identifier, digest, threshold, length; then the number, the secret and its SHA-256.
constexpr std::size_t kIdentifierBytes = 16, kShareHeadBytes = 20;
constexpr std::size_t kShareBytes = kShareHeadBytes + 1 + kBackupSecretBytes + 32;

/// Botan's chance is ours.
class OurChance final : public Botan::RandomNumberGenerator {
 public:
  explicit OurChance(base::Random& random) : random_(random) {}
  void randomize(std::uint8_t out[], std::size_t size) override { random_.fill({out, size}); }
  bool accepts_input() const override { return false; }
  void add_entropy(const std::uint8_t[], std::size_t) override {}
  std::string name() const override { return "base::Random"; }
  void clear() override {}
  bool is_seeded() const override { return true; }

 private:
  base::Random& random_;
};

std::string name_of(const EnclosedShare& share, int number) {
  return "share " + std::to_string(number) + " (" + share.holder.id + ", " + share.holder.name +
         ")";
}

/// What the envelope is bound to, beside both public keys.
base::Bytes context_of(std::string_view backup_id, const ShareHolder& holder, int number) {
  const std::uint8_t octet = static_cast<std::uint8_t>(number);
  return framed({base::as_bytes("xinyin share 1"),
                 base::as_bytes(backup_id),
                 base::as_bytes(holder.id),
                 {&octet, 1}});
}

}  // namespace

base::Result<std::vector<Share>> split(const base::Secret& secret, int threshold, int holders,
                                       base::Random& random) {
  base::check(secret.reveal().size() == kBackupSecretBytes, "a backup's secret has 32 bytes");
  BASE_TRY_VOID(check_threshold(threshold, static_cast<std::size_t>(holders)));
  OurChance chance(random);
  const auto made = Botan::RTSS_Share::split(
      static_cast<std::uint8_t>(threshold), static_cast<std::uint8_t>(holders),
      secret.reveal().data(), static_cast<std::uint16_t>(kBackupSecretBytes),
      random.bytes(kIdentifierBytes), "SHA-256", chance);
  std::vector<Share> shares;
  for (const auto& one : made) {
    base::check(one.size() == kShareBytes, "a share of another length than Botan makes");
    shares.push_back({one.share_id(), base::Secret({one.data().data(), one.data().size()})});
  }
  return shares;
}

base::Result<base::Secret> join(const std::vector<Share>& shares, int threshold) {
  std::set<int> numbers;
  for (const auto& one : shares) {
    if (one.bytes.reveal().size() != kShareBytes ||
        one.bytes.reveal()[kShareHeadBytes] != one.number)
      return altered("share " + std::to_string(one.number));
    if (!numbers.insert(one.number).second) {
      auto failure =
          base::error(base::Code::conflict, "hsm.share_twice", std::to_string(one.number));
      failure.args = {{"number", std::to_string(one.number)}};
      return failure;
    }
  }
  if (shares.size() < static_cast<std::size_t>(threshold)) {
    auto failure = base::error(base::Code::permission_denied, "hsm.too_few_shares");
    failure.detail = std::to_string(shares.size()) + " of " + std::to_string(threshold);
    failure.args = {{"have", std::to_string(shares.size())}, {"need", std::to_string(threshold)}};
    return failure;
  }
  std::vector<Botan::RTSS_Share> theirs;
  for (const auto& one : shares)
    theirs.emplace_back(one.bytes.reveal().data(), one.bytes.reveal().size());
  try {
    const auto joined = Botan::RTSS_Share::reconstruct(theirs);
    return base::Secret({joined.data(), joined.size()});
  } catch (const std::exception& failure) {  // Botan's own language
    return altered(std::string("the shares together: ") + failure.what());
  }
}

base::Result<EnclosedShare> enclose_share(std::string_view backup_id, const ShareHolder& holder,
                                          const Share& share, base::Random& random) {
  BASE_TRY(auto envelope, enclose(holder.share_key, context_of(backup_id, holder, share.number),
                                  share.bytes.reveal(), random));
  return EnclosedShare{holder, std::move(envelope.ephemeral), std::move(envelope.encrypted),
                       base::sha256(share.bytes.reveal())};
}

base::Result<int> share_of(const BackupHeader& header, const Card& card) {
  std::string holders;
  for (std::size_t i = 0; i < header.shares.size(); ++i) {
    const auto& holder = header.shares[i].holder;
    if (holder.share_key == card.share_key()) return static_cast<int>(i) + 1;
    holders += (holders.empty() ? "" : ", ") + holder.id + " " + holder.name;
  }
  auto failure = base::error(base::Code::permission_denied, "hsm.wrong_officer");
  failure.detail = card.label() + " (" + card.serial() + ") holds no share; holders: " + holders;
  failure.args = {{"label", card.label()}, {"serial", card.serial()}, {"holders", holders}};
  return failure;
}

base::Result<Share> open_share(const BackupHeader& header, const Card& card) {
  BASE_TRY(const auto number, share_of(header, card));
  const auto& enclosed = header.shares[static_cast<std::size_t>(number) - 1];
  // An ephemeral key that is none was altered: the card is not asked.
  auto shared = card.agree(enclosed.ephemeral);
  if (!shared.ok())
    return shared.error().key == "hsm.public_key" ? altered(name_of(enclosed, number))
                                                  : shared.error();
  auto bytes = open_envelope({enclosed.ephemeral, enclosed.encrypted}, *shared, card.share_key(),
                             context_of(header.id, enclosed.holder, number));
  if (!bytes || base::sha256(bytes->reveal()) != enclosed.digest)
    return altered(name_of(enclosed, number));
  return Share{number, std::move(*bytes)};
}

}  // namespace hsm
