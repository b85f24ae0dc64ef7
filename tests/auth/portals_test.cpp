// Portals and third-party platforms: LD/T 01-2020 6.1.2e; docs/decisions/0100-portals.md.
#include "auth/portals.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "auth/client_metadata.h"
#include "auth/identity_requests.h"
#include "tests/auth/foreign_signer.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;
using Outcome = Portals::Outcome;

class PortalsTest : public testing::Test {
 protected:
  PortalsTest() : secret_text(base::to_base64url(house.random.bytes(32))) {}
  SubjectId staff_member() {
    const auto id = house.new_person(fresh_name("staff"));
    EXPECT_TRUE(requests.name_staff(id, "system:test").ok());
    return id;
  }
  std::string metadata(const std::string& more = "", const std::string& scope = "openid profile") {
    return R"({"client_id":")" + client + R"(","client_name":"某门户","kind":"third_party",)" +
           R"("operator":"某公司","agreement":{"number":"A-1","until":"2026-12-31"},)" +
           R"("redirect_uris":[")" + std::string(kRedirect) + R"("],"scope":")" + scope +
           R"(","grant_types":["authorization_code","refresh_token"])" + more + "}";
  }
  std::string propose(const std::string& text) {
    const auto id = portals.propose(text, one);
    EXPECT_TRUE(id.ok()) << id.error().key
                         << (id.error().fields.empty() ? "" : id.error().fields[0].field);
    return id.ok() ? *id : "";
  }
  Outcome approve(const std::string& request, const SubjectId& staff) {
    const auto done = portals.approve(request, staff, secret_text);
    EXPECT_TRUE(done.ok()) << done.error().key;
    return done.ok() ? *done : Outcome::waiting;
  }
  void register_it(const std::string& text) {
    const auto request = propose(text);
    approve(request, two);
    approve(request, three);
  }
  std::string fields_of(const std::string& text) {
    const auto refused = portals.propose(text, one);
    if (refused.ok()) return "";
    std::string out = refused.error().key + ":";
    for (const auto& each : refused.error().fields) out += " " + each.field;
    return out;
  }
  House::Registered known() const { return {client, secret_text}; }
  /// What the token endpoint says to this secret: its error, or nothing where only the code that
  /// is shown with it is wrong.
  std::string proves(const std::string& secret) {
    const House::Registered as{client, secret};
    const auto error = house.token_error(house.redemption(as, "no-code"), as.basic());
    return error == "invalid_grant" ? "" : error;
  }
  /// Another secret; gives the one before.
  std::string rotate(std::chrono::seconds overlap) {
    const auto request = portals.propose_secret(client, overlap, one);
    EXPECT_TRUE(request.ok());
    auto before = secret_text;
    approve(*request, two);
    secret_text = base::to_base64url(house.random.bytes(32));
    EXPECT_EQ(approve(*request, three), Outcome::done_with_secret);
    return before;
  }
  std::string login_error(std::string_view scope = "openid profile") {
    const auto session = house.new_session(house.new_person(fresh_name()));
    const auto answer =
        house.provider.authorize(with(house.request(known()), "scope", scope), session);
    if (const auto* shown = std::get_if<ShowError>(&*answer)) return shown->error.key;
    if (const auto* back = std::get_if<SendBack>(&*answer))
      return parameter(back->location, "error");
    return "";
  }

  House house;
  std::string secret_text;
  Clients clients{house.pool};
  IdentityRequests requests{{house.pool, house.cipher, house.clock, house.random}};
  Portals portals{{house.pool, clients, house.clock, house.random}};
  std::string client = fresh_name("portal");
  const SubjectId one = staff_member(), two = staff_member(), three = staff_member();
};

TEST_F(PortalsTest, TheScopeOfStaffIsForTheAgencysOwnPortalsThatProveThemselves) {
  EXPECT_EQ(fields_of(metadata("", "openid staff")), "auth.client_invalid: scope");
  const auto own = [&](const std::string& more) {
    return R"({"client_id":")" + client + R"(","client_name":"某门户","kind":"portal","scope":)" +
           R"("openid staff","redirect_uris":[")" + std::string(kRedirect) + "\"]" + more + "}";
  };
  EXPECT_EQ(fields_of(own(R"(,"token_endpoint_auth_method":"none")")),
            "auth.client_invalid: scope");
  register_it(own(""));
  EXPECT_EQ(login_error("openid staff"), "");
}

