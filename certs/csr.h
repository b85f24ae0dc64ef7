// A certificate request (PKCS#10): the proof that whoever asks holds the key, and nothing else.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace certs {

/// The SubjectPublicKeyInfo of a request whose signature holds. Name and extensions asked for are
/// not looked at: the profile alone decides. PEM, at most 64 KiB. RFC 2986 §3, §4.2.
/// Errors: invalid_argument `certs.bad_csr`.
base::Result<base::Bytes> read_csr(std::string_view pem);

}  // namespace certs
