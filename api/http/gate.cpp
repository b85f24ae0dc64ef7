#include "api/http/gate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/text.h"

namespace api {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

using Table = std::array<bool, 256>;

constexpr Table table_of(std::string_view more, bool alphanumeric) {
  Table out{};
  for (int c = 0; c < 256; ++c)
    out[static_cast<std::size_t>(c)] =
        alphanumeric &&
        ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
  for (const char c : more) out[static_cast<unsigned char>(c)] = true;
  return out;
}

/// RFC 9110 §5.6.2.
constexpr Table kToken = table_of("!#$%&'*+-.^_`|~", true);
/// RFC 3986 §3.3 pchar, '%' and '/'.
constexpr Table kPath = table_of("-._~!$&'()*+,;=:@%/", true);
/// RFC 3986 §3.4 and what browsers leave unencoded in a query (WHATWG URL §1.3).
constexpr Table kQuery = table_of("-._~!$&'()*+,;=:@%/?[]{}|\\^`", true);

bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/' || c == '=';
}

bool all_in(std::string_view text, const Table& table) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return table[static_cast<unsigned char>(c)]; });
}

char lowered(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool equal_fold(std::string_view a, std::string_view lower_b) {
  return a.size() == lower_b.size() && std::equal(a.begin(), a.end(), lower_b.begin(),
                                                  [](char x, char y) { return lowered(x) == y; });
}

/// Fields of which a second one makes the request ambiguous.
constexpr std::string_view kOnce[] = {
    "host",   "content-length", "transfer-encoding", "content-type",
    "cookie", "authorization",  "content-encoding",  "expect",
    "origin", "idempotency-key", "client-cert"};

std::optional<Method> method_from(std::string_view text) {
  for (const auto method : {Method::get, Method::head, Method::post, Method::put, Method::patch,
                            Method::del, Method::options})
    if (text == to_string(method)) return method;
  return std::nullopt;
}

}  // namespace

Read HeadReader::refuse(int status, const char* key, const char* why) {
  refusal_ = {status, key, why};
  return Read::refused;
}

Read HeadReader::feed(std::string_view bytes, Request& request, Framing& framing) {
  for (; scanned_ < bytes.size(); ++scanned_) {
    const auto c = static_cast<unsigned char>(bytes[scanned_]);
    if (c == '\n') {
      if (scanned_ == 0 || bytes[scanned_ - 1] != '\r')
        return refuse(400, "http.malformed", "line feed without carriage return");
      if (++lines_ > limits_.fields + 2) return refuse(431, "http.fields", "too many fields");
      if (scanned_ >= 3 && bytes[scanned_ - 2] == '\n') {
        size_ = scanned_ + 1;
        return parse(bytes.substr(0, size_), request, framing) ? Read::whole : Read::refused;
      }
      if (scanned_ < 3) return refuse(400, "http.malformed", "no request line");
      continue;
    }
    if (scanned_ > 0 && bytes[scanned_ - 1] == '\r')
      return refuse(400, "http.malformed", "carriage return inside a line");
    if ((c < 0x20 && c != '\r' && c != '\t') || c >= 0x7f)
      return refuse(400, "http.malformed", "byte that no head holds");
    if (scanned_ >= limits_.head) return refuse(431, "http.fields", "head too large");
    if (lines_ == 0 && scanned_ > limits_.uri + 32) return refuse(414, "http.uri", "URI too long");
  }
  return Read::more;
}

bool HeadReader::parse(std::string_view head, Request& request, Framing& framing) {
  request.fields_.clear();
  request.query.clear();
  request.body.clear();
  request.head_.assign(head.substr(0, head.size() - kHeadEnd.size()));
  framing = Framing{};
  const std::string_view all = request.head_;
  auto end = all.find('\r');
  if (!parse_line(all.substr(0, end), request)) return false;
  while (end != std::string_view::npos) {
    const auto begin = end + 2;
    end = all.find('\r', begin);
    const auto line = all.substr(begin, end == std::string_view::npos ? end : end - begin);
    if (!parse_field(line, begin, request)) return false;
  }
  return check_fields(request, framing) && check_body_fields(request, framing);
}

bool HeadReader::parse_line(std::string_view line, Request& request) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last == first)
    return refuse(400, "http.malformed", "request line"), false;
  const auto name = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  if (name.empty() || name.size() > 32 || !all_in(name, kToken))
    return refuse(400, "http.malformed", "method"), false;
  const auto version = line.substr(last + 1);
  old_ = version == "HTTP/1.0" && !limits_.old_path.empty() && target.starts_with(limits_.old_path);
  if (version != "HTTP/1.1" && !old_) return refuse(400, "http.version", "version"), false;
  const auto method = method_from(name);
  if (!method) return refuse(501, "http.method", "method not in the list"), false;
  request.method = *method;
  return parse_target(target, request);
}

