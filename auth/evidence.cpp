#include "auth/evidence.h"

namespace auth {
namespace {

// The words of OpenID Identity Assurance: what was compared with a record is an electronic record,
// what the person showed is a document, what staff saw is vouched for.
constexpr store::Query kEvidence{"auth.proofing_evidence", R"sql(
  select p.level, p.at,
         case when p.method = 'counter' then 'vouch'
              when p.method in ('certificate', 'social-card', 'network-id', 'network-id-face', 'face') then 'document'
              else 'electronic_record' end
    from auth.proofing p join auth.subject s on s.id = p.subject_id
     and auth.is_open(s.active, s.locked_until, $2)
   where p.subject_id = $1 and p.outcome = 'matches' and p.ended_at is null and p.at <= $2
     and (p.valid_until is null or p.valid_until > $2)
   order by p.level desc, p.at desc limit 20)sql"};

}  // namespace

base::Result<std::vector<Evidence>> proofing_evidence(store::Pool& pool, const SubjectId& subject,
                                                      base::Time now) {
  BASE_TRY(const auto rows, pool.run(kEvidence, {subject.value(), now}));
  std::vector<Evidence> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({static_cast<Proofing>(rows.integer(i, 0)), std::string(rows.text(i, 2)),
                   rows.time(i, 1)});
  return out;
}

}  // namespace auth
