#include "base/text.h"

#include <utf8proc.h>

#include <cstdlib>

#include "base/encoding.h"

namespace base {
namespace {

std::optional<std::string> normal_form(std::string_view text, unsigned extra) {
  utf8proc_uint8_t* out = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &out,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | extra));
  if (size < 0) return std::nullopt;
  std::string result(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  std::free(out);
  return result;
}

std::string to_utf8(char32_t point) {
  utf8proc_uint8_t buffer[4];
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), buffer);
  return {reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(size)};
}

}  // namespace

bool is_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t point = 0;
    const auto used = utf8proc_iterate(at, left, &point);
    if (used <= 0) return false;
    at += used;
    left -= used;
  }
  return true;
}

std::optional<std::string> to_nfc(std::string_view text) {
  return normal_form(text, 0);
}

std::optional<std::string> to_nfkc(std::string_view text) {
  return normal_form(text, UTF8PROC_COMPAT);
}

std::u32string to_code_points(std::string_view text) {
  std::u32string out;
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t point = 0;
    const auto used = utf8proc_iterate(at, left, &point);
    if (used <= 0) return {};
    out.push_back(static_cast<char32_t>(point));
    at += used;
    left -= used;
  }
  return out;
}

std::size_t length_code_points(std::string_view text) {
  return to_code_points(text).size();
}

std::string mask_name(std::string_view name) {
  const auto points = to_code_points(name);
  std::string out;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool shown = i == 0 || (i + 1 == points.size() && points.size() > 2);
    out += shown ? to_utf8(points[i]) : "*";
  }
  return points.size() == 1 ? "*" : out;
}

std::string mask_number(std::string_view number, std::size_t head, std::size_t tail) {
  if (number.size() <= tail) return std::string(number.size(), '*');
  if (number.size() <= head + tail) head = 0;
  return std::string(number.substr(0, head)) + std::string(number.size() - head - tail, '*') +
         std::string(number.substr(number.size() - tail));
}

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\')
      out += c;
    else
      out += "\\x" + to_hex(BytesView(&byte, 1));
  }
  if (text.size() > most) out += "...";
  return out;
}

std::string shown(std::string_view text, std::size_t most) {
  if (text.size() > most || !is_utf8(text)) return printable(text, most);
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    const std::size_t size = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    const auto one = text.substr(i, size);
    const auto points = to_code_points(one);
    const auto point = points.empty() ? U'\0' : points.front();
    const bool control = point < 0x20 || (point >= 0x7F && point < 0xA0);
    const bool turns = point == 0x061C || (point >= 0x200B && point <= 0x200F) ||
                       (point >= 0x2028 && point <= 0x202E) ||
                       (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF;
    out += control || turns ? printable(one) : std::string(one);
    i += size;
  }
  return out;
}

}  // namespace base
