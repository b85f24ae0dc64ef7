#include "auth/totp.h"

#include <botan/base32.h>
#include <botan/hotp.h>

#include <algorithm>

#include "auth/redirect.h"

namespace auth {

std::optional<std::int64_t> totp_step(base::BytesView secret, std::string_view code,
                                      base::Time now) {
  const bool well_formed =
      code.size() == kTotpDigits &&
      std::all_of(code.begin(), code.end(), [](char c) { return c >= '0' && c <= '9'; });
  std::uint32_t number = 0;
  for (const char c : code.substr(0, kTotpDigits))
    number = number * 10 + (well_formed ? static_cast<std::uint32_t>(c - '0') : 0);
  Botan::HOTP codes(secret.data(), secret.size(), "SHA-1", kTotpDigits);
  const auto current = base::to_unix_s(now) / kTotpStep_s;
  std::optional<std::int64_t> found;
  for (const auto step : {current - 1, current, current + 1}) {
    const auto right = codes.generate_hotp(static_cast<std::uint64_t>(step));
    // The latest step that fits is the one that is spent.
    if ((right ^ number) == 0 && well_formed) found = step;
  }
  return found;
}

std::string to_base32(base::BytesView bytes) {
  auto out = Botan::base32_encode(bytes.data(), bytes.size());
  out.erase(out.find_last_not_of('=') + 1);
  return out;
}

std::string totp_address(base::BytesView secret, std::string_view issuer,
                         std::string_view account) {
  const auto label = percent_encode(issuer) + ":" + percent_encode(account);
  return "otpauth://totp/" + label + "?secret=" + to_base32(secret) +
         "&issuer=" + percent_encode(issuer) + "&algorithm=SHA1&digits=6&period=30";
}

}  // namespace auth
