#include "gateways/http_exchange.h"

#include <Poco/Exception.h>
#include <Poco/Net/Context.h>
#include <Poco/Net/DNS.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/IPAddress.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/Utility.h>
#include <Poco/URI.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
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

Poco::Timespan left(Steady::time_point deadline) {
  const auto rest =
      std::chrono::duration_cast<std::chrono::microseconds>(deadline - Steady::now()).count();
  if (rest <= 0) throw Ended{"timeout"};
  return Poco::Timespan(rest);
}

Poco::Net::Context::Ptr tls_context(const std::filesystem::path& roots_file) {
  static const bool ready = (Poco::Net::initializeSSL(), true);
  (void)ready;
  Poco::Net::Context::Ptr context(new Poco::Net::Context(
      Poco::Net::Context::TLS_CLIENT_USE, "", "", roots_file.string(),
      Poco::Net::Context::VERIFY_STRICT, 9, roots_file.empty(),
      "ECDHE+AESGCM:ECDHE+CHACHA20"));
  context->requireMinimumProtocol(Poco::Net::Context::PROTO_TLSV1_2);
  context->enableExtendedCertificateVerification(true);
  return context;
}

/// Resolved here, judged and connected to: a name that answers differently the next time changes
/// nothing (DNS rebinding).
Poco::Net::SocketAddress address_of(const Poco::URI& uri, bool public_only) {
  const auto host = Poco::Net::DNS::resolve(uri.getHost());
  for (const auto& address : host.addresses())
    if (!public_only || is_public_address(address.toString()))
      return Poco::Net::SocketAddress(address, uri.getPort());
  if (public_only && !host.addresses().empty()) throw Poco::InvalidAccessException(uri.getHost());
  throw Ended{"no address of " + uri.getHost()};
}

Poco::Net::StreamSocket connected(const Poco::URI& uri, const HttpAsk& ask,
                                  Steady::time_point deadline) {
  const auto address = address_of(uri, ask.public_only);
  if (uri.getScheme() == "http") {
    Poco::Net::StreamSocket socket;
    socket.connect(address, left(deadline));
    return socket;
  }
  Poco::Net::SecureStreamSocket socket(tls_context(ask.roots_file));
  socket.setPeerHostName(uri.getHost());
  socket.connect(address, left(deadline));
  // The handshake is part of the exchange: it waits no longer than the rest may.
  socket.setReceiveTimeout(left(deadline));
  socket.setSendTimeout(left(deadline));
  socket.completeHandshake();
  return socket;
}

