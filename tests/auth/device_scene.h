// Scenes for devices (RFC 8628) and for systems that pass a person's token on (RFC 8693).
#pragma once

#include "tests/auth/negative.h"

namespace auth::test_house {

struct DeviceScene {
  Scene scene;
  House::Registered kiosk = scene.house.new_client_with([](NewClient& c) {
    c.grant_types = std::string(kDeviceGrantName) + " refresh_token";
    c.redirect_uris = {};
    c.post_logout_redirect_uris = {};
  });
  std::string device_code, user_code;

  rapidjson::Document begin() {
    const auto reply = scene.house.provider.begin_device(
        {{"scope", "openid documents offline_access"}}, kiosk.basic());
    EXPECT_EQ(scene.house.error_of(reply), "");
    auto out = json(std::get<TokenReply>(reply).json);
    device_code = base::json_text(out, "device_code");
    user_code = base::json_text(out, "user_code");
    return out;
  }
  Parameters form() const {
    return {{"grant_type", std::string(kDeviceGrantName)}, {"device_code", device_code}};
  }
  std::string poll() { return scene.token(form(), kiosk.basic()); }
};

/// The portal's token is shown to a gateway, which asks the core, which asks the archive.
struct ExchangeScene {
  Scene scene;
  std::string gateway_resource = fresh_resource(), core_resource = fresh_resource(),
              archive_resource = fresh_resource();
  House::Registered gateway = system_at(gateway_resource), core = system_at(core_resource),
                    archive = system_at(archive_resource);

  std::string fresh_resource() {
    return "https://core.example/" + base::to_hex(scene.house.random.bytes(8));
  }
  House::Registered system_at(const std::string& resource) {
    return scene.house.new_client_with([&](NewClient& c) {
      c.grant_types = "urn:ietf:params:oauth:grant-type:token-exchange";
      c.redirect_uris = {};
      c.post_logout_redirect_uris = {};
      c.scopes = "";
      c.resource = resource;
    });
  }
  /// The portal's access token, exchanged by the portal itself for the gateway's system.
  std::string portal_token() {
    const auto portal = scene.house.new_client_with(
        [](NewClient& c) { c.grant_types += " urn:ietf:params:oauth:grant-type:token-exchange"; });
    scene.client = portal;
    own =
        std::string(base::json_text(scene.house.tokens_for(portal, scene.session), "access_token"));
    return own;
  }
  std::string own;
  Parameters form(const std::string& token, const std::string& resource) const {
    return {{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
            {"subject_token", token},
            {"subject_token_type", "urn:ietf:params:oauth:token-type:access_token"},
            {"resource", resource}};
  }
  /// For the gateway the portal's token is first exchanged by the portal.
  std::string exchange(const std::string& token, const House::Registered& by,
                       const std::string& resource, const Parameters& more = {}) {
    auto subject = token;
    if (token == own) subject = run(form(token, gateway_resource), scene.client);
    auto asked = form(subject, resource);
    asked.insert(asked.end(), more.begin(), more.end());
    return run(asked, by);
  }
  std::string run(const Parameters& asked, const House::Registered& by) {
    const auto reply = scene.house.provider.token(asked, by.basic());
    EXPECT_EQ(scene.house.error_of(reply), "");
    const auto* good = std::get_if<TokenReply>(&reply);
    if (good == nullptr) return "";
    const auto body = json(good->json);
    EXPECT_EQ(base::json_text(body, "issued_token_type"),
              "urn:ietf:params:oauth:token-type:access_token");
    return std::string(base::json_text(body, "access_token"));
  }
  rapidjson::Document told(const std::string& token, const House::Registered& by) {
    const auto reply = scene.house.provider.introspect({{"token", token}}, by.basic());
    return json(std::get<TokenReply>(reply).json);
  }
};

}  // namespace auth::test_house
