// Factors: what somebody can show beside his password, and the rows they are kept in.
// LD/T 01-2020 6.2.6, 6.2.5b; docs/decisions/0083-factors.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/methods.h"
#include "auth/person.h"
#include "base/digest.h"
#include "base/random.h"
#include "store/field_cipher.h"
#include "store/store.h"

namespace auth {

enum class FactorKind { sms, totp, recovery, passkey, certificate, social_card, third_party };
/// "sms", …: as the database has it and message keys end.
std::string_view to_text(FactorKind kind);
std::optional<FactorKind> factor_kind(std::string_view text);

/// One factor in force.
struct Factor {
  std::string id;
  SubjectId subject;
  FactorKind kind = FactorKind::totp;
  std::string label;   ///< the name its owner gave it
  base::Bytes secret;  ///< what proves it, opened: each kind knows its own form
  std::int64_t counter = 0;
  base::Time added_at, usable_from;
  std::optional<base::Time> last_used_at;
};

struct NewFactor {
  SubjectId subject;
  FactorKind kind = FactorKind::totp;
  std::string label;
  base::BytesView secret;
  std::optional<base::Digest> lookup = std::nullopt;  ///< FieldCipher::lookup of what finds it
  std::int64_t counter = 0;
  std::chrono::seconds cool_off{0};
};

/// How many of a kind somebody may have.
constexpr std::size_t kMostFactors = 20;

// The rows. Each writes its line into the audit trail in the same transaction.

/// Its id. Errors: conflict `auth.factor.taken` (the lookup stands for another, or there is one of a
/// kind of which there is one), `auth.factor.too_many`; invalid_argument `auth.factor.label`.
/// After an error the transaction is dead.
base::Result<std::string> add_factor(store::Tx& tx, const store::FieldCipher& cipher,
                                     base::Random& random, const NewFactor& factor,
                                     std::string_view by, base::Time now);
/// In force, oldest first.
base::Result<std::vector<Factor>> factors_of(store::Pool& pool, const store::FieldCipher& cipher,
                                             const SubjectId& subject);
base::Result<std::optional<Factor>> find_factor(store::Pool& pool, const store::FieldCipher& cipher,
                                                FactorKind kind, const base::Digest& lookup);
/// Notes a use and moves the counter; false when it stands there already, or the factor has ended:
/// of any number at once with the same counter one succeeds. `sealed_anew` replaces its secret.
base::Result<bool> use_factor(store::Tx& tx, const Factor& factor, std::int64_t counter,
                              base::Time now);
/// A use of a kind that has no counter.
base::Result<bool> use_factor(store::Tx& tx, const Factor& factor, base::Time now);
/// What it stood on goes with it: a certificate that was taken away may be bound anew.
/// Errors: not_found `auth.factor.unknown`.
base::Result<Factor> end_factor(store::Tx& tx, const store::FieldCipher& cipher,
                                const SubjectId& subject, std::string_view id, std::string_view by,
                                base::Time now);
/// All of the subject's end, and so do certificates that are bound to him and logins that are half
/// done: what they were found by is free again. How many factors there were.
base::Result<std::size_t> end_factors_of(store::Tx& tx, const SubjectId& subject,
                                         std::string_view by, base::Time now);
/// Errors: not_found `auth.factor.unknown`; invalid_argument `auth.factor.label`.
base::Result<void> rename_factor(store::Pool& pool, const SubjectId& subject, std::string_view id,
                                 std::string_view label);

/// What a factor is worth at a login; nothing for one that is none there.
std::optional<Method> method_of(FactorKind kind);
/// The second steps that are open to somebody now: in force, cooled off, not proven yet, and of a
/// kind that adds to `proven`.
std::vector<Factor> second_steps(std::vector<Factor> factors, Methods proven, base::Time now);

/// Where a login stands that has shown some methods.
struct Steps {
  bool enough = false;          ///< it counts; what is open then only makes it stronger
  std::vector<Factor> factors;  ///< open: any one of them
  bool password = false;        ///< open: the password, behind a certificate
};
/// A certificate is never a login by itself, and a unit that has one bound shows it with its password
/// at every login: no other factor stands in its place but a recovery code. That holds for one that
/// has run out or was revoked too. LD/T 01-2020 5.4.1.3b; docs/decisions/0124-certificate-and-password.md
Steps steps_after(std::vector<Factor> factors, SubjectKind kind, Methods proven, base::Time now);

}  // namespace auth
