#include "auth/agreements.h"

#include <algorithm>
#include <array>

#include "auth/consents.h"
#include "auth/logout_notices.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "embedded_model_agreements.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr std::size_t kMostContent = 256 * 1024;

constexpr store::Query kCurrentAgreement{"auth.current_agreement", R"sql(
  select kind, version, content, sha256, published_at from auth.agreement
   where kind = $1 order by version desc limit 1)sql"};
constexpr store::Query kFindAgreement{"auth.find_agreement", R"sql(
  select kind, version, content, sha256, published_at from auth.agreement
   where kind = $1 and version = $2::bigint::integer)sql"};
constexpr store::Query kPublishAgreement{"auth.publish_agreement", R"sql(
  insert into auth.agreement (kind, version, content, sha256, published_at, published_by)
  values ($1, $2::bigint::integer, $3, $4, $5, $6))sql"};
// Of each kind the newest text, unless the subject's last act on the kind accepted that version.
constexpr store::Query kPendingAgreements{"auth.pending_agreements", R"sql(
  select a.kind, a.version, a.content, a.sha256, a.published_at
    from auth.agreement a
   where a.version = (select max(b.version) from auth.agreement b where b.kind = a.kind)
     and not exists (
       select 1 from (select x.act, x.version from auth.agreement_act x
                       where x.subject_id = $1 and x.kind = a.kind order by x.id desc limit 1) last
        where last.act = 'accepted' and last.version = a.version)
   order by a.kind desc)sql"};
constexpr store::Query kActs{"auth.agreement_acts", R"sql(
  select kind, version, act = 'accepted', sha256, how, at from auth.agreement_act
   where subject_id = $1 order by id desc limit 200)sql"};
constexpr store::Query kPutAct{"auth.put_agreement_act", R"sql(
  insert into auth.agreement_act (subject_id, kind, version, act, sha256, how, at)
  values ($1, $2, $3::bigint::integer, $4, $5, $6, $7))sql"};
constexpr store::Query kLastPrivacyAct{"auth.last_privacy_act", R"sql(
  select version, act = 'accepted', sha256 from auth.agreement_act
   where subject_id = $1 and kind = 'privacy' order by id desc limit 1)sql"};
constexpr store::Query kForgetConsents{"auth.forget_consents", R"sql(
  delete from auth.consent where subject_id = $1)sql"};
constexpr store::Query kRevokeGrantsOf{"auth.revoke_grants_of", R"sql(
  update auth.authorization_grant set revoked_at = $2
   where subject_id = $1 and revoked_at is null)sql"};

std::span<const std::string_view> sections_needed(AgreementKind kind) {
  static constexpr std::array<std::string_view, 6> kService{"a", "b", "c", "d", "e", "f"};
  static constexpr std::array<std::string_view, 5> kPrivacy{"purpose", "data", "retention",
                                                            "sharing", "rights"};
  if (kind == AgreementKind::service) return kService;
  return kPrivacy;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// Both languages of one text; whatever is missing is named.
std::pair<std::string, std::string> both(const rapidjson::Value& value, const std::string& place,
                                         base::Error& wrong) {
  std::pair<std::string, std::string> out;
  if (value.IsObject()) {
    out.first = base::json_text(value, "zh");
    out.second = base::json_text(value, "en");
  }
  if (is_blank(out.first)) wrong.fields.push_back({place + ".zh", "auth.agreement.empty"});
  if (is_blank(out.second)) wrong.fields.push_back({place + ".en", "auth.agreement.empty"});
  return out;
}

base::Result<Agreement> of_row(const store::Rows& rows, std::size_t row) {
  const auto kind = agreement_kind(rows.text(row, 0));
  base::check(kind.has_value(), "the database keeps kinds of agreements that exist");
  BASE_TRY(auto out, read_agreement(*kind, rows.text(row, 2)));
  out.version = static_cast<int>(rows.integer(row, 1));
  if (out.sha256 != base::to_hex(rows.bytes(row, 3)))
    return base::error(base::Code::internal, "auth.agreement.damaged");
  out.published_at = rows.time(row, 4);
  return out;
}

base::Error none() {
  return base::error(base::Code::not_found, "auth.agreement.none");
}

}  // namespace

