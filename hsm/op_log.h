// The signer's own operation log: one JSON line per deed, each carrying the digest of the line
// before.
//
// Promises: a line is on the disk before the deed's result leaves (unless syncing is switched off);
// lines are only ever added; a gap, a change or a removed line in the middle shows at the next
// opening, which refuses. A line torn by a crash belonged to a result that never left and is cut
// off.
//
// While the log is open, NUL bytes follow its last line: room that is on the disk already, so that
// keeping a line changes no metadata of the file (decision 0076). Closing takes them away.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hsm {

struct OpRecord {
  std::string deed;  ///< "start", "sign", "wrap", "unwrap"
  std::string door;  ///< "service", "officer"
  std::int64_t uid = -1, pid = -1;
  std::string key;      ///< label
  std::string subject;  ///< sign: hex of SHA-256(digest); wrap, unwrap: the secret's name
  std::string outcome;  ///< "ok" or an error's key
};

struct OpLogConfig {
  std::filesystem::path file;
  bool sync = true;
  std::uint64_t most_bytes =
      64 << 20;  ///< then the file is put aside as <file>.<number of its last line>
  std::uint64_t room_bytes = 1 << 20;  ///< prepared at once for lines to come; 0: none
};

/// Thread-safe.
class OpLog {
 public:
  /// Opens or makes it, takes the lock on it and checks the whole chain.
  /// Errors: unavailable `hsm.oplog` with the line that is wrong; conflict `hsm.oplog` when another
  /// process holds it.
  static base::Result<std::unique_ptr<OpLog>> open(OpLogConfig config, const base::Clock& clock);
  ~OpLog();

  using Done = std::function<void(bool kept)>;
  /// Adds a line and calls `done` once it is kept, or could not be (then nothing may leave). Lines
  /// that arrive while others are being synced go together in the next write; `done` may run on
  /// another thread that is in add or keep.
  /// `coming`: how many more deeds wait to be done. While fewer lines than that wait here the line
  /// may wait for them, to be kept together; then somebody has to call keep when they are done.
  void add(OpRecord record, Done done, std::size_t coming = 0);
  /// Keeps the lines that wait.
  void keep();
  /// The log can no longer be trusted to keep anything: the process should end.
  bool broken() const;
  /// Called after the `done`s of each write, on the same thread. To be set before the first add.
  void after_each_write(std::function<void()> after) { after_ = std::move(after); }

 private:
  struct Pending {
    OpRecord record;
    Done done;
  };
  OpLog(OpLogConfig config, const base::Clock& clock) : config_(std::move(config)), clock_(clock) {}
  base::Result<void> open_file();
  base::Result<void> check_chain();
  base::Result<void> cut_off_torn(std::uint64_t end);
  struct Written {
    std::size_t lines;
    bool kept;
  };
  Written write(std::span<const Pending> batch);
  bool prepare(std::uint64_t bytes);
  bool put(std::uint64_t at, std::string_view text);
  bool put_aside();
  std::string line(const OpRecord& record);

  const OpLogConfig config_;
  const base::Clock& clock_;
  std::function<void()> after_;
  mutable std::mutex lock_;  // guards pending_, writing_, broken_
  std::vector<Pending> pending_;
  bool writing_ = false;
  bool broken_ = false;
  // Below: only who has writing_ set touches them.
  base::UniqueFd fd_;
  std::uint64_t size_ = 0;      ///< of the lines
  std::uint64_t prepared_ = 0;  ///< of the file: the lines and the room after them
  std::uint64_t number_ = 0;
  std::string last_;  ///< hex digest of the last line
};

}  // namespace hsm
