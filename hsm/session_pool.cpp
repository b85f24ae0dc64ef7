#include "hsm/session_pool.h"

namespace hsm::p11 {

std::optional<SessionPool::Lease> SessionPool::take(std::chrono::milliseconds wait) {
  {
    std::unique_lock lock(lock_);
    if (!freed_.wait_for(lock, wait, [&] { return free_ > 0; })) return std::nullopt;
    --free_;
    if (!idle_.empty()) {
      const Lease lease{idle_.back(), 0};
      idle_.pop_back();
      return lease;
    }
  }
  Lease lease;
  lease.rv = login_.open_session(lease.session);
  if (lease.rv != 0) release();
  return lease;
}

void SessionPool::give_back(Handle session) {
  {
    const std::scoped_lock lock(lock_);
    idle_.push_back(session);
    ++free_;
  }
  freed_.notify_one();
}

void SessionPool::close(Handle session) {
  login_.close_session(session);
  release();
}

void SessionPool::release() {
  {
    const std::scoped_lock lock(lock_);
    ++free_;
  }
  freed_.notify_one();
}

}  // namespace hsm::p11