TEST_F(PortalsTest, AProposalUnderTheSameKeyIsTheSameProposal) {
  const auto first = portals.propose(metadata(), one, "k");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(portals.propose(metadata(), one, "k").value(), *first);
  EXPECT_EQ(refusal_of(portals.propose(metadata("", "openid"), one, "k")), "auth.request.key_used");
  EXPECT_EQ(refusal_of(portals.propose_resume(client, one, "k")), "auth.request.key_used");
  EXPECT_EQ(refusal_of(portals.propose(metadata(), two, "k")), "auth.portal.open");
  // As long as a proposal waits.
  house.clock.advance(29 * 24h);
  ASSERT_TRUE(house.provider.sweep(1000).ok());
  EXPECT_EQ(portals.propose(metadata(), one, "k").value(), *first);
  house.clock.advance(2 * 24h);
  ASSERT_TRUE(house.provider.sweep(1000).ok());
  EXPECT_NE(portals.propose(metadata(), one, "k").value(), *first);
}

TEST_F(PortalsTest, Ldt01_6_1_2e_ItIsRegisteredWithTheSecondApprovalOfOthers) {
  const auto request = propose(metadata());
  EXPECT_EQ(login_error(), "auth.client_unknown");
  EXPECT_EQ(refusal_of(portals.approve(request, one, secret_text)), "auth.staff.own");
  const auto stranger = house.new_person(fresh_name());
  EXPECT_EQ(refusal_of(portals.approve(request, stranger, secret_text)), "auth.staff.none");
  EXPECT_EQ(refusal_of(portals.propose(metadata(), stranger)), "auth.staff.none");
  EXPECT_EQ(approve(request, two), Outcome::waiting);
  EXPECT_EQ(refusal_of(portals.approve(request, two, secret_text)), "auth.staff.twice");
  EXPECT_EQ(login_error(), "auth.client_unknown") << "one approval is none";
  EXPECT_EQ(refusal_of(portals.show(client)), "auth.portal.unknown");
  EXPECT_EQ(approve(request, three), Outcome::done_with_secret);
  EXPECT_EQ(login_error(), "");
  EXPECT_EQ(refusal_of(portals.approve(request, staff_member(), secret_text)),
            "auth.portal.request_unknown");
  const auto tokens = house.tokens_for(known(), house.new_session(house.new_person(fresh_name())),
                                       "openid profile");
  EXPECT_TRUE(tokens.HasMember("access_token")) << "and its secret is the one that was made";
  EXPECT_EQ(house.sql("select count(*) from audit.entry where object = '" + client +
                      "' and act in ('portal.propose', 'portal.approve', 'client.register')"),
            "4");
}

TEST_F(PortalsTest, Ldt01_6_1_2e_APlatformOfOthersNeedsAnAgreementWithAnEnd) {
  auto text = metadata();
  const auto whole = std::string(R"("agreement":{"number":"A-1","until":"2026-12-31"},)");
  text.erase(text.find(whole), whole.size());
  EXPECT_EQ(fields_of(text), "auth.client_invalid: agreement");
  EXPECT_EQ(fields_of(metadata().replace(metadata().find("2026-12-31"), 10, "2026-02-30")),
            "auth.metadata: agreement");
  register_it(metadata());
  house.clock.set(*base::parse_rfc3339("2026-12-31T23:59:59+08:00"));
  EXPECT_EQ(login_error(), "") << "its last day";
  house.clock.set(*base::parse_rfc3339("2027-01-01T00:00:00+08:00"));
  EXPECT_EQ(login_error(), "auth.client_unknown");
  EXPECT_EQ(refusal_of(portals.propose_renewal(client, "A-2", "2026-12-31", one)),
            "auth.metadata.date");
  const auto renewal = portals.propose_renewal(client, "A-2", "2027-12-31", one);
  ASSERT_TRUE(renewal.ok()) << renewal.error().key;
  approve(*renewal, two);
  EXPECT_EQ(login_error(), "auth.client_unknown");
  EXPECT_EQ(approve(*renewal, three), Outcome::done) << "its secret goes on";
  EXPECT_EQ(login_error(), "");
  EXPECT_EQ(portals.show(client)->client.agreement, "A-2");
  EXPECT_TRUE(*portals.has_secret(client, secret_text));
}

