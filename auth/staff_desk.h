// The desk of staff: finding somebody, seeing what is kept of him, having a code made for a new
// password. LD/T 01-2020 6.2.5; docs/decisions/0151-staff-desk.md.
//
// Whoever looks is in the audit trail as whoever changes. What is shown leaves this room whole and
// is masked by whoever shows it. Changes of identity are auth/identity_requests.h, locks
// auth/locks.h: the command line and the console call the same functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/accounts.h"
#include "auth/identity_requests.h"
#include "auth/locks.h"
#include "auth/own_account.h"
#include "auth/proofings.h"
#include "auth/risk_signs.h"

namespace auth {

/// What staff see of one subject.
struct PersonFile {
  SubjectRecord record;
  std::string login_name;
  std::vector<LinkedDocument> documents;
  std::optional<base::Time> proofing_until;
  std::vector<Proofings::Row> proofings;  ///< newest first
  std::optional<AccountLock> lock;        ///< that holds now
  std::vector<AccountLock> locks;
  std::vector<Factor> factors;  ///< without their secrets
  std::int64_t sessions = 0, mandates_given = 0, mandates_received = 0;
  std::vector<std::string> merged;  ///< subject ids of those who became this one
  std::vector<TraceRow> trace;      ///< logins and deeds, newest first
  std::vector<FieldChange> changes;
  std::vector<IdentityRequest> requests;
  std::vector<RiskSign> signs;  ///< of the newest three hundred rows of the trail
  bool is_staff = false;
};

/// A value of a change as staff are shown it, where nothing is to be compared with the paper.
std::string masked_change(std::string_view field, const std::string& value);

/// Thread-safe through its parts.
class StaffDesk {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    Accounts& accounts;
    const base::Clock& clock;
    base::Random& random;
  };
  explicit StaffDesk(Parts parts) : parts_(parts) {}

  /// Nothing: nobody has it. Both are in the trail, found or not, without what was asked for.
  /// Errors: permission_denied `auth.staff.none`.
  base::Result<std::optional<SubjectId>> find_login(const SubjectId& staff,
                                                    std::string_view login_name);
  base::Result<std::optional<SubjectId>> find_document(const SubjectId& staff,
                                                       const IdentityDocument& document);
  /// Errors: permission_denied `auth.staff.none`; not_found `auth.subject_unknown`.
  base::Result<PersonFile> open(const SubjectId& staff, const SubjectId& subject);
  /// An open request with what is asked for, whole: it is to be compared with the paper. Nothing:
  /// none is open under this id. Errors: permission_denied `auth.staff.none`.
  base::Result<std::optional<IdentityRequest>> open_request(const SubjectId& staff,
                                                            std::string_view request);
  /// A code for /activate (auth/activation.h), for the person and nobody else: it is kept as its
  /// digest. Errors: permission_denied `auth.staff.none`, `auth.staff.own`; not_found
  /// `auth.subject_unknown`.
  base::Result<std::string> reset(const SubjectId& staff, const SubjectId& subject);

 private:
  base::Result<std::optional<SubjectId>> note_search(const SubjectId& staff, std::string_view by,
                                                     const std::optional<SubjectId>& found);
  Parts parts_;
};

}  // namespace auth
