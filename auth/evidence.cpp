#include "auth/evidence.h"

namespace auth {
namespace {

// Whoever was made with a level was vouched for by whoever made him.
constexpr store::Query kEvidence{"auth.proofing_evidence", R"sql(
  select proofing, created_at from auth.subject
   where id = $1 and active and proofing > 0 and created_at <= $2)sql"};

}  // namespace

base::Result<std::vector<Evidence>> proofing_evidence(store::Pool& pool, const SubjectId& subject,
                                                      base::Time now) {
  BASE_TRY(const auto rows, pool.run(kEvidence, {subject.value(), now}));
  std::vector<Evidence> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({static_cast<Proofing>(rows.integer(i, 0)), "vouch", rows.time(i, 1)});
  return out;
}

}  // namespace auth
