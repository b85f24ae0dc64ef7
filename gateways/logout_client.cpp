#include "gateways/logout_client.h"

#include "gateways/http_exchange.h"

namespace gateways {

LogoutClient::LogoutClient(Config config) : config_(std::move(config)) {}

base::Result<int> LogoutClient::post(const std::string& uri, const std::string& form) const {
  HttpAsk ask;
  ask.url = uri;
  ask.content_type = "application/x-www-form-urlencoded";
  ask.body = form;
  ask.deadline = config_.deadline;
  ask.roots_file = config_.roots_file;
  ask.reach = config_.loopback_allowed ? Reach::strangers_loopback : Reach::strangers;
  ask.status_only = true;
  ask.resolver = config_.resolver;
  auto reply = http_exchange(ask);
  if (reply.ok()) return reply->status;
  if (reply.error().code == base::Code::permission_denied) return reply.error();
  return base::error(base::Code::unavailable, "gateways.logout", reply.error().detail);
}

}  // namespace gateways
