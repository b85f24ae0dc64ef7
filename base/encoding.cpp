#include "base/encoding.h"

#include <array>

namespace base {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> reversed(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  for (auto& entry : table) entry = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}

constexpr auto kFromBase64 = reversed(kBase64);
constexpr auto kFromBase64Url = reversed(kBase64Url);

std::string encode(BytesView bytes, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 2 < bytes.size(); i += 3) {
    const unsigned v = bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2];
    for (const int shift : {18, 12, 6, 0}) out += alphabet[v >> shift & 63];
  }
  if (bytes.size() - i == 1) {
    const unsigned v = bytes[i] << 16;
    out += {alphabet[v >> 18 & 63], alphabet[v >> 12 & 63]};
  } else if (bytes.size() - i == 2) {
    const unsigned v = bytes[i] << 16 | bytes[i + 1] << 8;
    out += {alphabet[v >> 18 & 63], alphabet[v >> 12 & 63], alphabet[v >> 6 & 63]};
  }
  return out;
}

std::optional<Bytes> decode(std::string_view text, const std::array<std::int8_t, 256>& table) {
  if (text.size() % 4 == 1) return std::nullopt;
  Bytes out;
  out.reserve(text.size() / 4 * 3 + 2);
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = table[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    buffer = buffer << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(buffer >> bits));
      buffer &= (1U << bits) - 1;
    }
  }
  if (buffer != 0) return std::nullopt;  // spare bits must be zero: one text for one value
  return out;
}

}  // namespace

std::string to_hex(BytesView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto b : bytes) out += {kHex[b >> 4], kHex[b & 15]};
  return out;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  const auto nibble = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = nibble(text[i]), low = nibble(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return out;
}

std::string to_base64(BytesView bytes) {
  auto out = encode(bytes, kBase64);
  while (out.size() % 4 != 0) out += '=';
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  int padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  if (padding != static_cast<int>((4 - text.size() % 4) % 4)) return std::nullopt;
  return decode(text, kFromBase64);
}

std::string to_base64url(BytesView bytes) {
  return encode(bytes, kBase64Url);
}

std::optional<Bytes> from_base64url(std::string_view text) {
  return decode(text, kFromBase64Url);
}

std::string to_pem(std::string_view label, BytesView der) {
  const auto body = to_base64(der);
  std::string out = "-----BEGIN " + std::string(label) + "-----\n";
  for (std::size_t i = 0; i < body.size(); i += 64) out += body.substr(i, 64) + "\n";
  return out + "-----END " + std::string(label) + "-----\n";
}

std::optional<Bytes> from_pem(std::string_view label, std::string_view text) {
  const auto begin = "-----BEGIN " + std::string(label) + "-----";
  const auto end = "-----END " + std::string(label) + "-----";
  const auto from = text.find(begin);
  if (from == std::string_view::npos) return std::nullopt;
  const auto to = text.find(end, from);
  if (to == std::string_view::npos) return std::nullopt;
  std::string body;
  for (const char c : text.substr(from + begin.size(), to - from - begin.size()))
    if (c != '\n' && c != '\r') body += c;
  return from_base64(body);
}

}  // namespace base
