// The answers about revocation that lie ready in the database, and what the register of
// certificates says when none does. docs/decisions/0016-ocsp.md
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "certs/ocsp.h"
#include "store/store.h"

namespace certs {

/// Thread-safe.
class OcspRegister {
 public:
  OcspRegister(store::Pool& pool, const base::Clock& clock) : pool_(pool), clock_(clock) {}

  /// The answer that lies ready and is not past its next update. A role that may read nothing else
  /// of this schema may ask this.
  base::Result<std::optional<OcspResponder::Answer>> find(const base::Digest& issuer,
                                                          const std::string& serial_hex,
                                                          OcspHash hash);
  /// What the register says now, issued or not, expired or not.
  base::Result<OcspStatus> status(const base::Digest& issuer, const std::string& serial_hex);

  /// Makes and stores the answers that are missing, past half of `life`, of another responder's
  /// making, or about what was revoked since: at most `most` certificates, unexpired ones of the
  /// responder's issuer. Gives how many; fewer than `most`: nothing is left to do. Several
  /// instances may do so at once: one works, the others give 0. Errors: those of
  /// OcspResponder::answer and of the database.
  base::Result<int> renew(const OcspResponder& responder, std::chrono::seconds life, int most);

  struct Standing {
    std::int64_t certificates = 0;          ///< issued, not expired
    std::int64_t without = 0;               ///< of them, without an answer or past its next update
    std::optional<base::Time> next_update;  ///< the earliest
  };
  base::Result<Standing> standing(const base::Digest& issuer);

 private:
  store::Pool& pool_;
  const base::Clock& clock_;
};

}  // namespace certs
