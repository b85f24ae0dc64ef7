// Tokens issued against the signatures they are made of, in one run: rounds take turns, medians are
// printed with their ratios. A token answer is two signatures (access token, ID token), so
// "signing" counts pairs and its limit is half the key's rate.
//   cmake --preset release -DXINYIN_BENCH=ON && ninja -C build/release bench_token xinyin-signer
//   tests/support/cluster start build/release; build/release/bin/bench_token
// Two keys: one inside a token behind the real xinyin-signer, one in ordinary memory (what a
// wrapped key would give). The cluster is the tests' throw-away one: nothing waits for a disk; what
// a durable commit costs is bench_store's matter.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "auth/accounts.h"
#include "auth/id_numbers.h"
#include "auth/jwt.h"
#include "auth/provider.h"
#include "auth/redirect.h"
#include "auth/sessions.h"
#include "base/encoding.h"
#include "base/json.h"
#include "hsm/client.h"
#include "tests/support/postgres.h"
#include "tests/support/signer.h"
#include "tests/support/soft_key.h"
#include "tests/support/token.h"

namespace {

using Steady = std::chrono::steady_clock;

constexpr int kRounds = 5;
constexpr int kThreads = 4;  // connections of the pool
constexpr std::chrono::milliseconds kRound{800};
constexpr int kCodes = 800;  // redeemed in one round
constexpr const char* kRedirect = "https://portal.example/callback";
constexpr const char* kVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
constexpr const char* kChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

double seconds_since(Steady::time_point begun) {
  return std::chrono::duration<double>(Steady::now() - begun).count();
}

/// Calls a second of `call(thread)` in one round.
double rate(const std::function<void(int)>& call) {
  std::atomic<bool> stop{false};
  std::atomic<long> done{0};
  std::vector<std::thread> all;
  const auto begun = Steady::now();
  for (int t = 0; t < kThreads; ++t)
    all.emplace_back([&, t] {
      long mine = 0;
      for (; !stop; ++mine) call(t);
      done += mine;
    });
  std::this_thread::sleep_for(kRound);
  stop = true;
  for (auto& each : all) each.join();
  return static_cast<double>(done) / seconds_since(begun);
}

/// `count` calls shared by the threads; calls a second.
double rate_of(int count, const std::function<void(int)>& call) {
  std::atomic<int> next{0};
  std::vector<std::thread> all;
  const auto begun = Steady::now();
  for (int t = 0; t < kThreads; ++t)
    all.emplace_back([&] {
      for (int i = next++; i < count; i = next++) call(i);
    });
  for (auto& each : all) each.join();
  return count / seconds_since(begun);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string parameter(std::string_view location, std::string_view name) {
  const auto at = location.find(std::string(name) + "=");
  base::check(at != std::string_view::npos, "no " + std::string(name) + " in the answer");
  const auto rest = location.substr(at + name.size() + 1);
  return std::string(rest.substr(0, rest.find('&')));
}

/// A provider with one person and one client that has her consent.
class Bench {
 public:
  explicit Bench(std::shared_ptr<const hsm::Key> key)
      : cipher_(base::Secret(base::as_bytes("0123456789abcdef0123456789abcdef")), random_),
        hasher_({1, 40, 64, 1, std::chrono::seconds(10)}, random_),
        accounts_({pool_, cipher_, hasher_, clock_, random_, {}}),
        sessions_(pool_, clock_, random_, {}),
        key_(std::move(key)),
        key_id_(auth::TokenKey::from_spki(key_->info().public_key)->id()),
        provider_({"https://id.example"}, {pool_, accounts_, key_, clock_, random_}) {
    static int persons = 0;
    const auto n = std::to_string(++persons);
    std::string number = "1101051990010100" + n;
    number += auth::citizen_check(number);
    session_ = sessions_
                   .open(accounts_
                             .create({auth::SubjectKind::person, "张小三", "cn-id", number,
                                      "person." + n, auth::Proofing::p2},
                                     base::Secret(base::as_bytes("hollow-brig-anvil-moth")))
                             .value(),
                         auth::Method::password)
                   .value()
                   .session;
    auth::NewClient client;
    client.id = auth::ClientId("bench-" + n);
    client.name = "bench";
    client.secret = base::to_base64url(random_.bytes(32));
    client.redirect_uris = {kRedirect};
    client.scopes = auth::kScopes;
    provider_.register_client(client).value();
    basic_ = "Basic " + base::to_base64(base::as_bytes(client.id.value() + ":" + client.secret));
    asked_ = {{"response_type", "code"},      {"client_id", client.id.value()},
              {"redirect_uri", kRedirect},    {"scope", "openid profile documents"},
              {"code_challenge", kChallenge}, {"code_challenge_method", "S256"},
              {"nonce", "n-0S6_WzA2Mj"}};
    const auto ask = provider_.authorize(asked_, session_).value();
    provider_.consent(std::get<auth::AskConsent>(ask).transaction, true, session_).value();
  }

  void bare_signature() const {
    base::check(key_->sign(base::sha256(base::as_bytes("x"))).ok(), "a signature failed");
  }
  void token_pair() const {
    for (const auto type : {auth::kAccessTokenType, auth::kIdTokenType})
      base::check(auth::sign_jws(*key_, key_id_, type, kClaims).ok(), "a token failed");
  }
  std::string code() {
    const auto answer = provider_.authorize(asked_, session_).value();
    return parameter(std::get<auth::SendBack>(answer).location, "code");
  }
  std::string redeem(const std::string& code) {
    const auto reply = provider_.token({{"grant_type", "authorization_code"},
                                        {"code", code},
                                        {"redirect_uri", kRedirect},
                                        {"code_verifier", kVerifier}},
                                       basic_);
    base::check(std::holds_alternative<auth::TokenReply>(reply), "a redemption failed");
    return std::get<auth::TokenReply>(reply).json;
  }
  void use(const std::string& token) {
    base::check(provider_.userinfo(token).ok(), "a token was refused");
  }

 private:
  static constexpr std::string_view kClaims =
      R"({"iss":"https://id.example","aud":"https://id.example","sub":"0123456789012345678901234567)"
      R"(890123456789012","client_id":"bench","iat":1795489200,"exp":1795489800,"jti":"012345678901)"
      R"(2345678901","scope":"openid profile documents","auth_time":1795489200})";
  test::Database& database_ = test::Database::shared();
  store::Pool& pool_ = database_.pool();
  base::SystemClock clock_;
  base::SystemRandom random_;
  store::FieldCipher cipher_;
  auth::PasswordHasher hasher_;
  auth::Accounts accounts_;
  auth::Sessions sessions_;
  std::shared_ptr<const hsm::Key> key_;
  std::string key_id_;
  auth::Provider provider_;
  auth::Session session_;
  std::string basic_;
  auth::Parameters asked_;
};

