// A verdict in words and as JSON, for the terminal.
#pragma once

#include <string>

#include "base/messages.h"
#include "verify/verdict.h"

namespace verify {

/// In which languages a report speaks; both is Chinese first with English beneath.
enum class Speech { both, zh, en };

/// What the verdict rests on.
struct Ground {
  base::Digest root_sha256{};
  bool root_pinned = false;   ///< the root was given from elsewhere than the list itself
  std::string domain;         ///< where verification pages stand
  base::Time at;              ///< the moment of judging
  std::int64_t sequence = 0;  ///< of the trust list
  base::Time next_update;     ///< of the trust list
};

/// Without what could play with a terminal or turn text round: controls and direction marks.
std::string shown(std::string_view text);

/// The text of a message key, both languages on lines of their own, `indent` before each.
std::string say(std::string_view key, Speech speech, std::string_view indent,
                base::MessageArgs args = {});

/// Lines, the last one ended. Control characters that a file brought along are left out.
std::string to_text(const std::string& name, const Verdict& verdict, const Ground& ground,
                    Speech speech);
/// One object on one line.
std::string to_json(const std::string& name, const Verdict& verdict, const Ground& ground);

}  // namespace verify
