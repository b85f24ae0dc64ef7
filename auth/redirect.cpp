#include "auth/redirect.h"

#include "base/encoding.h"

namespace auth {
namespace {

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_unreserved(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

bool is_host(std::string_view host) {
  if (host == "[::1]") return true;
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.back() == '.' ||
      host.find("..") != std::string_view::npos)
    return false;
  for (const char c : host)
    if (!is_lower_or_digit(c) && c != '.' && c != '-') return false;
  return true;
}

bool is_port(std::string_view port) {
  if (port.empty() || port.size() > 5 || port.front() == '0') return false;
  int value = 0;
  for (const char c : port) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  return value <= 65535;
}

bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    const auto end = path.find('/');
    const auto segment = path.substr(0, end);
    if (segment == "." || segment == "..") return true;
    if (end == std::string_view::npos) return false;
    path.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

bool is_loopback(std::string_view host) {
  return host == "127.0.0.1" || host == "[::1]" || host == "localhost";
}

std::optional<std::string> registrable_host(std::string_view uri) {
  if (uri.size() > 512) return std::nullopt;
  for (const char c : uri)
    if (c <= ' ' || c > '~' || std::string_view("\"<>\\^`{|}#").find(c) != std::string_view::npos)
      return std::nullopt;
  const bool secure = uri.starts_with("https://");
  if (!secure && !uri.starts_with("http://")) return std::nullopt;
  auto rest = uri.substr(secure ? 8 : 7);
  const auto end = rest.find_first_of("/?");
  const auto authority = rest.substr(0, end);
  const auto colon = authority.starts_with('[') ? authority.find(':', authority.find(']') + 1)
                                                : authority.find(':');
  const auto host = authority.substr(0, colon);
  if (!is_host(host)) return std::nullopt;  // '@' is no host character: no user either
  if (colon != std::string_view::npos && !is_port(authority.substr(colon + 1))) return std::nullopt;
  if (!secure && !is_loopback(host)) return std::nullopt;
  if (end != std::string_view::npos) {
    rest.remove_prefix(end);
    if (has_dot_segment(rest.substr(0, rest.find('?')))) return std::nullopt;
  }
  return std::string(host);
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::optional<std::string> form_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      std::string hex(text.substr(i + 1, 2));
      for (char& c : hex)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
      const auto byte = base::from_hex(hex);
      if (!byte) return std::nullopt;
      out += static_cast<char>((*byte)[0]);
      i += 2;
    }
  }
  return out;
}

std::string with_query(std::string_view uri, const Pairs& pairs) {
  std::string out(uri);
  const auto mark = out.find('?');
  char joint = mark == std::string::npos                     ? '?'
               : mark + 1 == out.size() || out.back() == '&' ? '\0'
                                                             : '&';
  for (const auto& [name, value] : pairs) {
    if (joint != '\0') out += joint;
    joint = '&';
    out += percent_encode(name) + "=" + percent_encode(value);
  }
  return out;
}

}  // namespace auth
