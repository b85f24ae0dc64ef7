#include "services/documents/enrolment.h"

#include <array>
#include <map>

#include "base/json.h"
#include "base/text.h"

namespace services {
namespace {

using base::Code;
using std::chrono::months;
using std::chrono::year_month;
using std::chrono::year_month_day;

// One snapshot for all that a certificate says.
constexpr store::Query kSnapshot{"services.snapshot",
                                 "set transaction isolation level repeatable read"};
constexpr store::Query kInsured{"services.insured", R"sql(
  select i.personal_number, i.region, u.name
    from services.insured i left join services.unit u on u.subject_id = i.unit
   where i.subject_id = $1)sql"};
constexpr store::Query kEnrolments{"services.enrolments", R"sql(
  select insurance, status, since, months from services.enrolment where subject_id = $1)sql"};
constexpr store::Query kContributions{"services.contributions", R"sql(
  select c.month, c.insurance, u.name, u.code, c.base_fen, c.unit_fen, c.personal_fen, c.arrived
    from services.contribution c left join services.unit u on u.subject_id = c.unit
   where c.subject_id = $1 and c.month between $2 and $3
   order by c.month, c.insurance)sql"};
constexpr store::Query kUnit{"services.unit", R"sql(
  select unit_number, region, headcount, payable from services.unit where subject_id = $1)sql"};
constexpr store::Query kUnitEnrolments{"services.unit_enrolments", R"sql(
  select insurance, status, since, headcount, arrears_months
    from services.unit_enrolment where subject_id = $1)sql"};
// Of the holder and those merged into it (in this order) the first that is known here.
constexpr store::Query kRecordOf{"services.record_of", R"sql(
  select w.id from unnest(string_to_array($1, ' ')) with ordinality w (id, place)
   where exists (select 1 from services.insured i where i.subject_id = w.id)
      or exists (select 1 from services.unit u where u.subject_id = w.id)
   order by w.place limit 1)sql"};

constexpr std::string_view kNothing = "—";
constexpr std::size_t kMostPurpose = 50;  ///< code points

struct Named {
  std::string_view id, text;
};
/// In the order in which certificates list them.
constexpr std::array<Named, kMostInsurances> kInsurances{{{"pension", "职工基本养老保险"},
                                                          {"unemployment", "失业保险"},
                                                          {"injury", "工伤保险"},
                                                          {"medical", "职工基本医疗保险"},
                                                          {"maternity", "生育保险"}}};
constexpr std::array<Named, 3> kStatuses{
    {{"active", "参保缴费"}, {"paused", "暂停缴费"}, {"retired", "退休"}}};
/// The columns of the monthly table.
constexpr std::array<std::string_view, 3> kMonthly{"pension", "unemployment", "injury"};

std::string_view status_text(std::string_view id) {
  for (const auto& status : kStatuses)
    if (status.id == id) return status.text;
  base::fail("an enrolment status that the database does not allow");
}

year_month month_of(base::Date date) {
  const year_month_day day{date};
  return day.year() / day.month();
}
base::Date first_day(year_month month) {
  return base::Date{month / 1};
}
std::string iso_month(year_month month) {
  return base::to_iso_date(first_day(month)).substr(0, 7);
}
/// 2026年11月
std::string chinese_month(year_month month) {
  const auto iso = iso_month(month);
  return iso.substr(0, 4) + "年" + iso.substr(5, 2) + "月";
}
/// 850000 -> "8500.00"
std::string yuan(std::int64_t fen) {
  const auto cents = std::to_string(fen % 100);
  return std::to_string(fen / 100) + (cents.size() == 1 ? ".0" : ".") + cents;
}
std::string arrears_text(std::int64_t owed_months) {
  return owed_months == 0 ? "无欠费" : "欠费" + std::to_string(owed_months) + "个月";
}

base::Error not_enrolled() {
  return base::error(Code::not_found, "services.not_enrolled");
}

/// What both certificates share.
struct Frame {
  base::Time as_of;
  year_month from, to;
  std::string purpose;
  std::string record;  ///< under which id the rows stand
  std::string handler;
  std::string issued_for() const {
    return handler.empty() ? purpose : purpose + "（" + handler + "代办）";
  }
  std::string period() const { return chinese_month(from) + "至" + chinese_month(to); }
};

struct Enrolment {
  std::string_view insurance, name, status;
  base::Date since;
  std::int64_t months = 0;                         ///< a person's, contributed
  std::int64_t headcount = 0, arrears_months = 0;  ///< a unit's
};

/// The rows in the order of kInsurances.
std::vector<Enrolment> in_order(const store::Rows& rows, bool of_unit) {
  std::vector<Enrolment> out;
  for (const auto& insurance : kInsurances)
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows.text(i, 0) != insurance.id) continue;
      Enrolment next{insurance.id, insurance.text, rows.text(i, 1), rows.date(i, 2)};
      if (of_unit) {
        next.headcount = rows.integer(i, 3);
        next.arrears_months = rows.integer(i, 4);
      } else {
        next.months = rows.integer(i, 3);
      }
      out.push_back(next);
    }
  return out;
}

