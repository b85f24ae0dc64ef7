// A third-party platform in this process: what it is asked, and whom it says it saw.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "auth/platforms.h"
#include "base/encoding.h"
#include "tests/auth/foreign_signer.h"
#include "tests/support/manual_clock.h"

namespace auth::test_house {

inline constexpr const char* kIssuerThere = "https://platform.example";

/// A platform in this process: redeems codes that a test made, as it was told to.
class There final : public PlatformSource {
 public:
  explicit There(base::ManualClock& clock) : clock_(clock) {}

  base::Result<Reply> redeem(
      const std::vector<std::pair<std::string, std::string>>& form) const override {
    asked = {form.begin(), form.end()};
    if (away) return base::error(base::Code::unavailable, "auth.platform.trouble", "away");
    const auto at = codes.find(asked["code"]);
    if (at == codes.end() ||
        base::to_base64url(base::sha256(base::as_bytes(asked["code_verifier"]))) !=
            at->second.challenge ||
        asked["redirect_uri"] != at->second.redirect_uri)
      return Reply{400, R"({"error":"invalid_grant"})"};
    if (answer) return Reply{200, answer(at->second.nonce)};
    return Reply{200, R"({"access_token":"x","token_type":"Bearer","id_token":")" +
                          token(at->second.nonce) + "\"}"};
  }
  base::Result<std::string> keys() const override {
    ++fetched;
    if (away) return base::error(base::Code::unavailable, "auth.platform.trouble", "away");
    return signer.jwks(R"("kid":"1","use":"sig",)");
  }

  /// The person logs in there: what the browser brings back.
  Platforms::Answer confirm(const std::string& address) {
    const auto code = "code-" + std::to_string(codes.size());
    codes[code] = {asked_in(address, "nonce"), asked_in(address, "code_challenge"),
                   asked_in(address, "redirect_uri")};
    return {asked_in(address, "state"), code, "", kIssuerThere};
  }
  std::string claims(const std::string& nonce, const std::string& with = {}) const {
    const auto now = base::to_unix_s(clock_.now());
    return R"({"iss":")" + issuer + R"(","sub":")" + subject + R"(","aud":)" + audience +
           R"(,"iat":)" + std::to_string(now) + R"(,"exp":)" + std::to_string(now + 300) +
           R"(,"auth_time":)" + std::to_string(now - 10) + R"(,"nonce":")" + nonce + "\"" + more +
           with + "}";
  }
  std::string token(const std::string& nonce) const {
    return signer.sign(R"({"alg":")" + signer.algorithm() + R"(","kid":"1","typ":"JWT"})",
                       claims(nonce));
  }

  struct Code {
    std::string nonce, challenge, redirect_uri;
  };
  std::map<std::string, Code> codes;
  ForeignSigner signer = ForeignSigner::make("RS256");
  std::string issuer = kIssuerThere, subject = "u-1", audience = R"("xinyin")", more;
  std::function<std::string(const std::string& nonce)> answer;  ///< the whole token answer
  bool away = false;
  mutable int fetched = 0;
  mutable std::map<std::string, std::string> asked;

 private:
  /// One parameter of an address, with %3A and %2F decoded: all that addresses of return need.
  static std::string asked_in(const std::string& address, const std::string& name) {
    const auto at = address.find(name + "=");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 1;
    auto value = address.substr(begin, address.find('&', begin) - begin);
    for (const auto& [code, plain] : {std::pair{"%3A", ":"}, {"%2F", "/"}})
      for (auto found = value.find(code); found != std::string::npos; found = value.find(code))
        value.replace(found, 3, plain);
    return value;
  }
  base::ManualClock& clock_;
};

}  // namespace auth::test_house
