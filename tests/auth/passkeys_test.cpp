// Passkeys of people: enrolled, used, counted, removed. W3C Web Authentication Level 3 §7.
#include "auth/passkeys.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/auth/house.h"
#include "tests/auth/soft_authenticator.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

struct Scene {
  House house;
  Notices notices{{house.pool, house.cipher, house.clock}};
  Passkeys passkeys{{house.pool, house.cipher, house.clock, house.random, notices,
                     Passkeys::party_of(kIssuer, "信印")}};
  SubjectId subject = house.new_person(fresh_name());
  std::string session = house.new_session(subject).id;

  std::string begin() {
    auto options = passkeys.begin_enrolment(subject, "zhang.san", session);
    EXPECT_TRUE(options.ok());
    return options.ok() ? *options : "{}";
  }
  base::Result<Passkey> finish(const std::string& answer) {
    return passkeys.finish_enrolment(subject, session, answer, "办公室的钥匙");
  }
  Passkey enrol(SoftAuthenticator& key) {
    auto made = finish(key.registration(key.create(begin())));
    EXPECT_TRUE(made.ok()) << made.error().key << " " << made.error().detail;
    return made.ok() ? *made : Passkey();
  }
  std::string ask(const std::optional<SubjectId>& who = std::nullopt) {
    auto options = passkeys.begin_login(who, session);
    EXPECT_TRUE(options.ok());
    return options.ok() ? *options : "{}";
  }
  base::Result<PasskeyLogin> show(const std::string& answer,
                                  const std::optional<SubjectId>& who = std::nullopt) {
    return passkeys.finish_login(who, session, answer);
  }
};

/// The detail of a refusal, for "refused, and for this reason".
template <class T>
std::string reason(const base::Result<T>& result) {
  return result.ok() ? "" : result.error().key + " " + result.error().detail;
}

TEST(PasskeysTest, W3cSec7_EachAlgorithmEnrolsAndLogsInWithAndWithoutAName) {
  for (const auto* algorithm : {"ES256", "EdDSA", "RS256"}) {
    Scene s;
    SoftAuthenticator key(algorithm);
    const auto made = s.enrol(key);
    EXPECT_TRUE(made.user_verified) << algorithm;
    const auto anyone = s.show(key.assertion(key.get(s.ask())));
    ASSERT_TRUE(anyone.ok()) << algorithm << reason(anyone);
    EXPECT_EQ(anyone->subject, s.subject);
    EXPECT_EQ(anyone->passkey, made.id);
    EXPECT_TRUE(anyone->user_verified);
    key.flags = 0x01;  // as a second factor presence is enough
    const auto second = s.show(key.assertion(key.get(s.ask(s.subject))), s.subject);
    ASSERT_TRUE(second.ok()) << algorithm << reason(second);
    EXPECT_FALSE(second->user_verified);
    const auto alone = s.show(key.assertion(key.get(s.ask())));
    EXPECT_EQ(refusal_of(alone), "auth.passkey.unverified") << "alone it must verify its user";
    EXPECT_EQ(alone.error().code, base::Code::unauthenticated);
  }
}

TEST(PasskeysTest, W3cSec5_4_WhatIsAskedForSaysWhatMustNotBeMissing) {
  Scene s;
  SoftAuthenticator key;
  s.enrol(key);
  const auto options = json(s.begin());
  EXPECT_EQ(base::json_text(options["rp"], "id"), "id.example");
  EXPECT_EQ(base::from_base64url(base::json_text(options, "challenge"))->size(), 32u);
  EXPECT_EQ(base::json_text(options["user"], "id").find(s.subject.value()), std::string::npos);
  EXPECT_EQ(base::from_base64url(base::json_text(options["user"], "id"))->size(), 32u);
  ASSERT_EQ(options["excludeCredentials"].Size(), 1u);
  EXPECT_EQ(base::json_text(options["excludeCredentials"][0], "id"), base::to_base64url(key.id));
  EXPECT_EQ(options["excludeCredentials"][0]["transports"].Size(), 1u) << "pigeons are not known";
  ASSERT_EQ(options["pubKeyCredParams"].Size(), 3u);
  EXPECT_EQ(options["pubKeyCredParams"][0]["alg"].GetInt(), -7);
  EXPECT_EQ(base::json_text(options, "attestation"), "none");
  EXPECT_EQ(base::json_text(options["authenticatorSelection"], "residentKey"), "preferred");
  const auto anyone = json(s.ask()), second = json(s.ask(s.subject));
  EXPECT_EQ(base::json_text(anyone, "userVerification"), "required");
  EXPECT_FALSE(anyone.HasMember("allowCredentials")) << "it would say who has an account";
  EXPECT_EQ(base::json_text(second, "userVerification"), "preferred");
  EXPECT_EQ(second["allowCredentials"].Size(), 1u);
}