void send_all(Poco::Net::StreamSocket& socket, std::string_view bytes,
              Steady::time_point deadline) {
  while (!bytes.empty()) {
    socket.setSendTimeout(left(deadline));
    const int sent = socket.sendBytes(bytes.data(), static_cast<int>(bytes.size()));
    if (sent <= 0) throw Ended{"connection closed"};
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// More bytes behind `in`; false when the server has ended.
bool receive(Poco::Net::StreamSocket& socket, std::string& in, Steady::time_point deadline) {
  char block[8192];
  socket.setReceiveTimeout(left(deadline));
  const int got = socket.receiveBytes(block, sizeof block);
  if (got <= 0) return false;
  in.append(block, static_cast<std::size_t>(got));
  return true;
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

std::string read_body(Poco::Net::StreamSocket& socket, std::string in,
                      const Poco::Net::HTTPResponse& response, std::size_t most,
                      Steady::time_point deadline) {
  if (response.getChunkedTransferEncoding()) {
    for (;;) {
      bool more = false;
      if (auto body = unchunked(in, most, more)) return std::move(*body);
      if (!more || in.size() > 2 * most + kMostHead || !receive(socket, in, deadline))
        throw Ended{"chunks that are none"};
    }
  }
  const auto length = response.getContentLength64();
  const bool told = length != Poco::Net::HTTPMessage::UNKNOWN_CONTENT_LENGTH;
  if (told && (length < 0 || static_cast<std::size_t>(length) > most)) throw Ended{"too large"};
  while (in.size() <= most && !(told && in.size() >= static_cast<std::size_t>(length)) &&
         receive(socket, in, deadline)) {
  }
  if (in.size() > most) throw Ended{"too large"};
  if (told && in.size() != static_cast<std::size_t>(length)) throw Ended{"another length"};
  return in;
}

HttpReply exchange(const Poco::URI& uri, const HttpAsk& ask, Steady::time_point deadline) {
  auto socket = connected(uri, ask, deadline);
  Poco::Net::HTTPRequest request(ask.method, uri.getPathEtc().empty() ? "/" : uri.getPathEtc(),
                                 "HTTP/1.1");
  request.setHost(uri.getAuthority());
  request.setKeepAlive(false);
  for (const auto& [name, value] : ask.fields) request.set(name, value);
  if (!ask.content_type.empty()) request.setContentType(ask.content_type);
  request.setContentLength64(static_cast<Poco::Int64>(ask.body.size()));
  std::ostringstream head;
  request.write(head);
  send_all(socket, head.str() + ask.body, deadline);

  std::string in;
  std::size_t end = std::string::npos;
  while ((end = in.find("\r\n\r\n")) == std::string::npos)
    if (in.size() > kMostHead || !receive(socket, in, deadline)) throw Ended{"no HTTP answer"};
  std::istringstream lines(in.substr(0, end + 4));
  Poco::Net::HTTPResponse response;
  response.read(lines);
  HttpReply out;
  out.status = static_cast<int>(response.getStatus());
  out.media_type = response.getContentType();
  out.media_type = out.media_type.substr(0, out.media_type.find_first_of("; "));
  for (auto& c : out.media_type)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  out.body = read_body(socket, in.substr(end + 4), response, ask.most_body, deadline);
  return out;
}

struct Range {
  const char* address;
  unsigned prefix;
};
// IANA IPv4 and IPv6 Special-Purpose Address Registries: everything that is not globally reachable,
// and what carries an IPv4 address inside (judged by it, where it can be, or refused).
constexpr std::array<Range, 30> kSpecial{{
    {"0.0.0.0", 8},       {"10.0.0.0", 8},      {"100.64.0.0", 10},  {"127.0.0.0", 8},
    {"169.254.0.0", 16},  {"172.16.0.0", 12},   {"192.0.0.0", 24},   {"192.0.2.0", 24},
    {"192.31.196.0", 24}, {"192.52.193.0", 24}, {"192.88.99.0", 24}, {"192.168.0.0", 16},
    {"192.175.48.0", 24}, {"198.18.0.0", 15},   {"198.51.100.0", 24}, {"203.0.113.0", 24},
    {"224.0.0.0", 4},     {"240.0.0.0", 4},     {"::", 96},          {"::ffff:0:0", 96},
    {"64:ff9b::", 96},    {"64:ff9b:1::", 48},  {"100::", 64},       {"2001::", 23},
    {"2001:db8::", 32},   {"2002::", 16},       {"3fff::", 20},      {"5f00::", 16},
    {"fc00::", 7},        {"fe80::", 9},
}};

}  // namespace

bool is_public_address(std::string_view text) {
  Poco::Net::IPAddress address;
  if (!Poco::Net::IPAddress::tryParse(std::string(text), address)) return false;
  for (const auto& range : kSpecial) {
    const Poco::Net::IPAddress base(range.address);
    if (base.family() != address.family()) continue;
    const Poco::Net::IPAddress mask(range.prefix, base.family());
    if ((address & mask) == (base & mask)) return false;
  }
  return !(address.family() == Poco::Net::IPAddress::IPv6 && address.isMulticast());
}

base::Result<HttpReply> http_exchange(const HttpAsk& ask) {
  const auto deadline = Steady::now() + ask.deadline;
  std::string why;
  try {
    const Poco::URI uri(ask.url);
    const auto scheme = uri.getScheme();
    if ((scheme != "http" && scheme != "https") || uri.getHost().empty() ||
        !uri.getUserInfo().empty())
      throw Ended{"not an http address"};
    return exchange(uri, ask, deadline);
  } catch (const Ended& ended) {
    why = ended.why;
  } catch (const Poco::InvalidAccessException&) {
    return base::error(base::Code::permission_denied, "gateways.http_address", ask.url);
  } catch (const Poco::Exception& thrown) {
    why = thrown.displayText();
  } catch (const std::exception& thrown) {
    why = thrown.what();
  }
  return base::error(base::Code::unavailable, "gateways.http", ask.url + ": " + why);
}

}  // namespace gateways
