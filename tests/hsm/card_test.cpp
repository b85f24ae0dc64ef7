// Officers' cards over SoftHSM; what they sign and agree on is judged by openssl.
#include "hsm/card.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/encoding.h"
#include "hsm/envelope.h"
#include "hsm/public_key.h"
#include "tests/hsm/openssl.h"
#include "tests/support/card.h"
#include "tests/support/token.h"

namespace hsm {
namespace {

KeyInfo info_of(const base::Bytes& spki) {
  KeyInfo info;
  info.public_key = spki;
  return info;
}

class CardTest : public testing::Test {
 protected:
  test::Card card_{"card-zhang"};
  base::SystemRandom random_;

  test::Ran pkcs11_tool(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"pkcs11-tool", "--module", test::Token::module(), "--token-label",
                      card_.label(), "--login", "--pin", card_.pin()});
    return test::run(arguments, {"SOFTHSM2_CONF=" + card_.softhsm_conf().string()});
  }
  std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
};

TEST_F(CardTest, WhatItSignsOpensslVerifies) {
  const auto card = card_.open();
  const std::string message = "destroy seal-1";
  const auto signature = card->sign(base::as_bytes(message));
  ASSERT_TRUE(signature.ok()) << signature.error().detail;
  EXPECT_EQ(signature->size(), 64u);
  EXPECT_TRUE(test::openssl_verifies(info_of(card->public_key()), *signature, message));
  EXPECT_FALSE(test::openssl_verifies(info_of(card->public_key()), *signature, message + "2"));
  EXPECT_NE(card->public_key(), card->share_key());
  EXPECT_EQ(card->label(), "card-zhang");
  EXPECT_EQ(card->serial().size(), 16u);
}

TEST_F(CardTest, ItAgreesWithOpensslOnASecret) {
  const auto place = card_.directory();
  ASSERT_EQ(test::run({"openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                       place / "peer.pem"})
                .status,
            0);
  ASSERT_EQ(test::run({"openssl", "pkey", "-in", place / "peer.pem", "-pubout", "-outform", "DER",
                       "-out", place / "peer.der"})
                .status,
            0);
  std::ofstream(place / "card.pem") << base::to_pem("PUBLIC KEY", card_.share_key());
  ASSERT_EQ(test::run({"openssl", "pkeyutl", "-derive", "-inkey", place / "peer.pem", "-peerkey",
                       place / "card.pem", "-out", place / "shared"})
                .status,
            0);
  const auto card = card_.open();
  const auto shared = card->agree(base::as_bytes(read(place / "peer.der")));
  ASSERT_TRUE(shared.ok()) << shared.error().detail;
  EXPECT_TRUE(shared->equals(base::as_bytes(read(place / "shared"))));
}

TEST_F(CardTest, AgreementWithWhatIsNoKeyIsRefused) {
  const auto card = card_.open();
  auto crooked = card->share_key();
  crooked.back() ^= 1;  // off the curve
  for (const auto& peer : {base::Bytes{}, base::Bytes{0x30}, crooked}) {
    const auto shared = card->agree(peer);
    ASSERT_FALSE(shared.ok());
    EXPECT_EQ(shared.error().key, "hsm.public_key");
  }
}

// The other program's words: each key does one thing and can be neither read nor changed.
TEST_F(CardTest, TheKeysAreGoodForOneUseEach) {
  const auto listed = pkcs11_tool({"--list-objects"});
  ASSERT_EQ(listed.status, 0) << listed.out;
  std::string usage, label;
  std::istringstream lines(listed.out);
  bool private_key = false;
  int seen = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("Private Key Object", 0) == 0) private_key = true;
    if (line.rfind("Public Key Object", 0) == 0) private_key = false;
    if (!private_key) continue;
    if (line.find("label:") != std::string::npos) label = line;
    if (line.find("Usage:") != std::string::npos) {
      ++seen;
      const bool share = label.find("officer-share") != std::string::npos;
      EXPECT_EQ(line.find("sign") != std::string::npos, !share) << line;
      EXPECT_EQ(line.find("derive") != std::string::npos, share) << line;
      EXPECT_EQ(line.find("decrypt"), std::string::npos) << line;
      EXPECT_EQ(line.find("unwrap"), std::string::npos) << line;
    }
    if (line.find("Access:") != std::string::npos) {
      EXPECT_NE(line.find("always sensitive, never extractable"), std::string::npos) << line;
    }
  }
  EXPECT_EQ(seen, 2) << listed.out;
  const auto sign = [&](const base::Bytes& spki) {
    return pkcs11_tool({"--sign", "--mechanism", "ECDSA", "--id", id_of(spki).value(),
                        "--input-file", card_.pin_file(), "--output-file",
                        card_.directory() / "signature"})
        .status;
  };
  EXPECT_EQ(sign(card_.open()->public_key()), 0);
  EXPECT_NE(sign(card_.share_key()), 0);
}

