#include "hsm/self_test.h"

#include <algorithm>
#include <array>

#include "hsm/algorithm.h"
#include "hsm/public_key.h"
#include "hsm/sm2_software.h"

namespace hsm {
namespace {

// With 8 bits of entropy claimed for an octet and a false alarm in 2^40 (NIST SP 800-90B §4.4):
constexpr int kRepetitionCutoff = 6;              // §4.4.1: 1 + ceil(40 / 8)
constexpr std::size_t kWindow = 512;              // §4.4.2, of a source that is not binary
constexpr std::ptrdiff_t kProportionCutoff = 19;  // 1 + critbinom(512, 2^-8, 1 - 2^-40)
constexpr std::size_t kReading = 4096;

std::string unhealthy(base::BytesView octets) {
  int run = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    run = i > 0 && octets[i] == octets[i - 1] ? run + 1 : 1;
    if (run >= kRepetitionCutoff) return "the same octet " + std::to_string(run) + " times running";
  }
  for (std::size_t at = 0; at + kWindow <= octets.size(); at += kWindow) {
    const auto window = octets.subspan(at, kWindow);
    const auto times = std::count(window.begin(), window.end(), window[0]);
    if (times >= kProportionCutoff)
      return "one octet " + std::to_string(times) + " times in " + std::to_string(kWindow);
  }
  return {};
}

/// A key made here signs with Botan and is verified with OpenSSL.
SelfTestResult sm2_pair(base::Random& random) {
  SelfTestResult result{"sm2 sign", false};
  const auto pair = make_sm2_pair(random);
  const auto check = SignatureCheck::make(Algorithm::sm2, pair.spki);
  const auto e = sm2_input(base::BytesView(pair.spki).last(64), base::as_bytes("message digest"));
  auto signature = sm2_sign(pair.scalar.reveal(), e, random);
  if (!check.ok() || !signature.ok()) {
    result.why = "no signature is made";
  } else if (!(*check)->good(e, *signature)) {
    result.why = "the signature does not verify";
  } else {
    (*signature)[40] ^= 1;
    result.passed = !(*check)->good(e, *signature);
    if (!result.passed) result.why = "a bent signature verifies";
  }
  return result;
}

}  // namespace

SelfTestResult random_health(
    std::string name, const std::function<base::Result<void>(std::span<std::uint8_t>)>& read) {
  SelfTestResult result{std::move(name), false};
  std::array<std::uint8_t, kReading> first{}, second{};
  for (auto* reading : {&first, &second})
    if (const auto done = read(*reading); !done.ok()) {
      result.why = "it gives nothing: " + done.error().detail;
      return result;
    }
  result.why = first == second ? "two readings are equal" : unhealthy(first);
  if (result.why.empty()) result.why = unhealthy(second);
  result.passed = result.why.empty();
  return result;
}

std::vector<SelfTestResult> self_test(base::Random& random) {
  auto results = known_answers();
  results.push_back(random_health("random system", [&](std::span<std::uint8_t> out) {
    random.fill(out);
    return base::Result<void>();
  }));
  // A stuck source would keep the search for a scalar going for ever.
  if (results.back().passed) results.push_back(sm2_pair(random));
  return results;
}

base::Result<void> all_passed(const std::vector<SelfTestResult>& results) {
  std::string failed;
  for (const auto& one : results)
    if (!one.passed) failed += (failed.empty() ? "" : "; ") + one.name + ": " + one.why;
  if (failed.empty()) return {};
  auto failure = base::error(base::Code::unavailable, "hsm.self_test", failed);
  failure.args = {{"why", failed}};
  return failure;
}

}  // namespace hsm
