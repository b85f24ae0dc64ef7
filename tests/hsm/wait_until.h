// Waits for something that will come, with a limit that only a broken program reaches.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace test {

inline bool wait_until(const std::function<bool()>& holds,
                       std::chrono::seconds limit = std::chrono::seconds(30)) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace test
