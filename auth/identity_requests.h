// Changes of who somebody is (name, documents) and of two subjects into one: asked for, decided by
// staff, done with the last approval. LD/T 01-2020 6.2.1, 6.2.5a–b.
//
// Nobody decides what he asked for or what concerns himself; nobody approves twice. Name, documents
// and a lost factor need one approval beside whoever asked, a merge needs two of different staff.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identities.h"

namespace auth {

/// What is asked for. One of them, by `kind`.
struct IdentityChange {
  enum class Kind { name, document, unlink, merge, factor } kind = Kind::name;
  std::string name = {};           ///< name: the new one
  IdentityDocument document = {};  ///< document: the one to link
  bool leads = true;               ///< document: it takes the place of the one in use
  std::string document_id = {};    ///< unlink
  SubjectId duplicate = {};        ///< merge: who becomes the subject that it is asked for
  std::string factor_id = {};      ///< factor: one that was lost, to be taken off the account
};
std::string_view to_text(IdentityChange::Kind kind);

struct IdentityRequest {
  std::string id;
  SubjectId subject;
  IdentityChange change;
  int approvals_needed = 1, approvals = 0;
  base::Time asked_at, expires_at;
  std::string asked_by;
  std::string standing;  ///< open, done, refused, withdrawn
  std::string reason;    ///< of a refusal
};

/// Thread-safe through its parts.
class IdentityRequests {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    const base::Clock& clock;
    base::Random& random;
    std::chrono::seconds life{30 * 24 * 3600};
  };
  explicit IdentityRequests(Parts parts) : parts_(parts) {}

  /// `by` is the subject id of whoever asks: the person himself, or staff. Gives the request's id.
  /// Errors: permission_denied `auth.staff.none` of somebody else; not_found `auth.factor.unknown`;
  /// invalid_argument `auth.name.form`, `auth.request.self`; conflict `auth.request.open`
  /// when one of this kind is open, `auth.document_linked`; not_found `auth.subject_unknown`,
  /// `auth.document_unknown`. `key` (proposal_keys.h): the same again gives the same request; for
  /// something else conflict `auth.request.key_used`.
  base::Result<std::string> ask(const SubjectId& subject, const IdentityChange& change,
                                const SubjectId& by, std::string_view key = {});
  /// Open ones, oldest first; for staff.
  base::Result<std::vector<IdentityRequest>> open();
  base::Result<std::optional<IdentityRequest>> find_open(std::string_view request);
  /// Those of a subject, newest first.
  base::Result<std::vector<IdentityRequest>> of(const SubjectId& subject);

  enum class Outcome { waiting, done };
  /// Errors: permission_denied `auth.staff.none`, `auth.staff.own`; conflict `auth.staff.twice`;
  /// not_found `auth.request.unknown`: none is open under this id; and what stands against the
  /// deed, which is then not done: `auth.document_linked`, `auth.document_leads`, ….
  /// `why` is a note for the audit trail, or empty.
  base::Result<Outcome> approve(std::string_view request, const SubjectId& staff,
                                std::string_view why = {});
  /// Errors: as approve; invalid_argument `auth.request.reason` without a reason.
  base::Result<void> refuse(std::string_view request, const SubjectId& staff,
                            std::string_view reason);

  /// Who may decide. Errors: not_found `auth.subject_unknown`.
  base::Result<void> name_staff(const SubjectId& subject, std::string_view by);
  base::Result<void> end_staff(const SubjectId& subject, std::string_view by);
  base::Result<bool> is_staff(const SubjectId& subject);

 private:
  base::Result<IdentityRequest> read(const store::Rows& rows, std::size_t row);
  base::Result<IdentityRequest> take(store::Tx& tx, std::string_view request,
                                     const SubjectId& staff);
  base::Result<void> perform(store::Tx& tx, const IdentityRequest& request, const SubjectId& staff);
  base::Result<void> unbind(store::Tx& tx, const IdentityRequest& request, const SubjectId& staff);
  base::Result<void> merge(store::Tx& tx, const IdentityRequest& request, const SubjectId& staff);
  Parts parts_;
};

}  // namespace auth
