// Sessions of one login, so many and no more. Private to this room.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "hsm/pkcs11.h"

namespace hsm::p11 {

/// Thread-safe. Outlived by the Login.
class SessionPool {
 public:
  SessionPool(const Login& login, int most) : login_(login), free_(most) {}

  /// A place in the pool; `rv` says whether there is a session in it. Nothing when none came free.
  struct Lease {
    Handle session = 0;
    Rv rv = 0;
  };
  std::optional<Lease> take(std::chrono::milliseconds wait);
  /// A session that saw an error is never given back: it may hold a half-done operation.
  void give_back(Handle session);
  void close(Handle session);

 private:
  void release();

  const Login& login_;
  std::mutex lock_;  // guards free_ and idle_
  std::condition_variable freed_;
  int free_;
  std::vector<Handle> idle_;
};

}  // namespace hsm::p11