TEST_F(PortalsTest, AChangeOfScopesTakesEffectWithTheLastApprovalAlone) {
  register_it(metadata());
  const auto session = house.new_session(house.new_person(fresh_name()));
  const auto tokens = house.tokens_for(known(), session, "openid profile");
  const std::string access(base::json_text(tokens, "access_token"));
  EXPECT_EQ(refusal_of(portals.propose(metadata(), one)), "auth.portal.same");
  const auto request = propose(metadata("", "openid"));
  EXPECT_EQ(refusal_of(portals.propose(metadata("", "openid documents"), one)), "auth.portal.open");
  approve(request, two);
  EXPECT_EQ(login_error(), "");
  EXPECT_EQ(approve(request, three), Outcome::done);
  EXPECT_EQ(login_error(), "invalid_scope");
  EXPECT_EQ(login_error("openid"), "");
  EXPECT_EQ(refusal_of(house.provider.actor(access)), "auth.token_invalid")
      << "what it may not ask for, it does not hold";
  const auto steps = portals.history(client);
  ASSERT_EQ(steps->size(), 2U);
  EXPECT_EQ(base::json_text(json(steps->front().registration), "scope"), "openid");
  EXPECT_EQ(base::json_text(json(steps->back().registration), "scope"), "openid profile");
}

TEST_F(PortalsTest, ARefreshLosesWhatTheRegistrationLost) {
  register_it(metadata("", "openid profile offline_access"));
  const auto session = house.new_session(house.new_person(fresh_name()));
  const auto tokens = house.tokens_for(known(), session, "openid profile offline_access");
  register_it(metadata("", "openid offline_access"));
  const auto reply = house.provider.token(
      {{"grant_type", "refresh_token"},
       {"refresh_token", std::string(base::json_text(tokens, "refresh_token"))}},
      known().basic());
  ASSERT_EQ(house.error_of(reply), "");
  EXPECT_EQ(base::json_text(json(std::get<TokenReply>(reply).json), "scope"),
            "openid offline_access");
}

TEST_F(PortalsTest, OneStopsAtOnceAndTwoLetItGoOn) {
  register_it(metadata("", "openid offline_access"));
  const auto session = house.new_session(house.new_person(fresh_name()));
  const auto tokens = house.tokens_for(known(), session, "openid offline_access");
  const std::string access(base::json_text(tokens, "access_token"));
  const std::string refresh(base::json_text(tokens, "refresh_token"));
  const auto code = house.code_for(with(house.request(known()), "scope", "openid"), session);
  house.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(refusal_of(portals.suspend(client, one, " ")), "auth.request.reason");
  EXPECT_EQ(refusal_of(portals.suspend(client, house.new_person(fresh_name()), "x")),
            "auth.staff.none");
  ASSERT_TRUE(portals.suspend(client, one, "密钥泄露").ok());
  EXPECT_EQ(refusal_of(portals.suspend(client, two, "again")), "auth.portal.stopped");
  EXPECT_EQ(login_error("openid"), "auth.client_unknown");
  EXPECT_EQ(refusal_of(house.provider.actor(access)), "auth.token_invalid");
  const auto request = portals.propose_resume(client, one);
  ASSERT_TRUE(request.ok());
  approve(*request, two);
  EXPECT_EQ(login_error("openid"), "auth.client_unknown");
  EXPECT_EQ(approve(*request, three), Outcome::done);
  EXPECT_EQ(login_error("openid"), "");
  EXPECT_EQ(refusal_of(portals.propose_resume(client, one)), "auth.portal.active");
  // What was granted before stays dead: whoever took it has nothing.
  EXPECT_EQ(refusal_of(house.provider.actor(access)), "auth.token_invalid");
  EXPECT_EQ(house.token_error({{"grant_type", "refresh_token"}, {"refresh_token", refresh}},
                              known().basic()),
            "invalid_grant");
  EXPECT_EQ(house.token_error(house.redemption(known(), code), known().basic()), "invalid_grant");
  const auto told = house.provider.introspect({{"token", refresh}}, known().basic());
  EXPECT_EQ(std::get<TokenReply>(told).json, R"({"active":false})");
}

