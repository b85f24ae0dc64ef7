// The way to a telephone: auth says what it needs, gateways bring it. LD/T 01-2020 6.2.6a.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace auth {

/// Carriers send nothing but templates that they have approved, filled with values.
struct TextMessage {
  std::string phone;     ///< as auth/contact_numbers.h writes it: "13812345678", "+85291234567"
  std::string template_name;  ///< "code", "notice": which approved text
  std::vector<std::pair<std::string, std::string>> values;
};

/// Thread-safe.
class SmsSender {
 public:
  virtual ~SmsSender() = default;
  /// Whether there is a carrier at all.
  virtual bool offered() const { return true; }
  /// The carrier's reference. Errors: unavailable `auth.sms.away` (not taken, perhaps later);
  /// invalid_argument `auth.sms.number` (this number takes none); rate_limited `auth.sms.slow`
  /// (the carrier's own limits).
  virtual base::Result<std::string> send(const TextMessage& message) = 0;
};

}  // namespace auth
