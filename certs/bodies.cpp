#include "certs/bodies.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/json.h"
#include "certs/trust_list_text.h"
#include "store/audit.h"

namespace certs {
namespace {

using base::Code;
using store::Param;
using store::Query;

constexpr std::size_t kMostPaperBytes = 20u << 20;

constexpr Query kPropose{"certs.body_propose", R"sql(
  insert into certs.body (name, code, licence_number, licence_issuer, licence_from, licence_until,
                          qualification, qualification_until, contact, expiry, proposed_by)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning number)sql"};
constexpr Query kAnchor{"certs.body_anchor",
                        "insert into certs.body_anchor (body, place, der) values ($1, $2, $3)"};
constexpr Query kTerm{"certs.body_term",
                      "insert into certs.body_term (body, kind, value) values ($1, $2, $3)"};
constexpr Query kPaper{"certs.body_paper", R"sql(
  insert into certs.body_document (body, kind, file_name, size, sha256, content)
  values ($1, $2, $3, $4, $5, $6))sql"};
constexpr Query kCheck{"certs.body_check", R"sql(
  insert into certs.body_check (body, at, passed, report) values ($1, $2, $3, $4::text::json))sql"};
constexpr Query kStep{"certs.body_step", R"sql(
  insert into certs.body_standing (body, place, standing, since, wish, trust_list)
  select $1::bigint, coalesce(max(s.place), 0) + 1, $2::text, $3::timestamptz, $4::bigint, $5::bigint
    from certs.body_standing s where s.body = $1)sql"};
constexpr Query kWish{"certs.body_wish", R"sql(
  insert into certs.body_wish (body, standing, reason, invalid_since, since, by)
  values ($1, $2, $3, $4, $5, $6) returning id)sql"};

constexpr Query kRead{"certs.body_read", R"sql(
  select b.number, b.name, b.code, b.licence_number, b.licence_issuer, b.licence_from,
         b.licence_until, b.qualification, b.qualification_until, b.contact, b.expiry,
         b.proposed_by, coalesce(c.passed, false), coalesce(c.report::text, '')
    from certs.body b
    left join lateral (select k.passed, k.report from certs.body_check k where k.body = b.number
                        order by k.at desc limit 1) c on true
   where $1 = 0 or b.number = $1 order by b.number)sql"};
constexpr Query kAnchors{"certs.body_anchors",
                         "select der from certs.body_anchor where body = $1 order by place"};
constexpr Query kTerms{"certs.body_terms", R"sql(
  select kind, value from certs.body_term where body = $1 order by kind, value)sql"};
constexpr Query kPapers{"certs.body_papers", R"sql(
  select kind, file_name, size, sha256 from certs.body_document where body = $1 order by kind)sql"};
constexpr Query kPaperContent{"certs.body_paper_content", R"sql(
  select file_name, content from certs.body_document where body = $1 and kind = $2)sql"};
constexpr Query kHistory{"certs.body_history", R"sql(
  select s.standing, s.since, coalesce(w.reason, ''), w.invalid_since
    from certs.body_standing s left join certs.body_wish w on w.id = s.wish
   where s.body = $1 order by s.place)sql"};
/// The newest wish, unless it is settled.
constexpr Query kOpenWish{"certs.body_open_wish", R"sql(
  select w.id, w.standing, w.since, w.reason, w.invalid_since
    from certs.body_wish w
   where w.id = (select max(v.id) from certs.body_wish v where v.body = $1)
     and not exists (select from certs.body_standing s where s.wish = w.id))sql"};
constexpr Query kWishOf{"certs.body_wish_of", "select body from certs.body_wish where id = $1"};
/// Two officers do not both take the next step of one body.
constexpr Query kLock{"certs.body_lock",
                      "select pg_advisory_xact_lock(hashtextextended('certs.body', $1)) is null"};

base::Error refuse(Code code, const char* key, std::string detail) {
  return base::error(code, key, std::move(detail));
}

base::Error damaged(std::int64_t number) {
  return refuse(Code::internal, "certs.register_damaged", "body " + std::to_string(number));
}

/// Violations of what the tables hold to become errors of this room.
base::Error told(base::Error failure) {
  if (store::is_violation(failure, "body_standing_step") ||
      store::is_violation(failure, "body_standing_pkey"))
    return refuse(Code::conflict, "certs.body_step", failure.detail);
  if (store::is_violation(failure, "body_standing_admission"))
    return refuse(Code::permission_denied, "certs.body_check_failed", failure.detail);
  return failure;
}

std::vector<std::string>* term_of(BodyRecord& record, std::string_view kind) {
  if (kind == "use") return &record.body.uses;
  if (kind == "policy") return &record.body.limits.policies;
  if (kind == "permitted") return &record.body.limits.permitted;
  if (kind == "excluded") return &record.body.limits.excluded;
  if (kind == "crl_url") return &record.body.crl_urls;
  return kind == "ocsp_url" ? &record.ocsp_urls : nullptr;
}
constexpr std::array kTermKinds{"use", "policy", "permitted", "excluded", "crl_url", "ocsp_url"};

bool has_paper(const std::vector<BodyPaper>& papers, std::string_view kind) {
  return std::count_if(papers.begin(), papers.end(),
                       [&](const BodyPaper& paper) { return paper.kind == kind; }) == 1;
}

base::Result<void> check_papers(const BodyRecord& record, const std::vector<BodyPaper>& papers) {
  std::size_t wanted = 3;
  for (const auto* kind : {"licence", "liability", "acceptance"})
    if (!has_paper(papers, kind)) return refuse(Code::invalid_argument, "certs.body_papers", kind);
  if (!record.qualification.empty()) {
    ++wanted;
    if (!has_paper(papers, "qualification"))
      return refuse(Code::invalid_argument, "certs.body_papers", "qualification");
  }
  if (papers.size() != wanted)
    return refuse(Code::invalid_argument, "certs.body_papers", "more papers than asked for");
  for (const auto& paper : papers)
    if (paper.content.empty() || paper.content.size() > kMostPaperBytes || paper.file_name.empty())
      return refuse(Code::invalid_argument, "certs.body_papers", paper.kind + ": size");
  return {};
}

/// As the trust list will have it, were it admitted now: what cannot stand there is not recorded.
base::Result<void> check_record(const BodyRecord& record, base::Time now) {
  const auto bad = [](std::string why) {
    return refuse(Code::invalid_argument, "certs.body_malformed", std::move(why));
  };
  TrustBody as_listed = record.body;
  as_listed.number = 1;
  as_listed.history = {{Standing::admitted, now, "", std::nullopt}};
  as_listed.documents.clear();
  const auto listed = check_bodies({as_listed});
  if (!listed) return bad(listed.error().detail);
  if (record.licence_issuer.empty() || record.contact.empty()) return bad("licence or contact");
  if (record.licence_from >= record.licence_until) return bad("validity of the licence");
  if (record.qualification.empty() != !record.qualification_until) return bad("qualification");
  if (record.body.expiry > record.licence_until ||
      (record.qualification_until && record.body.expiry > *record.qualification_until))
    return bad("expiry is after what it rests on");
  if (!std::all_of(record.ocsp_urls.begin(), record.ocsp_urls.end(), is_fetch_url))
    return bad("address of OCSP");
  return {};
}

std::string step_facts(const BodyStanding& step) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("standing", to_string(step.standing));
  facts.member("since", base::to_rfc3339(step.since));
  if (!step.reason.empty()) facts.member("reason", step.reason);
  if (step.invalid_since) facts.member("invalid_since", base::to_rfc3339(*step.invalid_since));
  facts.EndObject();
  return facts.text();
}

bool same_wish(const BodyStanding& one, const BodyStanding& other) {
  return one.standing == other.standing && one.reason == other.reason &&
         one.invalid_since == other.invalid_since;
}

}  // namespace

