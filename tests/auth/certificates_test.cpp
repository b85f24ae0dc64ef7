// Login with certificates of an admitted body. Bodies are made and run by openssl(1), challenges
// signed by it, and with a SoftHSM token by tools/xinyin-sign. LD/T 01-2020 5.4.1.3b, 6.2.6d.
#include "auth/certificates.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "auth/identities.h"
#include "auth/own_codes.h"
#include "auth/signed_challenge.h"
#include "test_paths.h"
#include "tests/auth/house.h"
#include "tests/certs/foreign_body.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

class Trust final : public BodyTrustSource {
 public:
  base::Result<std::shared_ptr<const BodyTrust>> now() override {
    if (away) return base::error(base::Code::unavailable, "api.no_trust_list");
    return std::make_shared<const BodyTrust>(held);
  }
  BodyTrust held;
  bool away = false;
};

struct Scene {
  House house;
  // openssl revokes by the machine's clock.
  test::ForeignBody body{(house.clock.set(base::SystemClock().now()), house.clock.now())};
  Trust trust;
  Notices notices{{house.pool, house.cipher, house.clock}};
  Certificates certificates{{house.pool, house.cipher, house.clock, house.random, house.accounts,
                             notices, trust, std::string(kIssuer)}};
  OwnCodes codes{{house.pool, house.cipher, notices, house.clock, house.random, "测试"}};
  SubjectId subject = house.new_person(fresh_name());
  std::string number = documents_of(house.pool, house.cipher, subject).value()[0].document.number;
  int made = 0;

  Scene() { publish(); }
  void publish() {
    trust.held = {};
    trust.held.list.issued = house.clock.now();
    trust.held.list.next_update = house.clock.now() + 72h;
    trust.held.list.bodies = {body.body()};
    trust.held.crls = body.crls();
  }
  struct Card {
    certs::Certificate leaf;
    std::string key, name;
  };
  Card card(const std::string& section, const std::string& subject_name) {
    auto leaf = body.leaf(section, subject_name);
    const auto name = "leaf-" + std::to_string(++made);
    return {leaf, (body.path() / (name + ".key")).string(), (body.path() / name).string()};
  }
  Card own(const std::string& section = "login") {
    return card(section, "/C=CN/CN=张小三/serialNumber=" + number);
  }
  Certificates::Asked ask(CertificatePurpose purpose = CertificatePurpose::login) {
    auto asked = certificates.ask(
        purpose, purpose == CertificatePurpose::login ? std::nullopt : std::optional(subject),
        "browser-1");
    EXPECT_TRUE(asked.ok());
    return *asked;
  }
  /// What openssl makes of it; `with` is more of its command line.
  std::string sign(const Card& card, const std::string& text,
                   const std::string& with = "-binary -outform PEM -nodetach") {
    const auto at = (body.path() / "challenge").string();
    test::write_file(at, text);
    const auto ran = test::shell("openssl cms -sign -in " + at + " -signer " + card.name +
                                 ".pem -inkey " + card.key + " -out " + at + ".cms -certfile " +
                                 (body.path() / "sub.pem").string() + " " + with);
    EXPECT_EQ(ran.exit, 0) << ran.out;
    return test::read_file(at + ".cms");
  }
  base::Result<ShownCertificate> answer(const Certificates::Asked& asked, const std::string& sent,
                                        CertificatePurpose purpose = CertificatePurpose::login) {
    return certificates.answer(
        purpose, purpose == CertificatePurpose::login ? std::nullopt : std::optional(subject),
        "browser-1", asked.challenge, sent);
  }
  ShownCertificate shown(const Card& card) { return {card.leaf, {body.sub()}, "tls"}; }
  std::string bind(const Card& card) {
    auto bound = certificates.bind(subject, shown(card));
    EXPECT_TRUE(bound.ok()) << bound.error().key << " " << bound.error().detail;
    return bound.ok() ? bound->certificate.id : "";
  }
  std::string why(const Card& card) {
    const auto tried = certificates.log_in(shown(card));
    return tried.ok() ? "" : tried.error().key + " " + tried.error().detail;
  }
};

