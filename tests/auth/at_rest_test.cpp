// What the database holds and how it finds it: security.md §3.G 124, 136; identity.md §3 (plans).
#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;

std::string output_of(const std::string& command) {
  std::string out;
  std::array<char, 65536> buffer{};
  FILE* pipe = popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.append(buffer.data(), got);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return out;
}

TEST(AtRestTest, G124_ADumpShowsNoSecretAndNoPersonalNumber) {
  House house;
  const auto number = fresh_number();
  const auto subject = house.accounts
                           .create({SubjectKind::person, "欧阳小明", "cn-id", number,
                                    fresh_name("dump"), Proofing::p1},
                                   secret(kPassword))
                           .value();
  ASSERT_FALSE(
      house.accounts.log_in("dump.unknown.person", secret(kPassword), "203.0.113.77").ok());
  const auto client = house.new_client();
  const auto opened = house.sessions.open(subject, Method::password).value();
  const auto asked = with(house.request(client), "state", "state-canary-5501");
  const auto waiting =
      std::get<AskConsent>(house.provider.authorize(asked, opened.session).value());
  const auto spent = house.code_for(asked, opened.session);
  const auto reply = house.provider.token(house.redemption(client, spent), client.basic());
  const auto tokens = json(std::get<TokenReply>(reply).json);
  const auto unspent = house.code_for(asked, opened.session);

  const auto dump =
      output_of("pg_dump --dbname='" + house.database.conninfo(test::Role::superuser) + "'");
  ASSERT_NE(dump.find(subject.value()), std::string::npos) << "the dump holds the person's row";
  const auto absent = [&](std::string_view what, std::string_view text) {
    EXPECT_EQ(dump.find(text), std::string::npos) << what;
    EXPECT_EQ(dump.find(base::to_hex(base::as_bytes(text))), std::string::npos)
        << what << " in hex";
    if (const auto bytes = base::from_base64url(text); bytes && bytes->size() >= 16) {
      EXPECT_EQ(dump.find(base::to_hex(*bytes)), std::string::npos) << what << " as bytes";
    }
  };
  absent("number", number);
  absent("name", "欧阳小明");
  absent("password", kPassword);
  absent("password hash", "$argon2id$");
  absent("cookie", opened.cookie);
  absent("form token", opened.session.csrf);
  absent("client secret", client.secret);
  absent("spent code", spent);
  absent("unspent code", unspent);
  absent("transaction", waiting.transaction);
  absent("state", "state-canary-5501");
  absent("access token", base::json_text(tokens, "access_token"));
  absent("id token", base::json_text(tokens, "id_token"));
  absent("verifier", kVerifier);
  absent("a name that was only tried", "dump.unknown.person");
}

TEST(AtRestTest, G131_TheServiceMayDoWhatItDoesAndNoMore) {
  auto& database = test::Database::shared();
  const auto refused = [&](test::Role role, const std::string& text) {
    try {
      database.sql(role, text);
      return false;
    } catch (const std::runtime_error& failure) {
      const std::string why = failure.what();
      return why.find("permission denied") != std::string::npos ||
             why.find("must be owner") != std::string::npos;
    }
  };
  for (const auto* text : {"delete from auth.subject",
                           "delete from auth.account",
                           "delete from auth.credential",
                           "delete from auth.client",
                           "update auth.subject set id_lookup = id_lookup",
                           "update auth.subject set kind = 'unit'",
                           "update auth.account set login_name = 'other'",
                           "update auth.authorization_grant set subject_id = 'x'",
                           "update auth.authorization_grant set scopes = 'x'",
                           "update auth.refresh_token set grant_id = 'x'",
                           "update auth.refresh_token set expires_at = now()",
                           "update auth.session set subject_id = 'x'",
                           "update auth.session set expires_at = now()",
                           "update auth.identity_document set lookup = lookup",
                           "update auth.identity_document set number_sealed = number_sealed",
                           "update auth.subject_change set at = now()",
                           "delete from auth.subject_change",
                           "update auth.agreement_act set at = now()",
                           "delete from auth.agreement",
                           "truncate auth.session",
                           "create table auth.more (x int)",
                           "drop table auth.session"})
    EXPECT_TRUE(refused(test::Role::service, text)) << text;
  EXPECT_TRUE(refused(test::Role::verifier, "select * from auth.subject"));
  EXPECT_TRUE(refused(test::Role::verifier, "select * from auth.client"));
}

