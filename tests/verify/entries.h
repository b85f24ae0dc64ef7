// Register entries for tests: made from a number, all different.
#pragma once

#include <algorithm>
#include <string>

#include "base/digest.h"
#include "verify/register.h"

namespace test {

inline verify::Entry entry(int number) {
  const std::string name = std::to_string(number);
  verify::Entry entry;
  entry.id = verify::DocumentId("doc-" + name);
  const auto code = base::sha256(base::as_bytes("code " + name));
  std::copy_n(code.begin(), entry.code.size(), entry.code.begin());
  entry.kind = "enrolment-certificate";
  entry.issuer = "示例市社会保险事业管理中心";
  entry.issuer_code = "11330105002500287C";
  entry.issued_at = base::from_unix_s(1'795'000'000 + number);
  entry.file_sha256 = base::sha256(base::as_bytes("file " + name));
  entry.file_bytes = 30'000 + number;
  entry.facts = {{"fact.name", "张*三"},
                 {"fact.number", "110105********002X"},
                 {"fact.unit", "示例市\"测试\"\\有限公司"},
                 {"fact.period", "2020-01 — 2026-10"}};
  return entry;
}

inline bool same(const verify::Entry& a, const verify::Entry& b) {
  const auto same_fact = [](const verify::MaskedFact& x, const verify::MaskedFact& y) {
    return x.label == y.label && x.value == y.value;
  };
  return a.id == b.id && a.code == b.code && a.kind == b.kind && a.issuer == b.issuer &&
         a.issuer_code == b.issuer_code && a.issued_at == b.issued_at &&
         a.valid_until == b.valid_until && a.file_sha256 == b.file_sha256 &&
         a.file_bytes == b.file_bytes && a.standing == b.standing &&
         a.standing_reason == b.standing_reason && a.standing_since == b.standing_since &&
         a.successor == b.successor && a.change == b.change &&
         std::equal(a.facts.begin(), a.facts.end(), b.facts.begin(), b.facts.end(), same_fact);
}

}  // namespace test