base::Result<void> Bodies::audit(std::string act, std::int64_t number, std::string facts_json) {
  return store::audit(tx_, {clock_.now(), actor_, std::move(act), "body:" + std::to_string(number),
                            "ok", std::move(facts_json)});
}

base::Result<void> Bodies::write_parts(std::int64_t number, const BodyRecord& record,
                                       const std::vector<BodyPaper>& papers) {
  std::int64_t place = 0;
  for (const auto& anchor : record.body.anchors) {
    BASE_TRY_VOID(tx_.run(kAnchor, {number, ++place, anchor.der()}));
  }
  BodyRecord terms = record;
  for (const auto* kind : kTermKinds)
    for (const auto& value : *term_of(terms, kind)) {
      BASE_TRY_VOID(tx_.run(kTerm, {number, kind, value}));
    }
  for (const auto& paper : papers) {
    const auto sha256 = base::sha256(paper.content);
    BASE_TRY_VOID(tx_.run(kPaper, {number, paper.kind, paper.file_name, paper.content.size(),
                                   base::BytesView(sha256), paper.content}));
  }
  return {};
}

base::Result<std::int64_t> Bodies::propose(const BodyRecord& record,
                                           const std::vector<BodyPaper>& papers,
                                           const AdmissionReport& report) {
  const base::Time now = std::chrono::floor<std::chrono::seconds>(clock_.now());
  BASE_TRY_VOID(check_record(record, now));
  BASE_TRY_VOID(check_papers(record, papers));
  const auto& body = record.body;
  BASE_TRY(
      const auto made,
      tx_.run(kPropose, {body.name, body.code, body.licence, record.licence_issuer,
                         record.licence_from, record.licence_until, record.qualification,
                         Param(record.qualification_until), record.contact, body.expiry, actor_}));
  const auto number = made.integer(0, 0);
  BASE_TRY_VOID(write_parts(number, record, papers));
  BASE_TRY_VOID(tx_.run(kCheck, {number, report.at, report.passed(), report.json()}));
  BASE_TRY_VOID(
      tx_.run(kStep, {number, to_string(Standing::proposed), now, std::nullopt, std::nullopt}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("name", body.name);
  facts.member("code", body.code);
  facts.member("licence", body.licence);
  facts.member("check_passed", report.passed());
  for (const auto& paper : papers)
    facts.member("sha256_" + paper.kind, base::to_hex(base::sha256(paper.content)));
  facts.EndObject();
  BASE_TRY_VOID(audit("body.propose", number, facts.text()));
  return number;
}

base::Result<void> Bodies::read_parts(BodyRecord& record) {
  const auto number = record.body.number;
  BASE_TRY(const auto anchors, tx_.run(kAnchors, {number}));
  for (std::size_t row = 0; row < anchors.size(); ++row) {
    auto certificate = Certificate::from_der(anchors.bytes(row, 0));
    if (!certificate) return damaged(number);
    record.body.anchors.push_back(std::move(*certificate));
  }
  BASE_TRY(const auto terms, tx_.run(kTerms, {number}));
  for (std::size_t row = 0; row < terms.size(); ++row) {
    auto* into = term_of(record, terms.text(row, 0));
    if (into == nullptr) return damaged(number);
    into->emplace_back(terms.text(row, 1));
  }
  return {};
}

base::Result<void> Bodies::read_papers(BodyRecord& record) {
  BASE_TRY(const auto rows, tx_.run(kPapers, {record.body.number}));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    BodyRecord::Paper paper{
        std::string(rows.text(row, 0)), std::string(rows.text(row, 1)), rows.integer(row, 2), {}};
    const auto sha256 = rows.bytes(row, 3);
    if (sha256.size() != paper.sha256.size()) return damaged(record.body.number);
    std::copy(sha256.begin(), sha256.end(), paper.sha256.begin());
    record.body.documents.push_back({paper.kind, paper.sha256});
    record.papers.push_back(std::move(paper));
  }
  return {};
}

base::Result<void> Bodies::read_standing(BodyRecord& record) {
  const auto number = record.body.number;
  const auto step = [&](const store::Rows& rows, std::size_t row,
                        int column) -> base::Result<BodyStanding> {
    const auto standing = standing_from(rows.text(row, column));
    if (!standing) return damaged(number);
    BodyStanding out{*standing, rows.time(row, column + 1),
                     std::string(rows.text(row, column + 2))};
    if (!rows.is_null(row, column + 3)) out.invalid_since = rows.time(row, column + 3);
    return out;
  };
  BASE_TRY(const auto history, tx_.run(kHistory, {number}));
  for (std::size_t row = 0; row < history.size(); ++row) {
    BASE_TRY(auto one, step(history, row, 0));
    record.body.history.push_back(std::move(one));
  }
  if (record.body.history.empty()) return damaged(number);
  BASE_TRY(const auto wish, tx_.run(kOpenWish, {number}));
  if (!wish.empty()) {
    BASE_TRY(auto wanted, step(wish, 0, 1));
    record.wish = BodyWish{wish.integer(0, 0), number, std::move(wanted)};
  }
  return {};
}

base::Result<std::vector<BodyRecord>> Bodies::read(std::int64_t number) {
  BASE_TRY(const auto rows, tx_.run(kRead, {number}));
  std::vector<BodyRecord> out;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    BodyRecord record;
    record.body.number = rows.integer(row, 0);
    record.body.name = rows.text(row, 1);
    record.body.code = rows.text(row, 2);
    record.body.licence = rows.text(row, 3);
    record.licence_issuer = rows.text(row, 4);
    record.licence_from = rows.time(row, 5);
    record.licence_until = rows.time(row, 6);
    record.qualification = rows.text(row, 7);
    if (!rows.is_null(row, 8)) record.qualification_until = rows.time(row, 8);
    record.contact = rows.text(row, 9);
    record.body.expiry = rows.time(row, 10);
    record.proposed_by = rows.text(row, 11);
    record.check_passed = rows.boolean(row, 12);
    record.check_report = rows.text(row, 13);
    BASE_TRY_VOID(read_parts(record));
    BASE_TRY_VOID(read_papers(record));
    BASE_TRY_VOID(read_standing(record));
    out.push_back(std::move(record));
  }
  return out;
}

