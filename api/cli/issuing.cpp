#include "api/cli/issuing.h"

#include <algorithm>
#include <map>

#include "api/cli/seal_make.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "certs/crl.h"
#include "certs/path.h"
#include "certs/profiles.h"
#include "certs/publisher.h"
#include "certs/tbs.h"
#include "certs/trust_list_text.h"
#include "hsm/algorithm.h"
#include "hsm/officers/content.h"
#include "hsm/officers/trust_change.h"

namespace cli {
namespace {

using base::Code;
using hsm::officers::Sign;

base::Error bad_answer(const std::string& why) {
  auto failure = base::error(Code::internal, "cli.signer_answer", why);
  failure.args = {{"what", why}};
  return failure;
}

Sign::Item item_for(const hsm::KeyInfo& key, std::string_view kind, base::BytesView content) {
  return {key.label, key.id, std::string(kind), base::to_bytes(content)};
}

base::Result<std::vector<base::Bytes>> signatures_of(const RequestRecord& record) {
  const auto result = base::parse_json(record.result_json, {4 << 20, 4});
  if (!result.ok() || !result->IsObject() || !result->HasMember("signatures") ||
      !(*result)["signatures"].IsArray())
    return bad_answer("no signatures");
  std::vector<base::Bytes> out;
  for (const auto& one : (*result)["signatures"].GetArray()) {
    auto signature = base::from_base64(one.IsString() ? one.GetString() : "");
    if (!signature) return bad_answer("a signature that is not base64");
    out.push_back(std::move(*signature));
  }
  return out;
}

/// Puts finished certificates and lists where they belong.
class Finisher {
 public:
  Finisher(Officer& officer, const Governance& governance)
      : officer_(officer), governance_(governance) {}

  base::Result<std::string> certificate(const Sign::Item& item, base::BytesView signature) {
    BASE_TRY(auto key, officer_.signer.key(item.label));
    const auto own = key->info().public_key;
    const auto issuer = issuer_of(own);
    const certs::Authority authority(std::move(key), issuer, officer_.context.clock(),
                                     officer_.context.random());
    BASE_TRY(const auto made, authority.finish(item.content, signature));
    const auto profile = certs::profile_of(made);
    if (!profile) return bad_answer("a certificate of no known profile");
    const auto label = label_of(made.public_key());
    BASE_TRY_VOID(record(made, *profile, label, issuer ? *issuer : made));
    base::fail_point("signing.recorded");
    const auto file = file_for(*profile, made, label);
    BASE_TRY_VOID(put(file, made));
    finished_.push_back(made);
    return file + "  " + made.serial_hex() + "  " + made.subject();
  }

  base::Result<std::string> trust_list(const Sign::Item& item, base::BytesView signature) {
    const auto jws = std::string(base::as_text(item.content)) + "." + base::to_base64url(signature);
    BASE_TRY(const auto list, certs::TrustList::parse(jws));
    const auto before = published_list(officer_.pki);
    if (!overtaken(list) && (!before.ok() || !*before || (*before)->sequence < list.sequence)) {
      BASE_TRY(auto tx, officer_.pool.begin());
      certs::CertificateRegister issued(tx, officer_.context.clock(), officer_.name);
      auto recorded = issued.record_trust_list(list, jws);
      // Recorded by an earlier try that was stopped before the file was written.
      if (recorded.ok()) {
        BASE_TRY_VOID(settle(issued, list));
        BASE_TRY_VOID(tx.commit());
      } else if (recorded.error().key != "certs.number_taken") {
        return std::move(recorded).error();
      }
      base::fail_point("signing.recorded");
      BASE_TRY_VOID(officer_.pki.write(certs::PkiDirectory::kTrustList, jws));
    }
    return std::string(certs::PkiDirectory::kTrustList) + "  #" + std::to_string(list.sequence);
  }

