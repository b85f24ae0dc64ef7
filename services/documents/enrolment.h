// 参保证明: the facts of a person's or unit's enrolment, drafted for sealing.
// LD/T 01-2020 5.4.2.3a; contents domain.md §4.4.
#pragma once

#include <string>
#include <vector>

#include "auth/actor.h"
#include "base/clock.h"
#include "seal/issuer.h"
#include "store/store.h"

namespace services {

/// What the service must know of a subject from the floor above it (api asks auth and passes it in).
struct Holder {
  std::string subject;
  bool is_unit = false;
  std::string name;
  std::string id_number;
};

class Enrolments {
 public:
  Enrolments(store::Pool& pool, const base::Clock& clock);
  /// Drafts the certificate from the rows as of now.
  /// Errors: not_found `services.not_enrolled`; permission_denied `services.not_own`.
  base::Result<seal::Draft> draft_certificate(const auth::Actor& actor, const Holder& holder);

 private:
  store::Pool& pool_;
  const base::Clock& clock_;
};

}  // namespace services
