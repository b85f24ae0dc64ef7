#include "api/router.h"

#include <algorithm>
#include <cctype>

#include "api/item_policy.h"
#include "api/metrics.h"
#include "api/multipart.h"
#include "api/pages.h"
#include "api/problem.h"
#include "api/rate_limits.h"
#include "base/check.h"
#include "base/digest.h"
#include "base/encoding.h"

namespace api {
namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> out;
  path.remove_prefix(1);
  for (;;) {
    const auto slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

bool is_name(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{';
}

/// Walks pattern and path side by side, without building anything.
bool matches(const std::vector<std::string_view>& pattern, std::string_view path, bool tail) {
  path.remove_prefix(1);
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (tail && i + 1 == pattern.size()) return !path.empty();
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    if (is_name(pattern[i]) ? segment.empty() : segment != pattern[i]) return false;
    const bool last = i + 1 == pattern.size();
    if ((slash == std::string_view::npos) != last) return false;
    if (!last) path.remove_prefix(slash + 1);
  }
  return true;
}

bool serves(Method route, Method asked) {
  return route == asked || (asked == Method::head && route == Method::get);
}

std::string derived_form_token(std::string_view cookie) {
  return base::to_base64url(base::sha256(base::as_bytes("xinyin-form:" + std::string(cookie))));
}

/// The access token: in the Authorization header, or where the route takes forms in the body, never
/// both and never in the query (RFC 6750 §2; security.md case 66).
base::Result<auth::ShownToken> shown_token(const Call& call) {
  const auto header = call.request.header("authorization");
  const auto refuse = [](const char* why) {
    return base::error(base::Code::unauthenticated, "http.token_needed", why);
  };
  std::optional<std::string> in_form;
  if ((call.route.takes & media::form) && !call.request.body.empty()) {
    BASE_TRY(const auto form, call.request.form());
    if (const auto one = only(form, "access_token")) in_form = *one;
  }
  if (in_form && !header.empty()) return refuse("two tokens");
  if (in_form) return auth::ShownToken{*in_form, false, call.proved()};
  const auto blank = header.find(' ');
  auto scheme = std::string(header.substr(0, blank));
  for (auto& c : scheme)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');  // RFC 9110 §11.1
  if (blank == std::string_view::npos || (scheme != "bearer" && scheme != "dpop"))
    return refuse("no token");
  return auth::ShownToken{std::string(header.substr(blank + 1)), scheme == "dpop", call.proved()};
}

/// Who acts for another does so within his mandate, and not where one must come himself.
base::Result<void> check_acting(const Route& route, const ItemPolicy* policy,
                                const auth::Actor& actor) {
  if (!actor.acts_for_another() || route.item == kEachItem) return {};
  if (policy == nullptr || policy->self_only)
    return base::error(base::Code::permission_denied, "auth.mandate.self_only");
  if (!actor.may(route.item))
    return base::error(base::Code::permission_denied, "auth.mandate.item");
  return {};
}

/// How certain and how late the login must be: the route's own need, or that of its item. RFC 9470
/// §3: what the client should ask the person's login for.
base::Result<void> check_login(const Route& route, const ItemPolicy* policy,
                               const auth::Actor& actor, base::Time now) {
  const auto acr = policy == nullptr ? std::string(route.acr)
                                     : auth::acr_of(policy->proofing, policy->authentication);
  if (acr.empty()) return {};
  const auto needed = auth::acr_from(acr);
  base::check(needed.has_value(), "a route names an acr that there is");
  const bool certain = auth::Acr{actor.proofing(), actor.authentication()}.meets(*needed);
  const auto max_age = policy == nullptr ? std::chrono::seconds(0) : policy->max_age;
  const bool lately = max_age.count() == 0 || now - actor.authenticated_at() <= max_age;
  if (certain && lately) return {};
  auto failure = base::error(base::Code::unauthenticated,
                             certain ? "auth.login_not_fresh" : "auth.acr_needed", acr);
  failure.args = {{"acr_values", acr}};
  if (max_age.count() > 0) failure.args.emplace_back("max_age", std::to_string(max_age.count()));
  return failure;
}

base::Code code_of(int status) {
  switch (status) {
    case 404:
      return base::Code::not_found;
    case 503:
      return base::Code::unavailable;
    default:
      return base::Code::invalid_argument;
  }
}

}  // namespace

std::string_view to_string(Where where) {
  switch (where) {
    case Where::reactor:
      return "reactor";
    case Where::lookup:
      return "lookup";
    case Where::pages:
      return "pages";
    case Where::login:
      return "login";
    case Where::issue:
      return "issue";
    case Where::upload:
      return "upload";
    case Where::outside:
      return "outside";
  }
  return "?";
}

std::string_view Call::path(std::string_view name) const {
  for (const auto& [key, value] : path_values)
    if (key == name) return value;
  return {};
}

base::Language Call::language() const {
  return language_of(request);
}

const std::string& Call::nonce() {
  if (nonce_.empty()) nonce_ = base::to_base64url(services.random.bytes(16));
  return nonce_;
}

base::Result<std::shared_ptr<Upstairs>> Call::house() {
  if (!upstairs) upstairs = services.upstairs.get();
  if (upstairs) return upstairs;
  auto error = base::error(base::Code::unavailable, "api.starting", "signer not seen yet");
  error.retry_after = std::chrono::seconds(2);
  return error;
}

base::Result<std::optional<auth::Session>> Call::find_session() {
  if (session_asked_) return session;
  BASE_TRY(const auto rooms, house());
  const auto cookie = request.cookie(cookie_wire_name(kSessionCookie, services.config.https));
  if (cookie) {
    BASE_TRY(session, rooms->sessions->find(*cookie));
  }
  session_asked_ = true;
  return session;
}

bool Call::at_mtls() const {
  const auto& mtls = services.config.http.mtls_url;
  if (mtls.empty()) return false;
  const auto host = request.header("host");
  const auto ours = std::string_view(mtls).substr(mtls.find("://") + 3);
  return host.size() == ours.size() &&
         std::equal(host.begin(), host.end(), ours.begin(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) ==
                  std::tolower(static_cast<unsigned char>(b));
         });
}

