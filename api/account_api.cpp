#include "api/account_api.h"

#include <algorithm>

#include "api/account_export.h"
#include "api/identity_handlers.h"
#include "api/json_answer.h"
#include "api/json_body.h"
#include "auth/details.h"
#include "auth/identities.h"
#include "auth/identity_requests.h"

namespace api {
namespace {

/// `by_client`: the session's name among this client's; sessions themselves are not named to
/// clients, which could otherwise tell that they saw the same one.
std::string name_of(Call& call, const Upstairs& house, std::string_view session) {
  return house.provider->session_name(session, call.actor->client());
}

base::Error no_session() {
  return base::error(base::Code::not_found, "auth.session_unknown");
}

}  // namespace

base::Result<auth::Provider::TokenLogin> fresh_login(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(auto login, house->provider->login_of(call.access_token));
  BASE_TRY(const auto steps, house->sign_in->steps(call.actor->subject(), login.methods));
  auto lack = auth::lack_of(steps, login.authenticated_at, call.services.clock.now());
  if (login.session.empty() && lack == auth::LoginLack::nothing) lack = auth::LoginLack::new_login;
  if (lack == auth::LoginLack::nothing) return login;
  const auto reached = auth::authentication_of(login.methods);
  const auto needed = lack == auth::LoginLack::second_step
                          ? auth::Authentication::two_factor
                          : std::min(reached, auth::Authentication::two_factor);
  auto failure = base::error(base::Code::unauthenticated, "auth.login_not_fresh");
  failure.args = {{"acr_values", auth::acr_of(auth::Proofing::p0, needed)},
                  {"max_age", std::to_string(std::chrono::seconds(auth::kFreshLogin).count())}};
  return failure;
}

namespace handlers {

base::Result<Response> read_account(Call& call) {
  BASE_TRY(const auto house, call.house());
  const auto& subject = call.actor->subject();
  BASE_TRY(const auto person, house->accounts->subject(subject));
  BASE_TRY(const auto login_name, house->own_account->login_name(subject));
  BASE_TRY(const auto details, auth::details_of(call.services.pool, *house->cipher, subject));
  BASE_TRY(const auto documents, auth::documents_of(call.services.pool, *house->cipher, subject));
  BASE_TRY(const auto due, house->cancellation->due(subject));
  return json_answer([&](auto& w) {
    put_subject(w, person, login_name, Shown::in_part);
    put_details(w, details, Shown::in_part);
    put_documents(w, documents, Shown::in_part);
    put_time(w, "ends_at", due);
  });
}

base::Result<Response> change_account_details(Call& call) {
  BASE_TRY(const auto json, object_of(call.request, {"fields"}));
  const auto fields = json.FindMember("fields");
  if (fields == json.MemberEnd() || !fields->value.IsObject()) return unknown_member("fields");
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto person, house->accounts->subject(call.actor->subject()));
  const auto known = auth::registration_fields(person.kind);
  auth::FieldValues typed;
  for (const auto& member : fields->value.GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    const auto field = std::find_if(known.begin(), known.end(), [&](const auto& one) {
      return one.name == name && one.step == auth::RegistrationStep::details;
    });
    // Nothing is emptied here, as at the page.
    if (field == known.end() || !member.value.IsString() || member.value.GetStringLength() == 0 ||
        member.value.GetStringLength() > field->most)
      return unknown_member(name);
    typed.emplace(name, std::string(member.value.GetString(), member.value.GetStringLength()));
  }
  if (typed.empty()) return unknown_member("fields");
  if (auth::needs_fresh_login(typed)) BASE_TRY_VOID(fresh_login(call));
  BASE_TRY(const auto judged, house->own_account->change_details(person, typed));
  if (judged.wrong.empty()) return Response(204);
  auto wrong = base::error(base::Code::invalid_argument, "auth.subject_invalid");
  wrong.fields = judged.wrong;
  return wrong;
}

base::Result<Response> change_account_password(Call& call) {
  BASE_TRY(const auto json, object_of(call.request, {"current", "password"}));
  BASE_TRY(const auto current, secret_member(json, "current"));
  BASE_TRY(const auto next, secret_member(json, "password"));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto login, house->provider->login_of(call.access_token));
  const auto changed = house->accounts->change_password(
      call.actor->subject(), current, next, call.request.client.network(), login.session);
  if (!changed.ok()) return about_member(changed.error(), "current");
  return Response(204);
}

