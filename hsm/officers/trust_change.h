// Does a trust list only stop somebody? Stopping is cheap, starting is not: security.md §1.4.
#pragma once

#include <string_view>

#include "base/clock.h"

namespace hsm::officers {

/// How far before a list's issue what it stops may have ended. Further back it takes away what was
/// good when it was signed, and that is not stopping.
inline constexpr auto kStopsBack = std::chrono::hours(48);

/// `before` and `after` are Content::said; `issued` is when the later one was. True when nothing is
/// added, widened, reordered or named otherwise, and all that differs is of these:
/// - an entry has an `until`, or an earlier one;
/// - a body has steps behind its history, suspended or removed, that do not reach back (no
///   `invalid_since`); or it expires earlier.
/// None of these moments is more than kStopsBack before `issued`. What the readers of trust lists
/// (certs/trust_list.cpp) would refuse may pass: it stops nobody, and admits nobody.
bool only_stops(std::string_view before, std::string_view after, base::Time issued);

}  // namespace hsm::officers
