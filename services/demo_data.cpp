#include "services/demo_data.h"

namespace services {
namespace {

constexpr store::Query kUnit{"services.demo.unit", R"sql(
  insert into services.unit
    (subject_id, name, code, unit_number, region, headcount, payable, handler)
  values ($1, $2, $3, '4403' || right($1, 6), '示范省示范市', 42, 41, nullif($4::text, ''))
  on conflict (subject_id) do update set name = excluded.name, handler = excluded.handler)sql"};
constexpr store::Query kUnitEnrolments{"services.demo.unit_enrolments", R"sql(
  insert into services.unit_enrolment (subject_id, insurance, status, since, headcount)
  select $1, v.insurance, 'active', date '2015-03-01', 42
    from (values ('pension'), ('unemployment'), ('injury')) v (insurance)
  on conflict do nothing)sql"};
constexpr store::Query kInsured{"services.demo.insured", R"sql(
  insert into services.insured (subject_id, personal_number, region, unit)
  values ($1, '10' || translate(right($1, 8), 'abcdef', '012345'), '示范省示范市', $2)
  on conflict (subject_id) do update set unit = excluded.unit)sql"};
constexpr store::Query kEnrolments{"services.demo.enrolments", R"sql(
  insert into services.enrolment (subject_id, insurance, status, since, months)
  select $1, v.insurance, 'active', date '2019-07-01',
         (extract(year from $2::date) * 12 + extract(month from $2::date) - (2019 * 12 + 7))::integer
    from (values ('pension'), ('unemployment'), ('injury')) v (insurance)
  on conflict (subject_id, insurance) do update set months = excluded.months)sql"};
// The base follows last year's wage and changes every July; the rates are the usual ones.
constexpr store::Query kContributions{"services.demo.contributions", R"sql(
  insert into services.contribution
    (subject_id, month, insurance, unit, base_fen, unit_fen, personal_fen, arrived)
  select $1, m.month::date, v.insurance, $2, b.base_fen,
         (b.base_fen * v.unit_rate)::bigint, (b.base_fen * v.personal_rate)::bigint,
         m.month::date < date_trunc('month', $3::date::timestamp)::date
    from generate_series(date_trunc('month', $3::date::timestamp) - interval '35 months',
                         date_trunc('month', $3::date::timestamp), interval '1 month') m (month)
    cross join lateral (
      select (600000 + 35000 * (extract(year from m.month - interval '6 months') - 2019))::bigint
    ) b (base_fen)
    cross join (values ('pension', 0.16, 0.08), ('unemployment', 0.005, 0.005), ('injury', 0.004, 0))
      v (insurance, unit_rate, personal_rate)
  on conflict (subject_id, month, insurance) do update set arrived = excluded.arrived)sql"};

}  // namespace

base::Result<void> insert_demo_data(store::Tx& tx, const DemoSubjects& subjects, base::Time now) {
  const auto today = base::china_date(now);
  BASE_TRY_VOID(
      tx.run(kUnit, {subjects.unit, subjects.unit_name, subjects.unit_code, subjects.handler}));
  BASE_TRY_VOID(tx.run(kUnitEnrolments, {subjects.unit}));
  BASE_TRY_VOID(tx.run(kInsured, {subjects.person, subjects.unit}));
  BASE_TRY_VOID(tx.run(kEnrolments, {subjects.person, today}));
  BASE_TRY_VOID(tx.run(kContributions, {subjects.person, subjects.unit, today}));
  return {};
}

}  // namespace services
