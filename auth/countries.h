// Countries by their codes, as documents of foreigners carry them. ISO 3166-1. No I/O.
#pragma once

#include <span>
#include <string_view>

namespace auth {

struct Country {
  std::string_view alpha3;   ///< "KAZ"
  std::string_view numeric;  ///< "398"
  std::string_view zh, en;
};

/// All of them, by their English names (auth/countries.txt).
std::span<const Country> countries();
/// Nothing when there is no such code. Upper case; three digits.
const Country* country_by_alpha3(std::string_view code);
const Country* country_by_numeric(std::string_view code);

}  // namespace auth