const std::string& Call::own_origin() const {
  return at_mtls() ? services.config.http.mtls_url : services.config.public_url;
}

auth::ProvedRequest Call::proved() const {
  auth::ProvedRequest out{{}, std::string(to_string(request.method)), request.path};
  out.certificate = base::to_bytes(base::as_bytes(request.client_certificate));
  for (std::size_t i = 0; i < request.field_count(); ++i)
    if (const auto [name, value] = request.field(i); name == "dpop") out.proofs.emplace_back(value);
  return out;
}

std::string Call::form_token() {
  if (const auto found = find_session(); found.ok() && *found) return (*found)->csrf;
  if (!new_form_cookie_.empty()) return derived_form_token(new_form_cookie_);
  const auto cookie = request.cookie(cookie_wire_name(kFormCookie, services.config.https));
  if (cookie && cookie->size() == 43) return derived_form_token(*cookie);
  new_form_cookie_ = base::to_base64url(services.random.bytes(32));
  return derived_form_token(new_form_cookie_);
}

void Call::give_session(Response& on, std::string_view cookie) const {
  services.known_networks.add(request.client, KnownNetworks::Steady::now());
  on.cookie({.name = std::string(kSessionCookie), .value = std::string(cookie)});
}

void Call::end_session(Response& on) const {
  on.cookie({.name = std::string(kSessionCookie), .value = "", .max_age = std::chrono::seconds(0)});
}

Router::Router(Services& services, Log& log, std::span<const Route> routes)
    : services_(services), log_(log), routes_(routes) {
  for (const auto& route : routes_) {
    base::check(route.where != Where::reactor ||
                    ((route.who == Who::everyone || route.who == Who::operators) &&
                     route.origin == Origin::any),
                "a reactor route must not need a session or token");
    base::check(route.who == Who::bearer || route.who == Who::system || route.scope.empty(),
                "a scope without a bearer token");
    patterns_.push_back({&route, segments_of(route.path)});
  }
  const auto& w = services_.config.workers;
  pools_[0] = std::make_unique<Workers>("lookup", w.lookup, w.queue);
  pools_[1] = std::make_unique<Workers>("pages", w.pages, w.queue);
  pools_[2] = std::make_unique<Workers>("login", w.login, w.queue);
  pools_[3] = std::make_unique<Workers>("issue", w.issue, w.queue);
  pools_[4] = std::make_unique<Workers>("upload", w.upload, w.upload_queue);
  pools_[5] = std::make_unique<Workers>("outside", w.outside, w.outside_queue);
}

Router::~Router() {
  stop();
}

void Router::stop() {
  for (auto& pool : pools_) pool->stop();
}

std::vector<const Workers*> Router::pools() const {
  std::vector<const Workers*> out;
  for (const auto& pool : pools_) out.push_back(pool.get());
  return out;
}

std::vector<std::string> Router::labels(std::span<const Route> routes) {
  std::vector<std::string> out;
  for (const auto& route : routes)
    out.push_back(std::string(to_string(route.method)) + " " + std::string(route.path));
  return out;
}

const Router::Pattern* Router::match(std::string_view path, Method method,
                                     std::string& allowed) const {
  const Pattern* found = nullptr;
  for (const auto& pattern : patterns_) {
    if (services_.config.verify_only && !pattern.route->verify_only) continue;
    if (!matches(pattern.segments, path, pattern.route->tail)) continue;
    if (serves(pattern.route->method, method)) return &pattern;
    for (const auto one : {pattern.route->method, Method::head}) {
      if (one == Method::head && pattern.route->method != Method::get) continue;
      if (!allowed.empty()) allowed += ", ";
      allowed += to_string(one);
    }
  }
  return found;
}