TEST(PasskeysTest, TheDatabaseKeepsNoChallengeInClear) {
  Scene s;
  SoftAuthenticator key;
  s.enrol(key);
  const auto challenge = base::from_base64url(base::json_text(json(s.ask()), "challenge")).value();
  EXPECT_EQ(s.house.sql("select count(*) from auth.factor_challenge where digest = '\\x" +
                        base::to_hex(challenge) + "'"),
            "0");
  EXPECT_EQ(s.house.sql("select count(*) from auth.factor_challenge where digest = '\\x" +
                        base::to_hex(base::sha256(challenge)) + "'"),
            "1");
}

using Bend = std::function<void(SoftAnswer&, SoftAuthenticator&)>;
struct Row {
  const char* name;
  const char* reason;
  Bend bend;
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(PasskeysTest, W3cSec7_1_EveryBentRegistrationIsRefused) {
  const Row rows[] = {
      {"step 7: type", "another ceremony",
       [](auto& a, auto&) { a.client_data = replaced(a.client_data, ".create", ".get"); }},
      {"step 9: origin", "another origin",
       [](auto& a, auto&) { a.client_data = replaced(a.client_data, "id.ex", "id-ex"); }},
      {"step 10: frame", "another site's page",
       [](auto& a, auto&) { a.client_data = replaced(a.client_data, "false", "true"); }},
      {"step 11: top origin", "another site's page",
       [](auto& a, auto&) {
         a.client_data = replaced(a.client_data, "}", R"(,"topOrigin":"https://x.example"})");
       }},
      {"step 14: rp id", "rpIdHash", [](auto& a, auto&) { a.data[0] ^= 1; }},
      {"step 15: presence", "(UP)", [](auto& a, auto&) { a.data[32] = 0x44; }},
      {"step 17: backup state", "backed up, and must not be",
       [](auto& a, auto&) { a.data[32] |= 0x10; }},
      {"no credential", "bytes behind", [](auto& a, auto&) { a.data[32] = 0x05; }},
      {"extensions announced and absent", "extension outputs",
       [](auto& a, auto&) { a.data[32] |= 0x80; }},
      {"bytes behind the key", "bytes behind", [](auto& a, auto&) { a.data.push_back(0); }},
      {"cut off", "", [](auto& a, auto&) { a.data.pop_back(); }},
      {"length of the id", "", [](auto& a, auto&) { a.data[54] += 1; }},
      {"id of no length", "wrong length", [](auto& a, auto&) { a.data[54] = 0; }},
      {"id past the limit", "wrong length", [](auto& a, auto&) { a.data[53] = 4; }},
      {"step 18: algorithm not asked for", "public key is not",
       [](auto& a, auto&) { a.data[55 + 32 + 4] = 0x27; }},
      {"key type", "", [](auto& a, auto&) { a.data[55 + 32 + 2] = 0x01; }},
      {"curve", "public key is not", [](auto& a, auto&) { a.data[55 + 32 + 6] = 0x02; }},
      {"label twice", "label twice", [](auto& a, auto&) { a.data[55 + 32 + 3] = 0x01; }},
      {"point off the curve", "", [](auto& a, auto&) { a.data.back() ^= 1; }},
      {"another id outside", "another credential's id", [](auto& a, auto&) { a.id[0] ^= 1; }},
      {"unknown format", "format", [](auto& a, auto&) { a.format = "android-safetynet"; }},
      {"step 21: none with a statement", "the statement is not empty",
       [](auto& a, auto& key) {
         key.attest_self(a);
         a.format = "none";
       }},
      {"packed without a statement", "without a signature",
       [](auto& a, auto&) { a.format = "packed"; }},
      {"fido-u2f without a certificate", "",
       [](auto& a, auto& key) {
         key.attest_self(a);
         a.format = "fido-u2f";
       }},
      {"self attestation of other data", "attestation: libfido2",
       [](auto& a, auto& key) {
         key.attest_self(a);
         a.data[36] ^= 1;
       }},
      {"self attestation by another algorithm", "alg is not the key's",
       [](auto& a, auto& key) {
         key.attest_self(a);
         a.statement[5] = 0x27;
       }},
      {"self attestation of another key", "attestation: libfido2",
       [](auto& a, auto&) { SoftAuthenticator().attest_self(a); }},
      {"statement with more members", "a member that has no place",
       [](auto& a, auto&) {
         a.format = "packed";
         a.statement = {0xa1, 0x63, 'v', 'e', 'r', 0x01};
       }},
  };
  for (const auto& row : rows) {
    Scene s;
    SoftAuthenticator key;
    auto answer = key.create(s.begin());
    row.bend(answer, key);
    const auto refused = s.finish(key.registration(answer));
    EXPECT_EQ(refusal_of(refused), "auth.passkey.refused") << row.name;
    EXPECT_NE(reason(refused).find(row.reason), std::string::npos) << row.name << reason(refused);
    EXPECT_TRUE(s.passkeys.list(s.subject)->empty()) << row.name;
  }
}

TEST(PasskeysTest, W3cSec7_2_EveryBentAssertionIsRefused) {
  SoftAuthenticator other;
  const Row rows[] = {
      {"step 11: type", "another ceremony",
       [](auto& a, auto&) { a.client_data = replaced(a.client_data, ".get", ".create"); }},
      {"step 13: origin", "another origin",
       [](auto& a, auto&) { a.client_data = replaced(a.client_data, "https", "http"); }},
      {"frame", "another site's page",
       [](auto& a, auto&) { a.client_data = replaced(a.client_data, "false", "true"); }},
      {"step 15: rp id", "rpIdHash", [](auto& a, auto&) { a.data[31] ^= 1; }},
      {"step 16: presence", "(UP)", [](auto& a, auto&) { a.data[32] = 0x04; }},
      {"step 18: backup state", "must not be", [](auto& a, auto&) { a.data[32] |= 0x10; }},
      {"step 18: backup eligibility", "(BE)", [](auto& a, auto&) { a.data[32] |= 0x08; }},
      {"attested data announced", "", [](auto& a, auto&) { a.data[32] |= 0x40; }},
      {"attested data in an assertion", "(AT)",
       [](auto& a, auto& key) {
         a.data =
             key.create(R"({"challenge":"","rp":{"id":"id.example"},"user":{"id":"AA"}})").data;
       }},
      {"bytes behind", "bytes behind", [](auto& a, auto&) { a.data.push_back(0); }},
      {"cut off", "wrong length", [](auto& a, auto&) { a.data.pop_back(); }},
      {"step 5: an id nobody has", "nobody's", [](auto& a, auto&) { a.id[0] ^= 1; }},
      {"step 6: no user handle", "no user handle", [](auto& a, auto&) { a.handle.clear(); }},
      {"step 6: another handle", "another person's", [](auto& a, auto&) { a.handle[0] ^= 1; }},
  };
  for (const auto& row : rows) {
    Scene s;
    SoftAuthenticator key;
    s.enrol(key);
    auto answer = key.get(s.ask());
    row.bend(answer, key);
    const auto refused = s.show(key.assertion(answer));
    EXPECT_EQ(refusal_of(refused), "auth.passkey.refused") << row.name;
    EXPECT_EQ(refused.error().code, base::Code::unauthenticated) << row.name;
    EXPECT_NE(reason(refused).find(row.reason), std::string::npos) << row.name << reason(refused);
  }
  Scene s;
  SoftAuthenticator key;
  s.enrol(key);
  const auto answer = key.get(s.ask());
  const auto refused = s.show(other.assertion(answer));
  EXPECT_NE(reason(refused).find("assertion: libfido2"), std::string::npos)
      << "step 21: signed by another key";
}

TEST(PasskeysTest, W3cSec13_4_3_AChallengeIsOfOneSessionOnePurposeAndOneAnswer) {
  Scene s;
  SoftAuthenticator key, second;
  const auto answer = key.registration(key.create(s.begin()));
  EXPECT_EQ(refusal_of(s.passkeys.finish_enrolment(s.subject, "elsewhere", answer, "a")),
            "auth.passkey.expired");
  ASSERT_TRUE(s.finish(answer).ok());
  EXPECT_EQ(refusal_of(s.finish(answer)), "auth.passkey.expired") << "once";
  const auto login = key.assertion(key.get(s.ask()));
  EXPECT_EQ(refusal_of(s.passkeys.finish_login(std::nullopt, "elsewhere", login)),
            "auth.passkey.expired");
  EXPECT_EQ(refusal_of(s.show(login, s.subject)), "auth.passkey.expired") << "another purpose";
  ASSERT_TRUE(s.show(login).ok());
  EXPECT_EQ(refusal_of(s.show(login)), "auth.passkey.expired") << "once";
  const auto late = key.assertion(key.get(s.ask()));
  s.house.clock.advance(kPasskeyLife);
  EXPECT_EQ(refusal_of(s.show(late)), "auth.passkey.expired");
  auto invented = key.get(s.ask());
  invented.client_data = client_data("webauthn.get", base::to_base64url(base::Bytes(32)), kIssuer);
  EXPECT_EQ(refusal_of(s.show(key.assertion(invented))), "auth.passkey.expired");
  // Asked for one person, answered by another.
  const auto other = s.house.new_person(fresh_name());
  const auto theirs = second.registration(second.create(s.begin()));
  EXPECT_EQ(refusal_of(s.passkeys.finish_enrolment(other, s.session, theirs, "a")),
            "auth.passkey.expired");
}

TEST(PasskeysTest, OfEightAnswersAtOnceOneSucceeds) {
  Scene s;
  SoftAuthenticator key;
  s.enrol(key);
  const auto answer = key.assertion(key.get(s.ask()));
  std::atomic<int> good{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 8; ++i) all.emplace_back([&] { good += s.show(answer).ok() ? 1 : 0; });
  for (auto& each : all) each.join();
  EXPECT_EQ(good, 1);
}

TEST(PasskeysTest, W3cSec6_1_1_ACounterThatDoesNotRiseSuspendsTheCredential) {
  for (const auto back : {0u, 1u, 5u}) {
    Scene s;
    SoftAuthenticator key;
    const auto made = s.enrol(key);
    key.count = 4;
    ASSERT_TRUE(s.show(key.assertion(key.get(s.ask()))).ok());  // says 5
    key.count = back - 1;                                       // the next says `back`
    EXPECT_EQ(refusal_of(s.show(key.assertion(key.get(s.ask())))), "auth.passkey.cloned") << back;
    key.count = 100;
    EXPECT_EQ(refusal_of(s.show(key.assertion(key.get(s.ask())))), "auth.passkey.suspended");
    EXPECT_TRUE((*s.passkeys.list(s.subject))[0].suspended_at.has_value());
    EXPECT_EQ(s.house.sql("select count(*) from audit.entry where act = 'login.passkey' and "
                          "outcome = 'auth.passkey.cloned' and object = '" +
                          made.id + "'"),
              "1");
    EXPECT_EQ(json(s.ask(s.subject))["allowCredentials"].Size(), 0u);
  }
  // One that does not count says nothing by it.
  Scene s;
  SoftAuthenticator key;
  s.enrol(key);
  for (int i = 0; i < 2; ++i) {
    key.count = static_cast<std::uint32_t>(-1);
    EXPECT_TRUE(s.show(key.assertion(key.get(s.ask()))).ok());
  }
}

TEST(PasskeysTest, W3cSec7_1_Step26_ACredentialBelongsToOneSubject) {
  Scene s;
  SoftAuthenticator key;
  s.enrol(key);
  EXPECT_EQ(refusal_of(s.finish(key.registration(key.create(s.begin())))), "auth.passkey.known");
  const auto other = s.house.new_person(fresh_name());
  const auto options = s.passkeys.begin_enrolment(other, "li.si", s.session);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(refusal_of(s.passkeys.finish_enrolment(other, s.session,
                                                   key.registration(key.create(*options)), "a")),
            "auth.passkey.known");
  // As a second factor only one's own counts.
  SoftAuthenticator theirs;
  const auto asked = s.passkeys.begin_enrolment(other, "li.si", s.session);
  ASSERT_TRUE(
      s.passkeys.finish_enrolment(other, s.session, theirs.registration(theirs.create(*asked)), "a")
          .ok());
  const auto refused = s.show(theirs.assertion(theirs.get(s.ask(s.subject))), s.subject);
  EXPECT_NE(reason(refused).find("another person's credential"), std::string::npos);
}

TEST(PasskeysTest, WhoIsSwitchedOffHasNoPasskey) {
  Scene s;
  SoftAuthenticator key;
  s.enrol(key);
  const auto answer = key.assertion(key.get(s.ask()));
  s.house.lock(s.subject);
  EXPECT_EQ(refusal_of(s.show(answer)), "auth.passkey.refused");
}

TEST(PasskeysTest, WhatHasEndedIsNoPasskeyAndComesNotBack) {
  Scene s;
  SoftAuthenticator key;
  const auto made = s.enrol(key);
  const auto factors = factors_of(s.house.pool, s.house.cipher, s.subject);
  ASSERT_EQ(factors->size(), 1u);
  EXPECT_EQ((*factors)[0].label, "办公室的钥匙");
  EXPECT_EQ((*factors)[0].id, made.id);
  auto tx = s.house.pool.begin();
  ASSERT_TRUE(
      end_factor(*tx, s.house.cipher, s.subject, made.id, s.subject.value(), s.house.clock.now())
          .ok());
  ASSERT_TRUE(tx->commit().ok());
  EXPECT_TRUE(s.passkeys.list(s.subject)->empty());
  EXPECT_EQ(json(s.ask(s.subject))["allowCredentials"].Size(), 0u);
  EXPECT_EQ(refusal_of(s.show(key.assertion(key.get(s.ask())))), "auth.passkey.refused");
  EXPECT_EQ(refusal_of(s.finish(key.registration(key.create(s.begin())))), "auth.passkey.known");
}

TEST(PasskeysTest, NobodyHasMoreThanTheLimit) {
  Scene s;
  for (std::size_t i = 0; i < kMostFactors; ++i) {
    SoftAuthenticator key;
    s.enrol(key);
  }
  SoftAuthenticator one_more;
  EXPECT_EQ(refusal_of(s.finish(one_more.registration(one_more.create(s.begin())))),
            "auth.factor.too_many");
}

TEST(PasskeysTest, W3cSec5_1_2_AnAddressInNumbersHasNoPasskeys) {
  for (const auto* origin :
       {"https://id.example", "http://localhost:8080", "https://id.example:8443"})
    EXPECT_TRUE(Passkeys::possible_at(origin)) << origin;
  for (const auto* origin :
       {"http://127.0.0.1:8080", "https://10.0.0.1", "https://[::1]:8080", "http://id.example", ""})
    EXPECT_FALSE(Passkeys::possible_at(origin)) << origin;
  EXPECT_EQ(Passkeys::party_of("https://id.example:8443", "x").id, "id.example");
}

TEST(PasskeysTest, ChallengesThatRanOutAreSwept) {
  Scene s;
  s.ask();
  s.house.clock.advance(kPasskeyLife + 1s);
  const auto swept = s.passkeys.sweep(100000);
  ASSERT_TRUE(swept.ok());
  EXPECT_GE(*swept, 1);
}

}  // namespace
}  // namespace auth