bool HeadReader::parse_target(std::string_view target, Request& request) {
  if (target.size() > limits_.uri) return refuse(414, "http.uri", "URI too long"), false;
  if (target.empty() || target.front() != '/')
    return refuse(400, "http.malformed", "target is not in origin form"), false;
  const auto question = target.find('?');
  const auto path = target.substr(0, question);
  const auto query =
      question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  if (!all_in(path, kPath) || !all_in(query, kQuery))
    return refuse(400, "http.malformed", "character in the target"), false;
  const bool opaque = !limits_.opaque_path.empty() && path.starts_with(limits_.opaque_path);
  if (opaque) {
    // Letters, digits, '+', '/', '=' and nothing else: no dots, so no segment that leads elsewhere.
    auto decoded = percent_decode(path);
    if (!decoded ||
        !std::all_of(decoded->begin() + static_cast<std::ptrdiff_t>(limits_.opaque_path.size()),
                     decoded->end(), is_base64))
      return refuse(400, "http.malformed", "not base64 in the path"), false;
    request.path = std::move(*decoded);
  } else if (path.find('%') == std::string_view::npos) {
    request.path.assign(path);
  } else {
    auto decoded = percent_decode(path);
    if (!decoded) return refuse(400, "http.malformed", "percent encoding in the path"), false;
    // An encoded slash or control byte would mean one path here and another at a proxy.
    const auto slashes = [](std::string_view text) {
      return std::count(text.begin(), text.end(), '/');
    };
    const bool sly = slashes(*decoded) != slashes(path) ||
                     std::any_of(decoded->begin(), decoded->end(), [](char c) {
                       return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\';
                     });
    if (sly)
      return refuse(400, "http.malformed", "slash or control byte hidden in the path"), false;
    request.path = std::move(*decoded);
  }
  const std::string_view whole = request.path;
  for (std::size_t at = opaque ? whole.size() : 0; at < whole.size();) {
    const auto next = std::min(whole.find('/', at + 1), whole.size());
    const auto segment = whole.substr(at + 1, next - at - 1);
    const bool inner_empty = segment.empty() && next != whole.size();
    if (segment == "." || segment == ".." || inner_empty)
      return refuse(400, "http.malformed", "dot or empty segment in the path"), false;
    at = next;
  }
  request.raw_query.assign(query);
  if (!query.empty()) {
    auto parsed = parse_form(query);
    if (!parsed.ok()) return refuse(400, "http.form", "query"), false;
    request.query = std::move(*parsed);
  }
  return true;
}

bool HeadReader::parse_field(std::string_view line, std::size_t offset, Request& request) {
  const auto colon = line.find(':');
  // A space before the colon, an empty name and a folded line (it starts with a space) all fail
  // here.
  if (colon == std::string_view::npos || colon == 0 || !all_in(line.substr(0, colon), kToken))
    return refuse(400, "http.malformed", "field name"), false;
  if (colon > 256) return refuse(431, "http.fields", "field name too long"), false;
  std::size_t begin = colon + 1, end = line.size();
  while (begin < end && (line[begin] == ' ' || line[begin] == '\t')) ++begin;
  while (end > begin && (line[end - 1] == ' ' || line[end - 1] == '\t')) --end;
  if (end - begin > limits_.value) return refuse(431, "http.fields", "field value too long"), false;
  if (request.fields_.size() == limits_.fields)
    return refuse(431, "http.fields", "too many fields"), false;
  for (std::size_t i = 0; i < colon; ++i)
    request.head_[offset + i] = lowered(request.head_[offset + i]);
  const auto at = [&](std::size_t from, std::size_t size) {
    return Request::Span{static_cast<std::uint32_t>(offset + from),
                         static_cast<std::uint32_t>(size)};
  };
  request.fields_.emplace_back(at(0, colon), at(begin, end - begin));
  return true;
}

bool HeadReader::check_fields(const Request& request, Framing& framing) {
  for (const auto once : kOnce) {
    int seen = 0;
    for (std::size_t i = 0; i < request.field_count(); ++i) seen += request.field(i).first == once;
    if (seen > 1)
      return refuse(400, "http.duplicate", "a field that may come once came twice"), false;
  }
  const auto host = request.header("host");
  if (host.empty()) return refuse(400, "http.host", "Host missing"), false;
  if (std::none_of(hosts_.begin(), hosts_.end(),
                   [&](const auto& own) { return equal_fold(host, own); }))
    return refuse(421, "http.host", "Host is not one of ours"), false;
  for (std::size_t i = 0; i < request.field_count(); ++i) {
    const auto [name, value] = request.field(i);
    if (name != "connection") continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = rest.find(',');
      auto option = rest.substr(0, comma);
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
      while (!option.empty() && (option.front() == ' ' || option.front() == '\t'))
        option.remove_prefix(1);
      while (!option.empty() && (option.back() == ' ' || option.back() == '\t'))
        option.remove_suffix(1);
      if (equal_fold(option, "close")) framing.keep_alive = false;
    }
  }
  return true;
}

