#include "hsm/wrapped_key.h"

#include "hsm/mechanisms.h"

namespace hsm {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

base::Bytes wrapping_bound(const KeyInfo& key) {
  base::Bytes out = base::to_bytes(base::as_bytes("xinyin key wrapping 1"));
  for (const auto part :
       {base::as_bytes(key.label), base::as_bytes(to_string(key.purpose)),
        base::as_bytes(to_string(key.algorithm)), base::BytesView(key.public_key)}) {
    for (int shift = 24; shift >= 0; shift -= 8)
      out.push_back(static_cast<std::uint8_t>(part.size() >> shift));
    base::append(out, part);
  }
  return out;
}

std::optional<Wrapping> wrapping_parts(base::BytesView wrapped) {
  if (wrapped.size() != 1 + p11::kGcmIvSize + kScalarSize + p11::kGcmTagSize ||
      wrapped[0] != kVersion)
    return std::nullopt;
  return Wrapping{wrapped.subspan(1, p11::kGcmIvSize), wrapped.subspan(1 + p11::kGcmIvSize)};
}

base::Bytes wrapping_of(base::BytesView iv, base::BytesView sealed) {
  base::Bytes out{kVersion};
  base::append(out, iv);
  base::append(out, sealed);
  return out;
}

}  // namespace hsm
