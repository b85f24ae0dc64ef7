// The rooms below auth and auth itself, put together for a test: real database, moved clock, a key
// in memory whose absence can be played. Passwords are hashed at the least cost.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "auth/accounts.h"
#include "auth/provider.h"
#include "auth/sessions.h"
#include "base/encoding.h"
#include "base/json.h"
#include "tests/support/manual_clock.h"
#include "tests/support/postgres.h"
#include "tests/support/soft_key.h"

namespace auth::test_house {

inline base::Secret secret(std::string_view text) {
  return base::Secret(base::as_bytes(text));
}

constexpr std::string_view kIssuer = "https://id.example";
constexpr std::string_view kPassword = "hollow-brig-anvil-moth";
constexpr std::string_view kRedirect = "https://portal.example/callback?from=xinyin";
constexpr std::string_view kAfterLogout = "https://portal.example/bye";
constexpr std::string_view kVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";  // RFC 7636 B
constexpr std::string_view kChallenge =
    "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";  // RFC 7636 B

/// A citizen's number nobody had before in this process.
std::string fresh_number();
std::string fresh_name(std::string_view stem = "user");

/// One name=value of a query or a location.
std::string parameter(std::string_view location, std::string_view name);
Parameters without(Parameters from, std::string_view name);
Parameters with(Parameters from, std::string_view name, std::string_view value);
rapidjson::Document json(std::string_view text);
/// The claims of a compact JWS, unverified.
rapidjson::Document claims(std::string_view token);
rapidjson::Document header(std::string_view token);

/// The error's key, or "" when there is none: a test that expected a refusal fails, and goes on.
template <class T>
std::string refusal_of(const base::Result<T>& result) {
  return result.ok() ? "" : result.error().key;
}

struct House {
  explicit House(PasswordHasher::Config cost = {1, 40, 64, 1, std::chrono::milliseconds(10000)});

  test::Database& database = test::Database::shared();
  store::Pool& pool = database.pool();
  base::ManualClock clock;
  base::SystemRandom random;
  store::FieldCipher cipher;
  PasswordHasher hasher;
  Accounts accounts;
  Sessions sessions;
  std::shared_ptr<test::SoftKey> key;
  Provider provider;

  SubjectId new_person(std::string_view login_name, std::string_view name = "张小三");
  Session new_session(const SubjectId& subject);
  SubjectId new_staff();
  /// By somebody of staff, as the agency does it.
  void lock(const SubjectId& subject, std::optional<base::Time> until = {});
  void unlock(const SubjectId& subject);
  /// A confidential client of kRedirect, with its secret.
  struct Registered {
    std::string id, secret;
    std::string basic() const;
  };
  Registered new_client(bool is_public = false, std::string_view redirect = kRedirect,
                        std::string_view scopes = kScopes);

  /// A confidential client like it, changed by `change`.
  Registered new_client_with(const std::function<void(NewClient&)>& change);

  /// A request that is right in everything.
  Parameters request(const Registered& client, std::string_view redirect = kRedirect) const;
  /// A redemption that is right in everything; the client's secret goes in the header.
  Parameters redemption(const Registered& client, std::string_view code) const;

  /// Through consent when it is asked; the code.
  std::string code_for(const Parameters& request, const Session& session);
  /// The token endpoint's good answer.
  rapidjson::Document tokens_for(const Registered& client, const Session& session,
                                 std::string_view scope = "openid profile documents");
  /// What the token endpoint says; its error, or empty.
  std::string token_error(const Parameters& form, std::string_view authorization);
  std::string error_of(const std::variant<TokenReply, OAuthError>& reply) const;
  std::string sql(const std::string& text) const;
};

}  // namespace auth::test_house
