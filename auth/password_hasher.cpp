// Argon2id in a bounded pool of workers. NIST SP 800-63B-4 §3.1.1.2, RFC 9106.
//
// A hash costs some 50 ms of a core and 19 MiB. So there are few workers, each with one hash at a
// time (memory = workers × memory_kib), a queue with an end, and a deadline for whoever waits:
// password guessing must not take the cores from those who are logged in. Botan does the hashing
// (docs/decisions/0040-argon2id.md).
#include <botan/argon2.h>

#include <array>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "auth/accounts.h"
#include "base/encoding.h"

namespace auth {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::uint8_t kArgon2id = 2;
constexpr int kMostMemoryKib = 262'144;  // what a stored hash may ask of us
constexpr int kMostPasses = 16;

struct Cost {
  int memory_kib = 0;
  int passes = 0;
  int lanes = 1;
  bool operator==(const Cost&) const = default;
};

struct Stored {
  Cost cost;
  base::Bytes salt, hash;
};

std::string unpadded(base::BytesView bytes) {
  auto text = base::to_base64(bytes);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

std::optional<base::Bytes> from_unpadded(std::string_view text) {
  std::string padded(text);
  while (padded.size() % 4 != 0) padded += '=';
  return base::from_base64(padded);
}

/// "m=19456" -> 19456; digits only, no sign, no leading zero.
bool read_parameter(std::string_view& rest, std::string_view name, int most, int& value) {
  if (!rest.starts_with(name)) return false;
  rest.remove_prefix(name.size());
  const auto* end = rest.data() + rest.size();
  const auto [stop, error] = std::from_chars(rest.data(), end, value);
  if (error != std::errc() || rest.front() == '0' || value < 1 || value > most) return false;
  rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
  return true;
}

/// The PHC string format, version 19 only.
std::optional<Stored> parse(std::string_view text) {
  Stored out;
  constexpr std::string_view kHead = "$argon2id$v=19$";
  if (!text.starts_with(kHead)) return std::nullopt;
  text.remove_prefix(kHead.size());
  if (!read_parameter(text, "m=", kMostMemoryKib, out.cost.memory_kib) ||
      !read_parameter(text, ",t=", kMostPasses, out.cost.passes) ||
      !read_parameter(text, ",p=", 4, out.cost.lanes) || !text.starts_with('$'))
    return std::nullopt;
  text.remove_prefix(1);
  const auto middle = text.find('$');
  if (middle == std::string_view::npos) return std::nullopt;
  auto salt = from_unpadded(text.substr(0, middle));
  auto hash = from_unpadded(text.substr(middle + 1));
  if (!salt || !hash || salt->size() < 8 || salt->size() > 64 || hash->size() < 16 ||
      hash->size() > 64 || out.cost.memory_kib < 8 * out.cost.lanes)
    return std::nullopt;
  out.salt = std::move(*salt);
  out.hash = std::move(*hash);
  return out;
}

base::Error busy(std::chrono::milliseconds deadline) {
  auto failure = base::error(base::Code::rate_limited, "auth.busy");
  failure.retry_after = std::chrono::ceil<std::chrono::seconds>(deadline);
  return failure;
}

struct Job {
  base::Secret password;
  Cost cost;
  base::Bytes salt;
  base::Bytes hash;  // sized by the asker
  enum class State { waiting, running, done, failed } state = State::waiting;
};

}  // namespace

struct PasswordHasher::Impl {
  Impl(Config given, base::Random& chance) : config(given), random(chance) {
    base::check(config.workers > 0 && config.queue > 0 && config.memory_kib >= 8 &&
                    config.memory_kib <= kMostMemoryKib && config.passes > 0 &&
                    config.passes <= kMostPasses,
                "PasswordHasher::Config out of range");
    for (int i = 0; i < config.workers; ++i) workers.emplace_back([this] { work(); });
  }
  ~Impl() {
    {
      const std::lock_guard hold(mutex);
      stopping = true;
      for (const auto& job : queue) job->state = Job::State::failed;
      queue.clear();
    }
    to_do.notify_all();
    finished.notify_all();
    for (auto& worker : workers) worker.join();
  }

