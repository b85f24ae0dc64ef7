// The message catalogue: all text that a user may read, Chinese first with English beside it.
//
// The catalogue is base/messages/*.json, one file per room: key -> {"zh": …, "en": …}; {name}
// stands for a value. tools/tidy.py checks that each key used in the code exists and has both
// languages.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace base {

enum class Language { zh, en };

using MessageArgs = std::span<const std::pair<std::string, std::string>>;

/// The text of `key`; the key itself when the catalogue lacks it (a test keeps that from
/// happening).
std::string message(std::string_view key, Language language, MessageArgs args = {});
bool has_message(std::string_view key);

}  // namespace base
