// The whole service in this process, on a real port: real database, real rooms, keys in memory, the
// real table of routes. What main.cpp joins is joined here with parts that a test can move or take
// away.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "api/handlers.h"
#include "api/http/server.h"
#include "api/log.h"
#include "api/metrics.h"
#include "api/rate_limits.h"
#include "api/router.h"
#include "api/verify_lookup.h"
#include "tests/api/raw_client.h"
#include "tests/support/pki.h"
#include "tests/support/postgres.h"

namespace test {

inline constexpr const char* kPublicUrl = "https://si.test";
inline constexpr const char* kMtlsUrl = "https://si.test:8443";
inline constexpr const char* kPassword = "hollow-brig-anvil-moth";
inline constexpr const char* kRedirect = "https://portal.example/callback";
inline constexpr const char* kIdNumber = "11010519491231002X";

/// A carrier of text messages in this process.
class Carrier final : public auth::SmsSender {
 public:
  base::Result<std::string> send(const auth::TextMessage& message) override {
    const std::lock_guard hold(mutex_);
    if (away_) return base::error(base::Code::unavailable, "auth.sms.away");
    sent_.push_back(message);
    return std::to_string(sent_.size());
  }
  void go_away(bool away) {
    const std::lock_guard hold(mutex_);
    away_ = away;
  }
  /// The code in the newest message to `phone`; empty when there is none.
  std::string code_to(std::string_view phone) const {
    const std::lock_guard hold(mutex_);
    for (auto at = sent_.rbegin(); at != sent_.rend(); ++at)
      if (at->phone == phone && at->template_name == "code")
        for (const auto& [name, value] : at->values)
          if (name == "code") return value;
    return "";
  }

 private:
  mutable std::mutex mutex_;  // protects all
  bool away_ = false;
  std::vector<auth::TextMessage> sent_;
};

class House {
 public:
  struct Options {
    bool upstairs = true;  ///< the signer was seen
    bool trust_list = true;
    bool verify_only = false;
    bool database = true;  ///< false: a database that is not there
    Pki::Keys keys = {};   ///< where the keys come from; none: made in memory
    api::Config::Limits limits = {0, 0, 0, 0, 0};
    api::Config::Proofing proofing = {};
    bool mtls = false;  ///< an address where certificates are shown, and the proxy's socket
    std::vector<api::ItemPolicy> items = {};  ///< none: those of the configuration
  };
  House() : House(Options{}) {}
  explicit House(const Options& options);
  ~House();

  /// One request on a connection of its own. `fields` are whole lines; Host is added.
  Answer ask(std::string_view method, std::string_view target, std::string_view fields = {},
             std::string_view body = {});
  Answer get(std::string_view target, std::string_view fields = {}) {
    return ask("GET", target, fields);
  }
  Answer post_form(std::string_view target, const api::Parameters& form,
                   std::string_view fields = {});
  int port() const { return server_->port(); }
  /// The same as the proxy of the address for certificates sends it; `certificate` (DER) may be
  /// empty.
  Answer ask_at_mtls(std::string_view method, std::string_view target, std::string_view fields,
                     std::string_view body, base::BytesView certificate);

  /// Someone known to auth and services, with enrolment rows, and a client.
  struct Person {
    auth::SubjectId id;
    std::string login_name;
  };
  const Person& person();
  const std::string& client_id() { return person(), client_id_; }
  const std::string& client_secret() const { return client_secret_; }
  /// The cookie of a live session.
  std::string session_cookie();
  auth::Session session_of(std::string_view cookie);
  /// An access token with `scopes`, through authorize, consent and token.
  /// In the session of `cookie`; none: in a new one.
  std::string access_token(const std::string& scopes = "openid profile documents",
                           std::string cookie = {});
  /// A register entry for `code`, in the database and, when `in_memory`, in the snapshot.
  verify::Entry record(const verify::DocumentCode& code, bool in_memory = true);

  std::string log_text();
  std::filesystem::path log_file() const { return directory_ / "log"; }
  Pki& pki() { return pki_; }
  api::Services& services() { return *services_; }
  api::Config& config() { return config_; }
  base::SystemRandom& random() { return random_; }
  base::Secret& pepper() { return pepper_; }
  api::Log& log() { return *log_; }
  Carrier& carrier() { return *carrier_; }

 private:
  std::shared_ptr<api::Upstairs> build_upstairs();

  std::shared_ptr<Carrier> carrier_ = std::make_shared<Carrier>();
  Database& database_;
  Pki pki_;
  std::filesystem::path directory_;
  api::Config config_;
  base::SystemRandom random_;
  base::Secret pepper_;
  store::Pool pool_;
  verify::Register documents_;
  verify::Snapshot snapshot_;
  std::unique_ptr<api::Metrics> metrics_;
  api::RateLimits rates_;
  api::VerdictCache verdicts_;
  std::unique_ptr<hsm::Client> signer_;
  std::unique_ptr<api::Log> log_;
  std::unique_ptr<api::Services> services_;
  std::unique_ptr<api::Router> router_;
  std::unique_ptr<api::Server> server_;
  std::optional<Person> person_;
  std::string client_id_, client_secret_;
};

/// What oathtool says is the code of this secret at this moment (RFC 6238).
std::string oathtool(const std::string& base32, base::Time at);
/// "name=value" of a Set-Cookie line.
std::string cookie_of(const Answer& answer);
/// The value of a query parameter of a URL.
std::string query_value(std::string_view url, std::string_view name);

}  // namespace test
