// The founding: everybody's card is read once for its certificate and once to sign.
#include <algorithm>
#include <map>

#include "api/cli/ceremony_run.h"
#include "base/encoding.h"
#include "hsm/officers/state.h"

namespace cli {
namespace {

using namespace hsm::officers;

base::Error missing(const std::string& whose) {
  auto failure = base::error(base::Code::unavailable, "cli.cards_missing", whose);
  failure.args = {{"what", whose}};
  return failure;
}

/// The person id that `xinyin card create` wrote into the card's certificate.
std::string id_of(const certs::Certificate& certificate) {
  const auto subject = certificate.subject();
  constexpr std::string_view kName = "serialNumber=";
  const auto at = subject.find(kName);
  if (at == std::string::npos) return {};
  const auto from = at + kName.size();
  return subject.substr(from, subject.find_first_of(",+", from) - from);
}

/// As usual, but that three officers are never asked for three signatures.
Policy policy_for(const CeremonyPlan& plan) {
  if (plan.policy) return *plan.policy;
  const auto officers = static_cast<int>(
      std::count_if(plan.roles.begin(), plan.roles.end(),
                    [](const PlannedRole& role) { return role.role == Role::officer; }));
  Policy policy;
  for (const auto& rule : quorum_rules())
    policy.needed.emplace(std::string(rule.name), std::min(rule.usual, officers - 1));
  return policy;
}

}  // namespace

base::Result<std::string> found(Context& context, const CeremonyPlan& plan,
                                const std::vector<CardOptions>& cards) {
  std::vector<Person> people;
  std::map<std::string, const CardOptions*> by_id;
  for (const auto& role : plan.roles) {
    Person person;
    person.id = role.id;
    person.name = role.person;
    person.role = role.role;
    people.push_back(std::move(person));
  }
  for (const auto& options : cards) {
    BASE_TRY(const auto card, open_card(context, options));
    BASE_TRY(const auto certificate, certs::Certificate::from_der(card->certificate()));
    const auto id = id_of(certificate);
    const auto person =
        std::find_if(people.begin(), people.end(), [&](const Person& one) { return one.id == id; });
    if (person == people.end()) return missing(id + " (not in the plan)");
    person->certificate = base::to_bytes(certificate.der());
    person->share_key = card->share_key();
    by_id[id] = &options;
  }
  for (const auto& person : people)
    if (by_id.count(person.id) == 0) return missing(person.id + " " + person.name);
  const auto now = std::chrono::floor<std::chrono::seconds>(context.clock().now());
  BASE_TRY(const auto document, genesis_document(people, policy_for(plan), plan.token, now));
  const auto digest = base::sha256(base::as_bytes(document));
  std::vector<std::string> signatures;
  for (const auto& person : people) {
    BASE_TRY(const auto card, open_card(context, *by_id[person.id]));
    const Vote vote{person.id, Decision::found, digest, now, ""};
    BASE_TRY(const auto signature, card->sign(base::as_bytes(vote.signing_input())));
    signatures.push_back(vote.jws(signature));
    context.say("  " + person.id + " " + person.name + "：已签 signed");
  }
  auto body = genesis_body(document, signatures);
  BASE_TRY(const auto state, read_genesis(body, context.clock().now()));
  return body;
}

}  // namespace cli
