// What may not pass, each for a reason of its own. The raw seals are built apart from the writer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/oids.h"
#include "certs/signature.h"
#include "tests/seal/ses_house.h"

namespace {

namespace der = certs::der;
using base::Bytes;
using base::BytesView;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using test::RawSeal;
using test::RawSignature;
using testing::Contains;
using testing::Not;
using verify::Answer;
using verify::SealReport;

Bytes ia5(std::string_view text) {
  return der::value(0x16, base::as_bytes(text));
}
Bytes generalized(std::string_view text) {
  return der::value(0x18, base::as_bytes(text));
}
Bytes raw(std::string_view hex) {
  return *base::from_hex(hex);
}

const verify::Step* step(const SealReport& report, std::string_view what) {
  for (const auto& one : report.steps)
    if (one.what == what) return &one;
  return nullptr;
}

bool all_yes(const SealReport& report) {
  return report.intact == Answer::yes && report.genuine == Answer::yes &&
         report.in_force == Answer::yes;
}

// What the reader refuses -------------------------------------------------------------------------

struct Bent {
  const char* name;
  int version;
  std::function<void(RawSeal&, test::SesHouse&)> bend;
  const char* reason;
};

Bytes without_last(Bytes bytes) {
  bytes.pop_back();
  return bytes;
}

const std::vector<Bent>& bents() {
  using H = test::SesHouse;
  static const std::vector<Bent> all{
      {"VersionZero", 4, [](RawSeal& s, H&) { s.version = der::integer(std::int64_t{0}); },
       "verify.ses.version"},
      {"VersionTwo", 4, [](RawSeal& s, H&) { s.version = der::integer(2); }, "verify.ses.version"},
      {"VersionTwoOld", 1, [](RawSeal& s, H&) { s.version = der::integer(2); },
       "verify.ses.version"},
      {"VersionThree", 4, [](RawSeal& s, H&) { s.version = der::integer(3); },
       "verify.ses.version"},
      {"VersionSix", 5, [](RawSeal& s, H&) { s.version = der::integer(6); }, "verify.ses.version"},
      {"VersionNegative", 4, [](RawSeal& s, H&) { s.version = raw("0201fc"); },
       "verify.ses.structure"},
      {"VersionOneInTheNewForm", 4, [](RawSeal& s, H&) { s.version = der::integer(1); },
       "verify.ses.structure"},
      {"VersionFourInTheOldForm", 1, [](RawSeal& s, H&) { s.version = der::integer(4); },
       "verify.ses.structure"},
      {"Mark", 4, [](RawSeal& s, H&) { s.mark = ia5("SE"); }, "verify.ses.header"},
      {"VendorEmpty", 4, [](RawSeal& s, H&) { s.vendor = ia5(""); }, "verify.ses.text"},
      {"IdNotAscii", 4, [](RawSeal& s, H&) { s.id = ia5("\xe7\xab\xa0"); }, "verify.ses.text"},
      {"IdOfAnotherType", 4, [](RawSeal& s, H&) { s.id = der::utf8("1"); }, "verify.ses.structure"},
      {"NameNotUtf8", 4, [](RawSeal& s, H&) { s.name = der::utf8("\xff"); }, "verify.ses.text"},
      {"NameOfTwoLines", 4, [](RawSeal& s, H&) { s.name = der::utf8("a\nb"); }, "verify.ses.text"},
      {"ListType", 4, [](RawSeal& s, H&) { s.list_type = der::integer(3); },
       "verify.ses.list_type"},
      {"ListOfCertificatesCalledDigests", 4, [](RawSeal& s, H&) { s.list_type = der::integer(2); },
       "verify.ses.list"},
      {"ListOfDigestsCalledCertificates", 5,
       [](RawSeal& s, H& h) { s.list = h.raw_seal(5, true).list; }, "verify.ses.list"},
      {"ListEmpty", 4, [](RawSeal& s, H&) { s.list = der::sequence({}); }, "verify.ses.list"},
      {"ListDigestOfSha256", 4,
       [](RawSeal& s, H& h) {
         s.list_type = der::integer(2);
         s.list = der::sequence({der::sequence(
             {der::printable("SHA256"), der::octets(base::sha256(h.sealer->der()))})});
       },
       "verify.ses.list_digest"},
      {"ListDigestShort", 4,
       [](RawSeal& s, H&) {
         s.list_type = der::integer(2);
         s.list = der::sequence({der::sequence({der::printable("SM3"), der::octets(Bytes(31))})});
       },
       "verify.ses.list_digest"},
      {"ListMemberNoCertificate", 4,
       [](RawSeal& s, H&) { s.list = der::sequence({der::octets(Bytes(9))}); },
       "verify.ses.certificate"},
      {"TimesOfTheOldForm", 4,
       [](RawSeal& s, H&) { s.created = der::value(0x17, base::as_bytes("261114030000Z")); },
       "verify.ses.structure"},
      {"TimesOfTheNewForm", 1, [](RawSeal& s, H&) { s.created = generalized("20261114030000Z"); },
       "verify.ses.structure"},
      {"TimeOfAZone", 4, [](RawSeal& s, H&) { s.created = generalized("20261114110000+0800"); },
       "verify.ses.time"},
      {"TimeOfNoDay", 4, [](RawSeal& s, H&) { s.created = generalized("20260230110000Z"); },
       "verify.ses.time"},
      {"TimeWithAnEndlessFraction", 4,
       [](RawSeal& s, H&) { s.created = generalized("20261114030000.10Z"); }, "verify.ses.time"},
      {"ValidityReversed", 5, [](RawSeal& s, H&) { std::swap(s.valid_from, s.valid_until); },
       "verify.ses.time"},
      {"PictureType", 4, [](RawSeal& s, H&) { s.picture_type = ia5("tif"); },
       "verify.ses.picture_type"},
      {"PictureOfAnotherType", 4, [](RawSeal& s, H&) { s.picture_type = ia5("ofd"); },
       "verify.ses.picture"},
      {"PictureWithoutWidth", 4, [](RawSeal& s, H&) { s.width = der::integer(std::int64_t{0}); },
       "verify.ses.picture"},
      {"PictureOfAMetre", 4, [](RawSeal& s, H&) { s.height = der::integer(1000); },
       "verify.ses.picture"},
      {"PictureTooLarge", 4,
       [](RawSeal& s, H&) {
         auto big = test::png();
         big.resize((1 << 20) + 1);
         s.picture = der::octets(big);
       },
       "verify.ses.picture"},
      {"ExtensionTwice", 4,
       [](RawSeal& s, H&) {
         const auto one = der::sequence({der::oid("1.2.3.4"), der::octets(Bytes(1))});
         s.extensions = der::sequence({one, one});
       },
       "verify.ses.extensions"},
      {"ExtensionDefaultWritten", 4,
       [](RawSeal& s, H&) {
         s.extensions = der::sequence(
             {der::sequence({der::oid("1.2.3.4"), der::boolean(false), der::octets(Bytes(1))})});
       },
       "verify.ses.extensions"},
      {"ExtensionWithoutValue", 4,
       [](RawSeal& s, H&) { s.extensions = der::sequence({der::sequence({der::oid("1.2.3.4")})}); },
       "verify.ses.extensions"},
      {"SomethingBehindTheExtensions", 4,
       [](RawSeal& s, H&) {
         s.extensions = der::sequence({});
         base::append(s.extensions, der::null());
       },
       "verify.ses.structure"},
      {"MakerNoCertificate", 4, [](RawSeal& s, H&) { s.certificate = der::octets(Bytes(3)); },
       "verify.ses.certificate"},
      {"AlgorithmOfSha256", 4,
       [](RawSeal& s, H&) { s.algorithm = der::oid("1.2.156.10197.1.503"); },
       "verify.ses.algorithm"},
      {"AlgorithmOfEcdsa", 5, [](RawSeal& s, H&) { s.algorithm = der::oid("1.2.840.10045.4.3.2"); },
       "verify.ses.algorithm"},
      {"AlgorithmOfTheCurve", 1,
       [](RawSeal& s, H&) { s.algorithm = der::oid("1.2.156.10197.1.301"); },
       "verify.ses.algorithm"},
      {"SignatureBare", 4, [](RawSeal& s, H&) { s.signature = der::bits(Bytes(64, 1)); },
       "verify.ses.signature_value"},
      {"SignatureOfThreeNumbers", 4,
       [](RawSeal& s, H&) {
         s.signature =
             der::bits(der::sequence({der::integer(1), der::integer(1), der::integer(1)}));
       },
       "verify.ses.signature_value"},
      {"SignatureNumberNotMinimal", 4,
       [](RawSeal& s, H&) {
         s.signature =
             der::bits(raw("30070202000102"
                           "0101"));
       },
       "verify.ses.signature_value"},
      {"SignatureOfPartOctets", 4,
       [](RawSeal& s, H&) {
         s.signature = der::bits(raw("30060201010201"
                                     "00"),
                                 1);
       },
       "verify.ses.structure"},
      {"TimeStampInVersionFour", 4,
       [](RawSeal& s, H&) { s.token = der::value(0xA0, der::bits(Bytes(9))); },
       "verify.ses.time_stamp_not_in_version"},
      {"TimeStampEmpty", 5, [](RawSeal& s, H&) { s.token = der::value(0xA0, der::bits({})); },
       "verify.ses.time_stamp"},
      {"TimeStampOfAnotherTag", 5,
       [](RawSeal& s, H&) { s.token = der::value(0xA1, der::bits(Bytes(9))); },
       "verify.ses.structure"},
      {"TimeStampTwice", 5,
       [](RawSeal& s, H&) {
         s.token = der::value(0xA0, der::bits(Bytes(9)));
         base::append(s.token, s.token);
       },
       "verify.ses.structure"},
  };
  return all;
}

class SesReadTest : public testing::TestWithParam<Bent> {};

TEST_P(SesReadTest, IsRefusedForItsOwnReason) {
  test::SesHouse house;
  auto seal = house.raw_seal(GetParam().version);
  ASSERT_TRUE(verify::ses::Seal::read(seal.encode()));
  GetParam().bend(seal, house);
  const auto bent = seal.encode();
  const auto read = verify::ses::Seal::read(bent);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().key, GetParam().reason);
  // Inside a signature it is refused for the same.
  auto signature = house.raw_signature(GetParam().version, bent);
  const auto report = house.judge(signature.encode());
  EXPECT_EQ(report.intact, Answer::no);
  EXPECT_THAT(report.reasons, testing::ElementsAre(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(Table, SesReadTest, testing::ValuesIn(bents()),
                         [](const auto& one) { return std::string(one.param.name); });

class SesForgeryTest : public testing::Test {
 protected:
  /// A good signature with a seal that `bend` had its way with.
  SealReport judged(int version, const std::function<void(RawSeal&)>& bend,
                    const std::function<void(RawSignature&)>& bend_signature = {}) {
    auto seal = house.raw_seal(version);
    if (bend) bend(seal);
    auto signature = house.raw_signature(version, seal.encode());
    if (bend_signature) bend_signature(signature);
    return house.judge(signature.encode());
  }
  /// Only this is wrong with it: the other questions are answered yes.
  static void expect_only(const SealReport& report, Answer SealReport::*question, Answer answer,
                          const char* reason) {
    EXPECT_THAT(report.reasons, Contains(reason));
    EXPECT_EQ(report.*question, answer) << reason;
    for (const auto one : {&SealReport::intact, &SealReport::genuine, &SealReport::in_force})
      EXPECT_TRUE(one == question || report.*one == Answer::yes) << reason;
  }
  /// A RawSignature bent to carry a token over its own value.
  Bytes stamped(RawSignature signature, base::Time at) {
    const auto value = signature.sign(signature.to_sign());
    signature.signature = der::bits(value);
    const auto now = house.now();
    house.pki.clock().set(at);
    signature.token = test::ses_token(house.pki.timestamps(), value);
    house.pki.clock().set(now);
    return signature.encode();
  }
  test::SesHouse house;
};

TEST_F(SesForgeryTest, WhatIsNotBentIsGood) {
  for (const int version : {1, 4, 5}) {
    const auto report = judged(version, {});
    EXPECT_TRUE(all_yes(report)) << version << testing::PrintToString(report.reasons);
  }
}

TEST_F(SesForgeryTest, DerIsTheOnlyForm) {
  const auto good = house.raw_signature(4, house.raw_seal(4).encode()).encode();
  const auto reason = [](const Bytes& bytes) {
    const auto read = verify::ses::Signature::read(bytes);
    return read ? "read" : read.error().key;
  };
  ASSERT_EQ(reason(good), "read");
  auto trailing = good;
  trailing.push_back(0);
  EXPECT_EQ(reason(trailing), "verify.ses.trailing");
  EXPECT_EQ(reason(without_last(good)), "verify.ses.der");
  EXPECT_EQ(reason({}), "verify.ses.der");
  ASSERT_EQ(good[1], 0x82);  // a length of two octets
  Bytes longer{0x30, 0x83, 0x00, good[2], good[3]};
  longer.insert(longer.end(), good.begin() + 4, good.end());
  EXPECT_EQ(reason(longer), "verify.ses.der");
  Bytes indefinite{0x30, 0x80};
  indefinite.insert(indefinite.end(), good.begin() + 4, good.end());
  indefinite.insert(indefinite.end(), {0, 0});
  EXPECT_EQ(reason(indefinite), "verify.ses.der");
  auto padded = house.raw_seal(4);
  padded.width = raw("0202002a");
  EXPECT_EQ(reason(house.raw_signature(4, padded.encode()).encode()), "verify.ses.der");
  EXPECT_EQ(reason(der::octets(good)), "verify.ses.der");
  EXPECT_EQ(reason(der::sequence({Bytes(3 << 20)})), "verify.ses.too_large");
}

TEST_F(SesForgeryTest, TheSignatureIsOfTheVersionOfItsSeal) {
  const auto reason = [&](int version, const Bytes& seal) {
    return house.judge(house.raw_signature(version, seal).encode()).reasons.front();
  };
  EXPECT_EQ(reason(5, house.raw_seal(4).encode()), "verify.ses.version_mixed");
  EXPECT_EQ(reason(4, house.raw_seal(5).encode()), "verify.ses.version_mixed");
  EXPECT_EQ(reason(2, house.raw_seal(4).encode()), "verify.ses.version");
  auto short_hash = house.raw_signature(4, house.raw_seal(4).encode());
  short_hash.data_hash = der::bits(Bytes(31));
  EXPECT_EQ(house.judge(short_hash.encode()).reasons.front(), "verify.ses.data_hash");
}

TEST_F(SesForgeryTest, Gbt38540_7_3_TheOriginalIsAnother) {
  expect_only(judged(4, {}, [](RawSignature& s) { s.data_hash = der::bits(Bytes(32)); }),
              &SealReport::intact, Answer::no, "verify.ses.data_hash_differs");
  expect_only(judged(5, {}, [](RawSignature& s) { s.property = ia5("/Doc_0/Other.xml"); }),
              &SealReport::intact, Answer::no, "verify.ses.property_differs");
  const auto signature = house.raw_signature(4, house.raw_seal(4).encode()).encode();
  const auto other = house.raw_seal(4).encode();  // another signature value of the maker
  const auto hash = house.digest();
  const auto trust = house.trust();
  expect_only(verify::ses::judge_signature(signature, {hash, {}, {}, other}, trust, house.now()),
              &SealReport::intact, Answer::no, "verify.ses.other_seal");
  expect_only(verify::ses::judge_signature(signature, {hash, {}, "1.2.156.10197.1.301", {}}, trust,
                                           house.now()),
              &SealReport::intact, Answer::no, "verify.ses.algorithm_differs");
}

TEST_F(SesForgeryTest, Gbt38540_6_3_ASealChangedAfterItWasMade) {
  // Whoever holds the sealer's key puts another picture into the seal and signs with it.
  expect_only(judged(4,
                     [](RawSeal& seal) {
                       seal.signature = der::bits(seal.sign(seal.info()));
                       auto picture = test::png();
                       picture.back() ^= 1;
                       seal.picture = der::octets(picture);
                     }),
              &SealReport::intact, Answer::no, "verify.ses.maker_signature");
  // In v1 certificate and algorithm are signed too, and the information alone is not enough.
  expect_only(judged(1, [](RawSeal& seal) { seal.signature = der::bits(seal.sign(seal.info())); }),
              &SealReport::intact, Answer::no, "verify.ses.maker_signature");
}

TEST_F(SesForgeryTest, AForeignMaker) {
  test::SesHouse other;  // the same names, other keys
  const auto report = judged(5, [&](RawSeal& seal) {
    seal.certificate = der::octets(other.maker->der());
    seal.sign = test::sm2(other.maker_key);
  });
  EXPECT_EQ(report.genuine, Answer::no);
  EXPECT_THAT(report.reasons, Contains("verify.ses.maker_not_trusted"));
  EXPECT_EQ(report.intact, Answer::yes);
}

TEST_F(SesForgeryTest, AMakerWithoutThePurpose) {
  const auto key = test::SoftKey::make("other", hsm::Algorithm::sm2);
  const auto certificate = house.issue(certs::Profile::seal, "冒充制章", key->info().public_key);
  house.enlist(certificate, "seal");
  const auto report = judged(5, [&](RawSeal& seal) {
    seal.certificate = der::octets(certificate.der());
    seal.sign = test::sm2(key);
  });
  EXPECT_EQ(report.genuine, Answer::no);
  EXPECT_THAT(report.reasons, Contains("verify.ses.maker_not_trusted"));
  EXPECT_THAT(report.reasons, Contains("certs.wrong_purpose"));
}

TEST_F(SesForgeryTest, AMakerThatUsesItsOwnSeal) {
  // Even if one certificate could do both.
  const auto report = judged(
      4, [&](RawSeal& seal) { seal.list = der::sequence({der::octets(house.maker->der())}); },
      [&](RawSignature& signature) {
        signature.certificate = der::octets(house.maker->der());
        signature.sign = test::sm2(house.maker_key);
      });
  EXPECT_EQ(report.genuine, Answer::no);
  EXPECT_THAT(report.reasons, Contains("verify.ses.maker_is_sealer"));
  const auto by_digest = house.raw_seal(5, true);
  auto own = by_digest;
  own.list = der::sequence({der::sequence(
      {der::printable(verify::ses::kSm3), der::octets(base::sm3(house.maker->der()))})});
  const auto alone = verify::ses::judge_seal(own.encode(), house.trust(), house.now());
  EXPECT_THAT(alone.reasons, Contains("verify.ses.maker_is_sealer"));
}

TEST_F(SesForgeryTest, Gbt38540_7_3_ASealerWhoIsNotInTheList) {
  const auto key = test::SoftKey::make("other", hsm::Algorithm::sm2);
  const auto other = house.issue(certs::Profile::seal, "另一枚", key->info().public_key);
  house.enlist(other, "seal");
  for (const bool by_digest : {false, true}) {
    auto signature = house.raw_signature(5, house.raw_seal(5, by_digest).encode());
    signature.certificate = der::octets(other.der());
    signature.sign = test::sm2(key);
    expect_only(house.judge(signature.encode()), &SealReport::genuine, Answer::no,
                "verify.ses.not_listed");
  }
  // The same key certified anew is not the listed certificate either.
  auto renewed = house.raw_signature(4, house.raw_seal(4).encode());
  renewed.certificate = der::octets(
      house.issue(certs::Profile::seal, "续期", house.sealer_key->info().public_key).der());
  EXPECT_THAT(house.judge(renewed.encode()).reasons, Contains("verify.ses.not_listed"));
}

TEST_F(SesForgeryTest, AnUntrustedSealer) {
  test::SesHouse other;
  const auto report = judged(
      4, [&](RawSeal& seal) { seal.list = der::sequence({der::octets(other.sealer->der())}); },
      [&](RawSignature& signature) {
        signature.certificate = der::octets(other.sealer->der());
        signature.sign = test::sm2(other.sealer_key);
      });
  EXPECT_EQ(report.genuine, Answer::no);
  ASSERT_TRUE(step(report, "verify.ses.step.signer_chain"));
  EXPECT_EQ(step(report, "verify.ses.step.signer_chain")->answer, Answer::no);
}

TEST_F(SesForgeryTest, TheUserIdInZIsTheDefaultOne) {
  const auto signer = [&](const char* id) {
    return judged(4, {}, [&](RawSignature& s) { s.sign = test::sm2(house.sealer_key, id); });
  };
  expect_only(signer(""), &SealReport::intact, Answer::no, "verify.ses.other_id");
  expect_only(signer("8765432187654321"), &SealReport::intact, Answer::no,
              "verify.ses.signer_signature");
  expect_only(judged(5, [&](RawSeal& s) { s.sign = test::sm2(house.maker_key, ""); }),
              &SealReport::intact, Answer::no, "verify.ses.other_id");
  expect_only(judged(5, [&](RawSeal& s) { s.sign = test::sm2(house.maker_key, "other"); }),
              &SealReport::intact, Answer::no, "verify.ses.maker_signature");
}

TEST_F(SesForgeryTest, EcdsaOverTheSm2CurveIsNoSm2) {
  // What SoftHSM makes of CKM_ECDSA with a key on the SM2 curve: design/eseal.md §7.
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "SM2"), EVP_PKEY_free);
  unsigned char* out = nullptr;
  const int size = i2d_PUBKEY(key.get(), &out);
  const Bytes spki(out, out + size);
  OPENSSL_free(out);
  const auto certificate = house.issue(certs::Profile::seal, "曲线", spki);
  house.enlist(certificate, "seal");
  const auto ecdsa = [&](const base::Digest& digest) {
    Bytes value(80);
    std::size_t length = value.size();
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
        EVP_PKEY_CTX_new(key.get(), nullptr), EVP_PKEY_CTX_free);
    base::check(
        EVP_PKEY_sign_init(context.get()) == 1 &&
            EVP_PKEY_sign(context.get(), value.data(), &length, digest.data(), digest.size()) == 1,
        "ECDSA");
    value.resize(length);
    return value;
  };
  const auto z = base::sm2_z(BytesView(spki).last(64), certs::kSm2UserId);
  const test::SesSign over_e = [&](BytesView message) {
    return ecdsa(base::Sm3().update(z).update(message).finish());
  };
  const test::SesSign over_message = [&](BytesView message) { return ecdsa(base::sm3(message)); };
  for (const auto& sign : {over_e, over_message}) {
    const auto report = judged(
        5, [&](RawSeal& seal) { seal.list = der::sequence({der::octets(certificate.der())}); },
        [&](RawSignature& signature) {
          signature.certificate = der::octets(certificate.der());
          signature.sign = sign;
        });
    expect_only(report, &SealReport::intact, Answer::no, "verify.ses.ecdsa");
  }
}

