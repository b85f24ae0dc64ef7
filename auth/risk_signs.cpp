#include "auth/risk_signs.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace auth {
namespace {

using std::chrono::hours;

constexpr std::size_t kGuesses = 5, kNetworks = 3;
constexpr std::array<std::string_view, 5> kChanges{"password.change", "password.replace",
                                                   "factor.add", "factor.remove", "subject.change"};

bool is_change(std::string_view act) {
  return std::find(kChanges.begin(), kChanges.end(), act) != kChanges.end();
}

}  // namespace

std::string_view to_text(SignKind kind) {
  switch (kind) {
    case SignKind::guesses:
      return "guesses";
    case SignKind::new_network:
      return "new_network";
    case SignKind::many_networks:
      return "many_networks";
    case SignKind::changed_from_new_network:
      return "changed_from_new_network";
  }
  return {};
}

std::vector<RiskSign> risk_signs(const std::vector<SignRow>& rows) {
  std::vector<RiskSign> out;
  std::vector<base::Time> failures;            // of the last hour, since the last sign
  std::map<std::string, base::Time> networks;  // when somebody last got in from there
  std::optional<RiskSign> fresh;               // the last login from a new one
  std::optional<base::Time> told_many;
  for (const auto& row : rows) {
    const bool login = row.act.starts_with("login.");
    // Of a locked account the right password is no guess.
    if (login && row.outcome != "ok" && !row.outcome.starts_with("auth.locked")) {
      std::erase_if(failures, [&](auto at) { return row.at - at > hours(1); });
      failures.push_back(row.at);
      if (failures.size() >= kGuesses) {
        out.push_back({row.at, SignKind::guesses, row.network});
        failures.clear();
      }
      continue;
    }
    if (row.outcome != "ok") continue;
    if (login && !row.network.empty()) {
      if (!networks.empty() && !networks.contains(row.network)) {
        fresh = RiskSign{row.at, SignKind::new_network, row.network};
        out.push_back(*fresh);
      }
      networks[row.network] = row.at;
      const auto lately = std::count_if(networks.begin(), networks.end(), [&](const auto& one) {
        return row.at - one.second <= hours(24);
      });
      const bool told = told_many && row.at - *told_many <= hours(24);
      if (static_cast<std::size_t>(lately) >= kNetworks && !told) {
        out.push_back({row.at, SignKind::many_networks, row.network});
        told_many = row.at;
      }
    }
    if (is_change(row.act) && fresh && row.at - fresh->at <= hours(24)) {
      out.push_back({row.at, SignKind::changed_from_new_network, fresh->network});
      fresh.reset();  // once for each
    }
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace auth
