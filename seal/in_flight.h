// Requests being worked on in this process, by name: a second call for the same one waits for the
// first instead of asking the database over and over. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace seal {

class InFlight {
 public:
  class Turn {
   public:
    Turn(InFlight& all, std::string key) : all_(all), key_(std::move(key)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      {
        const std::lock_guard lock(all_.mutex_);
        all_.keys_.erase(key_);
      }
      all_.changed_.notify_all();
    }

   private:
    InFlight& all_;
    std::string key_;
  };
  /// Nothing when the turn did not come in time.
  std::unique_ptr<Turn> take(const std::string& key, std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, wait, [&] { return keys_.count(key) == 0; })) return nullptr;
    keys_.insert(key);
    return std::make_unique<Turn>(*this, key);
  }

 private:
  std::mutex mutex_;  // protects keys_
  std::condition_variable changed_;
  std::set<std::string> keys_;
};

}  // namespace seal