TEST(CertificatesTest, Ldt01_6_2_6d_AChallengeThatTheCardSignedBindsAndLogsIn) {
  Scene s;
  const auto card = s.own();
  const auto binding = s.ask(CertificatePurpose::binding);
  auto mine = s.answer(binding, s.sign(card, binding.text), CertificatePurpose::binding);
  ASSERT_TRUE(mine.ok()) << mine.error().detail;
  const auto bound = s.certificates.bind(s.subject, *mine);
  ASSERT_TRUE(bound.ok()) << bound.error().key << " " << bound.error().detail;
  for (const auto* with : {"-binary -outform PEM -nodetach", "-binary -outform DER",
                           "-binary -outform PEM", "-outform PEM", "-outform PEM -nodetach",
                           "-binary -outform DER -noattr", "-binary -md sha512 -outform PEM"}) {
    const auto asked = s.ask();
    const auto answered = s.answer(asked, s.sign(card, asked.text, with));
    ASSERT_TRUE(answered.ok()) << with << " " << answered.error().detail;
    const auto who = s.certificates.log_in(*answered);
    ASSERT_TRUE(who.ok()) << with << who.error().key << " " << who.error().detail;
    EXPECT_EQ(who->subject, s.subject);
    EXPECT_EQ(who->certificate, bound->certificate.id);
  }
  const auto list = s.certificates.list(s.subject);
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ((*list)[0].holder, card.leaf.subject());
  EXPECT_TRUE((*list)[0].used_at.has_value());
  EXPECT_EQ(s.house.sql("select count(*) from auth.certificate where position('" +
                        base::to_hex(base::as_bytes(s.number)) +
                        "' in encode(holder_sealed, 'hex') || encode(issuer::bytea, 'hex')) > 0"),
            "0")
      << "personal numbers stand encrypted";
}

TEST(CertificatesTest, ATextThatIsSignedSaysWhereAndWhatFor) {
  Scene s;
  const auto login = s.ask(), binding = s.ask(CertificatePurpose::binding);
  for (const auto* part :
       {"https://id.example", "我用此证书登录", "I log in with this certificate"})
    EXPECT_NE(login.text.find(part), std::string::npos) << part;
  EXPECT_NE(login.text.find(login.challenge), std::string::npos);
  EXPECT_NE(binding.text.find("I bind this certificate to my account"), std::string::npos);
}

TEST(CertificatesTest, SecurityA20_AChallengeIsOfOneBrowserOnePurposeAndOneAnswer) {
  Scene s;
  const auto card = s.own();
  s.bind(card);
  const auto expired = [&](const base::Result<ShownCertificate>& answered) {
    return refusal_of(answered) == "auth.certificate.expired";
  };
  const auto one = s.ask();
  const auto signature = s.sign(card, one.text);
  EXPECT_TRUE(expired(s.certificates.answer(CertificatePurpose::login, std::nullopt, "browser-2",
                                            one.challenge, signature)));
  EXPECT_TRUE(expired(s.answer(one, signature, CertificatePurpose::binding)));
  EXPECT_TRUE(s.answer(one, signature).ok());
  EXPECT_TRUE(expired(s.answer(one, signature))) << "once";
  const auto late = s.ask();
  s.house.clock.advance(kCertificateChallengeLife);
  EXPECT_TRUE(expired(s.answer(late, s.sign(card, late.text))));
  EXPECT_TRUE(expired(s.answer({std::string(43, 'A'), ""}, signature))) << "not made here";
  EXPECT_TRUE(expired(s.answer({"", ""}, signature)));
  const auto mine = s.ask(CertificatePurpose::binding);
  EXPECT_TRUE(
      expired(s.certificates.answer(CertificatePurpose::binding, s.house.new_person(fresh_name()),
                                    "browser-1", mine.challenge, s.sign(card, mine.text))))
      << "another person's question";
}