TEST_F(SesForgeryTest, AKeyOfAnotherCurve) {
  const auto& p256 = house.pki.certificate("seal-1");
  const auto report = judged(
      4, [&](RawSeal& seal) { seal.list = der::sequence({der::octets(p256.der())}); },
      [&](RawSignature& signature) {
        signature.certificate = der::octets(p256.der());
        signature.sign = [&](BytesView message) {
          return certs::ecdsa_to_der(*house.pki.key("seal-1")->sign(base::sha256(message)));
        };
      });
  expect_only(report, &SealReport::intact, Answer::no, "verify.ses.other_key");
}

TEST_F(SesForgeryTest, Gbt38540_6_3_OutsideTheSealsValidity) {
  const auto later = der::generalized_time(house.now() + hours(1), false);
  const auto earlier = der::generalized_time(house.now() - hours(2), false);
  expect_only(judged(4, [&](RawSeal& seal) { seal.valid_until = earlier; }), &SealReport::in_force,
              Answer::no, "verify.ses.seal_expired");
  expect_only(judged(5, [&](RawSeal& seal) { seal.valid_from = later; }), &SealReport::in_force,
              Answer::no, "verify.ses.seal_not_yet");
  expect_only(judged(5,
                     [&](RawSeal& seal) {
                       seal.created = der::generalized_time(house.now() - minutes(90), false);
                       seal.valid_until = earlier;
                     }),
              &SealReport::in_force, Answer::no, "verify.ses.created_late");
}

