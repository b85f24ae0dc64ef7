// 参保缴费凭证 (LD/T 01-2020 5.4.2.2c) and 缴费权益记录 (5.4.2.3b): what the ledger of
// contributions and the pension account say. Contents domain.md §4.3, §4.5.
#include <algorithm>
#include <map>

#include "services/documents/facts.h"

namespace services::documents {
namespace {

constexpr store::Query kLedgerPerson{"services.ledger_person", R"sql(
  select i.personal_number, i.gender, u.name, i.first_work, i.scheme_since, i.account_since,
         i.transferred_fen, a.name, a.phone, a.address, a.postcode, i.region
    from services.insured i
    left join services.unit u on u.subject_id = i.unit
    left join services.agency a on a.region = i.region
   where i.subject_id = $1)sql"};
constexpr store::Query kAccountYears{"services.account_years", R"sql(
  select y.year, a.area_code, a.name, y.region, y.from_month, y.to_month, y.months, y.base_fen,
         y.unit_rate, y.credited_rate, y.personal_rate, y.principal_fen, y.personal_fen, y.payer,
         y.closing_fen
    from services.account_year y join services.agency a on a.region = y.region
   where y.subject_id = $1 order by y.year, y.from_month, y.region)sql"};
constexpr store::Query kAccountOf{"services.account_of", R"sql(
  select sum(opening_fen)::bigint, sum(principal_fen)::bigint, sum(interest_fen)::bigint,
         sum(paid_out_fen)::bigint, sum(closing_fen)::bigint, max(account_months)
    from services.account_year where subject_id = $1 and year = $2
  having count(*) > 0)sql"};
constexpr store::Query kMonthsOf{"services.months_of", R"sql(
  select extract(month from month)::integer, insurance, base_fen, arrived
    from services.contribution
   where subject_id = $1 and month between make_date($2::integer, 1, 1) and make_date($2::integer, 12, 1)
     and insurance in ('pension', 'unemployment', 'injury')
   order by month, insurance)sql"};
constexpr store::Query kUnitHead{"services.unit_head", R"sql(
  select u.unit_number, u.region, coalesce(max(e.arrears_months), 0)
    from services.unit u left join services.unit_enrolment e on e.subject_id = u.subject_id
   where u.subject_id = $1 group by u.unit_number, u.region)sql"};
constexpr store::Query kUnitYear{"services.unit_year", R"sql(
  select insurance, persons, person_months, unit_fen, personal_fen
    from services.unit_year where subject_id = $1 and year = $2
   order by array_position(array['pension', 'unemployment', 'injury', 'medical', 'maternity'],
                           insurance::text))sql"};

/// 160 -> "16%", 5 -> "0.5%"
std::string percent(std::int64_t thousandths) {
  auto out = std::to_string(thousandths / 10);
  if (thousandths % 10 != 0) out += "." + std::to_string(thousandths % 10);
  return out + "%";
}

/// The year asked for, or the last that is over.
int year_of(const Frame& frame) {
  return frame.asked.year.value_or(static_cast<int>(frame.this_month.year()) - 1);
}

void write_person(base::JsonWriter& out, const store::Rows& person) {
  out.member("gender", person.text(0, 1));
  out.member("personal_number", person.text(0, 0));
  if (!person.is_null(0, 2)) out.member("unit", person.text(0, 2));
  if (!person.is_null(0, 3)) out.member("first_work", iso_month(person.date(0, 3)));
}

void write_years(base::JsonWriter& out, const store::Rows& years) {
  out.key("years");
  out.StartArray();
  for (std::size_t i = 0; i < years.size(); ++i) {
    out.StartObject();
    out.member("area", years.text(i, 1));
    out.member("agency", years.text(i, 2));
    out.member("year", years.integer(i, 0));
    out.member("from", years.integer(i, 4));
    out.member("to", years.integer(i, 5));
    out.member("months", years.integer(i, 6));
    out.member("base", yuan(years.integer(i, 7)));
    out.member("unit_rate", percent(years.integer(i, 8)));
    out.member("credited_rate", percent(years.integer(i, 9)));
    out.member("personal_rate", percent(years.integer(i, 10)));
    out.member("credited", yuan(years.integer(i, 11)));
    out.member("personal", yuan(years.integer(i, 12)));
    out.member("payer", years.text(i, 13));
    out.EndObject();
  }
  out.EndArray();
}

}  // namespace

base::Result<std::string> contributions(const Frame& frame) {
  BASE_TRY(const auto person, frame.tx.run(kLedgerPerson, {frame.record}));
  BASE_TRY(const auto years, frame.tx.run(kAccountYears, {frame.record}));
  // What the receiving place must be told is whole, or there is no certificate.
  if (person.empty() || years.empty() || person.is_null(0, 1) || person.is_null(0, 7))
    return not_enrolled();
  std::int64_t here = 0, all = 0, balance = 0;
  for (std::size_t i = 0; i < years.size(); ++i) {
    all += years.integer(i, 6);
    if (years.text(i, 3) == person.text(0, 11)) here += years.integer(i, 6);
    if (years.integer(i, 0) == years.integer(years.size() - 1, 0)) balance += years.integer(i, 14);
  }
  base::JsonWriter out;
  out.StartObject();
  write_person(out, person);
  if (!person.is_null(0, 4)) out.member("scheme_since", iso_month(person.date(0, 4)));
  out.member("first_paid", std::to_string(years.integer(0, 0)) +
                               (years.integer(0, 4) < 10 ? "-0" : "-") +
                               std::to_string(years.integer(0, 4)));
  if (!person.is_null(0, 5)) out.member("account_since", iso_month(person.date(0, 5)));
  out.member("months_here", here);
  out.member("months_all", all);
  out.member("balance", yuan(balance));
  out.member("transferred", yuan(person.integer(0, 6)));
  out.key("agency");
  out.StartObject();
  out.member("name", person.text(0, 7));
  out.member("phone", person.text(0, 8));
  out.member("address", person.text(0, 9));
  out.member("postcode", person.text(0, 10));
  out.EndObject();
  write_common(out, frame);
  write_years(out, years);
  out.EndObject();
  return out.text();
}

base::Result<std::string> rights(const Frame& frame) {
  const int year = year_of(frame);
  BASE_TRY(const auto person, frame.tx.run(kLedgerPerson, {frame.record}));
  if (person.empty() || person.is_null(0, 1)) return not_enrolled();
  BASE_TRY(const auto account, frame.tx.run(kAccountOf, {frame.record, year}));
  BASE_TRY(const auto paid, frame.tx.run(kMonthsOf, {frame.record, year}));
  if (account.empty()) return base::error(base::Code::not_found, "services.no_year");
  base::JsonWriter out;
  out.StartObject();
  write_person(out, person);
  out.member("year", year);
  write_common(out, frame);
  out.key("account");
  out.StartArray();
  out.StartObject();
  const char* members[] = {"opening", "principal", "interest", "paid_out", "closing"};
  for (int i = 0; i < 5; ++i) out.member(members[i], yuan(account.integer(0, i)));
  out.member("months", account.integer(0, 5));
  out.EndObject();
  out.EndArray();
  std::map<std::pair<std::int64_t, std::string_view>, std::size_t> row_of;
  for (std::size_t i = 0; i < paid.size(); ++i) row_of[{paid.integer(i, 0), paid.text(i, 1)}] = i;
  out.key("months");
  out.StartArray();
  for (std::int64_t month = 1; month <= 12; ++month) {
    out.StartObject();
    out.member("month", month);
    for (const std::string_view insurance : {"pension", "unemployment", "injury"}) {
      const auto it = row_of.find({month, insurance});
      out.key(insurance);
      out.StartObject();
      if (it == row_of.end()) {
        out.member("state", "none");
      } else {
        out.member("base", yuan(paid.integer(it->second, 2)));
        out.member("state", paid.boolean(it->second, 3) ? "paid" : "owed");
      }
      out.EndObject();
    }
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

base::Result<std::string> unit_rights(const Frame& frame) {
  const int year = year_of(frame);
  BASE_TRY(const auto unit, frame.tx.run(kUnitHead, {frame.record}));
  if (unit.empty()) return not_enrolled();
  BASE_TRY(const auto rows, frame.tx.run(kUnitYear, {frame.record, year}));
  if (rows.empty()) return base::error(base::Code::not_found, "services.no_year");
  std::int64_t headcount = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) headcount = std::max(headcount, rows.integer(i, 1));
  base::JsonWriter out;
  out.StartObject();
  out.member("unit_number", unit.text(0, 0));
  out.member("region", unit.text(0, 1));
  out.member("year", year);
  out.member("headcount", headcount);
  write_arrears(out, unit.integer(0, 2));
  write_common(out, frame);
  out.key("insurances");
  out.StartArray();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out.StartObject();
    out.member("insurance", rows.text(i, 0));
    out.member("persons", rows.integer(i, 1));
    out.member("person_months", rows.integer(i, 2));
    out.member("unit_paid", yuan(rows.integer(i, 3)));
    out.member("personal_paid", yuan(rows.integer(i, 4)));
    out.member("total", yuan(rows.integer(i, 3) + rows.integer(i, 4)));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

}  // namespace services::documents
