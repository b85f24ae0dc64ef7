#include "seal/records.h"

#include <algorithm>

#include "store/audit.h"

namespace seal::records {
namespace {

constexpr store::Query kOpen{"seal.open", R"sql(
  insert into seal.intent (id, subject, request, draft, kind, instance, boot, created_at, deadline)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  on conflict (subject, request) where state <> 'abandoned' do nothing)sql"};

constexpr store::Query kFind{"seal.find", R"sql(
  select id, state = 'issued', coalesce(document, ''), draft, instance, boot, created_at, deadline
  from seal.intent where subject = $1 and request = $2 and state <> 'abandoned')sql"};

constexpr store::Query kDocumentOf{"seal.document_of", R"sql(
  select document from seal.intent where id = $1 and state = 'issued')sql"};

constexpr store::Query kIssued{"seal.issued", R"sql(
  update seal.intent set state = 'issued', document = $2, ended_at = $3
  where id = $1 and state = 'open')sql"};

constexpr store::Query kAbandon{"seal.abandon", R"sql(
  update seal.intent set state = 'abandoned', reason = $2, ended_at = $3
  where id = $1 and state = 'open' returning id, subject, kind)sql"};

// Rows that another settler holds are left to it.
constexpr store::Query kAbandonStale{"seal.abandon_stale", R"sql(
  update seal.intent set state = 'abandoned', reason = 'seal.crash', ended_at = $4
  where id in (select id from seal.intent
               where state = 'open'
                 and (deadline < $4 or (instance = $1 and boot <> $2 and created_at < $3))
               order by id limit 200 for update skip locked)
  returning id, subject, kind)sql"};

constexpr store::Query kInsert{"seal.insert", R"sql(
  insert into seal.document (id, subject, kind, issued_at, file_sealed, code_sealed, sha256,
                             template_version, seal, format)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10))sql"};

constexpr store::Query kRead{"seal.read", R"sql(
  select id, subject, kind, issued_at, file_sealed, code_sealed, sha256, format
  from seal.document where id = $1 and subject = any (string_to_array($2, ' ')))sql"};

constexpr store::Query kList{"seal.list", R"sql(
  select id, kind, issued_at from seal.document
  where subject = any (string_to_array($1, ' ')) order by issued_at desc, id limit 500)sql"};

constexpr store::Query kReadAny{"seal.read_any", R"sql(
  select id, subject, kind, issued_at, file_sealed, code_sealed, sha256, format
  from seal.document where id = $1)sql"};

constexpr store::Query kAugment{"seal.augment", R"sql(
  insert into seal.augmentation (document, number, at, good_until, sha256, tail_sealed)
  values ($1, $2::int, $3, $4, $5, nullif($6::bytea, ''::bytea)))sql"};

constexpr store::Query kAugmentations{"seal.augmentations", R"sql(
  select document, number, at, good_until, sha256, coalesce(tail_sealed, ''::bytea)
  from seal.augmentation where document = $1 order by number)sql"};

// A document is committed within a minute of its time, or not at all.
constexpr store::Query kNotLookedAt{"seal.not_looked_at", R"sql(
  select d.id from seal.document d
  where d.format = 'pdf'
    and d.issued_at >= coalesce((select max(at) from seal.augmentation where number = 0)
                                - interval '1 hour', '-infinity')
    and not exists (select from seal.augmentation a where a.document = d.id and a.number = 0)
  order by d.issued_at, d.id limit $1)sql"};

constexpr store::Query kDue{"seal.due", R"sql(
  select a.document from seal.augmentation a
  where a.good_until <= $1
    and not exists (select from seal.augmentation b
                    where b.document = a.document and b.number > a.number)
  order by a.good_until, a.document limit $2)sql"};

base::Digest to_digest(base::BytesView bytes) {
  base::Digest out{};
  base::check(bytes.size() == out.size(), "a stored digest has another length");
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

base::Result<void> audit_abandoned(store::Tx& tx, const store::Rows& rows,
                                   const std::string& reason, base::Time at) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    BASE_TRY_VOID(store::audit(tx, {.at = at,
                                    .actor = std::string(rows.text(i, 1)),
                                    .act = "document.issue",
                                    .object = "intent:" + std::string(rows.text(i, 0)),
                                    .outcome = reason}));
  return {};
}

}  // namespace

base::Result<bool> open(store::Pool& pool, const Intent& i) {
  BASE_TRY(const auto rows,
           pool.run(kOpen, {i.id, i.subject, base::BytesView(i.request), base::BytesView(i.draft),
                            i.kind, i.instance, i.boot, i.created_at, i.deadline}));
  return rows.affected() == 1;
}

base::Result<std::optional<Found>> find(store::Pool& pool, const std::string& subject,
                                        const base::Digest& request) {
  BASE_TRY(const auto rows, pool.run(kFind, {subject, base::BytesView(request)}));
  if (rows.empty()) return std::optional<Found>();
  return std::optional<Found>({.id = std::string(rows.text(0, 0)),
                               .issued = rows.boolean(0, 1),
                               .document = std::string(rows.text(0, 2)),
                               .draft = to_digest(rows.bytes(0, 3)),
                               .instance = std::string(rows.text(0, 4)),
                               .boot = std::string(rows.text(0, 5)),
                               .created_at = rows.time(0, 6),
                               .deadline = rows.time(0, 7)});
}

