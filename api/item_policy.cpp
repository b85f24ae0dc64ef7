#include "api/item_policy.h"

#include <array>

namespace api {
namespace {

// P2: name and number alone (P1) are known to too many people to give somebody's records away.
constexpr std::array<ItemPolicy, 1> kItems{{
    {"enrolment-certificate", "enrolment", auth::Proofing::p2},
}};

}  // namespace

std::span<const ItemPolicy> item_policies() {
  return kItems;
}

const ItemPolicy* item_policy(std::string_view id) {
  for (const auto& item : kItems)
    if (item.id == id) return &item;
  return nullptr;
}

}  // namespace api
