#include "api/cli/ceremony_run.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "api/cli/words.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "certs/path.h"
#include "certs/profiles.h"
#include "store/audit.h"

namespace cli {
namespace {

using Outcome = CeremonyStep::Outcome;
using hsm::officers::Decision;

base::Error about_key(base::Code code, std::string key, const std::string& label) {
  auto failure = base::error(code, std::move(key), label);
  failure.args = {{"key", label}};
  return failure;
}

std::string key_json(const hsm::KeyInfo& key) {
  base::JsonWriter out;
  out.StartObject();
  out.member("label", key.label);
  out.member("id", key.id.value());
  out.member("algorithm", hsm::to_string(key.algorithm));
  out.member("purpose", hsm::to_string(key.purpose));
  out.member("protection", hsm::to_string(key.protection));
  out.member("public_key", base::to_base64(key.public_key));
  out.EndObject();
  return out.text();
}

std::string certificate_json(const certs::Certificate& certificate) {
  base::JsonWriter out;
  out.StartObject();
  out.member("subject", certificate.subject());
  out.member("serial", certificate.serial_hex());
  out.member("not_before", base::to_rfc3339(certificate.not_before()));
  out.member("not_after", base::to_rfc3339(certificate.not_after()));
  out.member("sha256", base::to_hex(certificate.sha256()));
  out.member("der", base::to_base64(certificate.der()));
  out.EndObject();
  return out.text();
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::generated:
      return "generated";
    case Outcome::issued:
      return "issued";
    case Outcome::restored:
      return "restored";
    case Outcome::adopted:
      return "adopted";
    case Outcome::kept:
      return "kept";
    case Outcome::published:
      return "published";
  }
  return "";
}

Ceremony::Ceremony(Officer& officer, const CeremonyPlan& plan, std::vector<CardOptions> cards,
                   bool confirmed)
    : officer_(officer),
      plan_(plan),
      cards_(std::move(cards)),
      confirmed_(confirmed),
      minutes_(officer.pki.path() / "ceremony" / "minutes.jsonl", officer.context.clock(),
               officer.name) {}

void Ceremony::tell(std::string what, Outcome outcome, std::string detail) {
  officer_.context.say("  " + std::string(to_string(outcome)) + "  " + what +
                       (detail.empty() ? "" : "  " + detail));
  steps_.push_back({std::move(what), outcome, std::move(detail)});
}

base::Result<std::vector<CeremonyStep>> Ceremony::run() {
  if (officer_.config.production && plan_.demonstration)
    return base::error(base::Code::permission_denied, "cli.demonstration_plan");
  BASE_TRY_VOID(look());
  BASE_TRY_VOID(resume());
  BASE_TRY_VOID(make_keys());
  BASE_TRY_VOID(certify());
  BASE_TRY_VOID(publish());
  BASE_TRY_VOID(close_minutes());
  return steps_;
}

base::Result<void> Ceremony::look() {
  BASE_TRY(health_, officer_.signer.health());
  if (!health_.token_up)
    return base::error(base::Code::unavailable, "hsm.unavailable", health_.reason);
  BASE_TRY(governance_, Governance::read(officer_.signer));
  BASE_TRY(auto keys, officer_.signer.keys());
  keys_.clear();
  for (auto& key : keys) keys_.insert_or_assign(key.label, std::move(key));
  return {};
}

/// What an earlier run asked for under this plan and was stopped over: approved to the end, carried
/// out and put where it belongs, so that nothing is made or issued a second time.
base::Result<void> Ceremony::resume() {
  std::vector<std::pair<std::string, std::string>> begun;  // when, which
  for (const auto& one : governance_.all()["requests"].GetArray()) {
    const auto op = base::json_text(one, "op"), standing = base::json_text(one, "standing");
    if ((op != "sign" && op != "key.generate") || base::json_text(one, "reason") != plan_.title)
      continue;
    if (standing == "open" || standing == "executing" || (standing == "done" && op == "sign"))
      begun.emplace_back(base::json_text(one, "created"), base::json_text(one, "id"));
  }
  std::sort(begun.begin(), begun.end());
  for (const auto& [created, id] : begun) {
    BASE_TRY(auto record, find_request(officer_, id));
    if (record.standing != "done") {
      BASE_TRY(record, carry(std::move(record)));
    }
    if (record.request.op != "sign") continue;
    BASE_TRY(const bool finished, signing_finished(officer_, record));
    if (finished) continue;
    BASE_TRY_VOID(open_minutes());
    BASE_TRY(const auto lines, finish_signing(officer_, record));
    for (const auto& line : lines) {
      BASE_TRY_VOID(minutes_.note("finish", "补完已批准的签发 " + line));
      officer_.context.say("  finished  " + line);
    }
    issued_anew_ = true;
  }
  return begun.empty() ? base::Result<void>{} : look();
}

/// The first lines, written when there is something to say: the plan, the people, the module.
base::Result<void> Ceremony::open_minutes() {
  if (minutes_.begun()) return {};
  base::JsonWriter opened;
  opened.StartObject();
  opened.member("plan_sha256", base::to_hex(plan_.sha256));
  opened.member("demonstration", plan_.demonstration);
  opened.member("token_label", health_.token_label);
  opened.member("token_serial", health_.token_serial);
  opened.member("genesis_sha256", base::json_text(governance_.all(), "genesis_sha256"));
  opened.key("roles");
  opened.StartArray();
  for (const auto& role : plan_.roles) {
    opened.StartObject();
    opened.member("id", role.id);
    opened.member("role", hsm::officers::to_string(role.role));
    opened.member("title", role.title);
    opened.member("person", role.person);
    opened.EndObject();
  }
  opened.EndArray();
  opened.EndObject();
  BASE_TRY_VOID(minutes_.note("open",
                              plan_.title + "；计划 SHA-256 " + base::to_hex(plan_.sha256) +
                                  "；密钥设备 " + health_.token_label + " / " +
                                  health_.token_serial,
                              opened.text()));
  ledger_noted_ = minutes_.report().ledger_lines;
  return note_ledger();
}

/// What the signer wrote down since, word for word: the minutes can be checked without it.
base::Result<void> Ceremony::note_ledger() {
  if (!minutes_.begun()) return {};
  while (true) {
    BASE_TRY(const auto told,
             officer_.signer.officers("ledger", std::to_string(ledger_noted_ + 1)));
    BASE_TRY(const auto page, base::parse_json(told, {16 << 20, 3}));
    if (!page.HasMember("lines") || !page["lines"].IsArray() || page["lines"].Empty()) return {};
    for (const auto& line : page["lines"].GetArray()) {
      BASE_TRY(const auto read,
               hsm::officers::read_line({line.GetString(), line.GetStringLength()}));
      base::JsonWriter data;
      data.StartObject();
      data.member("line", std::string_view(line.GetString(), line.GetStringLength()));
      data.EndObject();
      BASE_TRY_VOID(minutes_.note(
          "ledger",
          "账本第 " + std::to_string(read.n) + " 行 " + read.kind + "，" + base::to_hex(read.hash),
          data.text()));
      ledger_noted_ = read.n;
    }
  }
}

/// Shown, approved card by card until there are enough, carried out, and in the minutes.
base::Result<RequestRecord> Ceremony::carry(RequestRecord record) {
  BASE_TRY_VOID(open_minutes());
  officer_.context.say(words(record));
  BASE_TRY_VOID(minutes_.note("request", words(record)));
  for (const auto& options : cards_) {
    if (record.standing != "open" || static_cast<int>(record.approvals.size()) >= record.needed)
      break;
    BASE_TRY(const auto card, open_card(officer_.context, options));
    BASE_TRY(const auto person, governance_.person(card->public_key()));
    const auto role = std::find_if(plan_.roles.begin(), plan_.roles.end(),
                                   [&](const PlannedRole& one) { return one.id == person; });
    if (role == plan_.roles.end() || role->role != hsm::officers::Role::officer ||
        std::count(record.approvals.begin(), record.approvals.end(), person) != 0)
      continue;
    if (!confirmed_) {
      officer_.context.say(person + "：请输入请求编号的最后 6 位 · type the last 6 characters (" +
                           tail_of(record) + "):");
      std::string typed;
      if (::isatty(STDIN_FILENO) == 0)
        return base::error(base::Code::invalid_argument, "cli.confirm_wanted");
      std::getline(std::cin, typed);
      if (typed != tail_of(record))
        return base::error(base::Code::invalid_argument, "cli.confirm_differs");
    }
    BASE_TRY(record, cast_vote(officer_, governance_, *card, record, Decision::approve, ""));
    officer_.context.say("  " + person + "：同意 approves");
  }
  if (static_cast<int>(record.approvals.size()) < record.needed) {
    auto failure = base::error(base::Code::unavailable, "cli.cards_missing", record.id);
    failure.args = {
        {"what", std::to_string(record.approvals.size()) + "/" + std::to_string(record.needed)}};
    return failure;
  }
  BASE_TRY(record, execute(officer_, record.id));
  BASE_TRY_VOID(note_ledger());
  return record;
}

base::Result<void> Ceremony::make_keys() {
  base::JsonWriter out;
  out.StartObject();
  out.member("activate", !governance_.policy()["backup_before_use"].GetBool());
  out.key("keys");
  out.StartArray();
  std::vector<std::string> missing, waiting;
  for (const auto& planned : plan_.keys) {
    if (const auto* known = governance_.key(planned.label)) {
      if (base::json_text(*known, "algorithm") != hsm::to_string(planned.algorithm) ||
          base::json_text(*known, "purpose") != hsm::to_string(planned.purpose))
        return about_key(base::Code::conflict, "cli.key_differs", planned.label);
      if (base::json_text(*known, "state") == "pre_active") waiting.push_back(planned.label);
      continue;
    }
    missing.push_back(planned.label);
    out.StartObject();
    out.member("algorithm", hsm::to_string(planned.algorithm));
    out.member("label", planned.label);
    out.member("purpose", hsm::to_string(planned.purpose));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  if (!missing.empty()) {
    BASE_TRY(auto asked, ask(officer_, governance_, {"key.generate", out.text(), plan_.title}));
    BASE_TRY(const auto done, carry(std::move(asked)));
    BASE_TRY_VOID(look());
    for (const auto& label : missing) {
      const auto made = keys_.find(label);
      if (made == keys_.end()) return about_key(base::Code::not_found, "cli.key_missing", label);
      BASE_TRY_VOID(minutes_.note(
          "key",
          "密钥 " + label + "：" + std::string(hsm::to_string(made->second.algorithm)) + "，" +
              std::string(hsm::to_string(made->second.purpose)) + "，" +
              std::string(hsm::to_string(made->second.protection)) + "，" + made->second.id.value(),
          key_json(made->second)));
      tell(label, Outcome::generated, made->second.id.value());
      if (governance_.key(label) != nullptr &&
          base::json_text(*governance_.key(label), "state") == "pre_active")
        waiting.push_back(label);
    }
  }
  if (waiting.empty()) return {};
  // The policy wants proof first that they can be restored.
  BASE_TRY_VOID(close_minutes());
  std::string labels;
  for (const auto& label : waiting) labels += (labels.empty() ? "" : " ") + label;
  return about_key(base::Code::conflict, "cli.key_not_active", labels);
}

/// In force for a quarter of its life yet, for the planned key and name, by the present issuer.
bool Ceremony::usable(const PlannedCertificate& planned,
                      const certs::Certificate& certificate) const {
  const auto& rule = certs::rule_of(planned.profile);
  const auto now = officer_.context.clock().now();
  const auto life = certificate.not_after() - certificate.not_before();
  const base::Time key_ends =
      rule.key_life ? certificate.not_before() + *rule.key_life : certificate.not_after();
  const auto use = std::min<base::Time>(key_ends, certificate.not_after());
  if (certificate.public_key() != keys_.at(planned.key).public_key) return false;
  if (now < certificate.not_before() ||
      (!rule.authority && now > use - (use - certificate.not_before()) / 4))
    return false;
  if (rule.authority && now > certificate.not_after() - life / 20) return false;
  const auto issuer = planned.issuer.empty() ? certificate : certificates_.at(planned.issuer);
  if (!certs::issued_by(certificate, issuer)) return false;
  return rule.authority || (certificate.common_name() == planned.common_name &&
                            certificate.organization() == officer_.config.agency.name);
}

/// From the register, or, where that knows nothing, from the directory.
base::Result<std::optional<certs::Certificate>> Ceremony::find_good(
    const PlannedCertificate& planned) {
  std::vector<certs::Issued> rows;
  {
    BASE_TRY(auto tx, officer_.pool.begin(store::Mode::read_only));
    certs::CertificateRegister issued(tx, officer_.context.clock(), officer_.name);
    BASE_TRY(rows, issued.list(planned.key));
  }
  for (const auto& row : rows) {
    if (row.revoked || row.profile != planned.profile || !usable(planned, row.certificate))
      continue;
    const auto pem = row.certificate.pem();
    const auto there = officer_.pki.read(planned.file);
    if (there && *there == pem) {
      tell(planned.file, Outcome::kept, row.certificate.serial_hex());
    } else {
      BASE_TRY_VOID(open_minutes());
      BASE_TRY_VOID(minutes_.note("restore", "由登记册恢复 " + planned.file,
                                  certificate_json(row.certificate)));
      BASE_TRY_VOID(officer_.pki.write(planned.file, pem));
      tell(planned.file, Outcome::restored, row.certificate.serial_hex());
    }
    return std::optional(row.certificate);
  }
  if (!officer_.pki.has(planned.file)) return std::optional<certs::Certificate>{};
  BASE_TRY(auto there, officer_.pki.certificate(planned.file));
  const bool known = std::any_of(rows.begin(), rows.end(), [&](const certs::Issued& row) {
    return row.certificate.sha256() == there.sha256();
  });
  if (!known && usable(planned, there)) {
    BASE_TRY_VOID(open_minutes());
    BASE_TRY_VOID(record(planned, there));
    BASE_TRY_VOID(minutes_.note("adopt", "登记已有证书 " + planned.file, certificate_json(there)));
    tell(planned.file, Outcome::adopted, there.serial_hex());
    issued_anew_ = true;
    return std::optional(std::move(there));
  }
  // Relying parties pinned this root: another one is a decision of people, not of a second run.
  if (planned.profile == certs::Profile::root_ca)
    return base::error(base::Code::conflict, "cli.root_differs", there.subject());
  return std::optional<certs::Certificate>{};
}

base::Result<void> Ceremony::record(const PlannedCertificate& planned,
                                    const certs::Certificate& certificate) {
  const auto& issuer = planned.issuer.empty() ? certificate : certificates_.at(planned.issuer);
  BASE_TRY(auto tx, officer_.pool.begin());
  certs::CertificateRegister issued(tx, officer_.context.clock(), officer_.name);
  BASE_TRY_VOID(
      issued.record({certificate, planned.profile, planned.key, issuer.public_key_sha256(),
                     officer_.config.agency.name, officer_.config.agency.code,
                     officer_.context.clock().now(), std::nullopt}));
  return tx.commit();
}

base::Result<hsm::officers::Sign::Item> Ceremony::prepare(const PlannedCertificate& planned) {
  const auto& rule = certs::rule_of(planned.profile);
  const bool root = planned.issuer.empty();
  const auto& label = root ? planned.key : planned.issuer;
  BASE_TRY(auto key, officer_.signer.key(label));
  certs::Authority authority(key,
                             root ? std::nullopt : std::optional(certificates_.at(planned.issuer)),
                             officer_.context.clock(), officer_.context.random(),
                             rule.authority ? std::string() : officer_.config.crl_url,
                             rule.authority ? std::string() : officer_.config.ocsp_url);
  const bool agency = rule.naming == certs::Naming::agency;
  const certs::Subject subject{planned.common_name, officer_.config.agency.name,
                               agency ? officer_.config.agency.code : std::string(), "CN"};
  BASE_TRY(auto prepared,
           authority.prepare(planned.profile, subject, keys_.at(planned.key).public_key));
  certificates_.insert_or_assign(planned.key, std::move(prepared.draft));
  return hsm::officers::Sign::Item{label, key->info().id, "certificate", std::move(prepared.tbs)};
}

/// All that are wanted are asked for at once: what one of them needs of its issuer (name, key,
/// life) is settled before anybody has signed.
base::Result<void> Ceremony::certify() {
  for (const auto& planned : plan_.keys)
    if (keys_.count(planned.label) == 0)
      return about_key(base::Code::not_found, "cli.key_missing", planned.label);
  std::vector<hsm::officers::Sign::Item> items;
  std::vector<const PlannedCertificate*> wanted;
  for (const auto& planned : plan_.certificates) {
    BASE_TRY(auto good, find_good(planned));
    if (good) {
      certificates_.insert_or_assign(planned.key, std::move(*good));
      continue;
    }
    BASE_TRY(auto item, prepare(planned));
    items.push_back(std::move(item));
    wanted.push_back(&planned);
  }
  if (items.empty()) return {};
  BASE_TRY(auto asked, ask(officer_, governance_, {"sign", sign_params(items), plan_.title}));
  BASE_TRY(const auto done, carry(std::move(asked)));
  base::fail_point("ceremony.issued");
  BASE_TRY_VOID(finish_signing(officer_, done));
  base::fail_point("ceremony.recorded");
  for (const auto* planned : wanted) {
    BASE_TRY(auto certificate, officer_.pki.certificate(planned->file));
    BASE_TRY_VOID(minutes_.note("certificate",
                                "签发 " + planned->file + "：" + certificate.subject() +
                                    "，序列号 " + certificate.serial_hex() + "，SHA-256 " +
                                    base::to_hex(certificate.sha256()),
                                certificate_json(certificate)));
    tell(planned->file, Outcome::issued, certificate.serial_hex());
    certificates_.insert_or_assign(planned->key, std::move(certificate));
  }
  issued_anew_ = true;
  return {};
}

base::Result<void> Ceremony::publish() {
  const auto list = published_list(officer_.pki);
  const bool complete = officer_.pki.has(certs::PkiDirectory::kRootCrl) &&
                        officer_.pki.has(certs::PkiDirectory::kIssuingCrl);
  if (list && *list && complete && !issued_anew_ &&
      officer_.context.clock().now() < (*list)->issued + std::chrono::hours(24)) {
    tell(std::string(certs::PkiDirectory::kTrustList), Outcome::kept,
         "#" + std::to_string((*list)->sequence));
    return {};
  }
  if (!list)
    officer_.context.warn(
        "信任列表无法读取，将重新发布 · the trust list is unreadable and is made anew");
  BASE_TRY(auto outcome, publish_lists(officer_, plan_.list_life, plan_.title));
  if (outcome.waiting) {
    BASE_TRY(const auto done, carry(std::move(*outcome.waiting)));
    BASE_TRY_VOID(finish_signing(officer_, done));
  }
  BASE_TRY_VOID(open_minutes());
  BASE_TRY(const auto published, published_list(officer_.pki));
  BASE_TRY(const auto jws, officer_.pki.read(certs::PkiDirectory::kTrustList));
  base::JsonWriter data;
  data.StartObject();
  data.member("sequence", published->sequence);
  data.member("next_update", base::to_rfc3339(published->next_update));
  data.member("trust_list_sha256", base::to_hex(base::sha256(base::as_bytes(jws))));
  data.EndObject();
  BASE_TRY_VOID(minutes_.note(
      "publish", "发布吊销列表与第 " + std::to_string(published->sequence) + " 期信任列表",
      data.text()));
  tell(std::string(certs::PkiDirectory::kTrustList), Outcome::published,
       "#" + std::to_string(published->sequence));
  return {};
}

/// Did an earlier run stop before those who were there had signed?
base::Result<bool> Ceremony::left_open() const {
  std::error_code ignored;
  if (!std::filesystem::exists(minutes_.file(), ignored)) return false;
  BASE_TRY(const auto report, check_minutes(minutes_.file()));
  if (report.broken_at) return false;  // `ceremony verify` says so; nothing is written on to it
  return !report.closed || report.signed_by.size() < std::min(cards_.size(), plan_.roles.size());
}

/// Everybody who is present signs the head; it also goes into the audit trail, so that neither can
/// be rewritten without the other.
base::Result<void> Ceremony::close_minutes() {
  if (!minutes_.begun()) {
    BASE_TRY(const bool open, left_open());
    if (!open) return {};
    BASE_TRY_VOID(open_minutes());
  }
  BASE_TRY_VOID(note_ledger());
  BASE_TRY_VOID(minutes_.note("close", "仪式结束"));
  base::fail_point("ceremony.closed");
  const auto head = minutes_.report().head;
  for (const auto& options : cards_) {
    BASE_TRY(const auto card, open_card(officer_.context, options));
    BASE_TRY(const auto person, governance_.person(card->public_key()));
    const auto& already = minutes_.report().signed_by;
    if (std::count(already.begin(), already.end(), person) != 0) continue;
    const hsm::officers::Vote vote{
        person, Decision::attest, head,
        std::chrono::floor<std::chrono::seconds>(officer_.context.clock().now()), ""};
    BASE_TRY(const auto signature, card->sign(base::as_bytes(vote.signing_input())));
    base::JsonWriter data;
    data.StartObject();
    data.member("vote", vote.jws(signature));
    data.EndObject();
    BASE_TRY_VOID(minutes_.note("signed", person + " 在场并签名", data.text()));
  }
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("plan_sha256", base::to_hex(plan_.sha256));
  facts.member("minutes_lines", minutes_.report().lines);
  facts.member("minutes_head", base::to_hex(minutes_.report().head));
  facts.member("token_serial", health_.token_serial);
  facts.EndObject();
  BASE_TRY(auto tx, officer_.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {officer_.context.clock().now(), officer_.name, "ceremony.run",
                                  base::to_hex(plan_.sha256), "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());

  std::string text = "# " + plan_.title + "\n\n";
  if (plan_.demonstration) text += "**仅供演示，无任何法律效力 · For demonstration only**\n\n";
  for (const auto& role : plan_.roles) text += "- " + role.title + "：" + role.person + "\n";
  text += "\n" + minutes_.told() + "\n记录链头 · head of the minutes: `" +
          base::to_hex(minutes_.report().head) + "`\n\n签名 · signed:\n\n";
  for (const auto& role : plan_.roles)
    text += role.person + "（" + role.title + "）____________________\n\n";
  const auto day = base::to_rfc3339(officer_.context.clock().now()).substr(0, 10);
  const certs::PkiDirectory there(officer_.pki.path() / "ceremony");
  return there.write("minutes-" + day + "-" + std::to_string(minutes_.report().lines) + ".md",
                     text);
}

}  // namespace cli
