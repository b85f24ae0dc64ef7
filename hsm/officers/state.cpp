#include "hsm/officers/state.h"

#include <algorithm>
#include <array>

#include "base/canonical_json.h"
#include "base/encoding.h"
#include "hsm/officers/rules.h"
#include "hsm/public_key.h"

namespace hsm::officers {
namespace {

using base::Code;

constexpr std::array kStates{
    std::pair{KeyState::pre_active, std::string_view("pre_active")},
    std::pair{KeyState::active, std::string_view("active")},
    std::pair{KeyState::suspended, std::string_view("suspended")},
    std::pair{KeyState::deactivated, std::string_view("deactivated")},
    std::pair{KeyState::compromised, std::string_view("compromised")},
    std::pair{KeyState::destroyed, std::string_view("destroyed")},
};

}  // namespace

std::string_view to_string(KeyState state) {
  for (const auto& [one, word] : kStates)
    if (one == state) return word;
  base::fail("unknown KeyState");
}

std::string_view to_string(Standing standing) {
  switch (standing) {
    case Standing::open:
      return "open";
    case Standing::rejected:
      return "rejected";
    case Standing::executing:
      return "executing";
    case Standing::done:
      return "done";
    case Standing::failed:
      return "failed";
  }
  base::fail("unknown Standing");
}

const Asked* State::find(const base::Digest& id) const {
  const auto it = asked_.find(id);
  return it == asked_.end() ? nullptr : &it->second;
}

const KeyRecord* State::key(std::string_view label) const {
  const auto it = keys_.find(label);
  return it == keys_.end() ? nullptr : &it->second;
}

const KeyRecord* State::ledger_key() const {
  const KeyRecord* newest = nullptr;
  for (const auto& [label, key] : keys_)
    if (key.purpose == Purpose::audit && key.state == KeyState::active &&
        key.algorithm == Algorithm::ecdsa_p256 && (newest == nullptr || key.since > newest->since))
      newest = &key;
  return newest;
}

int State::officers(base::Time at) const {
  return static_cast<int>(std::count_if(people_.begin(), people_.end(),
                                        [&](const auto& one) { return one.second.may_vote(at); }));
}

int State::approvals(const Asked& asked, base::Time at) const {
  return static_cast<int>(
      std::count_if(asked.votes.begin(), asked.votes.end(), [&](const auto& one) {
        const auto person = people_.find(one.first);
        return one.second.vote.decision == Decision::approve && person != people_.end() &&
               person->second.may_vote(at);
      }));
}

base::Result<void> State::ask(const Line& line) {
  BASE_TRY(const auto body, base::parse_canonical_json(line.body, {kMostLineBytes, 3}));
  BASE_TRY(auto request, read_request(base::json_text(body, "request")));
  BASE_TRY_VOID(may_ask(request, line.at));
  BASE_TRY(const auto needed, check_act(request));
  Asked asked;
  const auto id = request.id;
  asked.request = std::move(request);
  asked.lodged = line.at;
  asked.needed = needed;
  asked_.emplace(id, std::move(asked));
  return {};
}

base::Result<void> State::vote(const Line& line) {
  BASE_TRY(const auto body, base::parse_canonical_json(line.body, {kMostLineBytes, 3}));
  const auto text = base::json_text(body, "vote");
  BASE_TRY(auto vote, read_vote(text));
  BASE_TRY_VOID(may_vote(vote, line.at));
  auto& asked = asked_.at(vote.vote.request);
  if (vote.vote.decision == Decision::reject) asked.standing = Standing::rejected;
  asked.jws.emplace(vote.vote.person, text);
  asked.votes.emplace(vote.vote.person, std::move(vote));
  return {};
}

base::Result<void> State::execute(const Line& line) {
  BASE_TRY(const auto body, base::parse_canonical_json(line.body, {kMostLineBytes, 3}));
  const auto id = digest_from(base::json_text(body, "request"));
  if (!id) return bad_line("executing without a request");
  BASE_TRY_VOID(may_execute(*id, line.at));
  asked_.at(*id).standing = Standing::executing;
  asked_.at(*id).tries = 1;
  return {};
}

// ---- what was done -----------------------------------------------------------------------------

base::Result<void> State::finish(const Line& line, bool good) {
  BASE_TRY(const auto body, base::parse_canonical_json(line.body, {kMostLineBytes, 10}));
  const auto id = digest_from(base::json_text(body, "request"));
  const auto it = id ? asked_.find(*id) : asked_.end();
  const auto result = body.FindMember(good ? "result" : "why");
  if (it == asked_.end() || it->second.standing != Standing::executing ||
      result == body.MemberEnd() || (good && !result->value.IsObject()))
    return bad_line("the end of what was not begun");
  BASE_TRY(auto text, base::canonical_json(result->value));
  if (good) BASE_TRY_VOID(effect(it->second, result->value, line));
  it->second.standing = good ? Standing::done : Standing::failed;
  it->second.result = std::move(text);
  return {};
}

base::Result<void> State::take_keys(const rapidjson::Value& result, KeyState state, base::Time at) {
  const auto keys = result.FindMember("keys");
  const auto inventory = digest_from(base::json_text(result, "inventory"));
  if (!inventory || keys == result.MemberEnd() || !keys->value.IsArray())
    return bad_line("keys without an inventory");
  std::vector<KeyRecord> made;
  for (const auto& one : keys->value.GetArray()) {
    KeyRecord record;
    record.label = base::json_text(one, "label");
    record.id = KeyId(std::string(base::json_text(one, "id")));
    const auto algorithm = algorithm_from(base::json_text(one, "algorithm"));
    const auto purpose = purpose_from(base::json_text(one, "purpose"));
    const auto spki = base::from_base64(base::json_text(one, "spki"));
    if (record.label.empty() || keys_.count(record.label) != 0 || !algorithm || !purpose || !spki)
      return bad_line("a key that was made");
    record.algorithm = *algorithm;
    record.purpose = *purpose;
    record.protection = base::json_text(one, "protection");
    record.public_key = *spki;
    record.state = state;
    record.since = at;
    made.push_back(std::move(record));
  }
  for (auto& record : made) keys_.emplace(record.label, std::move(record));
  inventory_ = *inventory;
  return {};
}

base::Result<void> State::effect(const Asked& asked, const rapidjson::Value& result,
                                 const Line& line) {
  const auto& request = asked.request;
  const auto& params = request.params();
  if (request.op == "officer.enrol") {
    BASE_TRY(auto person, read_person(params["person"]));
    people_.insert_or_assign(person.id, std::move(person));
    world_ = line.hash;
  } else if (request.op == "officer.retire") {
    people_.find(base::json_text(params, "id"))->second.retired = true;
    world_ = line.hash;
  } else if (request.op == "policy.set") {
    BASE_TRY(policy_, read_policy(params));
    world_ = line.hash;
  } else if (request.op == "key.generate") {
    BASE_TRY(const auto wanted, read_generate(params));
    return take_keys(result, wanted.activate ? KeyState::active : KeyState::pre_active, line.at);
  } else if (request.op == "key.adopt") {
    return take_keys(result, KeyState::active, line.at);
  } else if (request.op == "sign") {
    BASE_TRY(const auto wanted, read_sign(params));
    take_signed(wanted);
  } else if (request.op == "backup.prove") {
    BASE_TRY(const auto proof, read_prove(params));
    for (auto& [label, record] : keys_)
      if (proof.keys.count(record.id.value()) != 0) record.backup_proven = line.at;
  } else if (const auto* step = step_of(request.op)) {
    BASE_TRY(const auto wanted, read_key_step(params, request.op == "key.compromise"));
    if (request.op == "key.destroy") {
      const auto inventory = digest_from(base::json_text(result, "inventory"));
      if (!inventory) return bad_line("keys destroyed without an inventory");
      inventory_ = *inventory;
    }
    for (const auto& one : wanted.keys) {
      auto& record = keys_.find(one.label)->second;
      record.state = step->to;
      record.since = line.at;
      record.why.clear();
      if (wanted.since) record.invalid_since = wanted.since;
    }
  }
  return {};
}

/// An act that ended the process is begun once more.
base::Result<void> State::begun_again(const rapidjson::Value& body) {
  const auto id = digest_from(base::json_text(body, "request"));
  const auto it = id ? asked_.find(*id) : asked_.end();
  if (it == asked_.end() || it->second.standing != Standing::executing ||
      it->second.tries >= kMostTries || base::json_int(body, "try") != it->second.tries + 1)
    return bad_line("a try of what was not begun, or tried often enough");
  ++it->second.tries;
  return {};
}

/// What the signer does by itself: it renews lists, it stops a key that went wrong, and it counts
/// its tries.
base::Result<void> State::event(const Line& line) {
  BASE_TRY(const auto body, base::parse_canonical_json(line.body, {kMostLineBytes, 6}));
  const auto what = base::json_text(body, "what");
  if (what == "suspended") {
    const auto it = keys_.find(base::json_text(body, "label"));
    if (it == keys_.end() || it->second.state != KeyState::active)
      return bad_line("a key suspended that was not active");
    it->second.state = KeyState::suspended;
    it->second.since = line.at;
    it->second.why = base::json_text(body, "why");
  } else if (what == "signed") {
    return listed(body, line.at);
  } else if (what == "retry") {
    return begun_again(body);
  } else if (what != "refused" && what != "note") {
    return bad_line("an unknown event");
  }
  return {};
}

// ---- lines -------------------------------------------------------------------------------------

base::Result<void> State::check_signature(const Line& line) const {
  if (line.signature.empty()) return {};
  const auto signature = base::from_base64url(line.signature);
  if (!signature) return bad_line("a signature that is not base64url");
  const auto digest = base::sha256(base::as_bytes(line.signing_input()));
  for (const auto& [label, key] : keys_) {
    if (key.purpose != Purpose::audit || key.algorithm != Algorithm::ecdsa_p256) continue;
    const auto check = SignatureCheck::make(key.algorithm, key.public_key);
    if (check.ok() && (*check)->good(digest, *signature)) return {};
  }
  return refused(Code::permission_denied, "hsm.officers.line_forged",
                 "line " + std::to_string(line.n));
}

base::Result<void> State::apply(const Line& line) {
  if (!founded() && line.kind != "genesis") return bad_line("the first line is no founding");
  BASE_TRY_VOID(check_signature(line));
  auto done = [&]() -> base::Result<void> {
    if (line.kind == "genesis") return found(line);
    if (line.kind == "request") return ask(line);
    if (line.kind == "vote") return vote(line);
    if (line.kind == "executing") return execute(line);
    if (line.kind == "done") return finish(line, true);
    if (line.kind == "failed") return finish(line, false);
    if (line.kind == "event") return event(line);
    return bad_line("an unknown kind of line");
  }();
  BASE_TRY_VOID(std::move(done));
  uncovered_ = line.signature.empty() ? uncovered_ + 1 : 0;
  return {};
}

}  // namespace hsm::officers
