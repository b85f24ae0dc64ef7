// The log: one JSON line a request, and a line for what happens to the service itself. Nothing else
// in the house logs.
//
// A line holds the route's pattern, never the path; the client's network, never its address; an
// error's key, and its detail, which is made printable and holds no secrets by the rule of
// base::Error. Codes, tokens, cookies, names and numbers never come here: tests/api plants canaries
// and looks for them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace api {

struct RequestLine {
  std::string_view id, method, route, network, error, detail;
  int status = 0;
  std::size_t bytes = 0;
  std::chrono::microseconds took{0};
};

/// Lines are gathered and written every 200 ms, or sooner when many; a slow disk never holds a
/// request up (lines past 8 MiB waiting are counted and dropped). Thread-safe.
class Log {
 public:
  /// Standard error.
  explicit Log(const base::Clock& clock);
  Log(const base::Clock& clock, base::UniqueFd file);
  ~Log();  ///< writes what waits
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  /// Appends to `file`, readable by its owner and group only. Errors: unavailable `api.log_file`.
  static base::Result<base::UniqueFd> open(const std::filesystem::path& file);

  void request(const RequestLine& line);
  /// `event` is a dotted name, e.g. "service.started"; `detail` free text without secrets.
  void event(std::string_view event, std::string_view detail = {}, bool trouble = false);
  void flush();
  std::size_t dropped() const;

 private:
  void add(std::string line);
  void run();

  const base::Clock& clock_;
  base::UniqueFd file_;
  int fd_ = 2;
  mutable std::mutex mutex_;  // protects waiting_, dropped_, stopping_
  std::mutex write_mutex_;    // keeps lines whole and in order on their way out
  std::condition_variable wake_;
  std::string waiting_;
  std::size_t dropped_ = 0;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace api
