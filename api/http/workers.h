// A bounded pool of threads for work that may wait. A full queue refuses; nothing waits unseen.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace api {

/// Thread-safe.
class Workers {
 public:
  Workers(std::string name, int threads, int queue);
  ~Workers();  ///< stop()
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// False when the queue is full or the pool has stopped; the task is then dropped. Tasks that go
  /// `first` have a queue of their own, as long, and are begun before all others.
  bool submit(std::function<void()> task, bool first = false);
  /// Finishes what is queued, then ends the threads.
  void stop();

  const std::string& name() const { return name_; }
  std::size_t queued() const;
  std::size_t busy() const { return busy_.load(std::memory_order_relaxed); }
  std::size_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  void run();

  const std::string name_;
  const std::size_t most_;
  mutable std::mutex mutex_;  // protects first_, tasks_ and stopping_
  std::condition_variable wake_;
  std::deque<std::function<void()>> first_, tasks_;
  bool stopping_ = false;
  std::atomic<std::size_t> busy_{0}, refused_{0};
  std::vector<std::thread> threads_;
};

}  // namespace api
