// Trust lists as anyone may hand them in. First the text as it is; then the octets as the payload
// of a list whose header and shape are right, so that the fuzzer gets past the frame. What is
// accepted must write itself back to the same text.
#include "certs/trust_list.h"
#include "base/check.h"
#include "base/encoding.h"
#include "certs/trust_list_text.h"

namespace {

void read(std::string_view jws) {
  const auto list = certs::TrustList::parse(jws);
  if (!list) return;
  const auto first = jws.find('.');
  const auto payload = jws.substr(first + 1, jws.rfind('.') - first - 1);
  base::check(base::to_base64url(base::as_bytes(certs::trust_list_payload(*list))) == payload,
              "an accepted list has another text");
  base::check(certs::check_consistent(*list).ok(), "an accepted list is not consistent");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::BytesView octets(data, size);
  read(base::as_text(octets));
  read(base::to_base64url(base::as_bytes(certs::kTrustListHeader)) + "." +
       base::to_base64url(octets) + "." + std::string(86, 'A'));
  return 0;
}
