#include "auth/id_numbers.h"

#include <array>
#include <optional>

namespace auth {
namespace {

constexpr std::string_view kUnifiedAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";  // no I O S V Z

base::Error refuse(const char* key) {
  return base::error(base::Code::invalid_argument, key);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool all_digits(std::string_view text) {
  for (const char c : text)
    if (!is_digit(c)) return false;
  return !text.empty();
}

int number_of(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

std::optional<base::Date> date_of(std::string_view yyyymmdd) {
  const std::chrono::year_month_day date{
      std::chrono::year{number_of(yyyymmdd.substr(0, 4))},
      std::chrono::month{static_cast<unsigned>(number_of(yyyymmdd.substr(4, 2)))},
      std::chrono::day{static_cast<unsigned>(number_of(yyyymmdd.substr(6, 2)))}};
  if (!date.ok()) return std::nullopt;
  return base::Date{date};
}

bool region_fits(std::string_view region) {
  if (region[0] < '1' || region[0] > '8') return false;
  // 81–83 are the residence permits of Hong Kong, Macao and Taiwan; they name no smaller region.
  if (region[0] == '8') return region == "810000" || region == "820000" || region == "830000";
  return true;
}

// GB 11714: weights 3 7 9 10 5 8 4 2, letters A=10 … Z=35, check 11 − Σ mod 11 (10 -> X, 11 -> 0).
bool organisation_code_checks(std::string_view nine) {
  constexpr std::array<int, 8> kWeights{3, 7, 9, 10, 5, 8, 4, 2};
  int sum = 0;
  for (std::size_t i = 0; i < kWeights.size(); ++i)
    sum += kWeights[i] * (is_digit(nine[i]) ? nine[i] - '0' : nine[i] - 'A' + 10);
  const int check = 11 - sum % 11;
  const char expected = check == 10 ? 'X' : check == 11 ? '0' : static_cast<char>('0' + check);
  return nine[8] == expected;
}

}  // namespace

char citizen_check(std::string_view first_17) {
  constexpr std::array<int, 17> kWeights{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  base::check(first_17.size() == kWeights.size(), "citizen_check takes 17 digits");
  int sum = 0;
  for (std::size_t i = 0; i < kWeights.size(); ++i) sum += kWeights[i] * (first_17[i] - '0');
  return "10X98765432"[sum % 11];
}

base::Result<CitizenNumber> parse_citizen_number(std::string_view text, base::Date today) {
  if (text.size() != 18 || !all_digits(text.substr(0, 17))) return refuse("auth.id_number.form");
  std::string number(text);
  number[17] = upper(number[17]);
  if (!is_digit(number[17]) && number[17] != 'X') return refuse("auth.id_number.form");
  if (!region_fits(text.substr(0, 6))) return refuse("auth.id_number.region");
  const auto born = date_of(text.substr(6, 8));
  constexpr base::Date kOldest{std::chrono::year{1890} / 1 / 1};
  if (!born || *born > today || *born < kOldest) return refuse("auth.id_number.date");
  if (citizen_check(text.substr(0, 17)) != number[17]) return refuse("auth.id_number.check");
  return CitizenNumber{std::move(number), *born, (text[16] - '0') % 2 == 1};
}

base::Result<std::string> citizen_number_for_lookup(std::string_view text, base::Date today) {
  std::string full(text);
  if (text.size() == 15 && all_digits(text)) {
    full = std::string(text.substr(0, 6)) + "19" + std::string(text.substr(6));
    full += citizen_check(full);
  }
  BASE_TRY(auto parsed, parse_citizen_number(full, today));
  return std::move(parsed.number);
}

char unified_code_check(std::string_view first_17) {
  base::check(first_17.size() == 17, "unified_code_check takes 17 characters");
  int sum = 0;
  int weight = 1;  // 3^i mod 31
  for (const char c : first_17) {
    const auto value = kUnifiedAlphabet.find(c);
    base::check(value != std::string_view::npos, "character outside GB 32100");
    sum += static_cast<int>(value) * weight;
    weight = weight * 3 % 31;
  }
  return kUnifiedAlphabet[static_cast<std::size_t>((31 - sum % 31) % 31)];
}

base::Result<UnifiedCode> parse_unified_code(std::string_view text) {
  if (text.size() != 18) return refuse("auth.uscc.form");
  std::string code;
  for (const char c : text) code += upper(c);
  if (code.find_first_not_of(kUnifiedAlphabet) != std::string::npos)
    return refuse("auth.uscc.form");
  // Region: digits. Registering department and category are lists that grow: not asked here.
  if (!all_digits(std::string_view(code).substr(2, 6))) return refuse("auth.uscc.form");
  if (unified_code_check(std::string_view(code).substr(0, 17)) != code[17])
    return refuse("auth.uscc.check");
  const bool organisation = organisation_code_checks(std::string_view(code).substr(8, 9));
  return UnifiedCode{std::move(code), organisation};
}

base::Result<std::string> normal_id_number(std::string_view id_type, std::string_view text,
                                           base::Date today) {
  if (id_type == "cn-id" || id_type == "hmt-permit") {
    BASE_TRY(auto parsed, parse_citizen_number(text, today));
    if ((parsed.number[0] == '8') != (id_type == "hmt-permit"))
      return refuse("auth.id_number.region");
    return std::move(parsed.number);
  }
  if (id_type == "uscc") {
    BASE_TRY(auto parsed, parse_unified_code(text));
    return std::move(parsed.code);
  }
  if (id_type != "passport" && id_type != "unit-number" && id_type != "project-code" &&
      id_type != "overseas-body")
    return refuse("auth.id_type.unknown");
  std::string out;
  for (const char c : text) {
    if (c <= ' ' || c > '~') return refuse("auth.id_number.form");
    out += upper(c);
  }
  if (out.empty() || out.size() > 40) return refuse("auth.id_number.form");
  return out;
}

}  // namespace auth
