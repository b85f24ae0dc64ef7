#include "certs/names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

namespace certs {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int number(std::string_view digits) {
  int out = 0;
  for (const char c : digits) out = out * 10 + (c - '0');
  return out;
}

bool month_and_day(std::string_view mmdd) {
  const int month = number(mmdd.substr(0, 2));
  const int day = number(mmdd.substr(2, 2));
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/// GB 11643-1999: ISO 7064 MOD 11-2 over 17 digits.
bool is_18(std::string_view run) {
  static constexpr std::array kWeights{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  static constexpr std::string_view kChecks = "10X98765432";
  if (run.size() != 18 || !month_and_day(run.substr(10, 4))) return false;
  std::size_t sum = 0;
  for (std::size_t i = 0; i < 17; ++i)
    sum += static_cast<std::size_t>((run[i] - '0') * kWeights[i]);
  const char last = run[17] == 'x' ? 'X' : run[17];
  return kChecks[sum % 11] == last;
}

bool is_15(std::string_view run) {
  return run.size() == 15 && run[0] != '0' && month_and_day(run.substr(8, 4));
}

}  // namespace

bool is_dns_name(std::string_view name) {
  if (name.empty() || name.size() > 253 || name.find('.') == std::string_view::npos) return false;
  while (true) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(),
                     [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-'; }))
      return false;
    // All digits at the end would be an address, not a name (RFC 1123 §2.1).
    if (dot == std::string_view::npos) return !std::all_of(label.begin(), label.end(), is_digit);
    name.remove_prefix(dot + 1);
  }
}

std::optional<base::Bytes> ip_octets(std::string_view text) {
  const std::string whole(text);
  std::array<unsigned char, 16> out{};
  if (inet_pton(AF_INET, whole.c_str(), out.data()) == 1)
    return base::Bytes(out.begin(), out.begin() + 4);
  if (inet_pton(AF_INET6, whole.c_str(), out.data()) == 1)
    return base::Bytes(out.begin(), out.end());
  return std::nullopt;
}

bool is_pseudonym(std::string_view text) {
  return text.size() >= 8 && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return is_digit(c) || is_letter(c) || c == '-';
         });
}

bool holds_identity_number(std::string_view text) {
  for (std::size_t begin = 0; begin < text.size();) {
    if (!is_digit(text[begin])) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    while (end < text.size() && is_digit(text[end])) ++end;
    const bool x_follows = end < text.size() && (text[end] == 'X' || text[end] == 'x');
    if (is_15(text.substr(begin, end - begin)) || is_18(text.substr(begin, end - begin)) ||
        (x_follows && is_18(text.substr(begin, end - begin + 1))))
      return true;
    begin = end;
  }
  return false;
}

}  // namespace certs
