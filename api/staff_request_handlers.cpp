// The console: what waits for a decision, and portals. LD/T 01-2020 6.2.5a, 6.1.2e.
#include <charconv>

#include "api/form_values.h"
#include "api/page_handlers.h"
#include "api/pages/staff_pages.h"
#include "api/problem.h"
#include "api/staff_deeds.h"
#include "api/staff_handlers.h"
#include "base/encoding.h"
#include "base/json.h"

namespace api {
namespace {

constexpr std::string_view kRequestsPath = "/staff/requests";
constexpr std::string_view kPortalsPath = "/staff/portals";
constexpr std::string_view kTokensPath = "/staff/tokens";

std::string below(std::string_view path, std::string_view id) {
  return std::string(path) + "/" + percent_encode(id);
}

std::string_view done_key(std::string_view word) {
  if (word == "approved") return "web.staff.done.approved";
  if (word == "waiting") return "web.staff.done.waiting";
  if (word == "refused") return "web.staff.done.refused";
  if (word == "proposed") return "web.staff.done.proposed";
  if (word == "stopped") return "web.staff.done.stopped";
  if (word == "ended") return "web.staff.done.old_ended";
  if (word == "revoked") return "web.staff.done.revoked";
  return {};
}

/// What is no number of days is more than may be: the answer names the bounds.
std::chrono::seconds overlap_in(const Parameters& form) {
  const auto text = form_text(form, "overlap_days");
  int days = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), days);
  if (wrong != std::errc() || end != text.data() + text.size() || days > 10'000)
    return auth::kOverlapMost + std::chrono::seconds(1);
  return std::chrono::hours(24 * days);
}

void begin(Call& call, pages::StaffPage& shown) {
  begin_staff(call, shown);
  shown.done = done_key(only(call.request.query, "done").value_or(""));
}

base::Result<Response> show_request(Call& call, const base::Error* problem,
                                    const std::string& reason) {
  BASE_TRY(const auto house, call.house());
  pages::StaffRequest shown;
  begin(call, shown);
  shown.problem = problem;
  shown.typed.emplace("reason", reason);
  BASE_TRY(auto open, open_request(call, *house, call.session->subject, call.path("id")));
  BASE_TRY_VOID(put_login_name(*house, open.person ? open.person->asked_by : open.portal->asked_by,
                               shown.names));
  shown.person = std::move(open.person);
  shown.person_name = std::move(open.person_name);
  shown.portal = std::move(open.portal);
  shown.in_force = std::move(open.in_force);
  return staff_answer(call, pages::staff_request(pages_look(), shown), problem);
}

/// The secret stands in this answer and nowhere else.
Response show_secret(Call& call, std::string secret) {
  pages::StaffOnce shown;
  begin(call, shown);
  shown.title = "web.staff.secret";
  shown.text = "web.staff.secret.help";
  shown.value = std::move(secret);
  shown.back = kRequestsPath;
  return Response::html(pages::staff_once(pages_look(), shown), call.nonce());
}

base::Result<Response> show_portals(Call& call, pages::StaffPortals shown) {
  begin(call, shown);
  shown.now = call.services.clock.now();
  BASE_TRY(shown.all, auth::Clients(call.services.pool).all());
  return staff_answer(call, pages::staff_portals(pages_look(), shown), shown.problem);
}

base::Result<Response> show_portal(Call& call, pages::StaffPortal shown) {
  BASE_TRY(const auto house, call.house());
  begin(call, shown);
  shown.now = call.services.clock.now();
  PortalDesk desk(call);
  BASE_TRY(shown.portal, desk.portals.show(call.path("client")));
  BASE_TRY(shown.steps, desk.portals.history(call.path("client")));
  for (const auto& step : shown.steps) BASE_TRY_VOID(put_login_name(*house, step.by, shown.names));
  return staff_answer(call, pages::staff_portal(pages_look(), shown), shown.problem);
}

base::Result<Response> show_tokens(Call& call, pages::StaffTokens shown) {
  BASE_TRY(const auto house, call.house());
  begin(call, shown);
  // Sent again by a browser, the same form proposes nothing twice.
  shown.key = base::to_base64url(call.services.random.bytes(16));
  BASE_TRY(shown.tokens, PortalDesk(call).tokens.tokens());
  for (const auto& one : shown.tokens)
    BASE_TRY_VOID(put_login_name(*house, one.made_by, shown.names));
  return staff_answer(call, pages::staff_tokens(pages_look(), shown), shown.problem);
}

void put_words(base::JsonWriter& out, std::string_view name, std::string_view text,
               std::string_view between) {
  out.key(name);
  out.StartArray();
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(between), text.size());
    if (end > 0) out.string(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out.EndArray();
}

void put_agreement(base::JsonWriter& out, const Parameters& form) {
  const auto number = form_text(form, "agreement_number");
  const auto until = form_text(form, "agreement_until");
  if (number.empty() && until.empty()) return;
  out.key("agreement");
  out.StartObject();
  if (!number.empty()) out.member("number", std::string_view(number));
  if (!until.empty()) out.member("until", std::string_view(until));
  out.EndObject();
}

/// The same of a token for registering.
std::string token_in(const Parameters& form) {
  base::JsonWriter out;
  out.StartObject();
  const auto uses = form_text(form, "uses");
  int count = 0;  // what is no number is none that may be
  std::from_chars(uses.data(), uses.data() + uses.size(), count);
  out.member("uses", count);
  for (const auto* name : {"until", "scope", "operator"})
    out.member(name, std::string_view(form_text(form, name)));
  put_words(out, "hosts", form_text(form, "hosts"), "\r\n ");
  put_agreement(out, form);
  out.EndObject();
  return out.text();
}

/// The fields of the form as the registration that they mean; what they mean is judged in auth.
std::string metadata_in(const Parameters& form) {
  base::JsonWriter out;
  out.StartObject();
  for (const auto* name : {"client_id", "client_name", "kind", "operator", "scope"})
    if (const auto value = form_text(form, name); !value.empty())
      out.member(name, std::string_view(value));
  put_agreement(out, form);
  put_words(out, "redirect_uris", form_text(form, "redirect_uris"), "\r\n ");
  put_words(out, "grant_types",
            form_text(form, "offline") == "yes" ? "authorization_code refresh_token"
                                                : "authorization_code",
            " ");
  out.member("token_endpoint_auth_method",
             form_text(form, "public") == "yes" ? "none" : "client_secret_basic");
  out.EndObject();
  return out.text();
}

}  // namespace

