// The gate: reads the head and body of one HTTP/1.1 request, and refuses whatever two readers could
// read differently (RFC 9112; security.md §0.7 and end of §3).
//
// Why our own and not the distribution's parser: docs/decisions/0051-strict-gate.md. It takes a
// strict subset of the grammar; a fuzz target holds it against http-parser: what the gate accepts,
// the other must read the same way. No I/O, no clock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.h"

namespace api {

struct GateLimits {
  std::size_t fields = 100;
  std::size_t value = 8 * 1024;
  std::size_t uri = 16 * 1024;
  std::size_t head = 64 * 1024;
  /// What stands behind this beginning of a path is one word of base64, in which slashes, plain or
  /// encoded, separate nothing (RFC 6960 A.1: the only such path of ours). Empty: no such path.
  std::string opaque_path = {};
  /// Below this path HTTP/1.0 is taken too, without chunks, one request a connection: what checks
  /// certificates speaks it (OpenSSL, proxies that staple). Empty: nowhere.
  std::string old_path = {};
};

/// Why a request was refused: the answer's status and the catalogue key that explains it.
struct Refusal {
  int status = 400;
  const char* key = "http.malformed";
  const char* why = "";  ///< for the log
};

/// How the body comes, and what else the head says about the exchange.
struct Framing {
  std::size_t length = 0;
  bool chunked = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool has_body() const { return chunked || length > 0; }
};

enum class Read { more, whole, refused };

/// Reads heads, one after the other on one connection.
class HeadReader {
 public:
  /// `hosts`: what Host may say, in lower case.
  HeadReader(const GateLimits& limits, const std::vector<std::string>& hosts)
      : limits_(limits), hosts_(hosts) {}

  /// `bytes` is everything of this request that has come so far, from its first byte. Bytes that
  /// can never become a head are refused at once, not at the deadline. On `whole`, `request` and
  /// `framing` are filled and size() bytes belong to the head.
  Read feed(std::string_view bytes, Request& request, Framing& framing);
  std::size_t size() const { return size_; }
  const Refusal& refusal() const { return refusal_; }
  /// Ready for the next head.
  void reset() { scanned_ = 0, size_ = 0, lines_ = 0; }

 private:
  Read refuse(int status, const char* key, const char* why);
  bool parse(std::string_view head, Request& request, Framing& framing);
  bool parse_line(std::string_view line, Request& request);
  bool parse_target(std::string_view target, Request& request);
  bool parse_field(std::string_view line, std::size_t offset, Request& request);
  bool check_fields(const Request& request, Framing& framing);
  bool check_body_fields(const Request& request, Framing& framing);

  const GateLimits& limits_;
  const std::vector<std::string>& hosts_;
  std::size_t scanned_ = 0, size_ = 0, lines_ = 0;
  bool old_ = false;  // this head is HTTP/1.0
  Refusal refusal_;
};

/// Reads one body, by length or in chunks. Chunk extensions and trailer fields are refused: no
/// client of ours needs them, and proxies disagree about them.
class BodyReader {
 public:
  void start(const Framing& framing, std::size_t limit);
  /// Takes from the front of `bytes` what belongs to the body; `used` says how much.
  Read feed(std::string_view bytes, std::string& body, std::size_t& used);
  const Refusal& refusal() const { return refusal_; }

 private:
  enum class At { size, size_lf, data, data_cr, data_lf, end_cr, end_lf };
  Read feed_chunked(std::string_view bytes, std::string& body, std::size_t& used);
  bool take_size_byte(char c, std::size_t have);

  bool chunked_ = false;
  std::size_t left_ = 0, limit_ = 0;
  At at_ = At::size;
  int digits_ = 0;
  Refusal refusal_;
};

}  // namespace api
