#include "services/documents/records.h"

#include <array>

#include "base/text.h"
#include "services/documents/facts.h"

namespace services {
namespace {

using base::Code;

// One snapshot for all that a document says.
constexpr store::Query kSnapshot{"services.snapshot",
                                 "set transaction isolation level repeatable read"};
// Of the holder and those merged into it (in this order) the first that is known here.
constexpr store::Query kRecordOf{"services.record_of", R"sql(
  select w.id from unnest(string_to_array($1, ' ')) with ordinality w (id, place)
   where exists (select 1 from services.insured i where i.subject_id = w.id)
      or exists (select 1 from services.unit u where u.subject_id = w.id)
   order by w.place limit 1)sql"};

constexpr std::size_t kMostPurpose = 50;  ///< code points

struct Kind {
  std::string_view asked, name;  ///< as it is asked for; as it is called
  bool of_unit;
  base::Result<std::string> (*facts)(const documents::Frame&);
  bool takes_purpose = false, takes_year = false, takes_roster = false;
};
constexpr std::array<Kind, 6> kKinds{{
    {.asked = kEnrolmentCertificate,
     .name = kEnrolmentCertificate,
     .of_unit = false,
     .facts = documents::enrolment,
     .takes_purpose = true},
    {.asked = kEnrolmentCertificate,
     .name = kUnitEnrolmentCertificate,
     .of_unit = true,
     .facts = documents::unit_enrolment,
     .takes_purpose = true,
     .takes_roster = true},
    {.asked = kContributionCertificate,
     .name = kContributionCertificate,
     .of_unit = false,
     .facts = documents::contributions},
    {.asked = kRightsRecord,
     .name = kRightsRecord,
     .of_unit = false,
     .facts = documents::rights,
     .takes_year = true},
    {.asked = kRightsRecord,
     .name = kUnitRightsRecord,
     .of_unit = true,
     .facts = documents::unit_rights,
     .takes_year = true},
    {.asked = kBenefitStatement,
     .name = kBenefitStatement,
     .of_unit = false,
     .facts = documents::benefits},
}};

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

/// A wish that goes unheard is refused: nobody believes otherwise.
base::Result<void> check_wishes(const Kind& kind, const Asked& asked) {
  const auto refuse = [](const char* field) {
    auto failure = base::error(Code::invalid_argument, "services.request", field);
    failure.args = {{"field", field}};
    failure.fields = {{field, "services.request"}};
    return failure;
  };
  if (!asked.purpose.empty() && !kind.takes_purpose) return refuse("purpose");
  if (asked.year && !kind.takes_year) return refuse("year");
  if (asked.year && (*asked.year < 1990 || *asked.year > 2999)) return refuse("year");
  if (asked.roster && !kind.takes_roster) return refuse("roster");
  return {};
}

}  // namespace

namespace documents {

year_month month_of(base::Date date) {
  const std::chrono::year_month_day day{date};
  return day.year() / day.month();
}

base::Date first_day(year_month month) {
  return base::Date{month / 1};
}

std::string iso_month(base::Date first_day) {
  return base::to_iso_date(first_day).substr(0, 7);
}

std::string iso_month(year_month month) {
  return iso_month(first_day(month));
}

std::string yuan(std::int64_t fen) {
  const auto size = fen < 0 ? -fen : fen;
  const auto cents = std::to_string(size % 100);
  return (fen < 0 ? "-" : "") + std::to_string(size / 100) + (cents.size() == 1 ? ".0" : ".") +
         cents;
}

base::Error not_enrolled() {
  return base::error(Code::not_found, "services.not_enrolled");
}

void write_common(base::JsonWriter& out, const Frame& frame) {
  if (!frame.holder.handler.empty()) out.member("handled_by", frame.holder.handler);
  out.member("as_of", base::to_rfc3339(frame.as_of));
}

void write_period(base::JsonWriter& out, year_month from, year_month to) {
  out.key("period");
  out.StartObject();
  out.member("from", iso_month(from));
  out.member("to", iso_month(to));
  out.EndObject();
}

void write_arrears(base::JsonWriter& out, std::int64_t months) {
  out.key("arrears");
  out.StartObject();
  out.member("state", months == 0 ? "none" : "owed");
  if (months != 0) out.member("months", months);
  out.EndObject();
}

}  // namespace documents

Records::Records(store::Pool& pool, const store::FieldCipher& cipher, const base::Clock& clock)
    : pool_(pool), cipher_(cipher), clock_(clock) {}

base::Result<Facts> Records::facts(std::string_view kind, const auth::Actor& actor,
                                   const Holder& holder, const Asked& asked) {
  const Kind* found = nullptr;
  for (const auto& one : kKinds)
    if (one.asked == kind && one.of_unit == holder.is_unit) found = &one;
  if (found == nullptr) return base::error(Code::invalid_argument, "seal.kind");
  BASE_TRY_VOID(check_wishes(*found, asked));
  BASE_TRY(auto purpose, purpose_of(asked.purpose, holder.is_unit));
  BASE_TRY(auto tx, pool_.begin(store::Mode::read_only));
  BASE_TRY_VOID(tx.run(kSnapshot));
  if (actor.acting_for().value() != holder.subject)
    return base::error(Code::permission_denied, "services.not_own");
  BASE_TRY(const auto record, tx.run(kRecordOf, {actor.holders()}));
  if (record.empty()) return documents::not_enrolled();
  const auto as_of = clock_.now();
  const documents::Frame frame{tx,
                               cipher_,
                               std::string(record.text(0, 0)),
                               holder,
                               asked,
                               std::move(purpose),
                               as_of,
                               documents::month_of(base::china_date(as_of))};
  BASE_TRY(auto json, found->facts(frame));
  return Facts{std::string(found->name), std::move(json)};
}

}  // namespace services
