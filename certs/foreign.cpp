#include "certs/foreign.h"

#include <algorithm>
#include <array>

#include "certs/crl.h"
#include "certs/name_limits.h"
#include "certs/oids.h"
#include "certs/path_judge.h"

namespace certs {
namespace {

struct UseRule {
  BodyUse use;
  std::string_view name;  ///< in TrustBody::uses
  std::uint32_t one_of_key_usage;
  std::array<const char*, 2> one_of_uses;
};
constexpr std::array kUses{
    UseRule{BodyUse::login, "login", kDigitalSignature, {oid::kClientUse, oid::kClientUse}},
    UseRule{BodyUse::seal,
            "seal",
            kDigitalSignature | kNonRepudiation,
            {oid::kDocumentSigningUse, oid::kEmailUse}},
};

const UseRule& rule_of(BodyUse use) {
  return *std::find_if(kUses.begin(), kUses.end(),
                       [&](const UseRule& rule) { return rule.use == use; });
}

PathRules rules_for(const UseRule& rule, const char* extended_usage) {
  PathRules out;
  out.extended_usage = extended_usage;
  out.extended_usage_needed = false;
  out.one_of_key_usage = rule.one_of_key_usage;
  out.end_entity = true;
  return out;
}

ForeignStatus status(ChainAnswer answer, std::string reason) {
  ForeignStatus out;
  out.answer = answer;
  out.reason = std::move(reason);
  return out;
}

/// How the body stands at `at`; nothing when it is admitted for the use then.
std::optional<ForeignStatus> barred(const TrustBody& body, const UseRule& rule, base::Time at) {
  const auto lost = compromised_since(body);
  if (lost && at >= *lost) {
    auto out = status(ChainAnswer::revoked, "certs.body_compromised");
    out.revoked_at = lost;
    out.body_reason = body.history.back().reason;
    return out;
  }
  const auto* step = standing_at(body, at);
  if (step == nullptr) return status(ChainAnswer::not_yet_valid, "certs.body_not_yet_admitted");
  if (step->standing != BodyState::admitted) {
    auto out = status(ChainAnswer::untrusted, step->standing == BodyState::suspended
                                                  ? "certs.body_suspended"
                                                  : "certs.body_removed");
    out.body_reason = step->reason;
    return out;
  }
  if (at >= body.expiry) return status(ChainAnswer::expired, "certs.body_expired");
  if (std::find(body.uses.begin(), body.uses.end(), rule.name) == body.uses.end())
    return status(ChainAnswer::untrusted, "certs.body_not_for_this");
  return std::nullopt;
}

int weight(ChainAnswer answer) {
  constexpr std::array kWorstFirst{ChainAnswer::untrusted, ChainAnswer::not_yet_valid,
                                   ChainAnswer::expired,   ChainAnswer::unsure,
                                   ChainAnswer::revoked,   ChainAnswer::trusted};
  return static_cast<int>(std::find(kWorstFirst.begin(), kWorstFirst.end(), answer) -
                          kWorstFirst.begin());
}

}  // namespace

ForeignStatus judge_by_body(const Certificate& leaf, std::span<const Certificate> extra,
                            const TrustBody& body, BodyUse use, std::span<const base::Bytes> crls,
                            base::Time at) {
  std::vector<Crl> lists;
  for (const auto& der : crls)
    if (auto crl = Crl::from_der(der)) lists.push_back(std::move(*crl));
  std::vector<Certificate> roots, between;
  for (const auto& anchor : body.anchors)
    (issued_by(anchor, anchor) ? roots : between).push_back(anchor);
  const auto& rule = rule_of(use);
  const auto validate = [&](const PathRules& rules) {
    return validate_path(leaf, extra, {roots, between}, lists, rules, at);
  };

  ForeignStatus best;
  for (const char* extended_usage : rule.one_of_uses) {
    auto rules = rules_for(rule, extended_usage);
    rules.policies.accepted = body.limits.policies;
    rules.policies.required = !body.limits.policies.empty();
    auto found = validate(rules);
    if (found.path.empty()) continue;
    if (found.reason == "certs.chain_invalid" && rules.policies.required) {
      rules.policies = {};
      if (validate(rules).answer != ChainAnswer::untrusted) found.reason = "certs.body_policy";
    }
    if (!best.path.empty() && weight(found.answer) <= weight(best.answer)) continue;
    best.answer = found.answer;
    best.reason = std::move(found.reason);
    best.path = std::move(found.path);
    best.revoked_at = found.revoked_at;
  }
  if (best.path.empty()) return best;
  if (best.answer != ChainAnswer::untrusted &&
      !within_limits(leaf, body.limits.permitted, body.limits.excluded)) {
    best.answer = ChainAnswer::untrusted;
    best.reason = "certs.body_names";
  }
  best.body = body.number;
  best.body_name = body.name;
  best.body_code = body.code;
  return best;
}

ForeignStatus judge_foreign(const Certificate& leaf, std::span<const Certificate> extra,
                            const TrustList& trust, BodyUse use, std::span<const base::Bytes> crls,
                            base::Time at) {
  ForeignStatus best;
  for (const auto& body : trust.bodies) {
    auto judged = judge_by_body(leaf, extra, body, use, crls, at);
    if (judged.path.empty()) continue;  // not one of its certificates
    // A certificate that is bad by itself is not better for its body being in good standing.
    if (judged.answer == ChainAnswer::trusted || judged.answer == ChainAnswer::unsure) {
      if (auto why = barred(body, rule_of(use), at)) {
        why->path = std::move(judged.path);
        why->body = body.number;
        why->body_name = body.name;
        why->body_code = body.code;
        judged = std::move(*why);
      }
    }
    if (best.path.empty() || weight(judged.answer) > weight(best.answer)) best = std::move(judged);
    if (best.answer == ChainAnswer::trusted) break;
  }
  if (best.answer == ChainAnswer::trusted && at > trust.next_update) {
    best.answer = ChainAnswer::unsure;
    best.reason = "certs.trust_list_stale";
  }
  return best;
}

}  // namespace certs
