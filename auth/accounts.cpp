#include "auth/accounts.h"

#include <array>
#include "auth/logout_notices.h"
#include "auth/notices.h"

#include "auth/id_numbers.h"
#include "auth/identities.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kInsertSubject{"auth.insert_subject", R"sql(
  insert into auth.subject (id, kind, id_type, id_lookup, id_number_sealed, name_sealed, proofing,
                            created_at)
  values ($1, $2, $3, $4, $5, $6, $7::bigint::smallint, $8))sql"};
constexpr store::Query kInsertAccount{"auth.insert_account", R"sql(
  insert into auth.account (subject_id, login_name, created_at) values ($1, $2, $3))sql"};
constexpr store::Query kPutCredential{"auth.put_credential", R"sql(
  insert into auth.credential as c (subject_id, kind, sealed, changed_at)
  values ($1, 'password', $2, $3)
  on conflict (subject_id, kind) do update
    set sealed = excluded.sealed, changed_at = excluded.changed_at)sql"};
constexpr store::Query kFindSubject{"auth.find_subject", R"sql(
  select s.kind, d.type, d.number_sealed, s.name_sealed,
         auth.proofing_at(s.proofing, s.proofing_until, $2), d.id
    from auth.subject s join auth.identity_document d on d.subject_id = s.id and d.leads
   where s.id = $1)sql"};
constexpr store::Query kFindByLogin{"auth.find_by_login", R"sql(
  select subject_id from auth.account where login_name = $1)sql"};
constexpr store::Query kLoginNameOf{"auth.login_name_of", R"sql(
  select login_name from auth.account where subject_id = $1)sql"};
// Tokens die first, those that outlive their session and those of devices, which are of none, too;
// $2 is the session that may go on, or empty.
constexpr store::Query kRevokeOfSubject{"auth.revoke_of_subject", R"sql(
  update auth.authorization_grant set revoked_at = $3
   where subject_id = $1 and revoked_at is null and ($2 = '' or session_id <> $2))sql"};
constexpr store::Query kEndSessionsOfSubject{"auth.end_sessions_of_subject", R"sql(
  delete from auth.session where subject_id = $1 and id <> $2)sql"};

std::string_view to_text(SubjectKind kind) {
  return kind == SubjectKind::person ? "person" : "unit";
}

/// Which field of a registration a document's refusal is about.
std::string field_of(const base::Error& refusal) {
  if (refusal.key == "auth.id_number.country") return "country";
  return refusal.key.starts_with("auth.id_type") ? "id_type" : "id_number";
}

base::Error unknown_subject() {
  return base::error(base::Code::not_found, "auth.subject_unknown");
}

}  // namespace

std::optional<std::string> normal_login_name(std::string_view text) {
  if (text.size() > 256) return std::nullopt;  // full-width letters are three bytes each
  const auto folded = base::to_nfkc(text);
  if (!folded || folded->size() < 4 || folded->size() > 64) return std::nullopt;
  std::string out;
  bool letter = false;
  int digits = 0;
  for (char c : *folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool is_letter = c >= 'a' && c <= 'z';
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_letter && !is_digit && c != '.' && c != '_' && c != '-' && c != '@')
      return std::nullopt;
    letter |= is_letter;
    digits += is_digit ? 1 : 0;
    out += c;
  }
  // 17 digits and an x are a citizen's number, however it may check.
  if (!letter || (out.size() == 18 && digits == 17 && out.back() == 'x')) return std::nullopt;
  return out;
}

std::optional<std::string> normal_name(SubjectKind kind, std::string_view text) {
  if (text.size() > 1024) return std::nullopt;
  auto normal = base::to_nfc(text);
  if (!normal) return std::nullopt;
  std::string out = std::move(*normal);
  for (const std::string_view dot :
       {"。", "．", "•", "‧"})  // domain.md §2.3: one middle dot, U+00B7
    for (auto at = out.find(dot); at != std::string::npos; at = out.find(dot))
      out.replace(at, dot.size(), "·");
  const auto first = out.find_first_not_of(' ');
  if (first == std::string::npos) return std::nullopt;
  out = out.substr(first, out.find_last_not_of(' ') - first + 1);
  const auto points = base::to_code_points(out);
  if (points.size() > (kind == SubjectKind::person ? 50U : 120U)) return std::nullopt;
  for (const char32_t point : points)
    if (point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x2028 && point <= 0x202e) ||
        (point >= 0x2066 && point <= 0x2069))  // control, line and direction marks
      return std::nullopt;
  return out;
}

