// Makes the seed corpus of the fuzz target ses, and the trust list that it judges by:
//   ninja make_ses_corpus && bin/make_ses_corpus tests/fuzz/corpus/ses
// Files named genuine-* are genuine at 2026-11-24T03:00:00Z; the target holds that nothing else is.
#include <fstream>

#include "certs/der.h"
#include "tests/seal/ses_house.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  namespace der = certs::der;
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  const auto write = [&](const std::filesystem::path& path, base::BytesView content) {
    std::ofstream(path, std::ios::binary) << base::as_text(content);
  };
  test::SesHouse house;
  const auto now = house.now();
  const auto stamped = [&](test::RawSignature signature) {
    const auto value = signature.sign(signature.to_sign());
    signature.signature = der::bits(value);
    signature.token = test::ses_token(house.pki.timestamps(), value);
    return signature.encode();
  };
  // The authority's clock goes forward alone, so the seal comes first.
  auto seal = house.raw_seal(5);
  const auto value = seal.sign(seal.info());
  seal.signature = der::bits(value);
  house.pki.clock().set(now - std::chrono::hours(2));
  seal.token = test::ses_token(house.pki.timestamps(), value);
  house.pki.clock().set(now);
  write(directory / "seal-v5-stamped", seal.encode());
  for (const int version : {1, 4, 5}) {
    const auto name = "v" + std::to_string(version);
    const auto plain = house.raw_seal(version).encode();
    write(directory / ("seal-" + name), plain);
    write(directory / ("genuine-" + name), house.raw_signature(version, plain).encode());
  }
  write(directory / "genuine-v4-digests-stamped",
        stamped(house.raw_signature(4, house.raw_seal(4, true).encode())));
  write(directory / "genuine-v5-stamped", stamped(house.raw_signature(5, seal.encode())));
  auto extended = house.raw_seal(5, true);
  extended.extensions = der::sequence(
      {der::sequence({der::oid("1.2.3.4"), der::boolean(true), der::octets(base::Bytes(3))})});
  auto odd = house.raw_signature(5, extended.encode());
  odd.extensions = der::value(0xA0, extended.extensions);
  write(directory / "extended", odd.encode());
  write(directory / "bare-signature", odd.to_sign());
  const auto trust = house.signed_trust();
  write(directory.parent_path().parent_path() / "ses.jws", base::as_bytes(trust));
  return 0;
}
