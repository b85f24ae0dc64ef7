// Challenges that proofs of possession answer: made by us, bound to where and for what they were
// asked, answered once. LD/T 01-2020 6.2.6d; WebAuthn Level 3 §13.4.3.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/actor.h"
#include "base/bytes.h"
#include "base/random.h"
#include "store/store.h"

namespace auth {

/// Thread-safe through its parts.
class FactorChallenges {
 public:
  struct Parts {
    store::Pool& pool;
    const base::Clock& clock;
    base::Random& random;
  };
  explicit FactorChallenges(Parts parts) : parts_(parts) {}

  /// 32 random bytes, kept as SHA-256 for `life`. `binding` names the session or the browser that
  /// is asked and `purpose` the act; neither may be guessed or reused by the caller for another.
  /// `subject`: whose answer it must be.
  base::Result<base::Bytes> ask(std::string_view binding, std::string_view purpose,
                                const std::optional<SubjectId>& subject, std::chrono::seconds life);
  struct Asked {
    std::optional<SubjectId> subject;
  };
  /// Spends it: one delete, so that of any number of answers at once one is looked at, and a wrong
  /// one is none more. Nothing: never asked here for this, answered already, or too old.
  base::Result<std::optional<Asked>> take(base::BytesView challenge, std::string_view binding,
                                          std::string_view purpose);
  /// It was asked here for this and has no answer yet. Spends nothing.
  base::Result<bool> waits(base::BytesView challenge, std::string_view binding,
                           std::string_view purpose);
  base::Result<std::int64_t> sweep(int most = 1000);

 private:
  Parts parts_;
};

}  // namespace auth
