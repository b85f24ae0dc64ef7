#include "gateways/platform_client.h"

#include "base/encoding.h"
#include "gateways/http_exchange.h"

namespace gateways {
namespace {

constexpr const char* kForm = "application/x-www-form-urlencoded";

/// application/x-www-form-urlencoded, with what RFC 3986 §2.3 leaves plain.
std::string encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char each : text) {
    const auto c = static_cast<unsigned char>(each);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      out += each;
    else
      out.append({'%', kHex[c >> 4], kHex[c & 15]});
  }
  return out;
}

void add(std::string& form, std::string_view name, std::string_view value) {
  if (!form.empty()) form += '&';
  form += encoded(name) + "=" + encoded(value);
}

/// RFC 7517 §8.5: keys come as JSON or as a JWK set.
bool is_json(const std::string& media_type) {
  return media_type == "application/json" || media_type == "application/jwk-set+json";
}

}  // namespace

struct PlatformClient::Sent {
  const char* method;
  const std::string& url;
  std::string body = {}, authorization = {};
};

PlatformClient::PlatformClient(PlatformAddress address, base::Secret secret,
                               const base::SteadyClock& steady, Breaker::Config breaker)
    : address_(std::move(address)), secret_(std::move(secret)), breaker_(steady, breaker) {}

base::Result<auth::PlatformSource::Reply> PlatformClient::call(const Sent& sent) const {
  const auto trouble = [&](const std::string& why) {
    return base::error(base::Code::unavailable, "auth.platform.trouble",
                       address_.name + ": " + why);
  };
  if (!breaker_.may_ask()) return trouble("left alone after failures");
  HttpAsk ask;
  ask.method = sent.method;
  ask.url = sent.url;
  ask.fields = {{"Accept", "application/json"}};
  if (!sent.authorization.empty()) ask.fields.emplace_back("Authorization", sent.authorization);
  if (!sent.body.empty()) ask.content_type = kForm;
  ask.body = sent.body;
  ask.deadline = address_.deadline;
  ask.roots_file = address_.roots_file;
  auto reply = http_exchange(ask);
  if (!reply.ok()) {
    breaker_.failed();
    return trouble(reply.error().detail);
  }
  // 400 and 401 are answers (RFC 6749 §5.2): about this code, or about us.
  const bool answer = reply->status == 200 || reply->status == 400 || reply->status == 401;
  if (!answer || !is_json(reply->media_type)) {
    breaker_.failed();
    return trouble("status " + std::to_string(reply->status) + ", " + reply->media_type);
  }
  breaker_.answered();
  return Reply{reply->status, std::move(reply->body)};
}

base::Result<auth::PlatformSource::Reply> PlatformClient::redeem(
    const std::vector<std::pair<std::string, std::string>>& form) const {
  Sent sent{"POST", address_.token_url};
  const bool basic = address_.proof == PlatformAddress::Proof::basic;
  for (const auto& [name, value] : form)
    if (!basic || name != "client_id") add(sent.body, name, value);
  if (address_.proof == PlatformAddress::Proof::post)
    add(sent.body, "client_secret", secret_.reveal_text());
  if (basic)
    sent.authorization =
        "Basic " + base::to_base64(base::as_bytes(encoded(address_.client_id) + ":" +
                                                  encoded(secret_.reveal_text())));
  return call(sent);
}

base::Result<std::string> PlatformClient::keys() const {
  auto reply = call({"GET", address_.keys_url});
  if (!reply.ok()) return std::move(reply).error();
  if (reply->status != 200)
    return base::error(base::Code::unavailable, "auth.platform.trouble",
                       address_.name + ": status " + std::to_string(reply->status));
  return std::move(reply->body);
}

}  // namespace gateways
