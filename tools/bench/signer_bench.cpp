// Signatures through client and xinyin-signer against the token's raw C_SignInit + C_Sign, P-256,
// in one run: rounds of each take turns, medians are printed with their ratios. To reach: 0.8 of
// the raw rate with verification and as many threads, on as many cores for whoever holds the token,
// where every signature is verified, logged and on the disk before it leaves. "One core" gives the
// raw threads one core and the signer the same one, with its clients on another: what the signer's
// own work costs. Without it the clients share the two cores, which raw signing has for itself.
//   cmake --preset release -DXINYIN_BENCH=ON && ninja -C build/release bench_signer xinyin-signer
//   build/release/bin/bench_signer [only rows whose names hold this]
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <sched.h>
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
  double rate = 0;       ///< per second
  double own_us = 0;     ///< CPU a call in this process
  double signer_us = 0;  ///< CPU a call in the signer's worker
};

/// Lets all threads of a process run on these cores only (0: this process).
void run_on(pid_t process, const std::vector<std::size_t>& cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const auto core : cores) CPU_SET(core, &set);
  const auto name = process == 0 ? std::string("self") : std::to_string(process);
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + name + "/task"))
    base::check(::sched_setaffinity(std::stoi(task.path().filename()), sizeof set, &set) == 0,
                "sched_setaffinity");
}

/// Calls `sign(thread)` from so many threads for one round.
Round measure(int threads, pid_t signer, const std::function<bool(int)>& sign) {
  const double own = own_cpu(), other = cpu_of(signer);
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
          (own_cpu() - own) * 1e6 / count, (cpu_of(signer) - other) * 1e6 / count};
}

constexpr int kMany = 16, kMost = 64;

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
  CK_SESSION_HANDLE sessions_[kMost] = {};
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
  std::string against;  ///< the row it is measured by
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
  const std::string only = argc > 1 ? argv[1] : "";
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
  const auto bare = [&](int threads, bool checked) {
    return measure(threads, 0, [&, checked](int t) {
      base::Bytes made;
      return raw.sign(t, digest, made) && (!checked || check->good(digest, made));
    });
  };
  const auto through = [&](const test::Signer& signer, const hsm::Key& key, int threads) {
    return measure(threads, signer.worker(), [&](int) { return key.sign(digest).ok(); });
  };
  const auto one_core = [&](pid_t signer, const std::function<Round()>& round) {
    run_on(0, {signer == 0 ? 0u : 1u});
    if (signer != 0) run_on(signer, {0});
    const auto done = round();
    run_on(0, {0, 1});
    if (signer != 0) run_on(signer, {0, 1});
    return done;
  };

  std::vector<Measured> all{{"raw C_Sign, 2 threads", "", [&] { return bare(2, false); }}};
  for (const int n : {2, kMany, kMost}) {
    const auto threads = ", " + std::to_string(n) + " threads";
    const auto limit = "raw C_Sign + verification" + threads;
    all.push_back({limit, "", [&, n] { return bare(n, true); }});
    all.push_back({"signer" + threads, limit,
                   [&, n] { return through(governed.signer(), *governed_key, n); }});
    all.push_back({"signer without officers" + threads, limit,
                   [&, n] { return through(kept, *kept_key, n); }});
    all.push_back({"signer without officers, fsync" + threads, limit,
                   [&, n] { return through(unkept, *unkept_key, n); }});
    if (n == 2) continue;
    all.push_back(
        {"one core: " + limit, "", [&, n] { return one_core(0, [&] { return bare(n, true); }); }});
    all.push_back({"one core: signer" + threads, "one core: " + limit, [&, n] {
                     return one_core(governed.signer().worker(),
                                     [&] { return through(governed.signer(), *governed_key, n); });
                   }});
  }
  all.push_back({"verification alone, 2 threads", "", [&] {
                   return measure(2, 0, [&](int) { return check->good(digest, signature); });
                 }});
  all.push_back({"a line and fdatasync, 1 thread", "",
                 [&] { return measure(1, 0, [&](int) { return disk.line(); }); }});
  all.erase(
      std::remove_if(all.begin(), all.end(),
                     [&](const Measured& one) { return one.name.find(only) == std::string::npos; }),
      all.end());
  for (int round = 0; round < kRounds; ++round)
    for (auto& one : all) one.rounds.push_back(one.once());
  std::printf("%-46s %10s %8s %16s\n", "", "per second", "of raw", "CPU us + signer");
  for (const auto& one : all) {
    const double rate = one.median(&Round::rate);
    const auto limit = std::find_if(all.begin(), all.end(), [&](const Measured& raw_rate) {
      return raw_rate.name == one.against;
    });
    std::printf("%-46s %10.0f ", one.name.c_str(), rate);
    if (limit != all.end())
      std::printf("%8.2f ", rate / limit->median(&Round::rate));
    else
      std::printf("%8s ", "");
    std::printf("%9.0f + %4.0f\n", one.median(&Round::own_us), one.median(&Round::signer_us));
  }
  return 0;
}