std::optional<base::Error> Router::check_body_type(const Route& route, const Request& head) const {
  const bool has_body = head.has_header("transfer-encoding") ||
                        (head.has_header("content-length") && head.header("content-length") != "0");
  if (!has_body) return std::nullopt;
  const auto type = head.content_type();
  const bool good = ((route.takes & media::form) && type == "application/x-www-form-urlencoded") ||
                    ((route.takes & media::json) && type == "application/json") ||
                    ((route.takes & media::pdf) &&
                     (type == "application/pdf" || type == "application/ofd")) ||
                    ((route.takes & media::multipart) && type == "multipart/form-data") ||
                    ((route.takes & media::ocsp) && type == "application/ocsp-request") ||
                    ((route.takes & media::timestamp) && type == "application/timestamp-query");
  if (good || route.takes == media::none)
    return std::nullopt;  // without a body: the size check refuses
  return base::error(base::Code::invalid_argument, "http.media_type", "content type");
}

Admission Router::admit(const Request& head) {
  Admission out;
  std::string allowed;
  const auto* pattern = match(head.path, head.method, allowed);
  const auto refuse_with = [&](int status, const char* key, Face face) {
    auto problem = problem_of(base::error(code_of(status), key), head);
    problem.status = status;
    out.refusal = face == Face::page && head.wants_html()
                      ? pages::error(problem, base::to_base64url(services_.random.bytes(16)))
                      : problem_response(problem);
    out.refusal->note(key);
  };
  if (!pattern) {
    if (allowed.empty()) {
      refuse_with(404, "http.not_found", Face::page);
    } else if (head.method == Method::options) {
      out.refusal = Response(204);
      out.refusal->set("Allow", allowed + ", OPTIONS");
    } else {
      refuse_with(405, "http.not_allowed", Face::page);
      out.refusal->set("Allow", allowed + ", OPTIONS");
    }
    return out;
  }
  const auto& route = *pattern->route;
  out.route = &route;
  out.body_limit = route.body_limit;
  if (route.where != Where::reactor)
    out.pool = pools_[static_cast<std::size_t>(route.where) - 1].get();
  out.first = route.where == Where::login &&
              services_.known_networks.has(head.client, KnownNetworks::Steady::now());
  if (check_body_type(route, head)) {
    refuse_with(415, "http.media_type", route.face);
    return out;
  }
  if (route.who == Who::operators && !any_contains(services_.config.http.operators, head.client)) {
    refuse_with(404, "http.not_found", route.face);  // nobody else need know that it is here
    return out;
  }
  if (route.rate != Rate::none)
    if (const auto wait =
            services_.rates.take(route.rate, head.client, RateLimits::Steady::now())) {
      auto error = base::error(base::Code::rate_limited, "http.too_often");
      error.retry_after = *wait;
      error.args = {{"seconds", std::to_string(wait->count())}};
      out.refusal =
          error_response(error, route.face, head, base::to_base64url(services_.random.bytes(16)));
    }
  return out;
}

std::optional<Response> Router::quick(const Request& request, const Admission& admission) {
  const auto& route = *static_cast<const Route*>(admission.route);
  if (route.quick) {
    const auto slash = request.path.rfind('/');
    if (auto response =
            route.quick(services_, request, std::string_view(request.path).substr(slash + 1)))
      return response;
  }
  if (route.where != Where::reactor) return std::nullopt;
  return answer(request, admission);
}

Response Router::answer(const Request& request, const Admission& admission) {
  const auto& route = *static_cast<const Route*>(admission.route);
  Call call{request, services_, route};
  const auto pattern = segments_of(route.path);
  const auto path = segments_of(request.path);
  for (std::size_t i = 0; i < pattern.size() && i < path.size(); ++i)
    if (is_name(pattern[i]))
      call.path_values.emplace_back(pattern[i].substr(1, pattern[i].size() - 2),
                                    route.tail && i + 1 == pattern.size()
                                        ? request.path.substr(route.path.find('{'))
                                        : std::string(path[i]));
  std::optional<Response> out;
  try {
    auto result = run(call);
    if (result.ok()) {
      out = std::move(result).value();
    } else {
      out = error_response(result.error(), route.face, request, call.nonce());
      if (!result.error().detail.empty() && status_of(result.error().code) >= 500)
        log_.event("request.trouble",
                   request.id + " " + result.error().key + ": " + result.error().detail, true);
    }
  } catch (const std::exception& thrown) {
    // A library threw where nothing should: told as our fault, with no word of it outside.
    log_.event("request.exception", request.id + " " + thrown.what(), true);
    out = error_response(base::error(base::Code::internal, "http.internal"), route.face, request,
                         call.nonce());
  }
  // People are at the address for certificates to show one, and go on at the public one.
  if (route.face == Face::page && call.at_mtls())
    if (const auto to = out->header("location");
        to && to->starts_with('/') && !to->starts_with("//"))
      out->set("Location", services_.config.public_url + std::string(*to));
  if (!call.new_form_cookie_.empty())
    out->cookie({.name = std::string(kFormCookie),
                 .value = call.new_form_cookie_,
                 .same_site = SameSite::strict});
  return std::move(*out);
}