TEST_F(SesForgeryTest, Gbt38540_7_3_ASealerRevokedBeforeAndAfter) {
  const auto good = house.raw_signature(5, house.raw_seal(5).encode());
  const auto sealed_at = house.now() - hours(1);
  const auto with_token = stamped(good, sealed_at);
  ASSERT_TRUE(all_yes(house.judge(with_token)));
  house.revoke(*house.sealer, sealed_at + minutes(30));
  const auto after = house.judge(with_token);
  EXPECT_TRUE(all_yes(after)) << testing::PrintToString(after.reasons);
  EXPECT_TRUE(after.time_attested);
  // The same without a token: whoever revoked it does not believe the date.
  expect_only(house.judge(good.encode()), &SealReport::in_force, Answer::no,
              "verify.ses.revoked_unproven");
  EXPECT_EQ(step(house.judge(good.encode()), "verify.ses.step.signer_time")->answer, Answer::yes);
  house.revoked.clear();
  house.revoke(*house.sealer, sealed_at - minutes(30));
  expect_only(house.judge(with_token), &SealReport::in_force, Answer::no, "certs.revoked");
}

TEST_F(SesForgeryTest, ALostKeyProvesNothingWithoutAToken) {
  const auto good = house.raw_signature(4, house.raw_seal(4).encode());
  const auto with_token = stamped(good, house.now() - hours(1));
  house.revoke(*house.sealer, house.now() - minutes(10), 1);
  EXPECT_TRUE(all_yes(house.judge(with_token)));
  const auto bare = house.judge(good.encode());
  expect_only(bare, &SealReport::in_force, Answer::no, "verify.seal.compromised_unproven");
  EXPECT_TRUE(bare.compromised_since);
}

