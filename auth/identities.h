// One subject, many documents: which documents stand for whom. LD/T 01-2020 6.2.1.
//
// Every number that was ever linked finds the same subject, found by keyed hash; the database keeps
// a number from standing for two. Linking, replacing and unlinking are deeds of whoever decided
// them (auth/…), in the same transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "auth/identity_document.h"
#include "base/random.h"
#include "store/field_cipher.h"
#include "store/store.h"

namespace auth {

base::Digest document_lookup(const store::FieldCipher& cipher, const IdentityDocument& document);

/// Errors: as Pool::run.
base::Result<std::optional<SubjectId>> find_subject(store::Pool& pool,
                                                    const store::FieldCipher& cipher,
                                                    const IdentityDocument& document);

struct LinkedDocument {
  std::string id;
  IdentityDocument document;
  base::Time linked_at;
  std::optional<base::Time> replaced_at;
  bool leading = false;  ///< the one that is shown and told to services
};
/// Oldest first. Errors: as Pool::run; internal `store.field_damaged`.
base::Result<std::vector<LinkedDocument>> documents_of(store::Pool& pool,
                                                       const store::FieldCipher& cipher,
                                                       const SubjectId& subject);

/// Keeps what the two generations of a residence card have in common, where the document tells it.
base::Result<void> note_likeness(store::Tx& tx, const store::FieldCipher& cipher,
                                 std::string_view document_id, const IdentityDocument& document,
                                 std::string_view name);

/// Links one more document to a subject. When `leads`, it becomes the one that is shown, and the
/// one that led is marked as replaced; it still finds its subject. Gives the document's id.
/// Errors: conflict `auth.document_linked` when it stands for somebody (this one or another); as
/// Tx::run.
base::Result<std::string> link_document(store::Tx& tx, const store::FieldCipher& cipher,
                                        base::Random& random, const SubjectId& subject,
                                        const IdentityDocument& document, std::string_view name,
                                        bool leads, base::Time now, std::string_view by);

/// Takes a document away that never was this subject's: its number is free again. Errors: not_found
/// `auth.document_unknown`; conflict `auth.document_leads` for the leading one.
base::Result<void> unlink_document(store::Tx& tx, const SubjectId& subject,
                                   std::string_view document_id);

}  // namespace auth
