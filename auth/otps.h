// One-time codes by text message (短信验证码). LD/T 01-2020 6.2.6a; domain rules: six digits, five
// minutes, five tries, once, bound to what they are for, to the browser and to the number.
//
// A code stands in the message and, as a keyed hash, in one row; it is never queued or kept in
// clear. The answer does not tell whether a number is anybody's.
#pragma once

#include <string>
#include <string_view>

#include "auth/sms_sender.h"
#include "base/clock.h"
#include "base/random.h"
#include "store/field_cipher.h"
#include "store/store.h"

namespace auth {

/// Thread-safe through its parts.
class Otps {
 public:
  /// Operators set these; they are no part of any standard.
  struct Config {
    std::chrono::seconds life{300}, resend_after{60};
    int per_phone_hour = 5, per_phone_day = 10, per_network_hour = 20;
    int tries = 5;
  };
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    SmsSender& sender;
    const base::Clock& clock;
    base::Random& random;
    Config config = {};
  };
  explicit Otps(Parts parts) : parts_(parts) {}

  /// `purpose` is a key of the catalogue ("web.code_for.login"): the message says it, so that who is
  /// phished can notice. `browser` is what the code is bound to (a session's id, a cookie's digest).
  /// Waits for the sender. An earlier code of the same purpose, browser and number is void.
  /// Errors: rate_limited `auth.sms.slow` with retry_after; those of SmsSender::send (the code is
  /// then void, and the try counts in no limit).
  base::Result<void> send(std::string_view purpose, std::string_view browser,
                          std::string_view phone, std::string_view network);
  /// Spends it. Of any number of answers at once one succeeds, and no more than five are looked at.
  /// Errors: unauthenticated `auth.code.wrong`, also for one that is over or was never sent.
  base::Result<void> check(std::string_view purpose, std::string_view browser,
                           std::string_view phone, std::string_view code);
  base::Result<std::int64_t> sweep(int most = 1000);

 private:
  base::Digest binding(std::string_view purpose, std::string_view browser,
                       std::string_view phone) const;
  base::Digest digest(std::string_view id, std::string_view code) const;
  Parts parts_;
};

}  // namespace auth
