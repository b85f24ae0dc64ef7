// What in the trail of an account looks like somebody else at work, for staff to look at: nothing is
// decided by it. identity.md §1.7; LD/T 01-2020 6.2.5e. No I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace auth {

/// One row of the trail about an account.
struct SignRow {
  base::Time at;
  std::string act, outcome;
  std::string network;  ///< empty: not noted
};

enum class SignKind {
  guesses,                   ///< five wrong passwords or codes within an hour
  new_network,               ///< a login from where none of these rows has one before
  many_networks,             ///< logins from three networks within a day
  changed_from_new_network,  ///< password, factor or data changed within a day of such a login
};
/// "guesses", …: message keys end so.
std::string_view to_text(SignKind kind);

struct RiskSign {
  base::Time at;
  SignKind kind = SignKind::guesses;
  std::string network;
};

/// `rows` oldest first. Newest first. The first network of all is no news.
std::vector<RiskSign> risk_signs(const std::vector<SignRow>& rows);

}  // namespace auth
