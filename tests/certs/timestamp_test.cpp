#include "certs/timestamp.h"

#include <gtest/gtest.h>
#include <openssl/ts.h>

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/oids.h"
#include "certs/openssl.h"
#include "tests/certs/support.h"

namespace {

namespace der = certs::der;
using certs::ChainAnswer;
using std::chrono::days;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class TimestampTest : public testing::Test {
 protected:
  TimestampTest() {
    pki.write(directory.path());
    test::write_file(directory / "data", data);
  }
  std::string file(std::string_view name) const { return (directory / name).string(); }
  std::string chain() {
    return " -CAfile " + file("root.pem") + " -untrusted " + file("issuing.pem") + " -attime " +
           std::to_string(base::to_unix_s(pki.clock().now()) + 1);
  }
  /// The rejection's status and failure bits, as OpenSSL reads them.
  std::pair<long, std::string> refusal(const base::Bytes& response) {
    const unsigned char* at = response.data();
    const certs::Owned<TS_RESP, TS_RESP_free> resp(
        d2i_TS_RESP(nullptr, &at, static_cast<long>(response.size())));
    if (!resp || TS_RESP_get_token(resp.get()) != nullptr) return {-1, "no rejection"};
    const TS_STATUS_INFO* status = TS_RESP_get_status_info(resp.get());
    std::string bits;
    for (const int bit : {0, 2, 5, 14, 15, 16, 17, 25})
      if (ASN1_BIT_STRING_get_bit(TS_STATUS_INFO_get0_failure_info(status), bit) != 0)
        bits += std::to_string(bit) + " ";
    return {ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status)), bits};
  }
  base::Bytes query(const std::string& options) {
    const auto ran = test::shell("openssl ts -query -data " + file("data") + " " + options +
                                 " -out " + file("query"));
    EXPECT_EQ(ran.exit, 0) << ran.out;
    return base::to_bytes(base::as_bytes(test::read_file(directory / "query")));
  }

  test::Pki pki;
  test::Directory directory;
  const std::string data = "电子印章 e-seal";
  const base::Digest digest = base::sha256(base::as_bytes(data));
};

TEST_F(TimestampTest, OpensslVerifiesAStamp) {
  const auto token = pki.timestamps().stamp(digest);
  ASSERT_TRUE(token);
  EXPECT_TRUE(der::is_strict(*token));
  test::write_file(directory / "token", *token);
  const auto told = test::shell("openssl ts -verify -token_in -in " + file("token") + " -data " +
                                file("data") + chain());
  EXPECT_EQ(told.exit, 0) << told.out;
  EXPECT_NE(told.out.find("Verification: OK"), std::string::npos) << told.out;
  const auto text =
      test::shell("openssl ts -reply -token_in -token_out -text -in " + file("token")).out;
  EXPECT_NE(text.find("Time stamp: Nov 24 03:00:00 2026 GMT"), std::string::npos) << text;
  EXPECT_NE(text.find("Accuracy: 0x01 seconds"), std::string::npos) << text;
  EXPECT_NE(text.find(certs::oid::kTimestampPolicy), std::string::npos) << text;
}

TEST_F(TimestampTest, OpensslCmsReadsItToo) {
  test::write_file(directory / "token", *pki.timestamps().stamp(digest));
  const auto told = test::shell(
      "openssl cms -verify -inform DER -in " + file("token") + " -purpose timestampsign " +
      " -CAfile " + file("root.pem") + " -certfile " + file("issuing.pem") + " -attime " +
      std::to_string(base::to_unix_s(pki.clock().now()) + 1) + " -out " + file("info"));
  EXPECT_EQ(told.exit, 0) << told.out;
}

// RFC 3161 §2.4.1: what is asked for is what is answered.
TEST_F(TimestampTest, Rfc3161_2_4_1_AnswersOpensslsQueries) {
  for (const auto* options :
       {"-sha256 -cert", "-sha256 -cert -no_nonce", "-sha384 -cert", "-sha512 -cert",
        "-sha256 -cert -tspolicy 2.25.102262581555112947325161223313624548636.1.2"}) {
    const auto response = pki.timestamps().answer(query(options));
    ASSERT_TRUE(response);
    test::write_file(directory / "response", *response);
    const auto told = test::shell("openssl ts -verify -in " + file("response") + " -queryfile " +
                                  file("query") + chain());
    EXPECT_EQ(told.exit, 0) << options << "\n" << told.out;
  }
}

