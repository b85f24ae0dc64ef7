// We are wrong: a broken promise inside the program stops it, loudly, before it can do harm.
#pragma once

#include <string_view>

namespace base {

[[noreturn]] void fail(std::string_view what);

/// Stops the program when `holds` is false. For promises between our own functions, never for
/// input.
inline void check(bool holds, std::string_view what) {
  if (!holds) [[unlikely]]
    fail(what);
}

}  // namespace base