Accounts::Accounts(Parts parts) : parts_(std::move(parts)) {}

base::Result<base::Secret> Accounts::judged(const base::Secret& password,
                                            const std::vector<std::string>& about) const {
  BASE_TRY(auto normal, normal_password(password));
  BASE_TRY_VOID(judge_new_password(normal, parts_.policy, false, about));
  return normal;
}

base::Result<void> Accounts::judge_password(const NewSubject& subject,
                                            const base::Secret& password) const {
  BASE_TRY_VOID(judged(password, {subject.name, subject.login_name, subject.id_number}));
  return {};
}

base::Result<Accounts::Prepared> Accounts::prepare(const NewSubject& subject,
                                                   const base::Secret& password) {
  auto invalid = base::error(base::Code::invalid_argument, "auth.subject_invalid");
  const auto name = normal_name(subject.kind, subject.name);
  if (!name) invalid.fields.push_back({"name", "auth.name.form"});
  const auto login_name = normal_login_name(subject.login_name);
  if (!login_name) invalid.fields.push_back({"login_name", "auth.login_name.form"});
  auto document = read_identity_document(subject.kind, subject.id_type, subject.id_number,
                                         subject.country, base::china_date(parts_.clock.now()));
  if (!document.ok()) invalid.fields.push_back({field_of(document.error()), document.error().key});
  const auto number = document.ok() ? document->number : subject.id_number;
  const auto normal = judged(password, {subject.name, subject.login_name, number});
  if (!normal.ok()) {
    invalid.fields.push_back({"password", normal.error().key});
    invalid.args = normal.error().args;
  }
  if (!invalid.fields.empty()) return invalid;

  Prepared out{subject, std::move(*document), {}};
  out.subject.name = *name;
  out.subject.login_name = *login_name;
  BASE_TRY(out.password_hash, parts_.hasher.hash(*normal));
  return out;
}

base::Result<SubjectId> Accounts::insert(store::Tx& tx, const Prepared& prepared,
                                         std::string_view by) {
  const auto now = parts_.clock.now();
  const auto& subject = prepared.subject;
  const auto& document = prepared.document;
  const SubjectId id(base::to_hex(parts_.random.bytes(16)));
  const auto& cipher = parts_.cipher;
  auto inserted =
      tx.run(kInsertSubject,
             {id.value(), to_text(subject.kind), document.type,
              base::BytesView(document_lookup(cipher, document)),
              cipher.seal("auth/subject/id_number", id.value(), base::as_bytes(document.kept())),
              cipher.seal("auth/subject/name", id.value(), base::as_bytes(subject.name)),
              static_cast<int>(subject.proofing), now});
  if (!inserted.ok() && store::is_violation(inserted.error(), "subject_one_identity"))
    return base::error(base::Code::conflict, "auth.subject_exists");
  BASE_TRY_VOID(std::move(inserted));
  BASE_TRY_VOID(note_likeness(tx, cipher, id.value(), document, subject.name));
  auto named = tx.run(kInsertAccount, {id.value(), subject.login_name, now});
  if (!named.ok() && store::is_violation(named.error(), "account_login_name"))
    return base::error(base::Code::conflict, "auth.login_name_taken");
  BASE_TRY_VOID(std::move(named));
  const auto sealed =
      cipher.seal("auth/credential/password", id.value(), base::as_bytes(prepared.password_hash));
  BASE_TRY_VOID(tx.run(kPutCredential, {id.value(), sealed, now}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("kind", to_text(subject.kind));
  facts.member("id_type", document.type);
  facts.member("proofing", static_cast<int>(subject.proofing));
  if (document.doubtful) facts.member("organisation_code", "does not check");
  facts.EndObject();
  const auto actor = by.empty() ? id.value() : std::string(by);
  BASE_TRY_VOID(store::audit(tx, {now, actor, "subject.create", id.value(), "ok", facts.text()}));
  return id;
}

base::Result<SubjectId> Accounts::create(const NewSubject& subject, const base::Secret& password,
                                         std::string_view by) {
  BASE_TRY(const auto prepared, prepare(subject, password));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto id, insert(tx, prepared, by));
  BASE_TRY_VOID(tx.commit());
  return id;
}

base::Result<void> Accounts::store_password(const SubjectId& id, const std::string& hash,
                                            std::string_view by, std::string_view act,
                                            std::string_view keep_session) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(tx.run(
      kPutCredential,
      {id.value(), parts_.cipher.seal("auth/credential/password", id.value(), base::as_bytes(hash)),
       now}));
  BASE_TRY_VOID(note_sessions_end(tx, id, keep_session, now));
  BASE_TRY_VOID(tx.run(kRevokeOfSubject, {id.value(), keep_session, now}));
  BASE_TRY_VOID(tx.run(kEndSessionsOfSubject, {id.value(), keep_session}));
  BASE_TRY_VOID(
      Notices({parts_.pool, parts_.cipher, parts_.clock}).password_changed(tx, id));
  BASE_TRY_VOID(store::audit(tx, {now, std::string(by), std::string(act), id.value(), "ok"}));
  return tx.commit();
}

