// The register of issued documents: what was issued, when, with which digest, and how it stands
// now.
//
// Rows hold masked facts only; codes are stored as keyed digests. Every change gets a rising change
// number, and instances follow the changes (verify::Snapshot) without missing one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/strong.h"
#include "store/store.h"
#include "verify/code.h"

namespace verify {

using DocumentId = base::Strong<struct DocumentIdTag>;

/// 状态: how a document stands. verification.md §2.6.
enum class Standing { in_force, superseded, revoked, suspended };
std::string_view to_string(Standing standing);
std::optional<Standing> standing_from(std::string_view text);

/// A fact as the public may see it, in the order to show: label key of the message catalogue,
/// value.
struct MaskedFact {
  std::string label;  ///< e.g. "fact.name"
  std::string value;  ///< masked, e.g. "张*三"
};

/// 样本 (LD/T 01-2020 5.6.2e): of a kind of their own, so that nowhere one counts as a document.
inline constexpr std::string_view kSamplePrefix = "sample-";
inline bool is_sample(std::string_view kind) {
  return kind.starts_with(kSamplePrefix);
}

struct Entry {
  DocumentId id;
  CodeDigest code{};
  std::string kind;         ///< document type, e.g. "enrolment-certificate"
  std::string issuer;       ///< agency's display name
  std::string issuer_code;  ///< its unified social credit code
  base::Time issued_at;
  std::optional<base::Time> valid_until;
  base::Digest file_sha256{};
  std::int64_t file_bytes = 0;
  std::vector<MaskedFact> facts;
  Standing standing = Standing::in_force;
  std::string standing_reason;  ///< class of reason, a message key, when not in force
  std::optional<base::Time> standing_since;
  std::optional<DocumentId> successor;
  std::int64_t change = 0;  ///< set by the register
};

/// How far a follower has read; begins empty. What it holds is for the register alone to read:
/// docs/decisions/0020-following-the-register.md.
struct Cursor {
  std::string history;  ///< which database, on which of its time lines
  std::string since;    ///< the PostgreSQL snapshot whose rows were all read
  std::string until;    ///< the snapshot that the present pass reads up to; empty between passes
  std::string position =
      "0";  ///< within the pass: transaction and change number of the last row read
  std::int64_t change = 0;
};

struct Changes {
  std::vector<Entry> entries;
  bool restarted = false;  ///< begins anew from nothing: entries that do not come again are gone
  bool finished = false;   ///< nothing more for now
};

/// Thread-safe through its pool.
class Register {
 public:
  explicit Register(store::Pool& pool);

  /// Within the issuing transaction. `entry.change` is ignored.
  /// Errors: conflict `verify.register.duplicate` (id, code or file is known already), and store's.
  base::Result<void> record(store::Tx& tx, const Entry& entry);
  /// `reason` is a message key, needed unless the document comes back into force; `successor` is
  /// needed for superseded, and for that alone.
  /// Errors: not_found `verify.register.unknown`; conflict `verify.register.standing` (a revoked or
  /// superseded document never comes back); invalid_argument `verify.register.reason`,
  /// `verify.register.successor`; and store's.
  base::Result<void> change(store::Tx& tx, const DocumentId& id, Standing standing,
                            std::string_view reason, base::Time at,
                            const std::optional<DocumentId>& successor = {});
  base::Result<std::optional<Entry>> find(const CodeDigest& code);
  base::Result<std::optional<Entry>> find_by_file(const base::Digest& file_sha256);
  base::Result<std::optional<Entry>> find_by_id(const DocumentId& id);
  /// What changed since `cursor`, at most `most` entries, and moves it on. Misses nothing, however
  /// late a transaction commits; may repeat an entry. On an error the cursor stays where it was.
  base::Result<Changes> changes(Cursor& cursor, int most);

 private:
  store::Pool& pool_;
};

}  // namespace verify
