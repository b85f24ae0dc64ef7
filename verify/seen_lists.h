// The newest trust list that a verifier has seen, a root, kept in a file: an older one, handed in
// again with its good signature, would undo what has been revoked since. Monotonic state of
// docs/decisions/0014-trust-list.md.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "certs/trust_list.h"

namespace verify {

/// The state itself. Its text is JSON in one form; at most 1024 roots.
class SeenLists {
 public:
  /// Errors: invalid_argument `verify.seen.malformed`.
  static base::Result<SeenLists> parse(std::string_view text);
  std::string text() const;

  /// Takes the list in, unless it is older than the one seen of its root, or another one of the
  /// same number; true when the state changed. Errors: conflict `verify.seen.older` (args seen,
  /// given), `verify.seen.other` (args seen); unavailable `verify.seen.full`.
  base::Result<bool> take(const certs::TrustList& list);

 private:
  struct Seen {
    std::int64_t sequence = 0;
    base::Time issued;
  };
  std::map<base::Digest, Seen> seen_;  // by SHA-256 of the first root
};

/// take() on the state in `file`, which is made when it is not there, and its directory with it;
/// several processes wait for each other (`file`.lock). Errors: as above, and unavailable
/// `verify.seen.file` (args path, why) when it cannot be read or written.
base::Result<void> remember(const std::filesystem::path& file, const certs::TrustList& list);

}  // namespace verify
