#include "verify/ses_fields.h"

#include <algorithm>

#include "base/text.h"
#include "verify/ses.h"

namespace verify::ses::fields {
namespace {

using base::BytesView;
using certs::der::Walk;

/// "20261124030000Z", with a fraction that ends in no 0; the short form has two digits of year
/// (RFC 5280 §4.1.2.5.1). X.690 §11.7, §11.8.
std::optional<base::Time> to_time(std::string_view text, bool short_year) {
  std::string digits;
  if (short_year) digits = !text.empty() && text[0] < '5' ? "20" : "19";
  const std::size_t size = short_year ? 12 : 14;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() <= size || text.back() != 'Z') return std::nullopt;
  digits += text.substr(0, size);
  const auto fraction = text.substr(size, text.size() - size - 1);
  if (!std::all_of(digits.begin(), digits.end(), digit)) return std::nullopt;
  const bool good_fraction = fraction.size() >= 2 && fraction.size() <= 7 && fraction[0] == '.' &&
                             std::all_of(fraction.begin() + 1, fraction.end(), digit) &&
                             fraction.back() != '0' && !short_year;
  if (!fraction.empty() && !good_fraction) return std::nullopt;
  std::string rfc3339 = digits.substr(0, 4);
  rfc3339.append("-").append(digits, 4, 2).append("-").append(digits, 6, 2);
  rfc3339.append("T").append(digits, 8, 2).append(":").append(digits, 10, 2);
  rfc3339.append(":").append(digits, 12, 2);
  if (!fraction.empty()) {
    std::string micros(fraction);
    micros.resize(7, '0');
    rfc3339 += micros;
  }
  return base::parse_rfc3339(rfc3339 + "Z");
}

bool begins(BytesView data, std::string_view with) {
  return base::as_text(data).starts_with(with);
}

}  // namespace

Problem integer(Walk& from, std::int64_t& out) {
  const auto content = from.take(kInteger);
  if (!content || content->size() > 4 || ((*content)[0] & 0x80) != 0) return "verify.ses.structure";
  out = 0;
  for (const auto octet : *content) out = out << 8 | octet;
  return kFine;
}

Problem ascii(Walk& from, std::uint8_t tag, std::size_t most, std::string& out) {
  const auto content = from.take(tag);
  if (!content) return "verify.ses.structure";
  const auto good = [](std::uint8_t c) { return c >= 0x20 && c < 0x7F; };
  if (content->empty() || content->size() > most ||
      !std::all_of(content->begin(), content->end(), good))
    return "verify.ses.text";
  out = base::as_text(*content);
  return kFine;
}

Problem utf8(Walk& from, std::size_t most, std::string& out) {
  const auto content = from.take(kUtf8);
  if (!content) return "verify.ses.structure";
  const auto text = base::as_text(*content);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (text.empty() || text.size() > most || !base::is_utf8(text) ||
      std::any_of(text.begin(), text.end(), control))
    return "verify.ses.text";
  out = text;
  return kFine;
}

Problem time(Walk& from, std::uint8_t tag, base::Time& out) {
  const auto content = from.take(tag);
  if (!content) return "verify.ses.structure";
  const auto at = to_time(base::as_text(*content), tag == kUtcTime);
  if (!at) return "verify.ses.time";
  out = *at;
  return kFine;
}

Problem bits(Walk& from, BytesView& out) {
  const auto content = from.take(kBits);
  if (!content || content->empty() || (*content)[0] != 0) return "verify.ses.structure";
  out = content->subspan(1);
  return kFine;
}

/// A vector picture in XML may begin with a mark and white space.
bool is_picture(std::string_view type, BytesView data) {
  if (type == "png") return begins(data, "\x89PNG\r\n\x1a\n");
  if (type == "jpg") return begins(data, "\xff\xd8\xff");
  if (type == "gif") return begins(data, "GIF87a") || begins(data, "GIF89a");
  if (type == "bmp") return begins(data, "BM");
  if (type == "ofd") return begins(data, "PK\x03\x04");
  auto text = base::as_text(data);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const auto at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && text[at] == '<';
}

Problem algorithm(Walk& from) {
  const auto oid = from.take(kOid);
  if (!oid) return "verify.ses.structure";
  return certs::der::dotted(*oid) == kSm2WithSm3 ? kFine : "verify.ses.algorithm";
}

}  // namespace verify::ses::fields