base::Result<void> Accounts::change_password(const SubjectId& id, const base::Secret& current,
                                             const base::Secret& replacement,
                                             std::string_view network,
                                             std::string_view keep_session) {
  BASE_TRY(const auto account, parts_.pool.run(kLoginNameOf, {id.value()}));
  if (account.empty()) return unknown_subject();
  const std::string login_name(account.text(0, 0));
  BASE_TRY(const auto record, subject(id));
  BASE_TRY(const auto normal, judged(replacement, {login_name, record.name, record.id_number}));
  // The same door as a login: guessing here costs the same tries.
  BASE_TRY_VOID(log_in(login_name, current, network));
  BASE_TRY(const auto hash, parts_.hasher.hash(normal));
  return store_password(id, hash, id.value(), "password.change", keep_session);
}

base::Result<void> Accounts::replace_password(const SubjectId& id, const base::Secret& replacement,
                                              std::string_view by) {
  BASE_TRY(const auto account, parts_.pool.run(kLoginNameOf, {id.value()}));
  if (account.empty()) return unknown_subject();
  const std::string login_name(account.text(0, 0));
  BASE_TRY(const auto record, subject(id));
  BASE_TRY(const auto normal, judged(replacement, {login_name, record.name, record.id_number}));
  BASE_TRY(const auto hash, parts_.hasher.hash(normal));
  return store_password(id, hash, by, "password.replace", "");
}

base::Result<SubjectRecord> Accounts::subject(const SubjectId& id) {
  BASE_TRY(const auto rows, parts_.pool.run(kFindSubject, {id.value(), parts_.clock.now()}));
  if (rows.empty()) return unknown_subject();
  BASE_TRY(const auto number,
           parts_.cipher.open("auth/subject/id_number", rows.text(0, 5), rows.bytes(0, 2)));
  BASE_TRY(const auto name, parts_.cipher.open("auth/subject/name", id.value(), rows.bytes(0, 3)));
  SubjectRecord record;
  record.id = id;
  record.kind = rows.text(0, 0) == "unit" ? SubjectKind::unit : SubjectKind::person;
  record.id_type = rows.text(0, 1);
  auto document = from_kept(record.id_type, base::as_text(number));
  record.id_number = std::move(document.number);
  record.id_country = std::move(document.country);
  record.name = base::as_text(name);
  record.proofing = static_cast<Proofing>(rows.integer(0, 4));
  return record;
}

base::Result<std::optional<SubjectId>> Accounts::find_by_login(std::string_view login_name) {
  const auto normal = normal_login_name(login_name);
  if (!normal) return std::optional<SubjectId>();
  BASE_TRY(const auto rows, parts_.pool.run(kFindByLogin, {*normal}));
  if (rows.empty()) return std::optional<SubjectId>();
  return std::optional<SubjectId>(SubjectId(std::string(rows.text(0, 0))));
}

base::Result<std::optional<SubjectId>> Accounts::find_by_number(std::string_view id_type,
                                                                std::string_view number,
                                                                std::string_view country) {
  const auto today = base::china_date(parts_.clock.now());
  const auto* type = document_type(id_type);
  if (type == nullptr) return std::optional<SubjectId>();
  std::string full(number);
  if (id_type == "cn-id") {
    auto normal = citizen_number_for_lookup(number, today);
    if (!normal.ok()) return std::optional<SubjectId>();
    full = std::move(*normal);
  }
  const auto document = read_identity_document(type->kind, id_type, full, country, today);
  if (!document.ok()) return std::optional<SubjectId>();
  return find_subject(parts_.pool, parts_.cipher, *document);
}

}  // namespace auth