namespace handlers {

base::Result<Response> staff_requests_page(Call& call) {
  BASE_TRY(auto asked, ask_staff(call, kRequestsPath));
  if (asked) return std::move(*asked);
  BASE_TRY(const auto house, call.house());
  pages::StaffRequests shown;
  begin(call, shown);
  BASE_TRY(shown.people, PeopleDesk(call, *house).requests.open());
  BASE_TRY(shown.portals, PortalDesk(call).portals.open());
  for (const auto& one : shown.people)
    BASE_TRY_VOID(put_login_name(*house, one.asked_by, shown.names));
  for (const auto& one : shown.portals)
    BASE_TRY_VOID(put_login_name(*house, one.asked_by, shown.names));
  return staff_answer(call, pages::staff_requests(pages_look(), shown), nullptr);
}

base::Result<Response> staff_request_page(Call& call) {
  BASE_TRY(auto asked, ask_staff(call, below(kRequestsPath, call.path("id"))));
  if (asked) return std::move(*asked);
  return show_request(call, nullptr, {});
}

base::Result<Response> staff_decide(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto asked, ask_staff_deed(call, below(kRequestsPath, call.path("id"))));
  if (asked) return std::move(*asked);
  BASE_TRY(const auto house, call.house());
  const auto id = call.path("id");
  const auto& staff = call.session->subject;
  const auto reason = form_text(form, "reason");
  const auto done = [](std::string_view word) {
    return Response::redirect(std::string(kRequestsPath) + "?done=" + std::string(word), 303);
  };
  const auto refused = [&](const base::Error& problem) -> base::Result<Response> {
    if (!is_told_on_page(problem)) return problem;
    return show_request(call, &problem, reason);
  };
  if (form_text(form, "decision") != "approve") {
    const auto said = refuse_request(call, *house, staff, id, reason);
    if (!said.ok()) return refused(said.error());
    return done("refused");
  }
  auto said = approve_request(call, *house, staff, id, reason);
  if (!said.ok()) return refused(said.error());
  if (!said->secret.empty()) return show_secret(call, std::move(said->secret));
  return done(said->waits ? "waiting" : "approved");
}

base::Result<Response> staff_portals_page(Call& call) {
  BASE_TRY(auto asked, ask_staff(call, kPortalsPath));
  if (asked) return std::move(*asked);
  return show_portals(call, {});
}

