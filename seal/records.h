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
  std::string seal = {};  ///< with which it was sealed
  int template_version = 1;
  std::string format = "pdf";  ///< pdf or ofd
};
base::Result<void> insert(store::Tx& tx, const Document& document);
/// `subjects`: whose it may be, separated by spaces (one, and who was merged into it).
base::Result<std::optional<Document>> read(store::Pool& pool, const std::string& id,
                                           const std::string& subjects);
/// Newest first, at most 500, without their bytes and subject.
base::Result<std::vector<Document>> list(store::Pool& pool, const std::string& subjects);

/// Whosesoever it is.
base::Result<std::optional<Document>> read_any(store::Pool& pool, const std::string& id);

/// One revision appended to a document; number 0 is the document as issued.
struct Augmentation {
  std::string document;
  int number = 0;
  base::Time at;  ///< of number 0: when it was issued
  base::Time good_until;
  base::Digest sha256{};    ///< of the file with it
  base::Bytes tail_sealed;  ///< empty for number 0
};
/// Errors: conflict when there is one of that number.
base::Result<void> insert(store::Tx& tx, const Augmentation& augmentation);
base::Result<std::vector<Augmentation>> augmentations(store::Pool& pool,
                                                      const std::string& document);
/// Documents without number 0 that were issued since an hour before the newest one with it, the
/// oldest first.
base::Result<std::vector<std::string>> not_looked_at(store::Pool& pool, int most);
/// Documents whose newest revision is good until `until` at most, the most urgent first.
base::Result<std::vector<std::string>> due(store::Pool& pool, base::Time until, int most);

}  // namespace seal::records