TEST(CertificatesTest, SecurityA20_WhatWasNotSignedHereIsRefused) {
  Scene s;
  const auto card = s.own(), other = s.own();
  const auto reason = [&](const std::function<std::string(const Certificates::Asked&)>& make) {
    const auto asked = s.ask();
    const auto answered = s.answer(asked, make(asked));
    EXPECT_EQ(refusal_of(answered), "auth.certificate.refused");
    return answered.ok() ? "" : answered.error().detail;
  };
  EXPECT_EQ(reason([](auto&) { return std::string(); }), "neither PEM nor DER");
  EXPECT_EQ(reason([](auto&) { return std::string("abc"); }), "not CMS, or bytes behind it");
  EXPECT_EQ(reason([](auto&) { return std::string(70'000, 'a'); }), "longer than a signature is");
  EXPECT_EQ(reason([&](auto& a) { return s.sign(card, a.text + " "); }),
            "not a signature over this challenge");
  EXPECT_EQ(reason([&](auto&) { return s.sign(card, s.ask().text); }),
            "not a signature over this challenge");
  EXPECT_EQ(reason([&](auto&) { return s.sign(card, s.ask().text, "-binary -outform DER"); }),
            "not a signature over this challenge");
  EXPECT_EQ(reason([&](auto& a) { return s.sign(card, a.text, "-binary -outform DER") + "x"; }),
            "not CMS, or bytes behind it");
  EXPECT_EQ(reason([&](auto& a) { return s.sign(card, a.text, "-binary -md sha1 -outform DER"); }),
            "algorithm does not count");
  EXPECT_EQ(reason([&](auto& a) {
              return s.sign(
                  card, a.text,
                  "-binary -outform DER -signer " + other.name + ".pem -inkey " + other.key);
            }),
            "not one signer");
  EXPECT_EQ(reason([&](auto& a) {
              const auto at = (s.body.path() / "bare").string();
              test::write_file(at, a.text);
              EXPECT_EQ(test::shell("openssl cms -sign -binary -nocerts -outform DER -in " + at +
                                    " -signer " + card.name + ".pem -inkey " + card.key + " -out " +
                                    at + ".cms")
                            .exit,
                        0);
              return test::read_file(at + ".cms");
            }),
            "no certificate came along, or more than nine");
  EXPECT_EQ(reason([&](auto& a) {
              const auto at = (s.body.path() / "data").string();
              test::write_file(at, a.text);
              EXPECT_EQ(test::shell("openssl cms -data_create -outform DER -in " + at + " -out " +
                                    at + ".cms")
                            .exit,
                        0);
              return test::read_file(at + ".cms");
            }),
            "not signed data");
}

TEST(CertificatesTest, SecurityA20_BadCertificatesAreRefusedAlikeAndNamedInTheTrail) {
  Scene s;
  const auto name = "/C=CN/CN=张小三/serialNumber=" + s.number;
  test::ForeignBody stranger{s.house.clock.now()};  // the same names, its own keys
  const auto revoked = s.own();
  s.bind(revoked);
  const auto good = s.own();
  s.body.revoke(revoked.leaf);
  s.house.clock.advance(-60s);  // the body's clock may run ahead of ours
  s.publish();
  struct Row {
    const char* name;
    const char* reason;
    ShownCertificate shown;
  };
  const Row rows[] = {
      {"revoked", "certs.revoked", s.shown(revoked)},
      {"unknown authority",
       "certs.body_unknown",
       {stranger.leaf("login", name), {stranger.sub(), stranger.root()}, "tls"}},
      {"for TLS servers", "certs.", s.shown(s.own("server"))},
      {"an authority", "certs.", s.shown(s.own("authority"))},
      {"its issuer does not come along and is not known", "certs.", {s.body.root(), {}, "tls"}},
      {"bound to nobody", "bound to nobody",
       s.shown(s.card("login", "/C=CN/CN=李四/serialNumber=" + fresh_number()))},
  };
  for (const auto& row : rows) {
    const auto tried = s.certificates.log_in(row.shown);
    ASSERT_FALSE(tried.ok()) << row.name;
    EXPECT_EQ(tried.error().key, "auth.certificate.refused") << row.name;
    EXPECT_EQ(tried.error().code, base::Code::unauthenticated) << row.name;
    EXPECT_EQ(tried.error().detail.rfind(row.reason, 0), 0u) << row.name << tried.error().detail;
    EXPECT_EQ(s.house.sql("select count(*) from audit.entry where act = 'login.certificate' and "
                          "facts->>'sha256' = '" +
                          base::to_hex(row.shown.leaf.sha256()) + "' and facts->>'detail' = '" +
                          tried.error().detail + "'"),
              "1")
        << row.name;
  }
  EXPECT_EQ(s.why(good), "") << "the good one still does";
  s.house.clock.advance(24h * 400);
  s.trust.held.list.next_update = s.house.clock.now() + 72h;
  EXPECT_EQ(s.why(good).rfind("auth.certificate.refused", 0), 0u) << "expired";
}

TEST(CertificatesTest, WithoutRevocationListsOrATrustListNobodyLogsIn) {
  Scene s;
  const auto card = s.own();
  s.bind(card);
  s.trust.held.crls.clear();
  EXPECT_EQ(s.why(card).rfind("auth.certificate.refused", 0), 0u);
  s.publish();
  EXPECT_EQ(s.why(card), "");
  s.trust.away = true;
  EXPECT_EQ(s.why(card).rfind("api.no_trust_list", 0), 0u);
  s.trust.away = false;
  s.trust.held.list.bodies.clear();
  EXPECT_EQ(s.why(card).rfind("auth.certificate.refused certs.body_unknown", 0), 0u)
      << "LD/T 01-2020 6.2.7: no longer once it has ended";
}

TEST(CertificatesTest, SecurityA21_ACertificateOfAnotherHolderIsNotBound) {
  Scene s;
  const auto other = s.card("login", "/C=CN/CN=张小三/serialNumber=" + fresh_number());
  const auto nameless = s.card("login", "/C=CN/CN=张小三");
  for (const auto& card : {other, nameless}) {
    const auto tried = s.certificates.bind(s.subject, s.shown(card));
    EXPECT_EQ(refusal_of(tried), "auth.certificate.other_holder");
  }
  EXPECT_TRUE(s.certificates.list(s.subject)->empty());
  // What staff linked to the account counts (docs/registration.md, staff).
  EXPECT_EQ(numbers_in(other.leaf).size(), 1u);
  EXPECT_TRUE(numbers_in(nameless.leaf).empty());
}

TEST(CertificatesTest, EtsiEn319412_1_NumbersMayStandBehindTheirKind) {
  Scene s;
  const auto card = s.card("login", "/C=CN/CN=张小三/serialNumber=IDCCN-" + s.number);
  EXPECT_EQ(numbers_in(card.leaf), std::vector<std::string>{s.number});
  s.bind(card);
  EXPECT_EQ(s.why(card), "");
  const auto unit =
      s.card("login", "/C=CN/O=乙公司/CN=乙公司/organizationIdentifier=NTRCN-91350100M000100Y43");
  EXPECT_EQ(numbers_in(unit.leaf), std::vector<std::string>{"91350100M000100Y43"});
}

TEST(CertificatesTest, Ldt01_5_4_1_3b_ARenewalKeepsTheAccount) {
  Scene s;
  const auto first = s.own();
  const auto id = s.bind(first);
  const auto second = s.own();  // another key and serial, the same holder
  const auto who = s.certificates.log_in(s.shown(second));
  ASSERT_TRUE(who.ok()) << who.error().key << who.error().detail;
  EXPECT_EQ(who->subject, s.subject);
  EXPECT_NE(who->certificate, id);
  EXPECT_EQ(s.certificates.list(s.subject)->size(), 2u);
  EXPECT_EQ(
      s.house.sql("select renews from auth.certificate where id = '" + who->certificate + "'"), id);
  // The same name with another number in it is no renewal: the number is part of the name.
  const auto stranger = s.card("login", "/C=CN/CN=张小三/serialNumber=" + fresh_number());
  EXPECT_EQ(s.why(stranger), "auth.certificate.refused bound to nobody");
}

TEST(CertificatesTest, ACertificateIsOneAccountsAndCanBeTakenAway) {
  Scene s;
  const auto card = s.own();
  const auto id = s.bind(card);
  EXPECT_EQ(refusal_of(s.certificates.bind(s.subject, s.shown(card))), "auth.certificate.known");
  const auto other = s.house.new_person(fresh_name());
  EXPECT_EQ(refusal_of(s.codes.remove(other, id)), "auth.factor.unknown");
  s.house.lock(s.subject);
  EXPECT_EQ(s.why(card), "auth.certificate.refused bound to nobody") << "switched off";
  s.house.unlock(s.subject);
  ASSERT_TRUE(s.codes.remove(s.subject, id).ok());
  EXPECT_EQ(s.why(card), "auth.certificate.refused bound to nobody");
  EXPECT_TRUE(s.certificates.list(s.subject)->empty());
  EXPECT_NE(s.bind(card), "") << "and bound anew";
}

TEST(CertificatesTest, ABoundCertificateIsAFactorOfItsOwner) {
  Scene s;
  const auto card = s.own();
  const auto binding = s.certificates.bind(s.subject, s.shown(card));
  ASSERT_TRUE(binding.ok());
  EXPECT_EQ(binding->name, "张小三");
  EXPECT_EQ(binding->number, s.number);
  EXPECT_EQ(binding->body, s.body.body().name);
  EXPECT_EQ(binding->fingerprint, base::to_hex(card.leaf.sha256()));
  const auto factors = factors_of(s.house.pool, s.house.cipher, s.subject).value();
  ASSERT_EQ(factors.size(), 1u);
  EXPECT_EQ(factors[0].id, binding->certificate.id);
  EXPECT_EQ(factors[0].kind, FactorKind::certificate);
  EXPECT_EQ(factors[0].label, s.body.body().name);
  EXPECT_FALSE(factors[0].last_used_at.has_value());
  EXPECT_EQ(s.why(card), "");
  EXPECT_TRUE(factors_of(s.house.pool, s.house.cipher, s.subject).value()[0].last_used_at);
  EXPECT_EQ(steps_after(factors, SubjectKind::person, Method::password, s.house.clock.now())
                .factors.size(),
            1u);
}

TEST(CertificatesTest, Ldt01_5_4_1_3b_ARevokedCertificateIsAskedForAllTheSame) {
  Scene s;
  const auto card = s.own();
  s.bind(card);
  s.body.revoke(card.leaf);
  s.house.clock.advance(2s);
  s.publish();
  EXPECT_EQ(s.why(card), "auth.certificate.refused certs.revoked");
  const auto factors = factors_of(s.house.pool, s.house.cipher, s.subject).value();
  const auto stands = steps_after(factors, SubjectKind::unit, Method::password, s.house.clock.now());
  EXPECT_FALSE(stands.enough);
  EXPECT_EQ(stands.factors.size(), 1u);
}

TEST(CertificatesTest, AsTheSecondStepItMustBeTheSamePersons) {
  Scene s;
  const auto card = s.own();
  s.bind(card);
  const auto other = s.house.new_person(fresh_name());
  const auto tried = s.certificates.log_in(s.shown(card), other);
  ASSERT_FALSE(tried.ok());
  EXPECT_EQ(tried.error().detail, "bound to somebody else");
  EXPECT_TRUE(s.certificates.log_in(s.shown(card), s.subject).ok());
  // Another holder's renewal is nobody's either, and leaves no row.
  const auto renewed = s.own();
  EXPECT_FALSE(s.certificates.log_in(s.shown(renewed), other).ok());
  EXPECT_EQ(s.certificates.list(s.subject)->size(), 1u);
}

TEST(CertificatesTest, TheTextIsThereAsLongAsItWaitsAndInItsBrowserAlone) {
  Scene s;
  const auto asked = s.ask();
  const auto text = [&](std::string_view browser, CertificatePurpose purpose) {
    return s.certificates.text_of(purpose, browser, asked.challenge);
  };
  EXPECT_EQ(text("browser-1", CertificatePurpose::login).value(), asked.text);
  EXPECT_EQ(refusal_of(text("browser-2", CertificatePurpose::login)), "auth.certificate.expired");
  EXPECT_EQ(refusal_of(text("browser-1", CertificatePurpose::binding)), "auth.certificate.expired");
  EXPECT_EQ(refusal_of(s.certificates.text_of(CertificatePurpose::login, "browser-1", "x\n")),
            "auth.certificate.expired");
  s.house.clock.advance(kCertificateChallengeLife);
  EXPECT_EQ(refusal_of(text("browser-1", CertificatePurpose::login)), "auth.certificate.expired");
}

TEST(CertificatesTest, Ldt01_6_2_6d_ATokenSignsThroughXinyinSign) {
  Scene s;
  const auto card = s.own();
  s.bind(card);
  const auto at = s.body.path().string();
  const std::string module = "/usr/lib/softhsm/libsofthsm2.so";
  test::write_file(s.body.path() / "softhsm.conf",
                   "directories.tokendir = " + at + "/tokens\nobjectstore.backend = file\n");
  std::filesystem::create_directory(s.body.path() / "tokens");
  test::write_file(s.body.path() / "pin", std::string_view("246810\n"));
  const auto run = [&](const std::string& command) {
    return test::shell("export SOFTHSM2_CONF=" + at + "/softhsm.conf; cd " + at + "; " + command);
  };
  const auto tool = "pkcs11-tool --module " + module + " --login --pin 246810 ";
  auto ran =
      run("softhsm2-util --init-token --free --label card --so-pin 135791 --pin 246810 && "
          "openssl pkcs8 -topk8 -nocrypt -in " +
          card.key +
          " -out key.p8 && "
          "softhsm2-util --import key.p8 --token card --label login --id 01 --pin 246810 && "
          "openssl x509 -in " +
          card.name + ".pem -outform DER -out card.der && " + tool +
          "--write-object card.der --type cert --label login --id 01");
  ASSERT_EQ(ran.exit, 0) << ran.out;
  const auto sign = std::string(XINYIN_SOURCE_DIR "/tools/xinyin-sign --module ") + module +
                    " --label login --pin-file pin --yes ";
  const auto asked = s.ask();
  test::write_file(s.body.path() / "asked.txt", asked.text);
  ran = run(sign + "asked.txt > answer.pem");
  ASSERT_EQ(ran.exit, 0) << ran.out;
  const auto answered = s.answer(asked, test::read_file(s.body.path() / "answer.pem"));
  ASSERT_TRUE(answered.ok()) << answered.error().detail;
  const auto who = s.certificates.log_in(*answered);
  ASSERT_TRUE(who.ok()) << who.error().detail;
  EXPECT_EQ(who->subject, s.subject);
  // It signs logins and nothing else.
  test::write_file(s.body.path() / "contract.txt", std::string_view("I sell my house.\n"));
  EXPECT_NE(run(sign + "contract.txt").exit, 0);
}

}  // namespace
}  // namespace auth