base::Result<Response> staff_propose(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto asked, ask_staff_deed(call, kPortalsPath));
  if (asked) return std::move(*asked);
  const auto json = form_text(form, "metadata");
  const auto proposed = PortalDesk(call).portals.propose(json.empty() ? metadata_in(form) : json,
                                                         call.session->subject);
  if (proposed.ok()) return Response::redirect("/staff/requests?done=proposed", 303);
  if (!is_told_on_page(proposed.error())) return proposed.error();
  pages::StaffPortals shown;
  shown.problem = &proposed.error();
  for (const auto* name : {"client_id", "client_name", "kind", "operator", "scope",
                           "agreement_number", "agreement_until", "redirect_uris", "metadata"})
    shown.typed.emplace(name, form_text(form, name));
  return show_portals(call, std::move(shown));
}

base::Result<Response> staff_portal_page(Call& call) {
  BASE_TRY(auto asked, ask_staff(call, below(kPortalsPath, call.path("client"))));
  if (asked) return std::move(*asked);
  return show_portal(call, {});
}

base::Result<Response> staff_portal_act(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  const auto path = below(kPortalsPath, call.path("client"));
  BASE_TRY(auto asked, ask_staff_deed(call, path));
  if (asked) return std::move(*asked);
  const auto client = call.path("client");
  const auto& staff = call.session->subject;
  const auto act = form_text(form, "act");
  PortalDesk desk(call);
  const auto refused = [&](const base::Error& problem) -> base::Result<Response> {
    if (!is_told_on_page(problem)) return problem;
    pages::StaffPortal shown;
    shown.problem = &problem;
    for (const auto* name : {"reason", "until", "agreement"})
      shown.typed.emplace(name, form_text(form, name));
    return show_portal(call, std::move(shown));
  };
  if (act == "suspend") {
    const auto stopped = desk.portals.suspend(client, staff, form_text(form, "reason"));
    if (!stopped.ok()) return refused(stopped.error());
    return Response::redirect(path + "?done=stopped", 303);
  }
  if (act == "end_old_secret") {
    const auto ended = desk.portals.end_old_secret(client, staff, form_text(form, "reason"));
    if (!ended.ok()) return refused(ended.error());
    return Response::redirect(path + "?done=ended", 303);
  }
  const auto proposed =
      act == "resume"   ? desk.portals.propose_resume(client, staff)
      : act == "renew"  ? desk.portals.propose_renewal(client, form_text(form, "agreement"),
                                                       form_text(form, "until"), staff)
      : act == "rotate" ? desk.portals.propose_secret(client, overlap_in(form), staff)
                        : base::Result<std::string>(
                              base::error(base::Code::invalid_argument, "auth.request.nothing"));
  if (!proposed.ok()) return refused(proposed.error());
  return Response::redirect("/staff/requests?done=proposed", 303);
}

base::Result<Response> staff_tokens_page(Call& call) {
  BASE_TRY(auto asked, ask_staff(call, kTokensPath));
  if (asked) return std::move(*asked);
  return show_tokens(call, {});
}

base::Result<Response> staff_propose_token(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto asked, ask_staff_deed(call, kTokensPath));
  if (asked) return std::move(*asked);
  const auto key = form_text(form, "key");
  BASE_TRY_VOID(auth::check_proposal_key(key));
  const auto proposed =
      PortalDesk(call).portals.propose_token(token_in(form), call.session->subject, key);
  if (proposed.ok()) return Response::redirect("/staff/requests?done=proposed", 303);
  if (!is_told_on_page(proposed.error())) return proposed.error();
  pages::StaffTokens shown;
  shown.problem = &proposed.error();
  for (const auto* name :
       {"uses", "until", "scope", "hosts", "operator", "agreement_number", "agreement_until"})
    shown.typed.emplace(name, form_text(form, name));
  return show_tokens(call, std::move(shown));
}

base::Result<Response> staff_revoke_token(Call& call) {
  BASE_TRY(auto asked, ask_staff_deed(call, kTokensPath));
  if (asked) return std::move(*asked);
  const auto revoked = PortalDesk(call).tokens.revoke_token(call.path("id"), call.session->subject);
  if (revoked.ok()) return Response::redirect(std::string(kTokensPath) + "?done=revoked", 303);
  if (!is_told_on_page(revoked.error())) return revoked.error();
  pages::StaffTokens shown;
  shown.problem = &revoked.error();
  return show_tokens(call, std::move(shown));
}

}  // namespace handlers
}  // namespace api
