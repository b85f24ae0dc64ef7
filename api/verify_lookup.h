// Asking the register and the judge: what the JSON side and the pages of verification share.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "api/handlers.h"
#include "verify/code.h"
#include "verify/verdict.h"

namespace api {

/// From memory, or from the register itself; null when nobody issued it.
/// Errors: unavailable when the code is not in memory and the database does not answer.
base::Result<std::shared_ptr<const verify::Entry>> look_up(Services& services,
                                                           const verify::DocumentCode& code);

struct JudgedFile {
  verify::Verdict verdict;
  std::shared_ptr<const verify::Entry> entry;  ///< what the register knows of exactly these bytes
  bool register_asked = false;                 ///< false: the register could not be asked
};
/// Errors: unavailable `api.no_trust_list`.
base::Result<JudgedFile> judge_file(Services& services, base::BytesView file);

/// Ready-made JSON of verdicts on known codes, so that a popular code costs a copy.
///
/// An answer is good while the snapshot's newest change is the one it was made at, and for a few
/// seconds at most. Bounded; thread-safe.
class VerdictCache {
 public:
  struct Ready {
    std::string head;  ///< the JSON up to the moment of checking
    std::int64_t newest_change = 0;
    base::Time made_at;
    std::optional<base::Time> turns_at;  ///< when validity ends: the answer changes then
  };
  std::shared_ptr<const Ready> find(const verify::CodeDigest& code) const;
  void put(const verify::CodeDigest& code, std::shared_ptr<const Ready> ready);

 private:
  static constexpr std::size_t kShards = 16, kMostPerShard = 1'024;
  struct Hash {
    std::size_t operator()(const verify::CodeDigest& code) const;
  };
  struct Shard {
    mutable std::shared_mutex mutex;  // protects ready
    std::unordered_map<verify::CodeDigest, std::shared_ptr<const Ready>, Hash> ready;
  };
  Shard& shard(const verify::CodeDigest& code) { return shards_[code[0] % kShards]; }
  std::array<Shard, kShards> shards_;
};

}  // namespace api
