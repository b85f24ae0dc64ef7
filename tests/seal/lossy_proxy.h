// A way to PostgreSQL that can lose the answer to a commit: the server has done it, the client
// never hears so.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace test {

class LossyProxy {
 public:
  /// Listens in a directory of its own for one client after another; passes on to the server's
  /// socket.
  explicit LossyProxy(const std::string& server_directory);
  ~LossyProxy();
  LossyProxy(const LossyProxy&) = delete;
  LossyProxy& operator=(const LossyProxy&) = delete;

  const std::filesystem::path& directory() const { return directory_; }
  /// The next commit is passed on, its answer is waited for and thrown away, the connection closed.
  void lose_next_commit() { armed_ = true; }
  int lost() const { return lost_; }

 private:
  void serve(int client);

  std::filesystem::path directory_;
  std::string server_;
  int listening_ = -1;
  std::atomic<bool> armed_{false};
  std::atomic<int> lost_{0};
  std::thread accepting_;
  std::vector<std::thread> serving_;
};

}  // namespace test
