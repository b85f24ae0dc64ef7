// Keys that the token wraps: what the wrapping is bound to, and what becomes of one that is bent.
#include "hsm/wrapped_key.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/encoding.h"
#include "base/unique_fd.h"
#include "hsm/key_maker.h"
#include "hsm/mechanisms.h"
#include "hsm/provision.h"
#include "hsm/token.h"
#include "tests/support/token.h"

namespace hsm {
namespace {

class WrappedKeyTest : public testing::Test {
 protected:
  test::Token token_{{{"key-wrap-1", Algorithm::aes_256, Purpose::key_wrapping},
                      {"seal-1", Algorithm::ecdsa_p256, Purpose::seal},
                      {"seal-sm2", Algorithm::sm2, Purpose::seal},
                      {"seal-sm2-2", Algorithm::sm2, Purpose::seal}}};
  base::SystemRandom random_;

  Inventory inventory() { return *Inventory::from_file(token_.inventory()); }
  InventoryEntry& entry(Inventory& in, std::string_view label) {
    return const_cast<InventoryEntry&>(*in.find(label));
  }
  /// What seal-sm2 says under a changed inventory; the token itself must not suffer.
  std::string refusal(const Inventory& changed, std::string_view label = "seal-sm2") {
    EXPECT_TRUE(changed.save(token_.inventory()).ok());
    token_.close();
    auto& token = token_.open();
    const auto signature = token.sign(label, base::Digest{});
    EXPECT_TRUE(token.sign("seal-1", base::Digest{}).ok());
    EXPECT_EQ(token.condition(), Condition::up);
    return signature.ok() ? "" : signature.error().key + ": " + signature.error().detail;
  }
};

TEST_F(WrappedKeyTest, TheWrappingIsBoundToAllThatTheInventorySays) {
  const auto good = inventory();
  EXPECT_EQ(refusal(good), "");
  auto other_label = good;
  entry(other_label, "seal-sm2").key.label = "seal-sm2-9";
  EXPECT_NE(refusal(other_label, "seal-sm2-9").find("does not open"), std::string::npos);
  auto other_purpose = good;
  entry(other_purpose, "seal-sm2").key.purpose = Purpose::seal_maker;
  EXPECT_NE(refusal(other_purpose).find("does not open"), std::string::npos);
  auto other_key = good;  // the wrapping of one under the public half of another
  std::swap(entry(other_key, "seal-sm2").wrapped, entry(other_key, "seal-sm2-2").wrapped);
  EXPECT_NE(refusal(other_key).find("does not open"), std::string::npos);
  for (const std::size_t at : {1u, 12u, 13u, 44u, 45u, 60u}) {
    auto bent = good;
    entry(bent, "seal-sm2").wrapped[at] ^= 1;
    EXPECT_NE(refusal(bent).find("hsm.key_refused"), std::string::npos) << at;
  }
  EXPECT_EQ(refusal(good), "");
}

TEST_F(WrappedKeyTest, WithoutItsWrappingKeyItIsRefusedByName) {
  auto changed = inventory();
  std::erase_if(changed.keys, [](const auto& one) { return one.key.label == "key-wrap-1"; });
  EXPECT_NE(refusal(changed).find("its wrapping key is not in the inventory"), std::string::npos);
}

TEST_F(WrappedKeyTest, AWrappingKeyThatDriftedTakesItsKeysAlong) {
  auto changed = inventory();
  entry(changed, "key-wrap-1").attributes["extractable"] = true;
  EXPECT_NE(refusal(changed).find("its wrapping key is not used"), std::string::npos);
}

TEST_F(WrappedKeyTest, AnInventoryThatContradictsItselfIsRefused) {
  const auto good = inventory().text();
  const auto changed = [&](std::string_view from, std::string_view to) {
    auto text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  EXPECT_TRUE(Inventory::from_text(good).ok());
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {R"("protection":"wrapped")", R"("protection":"token")"},
           {R"("protection":"wrapped")", R"("protection":"paper")"},
           {R"("protection":"wrapped")", R"("protection":7)"},
           {R"("protection":"token")", R"("protection":"wrapped")"},
           {R"("wrapped":")", R"("wrapped":"AAAA)"},
           {R"("wrapped_by":")", R"("wrapped_by":"00)"}})
    EXPECT_FALSE(Inventory::from_text(changed(from, to)).ok()) << to;
}

TEST_F(WrappedKeyTest, AnInventoryOfBeforeSaysNothingAndMeansTheToken) {
  auto text = inventory().text();
  const std::string_view word = R"("protection":"token",)";
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word))
    text.erase(at, word.size());
  const auto read = Inventory::from_text(text);
  ASSERT_TRUE(read.ok()) << read.error().detail;
  EXPECT_EQ(read->find("seal-1")->key.protection, Protection::token);
  EXPECT_EQ(read->find("seal-sm2")->key.protection, Protection::wrapped);
}

TEST_F(WrappedKeyTest, WithoutAWrappingKeyNoneIsMade) {
  test::Token bare({{"seal-1", Algorithm::ecdsa_p256, Purpose::seal}});
  const auto done =
      provision(bare.provision_config(), {{"seal-sm2", Algorithm::sm2, Purpose::seal}}, random_,
                [](const ProvisionStep&) {});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().key, "hsm.generate");
  EXPECT_NE(done.error().detail.find("key_wrapping"), std::string::npos);
  EXPECT_EQ(Inventory::from_file(bare.inventory())->find("seal-sm2"), nullptr);
}

