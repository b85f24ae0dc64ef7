// The life of seals: applied for, approved by two others, made, active, suspended, revoked,
// destroyed; each step with who and why. LD/T 01-2020 5.3.4; docs/decisions/0182-life-of-a-seal.md.
//
// One person stops a seal at once; whatever gives it power or takes it for good needs two others
// than who asked, and happens with the second approval, in its transaction. Who may take part is
// the caller's to ask (auth); that nobody decides his own request, and nobody twice, is asked here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/actor.h"
#include "base/random.h"
#include "seal/seal_spec.h"
#include "store/store.h"

namespace seal {

enum class SealState : std::uint8_t { approved, active, suspended, revoked, destroyed };
std::string_view to_string(SealState state);

struct Seal {
  SealSpec spec;
  SealState state = SealState::approved;
  base::Time since;                   ///< it stands so
  std::optional<base::Time> made_at;  ///< its picture is drawn, its object signed
  std::string svg;
  base::Bytes object;  ///< SESeal; empty of one that seals no OFD
};

struct SealStep {
  base::Time at;
  std::string act, by, reason, state;
};

/// What waits for approvals.
struct SealRequest {
  std::string id, seal;
  std::string act;       ///< apply, policy, resume, revoke, destroy
  std::string proposal;  ///< JSON: the spec, the policy, or {}
  std::string reason, asked_by;
  base::Time asked_at, expires_at;
  int approvals = 0;
};
inline constexpr int kSealApprovals = 2;

/// Thread-safe through its parts.
class Seals {
 public:
  struct Parts {
    store::Pool& pool;
    const base::Clock& clock;
    base::Random& random;
    std::chrono::seconds life{30 * 24 * 3600};  ///< of a request
  };
  explicit Seals(Parts parts) : parts_(parts) {}

  /// Applies for a seal; gives the request's id. Errors: invalid_argument `seal.spec` with fields;
  /// conflict `seal.exists`, `seal.request_open`.
  base::Result<std::string> apply(std::string_view spec_json, const auth::SubjectId& by);
  /// Another policy. Errors: as apply; not_found `seal.unknown`; conflict `seal.state`.
  base::Result<std::string> ask_policy(std::string_view seal, std::string_view policy_json,
                                       std::string_view reason, const auth::SubjectId& by);
  enum class Ask : std::uint8_t { resume, revoke, destroy };
  /// Errors: not_found `seal.unknown`; conflict `seal.state` (args "state": it is not one that this
  /// follows), `seal.request_open`; invalid_argument `seal.reason`.
  base::Result<std::string> ask(Ask what, std::string_view seal, std::string_view reason,
                                const auth::SubjectId& by);

  enum class Outcome : std::uint8_t { waiting, done };
  /// Errors: not_found `seal.request_unknown`; permission_denied `seal.own_request`; conflict
  /// `seal.approved_already`; and what stands against the deed, which is then not done.
  base::Result<Outcome> approve(std::string_view request, const auth::SubjectId& by);
  /// By whoever may decide, or who asked (he withdraws it). Errors: as approve;
  /// invalid_argument `seal.reason`.
  base::Result<void> refuse(std::string_view request, std::string_view reason,
                            const auth::SubjectId& by);

  /// Its picture is drawn and its object, if it has one, signed by the seal maker. `by` says who
  /// made it. Errors: not_found `seal.unknown`; conflict `seal.state`, `seal.made`.
  base::Result<void> made(std::string_view seal, std::string svg, base::Bytes object,
                          std::string_view by);
  /// Handed over: from here on it seals. Errors: not_found `seal.unknown`; conflict `seal.state`,
  /// `seal.not_made`.
  base::Result<void> activate(std::string_view seal, const auth::SubjectId& by);
  /// At once, by one. What was sealed before stays valid. Errors: not_found `seal.unknown`;
  /// conflict `seal.state`; invalid_argument `seal.reason`.
  base::Result<void> suspend(std::string_view seal, std::string_view reason, std::string_view by);

  base::Result<std::optional<Seal>> find(std::string_view seal);
  base::Result<std::vector<Seal>> all();
  /// Of one seal, oldest first; at most 500.
  base::Result<std::vector<SealStep>> history(std::string_view seal);
  /// Open ones, oldest first; at most 200.
  base::Result<std::vector<SealRequest>> open();
  base::Result<std::optional<SealRequest>> find_open(std::string_view request);

 private:
  base::Result<std::string> ask_in(store::Tx& tx, std::string_view seal, std::string_view act,
                                   const std::string& proposal, std::string_view reason,
                                   std::string_view by);
  base::Result<Seal> locked(store::Tx& tx, std::string_view seal);
  base::Result<SealRequest> taken(store::Tx& tx, std::string_view request);
  base::Result<void> perform(store::Tx& tx, const SealRequest& request, std::string_view by);
  base::Result<void> step(store::Tx& tx, const Seal& seal, SealState to, std::string_view act,
                          std::string_view by, std::string_view reason, std::string_view request);
  Parts parts_;
};

}  // namespace seal
