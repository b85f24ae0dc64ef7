// The signer's voice: one JSON line per event on standard error, for whoever keeps the service's
// logs.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace hsm {

/// Thread-safe: a line is one write.
class Journal {
 public:
  explicit Journal(const base::Clock& clock) : clock_(clock) {}
  using Field = std::pair<std::string_view, std::string>;
  void tell(std::string_view event, std::initializer_list<Field> fields = {}) const;

 private:
  const base::Clock& clock_;
};

}  // namespace hsm
