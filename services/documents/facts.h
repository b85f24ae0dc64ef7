// What the documents of rights share: how their facts are written. Of this folder alone.
#pragma once

#include "base/json.h"
#include "services/documents/records.h"

namespace services::documents {

using std::chrono::year_month;

/// What one document is drafted from.
struct Frame {
  store::Tx& tx;
  const store::FieldCipher& cipher;
  std::string record;  ///< under which id the rows stand
  const Holder& holder;
  const Asked& asked;
  std::string purpose;
  base::Time as_of;
  year_month this_month;
};

year_month month_of(base::Date date);
base::Date first_day(year_month month);
std::string iso_month(year_month month);  ///< 2026-11
std::string iso_month(base::Date first_day);
std::string yuan(std::int64_t fen);  ///< 850000 -> "8500.00", -5 -> "-0.05"
base::Error not_enrolled();

/// The members of an object, opened and closed by the caller, that every kind has.
void write_common(base::JsonWriter& out, const Frame& frame);
void write_period(base::JsonWriter& out, year_month from, year_month to);
/// {"state": "none"}, or "owed" with the months.
void write_arrears(base::JsonWriter& out, std::int64_t months);

// One function a kind; each answers a whole JSON object.
base::Result<std::string> enrolment(const Frame& frame);
base::Result<std::string> unit_enrolment(const Frame& frame);
base::Result<std::string> contributions(const Frame& frame);
base::Result<std::string> rights(const Frame& frame);
base::Result<std::string> unit_rights(const Frame& frame);
base::Result<std::string> benefits(const Frame& frame);

}  // namespace services::documents
