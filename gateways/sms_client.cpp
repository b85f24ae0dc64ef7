#include "gateways/sms_client.h"

#include <Poco/Exception.h>
#include <Poco/URI.h>

#include <vector>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "gateways/http_exchange.h"

namespace gateways {
namespace {

constexpr const char* kForm = "application/x-www-form-urlencoded";

std::string encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '.' || c == '_' || c == '~')
      out += c;
    else
      ((out += '%') += kHex[byte >> 4]) += kHex[byte & 15];
  }
  return out;
}

std::string hex_sha256(std::string_view text) {
  return base::to_hex(base::sha256(base::as_bytes(text)));
}

std::string to_json(const std::vector<std::pair<std::string, std::string>>& values) {
  base::JsonWriter out;
  out.StartObject();
  for (const auto& [name, value] : values) out.member(name, value);
  out.EndObject();
  return out.text();
}

/// What the carrier says, in our words. Its codes begin with the side that is to blame.
base::Result<std::string> read_answer(const HttpReply& reply) {
  const auto away = [&](std::string why) {
    return base::error(base::Code::unavailable, "auth.sms.away", std::move(why));
  };
  const auto json = base::parse_json(reply.body, {.bytes = 64 << 10, .depth = 4});
  if (!json.ok() || !json->IsObject())
    return away("status " + std::to_string(reply.status) + ", not JSON");
  const std::string code(base::json_text(*json, "Code"));
  if (reply.status == 200 && code == "OK") return std::string(base::json_text(*json, "BizId"));
  if (code == "isv.MOBILE_NUMBER_ILLEGAL" || code == "isv.MOBILE_COUNT_OVER_LIMIT")
    return base::error(base::Code::invalid_argument, "auth.sms.number", code);
  if (code == "isv.BUSINESS_LIMIT_CONTROL" || code == "isv.DAY_LIMIT_CONTROL") {
    auto failure = base::error(base::Code::rate_limited, "auth.sms.slow", code);
    failure.retry_after = std::chrono::seconds(60);
    failure.args = {{"seconds", "60"}};
    return failure;
  }
  return away(code.empty() ? "status " + std::to_string(reply.status) : code);
}

}  // namespace

SmsClient::SmsClient(Config config, base::Secret key_secret, const base::Clock& clock,
                     base::Random& random)
    : config_(std::move(config)),
      key_secret_(std::move(key_secret)),
      clock_(clock),
      random_(random) {}

base::Result<std::string> SmsClient::send(const auth::TextMessage& message) {
  const auto approved = config_.templates.find(message.template_name);
  base::check(approved != config_.templates.end(), "each template has the carrier's code");
  HttpAsk ask;
  ask.url = config_.url;
  ask.deadline = config_.deadline;
  ask.roots_file = config_.roots_file;
  ask.content_type = kForm;
  // In the body and not in the query: addresses stand in logs.
  ask.body = "PhoneNumbers=" + encoded(message.phone) + "&SignName=" + encoded(config_.sign_name) +
             "&TemplateCode=" + encoded(approved->second) +
             "&TemplateParam=" + encoded(to_json(message.values));
  std::string host;
  try {
    host = Poco::URI(config_.url).getAuthority();
  } catch (const Poco::Exception& thrown) {
    return base::error(base::Code::unavailable, "auth.sms.away", thrown.displayText());
  }
  const auto digest = hex_sha256(ask.body);
  // In the order of their names, as they are signed.
  const std::vector<std::pair<std::string, std::string>> fields{
      {"content-type", kForm},
      {"host", host},
      {"x-acs-action", "SendSms"},
      {"x-acs-content-sha256", digest},
      {"x-acs-date", base::to_rfc3339(clock_.now())},
      {"x-acs-signature-nonce", base::to_hex(random_.bytes(16))},
      {"x-acs-version", "2017-05-25"},
  };
  std::string lines, names;
  for (const auto& [name, value] : fields) {
    lines += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
    if (name.starts_with("x-acs-")) ask.fields.emplace_back(name, value);
  }
  const auto canonical = "POST\n/\n\n" + lines + "\n" + names + "\n" + digest;
  const auto signature = base::hmac_sha256(
      key_secret_.reveal(), base::as_bytes("ACS3-HMAC-SHA256\n" + hex_sha256(canonical)));
  ask.fields.emplace_back("Authorization", "ACS3-HMAC-SHA256 Credential=" + config_.key_id +
                                               ",SignedHeaders=" + names +
                                               ",Signature=" + base::to_hex(signature));
  const auto reply = http_exchange(ask);
  if (!reply.ok())
    return base::error(base::Code::unavailable, "auth.sms.away", reply.error().detail);
  return read_answer(*reply);
}

}  // namespace gateways
