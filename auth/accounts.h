// Accounts: who may log in. LD/T 01-2020 5.4.1.3–4, 6.2.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "auth/actor.h"
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
  /// Errors: rate_limited `auth.busy` with retry_after when the queue is full or the deadline passes.
  base::Result<std::string> hash(const base::Secret& password);
  /// Same time for a wrong password and for no account (`stored` empty).
  base::Result<bool> matches(const base::Secret& password, std::string_view stored);

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
};

/// Thread-safe through its parts.
class Accounts {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    PasswordHasher& hasher;
    const base::Clock& clock;
    base::Random& random;
  };
  explicit Accounts(Parts parts);

  /// Errors: conflict `auth.subject_exists`, `auth.login_name_taken`; invalid_argument with fields.
  base::Result<SubjectId> create(const NewSubject& subject, const base::Secret& password);

  /// Checks a password. The answer for an unknown name and a wrong password is the same in content and
  /// time. Failures slow the account's next tries down (soft lock, per account and per network), never
  /// lock a person out for good.
  /// Errors: unauthenticated `auth.login_failed`; rate_limited `auth.login_slow` with retry_after,
  /// `auth.busy`.
  base::Result<SubjectId> log_in(std::string_view login_name, const base::Secret& password,
                                 std::string_view network);

  base::Result<SubjectRecord> subject(const SubjectId& id);

 private:
  Parts parts_;
};

}  // namespace auth
