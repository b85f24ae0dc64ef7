#include "api/problem.h"

#include <algorithm>
#include <cstdlib>

#include "api/pages.h"
#include "auth/provider.h"
#include "base/json.h"
#include "base/text.h"

namespace api {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// The weight of one element of Accept-Language, 0..1000; 1000 when none is given.
int weight_of(std::string_view parameters) {
  const auto q = parameters.find("q=");
  if (q == std::string_view::npos) return 1000;
  const auto text = trim(parameters.substr(q + 2));
  int whole = 0, thousandths = 0, digits = 0;
  for (std::size_t i = 0; i < text.size() && i < 5; ++i) {
    if (text[i] == '.') continue;
    if (text[i] < '0' || text[i] > '9') break;
    if (i == 0)
      whole = text[i] - '0';
    else if (digits++ < 3)
      thousandths = thousandths * 10 + (text[i] - '0');
  }
  for (; digits < 3; ++digits) thousandths *= 10;
  return std::min(1000, whole * 1000 + thousandths);
}

std::string title_key(int status) {
  return "problem." + std::to_string(status);
}

std::string_view arg_of(const base::Error& error, std::string_view name) {
  for (const auto& [key, value] : error.args)
    if (key == name) return value;
  return {};
}

/// What a route for tokens says to whoever has no good one: RFC 6750 §3, RFC 9449 §7.1, RFC 9470
/// §3.
void challenge(const base::Error& error, Response& out) {
  const auto nonce = arg_of(error, "dpop_nonce");
  if (!nonce.empty()) out.set("DPoP-Nonce", std::string(nonce));
  if (error.key.starts_with("auth.dpop.")) {
    // `detail` of these holds the OAuth error, when there is one of its own.
    const auto code = error.detail.empty() ? std::string("invalid_token") : error.detail;
    out.set("WWW-Authenticate",
            "DPoP realm=\"xinyin\", error=\"" + code + "\", algs=\"ES256 PS256 EdDSA\"");
  } else if (const auto acr = arg_of(error, "acr_values"); !acr.empty()) {
    auto text = "Bearer realm=\"xinyin\", error=\"insufficient_user_authentication\", acr_values=\"" +
                std::string(acr) + "\"";
    if (const auto age = arg_of(error, "max_age"); !age.empty())
      text += ", max_age=\"" + std::string(age) + "\"";
    out.set("WWW-Authenticate", text);
  } else {
    out.set("WWW-Authenticate", "Bearer realm=\"xinyin\", error=\"invalid_token\"");
  }
}

std::string_view oauth_error_of(base::Code code) {
  switch (code) {
    case base::Code::unauthenticated:
      return "invalid_token";
    case base::Code::permission_denied:
      return "insufficient_scope";
    case base::Code::unavailable:
      return "temporarily_unavailable";
    case base::Code::rate_limited:
      return "temporarily_unavailable";
    case base::Code::internal:
      return "server_error";
    default:
      return "invalid_request";
  }
}

}  // namespace

base::Language language_of(const Request& request) {
  int zh = 0, en = 0;
  for (auto rest = request.header("accept-language"); !rest.empty();) {
    const auto comma = rest.find(',');
    const auto one = trim(rest.substr(0, comma));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    const auto tag = one.substr(0, one.find_first_of(";-"));
    const auto semicolon = one.find(';');
    const int weight =
        semicolon == std::string_view::npos ? 1000 : weight_of(one.substr(semicolon + 1));
    if (tag == "zh" || tag == "ZH") zh = std::max(zh, weight);
    if (tag == "en" || tag == "EN") en = std::max(en, weight);
  }
  return en > zh ? base::Language::en : base::Language::zh;
}

