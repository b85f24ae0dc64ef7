// Accounts of third-party platforms: the way there, the way back, and what becomes of an account
// that is nobody's yet. LD/T 01-2020 5.4.1.4c, 6.2.6c.
#include "api/form_values.h"
#include "api/page_handlers.h"
#include "api/pages/platform_pages.h"
#include "api/problem.h"
#include "api/sign_in.h"
#include "auth/platforms.h"

namespace api {
namespace {

constexpr std::string_view kPlatformCookie = "xinyin_platform";
constexpr std::string_view kSecurityPath = "/account/security";
constexpr std::string_view kLinkPath = "/account/security/link";

std::string cookie_in(Call& call) {
  return std::string(
      call.request.cookie(cookie_wire_name(kPlatformCookie, call.services.config.https))
          .value_or(""));
}

Response end_try(Response answer) {
  answer.cookie(
      {.name = std::string(kPlatformCookie), .value = "", .max_age = std::chrono::seconds(0)});
  return answer;
}

/// The page that says where the browser goes next, and goes there by itself: a redirect out of a
/// form would have to name every host that the platform leads through in our page's policy.
Response leave(Call& call, const auth::Platform& platform,
               const auth::Platforms::Begun& begun) {
  auto answer = Response::html(
      pages::platform_leave(pages_look(), {platform.name_zh, platform.name_en, begun.address}),
      call.nonce());
  answer.set("Refresh", "0; url=" + begun.address);
  answer.cookie({.name = std::string(kPlatformCookie), .value = begun.cookie});
  return answer;
}

base::Result<Response> begin(Call& call, std::string_view id, const auth::Session* session,
                             const std::string& return_to) {
  BASE_TRY(const auto house, call.house());
  const auto begun =
      house->platforms->begin(id, session, return_to, call.request.client.network());
  if (!begun.ok()) return begun.error();
  return leave(call, *house->platforms->find(id), *begun);
}

Response failed(Call& call, const base::Error& problem, const std::string& back) {
  auto answer = Response::html(pages::platform_refused(pages_look(), problem, back), call.nonce(),
                               status_of(problem.code));
  answer.note(problem.key);
  return end_try(std::move(answer));
}

std::string linked_path(const std::string& return_to) {
  auto out = std::string(kSecurityPath) + "?done=linked";
  if (return_to != "/") out += "&return_to=" + percent_encode(return_to);
  return out;
}

std::string text_of(const Call& call, std::string_view name) {
  return std::string(only(call.request.query, name).value_or(""));
}

}  // namespace

namespace handlers {

base::Result<Response> platform_begin(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  return begin(call, call.path("platform"), nullptr, own_return_path(form_text(form, "return_to")));
}

base::Result<Response> platform_begin_link(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto asked, ask_fresh_login(call, kSecurityPath));
  if (asked) return std::move(*asked);
  const auto on = own_return_path(form_text(form, "return_to"));
  return begin(call, form_text(form, "platform"), &*call.session, on);
}

base::Result<Response> platform_return(Call& call) {
  BASE_TRY(const auto house, call.house());
  const auto id = call.path("platform");
  const auto* platform = house->platforms->find(id);
  if (platform == nullptr) return base::error(base::Code::not_found, "api.not_found");
  BASE_TRY(const auto session, call.find_session());
  const auto came = house->platforms->finish(
      id, cookie_in(call),
      {text_of(call, "state"), text_of(call, "code"), text_of(call, "error"), text_of(call, "iss")},
      session ? &*session : nullptr);
  if (!came.ok()) {
    if (came.error().code == base::Code::internal) return came.error();
    return failed(call, came.error(), session ? std::string(kSecurityPath) : "/login");
  }
  if (came->linked) return end_try(Response::redirect(linked_path(came->return_to), 303));
  if (came->subject) {
    BASE_TRY(auto answer, after_first_step(call, *came->subject, came->proven, came->return_to));
    return end_try(std::move(answer));
  }
  auto answer = Response::html(
      pages::platform_nobody(pages_look(), {platform->name_zh, platform->name_en, {}}),
      call.nonce());
  answer.note("auth.platform.nobody");
  answer.cookie({.name = std::string(kPlatformCookie), .value = came->cookie});
  return answer;
}

base::Result<Response> platform_link_page(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto* platform, house->platforms->waiting(cookie_in(call)));
  if (platform == nullptr) return Response::redirect(kSecurityPath);
  BASE_TRY(auto asked, ask_fresh_login(call, kLinkPath));
  if (asked) return std::move(*asked);
  BASE_TRY(const auto login_name, house->own_account->login_name(call.session->subject));
  return Response::html(
      pages::platform_link(pages_look(), {platform->name_zh, platform->name_en, {}},
                           call.session->csrf, login_name),
      call.nonce());
}

base::Result<Response> platform_link(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  if (form_text(form, "decision") != "link")
    return end_try(Response::redirect(kSecurityPath, 303));
  BASE_TRY(auto asked, ask_fresh_login(call, kLinkPath));
  if (asked) return std::move(*asked);
  BASE_TRY(const auto house, call.house());
  const auto done = house->platforms->link(call.session->subject, cookie_in(call));
  if (!done.ok()) {
    if (done.error().code == base::Code::internal) return done.error();
    return failed(call, done.error(), std::string(kSecurityPath));
  }
  return end_try(Response::redirect(linked_path(*done), 303));
}

}  // namespace handlers
}  // namespace api
