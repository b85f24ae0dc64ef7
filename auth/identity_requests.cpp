#include "auth/identity_requests.h"

#include "auth/accounts.h"
#include "auth/details.h"
#include "auth/logout_notices.h"
#include "auth/notices.h"
#include "auth/own_account.h"
#include "auth/proposal_keys.h"
#include "auth/staff.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr const char* kField = "auth/identity_request";
constexpr const char* kNameField = "auth/subject/name";
constexpr const char* kContentField = "auth/identity_request/content";

constexpr store::Query kKindOf{"auth.request_kind_of", R"sql(
  select kind, name_sealed from auth.subject where id = $1 and merged_into is null)sql"};
constexpr store::Query kAsk{"auth.ask_identity", R"sql(
  insert into auth.identity_request (id, subject_id, kind, sealed, approvals, asked_at, asked_by,
                                     expires_at, standing)
  values ($1, $2, $3, $4, $5::bigint::smallint, $6, $7, $8, 'open'))sql"};
constexpr store::Query kOpenRequests{"auth.open_identity_requests", R"sql(
  select id, subject_id, kind, sealed, approvals, asked_at, asked_by, expires_at, standing, reason,
         (select count(*) from auth.identity_approval a where a.request_id = r.id)
    from auth.identity_request r
   where standing = 'open' and expires_at > $1 order by asked_at limit 200)sql"};
constexpr store::Query kOpenRequest{"auth.open_identity_request", R"sql(
  select id, subject_id, kind, sealed, approvals, asked_at, asked_by, expires_at, standing, reason,
         (select count(*) from auth.identity_approval a where a.request_id = r.id)
    from auth.identity_request r
   where id = $1 and standing = 'open' and expires_at > $2)sql"};
constexpr store::Query kRequestsOf{"auth.identity_requests_of", R"sql(
  select id, subject_id, kind, sealed, approvals, asked_at, asked_by, expires_at, standing, reason,
         (select count(*) from auth.identity_approval a where a.request_id = r.id)
    from auth.identity_request r where subject_id = $1 order by asked_at desc limit 100)sql"};
// Locked: two approvals at once are counted one after the other.
constexpr store::Query kTake{"auth.take_identity_request", R"sql(
  select id, subject_id, kind, sealed, approvals, asked_at, asked_by, expires_at, standing, reason,
         (select count(*) from auth.identity_approval a where a.request_id = r.id)
    from auth.identity_request r
   where id = $1 and standing = 'open' and expires_at > $2 for update)sql"};
constexpr store::Query kEnd{"auth.end_identity_request", R"sql(
  update auth.identity_request set standing = $2, ended_at = $3, reason = $4 where id = $1)sql"};
// One of this kind that has run out makes room for the next.
constexpr store::Query kExpire{"auth.expire_identity_request", R"sql(
  update auth.identity_request set standing = 'withdrawn', ended_at = $3
   where subject_id = $1 and kind = $2 and standing = 'open' and expires_at <= $3)sql"};
constexpr store::Query kApprove{"auth.approve_identity_request", R"sql(
  insert into auth.identity_approval (request_id, staff, at) values ($1, $2, $3)
  on conflict do nothing)sql"};
// Asked once the request is locked: what the locking statement itself counts may be stale.
constexpr store::Query kApprovals{"auth.count_identity_approvals", R"sql(
  select count(*) from auth.identity_approval where request_id = $1)sql"};
constexpr store::Query kNameStaff{"auth.name_staff", R"sql(
  insert into auth.staff (subject_id, named_at, named_by) values ($1, $2, $3)
  on conflict (subject_id) do update
    set named_at = excluded.named_at, named_by = excluded.named_by, ended_at = null)sql"};
constexpr store::Query kEndStaff{"auth.end_staff", R"sql(
  update auth.staff set ended_at = $2 where subject_id = $1 and ended_at is null)sql"};
constexpr store::Query kSetName{"auth.set_name", R"sql(
  update auth.subject set name_sealed = $2 where id = $1)sql"};
constexpr store::Query kMoveDocuments{"auth.move_documents", R"sql(
  update auth.identity_document
     set subject_id = $1, leads = false, replaced_at = coalesce(replaced_at, $3)
   where subject_id = $2)sql"};
