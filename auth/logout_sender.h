// What auth needs of the outside to tell clients that a session ended: gateways/ implements it.
// OpenID Connect Back-Channel Logout 1.0 §2.5.
#pragma once

#include <string>

#include "base/result.h"

namespace auth {

/// Thread-safe.
class LogoutSender {
 public:
  virtual ~LogoutSender() = default;
  /// POSTs `form` (application/x-www-form-urlencoded) to an address that a client registered; gives
  /// the status of the answer. Errors: unavailable `gateways.logout` (no answer in time);
  /// permission_denied `gateways.address` (it leads where nothing of ours may go).
  virtual base::Result<int> post(const std::string& uri, const std::string& form) const = 0;
};

}  // namespace auth
