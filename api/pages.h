// The seam to what people see: each function makes one page out of checked values. api decides what
// is answered, pages only how it looks. All text is escaped by the template writer, never by hand.
#pragma once

#include <string>

#include "api/handlers.h"
#include "api/problem.h"

namespace api::pages {

/// An error for a person at a browser.
Response error(const Problem& problem, std::string_view nonce);

}  // namespace api::pages
