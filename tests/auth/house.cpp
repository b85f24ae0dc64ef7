#include "tests/auth/house.h"

#include <atomic>

#include "auth/id_numbers.h"
#include "auth/identity_requests.h"
#include "auth/locks.h"
#include "auth/redirect.h"

namespace auth::test_house {
namespace {

// Names and numbers are told apart by process too: a run that shares a database with another stays
// right.
std::atomic<int> counter{0};

NewClient described(const House::Registered& client, std::string_view redirect,
                    std::string_view scopes) {
  NewClient out;
  out.id = ClientId(client.id);
  out.name = "社保门户";
  out.secret = client.secret;
  out.redirect_uris = {std::string(redirect)};
  out.post_logout_redirect_uris = {std::string(kAfterLogout)};
  out.scopes = scopes;
  return out;
}

rapidjson::Document part(std::string_view token, int index) {
  for (; index > 0; --index) token.remove_prefix(token.find('.') + 1);
  const auto bytes = base::from_base64url(token.substr(0, token.find('.')));
  return json(base::as_text(bytes.value()));
}

}  // namespace

std::string fresh_number() {
  const int n = ++counter;
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "1101051%03d0101%03d", 900 + n / 1000, n % 1000);
  std::string number(buffer);
  return number + citizen_check(number);
}

std::string fresh_name(std::string_view stem) {
  return std::string(stem) + "." + std::to_string(++counter);
}

std::string parameter(std::string_view location, std::string_view name) {
  auto rest = location.substr(location.find('?') + 1);
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    if (pair.substr(0, pair.find('=')) == name)
      return form_decode(pair.substr(pair.find('=') + 1)).value();
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return {};
}

Parameters without(Parameters from, std::string_view name) {
  std::erase_if(from, [&](const auto& pair) { return pair.first == name; });
  return from;
}

Parameters with(Parameters from, std::string_view name, std::string_view value) {
  from = without(std::move(from), name);
  from.emplace_back(name, value);
  return from;
}

rapidjson::Document json(std::string_view text) {
  auto parsed = base::parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? std::move(*parsed) : rapidjson::Document(rapidjson::kObjectType);
}

rapidjson::Document claims(std::string_view token) {
  return part(token, 1);
}
rapidjson::Document header(std::string_view token) {
  return part(token, 0);
}

House::House(PasswordHasher::Config cost)
    : cipher(secret("0123456789abcdef0123456789abcdef"), random),
      hasher(cost, random),
      accounts({pool, cipher, hasher, clock, random, {}}),
      sessions(pool, clock, random, {}),
      key(test::SoftKey::make("openid-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::openid)),
      provider({std::string(kIssuer)}, {pool, accounts, key, clock, random}) {}

SubjectId House::new_person(std::string_view login_name, std::string_view name) {
  auto made = accounts.create({SubjectKind::person, std::string(name), "cn-id", fresh_number(),
                               std::string(login_name), Proofing::p2},
                              secret(kPassword));
  EXPECT_TRUE(made.ok()) << made.error().key << " " << made.error().detail;
  return made.ok() ? *made : SubjectId();
}

Session House::new_session(const SubjectId& subject) {
  auto opened = sessions.open(subject, Method::password);
  EXPECT_TRUE(opened.ok());
  return opened->session;
}

SubjectId House::new_staff() {
  const auto id = new_person(fresh_name("staff"));
  EXPECT_TRUE(
      IdentityRequests({pool, cipher, clock, random}).name_staff(id, "system:test").ok());
  return id;
}

void House::lock(const SubjectId& subject, std::optional<base::Time> until) {
  const auto done = Locks({pool, cipher, clock}).lock(subject, new_staff(), "test", until);
  EXPECT_TRUE(done.ok()) << done.error().key;
}

void House::unlock(const SubjectId& subject) {
  const auto done = Locks({pool, cipher, clock}).unlock(subject, new_staff(), "test");
  EXPECT_TRUE(done.ok()) << done.error().key;
}

std::string House::Registered::basic() const {
  return "Basic " + base::to_base64(base::as_bytes(id + ":" + secret));
}

House::Registered House::new_client(bool is_public, std::string_view redirect,
                                    std::string_view scopes) {
  Registered client{fresh_name("client"), is_public ? "" : base::to_base64url(random.bytes(32))};
  const auto done = provider.register_client(described(client, redirect, scopes));
  EXPECT_TRUE(done.ok()) << done.error().key << " " << done.error().detail;
  return client;
}

House::Registered House::new_client_with(const std::function<void(NewClient&)>& change) {
  Registered client{fresh_name("client"), base::to_base64url(random.bytes(32))};
  auto wanted = described(client, kRedirect, kScopes);
  change(wanted);
  client.secret = wanted.secret;
  const auto done = provider.register_client(wanted);
  EXPECT_TRUE(done.ok()) << done.error().key << " "
                         << (done.error().fields.empty() ? "" : done.error().fields[0].field);
  return client;
}

Parameters House::request(const Registered& client, std::string_view redirect) const {
  return {{"response_type", "code"},
          {"client_id", client.id},
          {"redirect_uri", std::string(redirect)},
          {"scope", "openid profile documents"},
          {"state", "st&te=1"},
          {"nonce", "n-0S6_WzA2Mj"},
          {"code_challenge", std::string(kChallenge)},
          {"code_challenge_method", "S256"}};
}

Parameters House::redemption(const Registered& client, std::string_view code) const {
  Parameters out{{"grant_type", "authorization_code"},
                 {"code", std::string(code)},
                 {"redirect_uri", std::string(kRedirect)},
                 {"code_verifier", std::string(kVerifier)}};
  if (client.secret.empty()) out.emplace_back("client_id", client.id);
  return out;
}

std::string House::code_for(const Parameters& asked, const Session& session) {
  auto answer = provider.authorize(asked, session);
  EXPECT_TRUE(answer.ok());
  if (const auto* ask = std::get_if<AskConsent>(&*answer)) {
    const auto transaction = ask->transaction;
    answer = provider.consent(transaction, true, session);
    EXPECT_TRUE(answer.ok());
  }
  const auto* back = std::get_if<SendBack>(&*answer);
  EXPECT_NE(back, nullptr);
  const auto code = back == nullptr ? "" : parameter(back->location, "code");
  EXPECT_FALSE(code.empty()) << (back == nullptr ? "" : back->location);
  return code;
}

rapidjson::Document House::tokens_for(const Registered& client, const Session& session,
                                      std::string_view scope) {
  const auto code = code_for(with(request(client), "scope", scope), session);
  const auto reply =
      provider.token(redemption(client, code), client.secret.empty() ? "" : client.basic());
  EXPECT_EQ(error_of(reply), "");
  const auto* good = std::get_if<TokenReply>(&reply);
  return good == nullptr ? rapidjson::Document(rapidjson::kObjectType) : json(good->json);
}

std::string House::token_error(const Parameters& form, std::string_view authorization) {
  return error_of(provider.token(form, authorization));
}

std::string House::error_of(const std::variant<TokenReply, OAuthError>& reply) const {
  const auto* failure = std::get_if<OAuthError>(&reply);
  return failure == nullptr ? "" : failure->error;
}

std::string House::sql(const std::string& text) const {
  const auto rows = database.sql(test::Role::superuser, text);
  return rows.empty() || rows[0].empty() ? "" : rows[0][0];
}

}  // namespace auth::test_house
