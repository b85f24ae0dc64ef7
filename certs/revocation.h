// Revocation of the certificates of a path, from lists, as of a moment. RFC 5280 §6.3.
// Inside this room.
//
// We ask "was it revoked then": a list newer than the moment knows more about it than an older one.
// docs/decisions/0013-judging-chains.md, 0018-path-suites.md
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "certs/crl.h"
#include "certs/path.h"

namespace certs {

struct Revocation {
  bool known = false;                 ///< lists that reach to the moment cover all reasons
  std::optional<RevokedEntry> entry;  ///< the earliest, whether before the moment or after it
};

/// Judges one search's paths; the bound on signature checks is over all of them together.
class RevocationJudge {
 public:
  static constexpr std::size_t kMostChecks = 128;
  static constexpr std::size_t kMostLists = 1024;  ///< looked at, of those given

  /// Borrows all it is given. `extra` and `anchors.known` are where keys that sign only lists are
  /// looked for.
  RevocationJudge(std::span<const Crl> crls, std::span<const Certificate> extra,
                  const Anchors& anchors, base::Time at);

  /// Of `path[index]`, which is not the last. Per partition (issuing distribution point) the newest
  /// list that reaches to the moment counts, with the newest delta list that fits it; all reasons
  /// must be covered. A list may be signed by the authority above it in the path, or by another
  /// key of the same name that an authority of the same path certified for that (RFC 5280 §6.3.3
  /// (f)), itself in force and not revoked.
  Revocation of(const std::vector<Certificate>& path, std::size_t index);

  std::size_t checks() const { return checks_; }

 private:
  Revocation judge(const std::vector<Certificate>& path, std::size_t index, bool by_others);
  bool believed(const Crl& crl, const std::vector<Certificate>& path, std::size_t index,
                bool by_others);
  bool may_sign(const Certificate& signer, const std::vector<Certificate>& path, std::size_t index);
  bool signed_by(const Crl& crl, const Certificate& signer);

  std::span<const Crl> crls_;
  std::span<const Certificate> extra_;
  const Anchors anchors_;
  const base::Time at_;
  std::size_t checks_ = 0;
};

}  // namespace certs
