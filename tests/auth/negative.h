// The negative suite: one row a mistake or an attack, named with the clause that forbids it, and
// the error that the specification gives it. Each row begins in a house of its own, where
// everything that it does not change is right: tests/auth/negative_*.cpp hold the rows by endpoint.
#pragma once

#include <span>

#include "tests/auth/foreign_signer.h"
#include "tests/auth/house.h"

namespace auth::test_house {

/// A house with a client, a person and a login: what the rows take and change.
class Scene {
 public:
  House house;
  House::Registered client = house.new_client();
  SubjectId subject = house.new_person(fresh_name());
  Session session = house.new_session(subject);
  ForeignSigner signer = ForeignSigner::make("ES256");

  /// A client that proves itself with `signer` alone.
  House::Registered keyed_client(const std::function<void(NewClient&)>& more = {});
  /// A client with tokens of its own.
  House::Registered machine();

  std::int64_t now_s() const { return base::to_unix_s(house.clock.now()); }
  std::string fresh_code() { return house.code_for(house.request(client), session); }
  std::string refresh_token();
  std::string access_token();

  /// The error of the token endpoint: empty for tokens.
  std::string token(const Parameters& form, std::string_view authorization) {
    return house.token_error(form, authorization);
  }
  /// A right redemption of a new code, with one parameter changed.
  std::string redeem(std::string_view name, std::string_view value);
  /// What comes of an authorization request: "page:…" for an error that is shown, "back:…" for one
  /// that goes to the client, "login", "consent" or "code".
  std::string authorize(const Parameters& request);

  /// A proof by `by` that is right in everything; `token` is the access token where one is shown.
  std::string proof_claims(std::string_view method, std::string_view path,
                           std::string_view access_token = "");
  std::string proof(const ForeignSigner& by, std::string_view claims_text) const;
  ProvedRequest proved(const std::string& proof_text, std::string_view method = "POST",
                       std::string_view path = kTokenPath) const {
    return {{proof_text}, std::string(method), std::string(path)};
  }
  /// A request over mutual TLS with this certificate.
  static ProvedRequest over_tls(base::Bytes certificate, std::string_view method = "POST",
                                std::string_view path = kTokenPath) {
    return {{}, std::string(method), std::string(path), std::move(certificate)};
  }
  /// Tokens bound to this certificate: the access token.
  std::string tls_token(const base::Bytes& certificate);
  /// Tokens bound to `signer`: the access token.
  std::string bound_token();
  /// A pushed request's address; its error with "!" in front.
  std::string push(const House::Registered& by, const Parameters& request);
  /// A request object of `by` (a keyed client) that is right in everything.
  std::string request_claims(const House::Registered& by);

  /// An assertion of `client_id` that is right in everything.
  std::string assertion_claims(const std::string& client_id);
  Parameters with_assertion(Parameters form, const std::string& assertion) const;
};

/// {"a":1,…} with one member replaced by raw JSON, or left out when that is empty.
std::string changed(std::string_view object, std::string_view name, std::string_view raw);

struct NegativeCase {
  const char* clause;    ///< "RFC 7636 §4.6"
  const char* what;      ///< what is tried
  const char* expected;  ///< the error; for authorize as Scene::authorize says it
  std::function<std::string(Scene&)> attempt;
};

std::span<const NegativeCase> code_cases();       // negative_code.cpp
std::span<const NegativeCase> token_cases();      // negative_token.cpp
std::span<const NegativeCase> assertion_cases();  // negative_assertion.cpp
std::span<const NegativeCase> authorize_cases();  // negative_authorize.cpp
std::span<const NegativeCase> bearer_cases();     // negative_bearer.cpp
std::span<const NegativeCase> dpop_cases();       // negative_dpop.cpp
std::span<const NegativeCase> device_cases();     // negative_device.cpp
std::span<const NegativeCase> request_cases();    // negative_request.cpp
std::span<const NegativeCase> client_cases();     // negative_client.cpp
std::span<const NegativeCase> tls_cases();        // negative_tls.cpp

}  // namespace auth::test_house
