// The proofing sources that the configuration names, and auth's proofing on top of them.
#pragma once

#include "api/handlers.h"
#include "base/clock.h"
#include "gateways/proofing_client.h"

namespace api {

struct ProofingSources {
  base::SystemSteadyClock steady;
  std::unique_ptr<gateways::ProofingClient> identity, association, social_card, face,
      network_id;
};

/// Errors: unavailable `config.secret_file`.
base::Result<std::shared_ptr<const ProofingSources>> build_proofing_sources(Services& services);
/// On what is built of `rooms` by then.
std::shared_ptr<auth::Proofings> build_proofings(Services& services, const Lasting& rooms);

}  // namespace api
