// The officers' ledger: one line for everything that was asked, approved, refused or done to the
// keys, each holding the hash of the line before it. What may be used, who may vote and how many
// are needed is nothing but what follows from its lines, so that whoever reads the ledger can check
// it again, years later, with public material only. LD/T 01-2020 6.2.5e; security.md §1.4.
//
//   {"at":…,"body":{…},"hash":…,"kind":…,"n":…,"prev":…,"sig":…,"v":1}
//
// A line is canonical JSON (RFC 8785). `hash` is SHA-256 over the line without hash and sig; `sig`
// (ES256 over "xinyin-ledger/1 " + hash, base64url) is by the token's key of purpose `audit`, from
// the moment there is one. A signature covers every line before it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hsm::officers {

inline constexpr std::size_t kMostLineBytes = 8 << 20;

struct Line {
  std::int64_t n = 0;
  base::Time at;
  std::string kind;  ///< genesis, request, vote, executing, done, failed, event
  std::string body;  ///< canonical JSON, an object
  base::Digest prev{}, hash{};
  std::string signature;  ///< base64url; empty: none

  std::string text() const;  ///< without a line end
  std::string signing_input() const;
};

/// A line that follows `prev`; hash computed, not signed.
Line make_line(std::int64_t n, base::Time at, std::string_view kind, std::string_view body,
               const base::Digest& prev);
/// A body of our own, canonical.
std::string ledger_body(const base::JsonWriter& out);
/// Errors: invalid_argument `hsm.officers.ledger`.
base::Result<Line> read_line(std::string_view text);

/// The file, held open and locked by one process. Not thread-safe.
class LedgerFile {
 public:
  /// Opens or makes it and hands every line to `each`, in order; an Error from there stops. A line
  /// torn by a crash was never acknowledged and is cut off. Errors: conflict `hsm.officers.ledger`
  /// when another process holds it; unavailable `hsm.officers.ledger` naming the line.
  static base::Result<std::unique_ptr<LedgerFile>> open(
      const std::filesystem::path& file,
      const std::function<base::Result<void>(const Line&)>& each);

  /// On the disk when it returns. Errors: unavailable `hsm.officers.ledger`; the file is then as
  /// before, or, when even that failed, broken() for good.
  base::Result<void> append(const Line& line);
  bool broken() const { return broken_; }
  std::int64_t lines() const { return lines_; }
  const base::Digest& head() const { return head_; }
  /// Lines from number `from` on, at most `most` and about 1 MiB, as they stand.
  /// Errors: unavailable `hsm.officers.ledger`.
  base::Result<std::vector<std::string>> read(std::int64_t from, std::size_t most) const;

 private:
  explicit LedgerFile(std::filesystem::path file) : file_(std::move(file)) {}
  base::Result<void> load(const std::function<base::Result<void>(const Line&)>& each);

  std::filesystem::path file_;
  base::UniqueFd fd_;
  std::vector<std::int64_t> offsets_;  ///< where each line begins
  std::int64_t size_ = 0;
  std::int64_t lines_ = 0;
  base::Digest head_{};
  bool broken_ = false;
};

}  // namespace hsm::officers