constexpr store::Query kMerge{"auth.merge_subject", R"sql(
  update auth.subject set merged_into = $2, active = false, locked_until = null
   where id = $1 and merged_into is null)sql"};
// Who was merged into the duplicate before points to where it ends: one step from anybody.
constexpr store::Query kFollowMerge{"auth.follow_merge", R"sql(
  update auth.subject set merged_into = $2 where merged_into = $1)sql"};
constexpr store::Query kRevokeAll{"auth.identity_revoke_all", R"sql(
  update auth.authorization_grant set revoked_at = $2
   where subject_id = $1 and revoked_at is null)sql"};
constexpr store::Query kEndSessions{"auth.identity_end_sessions", R"sql(
  delete from auth.session where subject_id = $1)sql"};
constexpr store::Query kHasFactor{"auth.has_factor", R"sql(
  select 1::bigint from auth.factor
   where id = $2 and subject_id = $1 and ended_at is null)sql"};

base::Error refuse_with(base::Code code, const char* key) {
  return base::error(code, key);
}

FieldValues values_of(const IdentityChange& change) {
  switch (change.kind) {
    case IdentityChange::Kind::name:
      return {{"name", change.name}};
    case IdentityChange::Kind::document:
      return {{"type", change.document.type},
              {"kept", change.document.kept()},
              {"born", change.document.born_yymmdd},
              {"country", change.document.country},
              {"leads", change.leads ? "yes" : "no"}};
    case IdentityChange::Kind::unlink:
      return {{"document", change.document_id}};
    case IdentityChange::Kind::merge:
      return {{"duplicate", change.duplicate.value()}};
    case IdentityChange::Kind::factor:
      return {{"factor", change.factor_id}};
  }
  return {};
}

IdentityChange change_of(std::string_view kind, const FieldValues& values) {
  const auto value = [&](const char* name) {
    const auto it = values.find(name);
    return it == values.end() ? std::string() : it->second;
  };
  IdentityChange out;
  if (kind == "name") {
    out.name = value("name");
  } else if (kind == "document") {
    out.kind = IdentityChange::Kind::document;
    out.document = from_kept(value("type"), value("kept"));
    out.document.country = value("country");
    out.document.born_yymmdd = value("born");
    out.leads = value("leads") == "yes";
  } else if (kind == "unlink") {
    out.kind = IdentityChange::Kind::unlink;
    out.document_id = value("document");
  } else if (kind == "factor") {
    out.kind = IdentityChange::Kind::factor;
    out.factor_id = value("factor");
  } else {
    out.kind = IdentityChange::Kind::merge;
    out.duplicate = SubjectId(value("duplicate"));
  }
  return out;
}

}  // namespace

std::string_view to_text(IdentityChange::Kind kind) {
  switch (kind) {
    case IdentityChange::Kind::name:
      return "name";
    case IdentityChange::Kind::document:
      return "document";
    case IdentityChange::Kind::unlink:
      return "unlink";
    case IdentityChange::Kind::merge:
      return "merge";
    case IdentityChange::Kind::factor:
      return "factor";
  }
  return {};
}

