// Signing the audit trail's head: each minute or each thousand rows, and when the service stops,
// the newest row's hash is signed in the token and put down. store/audit_head.h, docs/audit.md.
//
// Any number of instances may do it: heads only rise, and whoever comes second with one lets it be.
// LD/T 01-2020 6.2.5e.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "hsm/client.h"
#include "store/audit_head.h"

namespace api {

/// For one thread.
class AuditHeads {
 public:
  struct Parts {
    store::Pool& pool;
    const base::Clock& clock;
    /// The key that signs, asked for anew until there is one. Errors: as hsm::Client::key.
    std::function<base::Result<std::shared_ptr<const hsm::Key>>()> key;
    std::string actor;  ///< for the audit rows, "system:xinyind-1"
  };
  struct Pace {
    std::chrono::seconds every{60};  ///< no row waits longer for its signed head
    std::int64_t rows = 1'000;       ///< nor are there more of them
    std::chrono::seconds again{5};   ///< after a failure
  };
  AuditHeads(Parts parts, Pace pace) : parts_(std::move(parts)), pace_(pace) {}

  enum class Turn { nothing_new, not_due, resting, signed_now, other_was_first };
  /// Signs when it is due; with `last`, when there is anything new. After a failure it rests a
  /// while (`resting`) and tries again.
  /// Errors: as Parts::key (not_found `hsm.no_key`: the token has no key of this purpose);
  /// permission_denied `api.audit_key` when it is a key for something else; those of the database.
  base::Result<Turn> turn(bool last = false);

  std::int64_t unsigned_rows() const { return unsigned_rows_; }  ///< at the last look

 private:
  base::Result<Turn> try_turn(bool last);
  base::Result<Turn> sign(const store::AuditState& state);

  const Parts parts_;
  const Pace pace_;
  std::shared_ptr<const hsm::Key> key_;
  std::int64_t unsigned_rows_ = 0;
  std::optional<base::Time> rest_until_;
};

}  // namespace api
