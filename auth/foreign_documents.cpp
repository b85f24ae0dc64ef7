#include "auth/foreign_documents.h"

#include <algorithm>
#include <array>

#include "auth/countries.h"
#include "auth/id_numbers.h"

namespace auth {
namespace {

base::Error refuse(const char* key) {
  return base::error(base::Code::invalid_argument, key);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return c >= 'A' && c <= 'Z';
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

/// Upper case ASCII; nothing when there is anything but letters, digits and '<'.
std::optional<std::string> upper_text(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!is_digit(c) && !is_letter(c) && c != '<') return std::nullopt;
    out += c;
  }
  return out;
}

int number_of(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

std::optional<base::Date> date_of(int year, std::string_view mmdd) {
  const std::chrono::year_month_day date{
      std::chrono::year{year},
      std::chrono::month{static_cast<unsigned>(number_of(mmdd.substr(0, 2)))},
      std::chrono::day{static_cast<unsigned>(number_of(mmdd.substr(2, 2)))}};
  if (!date.ok()) return std::nullopt;
  return base::Date{date};
}

/// Two digits of a year do not say the century: one must fit.
bool could_be_born(std::string_view yymmdd, base::Date today) {
  const int yy = number_of(yymmdd.substr(0, 2));
  for (const int century : {1900, 2000})
    if (const auto date = date_of(century + yy, yymmdd.substr(2)); date && *date <= today)
      return true;
  return false;
}

/// Provinces of GB/T 2260 that issue residence cards.
bool is_province(std::string_view two) {
  constexpr std::array<std::string_view, 31> kProvinces{
      "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33",
      "34", "35", "36", "37", "41", "42", "43", "44", "45", "46", "50",
      "51", "52", "53", "54", "61", "62", "63", "64", "65"};
  return std::find(kProvinces.begin(), kProvinces.end(), two) != kProvinces.end();
}

/// A foreigner's country: China's own people have other documents.
base::Result<std::string> foreign(const Country* country) {
  if (country == nullptr || country->alpha3 == "CHN") return refuse("auth.id_number.country");
  return std::string(country->alpha3);
}

base::Result<ResidenceCard> new_card(std::string number, base::Date today) {
  const std::string_view view(number);
  if (!all_digits(view.substr(0, 17)) || (!is_digit(view[17]) && view[17] != 'X'))
    return refuse("auth.id_number.form");
  if (!is_province(view.substr(1, 2))) return refuse("auth.id_number.region");
  BASE_TRY(auto nationality, foreign(country_by_numeric(view.substr(3, 3))));
  const auto born = date_of(number_of(view.substr(6, 4)), view.substr(10, 4));
  constexpr base::Date kOldest{std::chrono::year{1890} / 1 / 1};
  if (!born || *born > today || *born < kOldest) return refuse("auth.id_number.date");
  if (citizen_check(view.substr(0, 17)) != view[17]) return refuse("auth.id_number.check");
  std::string yymmdd(view.substr(8, 6));
  return ResidenceCard{std::move(number), std::move(nationality), std::move(yymmdd), false};
}

base::Result<ResidenceCard> old_card(std::string number, base::Date today) {
  const std::string_view view(number);
  if (!std::all_of(view.begin(), view.begin() + 3, is_letter) || !all_digits(view.substr(3)))
    return refuse("auth.id_number.form");
  BASE_TRY(auto nationality, foreign(country_by_alpha3(view.substr(0, 3))));
  if (!is_province(view.substr(3, 2))) return refuse("auth.id_number.region");
  if (!could_be_born(view.substr(7, 6), today)) return refuse("auth.id_number.date");
  if (mrz_check(view.substr(0, 14)) != view[14]) return refuse("auth.id_number.check");
  std::string yymmdd(view.substr(7, 6));
  return ResidenceCard{std::move(number), std::move(nationality), std::move(yymmdd), true};
}

/// China's ordinary passports: E and eight digits, E with a letter (no I, O) and seven, G and
/// eight; diplomatic, service and public affairs ones: D S P, with a second letter and seven.
bool is_chinese_form(std::string_view number) {
  if (number.size() != 9) return false;
  const auto rest = number.substr(1);
  if (all_digits(rest)) return std::string_view("EGDSP").find(number[0]) != std::string_view::npos;
  return std::string_view("EDSP").find(number[0]) != std::string_view::npos && is_letter(rest[0]) &&
         rest[0] != 'I' && rest[0] != 'O' && all_digits(rest.substr(1));
}

}  // namespace

std::optional<char> mrz_check(std::string_view text) {
  constexpr std::array<int, 3> kWeights{7, 3, 1};
  int sum = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    int value = 0;
    if (is_digit(c))
      value = c - '0';
    else if (is_letter(c))
      value = c - 'A' + 10;
    else if (c != '<')
      return std::nullopt;
    sum = (sum + value * kWeights[i % 3]) % 10;
  }
  return static_cast<char>('0' + sum);
}

