// Answers about revocation: asked and judged by `openssl ocsp`.
#include "certs/ocsp.h"

#include <gmock/gmock.h>
#include <openssl/ocsp.h>

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/ocsp_register.h"
#include "certs/openssl.h"
#include "certs/register.h"
#include "tests/certs/support.h"
#include "tests/support/postgres.h"

namespace {

namespace der = certs::der;
using certs::OcspHash;
using certs::OcspStatus;
using certs::Profile;
using std::chrono::hours;
using std::chrono::seconds;
using testing::HasSubstr;

class OcspTest : public testing::Test {
 protected:
  OcspTest() { pki.write(directory.path()); }
  std::string file(std::string_view name) const { return (directory / name).string(); }
  /// A question by OpenSSL's own program.
  base::Bytes query(const std::string& options) {
    const auto ran = test::shell("openssl ocsp -issuer " + file("issuing.pem") + " " + options +
                                 " -reqout " + file("request"));
    EXPECT_EQ(ran.exit, 0) << ran.out;
    return base::to_bytes(base::as_bytes(test::read_file(directory / "request")));
  }
  std::string of(const std::string& label) { return "-cert " + file(label + ".pem"); }
  /// What OpenSSL's program makes of an answer to the last question.
  test::Ran judged(const base::Bytes& answer, const std::string& options) {
    test::write_file(directory / "answer", answer);
    return test::shell("openssl ocsp -respin " + file("answer") + " -issuer " +
                       file("issuing.pem") + " " + options + " -CAfile " + file("root.pem") +
                       " -verify_other " + file("issuing.pem") + " -no_nonce -attime " +
                       std::to_string(base::to_unix_s(pki.clock().now()) + 1));
  }
  certs::OcspResponder responder() {
    auto leaf = pki.issue(Profile::ocsp, "应答");
    return *certs::OcspResponder::create(leaf.key, leaf.certificate, pki.certificate("issuing-ca"));
  }
  certs::OcspResponder::Answer answered(const base::Bytes& request, const OcspStatus& status) {
    const auto asked = certs::parse_ocsp_request(request);
    EXPECT_TRUE(asked) << asked.error().detail;
    EXPECT_TRUE(certs::asks_about(*asked, pki.certificate("issuing-ca")));
    const auto made = answering.answer(asked->serial_hex, asked->hash, status, pki.clock().now(),
                                       hours(24), asked->nonce);
    EXPECT_TRUE(made) << made.error().key << made.error().detail;
    EXPECT_TRUE(der::is_strict(made->der));
    return *made;
  }