TEST_F(PortalsTest, ASecretIsChangedByTwo) {
  register_it(metadata());
  const auto request = portals.propose_secret(client, 0s, one);
  ASSERT_TRUE(request.ok());
  const auto before = secret_text;
  approve(*request, two);
  secret_text = base::to_base64url(house.random.bytes(32));
  EXPECT_FALSE(*portals.has_secret(client, secret_text));
  EXPECT_EQ(proves(before), "");
  EXPECT_EQ(approve(*request, three), Outcome::done_with_secret);
  EXPECT_TRUE(*portals.has_secret(client, secret_text));
  EXPECT_FALSE(*portals.has_secret(client, before));
  EXPECT_EQ(proves(secret_text), "");
  EXPECT_EQ(proves(before), "invalid_client") << "without an overlap it is dead at once";
  // One with keys has none to change.
  const auto keys = ForeignSigner::make("ES256").jwks();
  register_it(metadata(R"(,"token_endpoint_auth_method":"private_key_jwt","jwks":)" + keys));
  EXPECT_EQ(refusal_of(portals.propose_secret(client, 0s, one)), "auth.portal.no_secret");
  EXPECT_FALSE(*portals.has_secret(client, secret_text)) << "and its old one is gone";
}

TEST_F(PortalsTest, AnOldSecretGoesOnBesideItsSuccessorForTheTimeThatWasApproved) {
  struct Row {
    const char* what;
    std::chrono::seconds overlap, after;
    const char* old_says;
  };
  for (const auto& row : {Row{"none", 0s, 0s, "invalid_client"},
                          Row{"at once", 7 * 24h, 0s, ""},
                          Row{"the last second", 7 * 24h, 7 * 24h - 1s, ""},
                          Row{"its end", 7 * 24h, 7 * 24h, "invalid_client"},
                          Row{"long after", 1h, 48h, "invalid_client"}}) {
    SCOPED_TRACE(row.what);
    client = fresh_name("portal");
    register_it(metadata());
    const auto old = rotate(row.overlap);
    house.clock.advance(row.after);
    EXPECT_EQ(proves(secret_text), "");
    EXPECT_EQ(proves(old), row.old_says);
    EXPECT_EQ(proves(base::to_base64url(house.random.bytes(32))), "invalid_client");
    EXPECT_EQ(proves(""), "invalid_client");
  }
  for (const auto wrong : {-1s, std::chrono::seconds(kOverlapMost + 1s)})
    EXPECT_EQ(refusal_of(portals.propose_secret(client, wrong, one)), "auth.portal.overlap");
}

TEST_F(PortalsTest, ThereAreTwoSecretsAtMost) {
  register_it(metadata());
  const auto first = rotate(7 * 24h);
  const auto second = rotate(7 * 24h);
  EXPECT_EQ(proves(first), "invalid_client") << "it made room";
  EXPECT_EQ(proves(second), "");
  EXPECT_EQ(proves(secret_text), "");
  const auto third = rotate(0s);
  EXPECT_EQ(proves(second), "invalid_client");
  EXPECT_EQ(proves(third), "invalid_client") << "a rotation without overlap ends both";
  EXPECT_EQ(proves(secret_text), "");
}

