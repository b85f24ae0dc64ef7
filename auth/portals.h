// Portals and third-party platforms: proposed by staff, in force with two approvals of others.
// LD/T 01-2020 6.1.2e; docs/decisions/0100-portals.md.
//
// Whoever proposed decides nothing of it, nobody approves twice, and the last approval does it, in
// its transaction. One of the staff stops a client at once; going on takes two again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/clients.h"
#include "auth/proposal_keys.h"

namespace auth {

struct PortalRequest {
  std::string id;
  ClientId client;
  std::string kind;      ///< register, change, resume, renew, rotate_secret, initial_token
  std::string proposal;  ///< JSON: the registration, or what the kind needs
  std::int64_t revision = 0;
  int approvals_needed = 2, approvals = 0;
  base::Time asked_at, expires_at;
  std::string asked_by, standing, reason;
};

/// How long an old secret may go on beside a new one.
constexpr std::chrono::seconds kOverlapMost = std::chrono::hours(24 * 30);

/// One step of what a registration was.
struct ClientStep {
  base::Time at;
  std::string by, act, reason, registration;  ///< as client_metadata() writes it
};

/// How a client stands at a moment.
enum class ClientStanding { in_force, ends_soon, ended, stopped };
/// "in force", "ends soon", …
std::string_view to_text(ClientStanding standing);
constexpr int kSoonDays = 60;
/// `soon_days`: an agreement that ends within so many days ends soon.
ClientStanding client_standing(const RegisteredClient& client, base::Time now, int soon_days);

/// Thread-safe through its parts. `key` of what proposes (proposal_keys.h): the same again gives
/// the same request; for something else conflict `auth.request.key_used`.
class Portals {
 public:
  struct Parts {
    store::Pool& pool;
    Clients& clients;
    const base::Clock& clock;
    base::Random& random;
    std::chrono::seconds life{30 * 24 * 3600};
  };
  explicit Portals(Parts parts) : parts_(parts) {}

  /// A registration (client_metadata.h), or when the client is there the change of it into this.
  /// Gives the request's id. Errors: permission_denied `auth.staff.none`; invalid_argument
  /// `auth.metadata`, `auth.client_invalid` with fields; conflict `auth.portal.open`,
  /// `auth.portal.same`.
  base::Result<std::string> propose(std::string_view metadata, const SubjectId& by,
                                    std::string_view key = {});
  /// A stopped client goes on. Errors: as propose; not_found `auth.portal.unknown`; conflict
  /// `auth.portal.active`.
  base::Result<std::string> propose_resume(std::string_view client, const SubjectId& by,
                                           std::string_view key = {});
  /// The agreement lasts through `until` ("2028-12-31"). Errors: as propose_resume;
  /// invalid_argument `auth.metadata.date`.
  base::Result<std::string> propose_renewal(std::string_view client, std::string_view number,
                                            std::string_view until, const SubjectId& by,
                                            std::string_view key = {});
  /// A new secret takes the place of the old one, which goes on beside it for `overlap` from the
  /// last approval, kOverlapMost at most; one that went on beside it already ends. Errors: as
  /// propose_resume; conflict `auth.portal.no_secret`; invalid_argument `auth.portal.overlap`.
  base::Result<std::string> propose_secret(std::string_view client, std::chrono::seconds overlap,
                                           const SubjectId& by, std::string_view key = {});
  /// The secret that goes on beside its successor ends at once, by one of the staff. Errors:
  /// permission_denied `auth.staff.none`; not_found `auth.portal.unknown`; conflict
  /// `auth.portal.one_secret`; invalid_argument `auth.request.reason`.
  base::Result<void> end_old_secret(std::string_view client, const SubjectId& staff,
                                    std::string_view reason);

  /// A token with which clients register themselves (auth/dynamic_clients.h), as JSON; whoever
  /// approves last gets it. Errors: as propose.
  base::Result<std::string> propose_token(std::string_view token, const SubjectId& by,
                                          std::string_view key = {});

  enum class Outcome { waiting, done, done_with_secret };
  /// `fresh_secret` becomes the client's when this is the last approval of what makes one: 43
  /// characters made by a machine, shown to nobody before.
  /// Errors: permission_denied `auth.staff.none`, `auth.staff.own`; conflict `auth.staff.twice`,
  /// `auth.portal.changed` (the client is not what it was when this was proposed); not_found
  /// `auth.portal.request_unknown`; and what stands against the deed, which is then not done.
  /// `why` is a note for the audit trail, or empty.
  base::Result<Outcome> approve(std::string_view request, const SubjectId& staff,
                                std::string_view fresh_secret, std::string_view why = {});
  /// Errors: as approve; invalid_argument `auth.request.reason` without a reason. Whoever proposed
  /// may withdraw it so.
  base::Result<void> refuse(std::string_view request, const SubjectId& staff,
                            std::string_view reason);
  /// At once, by one of the staff: it is unknown, and its tokens are dead. Errors:
  /// permission_denied `auth.staff.none`; not_found `auth.portal.unknown`; conflict
  /// `auth.portal.stopped`; invalid_argument `auth.request.reason`.
  base::Result<void> suspend(std::string_view client, const SubjectId& staff,
                             std::string_view reason);

  base::Result<std::optional<PortalRequest>> find_open(std::string_view request);
  /// Open ones, oldest first.
  base::Result<std::vector<PortalRequest>> open();
  /// Errors: not_found `auth.portal.unknown`.
  base::Result<RegisteredClient> show(std::string_view client);
  /// Whether this is the client's secret, the newer one where there are two. Errors: as show.
  base::Result<bool> has_secret(std::string_view client, std::string_view secret);
  /// Newest first.
  base::Result<std::vector<ClientStep>> history(std::string_view client);

 private:
  struct Asked;
  base::Result<std::string> ask(store::Tx& tx, const Asked& asked);
  base::Result<PortalRequest> take(store::Tx& tx, std::string_view request, const SubjectId& staff);
  base::Result<RegisteredClient> there(store::Tx& tx, std::string_view client);
  base::Result<bool> perform(store::Tx& tx, const PortalRequest& request, const SubjectId& staff,
                             std::string_view fresh_secret);
  base::Result<bool> put_registration(store::Tx& tx, const PortalRequest& request,
                                      const ClientDeed& deed, std::string_view fresh_secret);
  Parts parts_;
};

}  // namespace auth