TEST_F(TimestampTest, Rfc3161_2_4_1_WithoutCertReqNoCertificates) {
  const auto with = pki.timestamps().answer(query("-sha256 -cert"));
  const auto without = pki.timestamps().answer(query("-sha256"));
  ASSERT_TRUE(with && without);
  EXPECT_LT(without->size() + 500, with->size());
  // Judged with the list alone, which has the stamper's certificate.
  const unsigned char* at = without->data();
  const certs::Owned<TS_RESP, TS_RESP_free> resp(
      d2i_TS_RESP(nullptr, &at, static_cast<long>(without->size())));
  PKCS7* token = TS_RESP_get_token(resp.get());
  const auto bytes = certs::encode([&](unsigned char** out) { return i2d_PKCS7(token, out); });
  const auto status = certs::judge_timestamp(bytes, digest, pki.list());
  EXPECT_TRUE(status.intact);
  EXPECT_EQ(status.chain.answer, ChainAnswer::trusted) << status.chain.reason;
}

// RFC 3161 §2.4.2: PKIFailureInfo.
TEST_F(TimestampTest, Rfc3161_2_4_2_RefusalsSayWhy) {
  using Refusal = std::pair<long, std::string>;
  const auto& authority = pki.timestamps();
  const auto answer = [&](const base::Bytes& request) {
    return refusal(*authority.answer(request));
  };
  EXPECT_EQ(answer({}), (Refusal{2, "5 "}));
  EXPECT_EQ(answer({0x30, 0x80, 0x00, 0x00}), (Refusal{2, "5 "}));
  EXPECT_EQ(answer(base::Bytes(5000, 0x30)), (Refusal{2, "5 "}));
  EXPECT_EQ(answer(query("-sha1")), (Refusal{2, "0 "}));
  EXPECT_EQ(answer(query("-sha3-256")), (Refusal{2, "0 "}));
  EXPECT_EQ(answer(query("-sha256 -tspolicy 1.2.3.4")), (Refusal{2, "15 "}));

  const auto algorithm = der::sequence({der::oid("2.16.840.1.101.3.4.2.1")});
  const auto request = [&](std::int64_t version, std::size_t size, const base::Bytes& more) {
    return der::sequence({der::integer(version),
                          der::sequence({algorithm, der::octets(base::Bytes(size, 7))}), more});
  };
  EXPECT_EQ(answer(request(1, 31, {})), (Refusal{2, "5 "})) << "digest too short";
  EXPECT_EQ(answer(request(2, 32, {})), (Refusal{2, "2 "})) << "version 2";
  EXPECT_EQ(answer(request(1, 32, der::integer(base::Bytes(80, 1)))), (Refusal{2, "2 "}))
      << "nonce";
  const auto extension = der::value(0xA0, certs::extension("1.2.3.4", false, der::null()));
  EXPECT_EQ(answer(request(1, 32, extension)), (Refusal{2, "16 "}));
  EXPECT_EQ(answer(request(1, 32, {})), (Refusal{-1, "no rejection"})) << "the frame of this test";
}

TEST_F(TimestampTest, TimeNeverGoesBack) {
  const auto& authority = pki.timestamps();
  ASSERT_TRUE(authority.stamp(digest));
  pki.clock().advance(-microseconds(1));
  const auto refused = authority.stamp(digest);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::unavailable);
  EXPECT_EQ(refused.error().key, "certs.clock_back");
  EXPECT_EQ(refusal(*authority.answer(query("-sha256"))).second, "14 ");
  pki.clock().advance(microseconds(1));
  EXPECT_TRUE(authority.stamp(digest)) << "the same moment again is no step back";
}

// security.md §2.1: used one year, judged for eleven.
TEST_F(TimestampTest, TheKeyIsUsedForAYearOnly) {
  pki.clock().set(pki.certificate("timestamp-1").not_before() + days(365) + seconds(1));
  EXPECT_EQ(pki.timestamps().stamp(digest).error().key, "certs.timestamp_key_over");
}

TEST_F(TimestampTest, ADeviceThatIsAwayIsToldAsSuch) {
  const auto key = test::SoftKey::make("away");
  key->fail_with = base::error(base::Code::unavailable, "hsm.unavailable");
  base::SystemRandom random;
  const certs::TimestampAuthority authority(key, pki.certificate("timestamp-1"), {},
                                            {certs::oid::kTimestampPolicy, milliseconds(1)},
                                            pki.clock(), random);
  EXPECT_EQ(authority.stamp(digest).error().key, "hsm.unavailable");
  EXPECT_EQ(authority.answer(query("-sha256")).error().key, "hsm.unavailable");
}

