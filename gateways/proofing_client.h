// Proofing sources of others over HTTPS: docs/gateways.md. A comparing source and one that the
// person visits speak the same envelope.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "auth/proofing_source.h"
#include "base/clock.h"
#include "base/secret.h"
#include "gateways/breaker.h"

namespace gateways {

struct ProofingAddress {
  std::string name;    ///< as the history has it, e.g. "identity"
  std::string url;     ///< https://… (http at loopback, for a simulator)
  std::string key_id;  ///< who we are there
  std::chrono::milliseconds deadline{3'000};
  std::filesystem::path roots_file = {};  ///< empty: the system's
  bool production = true;                 ///< simulators' answers are none, and visits are https
};

/// Thread-safe; each question has a connection of its own. Whatever is no answer of the interface
/// (no connection, deadline, status, MAC, nonce, form) is `unavailable`, and after five in a row
/// nothing is asked for ten seconds.
class ProofingClient final : public auth::ProofingSource, public auth::VisitedSource {
 public:
  ProofingClient(ProofingAddress address, base::Secret secret, const base::Clock& clock,
                 const base::SteadyClock& steady, Breaker::Config breaker = {});
  std::string name() const override { return address_.name; }
  auth::ProofingAnswer ask(const auth::ProofingQuestion& question) const override;
  base::Result<Visit> begin(const auth::ProofingQuestion& question,
                            const std::string& return_address) const override;
  std::optional<auth::ProofingAnswer> result(const auth::ProofingQuestion& question,
                                             const std::string& ticket) const override;

 private:
  struct Reply;
  base::Result<Reply> call(std::string_view call, const auth::ProofingQuestion& question,
                           const std::vector<std::pair<std::string, std::string>>& more) const;
  const ProofingAddress address_;
  const base::Secret secret_;
  const base::Clock& clock_;
  mutable Breaker breaker_;
};

}  // namespace gateways