TEST_F(PortalsTest, AnOldSecretIsEndedAtOnceByOneOfTheStaff) {
  register_it(metadata());
  EXPECT_EQ(refusal_of(portals.end_old_secret(client, one, "leaked")), "auth.portal.one_secret");
  const auto old = rotate(7 * 24h);
  EXPECT_EQ(refusal_of(portals.end_old_secret(client, one, " ")), "auth.request.reason");
  EXPECT_EQ(refusal_of(portals.end_old_secret(client, house.new_person(fresh_name()), "x")),
            "auth.staff.none");
  EXPECT_EQ(refusal_of(portals.end_old_secret("nobody", one, "x")), "auth.portal.unknown");
  EXPECT_EQ(proves(old), "");
  ASSERT_TRUE(portals.end_old_secret(client, one, "leaked").ok());
  EXPECT_EQ(proves(old), "invalid_client");
  EXPECT_EQ(proves(secret_text), "");
  EXPECT_EQ(portals.history(client)->front().act, "client.end_old_secret");
  EXPECT_EQ(portals.history(client)->front().reason, "leaked");
  EXPECT_EQ(house.sql("select count(*) from audit.entry where object = '" + client +
                      "' and (act = 'client.end_old_secret' or (act = 'client.rotate_secret' and "
                      "facts::jsonb ? 'old_secret_until'))"),
            "2");
}

TEST_F(PortalsTest, AChangeOfTheRegistrationKeepsBothSecretsAndOneWithKeysNone) {
  register_it(metadata());
  const auto old = rotate(7 * 24h);
  const auto request = propose(metadata("", "openid"));
  approve(request, two);
  EXPECT_EQ(approve(request, three), Outcome::done);
  EXPECT_EQ(proves(old), "");
  EXPECT_EQ(proves(secret_text), "");
  const auto keys = ForeignSigner::make("ES256").jwks();
  register_it(metadata(R"(,"token_endpoint_auth_method":"private_key_jwt","jwks":)" + keys));
  EXPECT_EQ(proves(old), "invalid_client");
  EXPECT_EQ(proves(secret_text), "invalid_client");
}

TEST_F(PortalsTest, SecretsThatEndedAreSwept) {
  register_it(metadata());
  rotate(1h);
  const auto kept = [&] {
    return house.sql("select count(old_secret_digest) from auth.client where id = '" + client +
                     "'");
  };
  ASSERT_TRUE(house.provider.sweep().ok());
  EXPECT_EQ(kept(), "1");
  house.clock.advance(1h + 1s);
  ASSERT_TRUE(house.provider.sweep().ok());
  EXPECT_EQ(kept(), "0");
}

TEST_F(PortalsTest, WhatChangedMeanwhileIsNotOverwritten) {
  register_it(metadata());
  const auto request = propose(metadata("", "openid"));
  approve(request, two);
  ASSERT_TRUE(portals.suspend(client, three, "prüfen").ok());
  EXPECT_EQ(refusal_of(portals.approve(request, three, secret_text)), "auth.portal.changed");
  EXPECT_EQ(portals.open()->size() > 0, true) << "and it still waits: nothing of it was done";
  ASSERT_TRUE(portals.refuse(request, one, "anew").ok()) << "its proposer withdraws it";
  EXPECT_EQ(house.sql("select standing from auth.portal_request where id = '" + request + "'"),
            "withdrawn");
}

TEST_F(PortalsTest, ARefusalEndsItAndSaysWhy) {
  const auto request = propose(metadata());
  EXPECT_EQ(refusal_of(portals.refuse(request, two, "")), "auth.request.reason");
  ASSERT_TRUE(portals.refuse(request, two, "协议未签").ok());
  EXPECT_EQ(refusal_of(portals.approve(request, three, secret_text)),
            "auth.portal.request_unknown");
  register_it(metadata());
}

TEST_F(PortalsTest, AProposalRunsOutAndMakesRoom) {
  const auto request = propose(metadata());
  approve(request, two);
  house.clock.advance(std::chrono::hours(24 * 30));
  EXPECT_EQ(refusal_of(portals.approve(request, three, secret_text)),
            "auth.portal.request_unknown");
  register_it(metadata());
}

