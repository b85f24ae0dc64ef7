#include "api/http/workers.h"

namespace api {

Workers::Workers(std::string name, int threads, int queue)
    : name_(std::move(name)), most_(static_cast<std::size_t>(queue)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

Workers::~Workers() {
  stop();
}

bool Workers::submit(std::function<void()> task, bool first) {
  {
    const std::lock_guard hold(mutex_);
    auto& queue = first ? first_ : tasks_;
    if (stopping_ || queue.size() >= most_) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    queue.push_back(std::move(task));
  }
  wake_.notify_one();
  return true;
}

void Workers::stop() {
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

std::size_t Workers::queued() const {
  const std::lock_guard hold(mutex_);
  return first_.size() + tasks_.size();
}

void Workers::run() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock hold(mutex_);
      wake_.wait(hold, [this] { return stopping_ || !first_.empty() || !tasks_.empty(); });
      auto& queue = first_.empty() ? tasks_ : first_;
      if (queue.empty()) return;
      task = std::move(queue.front());
      queue.pop_front();
    }
    busy_.fetch_add(1, std::memory_order_relaxed);
    task();
    busy_.fetch_sub(1, std::memory_order_relaxed);
  }
}

}  // namespace api