TEST_F(TimestampTest, OursIsJudgedGood) {
  pki.clock().advance(microseconds(123'450));
  const auto status = certs::judge_timestamp(*pki.timestamps().stamp(digest), digest, pki.list());
  EXPECT_TRUE(status.intact);
  EXPECT_EQ(status.at, pki.clock().now());
  EXPECT_EQ(status.chain.answer, ChainAnswer::trusted) << status.chain.reason;
}

TEST_F(TimestampTest, OpensslsOwnStampIsJudgedGood) {
  // Another program's authority, with a certificate that ours issued for a key in a file.
  const auto made = test::shell("openssl ecparam -name prime256v1 -genkey -noout -out " +
                                file("tsa.key") + " && openssl ec -in " + file("tsa.key") +
                                " -pubout -outform DER -out " + file("tsa.pub"));
  ASSERT_EQ(made.exit, 0) << made.out;
  const auto spki = test::read_file(directory / "tsa.pub");
  const auto now = base::SystemClock().now();
  test::Pki present(now);
  const auto certificate = present.issuing().issue(
      certs::Profile::timestamp, present.agency("外来时间戳"), base::as_bytes(spki));
  ASSERT_TRUE(certificate);
  present.enlist(*certificate, "timestamp");
  test::write_file(directory / "tsa.pem", certificate->pem());
  test::write_file(directory / "serial", "0A\n");
  test::write_file(directory / "ts.cnf",
                   "[tsa]\ndefault_tsa=t\n[t]\nserial=" + file("serial") +
                       "\nsigner_cert=" + file("tsa.pem") + "\nsigner_key=" + file("tsa.key") +
                       "\nsigner_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256\n"
                       "accuracy=secs:1\nordering=no\nclock_precision_digits=3\n"
                       "ess_cert_id_chain=no\ness_cert_id_alg=sha256\n");
  query("-sha256 -cert");
  const auto replied = test::shell("openssl ts -reply -config " + file("ts.cnf") + " -queryfile " +
                                   file("query") + " -token_out -out " + file("foreign"));
  ASSERT_EQ(replied.exit, 0) << replied.out;
  const auto token = test::read_file(directory / "foreign");
  const auto status = certs::judge_timestamp(base::as_bytes(token), digest, present.list());
  EXPECT_TRUE(status.intact);
  EXPECT_EQ(status.chain.answer, ChainAnswer::trusted) << status.chain.reason;
  EXPECT_LE(std::chrono::abs(status.at - now), std::chrono::minutes(10));
}

TEST_F(TimestampTest, AStampOfOtherContentIsNotIntact) {
  const auto token = *pki.timestamps().stamp(digest);
  const auto status = certs::judge_timestamp(token, base::sha256({}), pki.list());
  EXPECT_FALSE(status.intact);
  EXPECT_EQ(status.chain.reason, "certs.timestamp_of_other");
}

TEST_F(TimestampTest, AForeignAuthorityIsIntactAndNotTrusted) {
  test::Pki other;
  const auto status = certs::judge_timestamp(*other.timestamps().stamp(digest), digest, pki.list());
  EXPECT_TRUE(status.intact);
  EXPECT_EQ(status.chain.answer, ChainAnswer::untrusted);
}

TEST_F(TimestampTest, AStampByASealKeyIsNotTrusted) {
  base::SystemRandom random;
  const certs::TimestampAuthority wrong(
      pki.key("seal-1"), pki.certificate("seal-1"), {pki.certificate("issuing-ca")},
      {certs::oid::kTimestampPolicy, milliseconds(1)}, pki.clock(), random);
  const auto status = certs::judge_timestamp(*wrong.stamp(digest), digest, pki.list());
  EXPECT_TRUE(status.intact);
  EXPECT_NE(status.chain.answer, ChainAnswer::trusted);
}

// RFC 5035 §5: another certificate of the same key, issuer and serial must not be put in its place.
TEST_F(TimestampTest, Rfc5035_5_TheStampNamesItsCertificate) {
  const auto key = test::SoftKey::make("tsa");
  auto in = test::leaf_input(pki, certs::Profile::timestamp, *key);
  const auto listed = test::crooked(*pki.key("issuing-ca"), in);
  in.not_after += days(1);
  const auto twin = test::crooked(*pki.key("issuing-ca"), in);
  ASSERT_EQ(listed.serial_hex(), twin.serial_hex());
  pki.enlist(listed, "timestamp");
  base::SystemRandom random;
  const auto stamped_with = [&](const certs::Certificate& certificate) {
    const certs::TimestampAuthority authority(
        key, certificate, {}, {certs::oid::kTimestampPolicy, milliseconds(1)}, pki.clock(), random);
    return certs::judge_timestamp(*authority.stamp(digest), digest, pki.list());
  };
  EXPECT_TRUE(stamped_with(listed).intact) << "the frame of this test";
  EXPECT_FALSE(stamped_with(twin).intact);
}

TEST_F(TimestampTest, RevokedBeforeTheStampIsRevoked) {
  pki.clock().advance(seconds(10));
  const auto before = *pki.timestamps().stamp(digest);
  pki.clock().advance(seconds(10));
  pki.revoke(pki.certificate("timestamp-1"), pki.clock().now(), 4);
  pki.clock().advance(seconds(10));
  const auto after = *pki.timestamps().stamp(digest);
  EXPECT_EQ(certs::judge_timestamp(before, digest, pki.list()).chain.answer, ChainAnswer::trusted);
  EXPECT_EQ(certs::judge_timestamp(after, digest, pki.list()).chain.answer, ChainAnswer::revoked);
}

// RFC 3161 §4: whoever has the key stamps any moment, so none of its stamps counts any more; the
// same when the list gives no reason.
TEST_F(TimestampTest, Rfc3161_4_AStolenKeyVouchesForNoMoment) {
  for (const int reason : {1, 0}) {
    test::Pki own;
    own.clock().advance(seconds(10));
    const auto before = *own.timestamps().stamp(digest);
    EXPECT_EQ(certs::judge_timestamp(before, digest, own.list()).chain.answer,
              ChainAnswer::trusted);
    own.clock().advance(seconds(10));
    own.revoke(own.certificate("timestamp-1"), own.clock().now(), reason);
    const auto judged = certs::judge_timestamp(before, digest, own.list());
    EXPECT_TRUE(judged.intact);
    EXPECT_EQ(judged.chain.answer, ChainAnswer::revoked) << reason;
    EXPECT_EQ(judged.chain.reason, reason == 1 ? "certs.compromised" : "certs.stamps_void");
  }
}

TEST_F(TimestampTest, EachChangedByteIsNoticed) {
  const auto token = *pki.timestamps().stamp(digest);
  // The certificates that came along are not signed, and not needed: the list has them.
  std::size_t first = token.size();
  std::size_t last = 0;
  for (const auto* label : {"timestamp-1", "issuing-ca"}) {
    const auto der = pki.certificate(label).der();
    const auto found = std::search(token.begin(), token.end(), der.begin(), der.end());
    const auto at = static_cast<std::size_t>(found - token.begin());
    first = std::min(first, at);
    last = std::max(last, at + der.size());
  }
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto bent = token;
    bent[i] ^= 0x01;
    const auto status = certs::judge_timestamp(bent, digest, pki.list());
    if (!status.intact || status.chain.answer != ChainAnswer::trusted) continue;
    EXPECT_EQ(status.at, pki.clock().now());
    // Nor does CMS authenticate the version numbers of SignedData (3) and SignerInfo (1).
    const bool version = i > 2 && token[i - 2] == 0x02 && token[i - 1] == 0x01 && token[i] <= 3;
    EXPECT_TRUE(version || (i >= first && i < last)) << "byte " << i;
  }
  for (std::size_t size = 0; size < token.size(); size += 3)
    EXPECT_FALSE(
        certs::judge_timestamp(base::BytesView(token).first(size), digest, pki.list()).intact);
}

TEST_F(TimestampTest, SerialsDoNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    test::write_file(directory / "token", *pki.timestamps().stamp(digest));
    const auto text =
        test::shell("openssl ts -reply -token_in -token_out -text -in " + file("token")).out;
    const auto at = text.find("Serial number: 0x");
    ASSERT_NE(at, std::string::npos) << text;
    const auto serial = text.substr(at + 17, text.find('\n', at) - at - 17);
    EXPECT_EQ(serial.size(), 32u) << serial;
    EXPECT_TRUE(seen.insert(serial).second);
  }
}

}  // namespace
