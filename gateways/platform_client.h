// A third-party platform's endpoints over HTTPS: its token endpoint and its keys. OpenID Connect
// Core §3.1.3, §10.1.1; docs/gateways.md.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "auth/platform_source.h"
#include "base/clock.h"
#include "base/secret.h"
#include "gateways/breaker.h"

namespace gateways {

struct PlatformAddress {
  std::string name;  ///< for the log
  std::string token_url, keys_url;
  std::string client_id;
  /// How the secret is sent (RFC 6749 §2.3.1); none: whoever asks proves himself in the form.
  enum class Proof { basic, post, none } proof = Proof::basic;
  std::chrono::milliseconds deadline{3'000};
  std::filesystem::path roots_file = {};  ///< PEM; empty: the system's
};

/// Thread-safe; each call has a connection of its own. Whatever is no JSON answer in time is
/// `auth.platform.trouble`, and after five in a row nothing is asked for ten seconds.
class PlatformClient final : public auth::PlatformSource {
 public:
  PlatformClient(PlatformAddress address, base::Secret secret, const base::SteadyClock& steady,
                 Breaker::Config breaker = {});
  base::Result<Reply> redeem(
      const std::vector<std::pair<std::string, std::string>>& form) const override;
  base::Result<std::string> keys() const override;

 private:
  struct Sent;
  base::Result<Reply> call(const Sent& sent) const;
  const PlatformAddress address_;
  const base::Secret secret_;
  mutable Breaker breaker_;
};

}  // namespace gateways
