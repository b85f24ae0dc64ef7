// Text messages through a carrier's HTTP interface: the call SendSms (version 2017-05-25) signed
// with ACS3-HMAC-SHA256, as Alibaba Cloud's short message service and platforms compatible with it
// take it. Only approved templates travel: names of ours stand for the carrier's codes.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "auth/sms_sender.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"

namespace gateways {

/// Thread-safe; each message has a connection of its own.
class SmsClient final : public auth::SmsSender {
 public:
  struct Config {
    std::string url;        ///< "https://dysmsapi.aliyuncs.com/"
    std::string key_id;     ///< AccessKeyId
    std::string sign_name;  ///< 短信签名, approved: stands in 【】 before the text
    std::map<std::string, std::string> templates;  ///< "code" -> "SMS_154950909"
    std::chrono::milliseconds deadline{3'000};
    std::filesystem::path roots_file = {};
  };
  SmsClient(Config config, base::Secret key_secret, const base::Clock& clock, base::Random& random);
  base::Result<std::string> send(const auth::TextMessage& message) override;

 private:
  const Config config_;
  const base::Secret key_secret_;
  const base::Clock& clock_;
  base::Random& random_;
};

}  // namespace gateways
