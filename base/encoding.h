// Text forms of bytes. Decoders are strict: one text for one value, no white space, no spare bits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace base {

std::string to_hex(BytesView bytes);  ///< lower case
std::optional<Bytes> from_hex(std::string_view text);

std::string to_base64(BytesView bytes);  ///< with padding, RFC 4648 §4
std::optional<Bytes> from_base64(std::string_view text);

std::string to_base64url(BytesView bytes);  ///< without padding, RFC 4648 §5
std::optional<Bytes> from_base64url(std::string_view text);

/// PEM (RFC 7468) round one DER value, 64 columns.
std::string to_pem(std::string_view label, BytesView der);
/// The first block with this label.
std::optional<Bytes> from_pem(std::string_view label, std::string_view text);

}  // namespace base
