#include "auth/proofing_methods.h"

#include <optional>

#include "auth/contact_numbers.h"

namespace auth {
namespace {

using Way = ProofingMethod::Way;

constexpr std::array<ProofingMethod, 10> kMethods{{
    {"two-factor", Proofing::p1, {}, true},
    {"three-factor", Proofing::p2, {"phone"}},
    {"four-factor", Proofing::p2, {"phone", "bank_card"}},
    {"association", Proofing::p2, {"card_number", "last_base"}},
    {"social-card", Proofing::p2, {}, false, false, Way::visited},
    {"network-id", Proofing::p2, {}, false, false, Way::visited},
    {"face", Proofing::p3, {}, false, true, Way::visited},
    {"network-id-face", Proofing::p3, {}, false, true, Way::visited},
    {"certificate", Proofing::p3, {}, true, false, Way::shown},
    {"counter", Proofing::p3, {}, true, false, Way::shown},
}};

/// 缴费基数 in yuan, as it stands on a pay slip: "8500", "8500.5", "8,500.50" are one amount.
std::optional<std::string> normal_amount(std::string_view typed) {
  std::string whole, cents;
  bool point = false;
  for (const char c : typed) {
    if (c == ' ' || c == ',') continue;
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    (point ? cents : whole) += c;
  }
  while (whole.size() > 1 && whole[0] == '0') whole.erase(0, 1);
  if (whole.empty() || whole.size() > 9 || cents.size() > 2) return std::nullopt;
  cents.resize(2, '0');
  return whole + "." + cents;
}

std::optional<std::string> normal(std::string_view field, std::string_view typed) {
  if (typed.size() > 80) return std::nullopt;
  if (field == "phone") return normal_mobile(typed);
  if (field == "bank_card") return normal_bank_account(typed);
  if (field == "card_number") return normal_card_number(typed);
  return normal_amount(typed);
}

}  // namespace

std::span<const ProofingMethod> proofing_methods() {
  return kMethods;
}

const ProofingMethod* proofing_method(std::string_view id) {
  for (const auto& method : kMethods)
    if (method.id == id) return &method;
  return nullptr;
}

base::Result<FieldValues> read_typed(const ProofingMethod& method, const FieldValues& typed) {
  FieldValues out;
  auto invalid = base::error(base::Code::invalid_argument, "auth.proofing.typed");
  for (const auto field : method.typed) {
    if (field.empty()) continue;
    const auto given = typed.find(field);
    const auto read = given == typed.end() ? std::nullopt : normal(field, given->second);
    if (read)
      out.emplace(field, *read);
    else
      invalid.fields.push_back({std::string(field), "auth.proofing.typed." + std::string(field)});
  }
  if (!invalid.fields.empty()) return invalid;
  return out;
}

}  // namespace auth
