// 授权代办: who may act for whom. LD/T 01-2020 5.4.1.5, 6.2.2d; docs/decisions/0112-mandates.md.
//
// A principal (a unit, or a person) offers a mandate to whoever a document names; it binds when
// that person, proven to P2, accepts. Nobody learns from an offer whether the person has an
// account. It ends by its period, by either side, or by staff, and with the next use of a token
// nothing is done under it any more. What was mandated cannot be passed on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/accounts.h"

namespace auth {

struct MandateTerms {
  std::vector<std::string> items;  ///< service items, as api's table names them
  base::Time since, until;
  std::optional<int> most_uses = std::nullopt;
};

struct Mandate {
  std::string id;
  SubjectId principal;
  std::optional<SubjectId> agent;        ///< once accepted
  std::string agent_name, agent_number;  ///< as given by the principal; the number in part
  MandateTerms terms;
  int uses = 0;
  base::Time offered_at;
  std::string evidence;  ///< of a counter
  enum class Standing { offered, waiting, in_force, over, ended } standing = Standing::offered;
};
std::string_view to_text(Mandate::Standing standing);

/// Thread-safe through its parts.
class Mandates {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    Accounts& accounts;
    const base::Clock& clock;
    base::Random& random;
    std::chrono::seconds longest{2 * 366 * 86'400};
  };
  explicit Mandates(Parts parts) : parts_(parts) {}

  struct Named {
    std::string name, id_type, id_number, country;
  };
  /// The id. Errors: invalid_argument `auth.mandate.terms` with fields (name, id_number, items,
  /// since, until, most_uses); conflict `auth.mandate.many`: a hundred are open.
  base::Result<std::string> offer(const SubjectId& principal, const Named& agent,
                                  const MandateTerms& terms);
  /// By somebody one of whose documents it names. Errors: not_found `auth.mandate.unknown`;
  /// permission_denied `auth.mandate.unproven` below P2.
  base::Result<void> accept(std::string_view mandate, const SubjectId& agent);
  /// By its principal, its agent, or whoever it was offered to. Errors: not_found
  /// `auth.mandate.unknown`.
  base::Result<void> end(std::string_view mandate, const SubjectId& by);
  /// At a counter, both sides seen: in force at once. `evidence`: the number of the counter's
  /// record. Errors: as offer; permission_denied `auth.staff.none`, `auth.staff.own`; not_found
  /// `auth.subject_unknown`; invalid_argument `auth.proofing.evidence`.
  base::Result<std::string> record(const SubjectId& principal, const SubjectId& agent,
                                   const MandateTerms& terms, const SubjectId& staff,
                                   std::string_view evidence);
  base::Result<void> end_by_staff(std::string_view mandate, const SubjectId& staff);

  /// Newest first, at most 200.
  base::Result<std::vector<Mandate>> given(const SubjectId& principal);
  /// Accepted ones, and once he is proven to P2 offers that name one of his documents: a number
  /// that somebody else registered tells him nothing.
  base::Result<std::vector<Mandate>> received(const SubjectId& agent);

  /// For whom a session acts from now on; empty: himself. Errors: not_found `auth.mandate.unknown`
  /// unless it is in force and his.
  base::Result<void> choose(std::string_view session, const SubjectId& agent,
                            std::string_view mandate);
  /// The session's choice while it is in force; nothing: himself.
  base::Result<std::optional<Mandate>> chosen(std::string_view session);

  /// Counts one use of an item; the same `request` counts once. Errors: permission_denied
  /// `auth.mandate.item`, `auth.mandate.used_up`; not_found `auth.mandate.unknown`: not in force.
  base::Result<void> use(std::string_view mandate, std::string_view item, std::string_view request);

 private:
  base::Result<std::vector<Mandate>> read(const store::Rows& rows) const;
  base::Result<std::string> put(store::Tx& tx, const SubjectId& principal, const Named& agent,
                                const MandateTerms& terms, std::string_view by,
                                std::string_view evidence);
  Parts parts_;
};

}  // namespace auth
