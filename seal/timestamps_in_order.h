// Several sources of time stamps, tried one after the other.
#pragma once

#include <vector>

#include "base/check.h"
#include "seal/timestamp_source.h"

namespace seal {

/// Thread-safe. The sources, at least one, must outlive it.
class TimestampsInOrder final : public TimestampSource {
 public:
  explicit TimestampsInOrder(std::vector<const TimestampSource*> sources)
      : sources_(std::move(sources)) {
    base::check(!sources_.empty(), "no source of time stamps");
  }
  /// The first stamp to be had; the last source's error when there is none.
  base::Result<base::Bytes> stamp(const base::Digest& digest) const override {
    for (std::size_t i = 0;; ++i) {
      auto token = sources_[i]->stamp(digest);
      if (token.ok() || i + 1 == sources_.size()) return token;
    }
  }

 private:
  const std::vector<const TimestampSource*> sources_;
};

}  // namespace seal
