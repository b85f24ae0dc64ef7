#include "auth/contact_numbers.h"

#include <algorithm>

#include "base/text.h"

namespace auth {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

/// One form of letters and digits, upper case, without spaces; hyphens only where they are kept.
std::string compact(std::string_view typed, bool keep_hyphens) {
  if (typed.size() > 256) return {};
  const auto folded = base::to_nfkc(typed);
  std::string out;
  for (char c : folded ? *folded : std::string()) {
    if (c == ' ' || (c == '-' && !keep_hyphens)) continue;
    out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

std::optional<std::string> letters_and_digits(std::string_view typed, std::size_t least,
                                              std::size_t most) {
  auto text = compact(typed, false);
  const bool good = text.size() >= least && text.size() <= most &&
                    std::all_of(text.begin(), text.end(),
                                [](char c) { return is_digit(c) || (c >= 'A' && c <= 'Z'); });
  return good ? std::optional(std::move(text)) : std::nullopt;
}

}  // namespace

std::optional<std::string> normal_mobile(std::string_view typed) {
  auto number = compact(typed, false);
  for (const std::string_view prefix : {"+86", "0086"})
    if (number.starts_with(prefix)) {
      number.erase(0, prefix.size());
      break;
    }
  if (number.size() != 11 || !all_digits(number) || number[0] != '1' || number[1] < '3')
    return std::nullopt;
  return number;
}

std::optional<std::string> normal_telephone(std::string_view typed) {
  if (auto mobile = normal_mobile(typed)) return mobile;
  const auto number = compact(typed, true);
  const std::string_view view(number);
  const auto first = view.find('-');
  if (first == std::string_view::npos || first < 3 || first > 4 || view[0] != '0' ||
      !all_digits(view.substr(0, first)))
    return std::nullopt;
  const auto second = view.find('-', first + 1);
  const auto local = view.substr(
      first + 1, second == std::string_view::npos ? std::string_view::npos : second - first - 1);
  if (!all_digits(local) || local.size() < 7 || local.size() > 8 || local[0] < '2')
    return std::nullopt;
  if (second != std::string_view::npos) {
    const auto extension = view.substr(second + 1);
    if (!all_digits(extension) || extension.size() > 6) return std::nullopt;
  }
  return number;
}

std::optional<std::string> normal_social_security_number(std::string_view typed) {
  return letters_and_digits(typed, 18, 18);
}

std::optional<std::string> normal_card_number(std::string_view typed) {
  return letters_and_digits(typed, 6, 20);
}

std::optional<std::string> normal_bank_account(std::string_view typed) {
  auto number = compact(typed, false);
  if (!all_digits(number) || number.size() < 16 || number.size() > 19) return std::nullopt;
  return number;
}

bool bank_account_checks(std::string_view digits) {
  int sum = 0;
  bool doubled = false;
  for (auto it = digits.rbegin(); it != digits.rend(); ++it, doubled = !doubled) {
    const int value = (*it - '0') * (doubled ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 == 0;
}

}  // namespace auth