TEST_F(SesForgeryTest, Gmt0031_AMakerRevokedAfterTheSealWasMade) {
  house.revoke(*house.maker, house.now() - days(2));
  // v4: the maker must be good when the seal is used. v5: when it was made.
  expect_only(judged(4, {}), &SealReport::in_force, Answer::no, "verify.ses.maker_not_in_force");
  const auto v5 = judged(5, {});
  EXPECT_TRUE(all_yes(v5));
  EXPECT_THAT(v5.reasons, Contains("verify.ses.maker_ended_since"));
  house.revoked.clear();
  house.revoke(*house.maker, house.now() - days(12));
  expect_only(judged(5, {}), &SealReport::in_force, Answer::no, "verify.ses.maker_not_in_force");
}

/// Who has the sealer's key can still sign, and date it back, after the seal or its maker has
/// ended.
TEST_F(SesForgeryTest, WhatHasEndedSinceWantsAToken) {
  const auto ended = der::generalized_time(house.now() + days(1), false);
  auto seal = house.raw_seal(5);
  seal.valid_until = ended;
  const auto good = house.raw_signature(5, seal.encode());
  const auto with_token = stamped(good, house.now() - minutes(30));
  auto older = house.raw_signature(4, house.raw_seal(4).encode());
  const auto older_with_token = stamped(older, house.now() - minutes(20));
  EXPECT_TRUE(all_yes(house.judge(good.encode())));
  EXPECT_TRUE(all_yes(house.judge(older.encode())));
  house.pki.clock().set(house.now() + days(3));
  expect_only(house.judge(good.encode()), &SealReport::in_force, Answer::unsure,
              "verify.ses.seal_ended_unproven");
  EXPECT_TRUE(all_yes(house.judge(with_token)));
  house.revoke(*house.maker, house.now() - days(1));
  expect_only(house.judge(older.encode()), &SealReport::in_force, Answer::unsure,
              "verify.ses.maker_ended_unproven");
  EXPECT_TRUE(all_yes(house.judge(older_with_token)));
}

