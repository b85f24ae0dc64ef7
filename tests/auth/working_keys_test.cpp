// Working keys of tokens: made, wrapped, endorsed, followed. docs/decisions/0133-working-keys.md
#include "auth/working_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/auth/house.h"

namespace auth::test_house {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

/// A hardware token that can be away; binds the name, as the real one does.
class Wrapper final : public KeyWrapper {
 public:
  explicit Wrapper(const store::FieldCipher& cipher) : cipher_(cipher) {}
  base::Result<base::Bytes> wrap(std::string_view name, const base::Secret& secret) override {
    if (away) return gone();
    return cipher_.seal("test/wrapper", std::string(name), secret.reveal());
  }
  base::Result<base::Secret> unwrap(std::string_view name, base::BytesView wrapped) override {
    if (away) return gone();
    ++unwrapped;
    BASE_TRY(const auto opened, cipher_.open("test/wrapper", std::string(name), wrapped));
    return base::Secret(opened);
  }
  std::atomic<bool> away{false};
  std::atomic<int> unwrapped{0};

 private:
  static base::Error gone() { return base::error(base::Code::unavailable, "hsm.unavailable"); }
  const store::FieldCipher& cipher_;
};

class WorkingKeysTest : public testing::Test {
 protected:
  WorkingKeysTest() { house.database.sql(test::Role::superuser, "delete from auth.working_key"); }

  WorkingKeys::Config config{std::string(kIssuer)};
  House house;
  Wrapper wrapper{house.cipher};
  WorkingKeys keys{config, {house.pool, wrapper, house.clock}};
  House::Registered client = house.new_client();
  SubjectId person = house.new_person(fresh_name());

  base::Result<Provider::SigningKeys> turn(WorkingKeys& of) {
    Provider::SigningKeys out{{house.key}};
    BASE_TRY(const auto done, of.put_into(out));
    refused = done.refused;
    return out;
  }
  /// As the service does every half minute.
  void take() {
    const auto now = turn(keys);
    ASSERT_TRUE(now.ok()) << now.error().key << " " << now.error().detail;
    ASSERT_TRUE(house.provider.take_keys(*now).ok());
  }
  std::string access() {
    return std::string(
        base::json_text(house.tokens_for(client, house.new_session(person)), "access_token"));
  }
  static std::string kid(std::string_view token) {
    return std::string(base::json_text(header(token), "kid"));
  }
  /// kid -> endorsement, of the published set.
  std::map<std::string, std::string> published() {
    std::map<std::string, std::string> out;
    const auto set = json(house.provider.jwks());
    for (const auto& key : set["keys"].GetArray())
      out.emplace(base::json_text(key, "kid"), base::json_text(key, "xinyin_endorsement"));
    return out;
  }
  std::string token_kid() { return TokenKey::from_spki(house.key->info().public_key)->id(); }

