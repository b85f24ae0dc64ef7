// What a person's proofing level stands on, for those who may be told (auth/claims_request.h). LD/T
// 01-2020 5.4.1.5; OpenID Connect for Identity Assurance 1.0.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "auth/actor.h"
#include "store/store.h"

namespace auth {

struct Evidence {
  Proofing level = Proofing::p0;
  std::string type;  ///< electronic_record, document or vouch
  base::Time at;
};

/// In force `now`, best and newest first; none at p0. Errors: as Pool::run.
base::Result<std::vector<Evidence>> proofing_evidence(store::Pool& pool, const SubjectId& subject,
                                                      base::Time now);

}  // namespace auth