TEST_F(SesForgeryTest, AMakersLostKeyMakesSealsOfAnyDate) {
  house.revoke(*house.maker, house.now() - days(2), 1);
  const auto unproven = judged(5, {});
  EXPECT_EQ(unproven.genuine, Answer::no);
  EXPECT_THAT(unproven.reasons, Contains("verify.ses.maker_compromised"));
  // A trusted token on the seal shows that it is older than the loss.
  auto seal = house.raw_seal(5);
  const auto value = seal.sign(seal.info());
  seal.signature = der::bits(value);
  const auto now = house.now();
  house.pki.clock().set(now - hours(23));
  seal.token = test::ses_token(house.pki.timestamps(), value);
  house.pki.clock().set(now);
  const auto signature = house.raw_signature(5, seal.encode()).encode();
  EXPECT_THAT(house.judge(signature).reasons, Contains("verify.ses.maker_compromised"));
  house.revoked.clear();
  house.revoke(*house.maker, now - hours(22), 1);
  EXPECT_TRUE(all_yes(house.judge(signature)));
}

TEST_F(SesForgeryTest, AMakerWhoBeginsAfterTheSeal) {
  const auto early = der::generalized_time(house.pki.start() - days(25), false);
  const auto v4 = judged(4, [&](RawSeal& seal) { seal.created = early; });
  EXPECT_TRUE(all_yes(v4));
  EXPECT_THAT(v4.reasons, Contains("verify.ses.maker_after_creation"));
  expect_only(judged(5, [&](RawSeal& seal) { seal.created = early; }), &SealReport::in_force,
              Answer::no, "verify.ses.maker_not_in_force");
}

