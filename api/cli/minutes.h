// The minutes of a ceremony: JSON lines, each holding the SHA-256 of itself and of the line before
// it, durable line by line; and the same as a text for people to read and sign. The officers'
// ledger stands in them word for word, and everybody who was there signs the head at the end: with
// nothing but this file an auditor checks years later who approved what, and what came of it.
//
//   {"n":1,"at":…,"prev":"00…","actor":…,"step":…,"text":…,"data":{…},"hash":"…"}
//
// `hash` is SHA-256 over the line as written without the `hash` member (and its comma).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace cli {

/// For one thread. Opens its file at the first line: a run in which nothing happens leaves no
/// trace.
class Minutes {
 public:
  Minutes(std::filesystem::path file, const base::Clock& clock, std::string actor);

  /// Appends a line. Errors: unavailable `cli.minutes_file`; internal `cli.minutes_broken` when
  /// what is there already does not fit together.
  base::Result<void> note(std::string_view step, std::string_view text,
                          std::string_view data_json = "{}");
  const std::filesystem::path& file() const { return file_; }
  bool begun() const { return static_cast<bool>(fd_); }
  std::int64_t lines() const { return n_; }
  const base::Digest& head() const { return head_; }
  /// Lines of the officers' ledger that stand in the file already.
  std::int64_t ledger_lines() const { return ledger_lines_; }
  /// What was noted by this object, as Markdown lines.
  const std::string& told() const { return told_; }

 private:
  base::Result<void> open();

  std::filesystem::path file_;
  const base::Clock& clock_;
  std::string actor_;
  base::UniqueFd fd_;
  std::int64_t n_ = 0;
  std::int64_t ledger_lines_ = 0;
  base::Digest head_{};
  std::string told_;
};

struct MinutesReport {
  std::int64_t lines = 0;
  base::Digest head{};
  std::int64_t ledger_lines = 0;
  base::Digest genesis{};  ///< of the founding document: what an auditor compares with his own copy
  std::vector<std::string> signed_by;     ///< under the last closing
  bool closed = false;                    ///< nothing but signatures stands behind the last closing
  std::optional<std::int64_t> broken_at;  ///< line number, from 1
  std::string why;
};

/// Walks the chain, replays the ledger in it under the rules, checks the signatures. Errors:
/// unavailable `cli.minutes_file`.
base::Result<MinutesReport> check_minutes(const std::filesystem::path& file);

}  // namespace cli
