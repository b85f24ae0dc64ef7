// 参保证明 of a person and of a unit. LD/T 01-2020 5.4.2.3a; contents domain.md §4.4.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "services/documents/facts.h"

namespace services::documents {
namespace {

using std::chrono::months;

constexpr store::Query kInsured{"services.insured", R"sql(
  select i.personal_number, i.region, u.name
    from services.insured i left join services.unit u on u.subject_id = i.unit
   where i.subject_id = $1)sql"};
// In the order in which certificates list them.
constexpr store::Query kEnrolments{"services.enrolments", R"sql(
  select insurance, status, since, months from services.enrolment where subject_id = $1
   order by array_position(array['pension', 'unemployment', 'injury', 'medical', 'maternity'],
                           insurance::text))sql"};
constexpr store::Query kContributions{"services.contributions", R"sql(
  select c.month, c.insurance, u.name, u.code, c.base_fen, c.unit_fen, c.personal_fen, c.arrived
    from services.contribution c left join services.unit u on u.subject_id = c.unit
   where c.subject_id = $1 and c.month between $2 and $3
   order by c.month, c.insurance)sql"};
constexpr store::Query kUnit{"services.unit", R"sql(
  select unit_number, region, headcount, payable from services.unit where subject_id = $1)sql"};
constexpr store::Query kUnitEnrolments{"services.unit_enrolments", R"sql(
  select insurance, status, since, headcount, arrears_months
    from services.unit_enrolment where subject_id = $1
   order by array_position(array['pension', 'unemployment', 'injury', 'medical', 'maternity'],
                           insurance::text))sql"};
constexpr store::Query kRoster{"services.roster", R"sql(
  select number, person_sealed, status, since from services.roster where unit = $1
   order by number limit $2)sql"};

constexpr std::string_view kByHimself = "个人缴费";

/// One month of the table; its contributions were put in by the insurance.
struct Month {
  std::vector<std::string> units;
  std::int64_t base_fen = 0;
  std::map<std::string_view, bool> arrived;
};

void write_months(base::JsonWriter& out, const store::Rows& rows) {
  std::map<base::Date, Month> table;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& month = table[rows.date(i, 0)];
    const std::string unit(rows.is_null(i, 2) ? kByHimself : rows.text(i, 2));
    // Who changed units in a month has two in it.
    if (std::find(month.units.begin(), month.units.end(), unit) == month.units.end())
      month.units.push_back(unit);
    month.base_fen = std::max(month.base_fen, rows.integer(i, 4));
    month.arrived[rows.text(i, 1)] = rows.boolean(i, 7);
  }
  out.key("months");
  out.StartArray();
  for (const auto& [date, month] : table) {
    out.StartObject();
    out.member("month", iso_month(date));
    out.key("units");
    out.StartArray();
    for (const auto& unit : month.units) out.string(unit);
    out.EndArray();
    out.member("base", yuan(month.base_fen));
    out.key("arrived");
    out.StartObject();
    for (const auto& [insurance, arrived] : month.arrived) out.member(insurance, arrived);
    out.EndObject();
    out.EndObject();
  }
  out.EndArray();
}

void write_contributions(base::JsonWriter& out, const store::Rows& rows) {
  out.key("contributions");
  out.StartArray();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out.StartObject();
    out.member("month", iso_month(rows.date(i, 0)));
    out.member("insurance", rows.text(i, 1));
    if (!rows.is_null(i, 2)) {
      out.member("unit", rows.text(i, 2));
      out.member("unit_code", rows.text(i, 3));
    }
    out.member("base", yuan(rows.integer(i, 4)));
    out.member("unit_paid", yuan(rows.integer(i, 5)));
    out.member("personal_paid", yuan(rows.integer(i, 6)));
    out.member("arrived", rows.boolean(i, 7));
    out.EndObject();
  }
  out.EndArray();
}