TEST_F(SesForgeryTest, ATokenOverSomethingElse) {
  for (const int version : {4, 5})
    expect_only(judged(version, {},
                       [&](RawSignature& signature) {
                         signature.token = test::ses_token(house.pki.timestamps(), Bytes(70, 1));
                       }),
                &SealReport::intact, Answer::no, "verify.ses.token_broken");
  expect_only(judged(5,
                     [&](RawSeal& seal) {
                       seal.token = test::ses_token(house.pki.timestamps(), Bytes(70, 1));
                     }),
              &SealReport::intact, Answer::no, "verify.ses.seal_token_broken");
}

TEST_F(SesForgeryTest, ATokenOfAnAuthorityThatNobodyTrusts) {
  test::Pki other;
  auto signature = house.raw_signature(5, house.raw_seal(5).encode());
  const auto value = signature.sign(signature.to_sign());
  signature.signature = der::bits(value);
  signature.token = test::ses_token(other.timestamps(), value);
  const auto report = house.judge(signature.encode());
  EXPECT_EQ(report.in_force, Answer::unsure);
  EXPECT_FALSE(report.time_attested);
  EXPECT_THAT(report.reasons, Contains("verify.seal.timestamp_not_trusted"));
}

TEST_F(SesForgeryTest, TimesThatContradictTheirTokens) {
  const auto now = house.now();
  auto seal = house.raw_seal(5);
  seal.created = der::generalized_time(now - hours(1), false);
  const auto value = seal.sign(seal.info());
  seal.signature = der::bits(value);
  house.pki.clock().set(now - hours(3));  // the authority's clock goes forward alone
  seal.token = test::ses_token(house.pki.timestamps(), value);
  house.pki.clock().set(now);
  expect_only(house.judge(house.raw_signature(5, seal.encode()).encode()), &SealReport::in_force,
              Answer::no, "verify.ses.seal_token_early");
  auto signature = house.raw_signature(5, house.raw_seal(5).encode());  // dated an hour ago
  expect_only(house.judge(stamped(signature, now - hours(2))), &SealReport::in_force, Answer::no,
              "verify.ses.token_early");
  signature.time = der::generalized_time(now + hours(1), false);
  expect_only(house.judge(signature.encode()), &SealReport::in_force, Answer::unsure,
              "verify.seal.in_future");
}

