// Registrations as a client may hand them in (RFC 7591). What is taken is written so that it is
// taken again, and says the same.
#include "auth/client_metadata.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto unknown : {auth::UnknownMembers::refused, auth::UnknownMembers::ignored}) {
    const auto read = auth::read_client_metadata(text, unknown);
    if (!read.ok()) continue;
    base::check(read->secret.empty(), "nobody brings a secret of his own");
    const auto written = auth::client_metadata(*read);
    const auto again = auth::read_client_metadata(written, auth::UnknownMembers::refused);
    base::check(again.ok(), "what is written can be read");
    base::check(auth::client_metadata(*again) == written, "and says the same");
  }
  return 0;
}