/// Each statement that runs per request reaches its rows by an index, also in tables of many rows
/// (with sequential scans forbidden, one shows only where nothing else can be done).
TEST(PlansTest, HotStatementsUseTheirIndexes) {
  auto& database = test::Database::shared();
  const std::string d32 = "decode(repeat('ab', 32), 'hex')";
  const std::string kHot[] = {
      "select a.subject_id, c.sealed, s.active from auth.account a join auth.subject s on s.id = "
      "a.subject_id left join auth.credential c on c.subject_id = a.subject_id and c.kind = "
      "'password' where a.login_name = 'x'",
      "select id from auth.subject where id_type = 'cn-id' and id_lookup = " + d32,
      "select s.id from auth.session s join auth.subject p on p.id = s.subject_id and p.active "
      "where s.cookie_digest = " +
          d32,
      "update auth.session set seen_at = now() where cookie_digest = " + d32 +
          " and seen_at < now()",
      "delete from auth.session where cookie_digest = " + d32,
      "delete from auth.session where subject_id = 'x' and id <> 'y'",
      "select scopes from auth.consent where subject_id = 'x' and client_id = 'y'",
      "select name from auth.client where id = 'x' and active",
      "delete from auth.authorization_request where digest = " + d32 + " and session_id = 'x'",
      "select g.id from auth.authorization_grant g join auth.subject s on s.id = g.subject_id "
      "where "
      "g.code_digest = " +
          d32,
      "update auth.authorization_grant set used_at = now() where id = 'x' and used_at is null and "
      "revoked_at is null",
      "update auth.authorization_grant set revoked_at = now() where session_id = 'x' and "
      "revoked_at "
      "is null",
      "update auth.authorization_grant set revoked_at = now() where subject_id = 'x' and "
      "revoked_at is null and session_id <> 'y'",
      "select g.subject_id from auth.authorization_grant g join auth.subject s on s.id = "
      "g.subject_id and s.active join auth.client c on c.id = g.client_id and c.active join "
      "auth.client a on a.id = 'z' and a.active where g.id "
      "= "
      "'x' and g.client_id = 'y' and g.revoked_at is null and g.used_at is not null",
      "select r.expires_at, n.used_at, g.id from auth.refresh_token r join "
      "auth.authorization_grant g on g.id = r.grant_id join auth.subject s on s.id = g.subject_id "
      "left join auth.refresh_token n on n.digest = r.successor where r.digest = " +
          d32,
      "update auth.refresh_token set used_at = now() where used_at is null and digest = " + d32,
      "select 1 from auth.client where id = 'x' and active and not exists (select from "
      "auth.revoked_token where digest = " +
          d32 + ")",
      "select 1 from auth.client where resource = 'x' and active",
      "delete from auth.pushed_request where digest = " + d32,
      "select client_id from auth.device_request where user_code = " + d32,
      "update auth.device_request set used_at = now() where used_at is null and granted and "
      "digest = " +
          d32,
      "select 1 from auth.revoked_token where digest = " + d32,
      "select digest from auth.device_request where expires_at < now() order by expires_at limit 9",
      "select sealed from auth.pushed_request where client_id = 'x' and expires_at > now() and "
      "digest = " +
          d32,
      "select 1 from auth.known_network where account = " + d32 + " and network = " + d32,
      "update auth.login_failure set failures = 1 where key = " + d32,
      "select id from auth.authorization_grant where lives_until < now() order by lives_until "
      "limit 9",
      "select digest from auth.refresh_token where expires_at < now() order by expires_at limit 9",
      "select digest from auth.revoked_token where expires_at < now() order by expires_at limit 9",
      "select digest from auth.spent_jti where expires_at < now() order by expires_at limit 9",
      "select digest from auth.pushed_request where expires_at < now() order by expires_at limit 9",
      "select digest from auth.authorization_request where expires_at < now() order by expires_at "
      "limit 9",
      "select cookie_digest from auth.session where expires_at < now() order by expires_at limit 9",
      "select key from auth.login_failure where last_at < now() and blocked_until < now() order by "
      "last_at limit 9",
      "select account from auth.known_network where last_ok_at < now() order by last_ok_at limit 9",
  };
  for (const auto& statement : kHot) {
    const auto rows =
        database.sql(test::Role::superuser, "set enable_seqscan = off; explain " + statement);
    std::string plan;
    for (const auto& row : rows) plan += row[0] + "\n";
    EXPECT_EQ(plan.find("Seq Scan"), std::string::npos) << statement << "\n" << plan;
    EXPECT_NE(plan.find("Index"), std::string::npos) << statement << "\n" << plan;
  }
}

}  // namespace
}  // namespace auth
