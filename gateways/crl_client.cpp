#include "gateways/crl_client.h"

#include "gateways/http_exchange.h"

namespace gateways {

base::Result<base::Bytes> CrlClient::fetch(const std::string& url) const {
  const auto away = [&](const std::string& why) {
    return base::error(base::Code::unavailable, "gateways.crl", url + ": " + why);
  };
  HttpAsk ask;
  ask.method = "GET";
  ask.url = url;
  ask.deadline = deadline_;
  ask.most_body = kCrlMost;
  ask.roots_file = roots_file_;
  const auto reply = http_exchange(ask);
  if (!reply.ok()) return away(reply.error().detail);
  if (reply->status != 200) return away("status " + std::to_string(reply->status));
  // Of media types there are several in use; what it is shows in its bytes.
  if (reply->body.empty()) return away("an empty answer");
  return base::to_bytes(base::as_bytes(reply->body));
}

}  // namespace gateways
