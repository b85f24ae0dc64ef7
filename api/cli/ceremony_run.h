// Runs a planned key ceremony: keys, certificates, lists, each approved by the officers whose cards
// are at hand, everything in the minutes, which all who are present sign at the end.
#pragma once

#include <map>

#include "api/cli/card_file.h"
#include "api/cli/ceremony_plan.h"
#include "api/cli/issuing.h"
#include "api/cli/minutes.h"

namespace cli {

struct CeremonyStep {
  enum class Outcome { generated, issued, restored, adopted, kept, published };
  std::string what;  ///< file name or key label
  Outcome outcome = Outcome::kept;
  std::string detail;
};
std::string_view to_string(CeremonyStep::Outcome outcome);

/// Idempotent: what an earlier run asked for and did not end is ended first; what is there and in
/// force is kept; a file that is gone comes back from the
/// register; a register that is gone learns from the files; what nears its end is issued anew.
class Ceremony {
 public:
  /// `confirmed`: the plan's digest was given by whoever started it, so that approvals are not
  /// typed one by one. `officer`, `plan` outlive this.
  Ceremony(Officer& officer, const CeremonyPlan& plan, std::vector<CardOptions> cards,
           bool confirmed);
  /// Errors: permission_denied `cli.demonstration_plan`; conflict `cli.key_differs`,
  /// `cli.key_not_active`, `cli.root_differs`; unavailable `cli.cards_missing`; those of certs,
  /// hsm and store.
  base::Result<std::vector<CeremonyStep>> run();
  const Minutes& minutes() const { return minutes_; }

 private:
  base::Result<void> look();
  base::Result<void> resume();
  base::Result<void> open_minutes();
  base::Result<void> note_ledger();
  base::Result<RequestRecord> carry(RequestRecord record);
  base::Result<void> make_keys();
  base::Result<void> certify();
  base::Result<void> publish();
  base::Result<void> close_minutes();
  base::Result<bool> left_open() const;

  base::Result<std::optional<certs::Certificate>> find_good(const PlannedCertificate& planned);
  base::Result<hsm::officers::Sign::Item> prepare(const PlannedCertificate& planned);
  base::Result<void> record(const PlannedCertificate& planned,
                            const certs::Certificate& certificate);
  bool usable(const PlannedCertificate& planned, const certs::Certificate& certificate) const;
  void tell(std::string what, CeremonyStep::Outcome outcome, std::string detail);

  Officer& officer_;
  const CeremonyPlan& plan_;
  const std::vector<CardOptions> cards_;
  const bool confirmed_;
  Minutes minutes_;
  hsm::SignerHealth health_;
  Governance governance_;
  std::map<std::string, hsm::KeyInfo> keys_;                ///< by label
  std::map<std::string, certs::Certificate> certificates_;  ///< by label of their keys; or drafts
  std::vector<CeremonyStep> steps_;
  std::int64_t ledger_noted_ = 0;
  bool issued_anew_ = false;
};

/// The founding file of the plan's people, signed with every one of their cards.
/// Errors: unavailable `cli.cards_missing` naming whose; those of cards and of the founding rules.
base::Result<std::string> found(Context& context, const CeremonyPlan& plan,
                                const std::vector<CardOptions>& cards);

}  // namespace cli
