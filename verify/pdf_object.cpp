#include "verify/pdf_object.h"

#include <algorithm>
#include <cstring>

namespace verify::pdf {
namespace {

bool is_digit(int c) {
  return c >= '0' && c <= '9';
}

int hex_digit(int c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool is_space(int c) {
  return c == 0 || c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' ';
}

bool is_delimiter(int c) {
  return c >= 0 && c < 128 && c != 0 && std::strchr("()<>[]{}/%", c) != nullptr;
}

const Object* Object::member(std::string_view key) const {
  if (type != Type::dictionary) return nullptr;
  for (const auto& [name, object] : members)
    if (name == key) return &object;
  return nullptr;
}

bool Object::operator==(const Object& other) const {
  if (type != other.type) return false;
  switch (type) {
    case Type::null:
      return true;
    case Type::boolean:
      return boolean == other.boolean;
    case Type::integer:
      return integer == other.integer;
    case Type::real:
    case Type::name:
    case Type::string:
      return text == other.text;
    case Type::reference:
      return reference == other.reference;
    case Type::array:
      return items == other.items;
    case Type::dictionary:
      return members.size() == other.members.size() &&
             std::all_of(members.begin(), members.end(), [&](const auto& one) {
               const Object* twin = other.member(one.first);
               return twin != nullptr && *twin == one.second;
             });
  }
  return false;
}

void Reader::skip_space() {
  for (;;) {
    while (is_space(peek())) ++at_;
    if (peek() != '%') return;
    while (peek() >= 0 && peek() != '\r' && peek() != '\n') ++at_;
  }
}

bool Reader::keyword(std::string_view word) {
  skip_space();
  if (bytes_.size() - at_ < word.size() ||
      std::memcmp(bytes_.data() + at_, word.data(), word.size()) != 0)
    return false;
  const int next = peek(word.size());
  if (next >= 0 && !is_space(next) && !is_delimiter(next)) return false;
  at_ += word.size();
  return true;
}

bool Reader::number(std::int64_t& out) {
  skip_space();
  if (!is_digit(peek())) return false;
  out = 0;
  for (int digits = 0; is_digit(peek()); ++at_) {
    if (++digits > 15) return false;
    out = out * 10 + (peek() - '0');
  }
  return peek() < 0 || is_space(peek()) || is_delimiter(peek());
}

bool Reader::value(Object& out, int depth) {
  if (depth > budget_.depth || budget_.values == 0) return false;
  --budget_.values;
  skip_space();
  const std::size_t begin = at_;
  bool good = false;
  const int c = peek();
  if (c == '/') {
    out.type = Type::name;
    good = name(out.text);
  } else if (c == '(') {
    out.type = Type::string;
    good = literal(out.text);
  } else if (c == '[') {
    good = array(out, depth);
  } else if (c == '<' && peek(1) == '<') {
    good = dictionary(out, depth);
  } else if (c == '<') {
    out.type = Type::string;
    out.hex = true;
    good = hexadecimal(out.text);
  } else if (is_digit(c)) {
    good = integer_or_reference(out);
  } else if (c == '+' || c == '-' || c == '.') {
    good = numeric(out);
  } else if (keyword("true")) {
    out.type = Type::boolean;
    out.boolean = good = true;
  } else if (keyword("false")) {
    out.type = Type::boolean;
    good = true;
  } else {
    good = keyword("null");
  }
  if (in_file_) {
    out.begin = begin;
    out.end = at_;
  }
  return good;
}

bool Reader::array(Object& out, int depth) {
  out.type = Type::array;
  ++at_;
  for (;;) {
    skip_space();
    if (peek() == ']') {
      ++at_;
      return true;
    }
    if (!value(out.items.emplace_back(), depth + 1)) return false;
  }
}

bool Reader::dictionary(Object& out, int depth) {
  out.type = Type::dictionary;
  at_ += 2;
  for (;;) {
    skip_space();
    if (peek() == '>' && peek(1) == '>') {
      at_ += 2;
      break;
    }
    if (peek() != '/') return false;
    auto& [key, object] = out.members.emplace_back();
    if (!name(key) || !value(object, depth + 1)) return false;
  }
  std::vector<std::string_view> keys;
  keys.reserve(out.members.size());
  for (const auto& [key, object] : out.members) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) == keys.end();
}

bool Reader::name(std::string& out) {
  ++at_;  // the slash
  while (peek() >= 0 && !is_space(peek()) && !is_delimiter(peek())) {
    int c = peek();
    if (c == '#') {
      const int high = hex_digit(peek(1)), low = hex_digit(peek(2));
      if (high < 0 || low < 0 || (high == 0 && low == 0)) return false;
      c = high << 4 | low;
      at_ += 2;
    }
    out += static_cast<char>(c);
    ++at_;
  }
  return true;
}

bool Reader::literal(std::string& out) {
  ++at_;
  int open = 1;
  for (;; ++at_) {
    int c = peek();
    if (c < 0) return false;
    if (c == '(') ++open;
    if (c == ')' && --open == 0) break;
    if (c == '\r') {  // any end of line is one line feed
      if (peek(1) == '\n') ++at_;
      c = '\n';
    }
    if (c != '\\') {
      out += static_cast<char>(c);
      continue;
    }
    c = peek(1);
    if (c < 0) return false;
    ++at_;
    if (c >= '0' && c <= '7') {
      int octal = c - '0';
      for (int more = 0; more < 2 && peek(1) >= '0' && peek(1) <= '7'; ++more, ++at_)
        octal = octal * 8 + (peek(1) - '0');
      out += static_cast<char>(octal & 0xFF);
    } else if (c == '\r' || c == '\n') {
      if (c == '\r' && peek(1) == '\n') ++at_;
    } else {
      constexpr std::string_view kFrom = "nrtbf", kTo = "\n\r\t\b\f";
      const auto at = kFrom.find(static_cast<char>(c));
      out += at == std::string_view::npos ? static_cast<char>(c) : kTo[at];
    }
  }
  ++at_;
  return true;
}

bool Reader::hexadecimal(std::string& out) {
  ++at_;
  int high = -1;
  for (;; ++at_) {
    const int c = peek();
    if (c == '>') break;
    if (is_space(c)) continue;
    const int digit = hex_digit(c);
    if (digit < 0) return false;
    if (high < 0) {
      high = digit;
    } else {
      out += static_cast<char>(high << 4 | digit);
      high = -1;
    }
  }
  if (high >= 0) out += static_cast<char>(high << 4);
  ++at_;
  return true;
}

bool Reader::numeric(Object& out) {
  const std::size_t begin = at_;
  bool negative = false;
  if (peek() == '+' || peek() == '-') negative = bytes_[at_++] == '-';
  std::int64_t value = 0;
  int digits = 0, points = 0;
  for (; is_digit(peek()) || peek() == '.'; ++at_) {
    if (peek() == '.') {
      if (++points > 1) return false;
      continue;
    }
    if (++digits > 15) return false;
    value = value * 10 + (peek() - '0');
  }
  if (digits == 0 || (peek() >= 0 && !is_space(peek()) && !is_delimiter(peek()))) return false;
  if (points == 0) {
    out.type = Type::integer;
    out.integer = negative ? -value : value;
  } else {
    out.type = Type::real;
    out.text = base::as_text(bytes_.subspan(begin, at_ - begin));
  }
  return true;
}

bool Reader::integer_or_reference(Object& out) {
  if (!numeric(out)) return false;
  if (!out.is(Type::integer)) return true;
  // "12 0 R" begins like two integers: look ahead, and come back when it is none.
  const std::size_t after = at_;
  std::int64_t generation = 0;
  skip_space();
  if (is_digit(peek()) && number(generation) && keyword("R")) {
    out.type = Type::reference;
    out.reference = {out.integer, generation};
    out.integer = 0;
    return true;
  }
  at_ = after;
  return true;
}

}  // namespace verify::pdf
