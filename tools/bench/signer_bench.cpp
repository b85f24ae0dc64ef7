// Signatures through client and xinyin-signer against the token's raw C_SignInit + C_Sign, P-256,
// in one run: rounds of each take turns, medians are printed with their ratios (to reach: 0.8 of
// the raw rate with verification and as many threads, where every signature is verified, logged and
// on the disk before it leaves). The governed signer looks into the officers' ledger as well.
//   cmake --preset release -DXINYIN_BENCH=ON && ninja -C build/release bench_signer xinyin-signer
//   build/release/bin/bench_signer
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <thread>
#include <vector>

#include "base/digest.h"
#include "base/unique_fd.h"
#include "hsm/client.h"
#include "hsm/public_key.h"
#include "tests/hsm/governed.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace {

using Steady = std::chrono::steady_clock;

constexpr int kRounds = 5;
constexpr std::chrono::milliseconds kRound{1000};

/// CPU seconds of this process, and of another one (user and system time).
double own_cpu() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}
double cpu_of(pid_t pid) {
  if (pid == 0) return 0;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct Round {
  double rate = 0;    ///< per second
  double cpu_us = 0;  ///< per call, in this process and in the signer's worker
};

/// Calls `sign(thread)` from so many threads for one round.
Round measure(int threads, pid_t signer, const std::function<bool(int)>& sign) {
  const double cpu = own_cpu() + cpu_of(signer);
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
  const auto count = static_cast<double>(done);
  return {count / std::chrono::duration<double>(Steady::now() - begun).count(),
          (own_cpu() + cpu_of(signer) - cpu) * 1e6 / count};
}

constexpr int kMany = 16;

/// The token as bare as it gets: a session a thread, a cached handle.
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
  CK_SESSION_HANDLE sessions_[kMany] = {};
  CK_OBJECT_HANDLE key_ = 0;
};

/// What the disk alone gives: a log's line of usual size, kept.
class Disk {
 public:
  explicit Disk(const std::filesystem::path& file)
      : fd_(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
  bool line() {
    return ::write(fd_.get(), text_.data(), text_.size()) == static_cast<ssize_t>(text_.size()) &&
           ::fdatasync(fd_.get()) == 0;
  }

 private:
  base::UniqueFd fd_;
  const std::string text_ = std::string(319, 'x') + "\n";
};

struct Measured {
  std::string name;
  std::function<Round()> once;
  std::vector<Round> rounds = {};
  template <class Member>
  double median(Member member) const {
    std::vector<double> values;
    for (const auto& one : rounds) values.push_back(one.*member);
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  }
};

}  // namespace

int main(int argc, char** argv) {
  const auto program = std::filesystem::path(argv[0]).parent_path() / "xinyin-signer";
  // First: it provisions its token in this process.
  test::Governed governed(
      {{{"seal-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::seal}}, {}, program});
  auto governed_client = governed.service(std::chrono::seconds(30));
  const auto governed_key = governed_client.key("seal-1").value();
  test::Token token;
  const auto info = token.key("seal-1")->info();
  token.close();
  const auto check = std::move(hsm::SignatureCheck::make(info.algorithm, info.public_key)).value();
  const test::Signer kept(token, {.program = program});
  const test::Signer unkept(token, {.program = program, .settings = {"oplog.fsync = false"}});
  hsm::Client kept_client(kept.client(std::chrono::seconds(30)));
  hsm::Client unkept_client(unkept.client(std::chrono::seconds(30)));
  const auto kept_key = kept_client.key("seal-1").value();
  const auto unkept_key = unkept_client.key("seal-1").value();
  Raw raw(token);
  Disk disk(kept.directory() / "disk");
  const auto digest = base::sha256(base::as_bytes("bench"));
  const auto signature = kept_key->sign(digest).value();
  const auto through = [&](const test::Signer& signer, const std::shared_ptr<const hsm::Key>& key,
                           int threads) {
    return [&, key, threads] {
      return measure(threads, signer.worker(), [&](int) { return key->sign(digest).ok(); });
    };
  };
  const auto bare = [&](int t, bool checked) {
    base::Bytes made;
    return raw.sign(t, digest, made) && (!checked || check->good(digest, made));
  };

  std::vector<Measured> all{
      {"raw C_Sign, 2 threads",
       [&] { return measure(2, 0, [&](int t) { return bare(t, false); }); }},
      {"raw C_Sign + verification, 2 threads",
       [&] { return measure(2, 0, [&](int t) { return bare(t, true); }); }},
      {"raw C_Sign + verification, 16 threads",
       [&] { return measure(kMany, 0, [&](int t) { return bare(t, true); }); }},
      {"verification alone, 2 threads",
       [&] { return measure(2, 0, [&](int) { return check->good(digest, signature); }); }},
      {"a line and fdatasync, 1 thread",
       [&] { return measure(1, 0, [&](int) { return disk.line(); }); }},
      {"signer, 2 threads", through(kept, kept_key, 2)},
      {"signer, 16 threads", through(kept, kept_key, 16)},
      {"signer, 64 threads", through(kept, kept_key, 64)},
      {"governed signer, 2 threads", through(governed.signer(), governed_key, 2)},
      {"governed signer, 16 threads", through(governed.signer(), governed_key, kMany)},
      {"governed signer, 64 threads", through(governed.signer(), governed_key, 64)},
      {"signer without fsync, 2 threads", through(unkept, unkept_key, 2)},
      {"signer without fsync, 16 threads", through(unkept, unkept_key, 16)},
  };
  for (int round = 0; round < kRounds; ++round)
    for (auto& one : all) one.rounds.push_back(one.once());
  const double limit = all[0].median(&Round::rate), checked = all[1].median(&Round::rate);
  std::printf("%-38s %10s %8s %18s %10s\n", "", "per second", "of raw", "of raw + verified",
              "CPU us");
  for (const auto& one : all) {
    const double rate = one.median(&Round::rate);
    std::printf("%-38s %10.0f %8.2f %18.2f %10.0f\n", one.name.c_str(), rate, rate / limit,
                rate / checked, one.median(&Round::cpu_us));
  }
  return 0;
}