base::Result<std::string> IdentityRequests::ask(const SubjectId& subject,
                                                const IdentityChange& asked, const SubjectId& by,
                                                std::string_view key) {
  using Kind = IdentityChange::Kind;
  const auto now = parts_.clock.now();
  auto change = asked;
  BASE_TRY(auto tx, parts_.pool.begin());
  // For somebody else staff alone ask.
  if (by != subject) BASE_TRY_VOID(staff_alone(tx, by, now));
  // Keyed: a number could be guessed from a plain digest.
  const auto named =
      named_proposal(by, key,
                     parts_.cipher.lookup(kContentField, subject.value() + "\n" +
                                                             std::string(to_text(change.kind)) +
                                                             "\n" + to_json(values_of(change))));
  BASE_TRY(const auto earlier, find_proposal(tx, named));
  if (earlier) return *earlier;
  BASE_TRY(const auto there, tx.run(kKindOf, {subject.value()}));
  if (there.empty()) return refuse_with(base::Code::not_found, "auth.subject_unknown");
  const auto kind = there.text(0, 0) == "unit" ? SubjectKind::unit : SubjectKind::person;
  if (change.kind == Kind::name) {
    const auto name = normal_name(kind, change.name);
    if (!name) return refuse_with(base::Code::invalid_argument, "auth.name.form");
    change.name = *name;
  }
  if (change.kind == Kind::document) {
    const auto* type = document_type(change.document.type);
    if (type == nullptr || type->kind != kind)
      return refuse_with(base::Code::invalid_argument, "auth.id_type.kind");
    BASE_TRY(const auto owner, find_subject(parts_.pool, parts_.cipher, change.document));
    // Staff are told; a person is not told of others' numbers: the approval finds it out.
    if (owner && *owner == subject)
      return refuse_with(base::Code::conflict, "auth.document_linked");
  }
  if (change.kind == Kind::unlink) {
    BASE_TRY(const auto documents, documents_of(parts_.pool, parts_.cipher, subject));
    bool found = false;
    for (const auto& one : documents) found |= one.id == change.document_id;
    if (!found) return refuse_with(base::Code::not_found, "auth.document_unknown");
  }
  if (change.kind == Kind::merge) {
    if (change.duplicate == subject)
      return refuse_with(base::Code::invalid_argument, "auth.request.self");
    BASE_TRY(const auto other, tx.run(kKindOf, {change.duplicate.value()}));
    if (other.empty() || other.text(0, 0) != there.text(0, 0))
      return refuse_with(base::Code::not_found, "auth.subject_unknown");
  }
  if (change.kind == Kind::factor) {
    BASE_TRY(const auto bound, tx.run(kHasFactor, {subject.value(), change.factor_id}));
    if (bound.empty()) return refuse_with(base::Code::not_found, "auth.factor.unknown");
  }
  const auto id = base::to_hex(parts_.random.bytes(16));
  const auto sealed = parts_.cipher.seal(kField, id, base::as_bytes(to_json(values_of(change))));
  BASE_TRY_VOID(tx.run(kExpire, {subject.value(), to_text(change.kind), now}));
  auto put = tx.run(kAsk, {id, subject.value(), to_text(change.kind), sealed,
                           change.kind == Kind::merge ? 2 : 1, now, by.value(), now + parts_.life});
  if (!put.ok() && store::is_violation(put.error(), "identity_request_one_open"))
    return refuse_with(base::Code::conflict, "auth.request.open");
  BASE_TRY_VOID(std::move(put));
  BASE_TRY_VOID(put_proposal(tx, named, id, now));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("kind", to_text(change.kind));
  facts.member("request", id);
  facts.EndObject();
  BASE_TRY_VOID(
      store::audit(tx, {now, by.value(), "identity.ask", subject.value(), "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  return id;
}

base::Result<IdentityRequest> IdentityRequests::read(const store::Rows& rows, std::size_t row) {
  IdentityRequest out;
  out.id = rows.text(row, 0);
  out.subject = SubjectId(std::string(rows.text(row, 1)));
  BASE_TRY(const auto opened, parts_.cipher.open(kField, out.id, rows.bytes(row, 3)));
  out.change = change_of(rows.text(row, 2), values_from_json(base::as_text(opened)));
  out.approvals_needed = static_cast<int>(rows.integer(row, 4));
  out.asked_at = rows.time(row, 5);
  out.asked_by = rows.text(row, 6);
  out.expires_at = rows.time(row, 7);
  out.standing = rows.text(row, 8);
  if (!rows.is_null(row, 9)) out.reason = rows.text(row, 9);
  out.approvals = static_cast<int>(rows.integer(row, 10));
  return out;
}

base::Result<std::vector<IdentityRequest>> IdentityRequests::open() {
  BASE_TRY(const auto rows, parts_.pool.run(kOpenRequests, {parts_.clock.now()}));
  std::vector<IdentityRequest> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    BASE_TRY(auto one, read(rows, i));
    out.push_back(std::move(one));
  }
  return out;
}

base::Result<std::optional<IdentityRequest>> IdentityRequests::find_open(std::string_view request) {
  BASE_TRY(const auto rows, parts_.pool.run(kOpenRequest, {request, parts_.clock.now()}));
  if (rows.empty()) return std::optional<IdentityRequest>();
  BASE_TRY(auto found, read(rows, 0));
  return std::optional(std::move(found));
}

base::Result<std::vector<IdentityRequest>> IdentityRequests::of(const SubjectId& subject) {
  BASE_TRY(const auto rows, parts_.pool.run(kRequestsOf, {subject.value()}));
  std::vector<IdentityRequest> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    BASE_TRY(auto one, read(rows, i));
    out.push_back(std::move(one));
  }
  return out;
}

base::Result<IdentityRequest> IdentityRequests::take(store::Tx& tx, std::string_view request,
                                                     const SubjectId& staff) {
  BASE_TRY_VOID(staff_alone(tx, staff, parts_.clock.now()));
  BASE_TRY(const auto rows, tx.run(kTake, {request, parts_.clock.now()}));
  if (rows.empty()) return refuse_with(base::Code::not_found, "auth.request.unknown");
  BASE_TRY(auto taken, read(rows, 0));
  if (taken.asked_by == staff.value() || taken.subject == staff || taken.change.duplicate == staff)
    return refuse_with(base::Code::permission_denied, "auth.staff.own");
  return taken;
}

base::Result<IdentityRequests::Outcome> IdentityRequests::approve(std::string_view request,
                                                                  const SubjectId& staff,
                                                                  std::string_view why) {
  const auto now = parts_.clock.now();
  if (!why.empty()) BASE_TRY_VOID(reason_given(why));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto taken, take(tx, request, staff));
  BASE_TRY(const auto put, tx.run(kApprove, {request, staff.value(), now}));
  if (put.affected() == 0) return refuse_with(base::Code::conflict, "auth.staff.twice");
  BASE_TRY(const auto counted, tx.run(kApprovals, {request}));
  const bool last = counted.integer(0, 0) >= taken.approvals_needed;
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("kind", to_text(taken.change.kind));
  facts.member("request", taken.id);
  facts.member("approvals", counted.integer(0, 0));
  if (!why.empty()) facts.member("reason", why);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx, {now, staff.value(), "identity.approve", taken.subject.value(), "ok", facts.text()}));
  if (last) {
    BASE_TRY_VOID(perform(tx, taken, staff));
    BASE_TRY_VOID(tx.run(kEnd, {request, "done", now, std::nullopt}));
  }
  BASE_TRY_VOID(tx.commit());
  return last ? Outcome::done : Outcome::waiting;
}

