// The signer's ledger of officers' acts, followed into the database: each line as it stands, with
// one audit row, in one transaction. LD/T 01-2020 6.2.5e; docs/audit.md.
//
// Nothing is taken on the signer's word: every line is checked as an auditor would, by the chain
// and the rules, before it is written. A ledger that is shorter than the mirror or differs from it
// is an alarm and changes nothing here. Any number of instances may follow. Target
// xinyin_certs_ledger.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "certs/ledger_replay.h"
#include "store/store.h"

namespace certs {

/// What the signer says of its ledger. hsm/officers/report.h
struct LedgerPage {
  std::int64_t count = 0;  ///< lines that there are
  std::vector<std::string> lines;
};
/// Errors: unavailable `certs.ledger_answer`.
base::Result<LedgerPage> read_ledger_page(std::string_view answer);

/// The mirror's lines from number `from` on, at most a page of them. Errors: as Pool::run.
base::Result<std::vector<std::string>> mirrored_lines(store::Pool& pool, std::int64_t from);

/// For one thread.
class LedgerMirror {
 public:
  struct Parts {
    store::Pool& pool;
    const base::Clock& clock;
    /// As hsm::Client::officers. Errors: as there.
    std::function<base::Result<std::string>(std::string_view verb, std::string_view data)> ask;
    std::string actor;  ///< of an alarm's audit row, "system:xinyind-1"
  };
  explicit LedgerMirror(Parts parts);

  struct Turn {
    std::int64_t taken = 0;  ///< lines written by this turn
    bool more = false;       ///< there is more at once
  };
  /// Takes at most a page. Errors: conflict, an alarm, told in the audit trail once as
  /// `hsm.ledger_alarm`: `certs.ledger_shorter`, `certs.ledger_differs`, `certs.ledger_line` (the
  /// signer's), `certs.ledger_mirror` (the mirror's own rows); conflict `hsm.officers.not_founded`
  /// when nobody governs the keys and nobody did; as Parts::ask; those of the database.
  base::Result<Turn> turn();

  std::int64_t lines() const { return replay_->lines(); }  ///< mirrored, as far as this one knows
  /// The key of the alarm that stands; empty: none. It ends with a turn that finds all well.
  const std::string& alarm() const { return alarm_; }

 private:
  base::Result<Turn> follow();
  base::Result<void> catch_up();
  base::Result<bool> take(std::string_view text);
  base::Result<void> raise(const base::Error& alarm);

  const Parts parts_;
  std::unique_ptr<LedgerReplay> replay_;
  std::string alarm_, told_;
};

}  // namespace certs
