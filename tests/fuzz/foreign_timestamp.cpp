// What a time-stamp authority of others may answer: anything. Nothing in the corpus was asked by
// this nonce of this root, so nothing may ever be taken.
#include "certs/foreign_timestamp.h"
#include "base/check.h"
#include "tests/support/pki.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::Pki pki;
  static const certs::ForeignAuthorities accepted{{pki.certificate("root-ca")}, {}};
  static const auto digest = base::sha256(base::as_bytes("fuzz"));
  static const base::Bytes nonce(16, 0x41);
  const auto token = certs::take_timestamp({data, size}, digest, nonce, accepted, pki.start());
  base::check(!token.ok() && token.error().key == "certs.foreign_timestamp",
              "an answer that nobody gave us was taken");
  return 0;
}