TEST_F(PortalsTest, EightApprovalsAtOnceMakeOneRegistration) {
  std::vector<SubjectId> staff;
  for (int i = 0; i < 8; ++i) staff.push_back(staff_member());
  const auto request = propose(metadata());
  std::atomic<int> done{0}, waiting{0};
  std::vector<std::thread> all;
  for (const auto& each : staff)
    all.emplace_back([&] {
      const auto outcome = portals.approve(request, each, secret_text);
      if (outcome.ok()) ++(*outcome == Outcome::waiting ? waiting : done);
    });
  for (auto& each : all) each.join();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(waiting, 1);
  EXPECT_EQ(house.sql("select revision from auth.client where id = '" + client + "'"), "1");
}

TEST_F(PortalsTest, AChangeOfAddressDoesNotMovePeoplesIds) {
  register_it(metadata());
  EXPECT_EQ(portals.show(client)->client.sector, "portal.example");
  auto moved = metadata();
  moved.replace(moved.find("portal.example"), 14, "neu.example");
  register_it(moved);
  EXPECT_EQ(portals.show(client)->client.sector, "portal.example");
}

TEST_F(PortalsTest, WhatAFileSaysWronglyIsNamed) {
  const auto plus = [&](const char* more) { return fields_of(metadata(more)); };
  EXPECT_EQ(plus(R"(,"scopes":"openid")"), "auth.metadata: scopes") << "not the name of a member";
  EXPECT_EQ(plus(R"(,"jwks_uri":"https://a.example/k")"), "auth.metadata: jwks_uri");
  EXPECT_EQ(plus(R"(,"response_types":["token"])"), "auth.metadata: response_types");
  EXPECT_EQ(plus(R"(,"subject_type":"public")"), "auth.metadata: subject_type");
  EXPECT_EQ(plus(R"(,"token_endpoint_auth_method":"client_secret_jwt")"),
            "auth.metadata: token_endpoint_auth_method");
  EXPECT_EQ(plus(R"(,"token_endpoint_auth_method":"private_key_jwt")"), "auth.metadata: jwks");
  EXPECT_EQ(plus(R"(,"fapi2":"yes")"), "auth.metadata: fapi2");
  EXPECT_EQ(plus(R"(,"fapi2":true)"), "auth.client_invalid: fapi2");
  EXPECT_EQ(plus(R"(,"machine_scope":"core.read")"), "auth.client_invalid: machine_scope");
  EXPECT_EQ(plus(R"(,"id_token_signed_response_alg":"none")"),
            "auth.client_invalid: id_token_signed_response_alg");
  EXPECT_EQ(plus(R"(,"backchannel_logout_uri":"http://portal.example/out")"),
            "auth.client_invalid: backchannel_logout_uri");
  auto dynamic = metadata();
  dynamic.replace(dynamic.find("third_party"), 11, "dynamic");
  EXPECT_EQ(fields_of(dynamic), "auth.client_invalid: kind");
  auto twice = metadata(R"(,"scope":"openid")");
  EXPECT_EQ(fields_of(twice), "json.duplicate_member:");
  EXPECT_EQ(fields_of("[]"), "json.malformed:");
}

TEST_F(PortalsTest, WhatIsWrittenIsWhatIsRead) {
  const auto keys = ForeignSigner::make("EdDSA").jwks();
  const auto text = metadata(
      R"(,"post_logout_redirect_uris":["https://portal.example/bye"],"fapi2":true,)"
      R"("token_endpoint_auth_method":"private_key_jwt","id_token_signed_response_alg":"EdDSA",)"
      R"("backchannel_logout_uri":"https://portal.example/out",)"
      R"("backchannel_logout_session_required":true,"require_signed_request_object":true,)"
      R"("resource":"https://portal.example/","sector":"s","jwks":)" +
      keys);
  const auto read = read_client_metadata(text, UnknownMembers::refused);
  ASSERT_TRUE(read.ok()) << read.error().fields[0].field;
  const auto again = read_client_metadata(client_metadata(*read), UnknownMembers::refused);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(client_metadata(*again), client_metadata(*read));
  EXPECT_EQ(base::to_rfc3339(*again->agreement_until), "2026-12-31T16:00:00Z");
  EXPECT_TRUE(again->fapi2 && again->backchannel_session && again->require_signed);
}

}  // namespace
}  // namespace auth
