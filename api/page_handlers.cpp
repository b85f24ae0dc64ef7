#include "api/page_handlers.h"

#include <Poco/Exception.h>
#include <Poco/URI.h>

#include "api/body_trust.h"
#include "api/multipart.h"
#include "api/pages.h"
#include "api/pages/auth_pages.h"
#include "api/pages/verify_pages.h"
#include "api/sign_in.h"
#include "api/verify_lookup.h"
#include "base/encoding.h"
#include "base/text.h"

namespace api {
namespace {

std::unique_ptr<const Renderer> look;  // set once, before the server starts

Response page(Call& call, std::string html, int status = 200,
              std::vector<std::string> form_to = {}) {
  return Response::html(std::move(html), call.nonce(), status, std::move(form_to));
}

/// The origin of the address that this journey leads to, so that the browser lets a form's answer
/// redirect there (CSP form-action covers redirects).
std::vector<std::string> origin_of(const std::string& address) {
  try {
    const Poco::URI uri{address};
    if (uri.getScheme() != "http" && uri.getScheme() != "https") return {};
    auto origin = uri.getScheme() + "://" + uri.getAuthority();
    if (!is_header_value(origin) || origin.find_first_of(" ;,'\"") != std::string::npos) return {};
    return {std::move(origin)};
  } catch (const Poco::Exception&) {
    return {};
  }
}

base::Result<std::string> field(const Parameters& form, std::string_view name) {
  const auto value = only(form, name);
  if (!value) {
    auto failure = base::error(base::Code::invalid_argument, "http.form", "field missing or twice");
    failure.fields.push_back({std::string(name), "http.form"});
    return failure;
  }
  return std::string(*value);
}

Response login_answer(Call& call, pages::LoginPage shown, int status) {
  shown.csrf = call.form_token();
  if (const auto house = call.house(); house.ok()) {
    shown.card = (*house)->card_login->offered();
    shown.passkeys = (*house)->passkeys != nullptr;
    shown.certificates = bodies_log_in(call.services);
    shown.platforms = platform_choices(**house);
  }
  return page(call, pages::login(pages_look(), shown), status, origins_in(call, shown.return_to));
}

base::Result<void> close_session(Call& call) {
  BASE_TRY(const auto house, call.house());
  const auto cookie =
      call.request.cookie(cookie_wire_name(kSessionCookie, call.services.config.https));
  if (cookie) BASE_TRY_VOID(house->sessions->close(*cookie));
  return {};
}

Response logged_out_page(Call& call, std::string_view notice) {
  const bool plain = notice.empty();
  return page(call, pages::message(pages_look(), plain ? "good" : "warn", "web.logout.done",
                                   plain ? "web.logout.done.text" : notice));
}

}  // namespace

std::vector<pages::PlatformChoice> platform_choices(const Upstairs& house) {
  std::vector<pages::PlatformChoice> out;
  for (const auto& each : house.platforms->all())
    out.push_back({each.id, each.name_zh, each.name_en});
  return out;
}

std::vector<std::string> origins_in(Call& call, std::string_view return_to) {
  const auto question = return_to.find('?');
  if (question == std::string_view::npos) return {};
  const auto query = parse_form(return_to.substr(question + 1));
  const auto house = call.house();
  if (!query.ok() || !house.ok()) return {};
  return origin_of((*house)->provider->answer_address(*query));
}

void set_up_pages(Look settings) {
  look = std::make_unique<const Renderer>(std::move(settings));
}

const Renderer& pages_look() {
  base::check(look != nullptr, "set_up_pages was not called");
  return *look;
}

bool is_own_return_path(std::string_view path) {
  return path == "/" || path == "/account" || path == "/account/proofing" ||
         path == "/account/mandates" || path == "/account/security" || path == "/staff" ||
         path == "/account/security/certificate" ||
         path == "/account/security/link" ||
         path == auth::kDevicePagePath ||
         ((path.starts_with("/oauth/authorize?") ||
           path.starts_with("/account/proofing?") || path.starts_with("/account/proofing/return?") || path.starts_with("/device?") ||
           path.starts_with("/staff/")) &&
          is_header_value(path) && path.find('\\') == std::string_view::npos);
}

base::Result<Response> authorize_answer(Call& call, const auth::AuthorizeAnswer& answer) {
  if (const auto* back = std::get_if<auth::SendBack>(&answer))
    return Response::redirect(back->location, 303);
  if (const auto* login = std::get_if<auth::AskLogin>(&answer)) {
    auto to = "/login?return_to=" + percent_encode(login->return_to);
    if (login->raise_to > auth::Authentication::password)
      to += "&level=" + std::to_string(static_cast<int>(login->raise_to));
    return Response::redirect(to, 303);
  }
  if (const auto* prove = std::get_if<auth::AskProofing>(&answer))
    return Response::redirect("/account/proofing?return_to=" + percent_encode(prove->return_to),
                              303);
  if (const auto* wrong = std::get_if<auth::ShowError>(&answer)) {
    auto shown = page(call,
                      pages::message(pages_look(), "warn", "web.error.title", wrong->error.key, {},
                                     call.request.id),
                      wrong->error.status);
    shown.note(wrong->error.key);
    return shown;
  }
  const auto& ask = std::get<auth::AskConsent>(answer);
  BASE_TRY(const auto session, call.find_session());
  BASE_TRY(const auto house, call.house());
  if (!session) return base::error(base::Code::unauthenticated, "api.login_needed");
  BASE_TRY(const auto person, house->accounts->subject(session->subject));
  pages::ConsentPage shown{session->csrf,
                           ask.transaction,
                           ask.client_name,
                           base::mask_name(person.name),
                           ask.scopes,
                           {}};
  for (const auto& one : ask.acting) {
    BASE_TRY(const auto principal, house->accounts->subject(one.principal));
    const bool unit = principal.kind == auth::SubjectKind::unit;
    shown.acting.push_back(
        {one.mandate, unit ? principal.name : base::mask_name(principal.name), one.chosen});
  }
  return page(call, pages::consent(pages_look(), shown), 200, origin_of(ask.redirect_uri));
}

base::Result<Response> logout_answer(Call& call, const auth::Provider::LogoutAnswer& answer) {
  if (answer.confirm) return page(call, pages::logout(pages_look(), call.form_token()));
  BASE_TRY_VOID(close_session(call));
  auto done = answer.location.empty() ? logged_out_page(call, answer.notice)
                                      : Response::redirect(answer.location, 303);
  call.end_session(done);
  return done;
}

namespace pages {

Response error(const Problem& problem, std::string_view nonce) {
  auto answer = Response::html(message(pages_look(), "warn", "web.error.title", problem.error.key,
                                       problem.error.args, problem.request_id),
                               nonce, problem.status);
  answer.note(problem.error.key);
  if (problem.error.retry_after) answer.retry_after(*problem.error.retry_after);
  return answer;
}

}  // namespace pages

namespace handlers {

base::Result<Response> home(Call& call) {
  return page(call, pages_look().page("home", "web.home.title", {}));
}

base::Result<Response> about(Call& call) {
  PageData data;
  if (const auto verifier = call.services.verifier.get();
      verifier != nullptr && !verifier->trust().roots.empty())
    data.text("root_sha256", base::to_hex(verifier->trust().roots.front().sha256()));
  return page(call, pages_look().page("about", "web.about.title", data));
}

base::Result<Response> static_asset(Call& call) {
  const auto* file = static_file(call.path("name"));
  if (file == nullptr) return base::error(base::Code::not_found, "api.not_found");
  auto answer = Response::bytes(std::string(file->bytes), file->media_type);
  // An address with a version in it may be kept for ever; without one it is asked again.
  const bool versioned = call.path("version") == pages_look().asset_version();
  answer.cache(
      {Cache::Kind::shared, std::chrono::seconds(versioned ? 31'536'000 : 3'600), versioned});
  return answer;
}

base::Result<Response> verify_page(Call& call) {
  return page(call, pages::verify_form(pages_look(), {}, nullptr));
}

base::Result<Response> verify_submit(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto typed, field(form, "code"));
  const auto code = verify::DocumentCode::parse(typed);
  if (!code.ok()) {
    auto answer = page(call, pages::verify_form(pages_look(), typed, &code.error()),
                       status_of(code.error().code));
    answer.note(code.error().key);
    return answer;
  }
  return Response::redirect("/v/" + code->text(), 303);
}

base::Result<Response> verdict_page(Call& call) {
  const auto now = call.services.clock.now();
  const auto code = verify::DocumentCode::parse(call.path("code"));
  if (!code.ok()) {
    auto answer = page(call, pages::verify_form(pages_look(), call.path("code"), &code.error()),
                       status_of(code.error().code));
    answer.note(code.error().key);
    return answer;
  }
  const auto found = look_up(call.services, *code);
  if (!found.ok()) {
    auto answer = page(call, pages::code_unavailable(pages_look(), now), 503);
    answer.note(found.error().key);
    return answer;
  }
  if (*found == nullptr) {
    auto answer = page(call, pages::code_unknown(pages_look(), now), 404);
    answer.note("verify.unknown");
    return answer;
  }
  return page(call, pages::code_verdict(pages_look(), **found, now));
}

base::Result<Response> file_page(Call& call) {
  const auto file = multipart_file(call.request.header("content-type"), call.request.body, "file");
  if (!file.ok()) {
    auto answer = page(call, pages::verify_form(pages_look(), {}, &file.error()), 400);
    answer.note(file.error().key);
    return answer;
  }
  BASE_TRY(const auto judged, judge_file(call.services, base::as_bytes(*file)));
  return page(call, pages::file_verdict(pages_look(), judged.verdict, judged.entry.get(),
                                        judged.register_asked, call.services.clock.now()));
}

base::Result<Response> login_page(Call& call) {
  const auto return_to = own_return_path(only(call.request.query, "return_to").value_or("/"));
  // Somebody who is logged in and is to be surer proves what is missing, not all again.
  const auto level = only(call.request.query, "level").value_or("");
  if (level == "2" || level == "3") {
    BASE_TRY(const auto session, call.find_session());
    if (session && static_cast<int>(session->authentication) < level[0] - '0')
      return Response::redirect("/login/second?return_to=" + percent_encode(return_to));
  }
  return login_answer(call, {{}, return_to, {}, {}, nullptr}, 200);
}

base::Result<Response> login_submit(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto return_to, field(form, "return_to"));
  BASE_TRY(const auto login_name, field(form, "login_name"));
  BASE_TRY(auto typed, field(form, "password"));
  if (!is_own_return_path(return_to)) return_to = "/";
  BASE_TRY(const auto house, call.house());
  const base::Secret password{base::as_bytes(typed)};
  base::wipe({reinterpret_cast<std::uint8_t*>(typed.data()), typed.size()});

  const auto subject = house->accounts->log_in(login_name, password, call.request.client.network());
  if (!subject.ok()) {
    auto answer = login_answer(call, {{}, return_to, login_name, {}, &subject.error()},
                               status_of(subject.error().code));
    answer.note(subject.error().key);
    if (subject.error().retry_after) answer.retry_after(*subject.error().retry_after);
    return answer;
  }
  return after_first_step(call, *subject, auth::Method::password, return_to);
}

base::Result<Response> consent_submit(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto transaction, field(form, "transaction"));
  BASE_TRY(const auto decision, field(form, "decision"));
  BASE_TRY(const auto house, call.house());
  base::check(call.session.has_value(), "the route demands a session");
  BASE_TRY(const auto answer,
           house->provider->consent(transaction, decision == "grant", *call.session,
                                     only(form, "acting").value_or("")));
  return authorize_answer(call, answer);
}

base::Result<Response> logout_submit(Call& call) {
  BASE_TRY_VOID(close_session(call));
  auto answer = logged_out_page(call, {});
  call.end_session(answer);
  return answer;
}

}  // namespace handlers
}  // namespace api
