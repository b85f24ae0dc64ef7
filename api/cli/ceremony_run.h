// Runs a planned key ceremony on keys that are in the token already: certificates, lists, minutes.
#pragma once

#include "api/cli/ceremony_plan.h"
#include "api/cli/minutes.h"
#include "api/cli/officer.h"

namespace cli {

struct CeremonyStep {
  enum class Outcome { issued, restored, adopted, kept, published };
  std::string what;  ///< file name
  Outcome outcome = Outcome::kept;
  std::string detail;
};
std::string_view to_string(CeremonyStep::Outcome outcome);

/// Idempotent: what is there and in force is kept; a file that is gone comes back from the
/// register; a register that is gone learns from the files; what nears its end is issued anew. Each
/// act is in the minutes when its step is told.
class Ceremony {
 public:
  Ceremony(Officer& officer, const CeremonyPlan& plan);
  /// Errors: permission_denied `cli.demonstration_plan`; not_found `cli.key_missing`; conflict
  /// `cli.key_differs`, `cli.root_differs`; those of certs, hsm and store.
  base::Result<std::vector<CeremonyStep>> run();
  const Minutes& minutes() const { return minutes_; }

 private:
  base::Result<void> look_at_keys();
  base::Result<void> open_minutes();
  base::Result<void> certify(const PlannedCertificate& planned);
  base::Result<void> publish_lists();
  base::Result<void> close_minutes();

  base::Result<std::optional<certs::Certificate>> find_good(const PlannedCertificate& planned);
  base::Result<certs::Certificate> issue(const PlannedCertificate& planned);
  base::Result<void> record(const PlannedCertificate& planned,
                            const certs::Certificate& certificate);
  bool usable(const PlannedCertificate& planned, const certs::Certificate& certificate) const;
  void tell(std::string what, CeremonyStep::Outcome outcome, std::string detail);

  Officer& officer_;
  const CeremonyPlan& plan_;
  Minutes minutes_;
  hsm::SignerHealth health_;
  std::map<std::string, hsm::KeyInfo> keys_;                ///< by label
  std::map<std::string, certs::Certificate> certificates_;  ///< by label of their keys
  std::vector<CeremonyStep> steps_;
  bool issued_anew_ = false;
};

}  // namespace cli
