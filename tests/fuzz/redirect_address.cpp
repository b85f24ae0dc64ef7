// Addresses that somebody would like to have registered, and values that go into them. What may be
// registered cannot split a header, and what is added to it can be read back.
#include <algorithm>

#include "auth/redirect.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  base::check(auth::form_decode(auth::percent_encode(text)) == text, "encoding loses something");
  if (const auto decoded = auth::form_decode(text))
    base::check(auth::form_decode(auth::percent_encode(*decoded)) == decoded, "decoding is lossy");

  const auto host = auth::registrable_host(text);
  if (!host) return 0;
  const auto secure = text.starts_with("https://");
  base::check(secure || auth::is_loopback(*host), "plain http outside this machine");
  const auto authority = text.substr(secure ? 8 : 7);
  base::check(authority.starts_with(*host), "the host is what stands behind the scheme");
  const auto behind = authority.substr(host->size());
  base::check(behind.empty() || behind[0] == ':' || behind[0] == '/' || behind[0] == '?',
              "the host ends where a browser ends it");
  const auto location = auth::with_query(text, {{"state", std::string(text)}, {"code", "x"}});
  base::check(location.starts_with(text) && location.ends_with("code=x"), "the address is kept");
  base::check(
      std::all_of(location.begin(), location.end(), [](char c) { return c > ' ' && c <= '~'; }),
      "a header could be split");
  return 0;
}
