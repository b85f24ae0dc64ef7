// 参保证明: the facts of a person's or unit's enrolment, drafted for sealing.
// LD/T 01-2020 5.4.2.3a; contents domain.md §4.4.
//
// What a Draft of this room holds: the contract with seal's templates. All texts are ready to
// print.
//
// kind "enrolment-certificate" (person), Draft.fields:
//   name             张小三
//   id_number        社会保障号码, whole: 11010519491231002X
//   personal_number  个人编号, the agency's own number for the person
//   region           参保地: 示范省示范市
//   unit             present unit, "—" when there is none
//   period           2024年12月至2026年11月 (the months that the rows show)
//   issued_for       用途, chosen by the holder: 本人自用; of one who acts for another with his
//   name
//                    behind: 单位自用（李四代办）
//   as_of            the data's moment, China time: 2026-11-24 11:00:00
//   insurance.1.name, .status, .start, .months   职工基本养老保险, 参保缴费, 2019年07月, 88
//   insurance.2.…                                numbered without gaps, at most kMostInsurances
// Draft.rows, oldest month first, at most kMostMonths, always 6 cells:
//   2026年11月 | unit's name | 缴费基数 in yuan "8500.00" | 养老 | 失业 | 工伤: 已到账, 未到账 or —
//
// kind "unit-enrolment-certificate", Draft.fields:
//   name, id_number (统一社会信用代码), unit_number (单位编号), region, period, issued_for, as_of,
//   as above headcount        参保人数: 42 payable          正常应缴人数: 41 arrears 欠费状态:
//   无欠费, or 欠费2个月
// Draft.rows, one per insurance, always 5 cells:
//   职工基本养老保险 | 参保缴费 | start 2019年07月 | 参保人数 | 无欠费
//
// Draft.masked_facts of a person: fact.name 张*三, fact.id_number 110105********002X, fact.region,
// fact.period, fact.insurances, fact.as_of. Of a unit: fact.unit_name, fact.unit_code, fact.region,
// fact.period, fact.insurances, fact.arrears, fact.as_of. Their labels:
// base/messages/services.json.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/actor.h"
#include "base/clock.h"
#include "seal/issuer.h"
#include "store/store.h"

namespace services {

inline constexpr std::string_view kEnrolmentCertificate = "enrolment-certificate";
inline constexpr std::string_view kUnitEnrolmentCertificate = "unit-enrolment-certificate";
inline constexpr int kMostMonths = 24;
inline constexpr int kMostInsurances = 5;

/// What the service must know of a subject from the floor above it (api asks auth and passes it
/// in).
struct Holder {
  std::string subject;
  bool is_unit = false;
  std::string name;
  std::string id_number;
  std::string handler = {};  ///< name of who acts for it; empty: the holder himself
};

class Enrolments {
 public:
  Enrolments(store::Pool& pool, const base::Clock& clock);
  /// Drafts the certificate of whom the actor acts for (himself, or by a mandate) from the rows as
  /// of now; rows of somebody who was merged into the holder are the holder's. `purpose` is the
  /// holder's own words; empty: 本人自用 or 单位自用. Errors: not_found `services.not_enrolled`;
  /// permission_denied `services.not_own`; invalid_argument `services.purpose`; those of
  /// store::Pool.
  base::Result<seal::Draft> draft_certificate(const auth::Actor& actor, const Holder& holder,
                                              std::string_view purpose = {});

 private:
  store::Pool& pool_;
  const base::Clock& clock_;
};

}  // namespace services
