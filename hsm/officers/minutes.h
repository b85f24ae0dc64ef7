// The minutes of a ceremony, as anybody may hand them in years later: JSON lines, each holding the
// SHA-256 of itself and of the line before it. The officers' ledger stands in them word for word,
// and everybody who was there signs the head at the end: with nothing but this text an auditor sees
// who approved what, what came of it, and what did not go as planned. LD/T 01-2020 6.2.5e.
//
//   {"n":1,"at":…,"prev":"00…","actor":…,"step":…,"text":…,"data":{…},"hash":"…"}
//
// `hash` is SHA-256 over the line as written without the `hash` member (and its comma).
#pragma once

#include <iosfwd>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "hsm/officers/state.h"

namespace hsm::officers {

inline constexpr std::size_t kMostMinuteBytes = 16 << 20;    ///< a line, without its end
inline constexpr std::size_t kMostMinutesBytes = 256 << 20;  ///< all of them
inline constexpr std::size_t kMostRemarkBytes = 1000;        ///< each text of a deviation

/// One line.
struct Minute {
  std::int64_t n = 0;
  base::Time at;
  base::Digest prev{};
  std::string actor, step;
  std::string text;         ///< for people
  std::string data = "{}";  ///< a JSON object, as a JsonWriter writes it
  base::Digest hash{};

  std::string line() const;  ///< without a line end
};
/// A line after the one whose hash is `prev`; its hash computed.
Minute make_minute(std::int64_t n, base::Time at, const base::Digest& prev, std::string_view actor,
                   std::string_view step, std::string_view text, std::string_view data);
/// There is one text for one line. Errors: invalid_argument `hsm.officers.minutes`.
base::Result<Minute> read_minute(std::string_view line);

/// What did not go as planned, in the words of somebody who was there.
struct Deviation {
  std::int64_t n = 0;  ///< its line
  base::Time at;
  std::string step;      ///< what was being done
  std::string happened;  ///< what happened instead
  std::string why;       ///< and why it was gone on with
  std::string by;        ///< id of the person who says so
};
/// data of a `deviation` line. Errors: invalid_argument `hsm.officers.deviation`: each of the four
/// texts has 1 to 1000 bytes of UTF-8 that no terminal is moved by.
base::Result<std::string> deviation_data(const Deviation& deviation);

/// A step that ended in an error, and whether it was done over.
struct FailedStep {
  std::int64_t n = 0;
  std::string step, error;
  std::optional<std::int64_t> repeated;  ///< the line that says it came to its end
};

struct MinutesReport {
  std::int64_t lines = 0;
  base::Digest head{};
  bool rehearsal = false;  ///< on a throw-away token: evidence of nothing
  std::int64_t ledger_lines = 0;
  base::Digest genesis{};  ///< of the founding document: what an auditor compares with his own copy
  std::vector<std::string> signed_by;  ///< under the last closing
  bool closed = false;                 ///< nothing but signatures stands behind the last closing
  std::vector<Deviation> deviations;
  std::vector<FailedStep> failures;
  std::optional<std::int64_t> broken_at;  ///< line number, from 1
  std::string why;
};

/// Takes line after line. For one thread.
class MinutesReader {
 public:
  /// Walks the chain, replays the ledger in it under the rules, checks the signatures. After an
  /// Error nothing has changed. Errors: invalid_argument `hsm.officers.minutes`.
  base::Result<void> take(std::string_view line);
  const MinutesReport& report() const { return report_; }

 private:
  base::Result<void> open(const rapidjson::Value& data);
  base::Result<void> ledger(const rapidjson::Value& data);
  base::Result<void> deviation(const Minute& minute, const rapidjson::Value& data);
  base::Result<void> repeated(const Minute& minute, const rapidjson::Value& data);
  base::Result<void> signature(const rapidjson::Value& data);

  MinutesReport report_;
  State state_;
  base::Digest ledger_head_{};
  std::set<std::string, std::less<>> present_;  ///< ids in the last `open`
  std::optional<base::Digest> closing_;
};

/// All of it; the report names the first line that is wrong. Reads no further than the limits.
MinutesReport read_minutes(std::istream& in);

}  // namespace hsm::officers
