// The claims parameter: single claims by name (OpenID Connect Core §5.5) and verified ones with
// what they stand on (OpenID Connect for Identity Assurance 1.0). No I/O.
//
// What is asked for is told when the person agreed to it, and when it is as it was asked to be: a
// claim whose `value`, `values` or `max_age` does not hold is left out, verified claims of which
// none is left too. What is not asked for is not told. docs/decisions/0105-verified-claims.md
#pragma once

#include <rapidjson/document.h>

#include <string>
#include <string_view>
#include <vector>

#include "auth/evidence.h"
#include "auth/person.h"
#include "base/json.h"

namespace auth {

/// Whose rules the proofing levels follow: p1 to p3 of LD/T 01-2020 5.4.1.5.
constexpr std::string_view kTrustFramework = "cn-ldt01-2020";
constexpr std::string_view kEvidenceTypes = "document electronic_record vouch";
constexpr std::string_view kVerifiedClaims = "name";  ///< that can be given as verified
/// Consent to these, asked for one by one, stands beside scopes.
constexpr std::string_view kClaimWords = "claim.name claim.subject_kind verified_claims";

struct ClaimsRequest {
  std::string kept;   ///< what is to be remembered of it as JSON; empty: nothing that we could give
  std::string words;  ///< of kClaimWords that the person must agree to, beyond `scopes`
};
/// Errors: invalid_argument `auth.claims`, `auth.verified_claims.form`.
base::Result<ClaimsRequest> read_claims_request(const rapidjson::Value& claims,
                                                std::string_view scopes);

/// What may be told.
struct KnownOfPerson {
  std::string name;
  SubjectKind kind = SubjectKind::person;
  std::vector<Evidence> evidence;
  base::Time now;
  std::string scopes;  ///< what they give already is not told twice
};
/// Adds to an open object what `kept` asks for in `part` ("id_token" or "userinfo").
void put_claims(base::JsonWriter& out, std::string_view kept, const char* part,
                const KnownOfPerson& known);

}  // namespace auth