TEST_F(SesForgeryTest, WhatMustBeUnderstoodAndIsNotLeavesItOpen) {
  const auto critical = der::sequence(
      {der::sequence({der::oid("1.2.3.4"), der::boolean(true), der::octets(Bytes(1))})});
  const auto optional = der::sequence({der::sequence({der::oid("1.2.3.4"), der::octets({})})});
  expect_only(judged(4, [&](RawSeal& seal) { seal.extensions = critical; }), &SealReport::genuine,
              Answer::unsure, "verify.ses.critical_extension");
  expect_only(judged(5, {}, [&](RawSignature& s) { s.extensions = der::value(0xA0, critical); }),
              &SealReport::genuine, Answer::unsure, "verify.ses.critical_extension");
  EXPECT_TRUE(all_yes(judged(4, [&](RawSeal& seal) { seal.extensions = optional; })));
  EXPECT_TRUE(
      all_yes(judged(5, [&](RawSeal& seal) { seal.extensions = der::value(0xA0, optional); })));
}

TEST_F(SesForgeryTest, Gmt0031_2014_ATokenInPlaceOfTheTimeProvesNone) {
  auto signature = house.raw_signature(1, house.raw_seal(1).encode());
  signature.time = der::bits(*house.pki.timestamps().stamp(house.digest()));
  const auto report = house.judge(signature.encode());
  EXPECT_EQ(report.in_force, Answer::unsure);
  EXPECT_FALSE(report.sealed_at);
  EXPECT_THAT(report.reasons, Contains("verify.ses.time_info_token"));
}

