// What auth asks of a third-party platform (第三方平台) whose accounts log people in: the two calls of an
// OpenID relying party that leave the house. gateways/ implements it. LD/T 01-2020 5.4.1.4c, 6.2.6c.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace auth {

/// One platform's endpoints. Thread-safe.
class PlatformSource {
 public:
  virtual ~PlatformSource() = default;
  struct Reply {
    int status = 0;
    std::string body;  ///< JSON, by its media type
  };
  /// Its token endpoint's answer to this form, whatever it says; who asks is added by the source
  /// where that takes a secret. Errors: unavailable `auth.platform.trouble`: no connection, too
  /// late, too large, a redirect, not JSON.
  virtual base::Result<Reply> redeem(
      const std::vector<std::pair<std::string, std::string>>& form) const = 0;
  /// The set of keys that its ID tokens are signed with, as published. Errors: as redeem().
  virtual base::Result<std::string> keys() const = 0;
};

}  // namespace auth
