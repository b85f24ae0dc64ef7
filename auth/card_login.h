// Logging in and registering with an e-social-security card (电子社会保障卡): the browser shows a
// code, a telephone scans it, the card's platform says who confirmed. LD/T 01-2020 5.4.1.4b;
// security.md §3.A 22.
//
// The code is worth nothing in another browser: what came of it is asked for with a cookie that
// only the browser has that began. No session stands before the card's platform has answered.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/accounts.h"
#include "auth/proofing_source.h"

namespace auth {

/// Thread-safe through its parts.
class CardLogin {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    Accounts& accounts;
    const VisitedSource* source;  ///< null: there is no such platform
    const base::Clock& clock;
    base::Random& random;
  };
  explicit CardLogin(Parts parts) : parts_(parts) {}

  bool offered() const { return parts_.source != nullptr; }

  struct Begun {
    std::string cookie;   ///< names this try in this browser; kept as SHA-256
    std::string address;  ///< what the code says
  };
  /// `shown` is what the telephone shows beside the question: where the login would be.
  /// Errors: unavailable `auth.proofing.unavailable`; rate_limited `auth.card.slow` past thirty
  /// beginnings of a network in ten minutes.
  base::Result<Begun> begin(const std::string& shown, const std::string& return_address,
                            std::string_view network);
  /// The address again, while the try is open: two minutes.
  /// Errors: expired `auth.card.over`.
  base::Result<std::string> address(std::string_view cookie);
  /// Who confirmed; nothing while the person is at it. Spent by its answer: of several at once one
  /// has it. Errors: expired `auth.card.over`; unauthenticated `auth.card.refused` (broken off,
  /// not confirmed); not_found `auth.card.unknown` (the card's holder has no account here; for ten
  /// minutes holder() has who it is); unavailable `auth.proofing.unavailable`.
  base::Result<std::optional<SubjectId>> result(std::string_view cookie);
  /// Who confirmed and has no account here.
  struct Holder {
    std::string name, id_number;  ///< as the card's platform has them
    std::string source, transaction;
  };
  /// Once. Errors: expired `auth.card.over`.
  base::Result<Holder> holder(std::string_view cookie);
  base::Result<std::int64_t> sweep(int most = 1000);

 private:
  struct Kept;
  base::Result<Kept> find(std::string_view cookie);
  base::Result<void> take(const Kept& kept);
  base::Result<void> keep_holder(const Kept& kept, const ProofingAnswer& answer);
  Parts parts_;
};

}  // namespace auth
