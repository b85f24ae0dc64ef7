#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace base {

void fail(std::string_view what) {
  std::fprintf(stderr, "xinyin: broken promise: %.*s\n", static_cast<int>(what.size()),
               what.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace base