  // OpenSSL looks at the machine's clock whatever it is told.
  test::Pki pki{base::SystemClock().now() - seconds(5)};
  test::Directory directory;
  certs::OcspResponder answering = responder();
};

TEST_F(OcspTest, OpensslTakesGoodRevokedAndNeverIssued) {
  for (const std::string hash : {"-sha1 ", "-sha256 "}) {
    SCOPED_TRACE(hash);
    const auto request = query(hash + of("seal-1"));
    auto told = judged(answered(request, {}).der, hash + of("seal-1"));
    EXPECT_EQ(told.exit, 0) << told.out;
    EXPECT_THAT(told.out, HasSubstr("Response verify OK"));
    EXPECT_THAT(told.out, HasSubstr("seal-1.pem: good"));
    const certs::Authority::Revocation revoked{"", pki.clock().now() - hours(3), 1, std::nullopt};
    told = judged(answered(request, {.revoked = revoked}).der, hash + of("seal-1"));
    EXPECT_THAT(told.out, HasSubstr("Response verify OK"));
    EXPECT_THAT(told.out, HasSubstr("seal-1.pem: revoked"));
    EXPECT_THAT(told.out, HasSubstr("Reason: keyCompromise"));
    told = judged(answered(request, {.issued = false}).der, hash + of("seal-1"));
    EXPECT_THAT(told.out, HasSubstr("Response verify OK"));
    EXPECT_THAT(told.out, HasSubstr("Reason: certificateHold"));
    EXPECT_THAT(told.out, HasSubstr("Revocation Time: Jan  1 00:00:00 1970 GMT"));
  }
}

// RFC 6960 §4.4.8, RFC 9654: what the answer carries beside the status.
TEST_F(OcspTest, Rfc6960_4_4_ExtensionsOfAnAnswer) {
  const auto text = [&](const base::Bytes& answer) {
    test::write_file(directory / "answer", answer);
    return test::shell("openssl ocsp -noverify -resp_text -respin " + file("answer")).out;
  };
  const auto plain = text(answered(query("-no_nonce " + of("seal-1")), {}).der);
  EXPECT_THAT(plain, Not(HasSubstr("Response Extensions")));
  EXPECT_THAT(plain, HasSubstr("Responder Id: "));
  EXPECT_THAT(plain, HasSubstr("OCSP No Check"));
  EXPECT_THAT(text(answered(query("-no_nonce " + of("seal-1")), {.issued = false}).der),
              HasSubstr("Response Extensions:\n        valid:"))
      << "OpenSSL's old name for 1.3.6.1.5.5.7.48.1.9";
  const auto request = query("-nonce " + of("seal-1"));
  const auto asked = certs::parse_ocsp_request(request);
  ASSERT_EQ(asked->nonce.size(), 16u);
  test::write_file(directory / "answer", answered(request, {}).der);
  // The program compares the nonces of question and answer.
  const auto told =
      test::shell("openssl ocsp -reqin " + file("request") + " -respin " + file("answer") +
                  " -CAfile " + file("root.pem") + " -verify_other " + file("issuing.pem"));
  EXPECT_THAT(told.out, HasSubstr("Response verify OK"));
  EXPECT_THAT(told.out, Not(HasSubstr("Nonce")));
}

TEST_F(OcspTest, AForeignResponderIsRefusedBeforeItAnswers) {
  const auto stranger = pki.foreign(Profile::ocsp);
  EXPECT_FALSE(certs::OcspResponder::create(stranger.key, stranger.certificate,
                                            pki.certificate("issuing-ca")));
  const auto other = pki.issue(Profile::openid);
  EXPECT_FALSE(
      certs::OcspResponder::create(other.key, other.certificate, pki.certificate("issuing-ca")));
  const auto leaf = pki.issue(Profile::ocsp);
  EXPECT_FALSE(
      certs::OcspResponder::create(other.key, leaf.certificate, pki.certificate("issuing-ca")));
}

TEST_F(OcspTest, NothingOutlivesTheResponder) {
  const auto ends = answering.certificate().not_after();
  const auto answer = [&](base::Time now) {
    return answering.answer("41", OcspHash::sha1, {}, now, hours(24));
  };
  EXPECT_EQ(answer(ends - hours(1))->next_update, ends);
  EXPECT_EQ(answer(ends + seconds(1)).error().key, "certs.responder_over");
}

TEST_F(OcspTest, AWrongSignatureOfTheDeviceDoesNotLeave) {
  const auto key = test::SoftKey::make("soft");
  const auto certificate =
      pki.issuing().issue(Profile::ocsp, pki.agency("坏"), key->info().public_key);
  const auto bad = certs::OcspResponder::create(key, *certificate, pki.certificate("issuing-ca"));
  key->corrupt = true;
  EXPECT_EQ(bad->answer("41", OcspHash::sha1, {}, pki.clock().now(), hours(1)).error().key,
            "certs.wrong_signature");
}

// RFC 5019 §2.1.1: one question. RFC 9654 §2.1: lengths of a nonce.
TEST_F(OcspTest, RequestsAreReadStrictly) {
  const auto refused = [](const base::Bytes& bytes) {
    const auto parsed = certs::parse_ocsp_request(bytes);
    return !parsed && parsed.error().key == "certs.ocsp_malformed";
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused(base::Bytes(3000, 0x30)));
  EXPECT_TRUE(refused(query("-no_nonce " + of("seal-1") + " " + of("openid-1"))));
  auto trailing = query("-no_nonce " + of("seal-1"));
  trailing.push_back(0);
  EXPECT_TRUE(refused(trailing));

  const auto id = [](const char* digest, std::size_t size, const base::Bytes& serial) {
    return der::sequence({der::sequence({der::oid(digest), der::null()}),
                          der::octets(base::Bytes(size, 1)), der::octets(base::Bytes(size, 2)),
                          serial});
  };
  const auto request = [](const base::Bytes& one, const base::Bytes& extensions) {
    return der::sequence({der::sequence({der::sequence({der::sequence({one})}), extensions})});
  };
  const auto with = [](const base::Bytes& extension) {
    return der::value(0xA2, der::sequence({extension}));
  };
  const auto* sha1 = "1.3.14.3.2.26";
  const auto good = id(sha1, 20, der::integer(5));
  EXPECT_FALSE(refused(request(good, {}))) << "the frame of this test";
  EXPECT_TRUE(refused(request(id("2.16.840.1.101.3.4.2.3", 64, der::integer(5)), {})));
  EXPECT_TRUE(refused(request(id(sha1, 19, der::integer(5)), {})));
  EXPECT_TRUE(refused(request(id(sha1, 20, der::value(0x02, base::Bytes{0x81})), {})));
  EXPECT_TRUE(refused(request(id(sha1, 20, der::integer(base::Bytes(21, 0x41))), {})));
  EXPECT_TRUE(refused(request(good, with(certs::extension("1.2.3.4", true, der::null())))));
  EXPECT_FALSE(refused(request(good, with(certs::extension("1.2.3.4", false, der::null())))));
  const auto nonce = [&](std::size_t size) {
    return request(good, with(certs::extension("1.3.6.1.5.5.7.48.1.2", false,
                                               der::octets(base::Bytes(size, 7)))));
  };
  EXPECT_TRUE(refused(nonce(0)));
  EXPECT_EQ(certs::parse_ocsp_request(nonce(1))->nonce.size(), 1u);
  EXPECT_EQ(certs::parse_ocsp_request(nonce(32))->nonce, base::Bytes(32, 7));
  EXPECT_EQ(certs::parse_ocsp_request(nonce(33))->nonce.size(), 0u);
  EXPECT_EQ(certs::parse_ocsp_request(nonce(128))->nonce.size(), 0u);
  EXPECT_TRUE(refused(nonce(129)));
  EXPECT_TRUE(refused(
      request(good, with(certs::extension("1.3.6.1.5.5.7.48.1.2", false, base::Bytes(16, 7))))))
      << "a bare nonce";
}

TEST_F(OcspTest, RefusalsAreWhatOpensslReads) {
  for (const auto& [refusal, name] :
       {std::pair{certs::OcspRefusal::malformed_request, "malformedrequest (1)"},
        {certs::OcspRefusal::try_later, "trylater (3)"},
        {certs::OcspRefusal::unauthorized, "unauthorized (6)"}}) {
    test::write_file(directory / "answer", certs::ocsp_refusal(refusal));
    EXPECT_THAT(test::shell("openssl ocsp -noverify -respin " + file("answer")).out,
                HasSubstr(name));
  }
}

class OcspRegisterTest : public OcspTest {
 protected:
  void record(const certs::Certificate& certificate, Profile profile) {
    auto tx = database.pool().begin();
    certs::CertificateRegister issued(*tx, pki.clock(), "officer:test");
    ASSERT_TRUE(issued.record({certificate, profile, "label", issuer, test::Pki::kAgency,
                               test::Pki::kAgencyCode, pki.clock().now(), std::nullopt}));
    ASSERT_TRUE(tx->commit());
  }
  base::Result<void> revoke(const certs::Certificate& certificate) {
    BASE_TRY(auto tx, database.pool().begin());
    certs::CertificateRegister issued(tx, pki.clock(), "officer:test");
    BASE_TRY_VOID(
        issued.revoke(issuer, {certificate.serial_hex(), pki.clock().now(), 4, std::nullopt}));
    return tx.commit();
  }
  std::optional<certs::OcspResponder::Answer> stored(const certs::Certificate& certificate) {
    const auto found = answers.find(issuer, certificate.serial_hex(), OcspHash::sha256);
    EXPECT_TRUE(found) << found.error().detail;
    return *found;
  }
  std::string said(const certs::Certificate& certificate) {
    const auto answer = stored(certificate);
    if (!answer) return "nothing";
    test::write_file(directory / "leaf.pem", certificate.pem());
    const auto told = judged(answer->der, "-sha256 -cert " + file("leaf.pem")).out;
    EXPECT_THAT(told, HasSubstr("Response verify OK"));
    return told.find(": good") != std::string::npos      ? "good"
           : told.find(": revoked") != std::string::npos ? "revoked"
                                                         : told;
  }

