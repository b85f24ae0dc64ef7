#include "api/item_policy.h"

#include <array>

namespace api {
namespace {

// P2: name and number alone (P1) are known to too many people to give somebody's records away.
constexpr std::array<ItemPolicy, 4> kItems{{
    {"enrolment-certificate", "enrolment", auth::Proofing::p2},
    {"contribution-certificate", "contribution", auth::Proofing::p2},
    {"rights-record", "rights", auth::Proofing::p2},
    {"benefit-statement", "benefit", auth::Proofing::p2},
}};

}  // namespace

std::span<const ItemPolicy> least_item_policies() {
  return kItems;
}

const ItemPolicy* find_item(std::span<const ItemPolicy> items, std::string_view id) {
  for (const auto& item : items)
    if (item.id == id) return &item;
  return nullptr;
}

}  // namespace api
