// Signatures through client and xinyin-signer against the token's raw C_SignInit + C_Sign, P-256,
// in one run: rounds of each take turns, medians are printed with their ratios (to reach: 0.8 of
// the raw rate of two threads, where every signature is verified, logged and on the disk before it
// leaves).
//   cmake --preset release -DXINYIN_BENCH=ON && ninja -C build/release bench_signer xinyin-signer
//   build/release/bin/bench_signer
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include "base/digest.h"
#include "hsm/client.h"
#include "hsm/public_key.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace {

using Steady = std::chrono::steady_clock;

constexpr int kRounds = 5;
constexpr std::chrono::milliseconds kRound{1000};

/// Calls `sign(thread)` from so many threads for one round; calls per second.
double rate(int threads, const std::function<bool(int)>& sign) {
  std::atomic<bool> stop{false};
  std::atomic<long> done{0};
  std::vector<std::thread> all;
  const auto begun = Steady::now();
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      long mine = 0;
      for (; !stop; ++mine) base::check(sign(t), "a signature failed");
      done += mine;
    });
  std::this_thread::sleep_for(kRound);
  stop = true;
  for (auto& thread : all) thread.join();
  return static_cast<double>(done) / std::chrono::duration<double>(Steady::now() - begun).count();
}

/// The token as bare as it gets: two sessions, a cached handle.
class Raw {
 public:
  explicit Raw(const test::Token& token) {
    token.point_softhsm_here();
    void* library = ::dlopen(test::Token::module().c_str(), RTLD_NOW | RTLD_NODELETE);
    base::check(library != nullptr, "no module");
    reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"))(&call_);
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    call_->C_Initialize(&arguments);
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    call_->C_GetSlotList(CK_TRUE, slots, &count);
    for (auto& session : sessions_)
      base::check(
          call_->C_OpenSession(slots[0], CKF_SERIAL_SESSION, nullptr, nullptr, &session) == 0,
          "C_OpenSession");
    auto* pin = reinterpret_cast<unsigned char*>(const_cast<char*>(token.pin().data()));
    base::check(call_->C_Login(sessions_[0], CKU_USER, pin, token.pin().size()) == 0, "C_Login");
    CK_OBJECT_CLASS wanted = CKO_PRIVATE_KEY;
    char label[] = "seal-1";
    CK_ATTRIBUTE pattern[] = {{CKA_CLASS, &wanted, sizeof wanted}, {CKA_LABEL, label, 6}};
    call_->C_FindObjectsInit(sessions_[0], pattern, 2);
    call_->C_FindObjects(sessions_[0], &key_, 1, &count);
    call_->C_FindObjectsFinal(sessions_[0]);
    base::check(count == 1, "seal-1");
  }
  ~Raw() { call_->C_Finalize(nullptr); }
  bool sign(int thread, const base::Digest& digest, base::Bytes& signature) {
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    CK_ULONG size = 64;
    signature.resize(size);
    auto& session = sessions_[thread];
    return call_->C_SignInit(session, &mechanism, key_) == CKR_OK &&
           call_->C_Sign(session, const_cast<unsigned char*>(digest.data()), digest.size(),
                         signature.data(), &size) == CKR_OK;
  }

 private:
  CK_FUNCTION_LIST* call_ = nullptr;
  CK_SESSION_HANDLE sessions_[2] = {};
  CK_OBJECT_HANDLE key_ = 0;
};

struct Measured {
  std::string name;
  std::function<double()> once;
  std::vector<double> rates = {};
  double median() {
    std::sort(rates.begin(), rates.end());
    return rates[rates.size() / 2];
  }
};

}  // namespace

int main(int argc, char** argv) {
  const auto program = std::filesystem::path(argv[0]).parent_path() / "xinyin-signer";
  test::Token token;
  const auto info = token.key("seal-1")->info();
  token.close();
  const auto check = std::move(hsm::SignatureCheck::make(info.algorithm, info.public_key)).value();
  const test::Signer kept(token, {.program = program});
  const test::Signer unkept(token, {.program = program, .settings = {"oplog.fsync = false"}});
  hsm::Client kept_client(kept.client()), unkept_client(unkept.client());
  const auto kept_key = kept_client.key("seal-1").value();
  const auto unkept_key = unkept_client.key("seal-1").value();
  Raw raw(token);
  const auto digest = base::sha256(base::as_bytes("bench"));
  const auto signs = [&](const std::shared_ptr<const hsm::Key>& key, int threads) {
    return [&, key, threads] { return rate(threads, [&](int) { return key->sign(digest).ok(); }); };
  };

  std::vector<Measured> all{
      {"raw C_Sign, 2 threads",
       [&] {
         return rate(2, [&](int t) {
           base::Bytes signature;
           return raw.sign(t, digest, signature);
         });
       }},
      {"raw C_Sign + verification, 2 threads",
       [&] {
         return rate(2, [&](int t) {
           base::Bytes signature;
           return raw.sign(t, digest, signature) && check->good(digest, signature);
         });
       }},
      {"verification alone, 2 threads",
       [&, signature = kept_key->sign(digest).value()] {
         return rate(2, [&](int) { return check->good(digest, signature); });
       }},
      {"signer, 2 threads", signs(kept_key, 2)},
      {"signer, 16 threads", signs(kept_key, 16)},
      {"signer without fsync, 2 threads", signs(unkept_key, 2)},
      {"signer without fsync, 16 threads", signs(unkept_key, 16)},
  };
  for (int round = 0; round < kRounds; ++round)
    for (auto& one : all) one.rates.push_back(one.once());
  const double bare = all[0].median(), checked = all[1].median();
  std::printf("%-40s %10s %10s %18s\n", "", "per second", "of raw", "of raw + verified");
  for (auto& one : all)
    std::printf("%-40s %10.0f %10.2f %18.2f\n", one.name.c_str(), one.median(), one.median() / bare,
                one.median() / checked);
  return 0;
}
