#include "gateways/http_exchange.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

namespace gateways {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kMostHead = 16 << 10;

/// Whatever ends the exchange early; told as one error.
struct Ended {
  std::string why;
};

[[noreturn]] void end(const Connection& connection, const char* why) {
  throw Ended{connection.timed_out() ? std::string("timeout: ") + why : why};
}

/// RFC 9112 §7.1, whole; nothing when it is not well-formed, `more` when it is not all there.
std::optional<std::string> unchunked(std::string_view in, std::size_t most, bool& more) {
  std::string out;
  more = true;
  for (;;) {
    const auto end = in.find("\r\n");
    if (end == std::string_view::npos) return in.size() > 64 ? more = false, std::nullopt
                                                             : std::optional<std::string>();
    std::size_t size = 0;
    const auto line = in.substr(0, std::min(end, in.find(';')));
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (error != std::errc() || stop != line.data() + line.size() || size > most ||
        out.size() + size > most) {
      more = false;
      return std::nullopt;
    }
    in.remove_prefix(end + 2);
    if (size == 0) {
      more = false;
      return out;  // what trails is not ours to read
    }
    if (in.size() < size + 2) return std::nullopt;
    if (in.substr(size, 2) != "\r\n") {
      more = false;
      return std::nullopt;
    }
    out.append(in.substr(0, size));
    in.remove_prefix(size + 2);
  }
}

std::string read_body(Connection& connection, std::string in,
                      const Poco::Net::HTTPResponse& response, std::size_t most) {
  if (response.getChunkedTransferEncoding()) {
    for (;;) {
      bool more = false;
      if (auto body = unchunked(in, most, more)) return std::move(*body);
      if (!more || in.size() > 2 * most + kMostHead || !connection.receive(in))
        end(connection, "chunks that are none");
    }
  }
  const auto length = response.getContentLength64();
  const bool told = length != Poco::Net::HTTPMessage::UNKNOWN_CONTENT_LENGTH;
  if (told && (length < 0 || static_cast<std::size_t>(length) > most)) throw Ended{"too large"};
  while (in.size() <= most && !(told && in.size() >= static_cast<std::size_t>(length)) &&
         connection.receive(in)) {
  }
  if (in.size() > most) throw Ended{"too large"};
  // Without a length the end of the connection ends the body: a deadline is no such end.
  if ((told && in.size() != static_cast<std::size_t>(length)) || (!told && connection.timed_out()))
    end(connection, "another length");
  return in;
}

HttpReply exchange(Connection& connection, const HttpTarget& target, const HttpAsk& ask) {
  Poco::Net::HTTPRequest request(ask.method, target.path, "HTTP/1.1");
  request.setHost(target.authority);
  request.setKeepAlive(false);
  for (const auto& [name, value] : ask.fields) request.set(name, value);
  if (!ask.content_type.empty()) request.setContentType(ask.content_type);
  request.setContentLength64(static_cast<Poco::Int64>(ask.body.size()));
  std::ostringstream head;
  request.write(head);
  if (!connection.send(head.str() + ask.body)) end(connection, "it did not take the request");

  std::string in;
  std::size_t stop = std::string::npos;
  while ((stop = in.find("\r\n\r\n")) == std::string::npos)
    if (in.size() > kMostHead || !connection.receive(in)) end(connection, "no HTTP answer");
  std::istringstream lines(in.substr(0, stop + 4));
  Poco::Net::HTTPResponse response;
  response.read(lines);
  HttpReply out;
  out.status = static_cast<int>(response.getStatus());
  out.media_type = response.getContentType();
  out.media_type = out.media_type.substr(0, out.media_type.find_first_of("; "));
  for (auto& c : out.media_type)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  if (!ask.status_only)
    out.body = read_body(connection, in.substr(stop + 4), response, ask.most_body);
  return out;
}

}  // namespace

base::Result<HttpReply> http_exchange(const HttpAsk& ask) {
  const auto deadline = Steady::now() + ask.deadline;
  const auto target = read_http_url(ask.url);
  if (!target)
    return base::error(base::Code::permission_denied, "gateways.address",
                       ask.url + ": not an http address");
  BASE_TRY(auto connection, Connection::open(*target, {deadline, ask.reach,
                                                       ask.roots_file.string(), ask.resolver}));
  std::string why;
  try {
    return exchange(connection, *target, ask);
  } catch (const Ended& ended) {
    why = ended.why;
  } catch (const Poco::Exception& thrown) {
    why = "no HTTP answer: " + thrown.displayText();
  } catch (const std::exception& thrown) {
    why = thrown.what();
  }
  return base::error(base::Code::unavailable, "gateways.http", ask.url + ": " + why);
}

}  // namespace gateways
