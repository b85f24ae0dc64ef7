// Accounts: who may log in. LD/T 01-2020 5.4.1.3–4, 6.2.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "auth/actor.h"
#include "auth/identity_document.h"
#include "auth/password_policy.h"
#include "auth/person.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "store/field_cipher.h"
#include "store/store.h"

namespace auth {

/// Argon2id in a bounded pool of workers (never on a request's own thread): 19 MiB, t=2, p=1.
/// Thread-safe.
class PasswordHasher {
 public:
  struct Config {
    int workers = 1;
    int queue = 40;
    int memory_kib = 19'456;
    int passes = 2;
    std::chrono::milliseconds deadline{3000};
  };
  explicit PasswordHasher(Config config, base::Random& random);
  ~PasswordHasher();
  /// A PHC string ("$argon2id$v=19$m=…"). `password` comes from normal_password.
  /// Errors: rate_limited `auth.busy` with retry_after when the queue is full or the deadline
  /// passes.
  base::Result<std::string> hash(const base::Secret& password);
  /// Same time for a wrong password and for no account (`stored` empty).
  /// Errors: `auth.busy`; internal `auth.credential_damaged`.
  base::Result<bool> matches(const base::Secret& password, std::string_view stored);
  /// Whether `stored` was made with this configuration's cost.
  bool is_current(std::string_view stored) const;
  /// Hashes done so far (metrics, and tests of "the same work").
  std::uint64_t runs() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct NewSubject {
  SubjectKind kind = SubjectKind::person;
  std::string name;
  std::string id_type;
  std::string id_number;
  std::string login_name;
  Proofing proofing = Proofing::p0;
  std::string country = {};  ///< ISO 3166-1 alpha-3, where the kind of document needs it
};

/// The form a login name is kept in: lower case, 4 to 64 of a–z 0–9 . _ - @, at least one letter,
/// and not itself a personal number (those stay encrypted). Nothing when it cannot be one.
std::optional<std::string> normal_login_name(std::string_view text);

/// The form a name is kept in: NFC, no outer spaces, one kind of middle dot (domain.md §2.3), 1 to
/// 50 code points (units: 120), no control characters. Nothing when it cannot be one.
std::optional<std::string> normal_name(SubjectKind kind, std::string_view text);

/// Thread-safe through its parts.
class Accounts {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    PasswordHasher& hasher;
    const base::Clock& clock;
    base::Random& random;
    PasswordPolicy policy = {};
  };
  explicit Accounts(Parts parts);

  /// What create() would put down: checked, the password hashed; nothing is written yet.
  struct Prepared {
    NewSubject subject;  ///< in the forms in which it is kept
    IdentityDocument document;
    std::string password_hash;
  };
  /// Whether this password may become this subject's; nothing is hashed.
  /// Errors: those of the password policy.
  base::Result<void> judge_password(const NewSubject& subject, const base::Secret& password) const;
  /// Errors: invalid_argument `auth.subject_invalid` with fields; rate_limited `auth.busy`.
  base::Result<Prepared> prepare(const NewSubject& subject, const base::Secret& password);
  /// Within a deed that more belongs to. Errors: conflict `auth.subject_exists`,
  /// `auth.login_name_taken`; as Tx::run. After an error the transaction is dead. No `by`: the
  /// subject itself.
  base::Result<SubjectId> insert(store::Tx& tx, const Prepared& prepared, std::string_view by);

  /// prepare() and insert() in one. `by` is who does it, for the audit trail.
  /// Errors: conflict `auth.subject_exists`, `auth.login_name_taken`; invalid_argument
  /// `auth.subject_invalid` with fields; rate_limited `auth.busy`.
  base::Result<SubjectId> create(const NewSubject& subject, const base::Secret& password,
                                 std::string_view by = "system:xinyind");

  /// Checks a password. The answer for an unknown name and a wrong password is the same in content
  /// and time. Failures slow the account's next tries down (soft lock, per account and per
  /// network), never lock a person out for good: where the person logged in before, others'
  /// failures do not count. Whoever knows the password of a locked account is told that it is
  /// locked. Errors: unauthenticated `auth.login_failed`; permission_denied `auth.locked`,
  /// `auth.locked_until`; rate_limited
  /// `auth.login_slow` with retry_after, `auth.busy`; invalid_argument `auth.password.too_long`,
  /// `auth.password.text`.
  base::Result<SubjectId> log_in(std::string_view login_name, const base::Secret& password,
                                 std::string_view network);

  /// By the person himself. Ends his other sessions and what was issued in them.
  /// Errors: as log_in, and invalid_argument of the password policy.
  base::Result<void> change_password(const SubjectId& id, const base::Secret& current,
                                     const base::Secret& replacement, std::string_view network,
                                     std::string_view keep_session);
  /// By an officer or a reset ticket: ends all sessions and what was issued in them.
  base::Result<void> replace_password(const SubjectId& id, const base::Secret& replacement,
                                      std::string_view by);

  /// Errors: not_found `auth.subject_unknown`.
  base::Result<SubjectRecord> subject(const SubjectId& id);
  base::Result<std::optional<SubjectId>> find_by_login(std::string_view login_name);
  /// By any document that was ever linked (auth/identities.h). Takes the old 15-digit form of a
  /// citizen's number too.
  base::Result<std::optional<SubjectId>> find_by_number(std::string_view id_type,
                                                        std::string_view number,
                                                        std::string_view country = {});

  const store::FieldCipher& cipher() const { return parts_.cipher; }

 private:
  base::Result<base::Secret> judged(const base::Secret& password,
                                    const std::vector<std::string>& about) const;
  base::Result<void> store_password(const SubjectId& id, const std::string& hash,
                                    std::string_view by, std::string_view act,
                                    std::string_view keep_session);
  Parts parts_;
};

}  // namespace auth