int status_of(base::Code code) {
  switch (code) {
    case base::Code::invalid_argument:
      return 400;
    case base::Code::unauthenticated:
      return 401;
    case base::Code::permission_denied:
      return 403;
    case base::Code::not_found:
      return 404;
    case base::Code::conflict:
      return 409;
    case base::Code::expired:
      return 410;
    case base::Code::rate_limited:
      return 429;
    case base::Code::unavailable:
      return 503;
    case base::Code::internal:
      return 500;
  }
  return 500;
}

Problem problem_of(const base::Error& error, const Request& request) {
  return {status_of(error.code), error, language_of(request), request.id};
}

Response problem_response(const Problem& problem) {
  const auto& error = problem.error;
  const auto title = [&](base::Language language) {
    return base::message(title_key(problem.status), language);
  };
  const auto detail = [&](base::Language language) {
    return base::has_message(error.key) ? base::message(error.key, language, error.args)
                                        : title(language);
  };
  base::JsonWriter w;
  w.StartObject();
  w.member("type", "urn:xinyin:problem:" + error.key);
  w.member("title", title(problem.language));
  w.member("status", problem.status);
  w.member("detail", detail(problem.language));
  w.member("key", error.key);
  w.member("request_id", problem.request_id);
  if (!error.fields.empty()) {
    w.key("errors");
    w.StartArray();
    for (const auto& field : error.fields) {
      w.StartObject();
      w.member("field", field.field);
      w.member("key", field.key);
      w.member("detail", base::message(field.key, problem.language));
      w.EndObject();
    }
    w.EndArray();
  }
  if (problem.language == base::Language::zh) {
    w.key("en");
    w.StartObject();
    w.member("title", title(base::Language::en));
    w.member("detail", detail(base::Language::en));
    w.EndObject();
  }
  w.EndObject();
  auto out = Response::json(w.text(), problem.status, "application/problem+json");
  out.set("Content-Language", problem.language == base::Language::zh ? "zh-CN" : "en");
  out.set("Vary", "Accept-Language, Accept");
  if (error.retry_after)
    out.retry_after(*error.retry_after);
  else if (problem.status == 503)
    out.retry_after(std::chrono::seconds(2));
  if (problem.status == 401) challenge(error, out);
  if (problem.status == 403 && error.key == "auth.scope_missing")
    out.set("WWW-Authenticate", "Bearer realm=\"xinyin\", error=\"insufficient_scope\"");
  out.note(error.key);
  return out;
}

Response oauth_response(const auth::OAuthError& error, const Request& request) {
  const auto language = language_of(request);
  base::JsonWriter w;
  w.StartObject();
  w.member("error", error.error);
  // RFC 6749 §5.2 allows ASCII only here: English, whatever the reader speaks.
  const auto where = error.field.empty() ? std::string() : base::printable(error.field) + ": ";
  w.member("error_description", where + base::message(error.key, base::Language::en));
  if (language == base::Language::zh)
    w.member("error_message", where + base::message(error.key, base::Language::zh));
  w.EndObject();
  auto out = Response::json(w.text(), error.status);
  out.set("Pragma", "no-cache");
  if (error.status == 401) out.set("WWW-Authenticate", "Basic realm=\"xinyin\", charset=\"UTF-8\"");
  if (!error.dpop_nonce.empty()) out.set("DPoP-Nonce", error.dpop_nonce);
  if (error.retry_after) out.retry_after(*error.retry_after);
  out.note(error.key);
  return out;
}

Response error_response(const base::Error& error, Face face, const Request& request,
                        std::string_view nonce) {
  const auto problem = problem_of(error, request);
  if (face == Face::page && request.wants_html()) {
    auto page = pages::error(problem, nonce);
    if (error.retry_after) page.retry_after(*error.retry_after);
    page.note(error.key);
    return page;
  }
  if (face == Face::oauth) {
    const auth::OAuthError told{.error = std::string(oauth_error_of(error.code)),
                                .key = error.key,
                                .status = problem.status,
                                .retry_after = error.retry_after};
    return oauth_response(told, request);
  }
  return problem_response(problem);
}

}  // namespace api