  /// Does everything that came of it stand where it belongs?
  base::Result<bool> finished(const Sign::Item& item, base::BytesView signature) {
    if (item.kind == "certificate") {
      BASE_TRY(const auto key, officer_.signer.key(item.label));
      BASE_TRY(const auto made, certs::Certificate::from_der(certs::assemble(
                                    item.content, key->info().algorithm, signature)));
      BASE_TRY(auto tx, officer_.pool.begin(store::Mode::read_only));
      certs::CertificateRegister issued(tx, officer_.context.clock(), officer_.name);
      const auto known = issued.find(made.serial_hex());
      if (!known.ok() && known.error().key != "certs.not_issued") return known.error();
      return known.ok();
    }
    BASE_TRY(const auto list, certs::TrustList::parse(std::string(base::as_text(item.content)) +
                                                      "." + base::to_base64url(signature)));
    const auto before = published_list(officer_.pki);
    return overtaken(list) || (before.ok() && *before && (*before)->sequence >= list.sequence);
  }

 private:
  /// Relying parties have seen a newer one, though its file may be gone.
  bool overtaken(const certs::TrustList& list) const {
    return list.sequence < base::json_int(governance_.all(), "trust_list_sequence").value_or(0);
  }
  /// The file holds the newest that is in force: what came later, or was revoked meanwhile, is not
  /// put back.
  base::Result<void> put(const std::string& file, const certs::Certificate& made) {
    std::vector<certs::Issued> rows;
    {
      BASE_TRY(auto tx, officer_.pool.begin(store::Mode::read_only));
      certs::CertificateRegister issued(tx, officer_.context.clock(), officer_.name);
      BASE_TRY(const auto known, issued.find(made.serial_hex()));
      BASE_TRY(rows, issued.list(known.label));
    }
    const auto newest = std::find_if(rows.begin(), rows.end(),
                                     [](const certs::Issued& row) { return !row.revoked; });
    if (newest == rows.end()) return {};
    const auto pem = newest->certificate.pem();
    const auto there = officer_.pki.read(file);
    return there.ok() && *there == pem ? base::Result<void>{} : officer_.pki.write(file, pem);
  }
  static std::string file_for(certs::Profile profile, const certs::Certificate& made,
                              const std::string& label) {
    using Files = certs::PkiDirectory;
    const bool sm2 = is_sm2(made.public_key());
    if (profile == certs::Profile::root_ca)
      return std::string(sm2 ? Files::kRootSm2 : Files::kRoot);
    if (profile == certs::Profile::issuing_ca)
      return std::string(sm2 ? Files::kIssuingSm2 : Files::kIssuing);
    return (label.empty() ? made.serial_hex() : label) + ".pem";
  }
  std::optional<certs::Certificate> issuer_of(const base::Bytes& key) const {
    for (const auto& one : finished_)
      if (one.public_key() == key) return one;
    using Files = certs::PkiDirectory;
    for (const auto name : {Files::kRoot, Files::kIssuing, Files::kRootSm2, Files::kIssuingSm2}) {
      const auto there = officer_.pki.certificate(name);
      if (there.ok() && there->public_key() == key) return *there;
    }
    return std::nullopt;  // it certifies itself
  }
  std::string label_of(const base::Bytes& key) const {
    const auto wanted = base::to_base64(key);
    for (const auto& one : governance_.all()["keys"].GetArray())
      if (base::json_text(one, "spki") == wanted) return std::string(base::json_text(one, "label"));
    return {};
  }
  base::Result<void> record(const certs::Certificate& made, certs::Profile profile,
                            const std::string& label, const certs::Certificate& issuer) {
    BASE_TRY(auto tx, officer_.pool.begin());
    certs::CertificateRegister issued(tx, officer_.context.clock(), officer_.name);
    if (const auto known = issued.find(made.serial_hex()); known.ok()) return {};
    BASE_TRY_VOID(
        issued.record({made, profile, label.empty() ? made.serial_hex() : label,
                       issuer.public_key_sha256(), officer_.config.agency.name,
                       officer_.config.agency.code, officer_.context.clock().now(), std::nullopt}));
    return tx.commit();
  }
  /// The wish about a certification body that this list makes true, if any.
  base::Result<void> settle(certs::CertificateRegister& issued, const certs::TrustList& list) {
    auto bodies = issued.bodies();
    BASE_TRY(const auto all, bodies.list());
    for (const auto& body : all) {
      if (!body.wish) continue;
      auto with = list;
      BASE_TRY(with.bodies, bodies.listed(body.wish->id));
      if (certs::trust_list_payload(with) == certs::trust_list_payload(list))
        BASE_TRY_VOID(bodies.settle(body.wish->id, list.sequence));
    }
    return {};
  }

