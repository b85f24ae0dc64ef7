// The console as JSON: what waits for a decision, portals, tokens for registering.
// LD/T 01-2020 6.2.5a, 6.1.2e.
#include "api/json_answer.h"
#include "api/json_body.h"
#include "api/staff_api.h"
#include "api/staff_deeds.h"
#include "auth/client_metadata.h"

namespace api {
namespace {

template <class Request>
void put_asked(base::JsonWriter& w, const Request& one) {
  w.member("asked_by", one.asked_by);
  w.member("approvals", one.approvals);
  w.member("approvals_needed", one.approvals_needed);
}

void put_person_request(base::JsonWriter& w, const auth::IdentityRequest& one) {
  put_identity_request(w, one);
  w.member("subject", one.subject.value());
  put_asked(w, one);
}

void put_portal_request(base::JsonWriter& w, const auth::PortalRequest& one) {
  w.member("id", one.id);
  w.member("kind", one.kind);
  w.member("client_id", one.client.value());
  w.member("asked_at", base::to_rfc3339(one.asked_at));
  w.member("expires_at", base::to_rfc3339(one.expires_at));
  put_asked(w, one);
}

/// Whole: it is to be compared with the paper.
void put_change(base::JsonWriter& w, const auth::IdentityChange& change) {
  w.key("change");
  w.StartObject();
  put_text(w, "name", change.name);
  if (!change.document.number.empty()) {
    w.member("id_type", change.document.type);
    w.member("id_number", change.document.number);
    put_text(w, "country", change.document.country);
    w.member("beside", !change.leads);
  }
  put_text(w, "document", change.document_id);
  put_text(w, "duplicate", change.duplicate.value());
  put_text(w, "factor", change.factor_id);
  w.EndObject();
}

/// What proposes: by staff in a login just made, under the key of the header.
template <class Propose>
base::Result<Response> proposed(Call& call, const Propose& propose) {
  BASE_TRY_VOID(staff_deed_token(call));
  const auto key = call.request.header("idempotency-key");
  BASE_TRY_VOID(auth::check_proposal_key(key));
  PortalDesk desk(call);
  BASE_TRY(const auto request, propose(desk, call.actor->subject(), key));
  return proposed_answer(request);
}

}  // namespace

Response proposed_answer(const std::string& request) {
  auto out = json_answer([&](auto& w) { w.member("request", request); }, 201);
  out.set("Location", "/v1/staff/requests/" + percent_encode(request));
  return out;
}

void put_names(base::JsonWriter& w, const LoginNames& names) {
  w.key("names");
  w.StartObject();
  for (const auto& [id, name] : names) put_text(w, id, name);
  w.EndObject();
}

namespace handlers {

base::Result<Response> list_requests(Call& call) {
  BASE_TRY_VOID(staff_token(call));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto people, PeopleDesk(call, *house).requests.open());
  BASE_TRY(const auto portals, PortalDesk(call).portals.open());
  LoginNames names;
  for (const auto& one : people) BASE_TRY_VOID(put_login_name(*house, one.asked_by, names));
  for (const auto& one : portals) BASE_TRY_VOID(put_login_name(*house, one.asked_by, names));
  return json_answer([&](auto& w) {
    put_rows(w, "people", people, [&](const auto& one) { put_person_request(w, one); });
    put_rows(w, "portals", portals, [&](const auto& one) { put_portal_request(w, one); });
    put_names(w, names);
  });
}

base::Result<Response> read_request(Call& call) {
  BASE_TRY_VOID(staff_token(call));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto open, open_request(call, *house, call.actor->subject(), call.path("id")));
  LoginNames names;
  BASE_TRY_VOID(
      put_login_name(*house, open.person ? open.person->asked_by : open.portal->asked_by, names));
  return json_answer([&](auto& w) {
    if (open.person) {
      put_person_request(w, *open.person);
      w.member("name_now", open.person_name);
      put_change(w, open.person->change);
    } else {
      put_portal_request(w, *open.portal);
      put_raw(w, "proposal", open.portal->proposal);
      if (!open.in_force.empty()) put_raw(w, "in_force", open.in_force);
    }
    put_names(w, names);
  });
}

base::Result<Response> approve_open_request(Call& call) {
  BASE_TRY_VOID(staff_deed_token(call));
  BASE_TRY(auto typed, texts_of(call.request, {"reason"}));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto approved,
           approve_request(call, *house, call.actor->subject(), call.path("id"), typed["reason"]));
  return json_answer([&](auto& w) {
    w.member("outcome", approved.waits ? "waiting" : "done");
    put_text(w, "secret", approved.secret);
  });
}

base::Result<Response> refuse_open_request(Call& call) {
  BASE_TRY_VOID(staff_deed_token(call));
  BASE_TRY(auto typed, texts_of(call.request, {"reason"}));
  BASE_TRY(const auto house, call.house());
  BASE_TRY_VOID(
      refuse_request(call, *house, call.actor->subject(), call.path("id"), typed["reason"]));
  return Response(204);
}

