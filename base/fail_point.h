// Named places where a test may stop the process, as a power cut would (security.md §4.3, fault 1).
//
// Armed by the configuration key `testing.fail_point`, which the production profile refuses.
#pragma once

#include <string>
#include <string_view>

namespace base {

/// Arms the point `name`: the process kills itself (SIGKILL) when it gets there. Not thread-safe:
/// call it before threads start.
void arm_fail_point(std::string name);

/// Does nothing unless armed; one pointer comparison then.
void fail_point(std::string_view name);

}  // namespace base
