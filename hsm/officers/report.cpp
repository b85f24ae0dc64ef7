#include "hsm/officers/report.h"

#include "base/encoding.h"

namespace hsm::officers {
namespace {

void put_person(base::JsonWriter& out, const Person& person, base::Time now) {
  out.StartObject();
  out.member("id", person.id);
  out.member("name", person.name);
  out.member("role", to_string(person.role));
  out.member("retired", person.retired);
  out.member("may_vote", person.may_vote(now));
  out.member("not_after", base::to_rfc3339(person.not_after));
  out.member("certificate", base::to_base64(person.certificate));
  out.member("share_key", base::to_base64(person.share_key));
  out.EndObject();
}

void put_key(base::JsonWriter& out, const State& state, const KeyRecord& key, base::Time now) {
  out.StartObject();
  out.member("label", key.label);
  out.member("id", key.id.value());
  out.member("algorithm", hsm::to_string(key.algorithm));
  out.member("purpose", hsm::to_string(key.purpose));
  out.member("protection", key.protection);
  out.member("state", to_string(key.state));
  out.member("since", base::to_rfc3339(key.since));
  if (key.invalid_since) out.member("invalid_since", base::to_rfc3339(*key.invalid_since));
  if (key.backup_proven) out.member("backup_proven", base::to_rfc3339(*key.backup_proven));
  if (!key.why.empty()) out.member("why", key.why);
  if (const auto it = state.unattended().find(key.id.value()); it != state.unattended().end()) {
    out.member("crl_number", it->second.number);
    out.member("lists_today", state.lists_signed(key.id, now));
  }
  out.member("spki", base::to_base64(key.public_key));
  out.EndObject();
}

void put_standing(base::JsonWriter& out, const State& state, const Asked& asked, base::Time now) {
  const auto& request = asked.request;
  const bool late = asked.standing == Standing::open && now >= request.not_after;
  const bool overtaken = asked.standing == Standing::open && request.world != state.world();
  out.member("id", base::to_hex(request.id));
  out.member("op", request.op);
  out.member("requester", request.requester);
  out.member("reason", request.reason);
  out.member("created", base::to_rfc3339(request.created));
  out.member("not_after", base::to_rfc3339(request.not_after));
  out.member("standing", late        ? std::string_view("expired")
                         : overtaken ? std::string_view("overtaken")
                                     : to_string(asked.standing));
  out.member("needed", asked.needed);
  if (asked.tries > 1) out.member("tries", asked.tries);
  if (request.op == "key.destroy")
    out.member("not_before",
               base::to_rfc3339(asked.lodged + std::chrono::hours(state.policy().destroy_grace_h)));
  out.key("approvals");
  out.StartArray();
  for (const auto& [person, vote] : asked.votes)
    if (vote.vote.decision == Decision::approve) out.string(person);
  out.EndArray();
}

}  // namespace

std::string state_report(const State& state, const LedgerFile& ledger, base::Time now) {
  base::JsonWriter out;
  out.StartObject();
  out.member("token", state.token());
  out.member("lines", ledger.lines());
  out.member("head", base::to_hex(ledger.head()));
  out.member("uncovered", state.uncovered());
  out.member("world", base::to_hex(state.world()));
  out.member("genesis_sha256", base::to_hex(base::sha256(base::as_bytes(state.genesis()))));
  if (state.inventory()) out.member("inventory", base::to_hex(*state.inventory()));
  if (state.trust_list()) out.member("trust_list_sequence", state.trust_list()->sequence);
  out.key("people");
  out.StartArray();
  for (const auto& [id, person] : state.people()) put_person(out, person, now);
  out.EndArray();
  out.key("policy");
  write_policy(out, state.policy());
  out.member("lists_per_day", state.policy().most_lists());
  out.key("rules");
  out.StartArray();
  for (const auto& rule : quorum_rules()) {
    out.StartObject();
    out.member("name", rule.name);
    out.member("needed", state.policy().needs(rule.name));
    out.member("least", rule.least);
    out.member("means", rule.means);
    out.EndObject();
  }
  out.EndArray();
  out.key("keys");
  out.StartArray();
  for (const auto& [label, key] : state.keys()) put_key(out, state, key, now);
  out.EndArray();
  out.key("requests");
  out.StartArray();
  for (const auto& [id, asked] : state.asked()) {
    out.StartObject();
    put_standing(out, state, asked, now);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

std::string request_report(const State& state, const Asked& asked, base::Time now) {
  base::JsonWriter out;
  out.StartObject();
  put_standing(out, state, asked, now);
  out.member("request", asked.request.text);
  out.key("votes");
  out.StartArray();
  for (const auto& [person, jws] : asked.jws) out.string(jws);
  out.EndArray();
  out.key("result");
  if (asked.result.empty())
    out.Null();
  else
    out.RawValue(asked.result.data(), asked.result.size(), rapidjson::kObjectType);
  out.EndObject();
  return out.text();
}

std::string lines_report(const std::vector<std::string>& lines, std::int64_t count) {
  base::JsonWriter out;
  out.StartObject();
  out.member("count", count);
  out.key("lines");
  out.StartArray();
  for (const auto& line : lines) out.string(line);
  out.EndArray();
  out.EndObject();
  return out.text();
}

}  // namespace hsm::officers
