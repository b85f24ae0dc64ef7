// A ZIP file with nothing in it that chance or the clock could change. APPNOTE 6.3.10 §4.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"

namespace seal::ofd {

/// An entry ready to be written: packed, and with the digest that a seal signs. Immutable.
struct Packed {
  std::string name;
  std::uint32_t crc = 0;
  std::size_t size = 0;  ///< unpacked
  bool deflated = false;
  base::Bytes bytes;
  base::Digest sm3{};
};

/// Deflated when that is shorter.
std::shared_ptr<const Packed> pack(std::string name, base::BytesView content);

/// In the order given, each with the date that means none (1980-01-01).
base::Bytes write_zip(const std::vector<std::shared_ptr<const Packed>>& entries);

}  // namespace seal::ofd
