#include "services/demo_data.h"

#include "base/json.h"

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
  insert into services.insured (subject_id, personal_number, region, unit, gender, first_work,
                                scheme_since, account_since)
  values ($1, '10' || translate(right($1, 8), 'abcdef', '012345'), '示范省示范市', $2, 'male',
          date '2019-07-01', date '1996-01-01', date '2019-07-01')
  on conflict (subject_id) do update
    set unit = excluded.unit, gender = excluded.gender, first_work = excluded.first_work,
        scheme_since = excluded.scheme_since, account_since = excluded.account_since)sql"};
constexpr store::Query kAgency{"services.demo.agency", R"sql(
  insert into services.agency (region, area_code, name, phone, address, postcode)
  values ('示范省示范市', '990100', '演示社会保险经办中心', '12333', '示范省示范市示范路 1 号', '990100')
  on conflict do nothing)sql"};
constexpr store::Query kAccountYear{"services.demo.account_year", R"sql(
  insert into services.account_year
    (subject_id, year, region, from_month, to_month, months, base_fen, unit_rate, credited_rate,
     personal_rate, payer, opening_fen, principal_fen, personal_fen, interest_fen, account_months)
  values ($1, $2, '示范省示范市', $3, $4, $5, $6, 160, 0, 80, 'employed', $7, $8, $8, $9, $10)
  on conflict (subject_id, year, region) do update
    set to_month = excluded.to_month, months = excluded.months, base_fen = excluded.base_fen,
        principal_fen = excluded.principal_fen, personal_fen = excluded.personal_fen,
        interest_fen = excluded.interest_fen, account_months = excluded.account_months)sql"};
constexpr store::Query kBeneficiary{"services.demo.beneficiary", R"sql(
  insert into services.beneficiary (subject_id, since, eligible_until, bank, account_tail)
  values ($1, date '2024-03-01', (date_trunc('month', $2::date::timestamp) + interval '8 months')::date,
          '示范银行', '6688')
  on conflict (subject_id) do update set eligible_until = excluded.eligible_until)sql"};
constexpr store::Query kPayments{"services.demo.payments", R"sql(
  insert into services.benefit_payment (subject_id, month, insurance, item, due_fen, state)
  select $1, m.month::date, 'injury', 'survivor', 125000,
         case when m.month < date_trunc('month', $2::date::timestamp) then 'paid' else 'sent' end
    from generate_series(date_trunc('month', $2::date::timestamp) - interval '23 months',
                         date_trunc('month', $2::date::timestamp), interval '1 month') m (month)
  on conflict (subject_id, month, insurance, item) do update set state = excluded.state)sql"};
constexpr store::Query kUnitYears{"services.demo.unit_years", R"sql(
  insert into services.unit_year
    (subject_id, year, insurance, persons, person_months, unit_fen, personal_fen)
  select $1, y.year, v.insurance, 42, 504, (504 * 700000 * v.unit_rate)::bigint,
         (504 * 700000 * v.personal_rate)::bigint
    from generate_series(extract(year from $2::date)::integer - 3,
                         extract(year from $2::date)::integer - 1) y (year)
    cross join (values ('pension', 0.16, 0.08), ('unemployment', 0.005, 0.005), ('injury', 0.004, 0))
      v (insurance, unit_rate, personal_rate)
  on conflict do nothing)sql"};
constexpr store::Query kMember{"services.demo.member", R"sql(
  insert into services.roster (unit, number, person_sealed, status, since)
  values ($1, $2, $3, 'active', date '2019-07-01') on conflict do nothing)sql"};
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

/// 记账利率 in hundredths of a percent, as published; what is not is none yet.
std::int64_t rate_of(int year) {
  constexpr std::int64_t kRates[] = {761, 604, 669, 612, 397, 262, 150};  // 2019 and on
  return year >= 2019 && year < 2026 ? kRates[year - 2019] : 0;
}

/// The account from July 2019 on, month by month: interest of a year is on what was there at its
/// beginning and on each month's amount for the months left (月积数法, domain.md §3.4).
base::Result<void> put_account(store::Tx& tx, const std::string& person, base::Date today) {
  const std::chrono::year_month_day now{today};
  const int last_year = static_cast<int>(now.year());
  std::int64_t opening = 0, months_in_all = 0;
  for (int year = 2019; year <= last_year; ++year) {
    const int from = year == 2019 ? 7 : 1;
    const int to = year == last_year ? static_cast<int>(static_cast<unsigned>(now.month())) : 12;
    std::int64_t bases = 0, principal = 0, product = 0;
    for (int month = from; month <= to; ++month) {
      const std::int64_t base = 600'000 + 35'000 * ((month > 6 ? year : year - 1) - 2019);
      bases += base;
      principal += base * 8 / 100;
      product += base * 8 / 100 * (13 - month);
    }
    const auto interest = (opening * 12 + product) * rate_of(year) / 120'000;
    const int months = to - from + 1;
    months_in_all += months;
    BASE_TRY_VOID(tx.run(kAccountYear, {person, year, from, to, months, bases / months, opening,
                                        principal, interest, months_in_all}));
    opening += principal + interest;
  }
  return {};
}

}  // namespace

base::Result<void> insert_demo_data(store::Tx& tx, const DemoSubjects& subjects, base::Time now) {
  const auto today = base::china_date(now);
  BASE_TRY_VOID(
      tx.run(kUnit, {subjects.unit, subjects.unit_name, subjects.unit_code, subjects.handler}));
  BASE_TRY_VOID(tx.run(kUnitEnrolments, {subjects.unit}));
  BASE_TRY_VOID(tx.run(kInsured, {subjects.person, subjects.unit}));
  BASE_TRY_VOID(tx.run(kEnrolments, {subjects.person, today}));
  BASE_TRY_VOID(tx.run(kContributions, {subjects.person, subjects.unit, today}));
  BASE_TRY_VOID(tx.run(kAgency));
  BASE_TRY_VOID(put_account(tx, subjects.person, today));
  BASE_TRY_VOID(tx.run(kBeneficiary, {subjects.person, today}));
  BASE_TRY_VOID(tx.run(kPayments, {subjects.person, today}));
  BASE_TRY_VOID(tx.run(kUnitYears, {subjects.unit, today}));
  return {};
}

base::Result<void> insert_demo_roster(store::Tx& tx, const store::FieldCipher& cipher,
                                      const std::string& unit, int members) {
  constexpr std::string_view kSurnames[] = {"王", "李", "张", "刘", "陈", "杨", "赵"};
  constexpr std::string_view kGiven[] = {"伟", "芳", "娜", "敏", "静", "强",
                                         "磊", "洋", "艳", "勇", "杰"};
  for (int number = 1; number <= members; ++number) {
    // Region 99 is nobody's: no such number is ever given out.
    auto digits = std::to_string(1'000'000 + number).substr(1);
    base::JsonWriter person;
    person.StartObject();
    person.member("name", std::string(kSurnames[number % 7]) + std::string(kGiven[number % 11]) +
                              std::string(kGiven[number / 7 % 11]));
    person.member("id_number", "99010019900101" + digits.substr(2));
    person.EndObject();
    const auto place = unit + "/" + std::to_string(number);
    const auto text = person.text();
    const auto sealed = cipher.seal("services.roster.person", place, base::as_bytes(text));
    BASE_TRY_VOID(tx.run(kMember, {unit, number, sealed}));
  }
  return {};
}

}  // namespace services