TEST_F(WrappedKeyTest, AFaultOfTheTokenIsCuredOrToldAndNeverBlamedOnTheKey) {
  const auto rules = [&](const std::string& text) {
    const auto path = (token_.directory() / "rules").string();
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  };
  rules("");
  ::setenv("P11_SHIM_CONTROL", (token_.directory() / "rules").c_str(), 1);
  token_.point_softhsm_here();
  auto config = token_.config();
  config.module = XINYIN_P11_SHIM;
  {
    const auto token = Token::open(std::move(config), random_);
    ASSERT_TRUE(token.ok()) << token.error().detail;
    for (const auto* rule : {"C_Decrypt rv=0x30 every=3", "C_DecryptInit rv=0xB3 every=2",
                             "C_Decrypt rv=0x05 when=after every=3",
                             "C_DecryptInit rv=0x101 times=1", "C_DecryptInit rv=0x60 times=1"}) {
      rules(rule);
      for (int i = 0; i < 8; ++i) {
        const auto signature = (*token)->sign("seal-sm2", base::Digest{});
        ASSERT_TRUE(signature.ok()) << rule << ": " << signature.error().detail;
      }
    }
    rules("C_DecryptInit rv=0x30\nC_EncryptInit rv=0x30");  // away
    EXPECT_EQ((*token)->sign("seal-sm2", base::Digest{}).error().key, "hsm.unavailable");
    EXPECT_EQ((*token)->condition(), Condition::down);
    EXPECT_TRUE((*token)->suspended().empty());
  }
  ::unsetenv("P11_SHIM_CONTROL");
}

constexpr std::uint8_t kCross = 0xa5;

/// Where the crosswise bytes stand in clear within `bytes`, counted.
std::size_t times_in(base::BytesView bytes, const base::Bytes& crosswise, bool backwards) {
  std::size_t times = 0;
  for (std::size_t at = 0; at + crosswise.size() <= bytes.size(); ++at) {
    std::size_t same = 0;
    while (same < crosswise.size() &&
           (bytes[at + same] ^ kCross) == crosswise[backwards ? crosswise.size() - 1 - same : same])
      ++same;
    times += same == crosswise.size() ? 1 : 0;
  }
  return times;
}

/// How often these 32 bytes, given crosswise so that the question is no hit, stand in this
/// process's writable memory.
std::size_t times_in_memory(const base::Bytes& crosswise, bool backwards) {
  constexpr std::uintptr_t kMostRegion = std::uintptr_t{1} << 32;  // past it: a sanitizer's shadow
  constexpr std::size_t kPiece = 1 << 20;
  base::Bytes piece(kPiece + 31);  // pieces overlap: nothing falls between two
  const base::UniqueFd memory(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  std::size_t times = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t from = 0, to = 0;
    char dash = 0;
    std::string rights;
    std::istringstream fields(line);
    fields >> std::hex >> from >> dash >> to >> rights;
    if (!rights.starts_with("rw") || to - from > kMostRegion) continue;
    for (; from < to; from += kPiece) {
      const auto got = ::pread(memory.get(), piece.data(), std::min(piece.size(), to - from),
                               static_cast<off_t>(from));
      if (got > 0)
        times += times_in(base::BytesView(piece).first(static_cast<std::size_t>(got)), crosswise,
                          backwards);
      base::wipe(piece);
    }
  }
  return times;
}

/// The scalar, read through the module's own door; kept only crosswise.
base::Bytes crosswise_scalar(const test::Token& token, const InventoryEntry& recorded,
                             std::size_t& seen_in_clear) {
  const auto config = token.config();
  auto login = p11::Login::open(config.module, {config.label, ""}, config.pin.clone(), false);
  p11::Handle session = 0;
  p11::Rv rv = (*login)->open_session(session);
  const auto id = base::from_hex(recorded.wrapped_by.value()).value();
  const auto wrapper = p11::find_objects(**login, session, p11::Part::secret, id, rv);
  const auto parts = wrapping_parts(recorded.wrapped);
  auto scalar = base::Secret::blank(kScalarRoom);
  std::size_t size = 0;
  rv = p11::gcm_decrypt(**login, session, wrapper.at(0), parts->iv, wrapping_bound(recorded.key),
                        parts->sealed, scalar.writable(), size);
  base::check(rv == 0 && size == kScalarSize, "the wrapping does not open");
  base::Bytes crosswise;
  for (const auto octet : scalar.reveal().first(kScalarSize)) crosswise.push_back(octet ^ kCross);
  seen_in_clear = times_in_memory(crosswise, false);
  return crosswise;
}

TEST_F(WrappedKeyTest, NothingOfTheClearKeyIsLeftInMemoryAfterASignature) {
  std::size_t seen = 0;
  const auto crosswise = crosswise_scalar(token_, *inventory().find("seal-sm2"), seen);
  EXPECT_GE(seen, 1u);  // the search does find what is there
  auto& token = token_.open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(token.sign("seal-sm2", base::Digest{}).ok());
  EXPECT_EQ(times_in_memory(crosswise, /*backwards=*/false), 0u);
  EXPECT_EQ(times_in_memory(crosswise, /*backwards=*/true), 0u);  // as numbers lie in memory
}

}  // namespace
}  // namespace hsm