  std::string refused;
};

TEST_F(WorkingKeysTest, TokensAreSignedByOneThatTheTokenEndorsed) {
  take();
  const auto token = access();
  EXPECT_NE(kid(token), token_kid());
  EXPECT_TRUE(house.provider.actor(token).ok());
  const auto set = published();
  ASSERT_EQ(set.size(), 2U) << "itself and who endorsed it";
  EXPECT_EQ(set.at(token_kid()), "");
  std::vector<TokenKey> able;
  able.push_back(TokenKey::from_spki(house.key->info().public_key).value());
  const auto said = TokenKeys(std::move(able)).verify(set.at(kid(token)), kWorkingKeyType);
  ASSERT_TRUE(said.ok()) << said.error().detail;
  EXPECT_EQ(base::json_text(said->claims, "jkt"), kid(token));
  EXPECT_EQ(base::json_text(said->claims, "iss"), kIssuer);
  const auto now_s = base::to_unix_s(house.clock.now());
  EXPECT_EQ(base::json_int(said->claims, "signs_until"), now_s + 24 * 3600);
  EXPECT_EQ(base::json_int(said->claims, "exp"), now_s + 48 * 3600);
  // What somebody keeps is signed by the token itself, whose key is published for years.
  EXPECT_EQ(kid(house.provider.sign_export("{}").value()), token_kid());
  EXPECT_THAT(house.sql("select act || ' ' || outcome from audit.entry where object = '" +
                        kid(token) + "'"),
              HasSubstr("openid.working_key ok"));
}

TEST_F(WorkingKeysTest, AllInstancesSignWithTheSame) {
  take();
  const auto first = kid(access());
  WorkingKeys other(config, {house.pool, wrapper, house.clock});
  const auto there = turn(other);
  ASSERT_TRUE(there.ok());
  EXPECT_EQ(TokenKey::from_spki(there->signing.front()->info().public_key)->id(), first);
  EXPECT_EQ(house.sql("select count(*) from auth.working_key"), "1");
}

TEST_F(WorkingKeysTest, ManyInstancesAtOnceMakeOne) {
  std::vector<std::unique_ptr<WorkingKeys>> all;
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 6; ++i)
    all.push_back(std::make_unique<WorkingKeys>(config, WorkingKeys::Parts{house.pool, wrapper,
                                                                           house.clock}));
  for (auto& one : all)
    threads.emplace_back([&] {
      Provider::SigningKeys put{{house.key}};
      if (one->put_into(put).ok()) ++good;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 6);
  EXPECT_EQ(house.sql("select count(*) from auth.working_key"), "1");
}

TEST_F(WorkingKeysTest, TheNextIsPublishedBeforeItSignsAndTheEarlierAfter) {
  take();
  const auto old = access();
  const auto first = kid(old);
  house.clock.advance(hours(22));
  take();
  EXPECT_EQ(published().size(), 2U);
  house.clock.advance(minutes(61));  // less than an hour before its end
  take();
  EXPECT_EQ(published().size(), 3U) << "published ahead";
  EXPECT_EQ(kid(access()), first) << "and does not sign yet";
  house.clock.advance(minutes(58));
  take();
  const auto late = access();
  house.clock.advance(minutes(1));
  take();
  const auto second = kid(access());
  EXPECT_NE(second, first);
  EXPECT_EQ(published().count(first), 1U);
  EXPECT_TRUE(house.provider.actor(late).ok()) << "its tokens live on";
  house.clock.advance(hours(23) + minutes(30));
  take();  // the third is published
  house.clock.advance(minutes(30));
  take();
  EXPECT_EQ(published().count(first), 0U) << "a day after it signed its last";
  EXPECT_EQ(keys.sweep().value(), 1);
}

TEST_F(WorkingKeysTest, NobodySignsLongWithoutTheToken) {
  take();
  wrapper.away = true;
  house.clock.advance(minutes(14));
  EXPECT_NE(kid(access()), token_kid());
  // A turn that needs nothing of the token renews: that it is there is for the caller to see.
  house.clock.advance(minutes(2));
  EXPECT_EQ(house.token_error(
                house.redemption(client, house.code_for(house.request(client),
                                                        house.new_session(person))),
                client.basic()),
            "temporarily_unavailable")
      << "the lease is over";
  take();
  EXPECT_NE(kid(access()), token_kid());
}

TEST_F(WorkingKeysTest, WithoutTheTokenNoneBeginsAndTheKeysGivenStay) {
  wrapper.away = true;
  Provider::SigningKeys put{{house.key}};
  EXPECT_EQ(refusal_of(keys.put_into(put)), "hsm.unavailable");
  EXPECT_EQ(put.signing.front(), house.key);
  EXPECT_EQ(house.sql("select count(*) from auth.working_key"), "0");
  wrapper.away = false;
  house.key->fail_with = base::error(base::Code::unavailable, "hsm.unavailable");
  EXPECT_EQ(refusal_of(keys.put_into(put)), "hsm.unavailable");
  EXPECT_EQ(house.sql("select count(*) from auth.working_key"), "0");
}

TEST_F(WorkingKeysTest, AnInstanceThatStartsWithoutTheTokenHasNone) {
  take();
  wrapper.away = true;
  WorkingKeys other(config, {house.pool, wrapper, house.clock});
  EXPECT_EQ(refusal_of(turn(other)), "hsm.unavailable");
}

// Whoever writes into the database makes no key that tokens are believed by.
TEST_F(WorkingKeysTest, ARowThatTheTokenDidNotEndorseIsNothing) {
  take();
  const auto real = kid(access());
  const auto forger = test::SoftKey::make("forger");
  const auto forged = test::SoftKey::make("forged");
  const auto forged_key = TokenKey::from_spki(forged->info().public_key).value();
  const auto at = [&](int h) {
    return base::to_rfc3339(std::chrono::floor<std::chrono::seconds>(house.clock.now()) + hours(h));
  };
  const auto put = [&](const std::string& endorsement, const std::string& until) {
    house.database.sql(test::Role::superuser,
                       "delete from auth.working_key where id = '" + forged_key.id() + "'");
    house.database.sql(
        test::Role::superuser,
        "insert into auth.working_key values ('" + forged_key.id() + "', '\\x" +
            base::to_hex(forged->info().public_key) + "', '\\x00', '" + endorsement + "', '" +
            at(0) + "', '" + until + "', '" + at(48) + "')");
  };
  const auto claims_for = [&](const std::string& jkt, std::string_view issuer = kIssuer) {
    const auto s = base::to_unix_s(house.clock.now());
    return R"({"iss":")" + std::string(issuer) + R"(","nbf":)" + std::to_string(s) + R"(,"exp":)" +
           std::to_string(s + 48 * 3600) + R"(,"signs_until":)" + std::to_string(s + 24 * 3600) +
           R"(,"jkt":")" + jkt + R"("})";
  };
  const auto forger_id = TokenKey::from_spki(forger->info().public_key)->id();
  const auto& good = claims_for(forged_key.id());
  struct Case {
    const char* name;
    std::string endorsement;
    int until;
  };
  const auto by_token = [&](std::string_view type, const std::string& text) {
    return sign_jws(*house.key, token_kid(), type, text).value();
  };
  const std::vector<Case> cases{
      {"by itself", sign_jws(*forged, forged_key.id(), kWorkingKeyType, good).value(), 24},
      {"by another key", sign_jws(*forger, forger_id, kWorkingKeyType, good).value(), 24},
      {"by another key in the token's name",
       sign_jws(*forger, token_kid(), kWorkingKeyType, good).value(), 24},
      {"an access token as endorsement", by_token(kAccessTokenType, good), 24},
      {"of another key", by_token(kWorkingKeyType, claims_for(real)), 24},
      {"of another issuer",
       by_token(kWorkingKeyType, claims_for(forged_key.id(), "https://other.example")), 24},
      {"longer than endorsed", by_token(kWorkingKeyType, good), 25},
      {"empty", "", 24},
  };
  for (const auto& one : cases) {
    put(one.endorsement, at(one.until));
    take();
    EXPECT_EQ(refused, forged_key.id()) << one.name;
    EXPECT_EQ(published().count(forged_key.id()), 0U) << one.name;
    EXPECT_EQ(kid(access()), real) << one.name;
  }
  // Endorsed in full it counts: the table above fails for what it names and nothing else.
  put(by_token(kWorkingKeyType, good), at(24));
  Provider::SigningKeys counted{{house.key}};
  const auto done = keys.put_into(counted);
  EXPECT_TRUE(!done.ok() || done->refused.empty());
}

TEST_F(WorkingKeysTest, TheSecretOfAnotherRowIsRefused) {
  take();
  house.database.sql(test::Role::superuser, "update auth.working_key set wrapped = '\\x0102'");
  WorkingKeys other(config, {house.pool, wrapper, house.clock});
  EXPECT_NE(refusal_of(turn(other)), "");
}

TEST_F(WorkingKeysTest, AnEndorserThatIsGoneTakesItsWorkingKeysAlong) {
  take();
  const auto old = access();
  const auto next = test::SoftKey::make("openid-2");
  Provider::SigningKeys put{{next}, {house.key->info().public_key}};
  ASSERT_TRUE(keys.put_into(put).ok());
  ASSERT_TRUE(house.provider.take_keys(put).ok());
  EXPECT_TRUE(house.provider.actor(old).ok()) << "the earlier one is published still";
  Provider::SigningKeys without{{next}};
  ASSERT_TRUE(keys.put_into(without).ok());
  ASSERT_TRUE(house.provider.take_keys(without).ok());
  EXPECT_EQ(refusal_of(house.provider.actor(old)), "auth.token_invalid");
}

}  // namespace
}  // namespace auth::test_house
