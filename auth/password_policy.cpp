#include "auth/password_policy.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "embedded_passwords.h"

namespace auth {
namespace {

base::Error refuse(const char* key) {
  return base::error(base::Code::invalid_argument, key);
}

/// A string that wipes itself: working copies of a password must not stay behind in the heap.
struct Working {
  std::string text;
  explicit Working(std::string from) : text(std::move(from)) {}
  Working(const Working&) = delete;
  Working& operator=(const Working&) = delete;
  ~Working() { base::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}); }
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// The embedded list, sorted.
const std::vector<std::string_view>& well_known_words() {
  static const auto list = [] {
    std::vector<std::string_view> lines;
    for (const auto& file : embedded::passwords()) {
      std::string_view rest = file.bytes;
      while (!rest.empty()) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        if (!line.empty() && line[0] != '#') lines.push_back(line);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
      }
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }();
  return list;
}

bool is_listed(std::string_view word) {
  const auto& list = well_known_words();
  return std::binary_search(list.begin(), list.end(), word);
}

/// One to four characters over and over ("aaaa…", "12341234…"), or one unbroken run up or down
/// ("abcdefgh…", "987654321…"): the endless part of every list of well-known passwords.
bool is_pattern(const std::u32string& points) {
  for (std::size_t period = 1; period <= 4 && period * 2 <= points.size(); ++period)
    if (std::equal(points.begin() + static_cast<std::ptrdiff_t>(period), points.end(),
                   points.begin()))
      return true;
  if (points.size() < 3) return false;
  const auto step = static_cast<std::int64_t>(points[1]) - static_cast<std::int64_t>(points[0]);
  if (step != 1 && step != -1) return false;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const auto next =
        static_cast<std::int64_t>(points[i]) - static_cast<std::int64_t>(points[i - 1]);
    // A run of digits goes on from 9 to 0.
    const bool wraps = next == -9 * step && points[i] <= U'9' && points[i - 1] <= U'9';
    if (next != step && !wraps) return false;
  }
  return true;
}

void remove_all(std::string& text, const std::string& word) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word))
    text.erase(at, word.size());
}

bool is_digits(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Put together from listed words and runs alone, with separators and at most one free number (a
/// year, a birthday)? `text` is in lower case.
bool is_made_of_listed(std::string_view text) {
  constexpr std::string_view kSeparators = " .,-_!@#$*+?~";
  constexpr std::size_t kFreeDigits = 8;
  constexpr std::size_t kLongestPiece = 48;  // bytes
  // reached[i][n]: text[0..i) can be made with n free numbers.
  std::vector<std::array<bool, 2>> reached(text.size() + 1);
  reached[0][0] = true;
  for (std::size_t i = 0; i < text.size(); ++i)
    for (std::size_t used = 0; used < 2; ++used) {
      if (!reached[i][used]) continue;
      if (kSeparators.find(text[i]) != std::string_view::npos) reached[i + 1][used] = true;
      for (std::size_t size = 2; size <= kLongestPiece && i + size <= text.size(); ++size) {
        const auto piece = text.substr(i, size);
        if (is_listed(piece)) reached[i + size][used] = true;
        if (size >= 3 && is_pattern(base::to_code_points(piece))) reached[i + size][used] = true;
      }
      for (std::size_t size = 1; used == 0 && size <= kFreeDigits && i + size <= text.size();
           ++size)
        if (is_digits(text.substr(i, size))) reached[i + size][1] = true;
    }
  return reached[text.size()][0] || reached[text.size()][1];
}

}  // namespace

base::Result<base::Secret> normal_password(const base::Secret& password) {
  // 4 bytes a code point at most: a megabyte is refused without looking at it.
  if (password.reveal().size() > kPasswordMost * 4) return refuse("auth.password.too_long");
  if (!base::is_utf8(password.reveal_text())) return refuse("auth.password.text");
  if (base::length_code_points(password.reveal_text()) > kPasswordMost)
    return refuse("auth.password.too_long");
  auto normal = base::to_nfkc(password.reveal_text());
  if (!normal) return refuse("auth.password.text");
  const Working working(std::move(*normal));
  return base::Secret(base::as_bytes(working.text));
}

base::Result<void> judge_new_password(const base::Secret& normal, const PasswordPolicy& policy,
                                      bool second_factor, const std::vector<std::string>& about) {
  const auto least = second_factor ? policy.minimum_with_second : policy.minimum;
  auto points = base::to_code_points(normal.reveal_text());
  const auto length = points.size();
  Working rest(lower(normal.reveal_text()));
  const bool known = is_pattern(points) || is_made_of_listed(rest.text);
  base::wipe({reinterpret_cast<std::uint8_t*>(points.data()), points.size() * sizeof(char32_t)});
  if (length < least) {
    auto failure = refuse("auth.password.too_short");
    failure.args = {{"minimum", std::to_string(least)}};
    return failure;
  }
  if (known) return refuse("auth.password.well_known");
  // Words that stand for this service or this person count for nothing: what is left must still be
  // half a password, and not be a well-known one.
  const auto before = rest.text.size();
  for (const auto& words : {policy.own_words, about})
    for (const auto& word : words) {
      const auto normal_word = base::to_nfkc(word);
      if (normal_word && base::length_code_points(*normal_word) >= 2)
        remove_all(rest.text, lower(*normal_word));
    }
  if (rest.text.size() != before &&
      (base::length_code_points(rest.text) < (least + 1) / 2 || is_made_of_listed(rest.text)))
    return refuse("auth.password.well_known");
  return {};
}

}  // namespace auth
