// The minutes of a ceremony as a file (hsm/officers/minutes.h says what stands in them): durable
// line by line, and the same as a text for people to read and sign.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "hsm/officers/minutes.h"

namespace cli {

/// For one thread. Opens its file at the first line: a run in which nothing happens leaves no
/// trace. Several processes may write at once (a run, and a witness who notes a deviation): each
/// line is put behind what stands there at that moment.
class Minutes {
 public:
  Minutes(std::filesystem::path file, const base::Clock& clock, std::string actor);

  /// Reads what stands there, if anything. Errors: unavailable `cli.minutes_file`; internal
  /// `cli.minutes_broken` when it does not fit together.
  base::Result<void> look();
  /// Appends a line. Errors: as look().
  base::Result<void> note(std::string_view step, std::string_view text,
                          std::string_view data_json = "{}");
  /// One more deviation, said now; `n` and `at` are not looked at.
  /// Errors: as look(); invalid_argument `hsm.officers.deviation`; conflict `cli.minutes_not_begun`
  /// when nothing was opened yet.
  base::Result<void> note(const hsm::officers::Deviation& deviation);

  const std::filesystem::path& file() const { return file_; }
  bool begun() const { return begun_; }
  /// All of it so far, what others wrote in between included.
  const hsm::officers::MinutesReport& report() const { return reader_.report(); }
  /// What was written since this object began, by whomever, as Markdown lines.
  const std::string& told() const { return told_; }

 private:
  base::Result<void> open(bool to_write);
  base::Result<void> catch_up();
  base::Result<void> append(std::string_view step, std::string_view text, std::string_view data);

  std::filesystem::path file_;
  const base::Clock& clock_;
  std::string actor_;
  base::UniqueFd fd_;
  bool begun_ = false;
  std::int64_t size_ = 0;  ///< of what was read
  hsm::officers::MinutesReader reader_;
  std::string told_;
};

/// Errors: unavailable `cli.minutes_file`.
base::Result<hsm::officers::MinutesReport> check_minutes(const std::filesystem::path& file);

/// Deviations and failures, for people: one line each, nothing when there are none.
std::vector<std::string> deviation_lines(const hsm::officers::MinutesReport& report);
void put_deviations(base::JsonWriter& out, const hsm::officers::MinutesReport& report);

}  // namespace cli
