// Keys of every algorithm, what wrapping costs, and many keys in one token, in one run.
//   cmake --preset release -DXINYIN_BENCH=ON && ninja -C build/release bench_keys
//   build/release/bin/bench_keys [number of keys, 10000]
// "scalar kept" is what an SM2 signature would cost if the clear key stayed in memory: the price of
// opening it at each signature is the difference (docs/decisions/0071-wrapped-keys.md).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "hsm/algorithm.h"
#include "hsm/public_key.h"
#include "hsm/sm2_software.h"
#include "tests/support/token.h"

namespace {

using Steady = std::chrono::steady_clock;

constexpr int kRounds = 5;
constexpr std::chrono::milliseconds kRound{200};

double seconds_since(Steady::time_point begun) {
  return std::chrono::duration<double>(Steady::now() - begun).count();
}

/// Microseconds a call; the median of the rounds.
double cost_us(const std::function<void()>& call) {
  call();
  std::vector<double> rounds;
  for (int i = 0; i < kRounds; ++i) {
    const auto begun = Steady::now();
    long done = 0;
    for (; Steady::now() - begun < kRound; ++done) call();
    rounds.push_back(seconds_since(begun) * 1e6 / static_cast<double>(done));
  }
  std::sort(rounds.begin(), rounds.end());
  return rounds[kRounds / 2];
}

std::string label_of(std::string_view algorithm) {
  std::string label = "k-" + std::string(algorithm);
  std::replace(label.begin(), label.end(), '_', '-');
  return label;
}

void algorithms() {
  std::vector<hsm::PlannedKey> plan{
      {"key-wrap-1", hsm::Algorithm::aes_256, hsm::Purpose::key_wrapping}};
  for (const auto& facts : hsm::algorithm_facts())
    if (facts.scheme != hsm::Scheme::none)
      plan.push_back({label_of(facts.name), facts.algorithm, hsm::Purpose::seal});
  test::Token token(plan);
  std::printf("one signature with its check, one thread, medians of %d rounds\n", kRounds);
  const auto message = base::as_bytes("what is to be signed");
  double opened_each_time = 0;
  for (const auto& facts : hsm::algorithm_facts()) {
    if (facts.scheme == hsm::Scheme::none) continue;
    const auto key = token.key(label_of(facts.name));
    const double cost =
        cost_us([&] { base::check(key->sign_message(message).ok(), "a signature failed"); });
    if (facts.scheme == hsm::Scheme::sm2) opened_each_time = cost;
    std::printf("  %-12s %9.1f us   %s\n", std::string(facts.name).c_str(), cost,
                std::string(to_string(key->info().protection)).c_str());
  }
  base::SystemRandom random;
  const auto pair = hsm::make_sm2_pair(random);
  const auto check = hsm::SignatureCheck::make(hsm::Algorithm::sm2, pair.spki).value();
  const auto e = hsm::sm2_input(base::BytesView(pair.spki).last(64), message);
  const double kept = cost_us([&] {
    const auto signature = hsm::sm2_sign(pair.scalar.reveal(), e, random);
    base::check(signature.ok() && check->good(e, *signature), "a signature failed");
  });
  std::printf("  %-12s %9.1f us   scalar kept: opening it each time costs %.1f us, %.0f %%\n",
              "sm2", kept, opened_each_time - kept, (opened_each_time / kept - 1) * 100);
}

/// Nanoseconds to find a key by its label.
double look_up_ns(hsm::Token& token, const std::string& label) {
  return cost_us([&] { base::check(token.key(label).ok(), "a key is missing"); }) * 1000;
}

void many(std::size_t count) {
  ::setenv("TMPDIR", "/dev/shm", 1);  // fsync of a disk is another matter
  std::vector<hsm::PlannedKey> plan;
  for (std::size_t i = 0; i < count; ++i)
    plan.push_back({"k-" + std::to_string(i), hsm::Algorithm::ecdsa_p256, hsm::Purpose::seal});
  double few_ns = 0;
  {
    test::Token few({plan.begin(), plan.begin() + 10});
    few_ns = look_up_ns(few.open(), "k-7");
  }
  auto begun = Steady::now();
  test::Token token(plan);
  std::printf("%zu P-256 keys in the token, in memory\n", count);
  std::printf("  made in            %8.2f s\n", seconds_since(begun));
  begun = Steady::now();
  auto& open = token.open();
  std::printf("  opened in          %8.2f s\n", seconds_since(begun));
  const double many_ns = look_up_ns(open, "k-" + std::to_string(count / 2));
  std::printf("  look-up            %8.0f ns  (%.0f ns among 10)\n", many_ns, few_ns);
  begun = Steady::now();
  base::check(open.recheck().ok(), "a recheck failed");
  std::printf("  recheck, first     %8.1f ms  (each key of the slice signs once)\n",
              seconds_since(begun) * 1000);
  std::vector<double> rechecks;
  for (int i = 0; i < 2 * 60; ++i) {
    begun = Steady::now();
    base::check(open.recheck().ok(), "a recheck failed");
    rechecks.push_back(seconds_since(begun) * 1000);
  }
  rechecks.erase(rechecks.begin(), rechecks.begin() + 60);
  std::sort(rechecks.begin(), rechecks.end());
  std::printf("  recheck            %8.1f ms  (all of them, once in 60: %.1f ms)\n",
              rechecks[rechecks.size() / 2], rechecks.back());
}

}  // namespace

int main(int argc, char** argv) {
  algorithms();
  many(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000);
}
