// The ways of proving one's identity and the level that each reaches (domain: 二要素 … 窗口核验).
// LD/T 01-2020 5.4.1.5.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "auth/registration_fields.h"
#include "base/result.h"

namespace auth {

struct ProofingMethod {
  std::string_view id;  ///< its name in the catalogue: `auth.proofing.method.<id>`
  Proofing level = Proofing::p1;
  std::array<std::string_view, 2> typed = {};  ///< what the person types beside the record
  bool for_units = false;
  bool consent = false;  ///< a separate consent first
  enum class Way { asked, visited, shown } way = Way::asked;
};

/// asked: two-factor P1, three-factor P2, four-factor P2, association P2. visited: social-card P2,
/// network-id P2 (or P1, as Proofings::Config says), face P3, network-id-face P3. shown elsewhere: certificate P3, counter P3.
std::span<const ProofingMethod> proofing_methods();
const ProofingMethod* proofing_method(std::string_view id);  ///< null: there is none

/// What was typed, in the form in which sources compare it. Errors: invalid_argument
/// `auth.proofing.typed` with fields: a form that no such number has; nothing about the person.
base::Result<FieldValues> read_typed(const ProofingMethod& method, const FieldValues& typed);

}  // namespace auth
