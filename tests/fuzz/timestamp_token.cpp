// RFC 3161 on both sides: tokens as documents carry them, requests as clients send them.
#include "base/check.h"
#include "certs/der.h"
#include "certs/oids.h"
#include "certs/timestamp.h"
#include "tests/support/pki.h"

namespace {

struct World {
  test::Pki pki;
  base::Digest digest = base::sha256(base::as_bytes("fuzz"));
};

World& world() {
  static World one;
  return one;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto& [pki, digest] = world();
  const base::BytesView octets(data, size);
  // The corpus comes from another PKI: nothing in it may ever be trusted by this one.
  const auto status = certs::judge_timestamp(octets, digest, pki.list());
  base::check(status.chain.answer != certs::ChainAnswer::trusted,
              "a token that this authority never made is trusted");
  const auto answer = pki.timestamps().answer(octets);
  base::check(answer.ok() && certs::der::is_strict(*answer), "an answer is not DER");
  return 0;
}