/// Names in full, numbers masked: who shows the roster shows others' data.
base::Result<void> write_roster(base::JsonWriter& out, const Frame& frame) {
  BASE_TRY(const auto rows, frame.tx.run(kRoster, {frame.record, kMostRoster}));
  if (rows.empty()) return {};
  out.key("roster");
  out.StartArray();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto place = frame.record + "/" + std::to_string(rows.integer(i, 0));
    BASE_TRY(const auto plain,
             frame.cipher.open("services.roster.person", place, rows.bytes(i, 1)));
    BASE_TRY(const auto person, base::parse_json(base::as_text(plain)));
    out.StartObject();
    out.member("number", rows.integer(i, 0));
    out.member("name", base::json_text(person, "name"));
    out.member("id_number", base::mask_number(base::json_text(person, "id_number")));
    out.member("status", rows.text(i, 2));
    out.member("since", iso_month(rows.date(i, 3)));
    out.EndObject();
  }
  out.EndArray();
  return {};
}

}  // namespace

base::Result<std::string> enrolment(const Frame& frame) {
  BASE_TRY(const auto insured, frame.tx.run(kInsured, {frame.record}));
  BASE_TRY(const auto enrolled, frame.tx.run(kEnrolments, {frame.record}));
  if (insured.empty() || enrolled.empty()) return not_enrolled();
  const auto from = frame.this_month - months{kMostMonths - 1};
  BASE_TRY(const auto paid, frame.tx.run(kContributions, {frame.record, first_day(from),
                                                          first_day(frame.this_month)}));
  base::JsonWriter out;
  out.StartObject();
  out.member("personal_number", insured.text(0, 0));
  out.member("region", insured.text(0, 1));
  if (!insured.is_null(0, 2)) out.member("unit", insured.text(0, 2));
  write_period(out, from, frame.this_month);
  out.member("purpose", frame.purpose);
  write_common(out, frame);
  out.key("insurances");
  out.StartArray();
  for (std::size_t i = 0; i < enrolled.size(); ++i) {
    out.StartObject();
    out.member("insurance", enrolled.text(i, 0));
    out.member("status", enrolled.text(i, 1));
    out.member("since", iso_month(enrolled.date(i, 2)));
    out.member("months", enrolled.integer(i, 3));
    out.EndObject();
  }
  out.EndArray();
  write_months(out, paid);
  write_contributions(out, paid);
  out.EndObject();
  return out.text();
}

base::Result<std::string> unit_enrolment(const Frame& frame) {
  BASE_TRY(const auto unit, frame.tx.run(kUnit, {frame.record}));
  BASE_TRY(const auto enrolled, frame.tx.run(kUnitEnrolments, {frame.record}));
  if (unit.empty() || enrolled.empty()) return not_enrolled();
  std::int64_t owed = 0;
  for (std::size_t i = 0; i < enrolled.size(); ++i) owed = std::max(owed, enrolled.integer(i, 4));
  base::JsonWriter out;
  out.StartObject();
  out.member("unit_number", unit.text(0, 0));
  out.member("region", unit.text(0, 1));
  write_period(out, frame.this_month - months{kMostMonths - 1}, frame.this_month);
  out.member("headcount", unit.integer(0, 2));
  out.member("payable", unit.integer(0, 3));
  write_arrears(out, owed);
  out.member("purpose", frame.purpose);
  write_common(out, frame);
  out.key("insurances");
  out.StartArray();
  for (std::size_t i = 0; i < enrolled.size(); ++i) {
    out.StartObject();
    out.member("insurance", enrolled.text(i, 0));
    out.member("status", enrolled.text(i, 1));
    out.member("since", iso_month(enrolled.date(i, 2)));
    out.member("headcount", enrolled.integer(i, 3));
    write_arrears(out, enrolled.integer(i, 4));
    out.EndObject();
  }
  out.EndArray();
  if (frame.asked.roster) BASE_TRY_VOID(write_roster(out, frame));
  out.EndObject();
  return out.text();
}

}  // namespace services::documents