base::Result<Response> list_portals(Call& call) {
  BASE_TRY_VOID(staff_token(call));
  BASE_TRY(const auto all, PortalDesk(call).clients.all());
  const auto now = call.services.clock.now();
  return json_answer([&](auto& w) {
    put_rows(w, "portals", all, [&](const auto& one) {
      w.member("client_id", one.client.id.value());
      w.member("client_name", one.client.name);
      w.member("kind", one.client.kind);
      put_text(w, "operator", one.client.operator_name);
      put_text(w, "agreement_until", auth::agreement_last_day(one.client));
      w.member("standing", to_text(auth::client_standing(one, now, auth::kSoonDays)));
    });
  });
}

/// The body is the registration (docs/identity.md); auth reads it.
base::Result<Response> propose_portal(Call& call) {
  return proposed(call, [&](auto& desk, const auto& staff, auto key) {
    return desk.portals.propose(call.request.body, staff, key);
  });
}

base::Result<Response> read_portal(Call& call) {
  BASE_TRY_VOID(staff_token(call));
  BASE_TRY(const auto house, call.house());
  PortalDesk desk(call);
  BASE_TRY(const auto portal, desk.portals.show(call.path("client")));
  BASE_TRY(const auto steps, desk.portals.history(call.path("client")));
  LoginNames names;
  for (const auto& step : steps) BASE_TRY_VOID(put_login_name(*house, step.by, names));
  const auto now = call.services.clock.now();
  return json_answer([&](auto& w) {
    w.member("standing", to_text(auth::client_standing(portal, now, auth::kSoonDays)));
    if (portal.old_secret_until > now) put_time(w, "old_secret_until", portal.old_secret_until);
    put_raw(w, "registration", auth::client_metadata(portal.client));
    put_rows(w, "history", steps, [&](const auto& one) {
      w.member("at", base::to_rfc3339(one.at));
      w.member("by", one.by);
      w.member("act", one.act);
      put_text(w, "reason", one.reason);
      put_raw(w, "registration", one.registration);
    });
    put_names(w, names);
  });
}

base::Result<Response> suspend_portal(Call& call) {
  BASE_TRY_VOID(staff_deed_token(call));
  BASE_TRY(auto typed, texts_of(call.request, {"reason"}));
  BASE_TRY_VOID(PortalDesk(call).portals.suspend(call.path("client"), call.actor->subject(),
                                                 typed["reason"]));
  return Response(204);
}

base::Result<Response> end_old_portal_secret(Call& call) {
  BASE_TRY_VOID(staff_deed_token(call));
  BASE_TRY(auto typed, texts_of(call.request, {"reason"}));
  BASE_TRY_VOID(PortalDesk(call).portals.end_old_secret(call.path("client"), call.actor->subject(),
                                                        typed["reason"]));
  return Response(204);
}

base::Result<Response> propose_portal_resume(Call& call) {
  return proposed(call, [&](auto& desk, const auto& staff, auto key) {
    return desk.portals.propose_resume(call.path("client"), staff, key);
  });
}

base::Result<Response> propose_portal_renewal(Call& call) {
  return proposed(call, [&](auto& desk, const auto& staff, auto key) -> base::Result<std::string> {
    BASE_TRY(auto typed, texts_of(call.request, {"until", "agreement"}));
    return desk.portals.propose_renewal(call.path("client"), typed["agreement"], typed["until"],
                                        staff, key);
  });
}

base::Result<Response> propose_portal_secret(Call& call) {
  return proposed(call, [&](auto& desk, const auto& staff, auto key) -> base::Result<std::string> {
    BASE_TRY(const auto json, object_of(call.request, {"overlap_days"}));
    const auto days = base::json_int(json, "overlap_days");
    if (!days || *days < 0 || *days > 10'000) return unknown_member("overlap_days");
    return desk.portals.propose_secret(call.path("client"), std::chrono::hours(24 * *days), staff,
                                       key);
  });
}

base::Result<Response> list_initial_tokens(Call& call) {
  BASE_TRY_VOID(staff_token(call));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto all, PortalDesk(call).tokens.tokens());
  LoginNames names;
  for (const auto& one : all) BASE_TRY_VOID(put_login_name(*house, one.made_by, names));
  return json_answer([&](auto& w) {
    put_rows(w, "tokens", all, [&](const auto& one) {
      w.member("id", one.id);
      w.member("operator", one.operator_name);
      w.member("scope", one.scopes);
      w.member("uses_left", one.uses_left);
      w.member("expires_at", base::to_rfc3339(one.expires_at));
      w.member("made_by", one.made_by);
    });
    put_names(w, names);
  });
}

/// The body is what the token allows (docs/identity.md); auth reads it.
base::Result<Response> propose_initial_token(Call& call) {
  return proposed(call, [&](auto& desk, const auto& staff, auto key) {
    return desk.portals.propose_token(call.request.body, staff, key);
  });
}

base::Result<Response> revoke_initial_token(Call& call) {
  BASE_TRY_VOID(staff_deed_token(call));
  BASE_TRY_VOID(PortalDesk(call).tokens.revoke_token(call.path("id"), call.actor->subject()));
  return Response(204);
}

}  // namespace handlers
}  // namespace api
