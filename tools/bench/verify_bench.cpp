// What judging and looking up cost, each as a ratio against the raw limit in the same run:
//   look-ups in the register's snapshot of a million documents against std::unordered_map without
//   any protection; octets a document; PDF judgements against bare ECDSA P-256 verifications of
//   OpenSSL. cmake --preset release && ninja -C build/release bench_verify &&
//   build/release/bin/bench_verify
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>
#include <unordered_map>
#include <vector>

#include "certs/signature.h"
#include "tests/support/pki.h"
#include "tests/verify/entries.h"
#include "tests/verify/pdf_maker.h"
#include "verify/snapshot.h"
#include "verify/verifier.h"

namespace {

using Steady = std::chrono::steady_clock;

constexpr int kDocuments = 1'000'000;
constexpr int kRounds = 9;
constexpr std::chrono::milliseconds kRound{200};

/// Calls `act` for one round on each of `threads` threads; calls a second.
template <class Act>
double rate(int threads, Act act) {
  std::vector<std::thread> pool;
  std::vector<std::size_t> counts(static_cast<std::size_t>(threads));
  const auto begin = Steady::now();
  for (int thread = 0; thread < threads; ++thread)
    pool.emplace_back([&, thread] {
      std::size_t done = 0;
      for (std::uint64_t i = static_cast<std::uint64_t>(thread) * 7'919;
           Steady::now() < begin + kRound;)
        for (int burst = 0; burst < 16; ++burst, ++done) act(i++);
      counts[static_cast<std::size_t>(thread)] = done;
    });
  for (auto& one : pool) one.join();
  const std::chrono::duration<double> took = Steady::now() - begin;
  std::size_t all = 0;
  for (const std::size_t count : counts) all += count;
  return static_cast<double>(all) / took.count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

verify::CodeDigest code_of(std::uint64_t number) {
  return test::entry(static_cast<int>(number)).code;
}

void bench_snapshot() {
  verify::Snapshot snapshot;
  struct Hash {
    std::size_t operator()(const verify::CodeDigest& code) const {
      std::size_t value;
      std::memcpy(&value, code.data(), sizeof value);
      return value;
    }
  };
  std::unordered_map<verify::CodeDigest, std::shared_ptr<const verify::Entry>, Hash> bare;
  std::vector<verify::CodeDigest> asked;
  const auto begin = Steady::now();
  for (int i = 0; i < kDocuments; ++i) {
    verify::Entry entry = test::entry(i);
    entry.change = i + 1;
    snapshot.apply(entry);
  }
  const std::chrono::duration<double> filled = Steady::now() - begin;
  constexpr int kAsked = 100'000;
  for (int i = 0; i < kAsked; ++i) {
    const auto code = code_of(static_cast<std::uint64_t>(i) * 9'973 % kDocuments);
    asked.push_back(code);
    bare.emplace(code, snapshot.find(code));
  }
  std::printf("snapshot: %zu documents in %.1f s, %zu octets each\n", snapshot.size(),
              filled.count(), snapshot.memory_bytes() / snapshot.size());
  const auto unknown = verify::CodeDigest{};
  for (const int threads : {1, 2}) {
    std::vector<double> known, missing, raw;
    for (int round = 0; round < kRounds; ++round) {
      known.push_back(rate(threads, [&](std::uint64_t i) {
        base::check(snapshot.find(asked[i % kAsked]) != nullptr, "known");
      }));
      missing.push_back(rate(threads, [&](std::uint64_t i) {
        auto code = unknown;
        std::memcpy(code.data(), &i, sizeof i);
        base::check(snapshot.find(code) == nullptr, "unknown");
      }));
      raw.push_back(rate(threads, [&](std::uint64_t i) {
        const verify::Entry copy = *bare.find(asked[i % kAsked])->second;
        base::check(!copy.facts.empty(), "copied");
      }));
    }
    std::printf(
        "  %d thread(s): known %.0f/s, unknown %.0f/s, unordered_map of 100,000 and a copy %.0f/s, "
        "ratio %.2f\n",
        threads, median(known), median(missing), median(raw), median(known) / median(raw));
  }
}

void bench_judge() {
  test::Pki pki;
  test::CmsOptions options;
  options.stamp = &pki.timestamps();
  test::PdfOptions large;
  large.extra_catalog = " /Filler (" + std::string(24'000, 'x') + ")";
  const auto file =
      test::sealed_pdf(test::cms(pki.key("seal-1"), pki.certificate("seal-1"), options), large);
  const verify::Verifier verifier(pki.list());
  const auto key = pki.certificate("seal-1").public_key();
  const unsigned char* at = key.data();
  EVP_PKEY* public_key = d2i_PUBKEY(nullptr, &at, static_cast<long>(key.size()));
  const base::Digest digest = base::sha256(base::as_bytes(file));
  const auto raw_signature = *pki.key("seal-1")->sign(digest);
  const auto signature = certs::ecdsa_to_der(raw_signature);
  std::vector<double> judged, verified;
  for (int round = 0; round < kRounds; ++round) {
    judged.push_back(rate(1, [&](std::uint64_t) {
      base::check(
          verifier.judge(base::as_bytes(file), pki.start()).outcome == verify::Outcome::genuine,
          "genuine");
    }));
    verified.push_back(rate(1, [&](std::uint64_t) {
      EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(public_key, nullptr);
      EVP_PKEY_verify_init(context);
      base::check(EVP_PKEY_verify(context, signature.data(), signature.size(), digest.data(),
                                  digest.size()) == 1,
                  "verified");
      EVP_PKEY_CTX_free(context);
    }));
  }
  EVP_PKEY_free(public_key);
  std::printf(
      "judge: %.0f files/s of %zu octets, bare ECDSA %.0f/s: one judgement costs %.1f "
      "verifications\n",
      median(judged), file.size(), median(verified), median(verified) / median(judged));
}

}  // namespace

int main() {
  bench_snapshot();
  bench_judge();
}
