// Remembers facts that never change: what octets parse to, that a key made a signature. Inside this
// room.
//
// Why: each judgement meets the same few authorities and lists, and a signature check costs as much
// as making one. Only good outcomes are kept, under a SHA-256 of everything they depend on, so a
// memory hit says what the computation would have said; times and revocation are never in it.
// Bounded: two generations, the older one dropped when the younger is full; hostile input costs
// time, not memory. docs/decisions/0013-judging-chains.md
#pragma once

#include <cstring>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/digest.h"

namespace certs {

/// Thread-safe.
template <class Value>
class Memo {
 public:
  explicit Memo(std::size_t generation) : generation_(generation) {}

  std::optional<Value> find(const base::Digest& key) {
    const std::lock_guard lock(mutex_);
    if (const auto it = young_.find(key); it != young_.end()) return it->second;
    const auto it = old_.find(key);
    if (it == old_.end()) return std::nullopt;
    auto value = it->second;
    put(key, value);
    return value;
  }
  void keep(const base::Digest& key, Value value) {
    const std::lock_guard lock(mutex_);
    put(key, std::move(value));
  }

 private:
  struct Hash {
    std::size_t operator()(const base::Digest& digest) const {
      std::size_t out;
      std::memcpy(&out, digest.data(), sizeof out);
      return out;
    }
  };

  void put(const base::Digest& key, Value value) {
    if (young_.size() >= generation_) {
      old_ = std::move(young_);
      young_.clear();
    }
    young_.insert_or_assign(key, std::move(value));
  }

  const std::size_t generation_;
  std::mutex mutex_;  ///< protects what follows
  std::unordered_map<base::Digest, Value, Hash> young_, old_;
};

}  // namespace certs
