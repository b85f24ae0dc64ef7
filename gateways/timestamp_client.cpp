#include "gateways/timestamp_client.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/URI.h>

#include <algorithm>
#include <sstream>

namespace gateways {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kMostHead = 16 << 10, kMostBody = 64 << 10;

base::Error away(const std::string& url, std::string why) {
  return base::error(base::Code::unavailable, "gateways.timestamp", url + ": " + std::move(why));
}

/// What is left until the deadline; Poco throws TimeoutException when nothing is.
Poco::Timespan left(Steady::time_point deadline) {
  const auto rest =
      std::chrono::duration_cast<std::chrono::microseconds>(deadline - Steady::now()).count();
  if (rest <= 0) throw Poco::TimeoutException("deadline");
  return Poco::Timespan(rest);
}

void send_all(Poco::Net::StreamSocket& socket, std::string_view bytes,
              Steady::time_point deadline) {
  while (!bytes.empty()) {
    socket.setSendTimeout(left(deadline));
    const int sent = socket.sendBytes(bytes.data(), static_cast<int>(bytes.size()));
    if (sent <= 0) throw Poco::IOException("connection closed");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// More bytes behind `in`; false when the server has ended. Never waits past the deadline, however
/// slowly they drip.
bool receive(Poco::Net::StreamSocket& socket, std::string& in, Steady::time_point deadline) {
  if (!socket.poll(left(deadline), Poco::Net::Socket::SELECT_READ))
    throw Poco::TimeoutException("deadline");
  char block[8192];
  socket.setReceiveTimeout(left(deadline));
  const int got = socket.receiveBytes(block, sizeof block);
  if (got <= 0) return false;
  in.append(block, static_cast<std::size_t>(got));
  return true;
}

std::string exchange(const Poco::URI& uri, base::BytesView query, Steady::time_point deadline,
                     std::string& why) {
  Poco::Net::StreamSocket socket;
  socket.connect(Poco::Net::SocketAddress(uri.getHost(), uri.getPort()), left(deadline));
  // HTTP/1.0: no chunks and no second answer on this connection.
  Poco::Net::HTTPRequest request("POST", uri.getPathEtc().empty() ? "/" : uri.getPathEtc(),
                                 "HTTP/1.0");
  request.setHost(uri.getAuthority());
  request.setContentType("application/timestamp-query");
  request.setContentLength64(static_cast<Poco::Int64>(query.size()));
  std::ostringstream head;
  request.write(head);
  send_all(socket, head.str() + std::string(base::as_text(query)), deadline);

  std::string in;
  std::size_t end = std::string::npos;
  while ((end = in.find("\r\n\r\n")) == std::string::npos) {
    if (in.size() > kMostHead || !receive(socket, in, deadline)) {
      why = "no HTTP answer";
      return {};
    }
  }
  std::istringstream lines(in.substr(0, end + 4));
  Poco::Net::HTTPResponse response;
  response.read(lines);
  std::string body = in.substr(end + 4);
  if (response.getStatus() != Poco::Net::HTTPResponse::HTTP_OK) {
    why = "status " + std::to_string(static_cast<int>(response.getStatus()));
    return {};
  }
  auto type = response.getContentType();
  type = type.substr(0, type.find_first_of("; "));
  if (type != "application/timestamp-reply" || response.getChunkedTransferEncoding()) {
    why = "not an application/timestamp-reply";
    return {};
  }
  const auto length = response.getContentLength64();
  const bool told = length != Poco::Net::HTTPMessage::UNKNOWN_CONTENT_LENGTH;
  if (told && (length <= 0 || length > static_cast<Poco::Int64>(kMostBody))) {
    why = "an answer of " + std::to_string(length) + " octets";
    return {};
  }
  while (body.size() <= kMostBody && !(told && body.size() >= static_cast<std::size_t>(length)) &&
         receive(socket, body, deadline)) {
  }
  if (body.empty() || body.size() > kMostBody ||
      (told && body.size() != static_cast<std::size_t>(length))) {
    why = "an answer of another length";
    return {};
  }
  return body;
}

}  // namespace

TimestampClient::TimestampClient(std::string url, std::chrono::milliseconds deadline)
    : url_(std::move(url)), deadline_(deadline) {}

base::Result<base::Bytes> TimestampClient::ask(base::BytesView query) const {
  const auto deadline = Steady::now() + deadline_;
  std::string why;
  try {
    const Poco::URI uri(url_);
    if (uri.getScheme() != "http" || uri.getHost().empty()) return away(url_, "not an http URL");
    const auto body = exchange(uri, query, deadline, why);
    if (!body.empty()) return base::to_bytes(base::as_bytes(body));
  } catch (const Poco::Exception& thrown) {
    why = thrown.displayText();
  } catch (const std::exception& thrown) {
    why = thrown.what();
  }
  return away(url_, why);
}

}  // namespace gateways
