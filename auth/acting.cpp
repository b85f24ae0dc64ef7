#include "auth/acting.h"

namespace auth {
namespace {

constexpr store::Query kActing{"auth.acting_under", R"sql(
  select m.id, m.principal, m.items, auth.proofing_at(p.proofing, p.proofing_until, $3),
         (select string_agg(f.id, ' ') from auth.subject f where f.merged_into = p.id)
    from auth.mandate m join auth.subject p on p.id = m.principal
     and auth.is_open(p.active, p.locked_until, $3)
   where m.id = $1 and m.agent = $2 and m.ended_at is null and m.since <= $3 and m.until > $3)sql"};
constexpr store::Query kChoices{"auth.acting_choices", R"sql(
  select m.id, m.principal, m.items, auth.proofing_at(p.proofing, p.proofing_until, $2),
         (select string_agg(f.id, ' ') from auth.subject f where f.merged_into = p.id)
    from auth.mandate m join auth.subject p on p.id = m.principal
     and auth.is_open(p.active, p.locked_until, $2)
   where m.agent = $1 and m.ended_at is null and m.since <= $2 and m.until > $2
     and (m.most_uses is null or m.uses < m.most_uses)
   order by m.offered_at desc, m.id limit 50)sql"};
constexpr store::Query kOfSession{"auth.mandate_of_session", R"sql(
  select mandate_id from auth.session where id = $1)sql"};

Acting read(const store::Rows& rows, std::size_t i) {
  Acting out;
  out.mandate = rows.text(i, 0);
  out.principal = SubjectId(std::string(rows.text(i, 1)));
  out.items = rows.text(i, 2);
  out.proofing = static_cast<Proofing>(rows.integer(i, 3));
  if (!rows.is_null(i, 4)) out.merged = rows.text(i, 4);
  return out;
}

}  // namespace

base::Result<std::optional<Acting>> acting_under(store::Pool& pool, std::string_view mandate,
                                                 const SubjectId& agent, base::Time now) {
  BASE_TRY(const auto rows, pool.run(kActing, {mandate, agent.value(), now}));
  if (rows.empty()) return std::optional<Acting>();
  return std::optional<Acting>(read(rows, 0));
}

base::Result<std::vector<Acting>> acting_choices(store::Pool& pool, const SubjectId& agent,
                                                 base::Time now) {
  BASE_TRY(const auto rows, pool.run(kChoices, {agent.value(), now}));
  std::vector<Acting> out;
  for (std::size_t i = 0; i < rows.size(); ++i) out.push_back(read(rows, i));
  return out;
}

base::Result<std::string> mandate_of_session(store::Pool& pool, std::string_view session) {
  BASE_TRY(const auto rows, pool.run(kOfSession, {session}));
  return rows.empty() || rows.is_null(0, 0) ? std::string() : std::string(rows.text(0, 0));
}

}  // namespace auth