base::Result<std::vector<BodyRecord>> Bodies::list() {
  return read(0);
}

base::Result<BodyRecord> Bodies::find(std::int64_t number) {
  if (number < 1) return refuse(Code::not_found, "certs.body_not_recorded", std::to_string(number));
  BASE_TRY(auto found, read(number));
  if (found.empty())
    return refuse(Code::not_found, "certs.body_not_recorded", std::to_string(number));
  return std::move(found.front());
}

base::Result<BodyPaper> Bodies::paper(std::int64_t number, std::string_view kind) {
  BASE_TRY(const auto rows, tx_.run(kPaperContent, {number, kind}));
  if (rows.empty()) return refuse(Code::not_found, "certs.body_not_recorded", std::string(kind));
  return BodyPaper{std::string(kind), std::string(rows.text(0, 0)),
                   base::to_bytes(rows.bytes(0, 1))};
}

base::Result<BodyWish> Bodies::wish(std::int64_t number, BodyStanding step) {
  BASE_TRY_VOID(tx_.run(kLock, {number}));
  BASE_TRY(const auto record, find(number));
  const auto& last = record.body.history.back();
  // Seconds are all that the list writes; two steps within one second take two.
  const base::Time now = std::chrono::floor<std::chrono::seconds>(clock_.now());
  step.since = std::max(now, last.since + std::chrono::seconds(1));
  if (!may_follow(last.standing, step.standing))
    return refuse(
        Code::conflict, "certs.body_step",
        std::string(to_string(step.standing)) + " after " + std::string(to_string(last.standing)));
  const bool stops = step.standing != Standing::admitted;
  const bool compromised = step.standing == Standing::removed && step.reason == "compromised";
  if (stops ? !is_stopping_reason(step.reason) : !step.reason.empty())
    return refuse(Code::invalid_argument, "certs.body_reason", step.reason);
  if (compromised != step.invalid_since.has_value() ||
      (step.invalid_since && *step.invalid_since > step.since))
    return refuse(Code::invalid_argument, "certs.body_reason", "since when it counts for nothing");
  if (!stops && !record.check_passed)
    return refuse(Code::permission_denied, "certs.body_check_failed", std::to_string(number));
  if (!stops && step.since >= record.body.expiry)
    return refuse(Code::expired, "certs.body_expired", base::to_rfc3339(record.body.expiry));
  if (record.wish && same_wish(record.wish->step, step)) return *record.wish;
  BASE_TRY(const auto made, tx_.run(kWish, {number, to_string(step.standing), step.reason,
                                            Param(step.invalid_since), step.since, actor_}));
  BASE_TRY_VOID(audit("body.wish", number, step_facts(step)));
  return BodyWish{made.integer(0, 0), number, std::move(step)};
}

