#include "gateways/timestamp_client.h"

#include "gateways/http_exchange.h"

namespace gateways {

TimestampClient::TimestampClient(std::string url, std::chrono::milliseconds deadline)
    : url_(std::move(url)), deadline_(deadline) {}

base::Result<base::Bytes> TimestampClient::ask(base::BytesView query) const {
  const auto away = [&](std::string why) {
    return base::error(base::Code::unavailable, "gateways.timestamp", std::move(why));
  };
  HttpAsk ask;
  ask.url = url_;
  ask.content_type = "application/timestamp-query";
  ask.body = base::as_text(query);
  ask.deadline = deadline_;
  if (!url_.starts_with("http://")) return away(url_ + ": not an http URL");
  const auto reply = http_exchange(ask);
  if (!reply.ok()) return away(reply.error().detail);
  if (reply->status != 200) return away(url_ + ": status " + std::to_string(reply->status));
  if (reply->media_type != "application/timestamp-reply")
    return away(url_ + ": not an application/timestamp-reply");
  if (reply->body.empty()) return away(url_ + ": an empty answer");
  return base::to_bytes(base::as_bytes(reply->body));
}

}  // namespace gateways