void measure(const char* name, Bench& bench) {
  std::vector<double> bare, pairs, codes, redeemed, used;
  for (int round = 0; round < kRounds; ++round) {
    bare.push_back(rate([&](int) { bench.bare_signature(); }));
    pairs.push_back(rate([&](int) { bench.token_pair(); }));
    std::vector<std::string> fresh(kCodes);
    codes.push_back(
        rate_of(kCodes, [&](int i) { fresh[static_cast<std::size_t>(i)] = bench.code(); }));
    std::string reply;
    redeemed.push_back(rate_of(kCodes, [&](int i) {
      auto one = bench.redeem(fresh[static_cast<std::size_t>(i)]);
      if (i == 0) reply = std::move(one);
    }));
    const auto answer = base::parse_json(reply).value();
    const std::string token(base::json_text(answer, "access_token"));
    used.push_back(rate([&](int) { bench.use(token); }));
  }
  const double limit = median(bare) / 2;
  std::printf("%s, %d threads, medians of %d rounds\n", name, kThreads, kRounds);
  std::printf("  bare signatures        %8.0f /s   limit: %.0f answers/s (two signatures each)\n",
              median(bare), limit);
  std::printf("  token pairs signed     %8.0f /s   %.2f of the limit\n", median(pairs),
              median(pairs) / limit);
  std::printf("  codes redeemed         %8.0f /s   %.2f of the limit\n", median(redeemed),
              median(redeemed) / limit);
  std::printf("  codes issued           %8.0f /s\n", median(codes));
  std::printf("  userinfo               %8.0f /s\n", median(used));
}

/// A wrapped key is opened at each signature: what that costs stands in bench_keys.
void measure_wrapped(hsm::Client& client) {
  const auto key = client.key("seal-sm2").value();
  std::vector<double> rates;
  for (int round = 0; round < kRounds; ++round)
    rates.push_back(rate([&](int) {
      base::check(key->sign_message(base::as_bytes("x")).ok(), "a signature failed");
    }));
  std::printf("SM2 key wrapped by the token, through xinyin-signer\n");
  std::printf("  bare signatures        %8.0f /s   opened, used and wiped each time\n",
              median(rates));
}

std::vector<hsm::PlannedKey> keys_of_the_token() {
  auto keys = test::demonstration_keys();
  keys.push_back({"key-wrap-1", hsm::Algorithm::aes_256, hsm::Purpose::key_wrapping});
  keys.push_back({"seal-sm2", hsm::Algorithm::sm2, hsm::Purpose::seal});
  return keys;
}

}  // namespace

int main() {
  const test::Token token(keys_of_the_token());
  const test::Signer signer(token, {.program = XINYIN_BIN_DIR "/xinyin-signer"});
  hsm::Client client(signer.client());
  Bench in_token(client.key("openid-1").value());
  measure("key in the token, through xinyin-signer", in_token);
  measure_wrapped(client);
  Bench in_memory(
      test::SoftKey::make("openid-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::openid));
  measure("key in memory", in_memory);
}
