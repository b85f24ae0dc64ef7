// The one place where an Error becomes an answer: RFC 9457 problem+json, RFC 6749 §5.2 for OAuth
// endpoints, a page for people.
//
// Words come from the message catalogue in the reader's language; Chinese is the default and
// carries English beside it. An answer never shows `Error::detail`: that is for the log.
#pragma once

#include <string>
#include <string_view>

#include "api/http/message.h"
#include "api/routes.h"
#include "base/messages.h"
#include "base/result.h"

namespace auth {
struct OAuthError;
}

namespace api {

/// The language the reader asked for: the better of zh and en in Accept-Language (RFC 9110
/// §12.5.4), zh when neither is named.
base::Language language_of(const Request& request);

int status_of(base::Code code);

/// An error on its way to a reader.
struct Problem {
  int status = 500;
  base::Error error;
  base::Language language = base::Language::zh;
  std::string request_id;
};

Problem problem_of(const base::Error& error, const Request& request);

/// application/problem+json: type, title, status, detail, key, request_id, errors[{field, key,
/// detail}], and "en": {title, detail} beside Chinese.
Response problem_response(const Problem& problem);
/// {"error", "error_description"}; 401 carries WWW-Authenticate: Basic.
Response oauth_response(const auth::OAuthError& error, const Request& request);
/// By the route's face; `nonce` is for the page.
Response error_response(const base::Error& error, Face face, const Request& request,
                        std::string_view nonce);

}  // namespace api
