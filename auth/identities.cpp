#include "auth/identities.h"

#include "base/encoding.h"
#include "base/text.h"

namespace auth {
namespace {

constexpr const char* kNumberField = "auth/subject/id_number";

constexpr store::Query kFindDocument{"auth.find_document", R"sql(
  select subject_id from auth.identity_document where type = $1 and lookup = $2)sql"};
constexpr store::Query kDocumentsOf{"auth.documents_of", R"sql(
  select id, type, number_sealed, linked_at, replaced_at, leads
    from auth.identity_document where subject_id = $1 order by linked_at, id)sql"};
constexpr store::Query kNoteLikeness{"auth.note_likeness", R"sql(
  update auth.identity_document set likeness = $2 where id = $1)sql"};
constexpr store::Query kLinkDocument{"auth.link_document", R"sql(
  insert into auth.identity_document (id, subject_id, type, lookup, number_sealed, linked_at,
                                      linked_by, leads)
  values ($1, $2, $3, $4, $5, $6, $7, $8))sql"};
constexpr store::Query kReplaceLeading{"auth.replace_leading", R"sql(
  update auth.identity_document set leads = false, replaced_at = $2
   where subject_id = $1 and leads)sql"};
constexpr store::Query kUnlink{"auth.unlink_document", R"sql(
  delete from auth.identity_document where id = $2 and subject_id = $1 and not leads)sql"};
constexpr store::Query kHasDocument{"auth.has_document", R"sql(
  select 1 from auth.identity_document where id = $2 and subject_id = $1)sql"};

/// A name as it is compared: one form of each letter, no case, no spaces.
std::string folded_name(std::string_view name) {
  const auto folded = base::to_nfkc(name);
  std::string out;
  for (const char c : folded ? *folded : std::string(name))
    if (c != ' ') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

}  // namespace

base::Digest document_lookup(const store::FieldCipher& cipher, const IdentityDocument& document) {
  return cipher.lookup(kNumberField, document.type + ":" + document.kept());
}

base::Result<std::optional<SubjectId>> find_subject(store::Pool& pool,
                                                    const store::FieldCipher& cipher,
                                                    const IdentityDocument& document) {
  BASE_TRY(
      const auto rows,
      pool.run(kFindDocument, {document.type, base::BytesView(document_lookup(cipher, document))}));
  if (rows.empty()) return std::optional<SubjectId>();
  return std::optional<SubjectId>(SubjectId(std::string(rows.text(0, 0))));
}

base::Result<std::vector<LinkedDocument>> documents_of(store::Pool& pool,
                                                       const store::FieldCipher& cipher,
                                                       const SubjectId& subject) {
  BASE_TRY(const auto rows, pool.run(kDocumentsOf, {subject.value()}));
  std::vector<LinkedDocument> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    LinkedDocument one;
    one.id = rows.text(i, 0);
    BASE_TRY(const auto number, cipher.open(kNumberField, one.id, rows.bytes(i, 2)));
    one.document = from_kept(rows.text(i, 1), base::as_text(number));
    one.linked_at = rows.time(i, 3);
    if (!rows.is_null(i, 4)) one.replaced_at = rows.time(i, 4);
    one.leading = rows.boolean(i, 5);
    out.push_back(std::move(one));
  }
  return out;
}

base::Result<void> note_likeness(store::Tx& tx, const store::FieldCipher& cipher,
                                 std::string_view document_id, const IdentityDocument& document,
                                 std::string_view name) {
  if (document.born_yymmdd.empty()) return {};
  const auto likeness =
      cipher.lookup("auth/identity_document/likeness",
                    document.country + " " + document.born_yymmdd + " " + folded_name(name));
  BASE_TRY_VOID(tx.run(kNoteLikeness, {document_id, base::BytesView(likeness)}));
  return {};
}

base::Result<std::string> link_document(store::Tx& tx, const store::FieldCipher& cipher,
                                        base::Random& random, const SubjectId& subject,
                                        const IdentityDocument& document, std::string_view name,
                                        bool leads, base::Time now, std::string_view by) {
  auto id = base::to_hex(random.bytes(16));
  if (leads) BASE_TRY_VOID(tx.run(kReplaceLeading, {subject.value(), now}));
  auto linked = tx.run(
      kLinkDocument,
      {id, subject.value(), document.type, base::BytesView(document_lookup(cipher, document)),
       cipher.seal(kNumberField, id, base::as_bytes(document.kept())), now, by, leads});
  if (!linked.ok() && store::is_violation(linked.error(), "subject_one_identity"))
    return base::error(base::Code::conflict, "auth.document_linked");
  BASE_TRY_VOID(std::move(linked));
  BASE_TRY_VOID(note_likeness(tx, cipher, id, document, name));
  return id;
}

base::Result<void> unlink_document(store::Tx& tx, const SubjectId& subject,
                                   std::string_view document_id) {
  BASE_TRY(const auto gone, tx.run(kUnlink, {subject.value(), document_id}));
  if (gone.affected() == 1) return {};
  BASE_TRY(const auto there, tx.run(kHasDocument, {subject.value(), document_id}));
  return there.empty() ? base::error(base::Code::not_found, "auth.document_unknown")
                       : base::error(base::Code::conflict, "auth.document_leads");
}

}  // namespace auth