std::string_view to_text(AgreementKind kind) {
  return kind == AgreementKind::service ? "service" : "privacy";
}

std::optional<AgreementKind> agreement_kind(std::string_view text) {
  if (text == "service") return AgreementKind::service;
  if (text == "privacy") return AgreementKind::privacy;
  return std::nullopt;
}

base::Result<Agreement> read_agreement(AgreementKind kind, std::string_view content) {
  auto wrong = base::error(base::Code::invalid_argument, "auth.agreement.form");
  BASE_TRY(const auto json, base::parse_json(content, {.bytes = kMostContent, .depth = 6}));
  Agreement out;
  out.kind = kind;
  out.content = content;
  out.sha256 = base::to_hex(base::sha256(base::as_bytes(content)));
  const bool shaped = json.IsObject() && json.HasMember("title") && json.HasMember("sections") &&
                      json["sections"].IsArray();
  if (!shaped) {
    wrong.fields.push_back({"sections", "auth.agreement.empty"});
    return wrong;
  }
  std::tie(out.title_zh, out.title_en) = both(json["title"], "title", wrong);
  for (const auto& one : json["sections"].GetArray()) {
    AgreementSection section;
    if (one.IsObject()) section.id = base::json_text(one, "id");
    if (is_blank(section.id)) wrong.fields.push_back({"sections", "auth.agreement.empty"});
    std::tie(section.zh, section.en) = both(one, section.id, wrong);
    out.sections.push_back(std::move(section));
  }
  for (const auto id : sections_needed(kind))
    if (std::count_if(out.sections.begin(), out.sections.end(),
                      [&](const AgreementSection& one) { return one.id == id; }) != 1)
      wrong.fields.push_back({std::string(id), "auth.agreement.clause_missing"});
  if (!wrong.fields.empty()) return wrong;
  return out;
}

std::string_view model_agreement(AgreementKind kind) {
  for (const auto& file : embedded::model_agreements())
    if (file.path == std::string(to_text(kind)) + ".json") return file.bytes;
  base::fail("missing model agreement");
}

