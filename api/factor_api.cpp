// The factors of one's own account as JSON. LD/T 01-2020 6.2.5b, 6.2.6.
#include "api/account_api.h"
#include "api/json_answer.h"
#include "api/json_body.h"
#include "auth/factors.h"

namespace api::handlers {

base::Result<Response> list_factors(Call& call) {
  BASE_TRY(const auto house, call.house());
  const auto& subject = call.actor->subject();
  BASE_TRY(const auto all, auth::factors_of(call.services.pool, *house->cipher, subject));
  BASE_TRY(const auto left, house->own_codes->recovery_codes_left(subject));
  const auto now = call.services.clock.now();
  return json_answer([&](auto& w) {
    put_rows(w, "factors", all, [&](const auto& one) {
      put_factor(w, one, now);
      if (one.kind == auth::FactorKind::recovery) w.member("left", left);
    });
  });
}

base::Result<Response> name_factor(Call& call) {
  BASE_TRY(const auto json, object_of(call.request, {"label"}));
  BASE_TRY(const auto label, text_member(json, "label"));
  BASE_TRY_VOID(
      auth::rename_factor(call.services.pool, call.actor->subject(), call.path("id"), label));
  return Response(204);
}

base::Result<Response> remove_factor(Call& call) {
  BASE_TRY_VOID(fresh_login(call));
  BASE_TRY(const auto house, call.house());
  BASE_TRY_VOID(house->own_codes->remove(call.actor->subject(), call.path("id")));
  return Response(204);
}

base::Result<Response> offer_totp(Call& call) {
  BASE_TRY(const auto login, fresh_login(call));
  BASE_TRY(const auto house, call.house());
  const auto& subject = call.actor->subject();
  BASE_TRY(const auto login_name, house->own_account->login_name(subject));
  const auto offer = house->own_codes->offer_totp(subject, login.session, login_name);
  return json_answer([&](auto& w) {
    w.member("offer", offer.token);
    w.member("secret", offer.secret);
    w.member("address", offer.address);
  });
}

base::Result<Response> confirm_totp(Call& call) {
  BASE_TRY(const auto json, object_of(call.request, {"offer", "code", "label"}));
  BASE_TRY(const auto offer, text_member(json, "offer"));
  BASE_TRY(const auto code, text_member(json, "code"));
  BASE_TRY(const auto label, text_member(json, "label"));
  BASE_TRY(const auto login, fresh_login(call));
  BASE_TRY(const auto house, call.house());
  const auto added =
      house->own_codes->add_totp(call.actor->subject(), login.session, offer, code, label);
  if (!added.ok()) return about_member(added.error(), "code");
  return Response(204);
}

base::Result<Response> offer_phone(Call& call) {
  BASE_TRY(const auto json, object_of(call.request, {"phone"}));
  BASE_TRY(const auto phone, text_member(json, "phone"));
  BASE_TRY(const auto login, fresh_login(call));
  BASE_TRY(const auto house, call.house());
  BASE_TRY_VOID(house->phone_factor->offer(login.session, phone, call.request.client.network()));
  return Response(204);
}

base::Result<Response> confirm_phone(Call& call) {
  BASE_TRY(const auto json, object_of(call.request, {"phone", "code"}));
  BASE_TRY(const auto phone, text_member(json, "phone"));
  BASE_TRY(const auto code, text_member(json, "code"));
  BASE_TRY(const auto login, fresh_login(call));
  BASE_TRY(const auto house, call.house());
  const auto confirmed =
      house->phone_factor->confirm(call.actor->subject(), login.session, phone, code);
  if (!confirmed.ok()) return about_member(confirmed.error(), "code");
  return Response(204);
}

/// The codes stand in this answer and nowhere else.
base::Result<Response> make_recovery_codes(Call& call) {
  BASE_TRY_VOID(fresh_login(call));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto made, house->own_codes->make_recovery_codes(call.actor->subject()));
  return json_answer([&](auto& w) { put_texts(w, "codes", made); }, 201);
}

}  // namespace api::handlers