  void work() {
    std::unique_lock hold(mutex);
    for (;;) {
      to_do.wait(hold, [this] { return stopping || !queue.empty(); });
      if (stopping) return;
      const auto job = queue.front();
      queue.pop_front();
      job->state = Job::State::running;
      hold.unlock();
      bool good = true;
      try {
        const Botan::Argon2 argon2(kArgon2id, static_cast<std::size_t>(job->cost.memory_kib),
                                   static_cast<std::size_t>(job->cost.passes),
                                   static_cast<std::size_t>(job->cost.lanes));
        const auto text = job->password.reveal_text();
        argon2.derive_key(job->hash.data(), job->hash.size(), text.data(), text.size(),
                          job->salt.data(), job->salt.size());
      } catch (const std::exception&) {  // out of memory: as good as busy
        good = false;
      }
      runs.fetch_add(1);
      hold.lock();
      job->state = good ? Job::State::done : Job::State::failed;
      finished.notify_all();
    }
  }

  /// Runs one hash and waits for it. The job outlives a caller who gave up.
  base::Result<base::Bytes> run(const base::Secret& password, Cost cost, base::Bytes salt,
                                std::size_t hash_bytes) {
    auto job = std::make_shared<Job>();
    job->password = password.clone();
    job->cost = cost;
    job->salt = std::move(salt);
    job->hash.resize(hash_bytes);
    std::unique_lock hold(mutex);
    if (stopping || queue.size() >= static_cast<std::size_t>(config.queue))
      return busy(config.deadline);
    queue.push_back(job);
    to_do.notify_one();
    const bool ended = finished.wait_for(hold, config.deadline, [&job] {
      return job->state == Job::State::done || job->state == Job::State::failed;
    });
    if (!ended) std::erase(queue, job);  // not begun yet: never begin it
    if (!ended || job->state == Job::State::failed) return busy(config.deadline);
    return std::move(job->hash);
  }

  Cost cost() const { return {config.memory_kib, config.passes, 1}; }

  const Config config;
  base::Random& random;
  std::atomic<std::uint64_t> runs{0};
  std::mutex mutex;  // protects queue, stopping and each queued job's state
  std::condition_variable to_do, finished;
  std::deque<std::shared_ptr<Job>> queue;
  bool stopping = false;
  std::vector<std::thread> workers;
};

PasswordHasher::PasswordHasher(Config config, base::Random& random)
    : impl_(std::make_unique<Impl>(config, random)) {}
PasswordHasher::~PasswordHasher() = default;

base::Result<std::string> PasswordHasher::hash(const base::Secret& password) {
  const auto salt = impl_->random.bytes(kSaltBytes);
  const auto cost = impl_->cost();
  BASE_TRY(const auto hash, impl_->run(password, cost, salt, kHashBytes));
  return "$argon2id$v=19$m=" + std::to_string(cost.memory_kib) +
         ",t=" + std::to_string(cost.passes) + ",p=" + std::to_string(cost.lanes) + "$" +
         unpadded(salt) + "$" + unpadded(hash);
}

base::Result<bool> PasswordHasher::matches(const base::Secret& password, std::string_view stored) {
  const auto parsed = parse(stored);
  // No account, or a record that cannot be read: the same work all the same, so that time tells
  // nothing.
  const auto cost = parsed ? parsed->cost : impl_->cost();
  const auto salt = parsed ? parsed->salt : base::Bytes(kSaltBytes, 0);
  const auto size = parsed ? parsed->hash.size() : kHashBytes;
  BASE_TRY(const auto hash, impl_->run(password, cost, salt, size));
  if (!parsed && !stored.empty())
    return base::error(base::Code::internal, "auth.credential_damaged", "not a PHC string we know");
  return parsed && base::constant_time_equal(hash, parsed->hash);
}

bool PasswordHasher::is_current(std::string_view stored) const {
  const auto parsed = parse(stored);
  return parsed && parsed->cost == impl_->cost();
}

std::uint64_t PasswordHasher::runs() const {
  return impl_->runs.load();
}

}  // namespace auth
