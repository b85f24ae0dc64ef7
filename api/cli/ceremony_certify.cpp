// The plan's certificates and lists: what is in force is kept, what is wanted is asked for at once.
#include <algorithm>

#include "api/cli/ceremony_run.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "certs/path.h"
#include "certs/profiles.h"

namespace cli {
namespace {

using Outcome = CeremonyStep::Outcome;

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
  // The addresses in the configuration are those of the first line.
  const bool addresses = !rule.authority && planned.issuer == plan_.certificates[1].key;
  certs::Authority authority(key,
                             root ? std::nullopt : std::optional(certificates_.at(planned.issuer)),
                             officer_.context.clock(), officer_.context.random(),
                             addresses ? officer_.config.crl_url : std::string(),
                             addresses ? officer_.config.ocsp_url : std::string());
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
  using Files = certs::PkiDirectory;
  const bool complete =
      officer_.pki.has(Files::kRootCrl) && officer_.pki.has(Files::kIssuingCrl) &&
      (!officer_.pki.has(Files::kRootSm2) ||
       (officer_.pki.has(Files::kRootSm2Crl) && officer_.pki.has(Files::kIssuingSm2Crl)));
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

}  // namespace cli