base::Result<void> IdentityRequests::refuse(std::string_view request, const SubjectId& staff,
                                            std::string_view reason) {
  BASE_TRY_VOID(reason_given(reason));
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto taken, take(tx, request, staff));
  BASE_TRY_VOID(tx.run(kEnd, {request, "refused", now, reason}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("kind", to_text(taken.change.kind));
  facts.member("request", taken.id);
  facts.member("reason", reason);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx, {now, staff.value(), "identity.refuse", taken.subject.value(), "ok", facts.text()}));
  return tx.commit();
}

base::Result<void> IdentityRequests::perform(store::Tx& tx, const IdentityRequest& request,
                                             const SubjectId& staff) {
  using Kind = IdentityChange::Kind;
  const auto now = parts_.clock.now();
  const auto& subject = request.subject;
  if (request.change.kind == Kind::merge) return merge(tx, request, staff);
  if (request.change.kind == Kind::factor) return unbind(tx, request, staff);
  BASE_TRY(const auto there, tx.run(kKindOf, {subject.value()}));
  if (there.empty()) return refuse_with(base::Code::not_found, "auth.subject_unknown");
  BASE_TRY(const auto opened, parts_.cipher.open(kNameField, subject.value(), there.bytes(0, 1)));
  const std::string name(base::as_text(opened));
  switch (request.change.kind) {
    case Kind::name: {
      const auto sealed =
          parts_.cipher.seal(kNameField, subject.value(), base::as_bytes(request.change.name));
      BASE_TRY_VOID(tx.run(kSetName, {subject.value(), sealed}));
      return note_change(tx, parts_.cipher, subject, staff.value(), {{"name", name}},
                         {{"name", request.change.name}}, now);
    }
    case Kind::document: {
      BASE_TRY_VOID(link_document(tx, parts_.cipher, parts_.random, subject,
                                  request.change.document, name, request.change.leads, now,
                                  staff.value()));
      return note_change(tx, parts_.cipher, subject, staff.value(), {},
                         {{"id_number", request.change.document.kept()},
                          {"id_type", request.change.document.type}},
                         now);
    }
    case Kind::unlink: {
      BASE_TRY_VOID(unlink_document(tx, subject, request.change.document_id));
      return note_change(tx, parts_.cipher, subject, staff.value(),
                         {{"document", request.change.document_id}}, {{"document", ""}}, now);
    }
    case Kind::merge:
    case Kind::factor:
      break;
  }
  return {};
}