/// 职工基本养老保险（参保缴费）、失业保险（参保缴费）
std::string summary(const std::vector<Enrolment>& enrolments) {
  std::string out;
  for (const auto& one : enrolments) {
    if (!out.empty()) out += "、";
    out += std::string(one.name) + "（" + std::string(status_text(one.status)) + "）";
  }
  return out;
}

/// One month of the table; its contributions were put in by the insurance.
struct Month {
  std::string unit;
  std::int64_t base_fen = 0;
  std::map<std::string_view, bool> arrived;
};

std::vector<std::vector<std::string>> monthly_table(const store::Rows& rows) {
  std::map<base::Date, Month> table;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& month = table[rows.date(i, 0)];
    const auto unit = rows.is_null(i, 2) ? std::string_view("个人缴费") : rows.text(i, 2);
    // Who changed units in a month has two in it.
    if (month.unit.find(unit) == std::string::npos)
      month.unit += (month.unit.empty() ? "" : "、") + std::string(unit);
    month.base_fen = std::max(month.base_fen, rows.integer(i, 4));
    month.arrived[rows.text(i, 1)] = rows.boolean(i, 7);
  }
  std::vector<std::vector<std::string>> out;
  for (const auto& [date, month] : table) {
    auto& cells = out.emplace_back();
    cells = {chinese_month(month_of(date)), month.unit, yuan(month.base_fen)};
    for (const auto insurance : kMonthly) {
      const auto it = month.arrived.find(insurance);
      cells.emplace_back(it == month.arrived.end() ? kNothing : it->second ? "已到账" : "未到账");
    }
  }
  return out;
}

/// The machine-readable record's head; its object stays open.
void write_frame(base::JsonWriter& out, std::string_view kind, const Holder& holder,
                 std::string_view region, const Frame& frame) {
  out.StartObject();
  out.member("type", kind);
  out.member("version", 1);
  out.member("name", holder.name);
  out.member("id_number", holder.id_number);
  out.member("region", region);
  out.key("period");
  out.StartObject();
  out.member("from", iso_month(frame.from));
  out.member("to", iso_month(frame.to));
  out.EndObject();
  out.member("purpose", frame.purpose);
  if (!frame.handler.empty()) out.member("handled_by", frame.handler);
  out.member("as_of", base::to_rfc3339(frame.as_of));
}

void write_enrolments(base::JsonWriter& out, const std::vector<Enrolment>& enrolments,
                      bool of_unit) {
  out.key("insurances");
  out.StartArray();
  for (const auto& one : enrolments) {
    out.StartObject();
    out.member("insurance", one.insurance);
    out.member("name", one.name);
    out.member("status", one.status);
    out.member("since", iso_month(month_of(one.since)));
    if (of_unit) {
      out.member("headcount", one.headcount);
      out.member("arrears_months", one.arrears_months);
    } else {
      out.member("months", one.months);
    }
    out.EndObject();
  }
  out.EndArray();
}

