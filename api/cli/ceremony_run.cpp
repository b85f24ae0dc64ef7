#include "api/cli/ceremony_run.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "certs/path.h"
#include "certs/profiles.h"
#include "store/audit.h"

namespace cli {
namespace {

using Outcome = CeremonyStep::Outcome;

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

Ceremony::Ceremony(Officer& officer, const CeremonyPlan& plan)
    : officer_(officer),
      plan_(plan),
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
  BASE_TRY_VOID(look_at_keys());
  for (const auto& planned : plan_.certificates) BASE_TRY_VOID(certify(planned));
  BASE_TRY_VOID(publish_lists());
  BASE_TRY_VOID(close_minutes());
  return steps_;
}

base::Result<void> Ceremony::look_at_keys() {
  BASE_TRY(health_, officer_.signer.health());
  if (!health_.token_up)
    return base::error(base::Code::unavailable, "hsm.unavailable", health_.reason);
  BASE_TRY(auto keys, officer_.signer.keys());
  for (auto& key : keys) keys_.emplace(key.label, std::move(key));
  for (const auto& planned : plan_.keys) {
    const auto found = keys_.find(planned.label);
    if (found == keys_.end())
      return about_key(base::Code::not_found, "cli.key_missing", planned.label);
    if (found->second.algorithm != planned.algorithm || found->second.purpose != planned.purpose)
      return about_key(base::Code::conflict, "cli.key_differs", planned.label);
  }
  return {};
}

/// The first lines, written when there is something to say: the plan, the people, the module, the
/// keys.
base::Result<void> Ceremony::open_minutes() {
  if (minutes_.begun()) return {};
  base::JsonWriter opened;
  opened.StartObject();
  opened.member("plan_sha256", base::to_hex(plan_.sha256));
  opened.member("demonstration", plan_.demonstration);
  opened.member("token_label", health_.token_label);
  opened.member("token_serial", health_.token_serial);
  opened.key("roles");
  opened.StartArray();
  for (const auto& role : plan_.roles) {
    opened.StartObject();
    opened.member("role", role.role);
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
  for (const auto& planned : plan_.keys) {
    const auto& key = keys_.at(planned.label);
    BASE_TRY_VOID(
        minutes_.note("key",
                      "密钥 " + key.label + "：" + std::string(hsm::to_string(key.algorithm)) +
                          "，" + std::string(hsm::to_string(key.purpose)) + "，" +
                          std::string(hsm::to_string(key.protection)) + "，" + key.id.value(),
                      key_json(key)));
  }
  return {};
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

base::Result<certs::Certificate> Ceremony::issue(const PlannedCertificate& planned) {
  const auto& rule = certs::rule_of(planned.profile);
  const bool root = planned.issuer.empty();
  BASE_TRY(auto key, officer_.signer.key(root ? planned.key : planned.issuer));
  certs::Authority authority(std::move(key),
                             root ? std::nullopt : std::optional(certificates_.at(planned.issuer)),
                             officer_.context.clock(), officer_.context.random(),
                             rule.authority ? std::string() : officer_.config.crl_url,
                             officer_.config.ocsp_url);
  const certs::Subject subject{planned.common_name, officer_.config.agency.name,
                               rule.authority ? "" : officer_.config.agency.code, "CN"};
  return authority.issue(planned.profile, subject, keys_.at(planned.key).public_key);
}

/// Signed, recorded, in the minutes, and only then written where others read it.
base::Result<void> Ceremony::certify(const PlannedCertificate& planned) {
  BASE_TRY(auto found, find_good(planned));
  if (!found) {
    BASE_TRY_VOID(open_minutes());
    BASE_TRY(auto certificate, issue(planned));
    base::fail_point("ceremony.issued");
    BASE_TRY_VOID(record(planned, certificate));
    base::fail_point("ceremony.recorded");
    BASE_TRY_VOID(minutes_.note("certificate",
                                "签发 " + planned.file + "：" + certificate.subject() +
                                    "，序列号 " + certificate.serial_hex() + "，SHA-256 " +
                                    base::to_hex(certificate.sha256()),
                                certificate_json(certificate)));
    BASE_TRY_VOID(officer_.pki.write(planned.file, certificate.pem()));
    tell(planned.file, Outcome::issued, certificate.serial_hex());
    issued_anew_ = true;
    found = std::move(certificate);
  }
  certificates_.insert_or_assign(planned.key, std::move(*found));
  return {};
}

base::Result<void> Ceremony::publish_lists() {
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
  BASE_TRY_VOID(open_minutes());
  BASE_TRY(const auto with, authorities(officer_));
  BASE_TRY(const auto published, publish(officer_, with, plan_.list_life));
  base::JsonWriter data;
  data.StartObject();
  data.member("sequence", published.list.sequence);
  data.member("next_update", base::to_rfc3339(published.list.next_update));
  data.member("trust_list_sha256", base::to_hex(base::sha256(base::as_bytes(published.jws))));
  data.member("root_crl_sha256", base::to_hex(base::sha256(published.root_crl)));
  data.member("issuing_crl_sha256", base::to_hex(base::sha256(published.issuing_crl)));
  data.EndObject();
  BASE_TRY_VOID(minutes_.note(
      "publish", "发布吊销列表与第 " + std::to_string(published.list.sequence) + " 期信任列表",
      data.text()));
  tell(std::string(certs::PkiDirectory::kTrustList), Outcome::published,
       "#" + std::to_string(published.list.sequence));
  return {};
}

/// The head of the minutes goes into the audit trail: neither can be rewritten without the other.
base::Result<void> Ceremony::close_minutes() {
  if (!minutes_.begun()) return {};
  BASE_TRY_VOID(minutes_.note("close", "仪式结束"));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("plan_sha256", base::to_hex(plan_.sha256));
  facts.member("minutes_lines", minutes_.lines());
  facts.member("minutes_head", base::to_hex(minutes_.head()));
  facts.member("token_serial", health_.token_serial);
  facts.EndObject();
  BASE_TRY(auto tx, officer_.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {officer_.context.clock().now(), officer_.name, "ceremony.run",
                                  base::to_hex(plan_.sha256), "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());

  std::string text = "# " + plan_.title + "\n\n";
  if (plan_.demonstration) text += "**仅供演示，无任何法律效力 · For demonstration only**\n\n";
  for (const auto& role : plan_.roles) text += "- " + role.role + "：" + role.person + "\n";
  text += "\n" + minutes_.told() + "\n记录链头 · head of the minutes: `" +
          base::to_hex(minutes_.head()) + "`\n\n签名 · signed:\n\n";
  for (const auto& role : plan_.roles)
    text += role.person + "（" + role.role + "）____________________\n\n";
  const auto day = base::to_rfc3339(officer_.context.clock().now()).substr(0, 10);
  const certs::PkiDirectory there(officer_.pki.path() / "ceremony");
  return there.write("minutes-" + day + "-" + std::to_string(minutes_.lines()) + ".md", text);
}

}  // namespace cli
