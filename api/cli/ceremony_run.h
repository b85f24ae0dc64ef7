// Runs a planned key ceremony: keys, certificates, lists, each approved by the officers whose cards
// are at hand, everything in the minutes, which all who are present sign at the end.
#pragma once

#include <map>

#include "api/cli/backup.h"
#include "api/cli/card_file.h"
#include "api/cli/ceremony_plan.h"
#include "api/cli/issuing.h"
#include "api/cli/minutes.h"

namespace cli {

struct CeremonyStep {
  enum class Outcome {
    generated,
    backed_up,
    drilled,
    activated,
    issued,
    restored,
    adopted,
    kept,
    published
  };
  std::string what;  ///< file name or key label
  Outcome outcome = Outcome::kept;
  std::string detail;
};
std::string_view to_string(CeremonyStep::Outcome outcome);

struct CeremonyOptions {
  std::vector<CardOptions> cards;  ///< of those present, one after the other
  /// The plan's digest was given by whoever started it: approvals are not typed one by one.
  bool confirmed = false;
  bool rehearsal = false;                   ///< on a throw-away token: the minutes say so
  std::filesystem::path module = kSoftHsm;  ///< of the software token, for the drill
};

/// Idempotent: what an earlier run asked for and did not end is ended first; what is there and in
/// force is kept; a file that is gone comes back from the
/// register; a register that is gone learns from the files; what nears its end is issued anew.
class Ceremony {
 public:
  /// `officer`, `plan` outlive this.
  Ceremony(Officer& officer, const CeremonyPlan& plan, CeremonyOptions options);
  /// Errors: permission_denied `cli.demonstration_plan`; conflict `cli.key_differs`,
  /// `cli.key_not_adopted`, `cli.key_not_active`, `cli.backup_altered`, `cli.root_differs`;
  /// unavailable `cli.cards_missing`; those of certs, hsm and store.
  base::Result<std::vector<CeremonyStep>> run();
  const Minutes& minutes() const { return minutes_; }

 private:
  // The steps, in order.
  base::Result<void> begin();
  base::Result<void> make_keys();
  base::Result<void> prove_backup();
  base::Result<void> activate();
  base::Result<void> certify();
  base::Result<void> publish();
  base::Result<void> close_minutes();

  base::Result<void> step(const char* name, base::Result<void> (Ceremony::*deed)());
  base::Result<void> look();
  base::Result<void> resume();
  base::Result<RequestRecord> carry(RequestRecord record);
  void tell(std::string what, CeremonyStep::Outcome outcome, std::string detail);

  // What stands in the minutes.
  base::Result<void> open_minutes();
  base::Result<void> note_ledger();
  base::Result<void> note_failed(const base::Error& failure);
  base::Result<void> note_done_over();
  bool left_open() const;
  base::Result<void> write_for_people() const;

  // What is typed.
  bool interactive() const;
  bool ask_to_repeat(const base::Error& failure);
  base::Result<void> type_deviation();
  base::Result<void> typed_by(const std::string& person, const std::string& wanted);
  void last_remarks();

  std::vector<std::string> waiting(bool unproven) const;
  base::Result<std::filesystem::path> backup_with(const std::vector<std::string>& labels,
                                                  std::string& sha256);
  base::Result<std::optional<certs::Certificate>> find_good(const PlannedCertificate& planned);
  base::Result<hsm::officers::Sign::Item> prepare(const PlannedCertificate& planned);
  base::Result<void> record(const PlannedCertificate& planned,
                            const certs::Certificate& certificate);
  bool usable(const PlannedCertificate& planned, const certs::Certificate& certificate) const;

  Officer& officer_;
  const CeremonyPlan& plan_;
  const CeremonyOptions options_;
  Minutes minutes_;
  std::string step_;  ///< the one that is being done
  hsm::SignerHealth health_;
  Governance governance_;
  std::map<std::string, hsm::KeyInfo> keys_;                ///< by label
  std::map<std::string, certs::Certificate> certificates_;  ///< by label of their keys; or drafts
  std::vector<CeremonyStep> steps_;
  std::int64_t ledger_noted_ = 0;
  bool issued_anew_ = false;
};

/// About a key, by its label.
base::Error about_key(base::Code code, std::string key, const std::string& label);

/// The founding file of the plan's people, signed with every one of their cards.
/// Errors: unavailable `cli.cards_missing` naming whose; those of cards and of the founding rules.
base::Result<std::string> found(Context& context, const CeremonyPlan& plan,
                                const std::vector<CardOptions>& cards);

}  // namespace cli