base::Result<Response> Router::run(Call& call) {
  BASE_TRY_VOID(check_who(call));
  if (call.route.who == Who::session && !call.session) return to_login(call.request);
  if (call.route.origin == Origin::form) {
    BASE_TRY_VOID(check_origin(call));
  }
  return call.route.handler(call);
}

base::Result<void> Router::check_who(Call& call) {
  switch (call.route.who) {
    case Who::everyone:
    case Who::operators:
      return {};
    case Who::system: {
      BASE_TRY(const auto rooms, call.house());
      BASE_TRY(const auto shown, shown_token(call));
      BASE_TRY(call.actor, rooms->provider->system_actor(shown));
      if (!call.actor->has_scope(call.route.scope))
        return base::error(base::Code::permission_denied, "auth.scope_missing");
      return {};
    }
    case Who::client: {
      BASE_TRY(call.upstairs, call.house());
      return {};
    }
    case Who::session: {
      BASE_TRY(const auto session, call.find_session());
      if (!session && !(call.request.method == Method::get && call.request.wants_html()))
        return base::error(base::Code::unauthenticated, "http.login_needed");
      return {};
    }
    case Who::bearer: {
      BASE_TRY(const auto rooms, call.house());
      BASE_TRY(const auto shown, shown_token(call));
      call.access_token = shown.token;
      BASE_TRY(call.actor, rooms->provider->actor(shown));
      if (!call.route.scope.empty() && !call.actor->has_scope(call.route.scope))
        return base::error(base::Code::permission_denied, "auth.scope_missing");
      const auto* policy = find_item(services_.config.items, call.route.item);
      BASE_TRY_VOID(check_acting(call.route, policy, *call.actor));
      return check_login(call.route, policy, *call.actor, services_.clock.now());
    }
  }
  return base::error(base::Code::internal, "http.internal", "route without a rule");
}

/// security.md cases 34: a form must come from our own page and carry its token.
base::Result<void> Router::check_origin(Call& call) {
  const auto refuse = [](const char* why) {
    return base::error(base::Code::permission_denied, "http.form_origin", why);
  };
  const auto site = call.request.header("sec-fetch-site");
  const auto origin = call.request.header("origin");
  if (!site.empty() && site != "same-origin") return refuse("Sec-Fetch-Site");
  if (site.empty() && !origin.empty() && origin != call.own_origin()) return refuse("Origin");
  std::string given;
  if (call.request.content_type() == "multipart/form-data") {
    const auto part =
        multipart_file(call.request.header("content-type"), call.request.body, "csrf");
    if (!part.ok()) return refuse("no token");
    given = *part;
  } else {
    BASE_TRY(const auto form, call.request.form());
    const auto field = only(form, "csrf");
    if (!field) return refuse("no token");
    given = *field;
  }
  const auto wanted = call.form_token();
  if (!call.new_form_cookie_.empty()) return refuse("no cookie");
  if (!base::constant_time_equal(base::as_bytes(given), base::as_bytes(wanted)))
    return refuse("wrong token");
  return {};
}

Response Router::to_login(const Request& request) const {
  auto back = request.path;
  if (!request.raw_query.empty()) back += "?" + request.raw_query;
  return Response::redirect("/login?return_to=" + percent_encode(back));
}

Response Router::refuse(const Refusal& refusal, const Request& request) {
  auto problem =
      problem_of(base::error(code_of(refusal.status), refusal.key, refusal.why), request);
  problem.status = refusal.status;
  auto out = problem_response(problem);
  if (refusal.status == 503) out.retry_after(std::chrono::seconds(1));
  return out;
}

void Router::finished(const Exchange& exchange) {
  const auto* route = static_cast<const Route*>(exchange.route);
  const auto index = route ? static_cast<std::size_t>(route - routes_.data()) : Metrics::kNoRoute;
  services_.metrics.count(index, exchange.status, exchange.took);
  log_.request({.id = exchange.request.id,
                .method = to_string(exchange.request.method),
                .route = route ? route->path : "none",
                .network = exchange.request.client.network(),
                .error = exchange.note,
                .detail = {},
                .status = exchange.status,
                .bytes = exchange.bytes,
                .took = exchange.took});
}

}  // namespace api
