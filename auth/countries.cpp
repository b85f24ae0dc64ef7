#include "auth/countries.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "embedded_countries.h"

namespace auth {
namespace {

std::vector<Country> read_list() {
  std::vector<Country> out;
  std::string_view rest = embedded::countries().begin()->bytes;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (line.empty() || line[0] == '#') continue;
    const auto bar = line.find('|');
    base::check(bar != std::string_view::npos && bar > 8 && line[3] == ' ' && line[7] == ' ',
                "a line of auth/countries.txt");
    out.push_back(
        {line.substr(0, 3), line.substr(4, 3), line.substr(8, bar - 8), line.substr(bar + 1)});
  }
  return out;
}

const Country* find(std::string_view Country::*code, std::string_view wanted) {
  const auto all = countries();
  const auto it =
      std::find_if(all.begin(), all.end(), [&](const Country& one) { return one.*code == wanted; });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace

std::span<const Country> countries() {
  static const auto list = read_list();
  return list;
}

const Country* country_by_alpha3(std::string_view code) {
  return find(&Country::alpha3, code);
}

const Country* country_by_numeric(std::string_view code) {
  return find(&Country::numeric, code);
}

}  // namespace auth
