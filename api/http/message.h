// What comes in and what goes out: a request that passed the gate, and a response with one writer.
//
// A Request exists only when the gate (api/http/gate.h) has accepted every byte of its head. A
// Response refuses control bytes, line ends and non-ASCII in every header value: a value that tries
// makes the whole answer a plain 500, so nothing can be split (security.md §0.7, case 96).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http/address.h"
#include "base/bytes.h"
#include "base/result.h"

namespace api {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options };
std::string_view to_string(Method method);

/// In the order they came, duplicates kept: whoever reads them decides what a duplicate means.
using Parameters = std::vector<std::pair<std::string, std::string>>;

/// `name` exactly once -> its value; absent or given twice -> nothing.
std::optional<std::string_view> only(const Parameters& parameters, std::string_view name);

/// application/x-www-form-urlencoded text: %XX strict, '+' is a space, UTF-8, at most 100 pairs.
/// Errors: invalid_argument `http.form`.
base::Result<Parameters> parse_form(std::string_view text);

struct Request {
  Method method = Method::get;
  std::string path;       ///< decoded and checked: no dot segments, no encoded slash, UTF-8
  std::string raw_query;  ///< behind '?', as it came
  Parameters query;       ///< decoded
  std::string body;       ///< whole, within the route's limit
  Address client;         ///< who asks; a proxy's word counts only from trusted proxies
  /// DER; of the client whose TLS ended at our proxy, which proved itself. Empty: it showed none.
  std::string client_certificate = {};
  std::string id;  ///< of this request: unique, no secret, also sent back as Request-Id

  /// The field's value, empty when absent. `name` in lower case. Fields that may come once only
  /// (Host, Content-Type, Authorization, Cookie, …) were refused at the gate when they came twice.
  std::string_view header(std::string_view name) const;
  bool has_header(std::string_view name) const;
  std::size_t field_count() const { return fields_.size(); }
  std::pair<std::string_view, std::string_view> field(std::size_t i) const;

  /// Media type without parameters, in lower case.
  std::string content_type() const;
  /// The body as a form; the query is never mixed in (security.md case 57).
  base::Result<Parameters> form() const { return parse_form(body); }
  /// The cookie's value; nothing when it is absent or came twice (case 29).
  std::optional<std::string_view> cookie(std::string_view name) const;
  bool wants_html() const;  ///< Accept names text/html: a browser navigates

  // Filled by the gate: the head's bytes with field names lowered in place, and where things lie in
  // it.
  struct Span {
    std::uint32_t begin = 0, size = 0;
  };
  std::string head_;
  std::vector<std::pair<Span, Span>> fields_;
};

enum class SameSite { strict, lax };

struct Cookie {
  std::string name;   ///< plain; over https the writer prefixes "__Host-" and adds Secure
  std::string value;  ///< empty with max_age 0: removes it
  std::optional<std::chrono::seconds> max_age = std::nullopt;  ///< absent: until the browser ends
  SameSite same_site = SameSite::lax;
};
/// The name a cookie carries on the wire ("__Host-" over https).
std::string cookie_wire_name(std::string_view name, bool https);

/// How long an answer may be kept, and by whom.
struct Cache {
  enum class Kind { no_store, revalidate, shared } kind = Kind::no_store;
  std::chrono::seconds life{0};  ///< for shared
  bool immutable = false;
};

class Response {
 public:
  explicit Response(int status = 204) : status_(status) {}
  static Response json(std::string body, int status = 200,
                       std::string_view media_type = "application/json");
  /// Shares a prebuilt body with other answers.
  static Response json(std::shared_ptr<const std::string> body);
  static Response text(std::string body, int status = 200);
  /// A page. `nonce` allows its own <style> and <script> (Call::nonce); `form_to` are origins
  /// beside our own that a form's answer may lead to (a client's redirect address).
  static Response html(std::string body, std::string_view nonce, int status = 200,
                       std::vector<std::string> form_to = {});
  /// See Other. Percent-encode what is not ASCII before.
  static Response redirect(std::string_view location, int status = 303);
  /// `file_name` may hold any text: it is sent safely (RFC 6266, RFC 8187) as an attachment.
  static Response file(base::Bytes bytes, std::string_view media_type, std::string_view file_name);
  /// Bytes shown in place (pictures, style sheets, certificates).
  static Response bytes(std::string body, std::string_view media_type);

  /// Sets a header; a name or value that may not go on the wire makes the answer a 500.
  Response& set(std::string_view name, std::string_view value) &;
  Response&& set(std::string_view name, std::string_view value) && {
    return std::move(set(name, value));
  }
  Response& cookie(Cookie cookie);
  Response& cache(Cache cache) &;
  Response&& cache(Cache policy) && { return std::move(cache(policy)); }
  Response& retry_after(std::chrono::seconds wait);
  Response& close_connection() {
    close_ = true;
    return *this;
  }
  /// Noted for the log: the error's key, never sent.
  Response& note(std::string_view error_key) {
    note_ = error_key;
    return *this;
  }

  int status() const { return status_; }
  const std::string& body() const { return shared_body_ ? *shared_body_ : body_; }
  std::string take_body();
  std::optional<std::string_view> header(std::string_view name) const;  ///< for tests and HEAD
  bool closes() const { return close_; }
  bool broken() const { return broken_; }  ///< a header was refused
  const std::string& note() const { return note_; }

  struct Wire {
    bool https = false;  ///< HSTS, __Host- cookies
    bool keep_alive = true;
    bool head_only = false;  ///< HEAD: the length is told, the body is not sent
    std::string_view date;   ///< IMF-fixdate
    std::string_view request_id;
  };
  /// The one writer: status line, all headers with the security headers, empty line. No body.
  void write_head(std::string& out, const Wire& wire) const;

 private:
  int status_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::vector<Cookie> cookies_;
  std::string body_;
  std::shared_ptr<const std::string> shared_body_;
  std::string csp_;  ///< empty: nothing may be loaded or run
  Cache cache_;
  std::string note_;
  bool close_ = false, broken_ = false;
};

/// True when `value` may stand in a header: visible ASCII, space and tab, no more.
bool is_header_value(std::string_view value);
std::string percent_encode(std::string_view text);
/// Strict %XX decoding; `plus_is_space` as in forms. Nothing when malformed or not UTF-8.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

}  // namespace api
