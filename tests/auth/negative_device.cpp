// Devices and exchanged tokens: RFC 8628, RFC 8693.
#include "tests/auth/device_scene.h"

namespace auth::test_house {
namespace {

std::string begin(Scene& s, const House::Registered& by, const Parameters& form) {
  return s.house.error_of(s.house.provider.begin_device(form, by.basic()));
}
/// An exchange by the gateway of a token that was made for it, with one parameter changed.
std::string exchange(std::string_view name, std::string_view value) {
  ExchangeScene e;
  const auto own = e.portal_token();
  const auto token = e.run(e.form(own, e.gateway_resource), e.scene.client);
  return e.scene.token(with(e.form(token, e.core_resource), name, value), e.gateway.basic());
}

const NegativeCase kCases[] = {
    {"RFC 8628 §3.1", "a device that is not registered for it", "unauthorized_client",
     [](Scene& s) {
       return begin(s, s.client, {{"scope", "openid"}});
     }},
    {"RFC 8628 §3.1", "a device without scope", "invalid_scope",
     [](Scene&) {
       DeviceScene d;
       return begin(d.scene, d.kiosk, {});
     }},
    {"RFC 8628 §3.1", "a device that asks for an unknown scope", "invalid_scope",
     [](Scene&) {
       DeviceScene d;
       return begin(d.scene, d.kiosk, {{"scope", "openid admin"}});
     }},
    {"RFC 8628 §3.1", "a device that nobody knows", "invalid_client",
     [](Scene& s) {
       return s.house.error_of(
           s.house.provider.begin_device({{"client_id", "nobody"}, {"scope", "openid"}}, ""));
     }},
    {"RFC 8628 §3.5", "a question before the answer", "authorization_pending",
     [](Scene&) {
       DeviceScene d;
       d.begin();
       return d.poll();
     }},
    {"RFC 8628 §3.5", "a question too soon", "slow_down",
     [](Scene&) {
       DeviceScene d;
       d.begin();
       EXPECT_EQ(d.poll(), "authorization_pending");
       d.scene.house.clock.advance(std::chrono::seconds(4));
       return d.poll();
     }},
    {"RFC 8628 §3.5", "a question after ten minutes", "expired_token",
     [](Scene&) {
       DeviceScene d;
       d.begin();
       d.scene.house.clock.advance(std::chrono::seconds(600));
       return d.poll();
     }},
    {"RFC 8628 §3.5", "the person refused", "access_denied",
     [](Scene&) {
       DeviceScene d;
       d.begin();
       EXPECT_TRUE(d.scene.house.provider.decide_device(d.user_code, false, d.scene.session).ok());
       return d.poll();
     }},
    {"RFC 8628 §3.5", "the person was switched off since", "access_denied",
     [](Scene&) {
       DeviceScene d;
       d.begin();
       EXPECT_TRUE(d.scene.house.provider.decide_device(d.user_code, true, d.scene.session).ok());
       d.scene.house.lock(d.scene.subject);
       return d.poll();
     }},
    {"RFC 8628 §3.4", "device code replay", "invalid_grant",
     [](Scene&) {
       DeviceScene d;
       d.begin();
       EXPECT_TRUE(d.scene.house.provider.decide_device(d.user_code, true, d.scene.session).ok());
       EXPECT_EQ(d.poll(), "");
       return d.poll();
     }},
    {"RFC 8628 §3.4", "no device code", "invalid_request",
     [](Scene&) {
       DeviceScene d;
       return d.poll();
     }},
    {"RFC 8628 §5.2", "a guessed device code", "invalid_grant",
     [](Scene&) {
       DeviceScene d;
       d.device_code = std::string(43, 'A');
       return d.poll();
     }},
    {"RFC 8628 §3.4", "another client's device code", "invalid_grant",
     [](Scene&) {
       DeviceScene d;
       d.begin();
       const auto other = d.scene.house.new_client_with(
           [](NewClient& c) { c.grant_types += " " + std::string(kDeviceGrantName); });
       return d.scene.token(d.form(), other.basic());
     }},
    {"RFC 8628 §5.1", "a guessed user code", "auth.device.unknown",
     [](Scene& s) { return refusal_of(s.house.provider.device_request("BBBB-BBBB")); }},
    {"RFC 8628 §6.1", "a user code with vowels", "auth.device.unknown",
     [](Scene& s) { return refusal_of(s.house.provider.device_request("AEIO-UAEI")); }},
    {"RFC 8628 §5.1", "a user code without end", "auth.device.unknown",
     [](Scene& s) {
       return refusal_of(s.house.provider.device_request(std::string(100'000, 'B')));
     }},
    {"RFC 8628 §3.4", "a device code as authorization code", "invalid_grant",
     [](Scene&) {
       DeviceScene d;
       d.begin();
       EXPECT_TRUE(d.scene.house.provider.decide_device(d.user_code, true, d.scene.session).ok());
       EXPECT_EQ(d.poll(), "");
       return d.scene.token(d.scene.house.redemption(d.scene.client, d.device_code),
                            d.scene.client.basic());
     }},

    {"RFC 8693 §2.1", "no subject token", "invalid_request",
     [](Scene&) { return exchange("subject_token", ""); }},
    {"RFC 8693 §2.1", "no subject token type", "invalid_request",
     [](Scene&) { return exchange("subject_token_type", ""); }},
    {"RFC 8693 §2.1", "another type of subject token", "invalid_request",
     [](Scene&) {
       return exchange("subject_token_type", "urn:ietf:params:oauth:token-type:saml2");
     }},
    {"RFC 8693 §2.1", "a refresh token wanted", "invalid_request",
     [](Scene&) {
       return exchange("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token");
     }},
    {"RFC 8693 §2.1", "somebody else named as actor", "invalid_request",
     [](Scene&) { return exchange("actor_token", "x"); }},
    {"RFC 8693 §2.2.2", "a subject token that is none", "invalid_request",
     [](Scene&) { return exchange("subject_token", "x.y.z"); }},
    {"RFC 8693 §2.2.2", "an unknown target", "invalid_target",
     [](Scene&) { return exchange("resource", "https://nowhere.example/"); }},
    {"RFC 8693 §2.1", "no target", "invalid_request",
     [](Scene&) { return exchange("resource", ""); }},
    {"RFC 8693 §2.1", "wider scope", "invalid_scope",
     [](Scene&) { return exchange("scope", "documents admin"); }},
    {"RFC 8693 §5", "a token made for another system", "invalid_request",
     [](Scene&) {
       ExchangeScene e;
       const auto token = e.run(e.form(e.portal_token(), e.core_resource), e.scene.client);
       return e.scene.token(e.form(token, e.archive_resource), e.gateway.basic());
     }},
    {"RFC 8693 §5", "a machine's token for a person's", "invalid_request",
     [](Scene&) {
       ExchangeScene e;
       const auto reply = e.scene.house.provider.token(
           {{"grant_type", "client_credentials"}, {"resource", e.gateway_resource}},
           e.scene.machine().basic());
       const auto token = json(std::get<TokenReply>(reply).json);
       return e.scene.token(
           e.form(std::string(base::json_text(token, "access_token")), e.core_resource),
           e.gateway.basic());
     }},
    {"RFC 8693 §5", "a revoked token", "invalid_request",
     [](Scene&) {
       ExchangeScene e;
       const auto own = e.portal_token();
       const auto token = e.run(e.form(own, e.gateway_resource), e.scene.client);
       EXPECT_EQ(e.scene.house.error_of(
                     e.scene.house.provider.revoke({{"token", own}}, e.scene.client.basic())),
                 "");
       return e.scene.token(e.form(token, e.core_resource), e.gateway.basic());
     }},
    {"RFC 8693 §2.1", "a client that is not registered for it", "unauthorized_client",
     [](Scene&) {
       ExchangeScene e;
       const auto own = e.portal_token();
       return e.scene.token(e.form(own, e.core_resource), e.scene.house.new_client().basic());
     }},
    {"RFC 9449 §7.2", "a bound token exchanged without its key", "invalid_request",
     [](Scene&) {
       ExchangeScene e;
       e.portal_token();
       return e.scene.token(e.form(e.scene.bound_token(), e.core_resource), e.scene.client.basic());
     }},
};

}  // namespace

std::span<const NegativeCase> device_cases() {
  return kCases;
}

}  // namespace auth::test_house
