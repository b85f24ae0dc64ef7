// The only sources of chance.
#pragma once

#include <span>

#include "base/bytes.h"

namespace base {

/// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  /// Fills `out` with bytes that cannot be guessed.
  virtual void fill(std::span<std::uint8_t> out) = 0;

  Bytes bytes(std::size_t count) {
    Bytes out(count);
    fill(out);
    return out;
  }
};

/// The kernel's generator (getrandom). Stops the program if the kernel refuses.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

}  // namespace base
