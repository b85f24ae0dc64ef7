// Walking the audit trail: the chain of hashes, and the signed heads on the way. The same walk
// judges a database (verify_audit) and an export (store/audit_export.h); it holds no more than a
// row.
//
// What it finds is named: the first link that does not fit, and what is wrong with it. A chain
// alone shows a change by somebody who cannot rewrite all that follows; the signed heads show one
// by somebody who can. What comes after the newest signed head is held by the chain alone, and the
// report says how much that is.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/audit_head.h"

namespace store {

struct AuditRow {
  std::int64_t seq = 0;
  base::Time at;
  std::string actor, act, object, outcome, facts;
  base::Digest previous{}, hash{};
};

/// The hash that a row should carry; docs/audit.md has it to the byte.
base::Digest audit_hash(const AuditRow& row);

struct AuditBreak {
  std::string key;       ///< message-catalogue key, e.g. "store.audit_row_altered"
  std::int64_t seq = 0;  ///< of the row or signed head; the line of a file
  std::vector<std::pair<std::string, std::string>> args;  ///< for the catalogue text
};

struct AuditReport {
  std::int64_t first = 1;       ///< row that the walk began with
  std::int64_t rows = 0;        ///< that fit
  base::Digest hash{};          ///< of the last of these
  std::int64_t heads = 0;       ///< signed heads that fit
  std::int64_t vouched = 0;     ///< of these, whose signature was checked and is good
  std::int64_t signed_seq = 0;  ///< row of the last of these; 0: none
  base::Time signed_at;         ///< and when it was signed
  std::optional<AuditBreak> chain_break, heads_break;

  std::int64_t last() const { return first + rows - 1; }
  bool whole() const { return !chain_break && !heads_break; }
};

/// What somebody who knows keys says of a head's signature.
enum class HeadVouch { good, wrong_signature, unknown_key, outside_life, not_asked };
using HeadJudge = std::function<HeadVouch(const SignedHead&)>;

/// A head that was kept elsewhere: the trail must still hold it.
struct KnownHead {
  std::int64_t seq = 0;
  base::Digest hash{};
};

struct AuditExpectations {
  HeadJudge judge;  ///< none: signatures are not looked at
  std::vector<KnownHead> known;
};

/// Fed in order: a row, then the signed heads of that row. For one thread.
class AuditWalk {
 public:
  /// `previous`: the hash of the row before `first`; zeros when that is 1.
  explicit AuditWalk(AuditExpectations expect, std::int64_t first = 1,
                     const base::Digest& previous = {});

  /// False when the chain is broken: there is nothing to be learnt from what follows.
  bool row(const AuditRow& row);
  void head(const SignedHead& head);
  /// A signed head of the row just walked that is none: its text or what goes with it is wrong.
  void bad_head(std::int64_t seq);
  /// The walk is over: what is known to have been further on?
  void end();
  /// The trail's head names another last row.
  void end_differs(AuditBreak how);

  const AuditReport& report() const { return report_; }

 private:
  void diagnose(const AuditRow& row);
  void row_of_head(const AuditRow& row);
  void check_known(std::int64_t seq);
  void break_chain(const char* key, std::int64_t seq,
                   std::vector<std::pair<std::string, std::string>> args = {});
  void break_heads(const char* key, std::int64_t seq,
                   std::vector<std::pair<std::string, std::string>> args = {});

  AuditExpectations expect_;
  AuditReport report_;
  base::Digest before_{};  ///< hash of the row before the last
  std::int64_t newest_head_ = 0;
  std::int64_t ahead_ = 0;                       ///< a head that came before its row
  std::int64_t early_ = 0;                       ///< a head that was told of before its row
  std::map<std::int64_t, base::Digest> untold_;  ///< heads whose audit row is still to come
};

/// Rows and signed heads of a database in order, a page at a time, up to where the trail stood at
/// open(). For one thread.
class AuditPages {
 public:
  /// From row `first` on. Errors: as audit_state.
  static base::Result<AuditPages> open(Pool& pool, std::int64_t first = 1);

  struct Item {
    AuditRow row;
    std::optional<SignedHead> head;  ///< of that row
    bool bad_head = false;           ///< there is one, and it is none
    std::string head_jws;            ///< its text as it stands
  };
  /// The next page; empty at the end. Errors: as Pool::run.
  base::Result<std::vector<Item>> next();

  /// Signed heads of rows that are not there (any more): their texts, at most a page of them.
  base::Result<std::vector<std::string>> heads_beyond();

  std::int64_t last() const { return last_; }              ///< row that the trail's head names
  std::int64_t newest_row() const { return newest_row_; }  ///< highest number there is
  std::int64_t newest_head() const { return newest_head_; }
  const base::Digest& hash() const { return hash_; }  ///< that the trail's head names

 private:
  AuditPages(Pool& pool, std::int64_t first) : pool_(&pool), done_(first - 1) {}
  Pool* pool_;
  std::int64_t done_, last_ = 0, newest_row_ = 0, newest_head_ = 0;
  base::Digest hash_{};
};

using AuditProgress = std::function<void(std::int64_t rows, std::int64_t of)>;

/// Walks the whole trail of a database, in constant memory; rows that are written meanwhile are not
/// looked at. Errors: as Pool::run; a headless trail is a break, not an error.
base::Result<AuditReport> verify_audit(Pool& pool, const AuditExpectations& expect = {},
                                       const AuditProgress& progress = {});

}  // namespace store
