// Registering by oneself, as a person or as a unit: in steps, which can be left and taken up again.
// Who showed his e-social-security card first does not type who he is (5.4.1.4b), and starts proven.
// LD/T 01-2020 5.4.1.2–4, 6.2.2, 6.2.3.
//
// What was typed is kept sealed under a reference that only its owner has, for three days; the
// password never is. There is no account before complete(). A self-registered account stands at
// proofing level P0: nothing about the person was proven.
//
// Completing tells nobody whether the number is known (docs/decisions/0080-registration.md): who
// registers a number that stands for somebody is told the same as who registers a new one, after
// the same work, and nothing is made.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/accounts.h"
#include "auth/agreements.h"
#include "auth/registration_fields.h"

namespace auth {

class Proofings;

/// Who somebody is, as a source said of whoever confirmed there.
struct ProvenIdentity {
  std::string method;  ///< of auth/proofing_methods.h
  std::string source, transaction;
  std::string name, id_number;
};

struct RegistrationDraft {
  SubjectKind kind = SubjectKind::person;
  FieldValues typed;      ///< as typed, right or wrong
  std::string return_to;  ///< where the login that led here leads to; empty: nowhere
  base::Time expires_at;
  bool completed = false;  ///< nothing is kept of it any more
  /// Name and document stand as a source said them, and are not to be changed.
  bool proven = false;

  /// The first step whose fields are not all right; `account` when they are.
  RegistrationStep next(base::Date today) const;
};

/// A reference as it is kept, out of one as it was typed or shown: no spaces and hyphens, lower
/// case.
std::string plain_reference(std::string_view typed);

/// The last step.
struct RegistrationEnd {
  std::string login_name;
  base::Secret password;
  std::vector<Acceptance> accepted;  ///< the agreement and the consent, by itself each
  std::string how = "registration";  ///< for the evidence
};

/// Thread-safe through its parts.
class Registration {
 public:
  struct Config {
    std::chrono::seconds life{3 * 24 * 3600};
    std::chrono::seconds proven_life{3600};  ///< of one that holds a proven identity
    int starts_an_hour = 120;  ///< by one network: it may be a town hall
    int shared_phone = 5;      ///< past it the audit trail notes how many have the number
  };
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    Accounts& accounts;
    Agreements& agreements;
    const base::Clock& clock;
    base::Random& random;
    Config config = {};
    Proofings* proofings = nullptr;  ///< needed where identities are proven first
  };
  explicit Registration(Parts parts) : parts_(std::move(parts)) {}

  /// A new one; gives its reference, 32 hexadecimal digits. Errors: rate_limited
  /// `auth.registration.often` with retry_after; not_found `auth.agreement.none` when the agency
  /// has published no agreement yet.
  base::Result<std::string> start(SubjectKind kind, std::string_view network,
                                  std::string_view return_to = {});
  /// One whose name and document are proven. It stands in the browser that showed them, for an hour:
  /// its reference is not to be shown. Errors: as start; invalid_argument
  /// `auth.registration.unusable`: name or number are in no form that is kept here.
  base::Result<std::string> start(const ProvenIdentity& proven, std::string_view network,
                                  std::string_view return_to = {});
  /// Spaces, hyphens and case in a typed reference do not matter.
  /// Errors: not_found `auth.registration.unknown`: never was, or has expired.
  base::Result<RegistrationDraft> find(std::string_view reference);
  /// Keeps what was typed in the fields of one step, right or wrong, and judges it. Fields of other
  /// steps are not touched. Errors: as find; conflict `auth.registration.completed`,
  /// `auth.registration.proven` (what is proven is not typed); invalid_argument `auth.registration.field` for an unknown field or one that is too long.
  base::Result<Judged> fill(std::string_view reference, RegistrationStep step,
                            const FieldValues& typed);
  /// Makes the subject, its account, its details and its acceptances in one transaction; once,
  /// however often it is asked. Errors: as find; invalid_argument `auth.subject_invalid` with
  /// fields; conflict `auth.login_name_taken` (a field of it), `auth.agreement.changed`;
  /// rate_limited `auth.busy`.
  base::Result<void> complete(std::string_view reference, const RegistrationEnd& end);
  /// Forgets what was typed. One that is not there is no error.
  base::Result<void> discard(std::string_view reference);
  /// Deletes what has expired; gives the number.
  base::Result<std::int64_t> sweep(int most = 1000);

 private:
  struct Found;
  base::Result<std::string> put(SubjectKind kind, std::string_view network,
                                const FieldValues& kept, std::chrono::seconds life);
  base::Result<Found> look_up(std::string_view reference);
  base::Result<void> finish(const Found& found, const Accounts::Prepared& prepared,
                            const FieldValues& details, const RegistrationEnd& end,
                            const std::optional<SubjectId>& owner);
  Parts parts_;
};

}  // namespace auth
