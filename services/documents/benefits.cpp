// 待遇明细. LD/T 01-2020 5.4.2.3c; contents domain.md §4.6. Of the bank account the last four
// digits.
#include "services/documents/facts.h"

namespace services::documents {
namespace {

constexpr store::Query kBeneficiary{"services.beneficiary", R"sql(
  select i.personal_number, i.region, b.since, b.eligible_until, b.bank, b.account_tail
    from services.beneficiary b join services.insured i on i.subject_id = b.subject_id
   where b.subject_id = $1)sql"};
constexpr store::Query kPayments{"services.payments", R"sql(
  select month, insurance, item, due_fen, deducted_fen, state
    from services.benefit_payment where subject_id = $1 and month between $2 and $3
   order by month, insurance, item)sql"};

struct Totals {
  std::int64_t due = 0, deducted = 0, paid = 0;
};

/// Paid is what left and did not come back.
Totals totals_of(const store::Rows& payments) {
  Totals out;
  for (std::size_t i = 0; i < payments.size(); ++i) {
    out.due += payments.integer(i, 3);
    out.deducted += payments.integer(i, 4);
    if (payments.text(i, 5) == "paid" || payments.text(i, 5) == "sent")
      out.paid += payments.integer(i, 3) - payments.integer(i, 4);
  }
  return out;
}

}  // namespace

base::Result<std::string> benefits(const Frame& frame) {
  BASE_TRY(const auto who, frame.tx.run(kBeneficiary, {frame.record}));
  if (who.empty()) return base::error(base::Code::not_found, "services.not_entitled");
  const auto from = frame.this_month - std::chrono::months{kBenefitMonths - 1};
  BASE_TRY(const auto payments,
           frame.tx.run(kPayments, {frame.record, first_day(from), first_day(frame.this_month)}));
  base::JsonWriter out;
  out.StartObject();
  out.member("personal_number", who.text(0, 0));
  out.member("region", who.text(0, 1));
  out.member("since", iso_month(who.date(0, 2)));
  if (!who.is_null(0, 3)) out.member("eligible_until", base::to_iso_date(who.date(0, 3)));
  out.key("bank");
  out.StartObject();
  out.member("name", who.text(0, 4));
  if (!who.is_null(0, 5)) out.member("tail", who.text(0, 5));
  out.EndObject();
  write_period(out, from, frame.this_month);
  const auto totals = totals_of(payments);
  out.key("totals");
  out.StartObject();
  out.member("due", yuan(totals.due));
  out.member("deducted", yuan(totals.deducted));
  out.member("paid", yuan(totals.paid));
  out.EndObject();
  write_common(out, frame);
  out.key("payments");
  out.StartArray();
  for (std::size_t i = 0; i < payments.size(); ++i) {
    out.StartObject();
    out.member("month", iso_month(payments.date(i, 0)));
    out.member("insurance", payments.text(i, 1));
    out.member("item", payments.text(i, 2));
    out.member("due", yuan(payments.integer(i, 3)));
    out.member("deducted", yuan(payments.integer(i, 4)));
    out.member("paid", yuan(payments.integer(i, 3) - payments.integer(i, 4)));
    out.member("state", payments.text(i, 5));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

}  // namespace services::documents
