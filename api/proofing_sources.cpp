#include "api/proofing_sources.h"

#include "base/messages.h"

namespace api {
namespace {

base::Result<void> open(Services& services, const base::SteadyClock& steady, const char* name,
                        const Config::Proofing::Source& source,
                        std::unique_ptr<gateways::ProofingClient>& out) {
  if (source.url.empty()) return {};
  BASE_TRY(auto secret, base::Secret::from_file(source.secret_file));
  const auto& config = services.config;
  out = std::make_unique<gateways::ProofingClient>(
      gateways::ProofingAddress{name, source.url, source.key_id, config.proofing.deadline,
                                config.proofing.roots_file, config.production},
      std::move(secret), services.clock, steady);
  return {};
}

}  // namespace

base::Result<std::shared_ptr<const ProofingSources>> build_proofing_sources(Services& services) {
  const auto& config = services.config.proofing;
  auto out = std::make_shared<ProofingSources>();
  BASE_TRY_VOID(open(services, out->steady, "identity", config.identity, out->identity));
  BASE_TRY_VOID(open(services, out->steady, "association", config.association, out->association));
  BASE_TRY_VOID(open(services, out->steady, "social-card", config.social_card, out->social_card));
  BASE_TRY_VOID(open(services, out->steady, "face", config.face, out->face));
  BASE_TRY_VOID(open(services, out->steady, "network-id", config.network_id, out->network_id));
  return std::shared_ptr<const ProofingSources>(std::move(out));
}

std::shared_ptr<auth::Proofings> build_proofings(Services& services, const Lasting& rooms) {
  const auto& sources = *rooms.proofing_sources;
  auth::Proofings::Config config;
  config.life = services.config.proofing.life;
  config.network_id_level = static_cast<auth::Proofing>(services.config.proofing.network_id_level);
  config.face_consent = base::message("web.proofing.face.consent", base::Language::zh) + "\n" +
                        base::message("web.proofing.face.consent", base::Language::en);
  return std::make_shared<auth::Proofings>(auth::Proofings::Parts{
      services.pool,
      *rooms.cipher,
      *rooms.accounts,
      services.clock,
      services.random,
      {sources.identity.get(), sources.association.get(), sources.social_card.get(),
       sources.face.get(), services.config.proofing.certificates, sources.network_id.get(),
       services.config.proofing.network_id_face, services.config.proofing.network_id_tells},
      std::move(config)});
}

}  // namespace api
