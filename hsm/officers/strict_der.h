// Is this DER and nothing looser? OpenSSL reads BER as well and keeps the octets that it read, so
// that writing them again proves nothing; others read the same octets differently. X.690 §10, §11.
#pragma once

#include "base/bytes.h"

namespace hsm::officers {

/// One value from the first octet to the last, in DER's form all the way down. What stands inside
/// of octet strings and of primitive context-specific values is not looked at.
bool strict_der(base::BytesView bytes);

}  // namespace hsm::officers