void write_contributions(base::JsonWriter& out, const store::Rows& rows) {
  out.key("contributions");
  out.StartArray();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out.StartObject();
    out.member("month", iso_month(month_of(rows.date(i, 0))));
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

base::Result<seal::Draft> draft_person(store::Tx& tx, const Holder& holder, const Frame& frame) {
  BASE_TRY(const auto insured, tx.run(kInsured, {frame.record}));
  BASE_TRY(const auto enrolled, tx.run(kEnrolments, {frame.record}));
  if (insured.empty() || enrolled.empty()) return not_enrolled();
  BASE_TRY(const auto paid,
           tx.run(kContributions, {frame.record, first_day(frame.from), first_day(frame.to)}));
  const auto enrolments = in_order(enrolled, false);
  const std::string region(insured.text(0, 1));
  const auto as_of = base::to_china_time(frame.as_of);

  seal::Draft draft;
  draft.kind = kEnrolmentCertificate;
  draft.subject = holder.subject;
  draft.fields = {
      {"name", holder.name},
      {"id_number", holder.id_number},
      {"personal_number", std::string(insured.text(0, 0))},
      {"region", region},
      {"unit", std::string(insured.is_null(0, 2) ? kNothing : insured.text(0, 2))},
      {"period", frame.period()},
      {"issued_for", frame.issued_for()},
      {"as_of", as_of},
  };
  for (std::size_t i = 0; i < enrolments.size(); ++i) {
    const auto& one = enrolments[i];
    const auto prefix = "insurance." + std::to_string(i + 1);
    draft.fields.emplace_back(prefix + ".name", one.name);
    draft.fields.emplace_back(prefix + ".status", status_text(one.status));
    draft.fields.emplace_back(prefix + ".start", chinese_month(month_of(one.since)));
    draft.fields.emplace_back(prefix + ".months", std::to_string(one.months));
  }
  draft.rows = monthly_table(paid);
  draft.masked_facts = {
      {"fact.name", base::mask_name(holder.name)},
      {"fact.id_number", base::mask_number(holder.id_number)},
      {"fact.region", region},
      {"fact.period", frame.period()},
      {"fact.insurances", summary(enrolments)},
      {"fact.as_of", as_of},
  };
  base::JsonWriter record;
  write_frame(record, draft.kind, holder, region, frame);
  record.member("personal_number", insured.text(0, 0));
  write_enrolments(record, enrolments, false);
  write_contributions(record, paid);
  record.EndObject();
  draft.facts_json = record.text();
  return draft;
}

base::Result<seal::Draft> draft_unit(store::Tx& tx, const Holder& holder, const Frame& frame) {
  BASE_TRY(const auto unit, tx.run(kUnit, {frame.record}));
  BASE_TRY(const auto enrolled, tx.run(kUnitEnrolments, {frame.record}));
  if (unit.empty() || enrolled.empty()) return not_enrolled();
  const auto enrolments = in_order(enrolled, true);
  const std::string region(unit.text(0, 1));
  const auto as_of = base::to_china_time(frame.as_of);
  std::int64_t owed = 0;
  for (const auto& one : enrolments) owed = std::max(owed, one.arrears_months);

  seal::Draft draft;
  draft.kind = kUnitEnrolmentCertificate;
  draft.subject = holder.subject;
  draft.fields = {
      {"name", holder.name},
      {"id_number", holder.id_number},
      {"unit_number", std::string(unit.text(0, 0))},
      {"region", region},
      {"period", frame.period()},
      {"issued_for", frame.issued_for()},
      {"as_of", as_of},
      {"headcount", std::to_string(unit.integer(0, 2))},
      {"payable", std::to_string(unit.integer(0, 3))},
      {"arrears", arrears_text(owed)},
  };
  for (const auto& one : enrolments)
    draft.rows.push_back({std::string(one.name), std::string(status_text(one.status)),
                          chinese_month(month_of(one.since)), std::to_string(one.headcount),
                          arrears_text(one.arrears_months)});
  draft.masked_facts = {
      {"fact.unit_name", holder.name},
      {"fact.unit_code", holder.id_number},
      {"fact.region", region},
      {"fact.period", frame.period()},
      {"fact.insurances", summary(enrolments)},
      {"fact.arrears", arrears_text(owed)},
      {"fact.as_of", as_of},
  };
  base::JsonWriter record;
  write_frame(record, draft.kind, holder, region, frame);
  record.member("unit_number", unit.text(0, 0));
  record.member("headcount", unit.integer(0, 2));
  record.member("payable", unit.integer(0, 3));
  write_enrolments(record, enrolments, true);
  record.EndObject();
  draft.facts_json = record.text();
  return draft;
}

base::Result<std::string> purpose_of(std::string_view given, bool is_unit) {
  if (given.empty()) return std::string(is_unit ? "单位自用" : "本人自用");
  const auto normal = base::to_nfc(given);
  bool good = normal && base::length_code_points(*normal) <= kMostPurpose;
  if (good)
    for (const char32_t c : base::to_code_points(*normal))
      good = good && c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x2028 && c != 0x2029;
  if (!good) return base::error(Code::invalid_argument, "services.purpose");
  return *normal;
}

}  // namespace

Enrolments::Enrolments(store::Pool& pool, const base::Clock& clock) : pool_(pool), clock_(clock) {}

base::Result<seal::Draft> Enrolments::draft_certificate(const auth::Actor& actor,
                                                        const Holder& holder,
                                                        std::string_view purpose) {
  BASE_TRY(auto wording, purpose_of(purpose, holder.is_unit));
  BASE_TRY(auto tx, pool_.begin(store::Mode::read_only));
  BASE_TRY_VOID(tx.run(kSnapshot));
  if (actor.acting_for().value() != holder.subject)
    return base::error(Code::permission_denied, "services.not_own");
  BASE_TRY(const auto record, tx.run(kRecordOf, {actor.holders()}));
  if (record.empty()) return not_enrolled();
  const auto as_of = clock_.now();
  const auto to = month_of(base::china_date(as_of));
  const Frame frame{as_of,
                    to - months{kMostMonths - 1},
                    to,
                    std::move(wording),
                    std::string(record.text(0, 0)),
                    holder.handler};
  return holder.is_unit ? draft_unit(tx, holder, frame) : draft_person(tx, holder, frame);
}

}  // namespace services
