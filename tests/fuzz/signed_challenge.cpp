// Answers to a certificate challenge as anybody may send them. Nobody here holds a key for the text
// that is asked for, so none is a signature over it; the corpus signs "fuzz\n".
#include "auth/certificates.h"
#include "auth/signed_challenge.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view sent(reinterpret_cast<const char*>(data), size);
  base::check(!auth::read_signed_challenge(sent, "another text\n").ok(),
              "a signature over a text that nobody signed");
  const auto read = auth::read_signed_challenge(sent, "fuzz\n");
  if (read.ok()) {
    base::check(size <= auth::kSignedChallengeMost && read->others.size() <= 8, "past the limits");
    (void)auth::numbers_in(read->signer).size();
  }
  const auto leaf = certs::Certificate::from_der(base::as_bytes(sent));
  if (leaf.ok())
    for (const auto& number : auth::numbers_in(*leaf))
      base::check(!number.empty() && number.size() <= 64, "a number past the limit");
  return 0;
}