  Officer& officer_;
  const Governance& governance_;
  std::vector<certs::Certificate> finished_;
};

base::Result<void> write_crls(Officer& officer, const certs::LineLists& lists, bool sm2) {
  using Files = certs::PkiDirectory;
  BASE_TRY_VOID(
      officer.pki.write(sm2 ? Files::kRootSm2Crl : Files::kRootCrl, base::as_text(lists.root)));
  if (lists.issuing.empty()) return {};
  return officer.pki.write(sm2 ? Files::kIssuingSm2Crl : Files::kIssuingCrl,
                           base::as_text(lists.issuing));
}

/// A list that waits for officers must rise above those that are renewed meanwhile.
constexpr std::int64_t kRoomForRenewals = 32;

/// The newest numbers that the officers' ledger knows; 0 where nobody governs the keys. The
/// register may be behind: it was restored from a backup, or what was approved never reached it.
struct Told {
  std::int64_t sequence = 0, root_number = 0, issuing_number = 0;
  std::int64_t sm2_root_number = 0, sm2_issuing_number = 0;
};
base::Result<Told> told_numbers(Officer& officer, const Authorities& with) {
  const auto governance = Governance::read(officer.signer);
  if (!governance.ok() && governance.error().key == "hsm.officers.not_founded") return Told{};
  if (!governance.ok()) return governance.error();
  const auto number = [&](const std::shared_ptr<const hsm::Key>& key) -> std::int64_t {
    const auto* known = key ? governance->key(key->info().label) : nullptr;
    return known == nullptr ? 0 : base::json_int(*known, "crl_number").value_or(0);
  };
  return Told{base::json_int(governance->all(), "trust_list_sequence").value_or(0),
              number(with.root_key), number(with.issuing_key),
              number(with.sm2 ? with.sm2->root_key : nullptr),
              number(with.sm2 ? with.sm2->issuing_key : nullptr)};
}

/// The open request for a list that says the same, so that approvals gather in one place.
base::Result<std::optional<RequestRecord>> asked_already(Officer& officer,
                                                         const Governance& governance,
                                                         base::BytesView wanted) {
  BASE_TRY(const auto content, hsm::officers::read_content(wanted));
  // Overtaken by one that was renewed meanwhile, it can never be carried out.
  const auto sequence = base::json_int(governance.all(), "trust_list_sequence").value_or(0);
  for (const auto& one : governance.all()["requests"].GetArray()) {
    if (base::json_text(one, "op") != "sign" || base::json_text(one, "standing") != "open")
      continue;
    BASE_TRY(auto record, find_request(officer, base::json_text(one, "id")));
    BASE_TRY(const auto items, hsm::officers::read_sign(record.request.params()));
    if (items.items.size() != 1 || items.items.front().kind != "trust_list") continue;
    const auto other = hsm::officers::read_content(items.items.front().content);
    if (other.ok() && other->stable == content.stable && other->sequence > sequence)
      return std::optional(std::move(record));
  }
  return std::optional<RequestRecord>{};
}

/// Made by an authority that the list knows: one that is new is not in the list of before.
bool by_one_of(const certs::TrustList& list, const base::Bytes& der) {
  const auto crl = certs::Crl::from_der(der);
  const auto made = [&](const certs::Certificate& one) { return crl->signed_by(one); };
  return crl.ok() && (std::any_of(list.roots.begin(), list.roots.end(), made) ||
                      std::any_of(list.intermediates.begin(), list.intermediates.end(), made));
}

/// What officers approved last, with the new dates and revocation lists.
certs::TrustList renewed(const certs::TrustList& before, const certs::TrustList& now) {
  auto out = before;
  out.sequence = now.sequence;
  out.issued = now.issued;
  out.next_update = now.next_update;
  out.crls.clear();
  for (const auto& der : now.crls)
    if (by_one_of(before, der)) out.crls.push_back(der);
  return out;
}

/// What is published, with what became of the certification bodies alone: to stop one needs one
/// officer, and must not wait for what is to start beside it.
certs::TrustList with_bodies_of(const certs::TrustList& before, const certs::TrustList& now) {
  auto out = renewed(before, now);
  out.bodies = now.bodies;
  return out;
}

/// As the signer will see it.
bool only_stops(const certs::TrustList& before, const certs::TrustList& now) {
  const auto old = certs::trust_list_signing_input(before);
  const auto made = certs::trust_list_signing_input(now);
  const auto first = hsm::officers::read_content(base::as_bytes(old));
  const auto second = hsm::officers::read_content(base::as_bytes(made));
  return first.ok() && second.ok() && first->stable != second->stable &&
         hsm::officers::only_stops(first->said, second->said, second->from);
}

}  // namespace

bool is_sm2(base::BytesView public_key) {
  return hsm::good_form(hsm::Algorithm::sm2, public_key);
}

base::Result<Sign::Item> certificate_item(Officer& officer, const Authorities& with,
                                          const WantedCertificate& wanted) {
  const bool authority = certs::rule_of(wanted.profile).authority;
  // SM2 keys are certified by SM2, where there is such a line. What is asked and fetched at the
  // addresses in the configuration speaks about the first line alone.
  const bool sm2 = with.sm2 && is_sm2(wanted.public_key);
  const auto& root = sm2 ? with.sm2->root : with.root;
  const auto& issuing = sm2 ? with.sm2->issuing : with.issuing;
  const auto& key = authority ? (sm2 ? with.sm2->root_key : with.root_key)
                              : (sm2 ? with.sm2->issuing_key : with.issuing_key);
  if (!key) return key_missing(issuing);
  const bool addresses = !authority && !sm2;
  certs::Authority issuer(key, authority ? root : issuing, officer.context.clock(),
                          officer.context.random(),
                          addresses ? officer.config.crl_url : std::string(),
                          addresses ? officer.config.ocsp_url : std::string());
  BASE_TRY(const auto prepared, issuer.prepare(wanted.profile, wanted.subject, wanted.public_key));
  return item_for(key->info(), "certificate", prepared.tbs);
}

std::string sign_params(const std::vector<Sign::Item>& items) {
  base::JsonWriter out;
  out.StartObject();
  out.key("items");
  out.StartArray();
  for (const auto& item : items) {
    out.StartObject();
    out.member("content", base::to_base64(item.content));
    out.member("id", item.id.value());
    out.member("kind", item.kind);
    out.member("label", item.label);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

base::Result<std::vector<std::string>> finish_signing(Officer& officer,
                                                      const RequestRecord& record) {
  BASE_TRY(const auto signed_, hsm::officers::read_sign(record.request.params()));
  BASE_TRY(const auto signatures, signatures_of(record));
  if (signatures.size() != signed_.items.size()) return bad_answer("another number of signatures");
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  Finisher finisher(officer, governance);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    const auto& item = signed_.items[i];
    BASE_TRY(auto line, item.kind == "certificate" ? finisher.certificate(item, signatures[i])
                        : item.kind == "seal_object"
                            ? finish_seal_object(officer, item, signatures[i])
                            : finisher.trust_list(item, signatures[i]));
    out.push_back(std::move(line));
  }
  return out;
}

base::Result<bool> signing_finished(Officer& officer, const RequestRecord& record) {
  BASE_TRY(const auto signed_, hsm::officers::read_sign(record.request.params()));
  BASE_TRY(const auto signatures, signatures_of(record));
  if (signatures.size() != signed_.items.size()) return bad_answer("another number of signatures");
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  Finisher finisher(officer, governance);
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    const auto& item = signed_.items[i];
    BASE_TRY(const bool finished, item.kind == "seal_object"
                                      ? seal_object_finished(officer, item)
                                      : finisher.finished(item, signatures[i]));
    if (!finished) return false;
  }
  return true;
}

base::Result<PublishOutcome> publish_lists(Officer& officer, std::chrono::hours life,
                                           const std::string& reason,
                                           std::optional<std::int64_t> wish) {
  BASE_TRY(const auto with, authorities(officer));
  // One that cannot be read says nothing about sequences; the register does.
  const auto read = published_list(officer.pki);
  const auto before = read ? *read : std::nullopt;
  // One that was approved may not have reached register and directory.
  BASE_TRY(const auto told, told_numbers(officer, with));
  certs::PublishParts parts{with.root_key,
                            with.issuing_key,
                            with.root,
                            with.issuing,
                            officer.config.domain,
                            life,
                            std::max(before ? before->sequence : 0, told.sequence) + 1,
                            wish,
                            told.root_number + 1,
                            told.issuing_number + 1};
  if (with.sm2) {
    parts.beside = {*with.sm2};
    parts.beside.front().least_root_number = told.sm2_root_number + 1;
    parts.beside.front().least_issuing_number = told.sm2_issuing_number + 1;
  }
  BASE_TRY(auto tx, officer.pool.begin());
  certs::CertificateRegister issued(tx, officer.context.clock(), officer.name);
  BASE_TRY(auto prepared,
           certs::prepare(issued, parts, officer.context.clock(), officer.context.random()));
  certs::Authority root(with.root_key, with.root, officer.context.clock(),
                        officer.context.random());
  PublishOutcome out;
  auto wanted = prepared.list;
  auto jws = root.sign_trust_list(prepared.list);
  const bool waits = !jws.ok() && jws.error().key == "hsm.officers.needs_approval";
  if (!jws.ok() && !waits) return std::move(jws).error();
  if (waits && before) {
    if (wish && !only_stops(*before, wanted))
      if (auto stop = with_bodies_of(*before, wanted); only_stops(*before, stop))
        wanted = std::move(stop);
    // Revocations go out at once, inside the list that was approved before.
    prepared.list = renewed(*before, prepared.list);
    prepared.wish.reset();
    jws = root.sign_trust_list(prepared.list);
    if (!jws.ok() && jws.error().key != "hsm.officers.needs_approval")
      return std::move(jws).error();
    if (jws.ok()) wanted.sequence += kRoomForRenewals;
  }
  const certs::LineLists lists{prepared.root_crl, prepared.issuing_crl};
  const auto beside = prepared.beside;
  if (jws.ok()) {
    BASE_TRY(auto published, certs::finish(issued, std::move(prepared), *jws));
    out.published = std::move(published.list);
  }
  base::fail_point("publish.signed");
  BASE_TRY_VOID(tx.commit());
  base::fail_point("publish.recorded");
  BASE_TRY_VOID(write_crls(officer, lists, false));
  for (const auto& one : beside) BASE_TRY_VOID(write_crls(officer, one, true));
  if (jws.ok()) BASE_TRY_VOID(officer.pki.write(certs::PkiDirectory::kTrustList, *jws));
  if (waits) {
    BASE_TRY(const auto governance, Governance::read(officer.signer));
    const auto input = certs::trust_list_signing_input(wanted);
    BASE_TRY(out.waiting, asked_already(officer, governance, base::as_bytes(input)));
    if (out.waiting) return out;
    BASE_TRY(
        out.waiting,
        ask(officer, governance,
            {"sign",
             sign_params({item_for(with.root_key->info(), "trust_list", base::as_bytes(input))}),
             reason}));
  }
  return out;
}

}  // namespace cli