TEST_F(SesForgeryTest, WithoutRevocationDataNothingIsSure) {
  const auto bytes = house.raw_signature(4, house.raw_seal(4).encode()).encode();
  auto trust = house.trust();
  trust.crls.pop_back();  // of the SM2 issuing authority
  const auto hash = house.digest();
  const auto report = verify::ses::judge_signature(bytes, {hash, {}, {}, {}}, trust, house.now());
  EXPECT_EQ(report.in_force, Answer::unsure);
  EXPECT_EQ(report.genuine, Answer::yes);
  EXPECT_THAT(report.reasons, Contains("verify.ses.maker_unknown"));
}

TEST_F(SesForgeryTest, ATokenOfSm3IsLeftOpenAndNotCalledForged) {
  // ContentInfo { signedData, [0] { SignedData { 3, { SM3 } } } }
  const auto sm3 = der::sequence({der::oid(verify::ses::kSm3)});
  const auto data = der::sequence({der::integer(3), der::set({sm3})});
  const auto token = der::sequence({der::oid("1.2.156.10197.6.1.4.2.2"), der::value(0xA0, data)});
  const auto report = judged(4, {}, [&](RawSignature& signature) {
    signature.token = der::value(0xA0, der::bits(token));
  });
  expect_only(report, &SealReport::intact, Answer::unsure, "verify.ses.token_sm3");
}

}  // namespace