base::Result<ResidenceCard> parse_residence_card(std::string_view text, base::Date today) {
  if (text.size() != 18 && text.size() != 15) return refuse("auth.id_number.form");
  auto number = upper_text(text);
  if (!number) return refuse("auth.id_number.form");
  if (number->size() == 15) return old_card(std::move(*number), today);
  if (number->front() != '9') return refuse("auth.id_number.region");
  return new_card(std::move(*number), today);
}

base::Result<Passport> parse_passport(std::string_view text, std::string_view country) {
  const auto* issuer = country_by_alpha3(country);
  if (issuer == nullptr) return refuse("auth.id_number.country");
  if (text.size() > 20) return refuse("auth.id_number.form");
  auto number = upper_text(text);
  if (!number || number->size() < 5 || number->find('<') != std::string::npos ||
      std::none_of(number->begin(), number->end(), is_digit))
    return refuse("auth.id_number.form");
  if (issuer->alpha3 == "CHN" && !is_chinese_form(*number)) return refuse("auth.id_number.form");
  return Passport{std::move(*number), std::string(issuer->alpha3)};
}

base::Result<Passport> parse_passport_line(std::string_view text) {
  if (text.size() != 44) return refuse("auth.mrz.form");
  const auto line = upper_text(text);
  if (!line) return refuse("auth.mrz.form");
  const std::string_view view(*line);
  // Where a field ends, its check stands; the optional field's may be a filler when it is empty.
  struct Field {
    std::size_t from, size;
  };
  for (const auto& [from, size] : {Field{0, 9}, Field{13, 6}, Field{21, 6}})
    if (mrz_check(view.substr(from, size)) != view[from + size]) return refuse("auth.mrz.check");
  const auto optional_field = view.substr(28, 14);
  const bool empty = optional_field.find_first_not_of('<') == std::string_view::npos;
  if (mrz_check(optional_field) != view[42] && !(empty && view[42] == '<'))
    return refuse("auth.mrz.check");
  const auto whole = std::string(view.substr(0, 10)) + std::string(view.substr(13, 7)) +
                     std::string(view.substr(21, 22));
  if (mrz_check(whole) != view[43]) return refuse("auth.mrz.check");

  if (!all_digits(view.substr(13, 6))) return refuse("auth.id_number.date");
  const auto born = view.substr(13, 6);
  if (!date_of(2000 + number_of(born.substr(0, 2)), born.substr(2)) &&
      !date_of(1900 + number_of(born.substr(0, 2)), born.substr(2)))
    return refuse("auth.id_number.date");
  std::string code(view.substr(10, 3));
  if (code == "D<<") code = "DEU";  // ICAO Doc 9303-3 §5: Germany's one letter
  auto number = view.substr(0, 9);
  number = number.substr(0, number.find_last_not_of('<') + 1);
  BASE_TRY(auto passport, parse_passport(number, code));
  passport.born_yymmdd = std::string(born);
  return passport;
}

}  // namespace auth
