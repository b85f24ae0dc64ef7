// What a client says of itself in JSON, by the names of RFC 7591 §2 and OpenID Connect Dynamic
// Client Registration §2, and beside them ours: for registrations that staff propose
// (auth/portals.h) and for those that clients make themselves (auth/dynamic_registration.h). No
// I/O.
#pragma once

#include <string>
#include <string_view>

#include "auth/provider.h"

namespace auth {

/// Of members that nobody here knows. A file that staff wrote with one is a mistake; a client's
/// request with one is not (RFC 7591 §2).
enum class UnknownMembers { refused, ignored };

constexpr std::size_t kMetadataMost = 64 * 1024;  ///< bytes

/// The registration that a JSON object asks for; its secret is still to be made where
/// `wants_secret` says so. Only the form is judged; whether it may be is Clients::check's matter.
/// Errors: invalid_argument `auth.metadata` with fields; those of base::parse_json.
base::Result<NewClient> read_client_metadata(std::string_view json, UnknownMembers unknown);

/// Whether a client of this kind proves itself by a secret.
bool wants_secret(const NewClient& client);

/// The same in JSON, without its secret: what read_client_metadata takes.
std::string client_metadata(const NewClient& client);

/// The name in metadata of a field of NewClient, as errors name it: "scopes" to "scope".
std::string_view metadata_name(std::string_view field);

/// The moment from which an agreement that lasts through this day ("2027-12-31", in China) is over;
/// nothing for another text.
std::optional<base::Time> end_of_day(std::string_view date);
/// The last day of its agreement, so written; empty: it has none.
std::string agreement_last_day(const NewClient& client);

}  // namespace auth
