// multipart/form-data (RFC 7578): one file out of a browser's upload form, within limits.
#pragma once

#include <string_view>

#include "base/result.h"

namespace api {

/// The bytes of the part named `field`, as a view into `body`.
/// Errors: invalid_argument `http.multipart` (malformed, more than 16 parts, heads past 8 KiB),
/// `web.file.missing` (no such part, or it is empty).
base::Result<std::string_view> multipart_file(std::string_view content_type, std::string_view body,
                                              std::string_view field);

}  // namespace api
