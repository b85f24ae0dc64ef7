// The one filter that the structure of a PDF needs: FlateDecode with PNG predictors. ISO 32000-1
// §7.4.4.
#pragma once

#include <optional>

#include "verify/pdf_object.h"

namespace verify::pdf {

/// Nothing when the stream is damaged, has something behind it, or gives more than `most` octets.
std::optional<base::Bytes> inflate(base::BytesView data, std::size_t most);

/// `parameters` is the DecodeParms dictionary, or null.
std::optional<base::Bytes> undo_predictor(base::Bytes data, const Object& parameters);

}  // namespace verify::pdf
