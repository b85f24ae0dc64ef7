#include "hsm/token_keeper.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/unique_fd.h"

namespace hsm {
namespace {

constexpr std::size_t kKeeperPlace = 0;  // of the Watch
constexpr std::size_t kMostFindingsTold = 8;
constexpr std::chrono::seconds kPatience{3};  // of a call, while the token is opened anew

base::Error unavailable(const std::string& why) {
  auto failure = base::error(base::Code::unavailable, "hsm.unavailable", why);
  failure.args = {{"why", why}};
  failure.retry_after = std::chrono::seconds(2);
  return failure;
}

std::string told(const std::vector<Finding>& findings) {
  std::string out;
  for (std::size_t i = 0; i < findings.size() && i < kMostFindingsTold; ++i)
    out += (out.empty() ? "" : "; ") + findings[i].label + ": " + findings[i].why;
  if (findings.size() > kMostFindingsTold)
    out += "; and " + std::to_string(findings.size() - kMostFindingsTold) + " more";
  return out;
}

}  // namespace

TokenKeeper::TokenKeeper(KeeperConfig config, base::Random& random, Watch& watch, Notice notice)
    : config_(std::move(config)),
      random_(random),
      watch_(watch),
      notice_(std::move(notice)),
      label_(config_.label),
      thread_([this] { run(); }) {}

TokenKeeper::~TokenKeeper() {
  {
    const std::scoped_lock lock(lock_);
    stop_ = true;
  }
  woken_.notify_all();
  thread_.join();
}

base::Result<std::shared_ptr<Token>> TokenKeeper::token() const {
  std::unique_lock lock(lock_);
  // While it is opened anew on purpose, callers wait rather than fail.
  if (reopen_) (void)woken_.wait_for(lock, kPatience, [this] { return stop_ || !reopen_; });
  if (condition_ != Condition::up || !token_) return unavailable(reason_);
  return token_;
}

KeeperHealth TokenKeeper::health() const {
  const std::scoped_lock lock(lock_);
  return {condition_, label_, serial_,
          condition_ == Condition::up ? findings_
                                      : reason_ + (findings_.empty() ? "" : "; " + findings_)};
}

void TokenKeeper::look_again() {
  {
    const std::scoped_lock lock(lock_);
    // Closed to others at once; the thread does the rest.
    if (token_ && condition_ == Condition::up && token_->condition() != Condition::up) {
      condition_ = token_->condition();
      reason_ = token_->reason();
    }
    look_ = true;
  }
  woken_.notify_all();
}

/// True when the keeper is to stop.
bool TokenKeeper::pause(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds wait) {
  woken_.wait_for(lock, wait, [this] { return stop_ || look_ || reopen_; });
  look_ = false;
  return stop_;
}

void TokenKeeper::reopen() {
  std::unique_lock lock(lock_);
  // One that is under way may have read the token as it was: only the next one counts.
  woken_.wait(lock, [this] { return stop_ || ended_ || !opening_; });
  reopen_ = true;
  woken_.notify_all();
  woken_.wait(lock, [this] { return stop_ || ended_ || !reopen_; });
}

void TokenKeeper::forgive(const std::string& label) {
  {
    const std::scoped_lock lock(lock_);
    std::erase(suspended_, label);
    if (!config_.suspensions.empty()) {
      std::ifstream file(config_.suspensions);
      std::string kept;
      for (std::string line; std::getline(file, line);)
        if (line.substr(0, line.find('\t')) != label) kept += line + "\n";
      const auto beside = config_.suspensions.string() + ".new";
      std::ofstream(beside, std::ios::trunc) << kept;
      std::error_code ignored;
      std::filesystem::rename(beside, config_.suspensions, ignored);
    }
  }
  reopen();
}

void TokenKeeper::run() {
  work();
  const std::scoped_lock lock(lock_);
  ended_ = true;
  reopen_ = false;
  woken_.notify_all();
}

void TokenKeeper::work() {
  auto wait = config_.least_wait;
  while (true) {
    {
      const std::scoped_lock lock(lock_);
      opening_ = true;
    }
    open();
    tried_ = true;
    std::unique_lock lock(lock_);
    opening_ = reopen_ = false;
    woken_.notify_all();
    if (condition_ == Condition::up) {
      wait = config_.least_wait;
      // Up: look at it from time to time, and whenever a call failed.
      while (condition_ == Condition::up && !pause(lock, config_.recheck) && !reopen_) {
        const auto token = token_;
        lock.unlock();
        {
          const Watch::Inside inside(watch_, kKeeperPlace, config_.longest_opening);
          (void)token->recheck();  // its condition says what came of it
        }
        note_suspensions(*token);
        lock.lock();
        findings_ = told(token->findings());
        if (token->condition() != Condition::up) {
          condition_ = token->condition();
          reason_ = token->reason();
        }
      }
    }
    const auto reason = reason_;
    const auto condition = condition_;
    const bool stop = stop_;
    const bool again = reopen_ && condition == Condition::up;
    lock.unlock();
    close(again ? std::string() : reason, condition);
    if (stop) return;
    lock.lock();
    if (again) continue;
    if (condition_ == Condition::alarm) {
      // A PIN was refused: another try might lock the token for good.
      woken_.wait(lock, [this] { return stop_; });
      return;
    }
    // Failing calls must not shorten the wait: only the end does.
    (void)woken_.wait_for(lock, wait, [this] { return stop_ || reopen_; });
    if (stop_) return;
    wait = std::min(2 * wait, config_.most_wait);
  }
}

void TokenKeeper::open() {
  const Watch::Inside inside(watch_, kKeeperPlace, config_.longest_opening);
  const auto fail = [&](const base::Error& failure, Condition condition) {
    const std::scoped_lock lock(lock_);
    condition_ = condition;
    reason_ = failure.key + ": " + failure.detail;
  };
  auto pin = base::Secret::from_file(config_.pin_file);
  if (!pin.ok()) return fail(pin.error(), Condition::down);
  TokenConfig opening;
  opening.module = config_.module;
  opening.label = config_.label;
  opening.serial = config_.serial;
  opening.pin = std::move(*pin);
  opening.inventory = config_.inventory;
  opening.directory = config_.directory;
  opening.sessions = config_.sessions;
  opening.sm2 = config_.sm2;
  auto opened = Token::open(std::move(opening), random_);
  if (!opened.ok())
    return fail(opened.error(),
                opened.error().key == "hsm.pin" ? Condition::alarm : Condition::down);
  const std::shared_ptr<Token> token = std::move(*opened);
  if (!config_.suspensions.empty()) {
    std::ifstream file(config_.suspensions);
    for (std::string line; std::getline(file, line);)
      if (const auto tab = line.find('\t'); tab != std::string::npos)
        token->suspend(line.substr(0, tab), line.substr(tab + 1));
  }
  const std::scoped_lock lock(lock_);
  for (const auto& one : token->suspended())
    if (std::find(suspended_.begin(), suspended_.end(), one.label) == suspended_.end())
      suspended_.push_back(one.label);
  token_ = token;
  condition_ = Condition::up;
  label_ = token->label();
  serial_ = token->serial();
  reason_.clear();
  last_told_.clear();
  findings_ = told(token->findings());
  notice_("up", label_ + " (" + serial_ + ")" + (findings_.empty() ? "" : "; " + findings_));
}

/// Lets go of the token; who still is in a call keeps it alive, and C_Finalize waits for them.
void TokenKeeper::close(const std::string& why, Condition condition) {
  std::shared_ptr<Token> token;
  bool news = false;
  {
    const std::scoped_lock lock(lock_);
    token.swap(token_);
    news = !why.empty() && why != last_told_;  // once, not at every attempt
    if (news) last_told_ = why;
  }
  if (news) notice_(condition == Condition::alarm ? "alarm" : "down", why);
  if (!token) return;
  // A stuck call is the watchdog's business: it ends the process.
  while (token.use_count() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const Watch::Inside inside(watch_, kKeeperPlace, config_.longest_opening);
  token.reset();
}

void TokenKeeper::note_suspensions(const Token& token) {
  for (const auto& one : token.suspended()) {
    {
      const std::scoped_lock lock(lock_);
      if (std::find(suspended_.begin(), suspended_.end(), one.label) != suspended_.end()) continue;
      suspended_.push_back(one.label);
    }
    notice_("suspended", one.label + ": " + one.why);
    if (config_.suspensions.empty()) continue;
    const base::UniqueFd fd(
        ::open(config_.suspensions.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    const auto line = one.label + "\t" + one.why + "\n";
    if (!fd || ::write(fd.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
        ::fsync(fd.get()) != 0)
      notice_("finding", "the suspension of " + one.label + " could not be written down");
  }
}

}  // namespace hsm