bool HeadReader::check_body_fields(const Request& request, Framing& framing) {
  if (old_) {  // RFC 9112 §6.1, §9.3: neither chunks nor an interim answer, and then it ends
    if (request.has_header("transfer-encoding") || request.has_header("expect"))
      return refuse(400, "http.framing", "a field that HTTP/1.0 has not"), false;
    framing.keep_alive = false;
  }
  const auto length = request.header("content-length");
  const auto coding = request.header("transfer-encoding");
  const bool has_length = request.has_header("content-length");
  if (request.has_header("transfer-encoding")) {
    if (coding != "chunked" || has_length)
      return refuse(400, "http.framing",
                    "Transfer-Encoding is not exactly chunked, or stands beside "
                    "Content-Length"),
             false;
    framing.chunked = true;
  }
  if (has_length) {
    const bool digits =
        !length.empty() && length.size() <= 9 &&
        std::all_of(length.begin(), length.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return refuse(400, "http.framing", "Content-Length"), false;
    std::from_chars(length.data(), length.data() + length.size(), framing.length);
  }
  if (request.has_header("content-encoding"))
    return refuse(415, "http.content_encoding", "compressed request body"), false;
  if (request.has_header("expect")) {
    if (!equal_fold(request.header("expect"), "100-continue"))
      return refuse(417, "http.expect", "Expect"), false;
    framing.expects_continue = framing.has_body();
  }
  return true;
}

void BodyReader::start(const Framing& framing, std::size_t limit) {
  chunked_ = framing.chunked;
  left_ = framing.length;
  limit_ = limit;
  at_ = At::size;
  digits_ = 0;
  if (chunked_) left_ = 0;
}

Read BodyReader::feed(std::string_view bytes, std::string& body, std::size_t& used) {
  if (chunked_) return feed_chunked(bytes, body, used);
  const auto take = std::min(left_, bytes.size());
  body.append(bytes.substr(0, take));
  left_ -= take;
  used = take;
  return left_ == 0 ? Read::whole : Read::more;
}

/// RFC 9112 §7.1 without extensions: 1*8HEXDIG CRLF. False: refused.
bool BodyReader::take_size_byte(char c, std::size_t have) {
  const int value = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
  if (value < 0 && c == '\r' && digits_ > 0) {
    at_ = At::size_lf;
    return true;
  }
  if (value < 0 || ++digits_ > 8) {
    refusal_ = {400, "http.framing", "chunk size"};
    return false;
  }
  left_ = left_ * 16 + static_cast<std::size_t>(value);
  if (have + left_ > limit_) {
    refusal_ = {413, "http.too_large", "chunked body past the limit"};
    return false;
  }
  return true;
}

Read BodyReader::feed_chunked(std::string_view bytes, std::string& body, std::size_t& used) {
  const auto expect = [&](char c, char wanted, At next) {
    at_ = next;
    if (c == wanted) return true;
    refusal_ = {400, "http.framing", "chunk line end"};
    return false;
  };
  for (used = 0; used < bytes.size();) {
    if (at_ == At::data) {
      const auto take = std::min(left_, bytes.size() - used);
      body.append(bytes.substr(used, take));
      left_ -= take;
      used += take;
      if (left_ == 0) at_ = At::data_cr;
      continue;
    }
    const char c = bytes[used++];
    switch (at_) {
      case At::size:
        if (!take_size_byte(c, body.size())) return Read::refused;
        break;
      case At::size_lf:
        if (!expect(c, '\n', left_ == 0 ? At::end_cr : At::data)) return Read::refused;
        digits_ = 0;
        break;
      case At::data_cr:
        if (!expect(c, '\r', At::data_lf)) return Read::refused;
        break;
      case At::data_lf:
        if (!expect(c, '\n', At::size)) return Read::refused;
        break;
      case At::end_cr:
        if (!expect(c, '\r', At::end_lf)) return Read::refused;
        break;
      case At::end_lf:
        if (!expect(c, '\n', At::end_lf)) return Read::refused;
        return Read::whole;
      case At::data:
        break;
    }
  }
  return Read::more;
}

}  // namespace api
