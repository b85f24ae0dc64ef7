// xinyin health: one look at everything an officer answers for. Whatever cannot be asked is told as
// unknown, never left out; nothing is changed by looking.
#include <algorithm>
#include <array>

#include "api/cli/governance.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/messages.h"
#include "certs/health.h"
#include "store/audit_head.h"

namespace cli {
namespace {

using std::chrono::days;
using std::chrono::hours;

enum class Level { critical, unknown, warning, notice, fine };  // in the order of the table
constexpr std::array<const char*, 5> kLevelNames{"critical", "unknown", "warning", "notice",
                                                 "fine"};
constexpr std::array<const char*, 5> kLevelWords{"严重 CRITICAL", "未知 UNKNOWN", "警告 warning",
                                                 "提示 notice", "正常 fine"};

struct Finding {
  Level level = Level::fine;
  const char* part = "";  ///< signer, officers, requests, ledger, keys, backup, certificates, …
  std::string object;     ///< what it is about; may be empty
  std::string key;        ///< of the catalogue, with `args`
  std::vector<std::pair<std::string, std::string>> args = {};
};
using Findings = std::vector<Finding>;

/// Signed heads of the audit trail are due at least daily; then somebody should look why not.
constexpr auto kHeadLate = hours(24), kHeadOverdue = hours(72);

constexpr int kTries = hsm::officers::kMostTries;

void unknown(Findings& out, const char* part, const base::Error& why) {
  out.push_back({Level::unknown, part, {}, "cli.health.unknown", {{"why", why.key}}});
}

/// Says so when a part has nothing to tell.
void fine_if_silent(Findings& out, const char* part) {
  if (std::none_of(out.begin(), out.end(),
                   [&](const Finding& one) { return std::string_view(one.part) == part; }))
    out.push_back({Level::fine, part, {}, "cli.health.fine", {}});
}

void look_at_signer(hsm::Client& signer, Findings& out) {
  const auto health = signer.health();
  if (!health) return unknown(out, "signer", health.error());
  if (!health->token_up)
    out.push_back(
        {Level::critical, "signer", {}, "cli.health.token_down", {{"why", health->reason}}});
  else
    out.push_back({Level::fine,
                   "signer",
                   health->token_label,
                   "cli.health.token_up",
                   {{"serial", health->token_serial}}});
}

void look_at_people(const rapidjson::Value& state, base::Time now, Findings& out) {
  std::int64_t most = 0, voting = 0;
  for (const auto& rule : state["rules"].GetArray())
    most = std::max(most, base::json_int(rule, "needed").value_or(0));
  for (const auto& one : state["people"].GetArray()) {
    if (one["may_vote"].GetBool()) ++voting;
    const auto until = base::parse_rfc3339(base::json_text(one, "not_after"));
    if (one["retired"].GetBool() || !until || *until > now + days(90)) continue;
    const auto level = *until < now + days(30)   ? Level::critical
                       : *until < now + days(60) ? Level::warning
                                                 : Level::notice;
    out.push_back({level,
                   "officers",
                   std::string(base::json_text(one, "id")),
                   *until < now ? "cli.health.officer_over" : "cli.health.officer_ends",
                   {{"name", std::string(base::json_text(one, "name"))},
                    {"until", base::to_rfc3339(*until)}}});
  }
  if (voting <= most)
    out.push_back({voting < most ? Level::critical : Level::warning,
                   "officers",
                   {},
                   voting < most ? "cli.health.officers_too_few" : "cli.health.officers_no_spare",
                   {{"voting", std::to_string(voting)}, {"needed", std::to_string(most)}}});
}

void look_at_requests(const rapidjson::Value& state, base::Time now, Findings& out) {
  for (const auto& one : state["requests"].GetArray()) {
    const auto standing = base::json_text(one, "standing");
    const auto until = base::parse_rfc3339(base::json_text(one, "not_after"));
    // Given up: told for a while, for somebody must find out why.
    if (standing == "failed" && base::json_int(one, "tries").value_or(0) >= kTries && until &&
        *until > now - days(7))
      out.push_back(
          {Level::critical,
           "requests",
           std::string(base::json_text(one, "id").substr(0, 12)),
           "cli.health.request_gave_up",
           {{"op", std::string(base::json_text(one, "op"))}, {"tries", std::to_string(kTries)}}});
    if (standing != "open" && standing != "executing") continue;
    out.push_back({standing == "open" ? Level::notice : Level::warning,
                   "requests",
                   std::string(base::json_text(one, "id").substr(0, 12)),
                   standing == "open" ? "cli.health.request_open" : "cli.health.request_executing",
                   {{"op", std::string(base::json_text(one, "op"))},
                    {"have", std::to_string(one["approvals"].Size())},
                    {"needed", std::to_string(base::json_int(one, "needed").value_or(0))},
                    {"until", std::string(base::json_text(one, "not_after"))}}});
  }
}

void look_at_ledger(const Governance& governance, Findings& out) {
  const auto lines = base::json_int(governance.all(), "lines").value_or(0);
  const auto uncovered = base::json_int(governance.all(), "uncovered").value_or(0);
  const bool has_key = governance.active(hsm::Purpose::audit).ok();
  if (uncovered > 0)
    out.push_back({Level::warning,
                   "ledger",
                   {},
                   has_key ? "cli.health.ledger_uncovered" : "cli.health.ledger_no_key",
                   {{"count", std::to_string(uncovered)}, {"lines", std::to_string(lines)}}});
}

/// What the signer does without votes is near its limit, or at it: then a revocation may be stuck.
void look_at_limits(const Governance& governance, Findings& out) {
  const auto most = base::json_int(governance.all(), "lists_per_day").value_or(0);
  for (const auto& key : governance.all()["keys"].GetArray()) {
    const auto signed_ = base::json_int(key, "lists_today").value_or(0);
    if (most <= 0 || signed_ < most * 4 / 5) continue;
    out.push_back({signed_ >= most ? Level::critical : Level::warning,
                   "keys",
                   std::string(base::json_text(key, "label")),
                   signed_ >= most ? "cli.health.list_limit" : "cli.health.list_limit_near",
                   {{"signed", std::to_string(signed_)}, {"most", std::to_string(most)}}});
  }
}

void look_at_keys(const Governance& governance, Findings& out) {
  std::string unproven;
  for (const auto& key : governance.all()["keys"].GetArray()) {
    const auto state = base::json_text(key, "state");
    const std::string label(base::json_text(key, "label"));
    if (state == "suspended") {
      // Without an officers' request: the signer stopped it, because something was wrong with it.
      const std::string why(base::json_text(key, "why"));
      out.push_back({why.empty() ? Level::warning : Level::critical,
                     "keys",
                     label,
                     why.empty() ? "cli.health.key_suspended" : "cli.health.key_stopped",
                     {{"since", std::string(base::json_text(key, "since"))}, {"why", why}}});
    }
    if (state == "pre_active")
      out.push_back({Level::notice,
                     "keys",
                     label,
                     "cli.health.key_waiting",
                     {{"since", std::string(base::json_text(key, "since"))}}});
    const bool kept = state == "active" || state == "pre_active" || state == "suspended";
    if (kept && !key.HasMember("backup_proven")) unproven += (unproven.empty() ? "" : ", ") + label;
  }
  if (!unproven.empty())
    out.push_back({Level::warning, "backup", {}, "cli.health.no_backup", {{"keys", unproven}}});
}

void look_at_officers(hsm::Client& signer, bool production, base::Time now, Findings& out) {
  constexpr std::array kParts{"officers", "requests", "ledger", "keys", "backup"};
  const auto governance = Governance::read(signer);
  if (!governance && governance.error().key == "hsm.officers.not_founded") {
    for (const auto* part : kParts)
      out.push_back(
          {production ? Level::critical : Level::warning, part, {}, "cli.health.not_founded", {}});
    return;
  }
  if (!governance) {
    for (const auto* part : kParts) unknown(out, part, governance.error());
    return;
  }
  look_at_people(governance->all(), now, out);
  look_at_requests(governance->all(), now, out);
  look_at_ledger(*governance, out);
  look_at_keys(*governance, out);
  look_at_limits(*governance, out);
  for (const auto* part : kParts) fine_if_silent(out, part);
}

void take(const std::vector<certs::Finding>& findings, const char* part, Findings& out) {
  for (const auto& one : findings)
    out.push_back({one.severity == certs::Severity::alarm     ? Level::critical
                   : one.severity == certs::Severity::warning ? Level::warning
                                                              : Level::notice,
                   part,
                   one.object,
                   one.key,
                   {one.args.begin(), one.args.end()}});
}

/// Without the database the files still tell of themselves; of the OCSP answers nothing is known.
void look_at_certificates(Officer& officer, base::Time now, Findings& out) {
  const auto used = certs::certificates_in_use(officer.pki);
  const bool ocsp = used && std::any_of(used->begin(), used->end(), [](const certs::InUse& one) {
                      return one.label.starts_with("ocsp-");
                    });
  const auto findings =
      certs::health(officer.pool, officer.pki, officer.context.clock(), {.ocsp = ocsp});
  if (findings)
    take(*findings, "certificates", out);
  else {
    unknown(out, "certificates", findings.error());
    if (used) take(certs::endings(*used, now), "certificates", out);
  }
  fine_if_silent(out, "certificates");
}

/// What the certification bodies that we admitted live on.
void look_at_bodies(Officer& officer, Findings& out) {
  const auto findings = certs::body_health(officer.pool, officer.context.clock());
  if (findings)
    take(*findings, "bodies", out);
  else
    unknown(out, "bodies", findings.error());
  fine_if_silent(out, "bodies");
}

void look_at_audit(store::Pool& pool, base::Time now, Findings& out) {
  const auto state = store::audit_state(pool);
  if (!state) {
    if (state.error().code == base::Code::unavailable) {
      out.push_back(
          {Level::unknown, "database", {}, "cli.health.unknown", {{"why", state.error().key}}});
      return unknown(out, "audit", state.error());
    }
    fine_if_silent(out, "database");
    out.push_back(
        {Level::critical, "audit", {}, "cli.health.audit_broken", {{"why", state.error().key}}});
    return;
  }
  fine_if_silent(out, "database");
  if (state->news && state->oldest_news < now - kHeadLate)
    out.push_back({state->oldest_news < now - kHeadOverdue ? Level::critical : Level::warning,
                   "audit",
                   {},
                   "cli.health.audit_unsigned",
                   {{"since", base::to_rfc3339(state->oldest_news)},
                    {"row", std::to_string(state->signed_seq)}}});
  const auto head = store::parse_head(state->signed_jws);
  if (head)
    out.push_back({Level::fine,
                   "audit",
                   {},
                   "cli.health.audit_head",
                   {{"row", std::to_string(head->seq)}, {"at", base::to_rfc3339(head->at)}}});
  fine_if_silent(out, "audit");
}

Answer answer(const Findings& findings) {
  base::JsonWriter out;
  out.StartObject();
  out.member("worst", kLevelNames[static_cast<std::size_t>(findings.front().level)]);
  out.key("findings");
  out.StartArray();
  std::string text;
  for (const auto& one : findings) {
    const auto level = static_cast<std::size_t>(one.level);
    const auto zh = base::message(one.key, base::Language::zh, one.args);
    const auto en = base::message(one.key, base::Language::en, one.args);
    out.StartObject();
    out.member("level", kLevelNames[level]);
    out.member("part", one.part);
    if (!one.object.empty()) out.member("object", one.object);
    out.member("key", one.key);
    out.member("message_zh", zh);
    out.member("message_en", en);
    out.EndObject();
    std::string part = one.part;
    part.resize(14, ' ');
    text += (text.empty() ? "" : "\n") + std::string(kLevelWords[level]) + "\t" + part +
            (one.object.empty() ? "" : one.object + "  ") + zh + " · " + en;
  }
  out.EndArray();
  out.EndObject();
  const auto worst = findings.front().level;
  return Answer{out.text(), text,
                worst == Level::critical  ? kSelfTestFailed
                : worst == Level::unknown ? kTryAgain
                                          : kDone};
}

base::Result<Answer> look(Context& context) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  const auto now = context.clock().now();
  Findings out;
  look_at_signer(officer.signer, out);
  look_at_officers(officer.signer, config->production, now, out);
  look_at_certificates(officer, now, out);
  look_at_bodies(officer, out);
  look_at_audit(officer.pool, now, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const Finding& a, const Finding& b) { return a.level < b.level; });
  return answer(out);
}

}  // namespace

void register_health(CLI::App& app, Context& context) {
  app.add_subcommand("health",
                     "everything an officer answers for, worst first; exit 8: critical, 75: "
                     "something could not be asked")
      ->callback([&context] { context.run([&] { return look(context); }); });
}

}  // namespace cli