base::Result<int> Agreements::publish(AgreementKind kind, std::string_view content,
                                      std::string_view by) {
  BASE_TRY(const auto agreement, read_agreement(kind, content));
  const auto now = clock_.now();
  BASE_TRY(auto tx, pool_.begin());
  BASE_TRY(const auto newest, tx.run(kCurrentAgreement, {to_text(kind)}));
  const auto digest = base::sha256(base::as_bytes(content));
  if (!newest.empty() && base::to_hex(newest.bytes(0, 3)) == agreement.sha256)
    return static_cast<int>(newest.integer(0, 1));
  const int version = newest.empty() ? 1 : static_cast<int>(newest.integer(0, 1)) + 1;
  BASE_TRY_VOID(tx.run(kPublishAgreement,
                       {to_text(kind), version, content, base::BytesView(digest), now, by}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("version", version);
  facts.member("sha256", agreement.sha256);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(tx, {now, std::string(by), "agreement.publish",
                                  std::string(to_text(kind)), "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  return version;
}

base::Result<Agreement> Agreements::current(AgreementKind kind) {
  BASE_TRY(const auto rows, pool_.run(kCurrentAgreement, {to_text(kind)}));
  if (rows.empty()) return none();
  return of_row(rows, 0);
}

base::Result<Agreement> Agreements::find(AgreementKind kind, int version) {
  BASE_TRY(const auto rows, pool_.run(kFindAgreement, {to_text(kind), version}));
  if (rows.empty()) return none();
  return of_row(rows, 0);
}

base::Result<std::vector<Agreement>> Agreements::pending(const SubjectId& subject) {
  BASE_TRY(const auto rows, pool_.run(kPendingAgreements, {subject.value()}));
  std::vector<Agreement> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    BASE_TRY(auto one, of_row(rows, i));
    out.push_back(std::move(one));
  }
  return out;
}

base::Result<std::vector<AgreementAct>> Agreements::acts(const SubjectId& subject) {
  BASE_TRY(const auto rows, pool_.run(kActs, {subject.value()}));
  std::vector<AgreementAct> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({agreement_kind(rows.text(i, 0)).value_or(AgreementKind::service),
                   static_cast<int>(rows.integer(i, 1)), rows.boolean(i, 2),
                   base::to_hex(rows.bytes(i, 3)), std::string(rows.text(i, 4)), rows.time(i, 5)});
  return out;
}

base::Result<void> Agreements::check(const std::vector<Acceptance>& accepted) {
  for (const auto& one : accepted) {
    BASE_TRY(const auto rows, pool_.run(kCurrentAgreement, {to_text(one.kind)}));
    if (rows.empty()) return none();
    if (rows.integer(0, 1) != one.version || base::to_hex(rows.bytes(0, 3)) != one.sha256)
      return base::error(base::Code::conflict, "auth.agreement.changed");
  }
  return {};
}

base::Result<void> Agreements::put_act(store::Tx& tx, const SubjectId& subject,
                                       const Acceptance& what, bool accepted,
                                       std::string_view how) {
  const auto now = clock_.now();
  const auto digest = base::from_hex(what.sha256);
  base::check(digest && digest->size() == 32, "the digest of an agreement was checked");
  BASE_TRY_VOID(tx.run(kPutAct, {subject.value(), to_text(what.kind), what.version,
                                 accepted ? "accepted" : "withdrawn", *digest, how, now}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("kind", to_text(what.kind));
  facts.member("version", what.version);
  facts.member("sha256", what.sha256);
  facts.member("how", how);
  facts.EndObject();
  return store::audit(tx,
                      {now, subject.value(), accepted ? "agreement.accept" : "agreement.withdraw",
                       subject.value(), "ok", facts.text()});
}

base::Result<void> Agreements::record(store::Tx& tx, const SubjectId& subject,
                                      const Acceptance& accepted, std::string_view how) {
  return put_act(tx, subject, accepted, true, how);
}

base::Result<void> Agreements::accept(const SubjectId& subject,
                                      const std::vector<Acceptance>& accepted,
                                      std::string_view how) {
  BASE_TRY_VOID(check(accepted));
  BASE_TRY(auto tx, pool_.begin());
  for (const auto& one : accepted) BASE_TRY_VOID(record(tx, subject, one, how));
  return tx.commit();
}

base::Result<void> Agreements::accept_pending(const SubjectId& subject,
                                              const std::vector<Acceptance>& accepted,
                                              std::string_view how) {
  BASE_TRY(const auto waiting, pending(subject));
  std::vector<Acceptance> wanted;
  for (const auto& one : waiting) {
    const auto ticked = std::find_if(accepted.begin(), accepted.end(), [&](const auto& each) {
      return each.kind == one.kind;
    });
    if (ticked == accepted.end())
      return base::error(base::Code::invalid_argument, "auth.agreement.needed");
    wanted.push_back(*ticked);
  }
  return accept(subject, wanted, how);
}

base::Result<void> Agreements::withdraw_privacy(const SubjectId& subject, std::string_view how) {
  BASE_TRY(auto tx, pool_.begin());
  BASE_TRY(const auto last, tx.run(kLastPrivacyAct, {subject.value()}));
  if (last.empty() || !last.boolean(0, 1)) return none();
  BASE_TRY_VOID(put_act(tx, subject,
                        {AgreementKind::privacy, static_cast<int>(last.integer(0, 0)),
                         base::to_hex(last.bytes(0, 2))},
                        false, how));
  const auto now = clock_.now();
  BASE_TRY_VOID(tx.run(kForgetConsents, {subject.value()}));
  BASE_TRY_VOID(note_sessions_end(tx, subject, "", now));
  BASE_TRY_VOID(tx.run(kRevokeGrantsOf, {subject.value(), now}));
  BASE_TRY_VOID(deny_devices(tx, subject, ""));
  return tx.commit();
}

}  // namespace auth
