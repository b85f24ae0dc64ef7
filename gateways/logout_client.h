// Logout tokens to the clients' own addresses, over HTTP. OpenID Connect Back-Channel Logout 1.0.
//
// The addresses come from clients, so they lead nowhere that a client could not reach by itself
// (gateways/connection.h). No redirect is followed; of the answer the status counts alone.
#pragma once

#include <chrono>
#include <string>

#include "auth/logout_sender.h"
#include "gateways/connection.h"

namespace gateways {

/// Thread-safe; each post has a connection of its own.
class LogoutClient final : public auth::LogoutSender {
 public:
  struct Config {
    std::chrono::milliseconds deadline{5'000};  ///< but for the look-up of the name
    bool loopback_allowed = false;  ///< for demonstrations alone: http and https at loopback
    std::string roots_file = {};    ///< PEM; empty: the system's
    Resolver resolver = {};         ///< empty: the system's
  };
  explicit LogoutClient(Config config);
  base::Result<int> post(const std::string& uri, const std::string& form) const override;

 private:
  const Config config_;
};

}  // namespace gateways
