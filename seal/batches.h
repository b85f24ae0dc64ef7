// Batches: up to a million documents that a system hands in at once, worked on in their order by
// any number of instances, resumed after any stop without loss or duplicate.
// docs/decisions/0185-batches.md.
//
// A batch is opened, filled and started by its client. Lines lie in portions; a portion is leased
// by one worker at a time. A worker that dies leaves its portion to the next, which asks for each
// of its documents under the same idempotency key, and is given those that were made. What cannot
// be made is a result too, with its reason; what cannot be made now (token, time source, database
// away, a limit reached) is tried again until it can.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "seal/batch_line.h"
#include "store/field_cipher.h"
#include "store/store.h"

namespace seal {

struct BatchStanding {
  std::string id;
  base::Time submitted_at;
  std::string state;  ///< open (being filled), running, done, stopped
  std::int64_t total = 0, done = 0, failed = 0;
  std::string note;  ///< a message key: why it waits; empty while it goes on
  std::optional<base::Time> ended_at;
};

struct BatchResult {
  std::int64_t line = 0;  ///< from 1
  std::string document;   ///< its id; empty when there is none
  std::string subject;    ///< whose it is
  std::string error;      ///< a message key
  std::vector<base::FieldError> fields;
};

inline constexpr std::int64_t kMostBatchLines = 1'000'000;
inline constexpr int kPortionLines = 50;

/// Thread-safe through its parts.
class Batches {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    const base::Clock& clock;
    base::Random& random;
    std::string instance;
    /// When this life of the instance began: what an earlier one left is taken up at once.
    base::Time started{};
  };
  explicit Batches(Parts parts) : parts_(std::move(parts)) {}

  /// An open batch; the same one under the same key. Errors: invalid_argument `seal.batch.key`.
  base::Result<BatchStanding> open(const std::string& client, std::string_view idempotency_key);
  /// Lines number `from` and on, as text. What is there already is not taken twice; each line is
  /// read, and one that cannot be is named. Errors: not_found `seal.batch.unknown`; conflict
  /// `seal.batch.state` (it was started), `seal.batch.gap` (args "next": lines before are missing);
  /// invalid_argument `seal.batch.line` (fields: "line 17/facts"), `seal.batch.too_many`.
  base::Result<BatchStanding> append(const std::string& client, std::string_view batch,
                                     std::int64_t from, std::string_view text);
  /// Errors: not_found `seal.batch.unknown`; conflict `seal.batch.state`; invalid_argument
  /// `seal.batch.empty`.
  base::Result<BatchStanding> start(const std::string& client, std::string_view batch);
  /// No further portion is begun; one that is begun is finished, so that what became of each of its
  /// lines is known. Errors: as start.
  base::Result<BatchStanding> stop(const std::string& client, std::string_view batch);
  /// Errors: not_found `seal.batch.unknown`.
  base::Result<BatchStanding> standing(const std::string& client, std::string_view batch);
  /// Newest first, at most 200.
  base::Result<std::vector<BatchStanding>> list(const std::string& client);
  /// Of lines behind `after`, in order, at most `limit` and a portion more. Lines without a result
  /// end the list. Errors: not_found `seal.batch.unknown`.
  base::Result<std::vector<BatchResult>> results(const std::string& client, std::string_view batch,
                                                 std::int64_t after, int limit);

  struct Made {
    std::string document, subject;
  };
  /// Makes the document of one line, under this idempotency key.
  using Issue = std::function<base::Result<Made>(
      const std::string& client, const BatchLine& line, const std::string& idempotency_key)>;
  /// Works on the next portion of any batch, if there is one. Returns whether there was. `go_on`
  /// false makes it end within a document; what is left is left to the next.
  base::Result<bool> work(const Issue& issue, const std::atomic<bool>& go_on);

 private:
  struct Portion;
  base::Result<std::optional<Portion>> claim();
  base::Result<void> finish(const Portion& portion, const std::vector<BatchResult>& results);
  base::Result<BatchResult> make(const Portion& portion, std::size_t index, std::string_view line,
                                 const Issue& issue, const std::atomic<bool>& go_on);
  base::Result<void> hold(const Portion& portion, std::string_view note);
  Parts parts_;
};

}  // namespace seal