base::Result<std::optional<std::string>> document_of(store::Pool& pool, const std::string& intent) {
  BASE_TRY(const auto rows, pool.run(kDocumentOf, {intent}));
  if (rows.empty()) return std::optional<std::string>();
  return std::optional<std::string>(rows.text(0, 0));
}

base::Result<bool> mark_issued(store::Tx& tx, const std::string& intent,
                               const std::string& document, base::Time at) {
  BASE_TRY(const auto rows, tx.run(kIssued, {intent, document, at}));
  return rows.affected() == 1;
}

base::Result<bool> abandon(store::Pool& pool, const std::string& intent, const std::string& reason,
                           base::Time at) {
  BASE_TRY(auto tx, pool.begin());
  BASE_TRY(const auto rows, tx.run(kAbandon, {intent, reason, at}));
  BASE_TRY_VOID(audit_abandoned(tx, rows, reason, at));
  BASE_TRY_VOID(tx.commit());
  return rows.size() == 1;
}

base::Result<int> abandon_stale(store::Pool& pool, const std::string& instance,
                                const std::string& boot, base::Time started, base::Time now) {
  int total = 0;
  for (;;) {
    BASE_TRY(auto tx, pool.begin());
    BASE_TRY(const auto rows, tx.run(kAbandonStale, {instance, boot, started, now}));
    if (rows.empty()) return total;
    BASE_TRY_VOID(audit_abandoned(tx, rows, "seal.crash", now));
    BASE_TRY_VOID(tx.commit());
    total += static_cast<int>(rows.size());
  }
}

base::Result<void> insert(store::Tx& tx, const Document& d) {
  BASE_TRY([[maybe_unused]] const auto rows,
           tx.run(kInsert, {d.id, d.subject, d.kind, d.issued_at, d.file_sealed, d.code_sealed,
                            base::BytesView(d.sha256), d.template_version, d.seal, d.format}));
  return {};
}

namespace {

std::optional<Document> to_document(const store::Rows& rows) {
  if (rows.empty()) return {};
  return std::optional<Document>({.id = std::string(rows.text(0, 0)),
                                  .subject = std::string(rows.text(0, 1)),
                                  .kind = std::string(rows.text(0, 2)),
                                  .issued_at = rows.time(0, 3),
                                  .file_sealed = base::to_bytes(rows.bytes(0, 4)),
                                  .code_sealed = base::to_bytes(rows.bytes(0, 5)),
                                  .sha256 = to_digest(rows.bytes(0, 6)),
                                  .format = std::string(rows.text(0, 7))});
}

std::vector<std::string> first_column(const store::Rows& rows) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < rows.size(); ++i) out.emplace_back(rows.text(i, 0));
  return out;
}

}  // namespace

base::Result<std::optional<Document>> read(store::Pool& pool, const std::string& id,
                                           const std::string& subjects) {
  BASE_TRY(const auto rows, pool.run(kRead, {id, subjects}));
  return to_document(rows);
}

base::Result<std::optional<Document>> read_any(store::Pool& pool, const std::string& id) {
  BASE_TRY(const auto rows, pool.run(kReadAny, {id}));
  return to_document(rows);
}

base::Result<void> insert(store::Tx& tx, const Augmentation& a) {
  BASE_TRY([[maybe_unused]] const auto rows,
           tx.run(kAugment, {a.document, a.number, a.at, a.good_until, base::BytesView(a.sha256),
                             base::BytesView(a.tail_sealed)}));
  return {};
}

base::Result<std::vector<Augmentation>> augmentations(store::Pool& pool,
                                                      const std::string& document) {
  BASE_TRY(const auto rows, pool.run(kAugmentations, {document}));
  std::vector<Augmentation> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({.document = std::string(rows.text(i, 0)),
                   .number = static_cast<int>(rows.integer(i, 1)),
                   .at = rows.time(i, 2),
                   .good_until = rows.time(i, 3),
                   .sha256 = to_digest(rows.bytes(i, 4)),
                   .tail_sealed = base::to_bytes(rows.bytes(i, 5))});
  return out;
}

base::Result<std::vector<std::string>> not_looked_at(store::Pool& pool, int most) {
  BASE_TRY(const auto rows, pool.run(kNotLookedAt, {most}));
  return first_column(rows);
}

base::Result<std::vector<std::string>> due(store::Pool& pool, base::Time until, int most) {
  BASE_TRY(const auto rows, pool.run(kDue, {until, most}));
  return first_column(rows);
}

base::Result<std::vector<Document>> list(store::Pool& pool, const std::string& subjects) {
  BASE_TRY(const auto rows, pool.run(kList, {subjects}));
  std::vector<Document> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& one = out.emplace_back();
    one.id = rows.text(i, 0);
    one.kind = rows.text(i, 1);
    one.issued_at = rows.time(i, 2);
  }
  return out;
}

}  // namespace seal::records