  test::Database& database = test::Database::shared();
  const base::Digest issuer = pki.certificate("issuing-ca").public_key_sha256();
  certs::OcspRegister answers{database.pool(), pki.clock()};
};

TEST_F(OcspRegisterTest, EachUnexpiredCertificateGetsAnAnswerAndANewOneAtHalfLife) {
  const auto& seal = pki.certificate("seal-1");
  record(seal, Profile::seal);
  record(pki.certificate("openid-1"), Profile::openid);
  EXPECT_EQ(said(seal), "nothing");
  EXPECT_EQ(answers.standing(issuer)->without, 2);
  EXPECT_EQ(*answers.renew(answering, hours(24), 1), 1) << "in portions";
  EXPECT_EQ(*answers.renew(answering, hours(24), 10), 1);
  EXPECT_EQ(*answers.renew(answering, hours(24), 10), 0);
  EXPECT_EQ(said(seal), "good");
  EXPECT_EQ(answers.standing(issuer)->without, 0);
  const auto first = stored(seal);
  pki.clock().advance(hours(12) - seconds(10));
  EXPECT_EQ(*answers.renew(answering, hours(24), 10), 0) << "still young";
  pki.clock().advance(seconds(20));
  EXPECT_EQ(*answers.renew(answering, hours(24), 10), 2);
  EXPECT_GT(stored(seal)->this_update, first->this_update);
  pki.clock().advance(hours(25));
  EXPECT_EQ(said(seal), "nothing") << "what is past its next update is not given out";
  EXPECT_EQ(answers.standing(issuer)->without, 2);
  pki.clock().set(pki.certificate("openid-1").not_after() + seconds(1));
  EXPECT_EQ(answers.standing(issuer)->certificates, 1) << "the expired one is not counted";
}

TEST_F(OcspRegisterTest, GoodEndsInTheTransactionThatRevokes) {
  const auto& seal = pki.certificate("seal-1");
  record(seal, Profile::seal);
  EXPECT_EQ(*answers.renew(answering, hours(24), 10), 1);
  EXPECT_EQ(said(seal), "good");
  ASSERT_TRUE(revoke(seal));
  EXPECT_EQ(said(seal), "nothing");
  EXPECT_EQ(answers.status(issuer, seal.serial_hex())->revoked->reason, 4);
  EXPECT_EQ(*answers.renew(answering, hours(24), 10), 1);
  EXPECT_EQ(said(seal), "revoked");
}

/// RFC 6960 §2.7: who knows that an authority's key is in other hands may say "revoked" of all that
/// it certified; since when, as in a revocation list (§4.4.5).
TEST_F(OcspRegisterTest, OfACompromisedAuthorityEverythingIsRevoked) {
  const auto& seal = pki.certificate("seal-1");
  record(seal, Profile::seal);
  record(pki.certificate("openid-1"), Profile::openid);
  ASSERT_TRUE(revoke(pki.certificate("openid-1")));
  ASSERT_EQ(*answers.renew(answering, hours(24), 10), 2);
  ASSERT_EQ(said(seal), "good");
  const auto since = pki.clock().now() - hours(2);
  {
    auto tx = database.pool().begin();
    certs::CertificateRegister issued(*tx, pki.clock(), "officer:test");
    EXPECT_EQ(*issued.revoke_all(issuer, {"", pki.clock().now(), 2, since}), 1)
        << "what was revoked before keeps its own reason";
    EXPECT_EQ(*issued.revoke_all(issuer, {"", pki.clock().now(), 2, since}), 0);
    ASSERT_TRUE(tx->commit());
  }
  EXPECT_EQ(said(seal), "nothing") << "good is not told any more";
  EXPECT_EQ(*answers.renew(answering, hours(24), 10), 1);
  EXPECT_EQ(said(seal), "revoked");
  const auto told = judged(stored(seal)->der, "-sha256 -resp_text -cert " + file("leaf.pem")).out;
  EXPECT_THAT(told, HasSubstr("cACompromise"));
  EXPECT_THAT(told, HasSubstr("Invalidity Date"));
  EXPECT_EQ(
      database
          .sql(test::Role::superuser,
               "select 1 from audit.entry where act = 'certificate.revoke_all' and object = '" +
                   base::to_hex(issuer) + "'")
          .size(),
      1u);
}

TEST_F(OcspRegisterTest, ASlowWorkerCannotStoreGoodOfWhatIsRevoked) {
  const auto& seal = pki.certificate("seal-1");
  record(seal, Profile::seal);
  ASSERT_TRUE(revoke(seal));
  EXPECT_THROW(
      database.sql(test::Role::service, "insert into certs.ocsp_response values ('\\x" +
                                            base::to_hex(issuer) + "', '" + seal.serial_hex() +
                                            "', false, '\\x" + base::to_hex(issuer) +
                                            "', now(), now() + interval '1 day', '', '')"),
      std::runtime_error);
}

TEST_F(OcspRegisterTest, AnotherRespondersAnswersAreMadeAnew) {
  record(pki.certificate("seal-1"), Profile::seal);
  EXPECT_EQ(*answers.renew(answering, hours(24), 10), 1);
  EXPECT_EQ(*answers.renew(responder(), hours(24), 10), 1);
}

TEST_F(OcspRegisterTest, WhatNobodyIssuedIsKnownAsSuch) {
  EXPECT_FALSE(answers.status(issuer, "4242")->issued);
  record(pki.certificate("seal-1"), Profile::seal);
  EXPECT_TRUE(answers.status(issuer, pki.certificate("seal-1").serial_hex())->issued);
}

TEST_F(OcspRegisterTest, APublicVerifierReadsAnswersAndNothingElse) {
  record(pki.certificate("seal-1"), Profile::seal);
  EXPECT_EQ(*answers.renew(answering, hours(24), 10), 1);
  store::Pool reader({.conninfo = database.conninfo(test::Role::verifier)});
  certs::OcspRegister served(reader, pki.clock());
  EXPECT_TRUE(*served.find(issuer, pki.certificate("seal-1").serial_hex(), OcspHash::sha1));
  EXPECT_FALSE(served.status(issuer, "4242"));
  EXPECT_FALSE(served.renew(answering, hours(24), 1));
}

}  // namespace
