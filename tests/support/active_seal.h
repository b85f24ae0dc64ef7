// A seal in the register, come there in the ordinary way: applied for, approved by two others,
// made, handed over.
#pragma once

#include <string>

#include "base/check.h"
#include "seal/issuer.h"
#include "seal/seals.h"

namespace test {

/// Who takes part: none of them is anybody.
inline const auth::SubjectId kApplicant{"00000000000000000000000000000a01"};
inline const auth::SubjectId kApprover{"00000000000000000000000000000a02"};
inline const auth::SubjectId kOtherApprover{"00000000000000000000000000000a03"};

inline std::string seal_spec(const std::string& id,
                             const std::string& policy = R"({"kinds":["*"]})",
                             const std::string& keys = R"({"pdf":"seal-1"})") {
  return R"({"id":")" + id + R"(","name":"江州市社会保险事业管理中心业务专用章","type":"business",
    "owner":{"name":"江州市社会保险事业管理中心","code":"12360000MB0000001X"},
    "picture":{"shape":"round","width_mm":42,"height_mm":42,"text":"江州市社会保险事业管理中心",
               "caption":"社会保险业务专用章"},
    "valid":{"from":"2025-01-01","until":"2034-12-31"},"keys":)" +
         keys + R"(,"policy":)" + policy + "}";
}

inline std::string fresh_seal_number(base::Random& random) {
  std::string out = "360000";
  for (const auto byte : random.bytes(8)) out += static_cast<char>('0' + byte % 10);
  return out;
}

inline void approve_by_two(seal::Seals& seals, const base::Result<std::string>& request) {
  base::check(request.ok() && seals.approve(*request, kApprover).ok() &&
                  seals.approve(*request, kOtherApprover).ok(),
              "a request about a seal was not approved");
}

inline seal::SealId active_seal(store::Pool& pool, const base::Clock& clock, base::Random& random,
                                const std::string& policy = R"({"kinds":["*"]})",
                                const std::string& pdf_key = "seal-1") {
  seal::Seals seals({pool, clock, random});
  const auto id = fresh_seal_number(random);
  approve_by_two(seals,
                 seals.apply(seal_spec(id, policy, R"({"pdf":")" + pdf_key + R"("})"), kApplicant));
  base::check(
      seals.made(id, "<svg/>", {}, "system:test").ok() && seals.activate(id, kApplicant).ok(),
      "a seal was not made");
  return seal::SealId(id);
}

}  // namespace test
