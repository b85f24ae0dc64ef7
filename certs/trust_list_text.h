// The one text of a trust list: written here, and compared with what was read, so that no list has
// two. Inside this room.
#pragma once

#include <string>

#include "base/json.h"
#include "certs/trust_list.h"

namespace certs {

/// The protected header that every list has, as JSON.
inline constexpr std::string_view kTrustListHeader = R"({"alg":"ES256","typ":"xinyin-trust-list"})";

/// The payload as JSON: members in this order, no spaces, times to the second. A list of version 1
/// has no bodies and no compromised entries.
std::string trust_list_payload(const TrustList& list);
/// header "." payload, base64url: what is signed. RFC 7515 §5.1.
std::string trust_list_signing_input(const TrustList& list);

/// What must hold of a list whoever signed it: a root that signed itself, authorities below a root,
/// lists of revoked ones by one of them, entries below one of them, names and times in order.
/// Errors: invalid_argument `certs.trust_list_malformed`.
base::Result<void> check_consistent(const TrustList& list);

/// The member "bodies" (certs/trust_body.cpp). Errors: as above.
base::Result<std::vector<TrustBody>> read_bodies(const rapidjson::Value& document);
void write_bodies(base::JsonWriter& out, const std::vector<TrustBody>& bodies);
base::Result<void> check_bodies(const std::vector<TrustBody>& bodies);

/// 18 characters of GB 32100's alphabet.
bool is_credit_code(std::string_view text);
/// http:// or https://, printable ASCII, at most 256 octets.
bool is_fetch_url(std::string_view text);

}  // namespace certs