base::Result<Response> list_account_sessions(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto login, house->provider->login_of(call.access_token));
  BASE_TRY(const auto all, house->own_account->sessions(call.actor->subject(), login.session));
  return json_answer([&](auto& w) {
    put_rows(w, "sessions", all, [&](const auto& one) {
      w.member("id", name_of(call, *house, one.id));
      w.member("authentication", "a" + std::to_string(static_cast<int>(one.authentication)));
      w.member("authenticated_at", base::to_rfc3339(one.authenticated_at));
      w.member("seen_at", base::to_rfc3339(one.seen_at));
      put_text(w, "network", one.network);
      w.member("current", one.current);
    });
  });
}

base::Result<Response> end_account_session(Call& call) {
  BASE_TRY(const auto house, call.house());
  const auto& subject = call.actor->subject();
  BASE_TRY(const auto all, house->own_account->sessions(subject, ""));
  const auto one = std::find_if(all.begin(), all.end(), [&](const auto& each) {
    return name_of(call, *house, each.id) == call.path("id");
  });
  if (one == all.end()) return no_session();
  BASE_TRY_VOID(house->own_account->end_session(subject, one->id));
  return Response(204);
}

base::Result<Response> list_account_consents(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto all, house->own_account->consents(call.actor->subject()));
  return json_answer([&](auto& w) { put_consents(w, "consents", all); });
}

base::Result<Response> withdraw_account_consent(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY_VOID(house->own_account->revoke_consent(call.actor->subject(), call.path("client")));
  return Response(204);
}

base::Result<Response> read_account_trace(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto all, house->own_account->trace(call.actor->subject(), 200));
  return json_answer([&](auto& w) { put_trace(w, all); });
}

/// Numbers stand in it whole, so a client gets it only behind a login just made.
base::Result<Response> export_account(Call& call) {
  BASE_TRY_VOID(fresh_login(call));
  return account_file(call, call.actor->subject());
}

base::Result<Response> read_cancellation(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto due, house->cancellation->due(call.actor->subject()));
  return json_answer([&](auto& w) {
    w.member("asked", due.has_value());
    put_time(w, "ends_at", due);
  });
}

/// 个人信息保护法 47: by the person, with a login just made.
base::Result<Response> ask_cancellation(Call& call) {
  BASE_TRY(const auto json, object_of(call.request, {"sure"}));
  const auto sure = json.FindMember("sure");
  if (sure == json.MemberEnd() || !sure->value.IsTrue())
    return base::error(base::Code::invalid_argument, "web.cancel.tick");
  BASE_TRY_VOID(fresh_login(call));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto due, house->cancellation->ask(call.actor->subject()));
  return json_answer([&](auto& w) {
    w.member("asked", true);
    put_time(w, "ends_at", due);
  });
}

base::Result<Response> withdraw_cancellation(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY_VOID(house->cancellation->withdraw(call.actor->subject()));
  return Response(204);
}

base::Result<Response> read_account_agreements(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto pending, house->agreements->pending(call.actor->subject()));
  BASE_TRY(const auto acts, house->agreements->acts(call.actor->subject()));
  return json_answer([&](auto& w) {
    // Their text: GET /v1/agreements/{kind}.
    put_rows(w, "pending", pending, [&](const auto& one) {
      w.member("kind", auth::to_text(one.kind));
      w.member("version", one.version);
      w.member("sha256", one.sha256);
    });
    put_agreement_acts(w, "acts", acts);
  });
}

base::Result<Response> accept_account_agreements(Call& call) {
  BASE_TRY(const auto json, object_of(call.request, {"accept"}));
  BASE_TRY(const auto accepted, acceptances_in(json));
  BASE_TRY(const auto house, call.house());
  BASE_TRY_VOID(house->agreements->accept_pending(call.actor->subject(), accepted, "api"));
  return Response(204);
}

base::Result<Response> withdraw_account_privacy(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY_VOID(house->agreements->withdraw_privacy(call.actor->subject(), "api"));
  return Response(204);
}

base::Result<Response> list_identity_requests(Call& call) {
  BASE_TRY(const auto house, call.house());
  auth::IdentityRequests requests(
      {call.services.pool, *house->cipher, call.services.clock, call.services.random});
  BASE_TRY(const auto all, requests.of(call.actor->subject()));
  return json_answer([&](auto& w) {
    put_rows(w, "requests", all, [&](const auto& one) { put_identity_request(w, one); });
  });
}

base::Result<Response> ask_identity_change(Call& call) {
  BASE_TRY(auto typed, texts_of(call.request, {"name", "id_type", "id_number", "country"}));
  const bool renamed = typed.contains("name");
  if (renamed && typed.size() != 1) return unknown_member("name");  // one thing at a time
  BASE_TRY(const auto id,
           ask_identity(call, call.actor->subject(), renamed,
                        {typed["name"], typed["id_type"], typed["id_number"], typed["country"]}));
  return json_answer([&](auto& w) { w.member("id", id); }, 201);
}

}  // namespace handlers
}  // namespace api
