// What staff do, whichever way they come: the console's pages (staff_handlers.h) and its JSON
// (staff_api.h) call the same. LD/T 01-2020 6.2.5, 6.1.2e; docs/decisions/0164-staff-api.md.
//
// Who is staff is asked before any of these, and again in auth by each deed.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/identity_handlers.h"
#include "auth/dynamic_clients.h"
#include "auth/identity_requests.h"
#include "auth/portals.h"
#include "auth/staff_desk.h"
#include "store/audit_search.h"

namespace api {

/// What a desk for people has.
struct PeopleDesk {
  auth::StaffDesk files;
  auth::Locks locks;
  auth::IdentityRequests requests;
  PeopleDesk(Call& call, const Upstairs& house);
};

/// Portals with what they stand on.
struct PortalDesk {
  auth::Clients clients;
  auth::Portals portals;
  auth::DynamicClients tokens;
  explicit PortalDesk(Call& call);
};

/// Login names by subject id.
using LoginNames = std::map<std::string, std::string>;
/// Adds that of `id`, when it is an account; other ids ("system:…", "officer:…") tell themselves.
base::Result<void> put_login_name(const Upstairs& house, const std::string& id, LoginNames& names);
/// Of whoever did something in this file.
base::Result<void> put_login_names(const Upstairs& house, const auth::PersonFile& file,
                                   LoginNames& names);

/// Errors: invalid_argument `auth.id_type.unknown`; those of auth::read_identity_document.
base::Result<auth::IdentityDocument> typed_document(Call& call, const TypedIdentity& typed);

/// A change as somebody typed it.
struct TypedChange {
  std::string what;  ///< name, document, unlink, merge, factor
  TypedIdentity identity;
  bool leads = true;
  std::string document, duplicate, factor;  ///< ids
};
/// Errors: invalid_argument `auth.request.nothing`; those of typed_document.
base::Result<auth::IdentityChange> typed_change(Call& call, const TypedChange& typed);

/// The last day of a lock; empty: none. Errors: invalid_argument `auth.lock.until`.
base::Result<std::optional<base::Time>> lock_end(std::string_view day);

/// What waits for a decision, whole: one of the two. The look stands in the trail.
struct OpenRequest {
  std::optional<auth::IdentityRequest> person;
  std::string person_name;  ///< as it is now
  std::optional<auth::PortalRequest> portal;
  std::string in_force;  ///< JSON; empty of a new one
};
/// Errors: not_found `auth.request.unknown`.
base::Result<OpenRequest> open_request(Call& call, const Upstairs& house,
                                       const auth::SubjectId& staff, std::string_view id);

struct Approved {
  bool waits = false;  ///< for another approval
  std::string secret;  ///< that the deed made: in this answer and nowhere else
};
/// Errors: those of IdentityRequests::approve and Portals::approve.
base::Result<Approved> approve_request(Call& call, const Upstairs& house,
                                       const auth::SubjectId& staff, std::string_view id,
                                       std::string_view reason);
/// Errors: those of IdentityRequests::refuse and Portals::refuse.
base::Result<void> refuse_request(Call& call, const Upstairs& house, const auth::SubjectId& staff,
                                  std::string_view id, std::string_view reason);

/// A look into the trail; it stands in the trail itself, with what of "mode" (concerning, actor),
/// "id", "from", "until" (days, or moments of RFC 3339) and "before" (a row's number) was asked
/// for. Errors: invalid_argument `web.staff.trail.day`.
base::Result<store::AuditLines> search_trail(Call& call, const auth::SubjectId& staff,
                                             auth::FieldValues asked);

}  // namespace api
