// The officers' ledger followed from its first line: the chain, the rules, the signatures, with
// nothing but what stands in it. For the mirror, and for whoever audits a copy. Target
// xinyin_certs_ledger.
#pragma once

#include <string>
#include <string_view>

#include "hsm/officers/state.h"
#include "store/audit.h"

namespace certs {

/// For one thread.
class LedgerReplay {
 public:
  /// Is this the line that comes next, by its number, its chain and its own hash? Changes nothing.
  /// Errors: conflict `certs.ledger_line`, with `line` and `why`.
  base::Result<hsm::officers::Line> next(std::string_view text) const;
  /// Takes such a line if the rules of the moment allowed it. After an Error nothing has changed.
  /// Errors: as next().
  base::Result<void> apply(const hsm::officers::Line& line, std::string_view text);
  /// Both.
  base::Result<void> take(std::string_view text);

  std::int64_t lines() const { return lines_; }
  const base::Digest& head() const { return head_; }     ///< hash of the last line
  const std::string& last() const { return last_; }      ///< its text
  std::int64_t signed_lines() const { return signed_; }  ///< whose own signature was good
  std::int64_t signed_to() const { return signed_to_; }  ///< the last of these; 0: none
  const hsm::officers::State& state() const { return state_; }
  /// SHA-256 of the founding document; nothing before the first line.
  std::optional<base::Digest> genesis() const;

 private:
  hsm::officers::State state_;
  std::int64_t lines_ = 0, signed_ = 0, signed_to_ = 0;
  base::Digest head_{};
  std::string last_;
};

/// The audit row that goes with a line: who, what, to which request or key, with which outcome;
/// never the content of what is signed. The line was taken by a LedgerReplay.
store::AuditEntry ledger_entry(const hsm::officers::Line& line, base::Time at);

}  // namespace certs