base::Result<std::vector<TrustBody>> Bodies::listed(std::optional<std::int64_t> with) {
  BASE_TRY(auto records, list());
  std::vector<TrustBody> out;
  bool carried = false;
  for (auto& record : records) {
    if (with && record.wish && record.wish->id == *with) {
      record.body.history.push_back(record.wish->step);
      carried = true;
    }
    auto& history = record.body.history;
    history.erase(history.begin());  // "proposed" is nobody else's concern
    if (!history.empty() && history.front().standing == Standing::admitted)
      out.push_back(std::move(record.body));
  }
  if (with && !carried)
    return refuse(Code::conflict, "certs.body_step", "wish " + std::to_string(*with));
  return out;
}

base::Result<void> Bodies::settle(std::int64_t wish,
                                  std::optional<std::int64_t> trust_list_sequence) {
  BASE_TRY(const auto of, tx_.run(kWishOf, {wish}));
  if (of.empty()) return refuse(Code::conflict, "certs.body_step", "wish " + std::to_string(wish));
  const auto number = of.integer(0, 0);
  BASE_TRY_VOID(tx_.run(kLock, {number}));
  BASE_TRY(const auto record, find(number));
  if (!record.wish || record.wish->id != wish)
    return refuse(Code::conflict, "certs.body_step", "wish " + std::to_string(wish));
  const auto& step = record.wish->step;
  const auto done = tx_.run(
      kStep, {number, to_string(step.standing), step.since, wish, Param(trust_list_sequence)});
  if (!done) return told(done.error());
  return audit("body." + std::string(to_string(step.standing)), number, step_facts(step));
}

}  // namespace certs
