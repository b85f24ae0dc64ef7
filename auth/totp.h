// Time codes of an authenticator app. RFC 6238, RFC 4226.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"

namespace auth {

constexpr std::size_t kTotpSecretBytes = 20;  // RFC 4226 §4 R6
constexpr int kTotpDigits = 6, kTotpStep_s = 30;

/// The step in which `code` is right, of the one now, the one before and the one behind (RFC 6238
/// §5.2); nothing when it is wrong. The work is the same in either case.
std::optional<std::int64_t> totp_step(base::BytesView secret, std::string_view code,
                                      base::Time now);
/// The address that an authenticator app reads out of a QR: SHA-1, six digits, thirty seconds,
/// because apps ignore anything else.
std::string totp_address(base::BytesView secret, std::string_view issuer,
                         std::string_view account);
/// RFC 4648 §6 without padding, as apps take it by hand.
std::string to_base32(base::BytesView bytes);

}  // namespace auth
