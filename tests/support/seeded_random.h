// Bytes that look random and are the same in every run. For tests alone.
#pragma once

#include <cstring>
#include <mutex>

#include "base/digest.h"
#include "base/random.h"

namespace test {

/// SHA-256 of seed and counter, one block after the other. Thread-safe.
class SeededRandom final : public base::Random {
 public:
  explicit SeededRandom(std::uint64_t seed = 1) : seed_(seed) {}

  void fill(std::span<std::uint8_t> out) override {
    const std::lock_guard lock(mutex_);
    for (auto& byte : out) {
      if (used_ == block_.size()) {
        std::uint8_t input[16];
        std::memcpy(input, &seed_, 8);
        std::memcpy(input + 8, &counter_, 8);
        ++counter_;
        block_ = base::sha256(base::BytesView(input, sizeof input));
        used_ = 0;
      }
      byte = block_[used_++];
    }
  }

 private:
  std::mutex mutex_;  ///< protects what follows
  const std::uint64_t seed_;
  std::uint64_t counter_ = 0;
  base::Digest block_{};
  std::size_t used_ = block_.size();
};

}  // namespace test
