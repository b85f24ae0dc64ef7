#include "api/http/message.h"

#include <algorithm>

namespace api {
namespace {

bool is_token_char(unsigned char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
  }
  return "?";
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (std::string_view(head_).substr(key.begin, key.size) == name)
      return std::string_view(head_).substr(value.begin, value.size);
  return {};
}

bool Request::has_header(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) {
    return std::string_view(head_).substr(field.first.begin, field.first.size) == name;
  });
}

std::pair<std::string_view, std::string_view> Request::field(std::size_t i) const {
  const auto& [name, value] = fields_.at(i);
  return {std::string_view(head_).substr(name.begin, name.size),
          std::string_view(head_).substr(value.begin, value.size)};
}

std::string Request::content_type() const {
  const auto value = header("content-type");
  return lower(trim(value.substr(0, value.find(';'))));
}

std::optional<std::string_view> Request::cookie(std::string_view name) const {
  std::optional<std::string_view> found;
  auto rest = header("cookie");
  while (!rest.empty()) {
    const auto end = rest.find(';');
    const auto pair = trim(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
    if (found) return std::nullopt;
    found = pair.substr(equals + 1);
  }
  return found;
}

bool Request::wants_html() const {
  return header("accept").find("text/html") != std::string_view::npos;
}

bool is_header_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return c == '\t' ||
           (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f);
  });
}

std::string cookie_wire_name(std::string_view name, bool https) {
  return (https ? "__Host-" : "") + std::string(name);
}

Response Response::json(std::string body, int status, std::string_view media_type) {
  Response out(status);
  out.body_ = std::move(body);
  out.set("Content-Type", media_type);
  return out;
}

Response Response::json(std::shared_ptr<const std::string> body) {
  Response out(200);
  out.shared_body_ = std::move(body);
  out.set("Content-Type", "application/json");
  return out;
}

Response Response::text(std::string body, int status) {
  Response out(status);
  out.body_ = std::move(body);
  out.set("Content-Type", "text/plain; charset=utf-8");
  return out;
}

Response Response::html(std::string body, std::string_view nonce, int status,
                        std::vector<std::string> form_to) {
  Response out(status);
  out.body_ = std::move(body);
  out.set("Content-Type", "text/html; charset=utf-8");
  out.csp_ = "default-src 'none'; style-src 'self' 'nonce-" + std::string(nonce) +
             "'; script-src 'self' 'nonce-" + std::string(nonce) +
             "'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'";
  for (const auto& origin : form_to) {
    const bool plain = !origin.empty() && origin.find_first_of(" ;,\"'") == std::string::npos;
    if (!plain) out.broken_ = true;
    out.csp_ += " " + origin;
  }
  out.csp_ += "; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";
  return out;
}

Response Response::redirect(std::string_view location, int status) {
  Response out(status);
  out.set("Location", location);
  return out;
}

Response Response::file(base::Bytes bytes, std::string_view media_type,
                        std::string_view file_name) {
  Response out(200);
  out.body_.assign(base::as_text(bytes));
  std::string ascii;
  for (const char c : file_name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool safe =
        byte > 0x20 && byte < 0x7f && c != '"' && c != '\\' && c != '/' && c != '%' && c != ';';
    if (safe)
      ascii += c;
    else if (byte < 0x80 || byte >= 0xc0)
      ascii += '_';  // one '_' a character, not a byte
  }
  out.set("Content-Type", media_type);
  out.set("Content-Disposition",
          "attachment; filename=\"" + ascii + "\"; filename*=UTF-8''" + percent_encode(file_name));
  return out;
}

Response Response::bytes(std::string body, std::string_view media_type) {
  Response out(200);
  out.body_ = std::move(body);
  out.set("Content-Type", media_type);
  return out;
}

Response& Response::set(std::string_view name, std::string_view value) & {
  const bool good = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return is_token_char(static_cast<unsigned char>(c));
  }) && is_header_value(value);
  if (!good) {
    broken_ = true;
    return *this;
  }
  for (auto& [key, old] : headers_)
    if (lower(key) == lower(name)) {
      old = value;
      return *this;
    }
  headers_.emplace_back(name, value);
  return *this;
}

Response& Response::cookie(Cookie cookie) {
  const bool good =
      !cookie.name.empty() &&
      std::all_of(cookie.name.begin(), cookie.name.end(),
                  [](char c) { return is_token_char(static_cast<unsigned char>(c)); }) &&
      std::all_of(cookie.value.begin(), cookie.value.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);  // RFC 6265 §4.1.1 cookie-octet
        return byte > 0x20 && byte < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
      });
  if (good)
    cookies_.push_back(std::move(cookie));
  else
    broken_ = true;
  return *this;
}

Response& Response::cache(Cache cache) & {
  cache_ = cache;
  return *this;
}

Response& Response::retry_after(std::chrono::seconds wait) {
  return set("Retry-After", std::to_string(std::max<std::int64_t>(1, wait.count())));
}

std::string Response::take_body() {
  return shared_body_ ? *shared_body_ : std::move(body_);
}

std::optional<std::string_view> Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers_)
    if (lower(key) == lower(name)) return value;
  return std::nullopt;
}

void Response::write_head(std::string& out, const Wire& wire) const {
  const int status = broken_ ? 500 : status_;
  out.append("HTTP/1.1 ").append(std::to_string(status)).append(" ").append(reason_phrase(status));
  out.append("\r\nDate: ").append(wire.date).append("\r\n");
  if (!wire.request_id.empty()) out.append("Request-Id: ").append(wire.request_id).append("\r\n");
  out.append(
      "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
      // "same-origin", not "no-referrer": a form post under the latter carries Origin: null, and
      // the check of where a form comes from needs the origin.
      "Referrer-Policy: same-origin\r\n"
      "Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()\r\n"
      "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n"
      "Content-Security-Policy: ");
  if (csp_.empty() || broken_)
    out.append("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  else
    out.append(csp_);
  if (wire.https) out.append("\r\nStrict-Transport-Security: max-age=63072000; includeSubDomains");
  out.append("\r\nCache-Control: ");
  switch (cache_.kind) {
    case Cache::Kind::no_store:
      out.append("no-store");
      break;
    case Cache::Kind::revalidate:
      out.append("no-cache");
      break;
    case Cache::Kind::shared:
      out.append("public, max-age=").append(std::to_string(cache_.life.count()));
      if (cache_.immutable) out.append(", immutable");
      break;
  }
  if (!wire.keep_alive) out.append("\r\nConnection: close");
  if (!broken_) {
    for (const auto& [name, value] : headers_)
      out.append("\r\n").append(name).append(": ").append(value);
    for (const auto& one : cookies_) {
      out.append("\r\nSet-Cookie: ").append(cookie_wire_name(one.name, wire.https));
      out.append("=").append(one.value).append("; Path=/; HttpOnly");
      out.append(one.same_site == SameSite::strict ? "; SameSite=Strict" : "; SameSite=Lax");
      if (wire.https) out.append("; Secure");
      if (one.max_age) out.append("; Max-Age=").append(std::to_string(one.max_age->count()));
    }
  }
  const bool bodiless = status == 204 || status == 304;
  if (!bodiless)
    out.append("\r\nContent-Length: ").append(std::to_string(broken_ ? 0 : body().size()));
  out.append("\r\n\r\n");
}

}  // namespace api
