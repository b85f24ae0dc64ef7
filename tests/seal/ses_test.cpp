// What we make of national seals, judged by python3-asn1crypto and openssl; and what they make,
// judged by us.
#include "seal/ses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "base/encoding.h"
#include "base/json.h"
#include "certs/signature.h"
#include "test_paths.h"
#include "tests/seal/ses_house.h"
#include "tests/support/token.h"
#include "verify/report.h"

namespace {

using base::Bytes;
using std::chrono::days;
using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using verify::Answer;
using verify::ses::Version;

class Stamps final : public seal::TimestampSource {
 public:
  explicit Stamps(const certs::TimestampAuthority& authority) : authority_(authority) {}
  base::Result<Bytes> stamp(const base::Digest& digest) const override {
    return authority_.stamp(digest);
  }

 private:
  const certs::TimestampAuthority& authority_;
};

class Directory {
 public:
  Directory() {
    char name[] = "/tmp/xinyin-ses-XXXXXX";
    base::check(::mkdtemp(name) != nullptr, "no temporary directory");
    path = name;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  void write(const char* name, std::string_view text) const {
    std::ofstream(path / name, std::ios::binary) << text;
  }
  Bytes read(const char* name) const {
    std::ifstream in(path / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::filesystem::path path;
};

std::string foreign(const std::string& words) {
  return "/usr/bin/python3 " XINYIN_SOURCE_DIR "/tests/seal/foreign_ses.py " + words;
}

bool all_yes(const verify::SealReport& report) {
  return report.intact == Answer::yes && report.genuine == Answer::yes &&
         report.in_force == Answer::yes;
}

struct Kind {
  Version version;
  bool by_digest, stamped;
};

class SesGoldenTest : public testing::TestWithParam<Kind> {
 protected:
  Bytes seal() {
    const auto& kind = GetParam();
    const bool stamp = kind.stamped && kind.version == Version::v5;
    auto made = seal::make_seal(house.draft(kind.version, kind.by_digest), *house.maker_key,
                                *house.maker, stamp ? &stamps : nullptr);
    EXPECT_TRUE(made) << made.error().key;
    return *made;
  }
  Bytes signature() {
    const auto frame = seal::SesFrame::create(house.sealer_key->info(), *house.sealer, seal(),
                                              test::SesHouse::kPlace);
    EXPECT_TRUE(frame) << frame.error().key;
    auto made = seal::sign_with(*frame, *house.sealer_key, house.digest(), house.now(),
                                GetParam().stamped ? &stamps : nullptr);
    EXPECT_TRUE(made) << made.error().key;
    EXPECT_LE(made->size(), frame->most_bytes(GetParam().stamped ? 4096 : 0));
    return *made;
  }

  test::SesHouse house;
  Stamps stamps{house.pki.timestamps()};
  Directory directory;
};

TEST_P(SesGoldenTest, Gbt38540_AsnOneCryptoReadsItAndOpensslVerifiesBothSignatures) {
  directory.write("signature.der", base::as_text(signature()));
  const auto ran = test::ses_run(directory.path, foreign("read signature.der ."));
  ASSERT_EQ(ran.status, 0) << ran.output;
  const auto& kind = GetParam();
  EXPECT_THAT(ran.output, HasSubstr("version=" + std::to_string(static_cast<int>(kind.version))));
  EXPECT_THAT(ran.output, HasSubstr(kind.by_digest ? "list=2" : "list=1"));
  EXPECT_THAT(ran.output, HasSubstr("members=1"));
  EXPECT_THAT(ran.output, HasSubstr("name=江州市社会保险事业管理中心"));
  EXPECT_THAT(ran.output, HasSubstr("maker=测试制章"));
  EXPECT_THAT(ran.output, HasSubstr("create=2026-11-14T03:00:00+00:00"));
  EXPECT_THAT(ran.output, HasSubstr("time=2026-11-24T03:00:00+00:00"));
  EXPECT_THAT(ran.output, HasSubstr("size=42x42"));
  EXPECT_THAT(ran.output, HasSubstr("hash=" + base::to_hex(house.digest())));
  EXPECT_THAT(ran.output, HasSubstr("property=/Doc_0/Signs/Sign_0/Signature.xml"));
  EXPECT_THAT(ran.output, HasSubstr(kind.stamped ? "\ntoken=True" : "\ntoken=False"));
}

TEST_P(SesGoldenTest, OpensslVerifiesTheTimeStampsOverTheSignatureValues) {
  if (!GetParam().stamped) {
    const auto read = verify::ses::Signature::read(signature());
    ASSERT_TRUE(read);
    EXPECT_FALSE(read->time_stamp || read->seal.time_stamp);
    return;
  }
  directory.write("signature.der", base::as_text(signature()));
  ASSERT_EQ(test::ses_run(directory.path, foreign("read signature.der .")).status, 0);
  directory.write("root.pem", house.pki.certificate("root-ca").pem());
  directory.write("issuing.pem", house.pki.certificate("issuing-ca").pem());
  const auto verify = [&](const std::string& data, const std::string& token) {
    return test::ses_run(directory.path, "openssl ts -verify -attime " +
                                             std::to_string(base::to_unix_s(house.now())) +
                                             " -data " + data + " -in " + token +
                                             " -token_in -CAfile root.pem -untrusted issuing.pem");
  };
  EXPECT_THAT(verify("sealer.sig", "token.der").output, HasSubstr("Verification: OK"));
  if (GetParam().version == Version::v5) {
    EXPECT_THAT(verify("maker.sig", "seal_token.der").output, HasSubstr("Verification: OK"));
    EXPECT_NE(verify("maker.sig", "token.der").status, 0);
  }
}

TEST_P(SesGoldenTest, EveryStepOfTheJudgeHolds) {
  const auto report = house.judge(signature());
  EXPECT_TRUE(all_yes(report));
  for (const auto& step : report.steps) {
    EXPECT_EQ(step.answer, Answer::yes) << step.what;
    EXPECT_EQ(step.reason, "") << step.what;
    EXPECT_NE(step.clause, "") << step.what;
  }
  EXPECT_GE(report.steps.size(), 14U);
  EXPECT_EQ(report.time_attested, GetParam().stamped);
  if (GetParam().stamped)
    EXPECT_THAT(report.reasons, IsEmpty());
  else
    EXPECT_THAT(report.reasons, ElementsAre("verify.seal.time_claimed"));
  ASSERT_TRUE(report.seal_object);
  EXPECT_EQ(report.seal_object->id, "36010000000001");
  EXPECT_EQ(report.seal_object->maker, "测试制章");
  EXPECT_EQ(report.seal_object->picture_type, "png");
  EXPECT_EQ(report.signer, "江州市社会保险事业管理中心 · 测试国密电子印章");
  EXPECT_EQ(report.signer_code, test::Pki::kAgencyCode);
}

TEST_P(SesGoldenTest, NoOctetOfWhatIsSignedCanBeOtherwise) {
  const auto good = signature();
  const auto trust = house.trust();
  const auto hash = house.digest();
  const auto end = verify::ses::Signature::read(good)->to_sign.size() + 8;
  for (std::size_t at = 0; at < end; at += 7) {
    auto bad = good;
    bad[at] ^= 0x01;
    const auto report = verify::ses::judge_signature(bad, {hash, {}, {}, {}}, trust, house.now());
    EXPECT_EQ(report.intact, Answer::no) << "octet " << at;
  }
}

TEST_P(SesGoldenTest, TheSealByItselfIsJudgedToo) {
  const auto report = verify::ses::judge_seal(seal(), house.trust(), house.now());
  EXPECT_TRUE(all_yes(report));
  const auto late = verify::ses::judge_seal(seal(), house.trust(), house.pki.start() + days(701));
  EXPECT_EQ(late.in_force, Answer::no);
  EXPECT_THAT(late.reasons, testing::Contains("verify.ses.seal_expired"));
}

INSTANTIATE_TEST_SUITE_P(
    All, SesGoldenTest,
    testing::Values(Kind{Version::v4, false, false}, Kind{Version::v4, false, true},
                    Kind{Version::v4, true, false}, Kind{Version::v4, true, true},
                    Kind{Version::v5, false, false}, Kind{Version::v5, false, true},
                    Kind{Version::v5, true, false}, Kind{Version::v5, true, true}),
    [](const auto& one) {
      return "V" + std::to_string(static_cast<int>(one.param.version)) +
             (one.param.by_digest ? "Digests" : "Certificates") +
             (one.param.stamped ? "Stamped" : "");
    });

/// Made by openssl and asn1crypto with keys of openssl's own, which our authority certified.
class ForeignSesTest : public testing::TestWithParam<std::pair<int, const char*>> {
 protected:
  certs::Certificate certify(const char* name, certs::Profile profile, const char* purpose) {
    const std::string key = std::string(name) + ".key";
    const auto made = test::ses_run(
        directory.path, "openssl genpkey -algorithm SM2 -out " + key + " && openssl pkey -in " +
                            key + " -pubout -outform DER -out " + name + ".spki");
    EXPECT_EQ(made.status, 0) << made.output;
    const auto certificate =
        house.issue(profile, name, directory.read((std::string(name) + ".spki").c_str()));
    house.enlist(certificate, purpose);
    directory.write((std::string(name) + ".pem").c_str(), certificate.pem());
    return certificate;
  }
  test::SesHouse house;
  Directory directory;
};

TEST_P(ForeignSesTest, Gmt0031_WhatOthersMakeIsJudgedGood) {
  certify("maker", certs::Profile::seal_maker, "seal_maker");
  certify("sealer", certs::Profile::seal, "seal");
  directory.write("original", base::as_text(house.original()));
  const auto [version, list] = GetParam();
  const auto ran = test::ses_run(directory.path, foreign("write " + std::to_string(version) + " " +
                                                         list + " . 2026-11-24T02:00:00+00:00"));
  ASSERT_EQ(ran.status, 0) << ran.output;
  auto signature = directory.read("signature.der");
  const auto seal = directory.read("seal.der");
  const auto hash = house.digest();
  const auto trust = house.trust();
  const verify::ses::Original original{hash, test::SesHouse::kPlace, verify::ses::kSm2WithSm3,
                                       seal};
  const auto report = verify::ses::judge_signature(signature, original, trust, house.now());
  EXPECT_TRUE(all_yes(report)) << testing::PrintToString(report.reasons);
  ASSERT_TRUE(report.seal_object);
  EXPECT_EQ(report.seal_object->version, version);
  EXPECT_EQ(report.seal_object->name, "外来测试印章");
  EXPECT_EQ(report.sealed_at, house.pki.start() - hours(1));
  for (const auto& step : report.steps) EXPECT_EQ(step.answer, Answer::yes) << step.what;
  EXPECT_TRUE(all_yes(verify::ses::judge_seal(seal, trust, house.now())));
  signature[signature.size() / 2] ^= 1;
  EXPECT_EQ(verify::ses::judge_signature(signature, original, trust, house.now()).intact,
            Answer::no);
}

INSTANTIATE_TEST_SUITE_P(All, ForeignSesTest,
                         testing::Values(std::pair{1, "certs"}, std::pair{4, "certs"},
                                         std::pair{4, "digests"}, std::pair{5, "certs"},
                                         std::pair{5, "digests"}),
                         [](const auto& one) {
                           return "V" + std::to_string(one.param.first) + one.param.second;
                         });

class SesMakingTest : public testing::Test {
 protected:
  std::string refused(const seal::SealDraft& draft) {
    const auto made = seal::make_seal(draft, *house.maker_key, *house.maker);
    return made ? "made" : made.error().key;
  }
  test::SesHouse house;
  Stamps stamps{house.pki.timestamps()};
};

TEST_F(SesMakingTest, WhatNobodyCouldReadIsNotSigned) {
  const auto good = house.draft(Version::v5);
  EXPECT_EQ(refused(good), "made");
  auto draft = good;
  draft.version = Version::v1;
  EXPECT_EQ(refused(draft), "seal.ses.version");
  draft = good;
  draft.sealers.clear();
  EXPECT_EQ(refused(draft), "seal.ses.sealer");
  draft = good;
  draft.sealers = {house.pki.certificate("seal-1")};  // P-256
  EXPECT_EQ(refused(draft), "seal.ses.sealer");
  draft = good;
  draft.sealers = {*house.maker};
  EXPECT_EQ(refused(draft), "seal.ses.maker_is_sealer");
  draft = good;
  draft.picture_type = "tif";
  EXPECT_EQ(refused(draft), "verify.ses.picture_type");
  draft = good;
  draft.picture_type = "gif";  // which a PNG is not
  EXPECT_EQ(refused(draft), "verify.ses.picture");
  draft = good;
  draft.id = "印章";
  EXPECT_EQ(refused(draft), "verify.ses.text");
  draft = good;
  draft.name = "两行\n文字";
  EXPECT_EQ(refused(draft), "verify.ses.text");
  draft = good;
  draft.valid_until = draft.valid_from - hours(1);
  EXPECT_EQ(refused(draft), "verify.ses.time");
}

TEST_F(SesMakingTest, MakerAndSealerAreDifferentKeysOfDifferentPurposes) {
  const auto draft = house.draft(Version::v4);
  EXPECT_EQ(seal::make_seal(draft, *house.sealer_key, *house.sealer).error().key,
            "seal.ses.maker");  // a key of the purpose seal
  EXPECT_EQ(seal::make_seal(draft, *house.maker_key, *house.sealer).error().key,
            "seal.ses.maker");  // the certificate of another key
  const auto made = *seal::make_seal(draft, *house.maker_key, *house.maker);
  const auto create = [&](const auto& key, const auto& certificate) {
    return seal::SesFrame::create(key->info(), certificate, made, "x");
  };
  EXPECT_TRUE(create(house.sealer_key, *house.sealer));
  EXPECT_EQ(create(house.maker_key, *house.maker).error().key, "seal.ses.sealer");
  const auto other = test::SoftKey::make("other", hsm::Algorithm::sm2, hsm::Purpose::seal);
  const auto unlisted = house.issue(certs::Profile::seal, "不在列表", other->info().public_key);
  EXPECT_EQ(create(other, unlisted).error().key, "seal.ses.sealer");
  EXPECT_EQ(seal::make_seal(draft, *house.maker_key, *house.maker, &stamps).error().key,
            "verify.ses.time_stamp_not_in_version");
}

TEST_F(SesMakingTest, AWrongSignatureOfTheMakerDoesNotLeave) {
  house.maker_key->corrupt = true;
  EXPECT_EQ(refused(house.draft(Version::v5)), "seal.ses.wrong_signature");
  house.maker_key->corrupt = false;
  house.maker_key->fail_with = base::error(base::Code::unavailable, "hsm.unavailable");
  EXPECT_EQ(refused(house.draft(Version::v5)), "hsm.unavailable");
}

TEST_F(SesMakingTest, DocumentsOfOneSealShareWhatIsHashedOnceAndNothingElse) {
  const auto made = *seal::make_seal(house.draft(Version::v5), *house.maker_key, *house.maker);
  const auto frame =
      seal::SesFrame::create(house.sealer_key->info(), *house.sealer, made, test::SesHouse::kPlace);
  ASSERT_TRUE(frame);
  const auto copy = *frame;
  const auto trust = house.trust();
  for (int i = 0; i < 3; ++i) {
    const auto hash = base::sm3(base::as_bytes("document " + std::to_string(i)));
    const auto signature =
        seal::sign_with(i == 1 ? copy : *frame, *house.sealer_key, hash, house.now());
    ASSERT_TRUE(signature);
    EXPECT_TRUE(all_yes(verify::ses::judge_signature(
        *signature, {hash, test::SesHouse::kPlace, {}, made}, trust, house.now())));
    EXPECT_EQ(
        verify::ses::judge_signature(*signature, {house.digest(), {}, {}, made}, trust, house.now())
            .intact,
        Answer::no);
  }
}

TEST_F(SesMakingTest, OpensslVerifiesTheCertificatesOfMakerAndSealer) {
  Directory directory;
  directory.write("root.pem", house.root_certificate->pem());
  directory.write("issuing.pem", house.issuing_certificate->pem());
  directory.write("maker.pem", house.maker->pem());
  directory.write("sealer.pem", house.sealer->pem());
  // Link by link: openssl verify gives -vfyopt to the certificate in question alone.
  const auto verify = [&](const std::string& above, const std::string& below,
                          const std::string& id) {
    return test::ses_run(directory.path, "openssl verify -x509_strict -partial_chain -attime " +
                                             std::to_string(base::to_unix_s(house.now())) +
                                             " -vfyopt distid:" + id + " -CAfile " + above + " " +
                                             below);
  };
  const std::string id(certs::kSm2UserId);
  for (const auto* leaf : {"maker.pem", "sealer.pem"}) {
    EXPECT_EQ(verify("issuing.pem", leaf, id).status, 0);
    EXPECT_NE(verify("issuing.pem", leaf, "8765432187654321").status, 0);
  }
  EXPECT_EQ(verify("root.pem", "issuing.pem", id).status, 0);
}

TEST_F(SesMakingTest, KeysThatARealTokenWrapsMakeSealAndSignature) {
  using hsm::Algorithm, hsm::Purpose;
  test::Token token({{"key-wrap-1", Algorithm::aes_256, Purpose::key_wrapping},
                     {"seal-maker-1", Algorithm::sm2, Purpose::seal_maker},
                     {"seal-sm2-1", Algorithm::sm2, Purpose::seal}});
  {
    const auto maker_key = token.key("seal-maker-1"), sealer_key = token.key("seal-sm2-1");
    EXPECT_EQ(maker_key->info().protection, hsm::Protection::wrapped);
    const auto maker =
        house.issue(certs::Profile::seal_maker, "制章", maker_key->info().public_key);
    const auto sealer = house.issue(certs::Profile::seal, "印章", sealer_key->info().public_key);
    house.enlist(maker, "seal_maker");
    house.enlist(sealer, "seal");
    auto draft = house.draft(Version::v5);
    draft.sealers = {sealer};
    const auto made = seal::make_seal(draft, *maker_key, maker, &stamps);
    ASSERT_TRUE(made) << made.error().key;
    const auto frame =
        seal::SesFrame::create(sealer_key->info(), sealer, *made, test::SesHouse::kPlace);
    ASSERT_TRUE(frame) << frame.error().key;
    const auto signature =
        seal::sign_with(*frame, *sealer_key, house.digest(), house.now(), &stamps);
    ASSERT_TRUE(signature) << signature.error().key;
    EXPECT_TRUE(all_yes(house.judge(*signature)));
    Directory directory;
    directory.write("signature.der", base::as_text(*signature));
    const auto ran = test::ses_run(directory.path, foreign("read signature.der ."));
    EXPECT_EQ(ran.status, 0) << ran.output;
  }
  token.close();
}

TEST_F(SesMakingTest, TheReportTellsEveryStepWithItsClauseInWordsAndAsJson) {
  const auto made = *seal::make_seal(house.draft(Version::v4), *house.maker_key, *house.maker);
  const auto frame =
      seal::SesFrame::create(house.sealer_key->info(), *house.sealer, made, test::SesHouse::kPlace);
  const auto signature =
      *seal::sign_with(*frame, *house.sealer_key, base::Digest{}, house.now(), &stamps);
  verify::Verdict verdict;
  verdict.seals = {house.judge(signature)};  // of another original
  const auto json = base::parse_json(verify::to_json("a.ofd", verdict, {}));
  ASSERT_TRUE(json);
  const auto& seal = (*json)["seals"][0];
  EXPECT_EQ(base::json_text(seal["seal_object"], "id"), "36010000000001");
  EXPECT_EQ(base::json_int(seal["seal_object"], "version"), 4);
  EXPECT_EQ(base::json_text(seal["seal_object"], "valid_until"), "2028-10-24T03:00:00Z");
  std::size_t wrong = 0;
  for (const auto& step : seal["steps"].GetArray()) {
    EXPECT_NE(base::json_text(step, "clause"), "");
    if (base::json_text(step, "answer") == "yes") continue;
    ++wrong;
    EXPECT_EQ(base::json_text(step, "step"), "verify.ses.step.data_hash");
    EXPECT_EQ(base::json_text(step, "reason"), "verify.ses.data_hash_differs");
    EXPECT_EQ(base::json_text(step, "clause"), "GB/T 38540-2020 7.3");
  }
  EXPECT_EQ(wrong, 1U);
  const auto text = verify::to_text("a.ofd", verdict, {}, verify::Speech::both);
  EXPECT_THAT(text, HasSubstr("原文杂凑值 Digest of the original: 否 no  [GB/T 38540-2020 7.3]"));
  EXPECT_THAT(text, HasSubstr("制章者签名值 Maker's signature value: 是 yes"));
  EXPECT_THAT(text, HasSubstr("png, 42 × 42 mm"));
  EXPECT_THAT(text, testing::Not(HasSubstr("verify.")));
}

}  // namespace
