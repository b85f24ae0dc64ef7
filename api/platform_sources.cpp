#include "api/platform_sources.h"

namespace api {

base::Result<std::shared_ptr<const PlatformSources>> build_platform_sources(Services& services) {
  using Proof = gateways::PlatformAddress::Proof;
  auto out = std::make_shared<PlatformSources>();
  for (const auto& each : services.config.platforms) {
    base::Secret secret;
    auto proof = Proof::none;
    if (!each.secret_file.empty()) {
      BASE_TRY(secret, base::Secret::from_file(each.secret_file));
      proof = each.auth_method == "client_secret_post" ? Proof::post : Proof::basic;
    }
    out->clients.push_back(std::make_unique<gateways::PlatformClient>(
        gateways::PlatformAddress{each.id, each.token_url, each.keys_url, each.client_id, proof,
                                  each.deadline, each.roots_file},
        std::move(secret), out->steady));
  }
  return std::shared_ptr<const PlatformSources>(std::move(out));
}

std::shared_ptr<auth::Platforms> build_platforms(Services& services, const Lasting& rooms) {
  std::vector<auth::Platform> platforms;
  const auto& settings = services.config.platforms;
  for (std::size_t i = 0; i < rooms.platform_sources->clients.size(); ++i) {
    const auto& each = settings[i];
    auth::Platform one;
    one.id = each.id;
    one.name_zh = each.name_zh;
    one.name_en = each.name_en;
    one.issuer = each.issuer;
    one.authorize_url = each.authorize_url;
    one.token_url = each.token_url;
    one.client_id = each.client_id;
    one.algorithm = each.algorithm;
    one.by_key = each.auth_method == "private_key_jwt";
    one.tells_issuer = each.tells_issuer;
    one.login_age = each.login_age;
    one.two_kinds = each.two_kinds;
    one.source = rooms.platform_sources->clients[i].get();
    platforms.push_back(std::move(one));
  }
  return std::make_shared<auth::Platforms>(
      auth::Platforms::Parts{services.pool, *rooms.cipher, *rooms.notices, *rooms.provider,
                             services.clock, services.random, services.config.public_url},
      std::move(platforms));
}

}  // namespace api
