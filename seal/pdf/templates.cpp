#include "seal/pdf/template.h"

namespace seal::pdf {

// LD/T 01-2020 5.4.2.3a 参保证明. The fields are those of services/documents/enrolment.h.
std::span<const Template> templates() {
  static const std::vector<Template> all{
      {
          .kind = "enrolment-certificate",
          .title = {"社会保险参保证明", "Certificate of Social Insurance Enrolment"},
          .grid = {{{{"姓名", "Name"}, "name", 85},
                    {{"社会保障号码", "Social security no."}, "id_number", 85}},
                   {{{"个人编号", "Personal no."}, "personal_number", 85},
                    {{"参保地", "Place of enrolment"}, "region", 85}},
                   {{{"参保单位", "Employer"}, "unit", 170}},
                   {{{"证明期间", "Period"}, "period", 85},
                    {{"用途", "Purpose"}, "issued_for", 85}}},
          .moment_field = "as_of",
          .tables = {{.heading = {"参保险种", "Insurance types"},
                      .prefix = "insurance",
                      .columns = {{{"险种", "Insurance"}, "name", 62, Align::left},
                                  {{"参保状态", "Status"}, "status", 36},
                                  {{"起始时间", "Since"}, "start", 36},
                                  {{"累计缴费月数", "Months contributed"}, "months", 36}},
                      .row_mm = 6.2},
                     {.heading = {"缴费记录", "Monthly contributions"},
                      .prefix = "",
                      .columns = {{{"年月", "Month"}, "", 25},
                                  {{"缴费单位", "Employer"}, "", 66, Align::left},
                                  {{"缴费基数（元）", "Base (CNY)"}, "", 28, Align::right},
                                  {{"养老", "Pension"}, "", 17},
                                  {{"失业", "Unemployment"}, "", 17},
                                  {{"工伤", "Work injury"}, "", 17}},
                      .row_mm = 5.6}},
          .statement = "兹证明以上参保登记和缴费记录与本机构业务系统在数据截至时间的记载一致。",
          .expected =
              "职工城乡居民基本养老失业工伤医疗生育保险补充参保缴费暂停退休终止未已到账中本人自用"
              "年月日至—",
          .straddling = true,
      },
      {
          .kind = "unit-enrolment-certificate",
          .title = {"单位社会保险参保证明", "Certificate of Social Insurance Enrolment (Employer)"},
          .grid = {{{{"单位名称", "Employer"}, "name", 170}},
                   {{{"统一社会信用代码", "Social credit code"}, "id_number", 85},
                    {{"单位编号", "Employer no."}, "unit_number", 85}},
                   {{{"参保地", "Place of enrolment"}, "region", 85},
                    {{"证明期间", "Period"}, "period", 85}},
                   {{{"参保人数", "Insured persons"}, "headcount", 85},
                    {{"正常应缴人数", "Persons payable"}, "payable", 85}},
                   {{{"欠费状态", "Arrears"}, "arrears", 85},
                    {{"用途", "Purpose"}, "issued_for", 85}}},
          .moment_field = "as_of",
          .tables = {{.heading = {"参保险种", "Insurance types"},
                      .prefix = "",
                      .columns = {{{"险种", "Insurance"}, "", 58, Align::left},
                                  {{"参保状态", "Status"}, "", 28},
                                  {{"起始时间", "Since"}, "", 28},
                                  {{"参保人数", "Insured persons"}, "", 28},
                                  {{"欠费状态", "Arrears"}, "", 28}},
                      .row_mm = 6.6}},
          .statement = "兹证明以上参保登记和缴费情况与本机构业务系统在数据截至时间的记载一致。",
          .expected =
              "职工城乡居民基本养老失业工伤医疗生育保险补充参保缴费暂停退休终止无欠费个月年月日至"
              "有限责任公司股份科技集团—",
          .straddling = true,
      },
  };
  return all;
}

}  // namespace seal::pdf