// Whoever has what was lost may sit in a session that it opened: all of them end.
base::Result<void> IdentityRequests::unbind(store::Tx& tx, const IdentityRequest& request,
                                            const SubjectId& staff) {
  const auto now = parts_.clock.now();
  const auto& subject = request.subject;
  BASE_TRY(const auto phones, phones_of(tx, parts_.cipher, subject));
  BASE_TRY(const auto ended,
           end_factor(tx, parts_.cipher, subject, request.change.factor_id, staff.value(), now));
  BASE_TRY_VOID(note_sessions_end(tx, subject, "", now));
  BASE_TRY_VOID(tx.run(kRevokeAll, {subject.value(), now}));
  BASE_TRY_VOID(tx.run(kEndSessions, {subject.value()}));
  return Notices({parts_.pool, parts_.cipher, parts_.clock})
      .factor_removed(tx, subject, ended.kind, phones);
}

base::Result<void> IdentityRequests::merge(store::Tx& tx, const IdentityRequest& request,
                                           const SubjectId& staff) {
  const auto now = parts_.clock.now();
  const auto& duplicate = request.change.duplicate;
  BASE_TRY(const auto kept, tx.run(kKindOf, {request.subject.value()}));
  BASE_TRY(const auto gone, tx.run(kMerge, {duplicate.value(), request.subject.value()}));
  if (kept.empty() || gone.affected() == 0)
    return refuse_with(base::Code::not_found, "auth.subject_unknown");
  BASE_TRY_VOID(tx.run(kFollowMerge, {duplicate.value(), request.subject.value()}));
  BASE_TRY_VOID(tx.run(kMoveDocuments, {request.subject.value(), duplicate.value(), now}));
  BASE_TRY_VOID(note_sessions_end(tx, duplicate, "", now));
  BASE_TRY_VOID(tx.run(kRevokeAll, {duplicate.value(), now}));
  BASE_TRY_VOID(tx.run(kEndSessions, {duplicate.value()}));
  // They are not moved: that two accounts are of one person says nothing of who holds the keys of
  // the other (docs/decisions/0163-factors-of-the-merged.md).
  BASE_TRY_VOID(
      Notices({parts_.pool, parts_.cipher, parts_.clock}).tell(tx, duplicate, "web.notice.merged"));
  BASE_TRY_VOID(end_factors_of(tx, duplicate, staff.value(), now));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("into", request.subject.value());
  facts.member("request", request.id);
  facts.EndObject();
  return store::audit(tx,
                      {now, staff.value(), "subject.merge", duplicate.value(), "ok", facts.text()});
}

base::Result<bool> IdentityRequests::is_staff(const SubjectId& subject) {
  return auth::is_staff(parts_.pool, subject, parts_.clock.now());
}

base::Result<void> IdentityRequests::name_staff(const SubjectId& subject, std::string_view by) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto there, tx.run(kKindOf, {subject.value()}));
  if (there.empty()) return refuse_with(base::Code::not_found, "auth.subject_unknown");
  BASE_TRY_VOID(tx.run(kNameStaff, {subject.value(), now, by}));
  BASE_TRY_VOID(store::audit(tx, {now, std::string(by), "staff.name", subject.value(), "ok"}));
  return tx.commit();
}

base::Result<void> IdentityRequests::end_staff(const SubjectId& subject, std::string_view by) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto ended, tx.run(kEndStaff, {subject.value(), now}));
  if (ended.affected() == 0) return refuse_with(base::Code::not_found, "auth.staff.none");
  BASE_TRY_VOID(store::audit(tx, {now, std::string(by), "staff.end", subject.value(), "ok"}));
  return tx.commit();
}

}  // namespace auth
