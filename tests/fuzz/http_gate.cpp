// The gate against any bytes, and against a second opinion: whatever request it takes, http-parser
// (the parser of old node.js, in the distribution) must take too and read the same way: method,
// target, fields, body, and where the next request begins. First byte: how the input is cut into
// pieces.
#include <http_parser.h>

#include <string>
#include <utility>
#include <vector>

#include "api/http/gate.h"
#include "base/check.h"

namespace {

const api::GateLimits kLimits;
const std::vector<std::string> kHosts = {"a"};
constexpr std::size_t kBodyLimit = 4096;

struct Second {
  std::string url, body;
  std::vector<std::pair<std::string, std::string>> fields;
  bool in_value = true, complete = false;
};

Second& of(http_parser* parser) {
  return *static_cast<Second*>(parser->data);
}

/// Reads one request with http-parser; gives the bytes it used.
std::size_t read_second(std::string_view bytes, Second& out, http_parser& parser) {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_url = [](http_parser* p, const char* at, std::size_t n) {
    of(p).url.append(at, n);
    return 0;
  };
  settings.on_header_field = [](http_parser* p, const char* at, std::size_t n) {
    auto& self = of(p);
    if (self.in_value) self.fields.emplace_back();
    self.in_value = false;
    self.fields.back().first.append(at, n);
    return 0;
  };
  settings.on_header_value = [](http_parser* p, const char* at, std::size_t n) {
    of(p).in_value = true;
    of(p).fields.back().second.append(at, n);
    return 0;
  };
  settings.on_body = [](http_parser* p, const char* at, std::size_t n) {
    of(p).body.append(at, n);
    return 0;
  };
  settings.on_message_complete = [](http_parser* p) {
    of(p).complete = true;
    http_parser_pause(p, 1);
    return 0;
  };
  http_parser_init(&parser, HTTP_REQUEST);
  parser.data = &out;
  return http_parser_execute(&parser, &settings, bytes.data(), bytes.size());
}

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
  return text;
}

/// http-parser 2.9.4 takes any field whose name begins like this for Transfer-Encoding (found by
/// this target); we do not.
bool confuses_second(const api::Request& request) {
  constexpr std::string_view kPrefix = "transfer-encoding";
  for (std::size_t i = 0; i < request.field_count(); ++i)
    if (request.field(i).first.starts_with(kPrefix) && request.field(i).first != kPrefix)
      return true;
  return false;
}

void compare(std::string_view used, const api::Request& request) {
  if (confuses_second(request)) return;
  Second second;
  http_parser parser;
  const auto read = read_second(used, second, parser);
  base::check(second.complete, "the gate takes what http-parser does not finish");
  // It stops on the last byte when paused in its callback; either way nothing is left over.
  base::check(read + 1 >= used.size(), "the next request begins elsewhere");
  base::check(http_method_str(static_cast<http_method>(parser.method)) ==
                  std::string(to_string(request.method)),
              "another method");
  base::check(second.body == request.body, "another body");
  base::check(second.fields.size() == request.field_count(), "another number of fields");
  for (std::size_t i = 0; i < second.fields.size(); ++i) {
    base::check(lower(second.fields[i].first) == request.field(i).first, "another field name");
    base::check(trimmed(second.fields[i].second) == request.field(i).second, "another field value");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0];
  std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  while (!input.empty()) {
    api::HeadReader head(kLimits, kHosts);
    api::Request request;
    api::Framing framing;
    auto read = api::Read::more;
    for (std::size_t have = 0; have < input.size() && read == api::Read::more;) {
      have = std::min(input.size(), have + piece);
      read = head.feed(input.substr(0, have), request, framing);
    }
    if (read != api::Read::whole) return 0;
    std::size_t at = head.size();
    if (framing.has_body()) {
      if (framing.length > kBodyLimit) return 0;
      api::BodyReader body;
      body.start(framing, kBodyLimit);
      read = api::Read::more;
      while (at < input.size() && read == api::Read::more) {
        std::size_t used = 0;
        read = body.feed(input.substr(at, piece), request.body, used);
        at += used;
      }
      if (read != api::Read::whole) return 0;
      base::check(request.body.size() <= kBodyLimit, "a body past the limit");
    }
    compare(input.substr(0, at), request);
    input.remove_prefix(at);
  }
  return 0;
}
