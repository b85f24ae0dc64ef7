// What may be asked, approved and carried out, as things stand.
#include "hsm/officers/rules.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"

namespace hsm::officers {

using base::Code;

namespace {

constexpr int kLeastOfficers = 3;

const std::array<Step, 6>& steps() {
  using enum KeyState;
  static const std::array<Step, 6> kSteps{{
      {"key.activate", {pre_active}, active},
      {"key.suspend", {active}, suspended},
      {"key.resume", {suspended}, active},
      {"key.deactivate", {pre_active, active, suspended}, deactivated},
      {"key.compromise", {pre_active, active, suspended, deactivated}, compromised},
      {"key.destroy", {pre_active, deactivated, compromised}, destroyed},
  }};
  return kSteps;
}

/// Whom an act concerns: that person has no vote in it.
std::string_view concerned(const Request& request) {
  if (request.op == "officer.retire") return base::json_text(request.params(), "id");
  if (request.op != "officer.enrol") return {};
  const auto it = request.params().FindMember("person");
  return it == request.params().MemberEnd() ? std::string_view{} : base::json_text(it->value, "id");
}

}  // namespace

base::Error refused(Code code, std::string key, const std::string& why) {
  auto failure = base::error(code, std::move(key), why);
  failure.args = {{"why", why}};
  return failure;
}

base::Error bad_line(const std::string& why) {
  return refused(Code::invalid_argument, "hsm.officers.ledger", why);
}

std::optional<base::Digest> digest_from(std::string_view text) {
  const auto bytes = base::from_hex(text);
  base::Digest out{};
  if (!bytes || bytes->size() != out.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

const Step* step_of(std::string_view op) {
  const auto& all = steps();
  const auto* it = std::find_if(all.begin(), all.end(), [&](const Step& s) { return s.op == op; });
  return it == all.end() ? nullptr : it;
}

base::Result<void> State::enough_officers(const std::map<std::string, Person, std::less<>>& people,
                                          const Policy& policy) const {
  int count = 0;
  std::set<base::Bytes> keys;
  for (const auto& [id, person] : people) {
    if (person.retired) continue;
    if (!keys.insert(person.public_key).second)
      return refused(Code::conflict, "hsm.officers.same_key", id);
    if (person.role == Role::officer) ++count;
  }
  if (count >= kLeastOfficers && count > policy.most()) return {};
  return refused(
      Code::conflict, "hsm.officers.too_few",
      std::to_string(count) + " officers, and an act that needs " + std::to_string(policy.most()));
}

/// What an act may be asked for, as things stand; gives the number of officers that it needs.
base::Result<int> State::check_act(const Request& request) const {
  const auto& params = request.params();
  const auto wrong = [](const std::string& why) {
    return refused(Code::conflict, "hsm.officers.state", why);
  };
  const auto known = [&](const std::string& label,
                         const KeyId& id) -> base::Result<const KeyRecord*> {
    const auto* record = key(label);
    if (record == nullptr || record->id != id)
      return refused(Code::not_found, "hsm.officers.no_key", label);
    return record;
  };
  if (request.op == "officer.enrol") {
    if (params.MemberCount() != 1 || !params.HasMember("person"))
      return refused(Code::invalid_argument, "hsm.officers.request", "params is a person");
    BASE_TRY(auto person, read_person(params["person"]));
    auto people = people_;
    people.insert_or_assign(person.id, std::move(person));
    BASE_TRY_VOID(enough_officers(people, policy_));
  } else if (request.op == "officer.retire") {
    const auto id = base::json_text(params, "id");
    auto people = people_;
    const auto it = people.find(id);
    if (params.MemberCount() != 1 || it == people.end() || it->second.retired)
      return refused(Code::not_found, "hsm.officers.no_person", std::string(id));
    it->second.retired = true;
    BASE_TRY_VOID(enough_officers(people, policy_));
  } else if (request.op == "policy.set") {
    BASE_TRY(const auto policy, read_policy(params));
    BASE_TRY_VOID(enough_officers(people_, policy));
  } else if (request.op == "key.generate") {
    BASE_TRY(const auto wanted, read_generate(params));
    if (wanted.activate && policy_.backup_before_use)
      return wrong("the policy wants a proven backup before a key is used");
    bool root = false;
    for (const auto& one : wanted.keys) {
      if (key(one.label) != nullptr) return wrong("a key " + one.label + " is known already");
      root = root || one.purpose == Purpose::root_ca;
    }
    if (root) return policy_.needs("key.generate.root");
  } else if (request.op == "key.adopt") {
    BASE_TRY(const auto adopt, read_adopt(params));
    for (const auto& [one, id] : adopt.keys)
      if (key(one.label) != nullptr) return wrong("a key " + one.label + " is known already");
  } else if (request.op == "sign") {
    return check_sign(request);
  } else if (request.op == "key.backup") {
    BASE_TRY(const auto backup, read_backup(params));
    for (const auto& id : backup.officers) {
      const auto person = people_.find(id);
      if (person == people_.end() || person->second.retired || person->second.share_key.empty())
        return refused(Code::not_found, "hsm.officers.no_person", id);
    }
  } else if (request.op == "backup.prove") {
    BASE_TRY(const auto proof, read_prove(params));
    for (const auto& id : proof.keys)
      if (std::none_of(keys_.begin(), keys_.end(),
                       [&](const auto& one) { return one.second.id.value() == id; }))
        return refused(Code::not_found, "hsm.officers.no_key", id);
  } else if (const auto* step = step_of(request.op)) {
    BASE_TRY(const auto wanted, read_key_step(params, request.op == "key.compromise"));
    for (const auto& one : wanted.keys) {
      BASE_TRY(const auto* record, known(one.label, one.id));
      if (one.state != to_string(record->state))
        return wrong(one.label + " is " + std::string(to_string(record->state)) + ", not " +
                     one.state);
      if (step->from.count(record->state) == 0)
        return wrong(one.label + " is " + std::string(to_string(record->state)));
      if (step->op == "key.activate" && policy_.backup_before_use && !record->backup_proven)
        return wrong(one.label + " stands in no proven backup yet");
    }
  } else {
    base::fail("an op without a rule: " + request.op);
  }
  return policy_.needs(request.op);
}

base::Result<void> State::may_ask(const Request& request, base::Time at) const {
  if (!founded()) return refused(Code::conflict, "hsm.officers.not_founded");
  if (asked_.count(request.id) != 0) return refused(Code::conflict, "hsm.officers.asked_already");
  if (request.world != world_) return refused(Code::conflict, "hsm.officers.world_changed");
  if (request.created > at + kSkew)
    return refused(Code::invalid_argument, "hsm.officers.request", "created in the future");
  if (request.not_after <= at) return refused(Code::expired, "hsm.officers.expired");
  const auto grace = request.op == "key.destroy" ? policy_.destroy_grace_h : 0;
  if (request.not_after - request.created > std::chrono::hours(policy_.request_life_h + grace))
    return refused(Code::invalid_argument, "hsm.officers.request", "lives longer than allowed");
  if (request.op == "key.compromise") {
    BASE_TRY(const auto step, read_key_step(request.params(), true));
    if (*step.since > at + kSkew)
      return refused(Code::invalid_argument, "hsm.officers.request", "since is in the future");
  }
  const auto needed = check_act(request);
  if (!needed.ok()) return needed.error();
  return {};
}

base::Result<void> State::may_vote(const SignedVote& vote, base::Time at) const {
  const auto* asked = find(vote.vote.request);
  if (asked == nullptr) return refused(Code::not_found, "hsm.officers.no_request");
  if (asked->standing != Standing::open)
    return refused(Code::conflict, "hsm.officers.not_open",
                   std::string(to_string(asked->standing)));
  if (at >= asked->request.not_after) return refused(Code::expired, "hsm.officers.expired");
  if (vote.vote.decision != Decision::approve && vote.vote.decision != Decision::reject)
    return refused(Code::invalid_argument, "hsm.officers.vote", "neither approves nor rejects");
  const auto person = people_.find(vote.vote.person);
  if (person == people_.end() || !person->second.may_vote(at))
    return refused(Code::permission_denied, "hsm.officers.no_vote", vote.vote.person);
  if (vote.vote.person == concerned(asked->request))
    return refused(Code::permission_denied, "hsm.officers.concerned", vote.vote.person);
  if (!vote.by(person->second))
    return refused(Code::permission_denied, "hsm.officers.forged", vote.vote.person);
  if (asked->votes.count(vote.vote.person) != 0)
    return refused(Code::conflict, "hsm.officers.voted_already", vote.vote.person);
  if (vote.vote.at > at + kSkew || vote.vote.at + kSkew < asked->request.created)
    return refused(Code::invalid_argument, "hsm.officers.vote", "its time");
  return {};
}

base::Result<void> State::may_execute(const base::Digest& id, base::Time at) const {
  const auto* asked = find(id);
  if (asked == nullptr) return refused(Code::not_found, "hsm.officers.no_request");
  if (asked->standing != Standing::open)
    return refused(Code::conflict, "hsm.officers.not_open",
                   std::string(to_string(asked->standing)));
  const auto& request = asked->request;
  if (at >= request.not_after) return refused(Code::expired, "hsm.officers.expired");
  if (request.world != world_) return refused(Code::conflict, "hsm.officers.world_changed");
  // Once more as of now: a key may have changed its state meanwhile.
  BASE_TRY(const auto needed, check_act(request));
  const auto have = approvals(*asked, at);
  if (have < needed)
    return refused(Code::permission_denied, "hsm.officers.too_few_approvals",
                   std::to_string(have) + "/" + std::to_string(needed));
  if (request.op == "key.destroy" &&
      at < asked->lodged + std::chrono::hours(policy_.destroy_grace_h))
    return refused(Code::permission_denied, "hsm.officers.grace",
                   base::to_rfc3339(asked->lodged + std::chrono::hours(policy_.destroy_grace_h)));
  return {};
}

}  // namespace hsm::officers
