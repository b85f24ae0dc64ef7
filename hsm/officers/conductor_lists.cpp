// Lists that are renewed without votes: signed when State::may_renew finds nothing against it, and
// written down before the signature leaves.
#include "base/encoding.h"
#include "hsm/officers/conductor.h"
#include "hsm/officers/rules.h"

namespace hsm::officers {

using base::Code;

base::Result<std::string> Conductor::content(std::string_view data) {
  BASE_TRY(const auto document, base::parse_json(data, {8 << 20, 2}));
  const auto bytes = base::from_base64(base::json_text(document, "content"));
  if (!bytes) return refused(Code::invalid_argument, "hsm.officers.content", "not base64");
  BASE_TRY(const auto content, read_content(*bytes));
  KeyRecord key;
  {
    const std::scoped_lock lock(lock_);
    const auto* record = state_.key(base::json_text(document, "label"));
    if (record == nullptr || record->id.value() != base::json_text(document, "id"))
      return refused(Code::not_found, "hsm.officers.no_key");
    key = *record;
  }
  if (key.purpose == Purpose::root_ca || key.purpose == Purpose::issuing_ca)
    BASE_TRY_VOID(may_use(key.label));
  std::map<std::string, std::string> before;
  {
    const std::scoped_lock lock(lock_);
    if (auto may = state_.may_renew(key, content, clock_.now()); !may.ok()) {
      // Once, and again after it worked in between: who asks without end fills no log.
      if (may.error().key == "hsm.officers.list_limit" && limit_told_.insert(key.label).second)
        journal_.tell("alarm", {{"why", may.error().key}, {"limit", may.error().detail}});
      return may.error();
    }
    limit_told_.erase(key.label);
    if (const auto it = state_.unattended().find(key.id.value()); it != state_.unattended().end())
      before = it->second.revoked;
  }
  BASE_TRY(const auto signature, sign(key.label, key.id, *bytes));
  BASE_TRY_VOID(write("event", signed_list(key, content, before, *bytes)));
  base::JsonWriter out;
  out.StartObject();
  out.member("signature", base::to_base64(signature));
  out.EndObject();
  return out.text();
}

/// What the ledger keeps of it.
std::string Conductor::signed_list(const KeyRecord& key, const Content& content,
                                   const std::map<std::string, std::string>& revoked_before,
                                   base::BytesView bytes) {
  base::JsonWriter out;
  out.StartObject();
  out.member("kind", to_string(content.kind));
  out.member("label", key.label);
  out.member("sha256", base::to_hex(base::sha256(bytes)));
  out.member("what", "signed");
  if (content.kind == ContentKind::trust_list) {
    out.member("sequence", content.sequence);
    out.member("stable", base::to_hex(content.stable));
  } else {
    out.key("added");
    out.StartObject();
    for (const auto& [serial, when] : content.revoked)
      if (revoked_before.count(serial) == 0) out.member(serial, when);
    out.EndObject();
    out.member("entries", static_cast<std::int64_t>(content.revoked.size()));
    out.member("issuer", base::to_hex(content.name));
    out.member("number", content.sequence);
  }
  out.EndObject();
  return ledger_body(out);
}

}  // namespace hsm::officers
