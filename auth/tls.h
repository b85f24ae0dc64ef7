// Certificates of clients: who a client is, and tokens that work only with the certificate they
// were issued to. RFC 8705. docs/decisions/0123-certificate-bound-tokens.md
//
// That the client holds the key was proven in its handshake with our proxy, and what the proxy
// tells is believed only from the proxy that proved itself (docs/decisions/0122-proving-proxy.md).
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace auth {

/// "x5t#S256" of a certificate (RFC 8705 §3.1): base64url of its SHA-256; empty for none.
std::string certificate_thumbprint(base::BytesView der);

}  // namespace auth
