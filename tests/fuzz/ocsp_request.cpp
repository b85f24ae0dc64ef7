// Questions about revocation, as anybody may send them. What is taken keeps the limits that the
// answer and the look-up rely on.
#include "base/check.h"
#include "base/encoding.h"
#include "certs/ocsp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = certs::parse_ocsp_request({data, size});
  if (!request) return 0;
  const std::size_t hash = request->hash == certs::OcspHash::sha1 ? 20 : 32;
  base::check(size <= 2048 && request->name_hash.size() == hash && request->key_hash.size() == hash,
              "a digest of another length");
  const auto serial = base::from_hex(request->serial_hex);
  base::check(serial && !serial->empty() && serial->size() <= 20, "a serial number out of bounds");
  base::check(request->nonce.size() <= 32, "a nonce out of bounds");
  return 0;
}