TEST_F(CardTest, AWrongPinIsSaidOnceAndNotRetried) {
  auto config = card_.config();
  config.pin = base::Secret(base::as_bytes("wrong-1"));
  card_.point_softhsm_here();
  const auto card = Card::open(std::move(config), random_);
  ASSERT_FALSE(card.ok());
  EXPECT_EQ(card.error().key, "hsm.card_pin");
  EXPECT_EQ(card.error().detail.find("wrong-1"), std::string::npos);
  EXPECT_TRUE(card_.open()->sign({}).ok());
}

TEST_F(CardTest, ThePinIsChangedByWhoKnowsIt) {
  const base::Secret old_pin(base::as_bytes(card_.pin())), fresh(base::as_bytes("fresh-4711"));
  {
    const auto card = card_.open(true);
    const auto wrong = card->change_pin(fresh, fresh);
    ASSERT_FALSE(wrong.ok());
    EXPECT_EQ(wrong.error().key, "hsm.card_pin");
    ASSERT_TRUE(card->change_pin(old_pin, fresh).ok());
  }
  EXPECT_FALSE(Card::open(card_.config(), random_).ok());
  auto config = card_.config();
  config.pin = fresh.clone();
  EXPECT_TRUE(Card::open(std::move(config), random_).ok());
}

TEST_F(CardTest, AForeignCertificateIsNotStored) {
  const auto card = card_.open(true);
  ASSERT_EQ(test::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                       "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=other", "-keyout",
                       "/dev/null", "-outform", "DER", "-out", card_.directory() / "other.der"})
                .status,
            0);
  const auto stored =
      card->store_certificate(base::as_bytes(read(card_.directory() / "other.der")));
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().key, "hsm.card");
  EXPECT_TRUE(card->certificate().empty());
}

TEST_F(CardTest, ASecondKeyOfThatNameMakesItUnusable) {
  // Beside the real one a second "officer-sign", made by another tool with its default template.
  ASSERT_EQ(pkcs11_tool({"--keypairgen", "--key-type", "EC:prime256v1", "--label", "officer-sign",
                         "--id", "01"})
                .status,
            0);
  card_.point_softhsm_here();
  const auto twice = Card::open(card_.config(), random_);
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().key, "hsm.card");
}

TEST_F(CardTest, ACardIsMadeInAnEmptyDirectoryOnly) {
  card_.point_softhsm_here();
  const NewCard again{test::Token::module(), "other", card_.directory() / "tokens",
                      base::Secret(base::as_bytes("12345678")),
                      base::Secret(base::as_bytes("1234"))};
  const auto made = make_card(again, random_);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().key, "hsm.not_empty");
  EXPECT_TRUE(card_.open()->sign({}).ok());
}

TEST_F(CardTest, AnotherTokenIsNotACard) {
  test::Token token({{"seal-1", Algorithm::ecdsa_p256, Purpose::seal}});
  CardConfig config{test::Token::module(), token.label(), "",
                    base::Secret(base::as_bytes(token.pin()))};
  token.point_softhsm_here();
  const auto card = Card::open(std::move(config), random_);
  ASSERT_FALSE(card.ok());
  EXPECT_EQ(card.error().key, "hsm.card");
}

TEST(EnvelopeTest, HkdfIsThatOfRfc5869) {
  // RFC 5869 appendix A.1.
  const auto key = *base::from_hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
  const auto salt = *base::from_hex("000102030405060708090a0b0c");
  const auto info = *base::from_hex("f0f1f2f3f4f5f6f7f8f9");
  EXPECT_EQ(base::to_hex(hkdf_sha256(key, salt, info, 42).reveal()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(EnvelopeTest, GcmIsThatOfTheBookOfVectors) {
  // McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16 (AES-256, with AAD).
  const base::Secret key(
      *base::from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const auto iv_bytes = *base::from_hex("cafebabefacedbaddecaf888");
  GcmIv iv{};
  std::copy(iv_bytes.begin(), iv_bytes.end(), iv.begin());
  const auto bound = *base::from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const auto clear = *base::from_hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
      "b5"
      "25b16aedf5aa0de657ba637b39");
  const auto encrypted = gcm_encrypt(key, iv, bound, clear);
  EXPECT_EQ(base::to_hex(encrypted),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b"
            "1056828"
            "838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
  const auto opened = gcm_decrypt(key, iv, bound, encrypted);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->equals(clear));
  EXPECT_FALSE(gcm_decrypt(key, iv, {}, encrypted));
}

TEST_F(CardTest, AnEnvelopeOpensForItsHolderAndContextOnly) {
  const std::string secret = "thirty-two octets of a share ...";
  const auto envelope =
      enclose(card_.share_key(), base::as_bytes("context"), base::as_bytes(secret), random_);
  ASSERT_TRUE(envelope.ok());
  const auto card = card_.open();
  const auto shared = card->agree(envelope->ephemeral);
  ASSERT_TRUE(shared.ok());
  const auto opened =
      open_envelope(*envelope, *shared, card->share_key(), base::as_bytes("context"));
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->equals(base::as_bytes(secret)));
  EXPECT_FALSE(open_envelope(*envelope, *shared, card->share_key(), base::as_bytes("contexu")));
  EXPECT_FALSE(open_envelope(*envelope, *shared, card->public_key(), base::as_bytes("context")));
}

}  // namespace
}  // namespace hsm
