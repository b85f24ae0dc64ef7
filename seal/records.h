// The rows of sealing: intents, and the documents that left (schema seal).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "store/store.h"

namespace seal::records {

struct Intent {
  std::string id;
  std::string subject;
  base::Digest request{};  ///< keyed hash of the idempotency key
  base::Digest draft{};    ///< keyed hash of the draft
  std::string kind;
  std::string instance, boot;
  base::Time created_at, deadline;
};

/// False when a live or issued intent of the same request stands there already.
base::Result<bool> open(store::Pool& pool, const Intent& intent);

struct Found {
  std::string id;
  bool issued = false;
  std::string document;  ///< when issued
  base::Digest draft{};
  std::string instance, boot;
  base::Time created_at, deadline;
};
base::Result<std::optional<Found>> find(store::Pool& pool, const std::string& subject,
                                        const base::Digest& request);
/// The document that an intent led to, if it did.
base::Result<std::optional<std::string>> document_of(store::Pool& pool, const std::string& intent);

/// Within the issuing transaction. False when the intent is no longer open.
base::Result<bool> mark_issued(store::Tx& tx, const std::string& intent,
                               const std::string& document, base::Time at);

struct Abandoned {
  std::string id, subject, kind;
};
/// Ends one open intent, with its audit row. False when it was not open any more: it had been
/// issued or ended by someone else. Waits for a transaction that is just about to end it.
base::Result<bool> abandon(store::Pool& pool, const std::string& intent, const std::string& reason,
                           base::Time at);
/// Ends all that no live request can finish: past their deadline, or of an earlier life of the
/// instance.
base::Result<int> abandon_stale(store::Pool& pool, const std::string& instance,
                                const std::string& boot, base::Time started, base::Time now);

struct Document {
  std::string id, subject, kind;
  base::Time issued_at;
  base::Bytes file_sealed, code_sealed;
  base::Digest sha256{};
  int template_version = 1;
};
base::Result<void> insert(store::Tx& tx, const Document& document);
/// `subjects`: whose it may be, separated by spaces (one, and who was merged into it).
base::Result<std::optional<Document>> read(store::Pool& pool, const std::string& id,
                                           const std::string& subjects);
/// Newest first, at most 500, without their bytes and subject.
base::Result<std::vector<Document>> list(store::Pool& pool, const std::string& subjects);

}  // namespace seal::records
