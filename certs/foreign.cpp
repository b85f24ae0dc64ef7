#include "certs/foreign.h"

#include <algorithm>
#include <array>

#include "certs/name_limits.h"
#include "certs/oids.h"
#include "certs/openssl.h"

namespace certs {
namespace {

using Policies = Owned<CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free>;

struct UseRule {
  std::string_view name;  ///< in TrustBody::uses
  PathRules rules;
};

PathRules usage(std::uint32_t one_of_key_usage, std::vector<std::string> one_of_extended_usages) {
  PathRules rules;
  rules.one_of_key_usage = one_of_key_usage;
  rules.one_of_extended_usages = std::move(one_of_extended_usages);
  rules.extended_usage_needed = false;
  rules.end_entity = true;
  return rules;
}

const UseRule& rule_of(BodyUse use) {
  static const UseRule kLogin{"login", usage(kDigitalSignature, {oid::kClientUse, oid::kAnyUse})};
  static const UseRule kSeal{"seal",
                             usage(kDigitalSignature | kNonRepudiation,
                                   {oid::kDocumentSigningUse, oid::kEmailUse, oid::kAnyUse})};
  return use == BodyUse::login ? kLogin : kSeal;
}

bool names_policy(const Certificate& leaf, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return true;
  const Policies policies(static_cast<CERTIFICATEPOLICIES*>(
      X509_get_ext_d2i(raw(leaf), NID_certificate_policies, nullptr, nullptr)));
  for (int i = 0; i < sk_POLICYINFO_num(policies.get()); ++i) {
    char text[160] = {};
    OBJ_obj2txt(text, sizeof text, sk_POLICYINFO_value(policies.get(), i)->policyid, 1);
    if (std::find(wanted.begin(), wanted.end(), text) != wanted.end()) return true;
  }
  return false;
}

ForeignStatus status(ChainAnswer answer, std::string reason) {
  ForeignStatus out;
  out.answer = answer;
  out.reason = std::move(reason);
  return out;
}

/// What we allow the body beside what its own chain allows; nothing when the leaf keeps to it.
std::optional<std::string> beyond_limits(const Certificate& leaf, const TrustBody& body) {
  if (!names_policy(leaf, body.limits.policies)) return "certs.body_policy";
  if (!within_limits(leaf, body.limits.permitted, body.limits.excluded)) return "certs.body_names";
  return std::nullopt;
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
  if (step->standing != Standing::admitted) {
    auto out = status(ChainAnswer::untrusted, step->standing == Standing::suspended
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
  std::vector<Certificate> roots, known;
  for (const auto& anchor : body.anchors)
    (issued_by(anchor, anchor) ? roots : known).push_back(anchor);
  auto judged = validate_path(leaf, extra, {roots, known}, lists, rule_of(use).rules, at);
  if (judged.path.empty()) return status(ChainAnswer::untrusted, "certs.body_unknown");
  auto out = status(judged.answer, std::move(judged.reason));
  out.revoked_at = judged.revoked_at;
  const auto beyond = beyond_limits(leaf, body);
  if (judged.path.size() < 2)
    out = status(ChainAnswer::untrusted, "certs.chain_invalid");
  else if (out.answer != ChainAnswer::untrusted && beyond)
    out = status(ChainAnswer::untrusted, *beyond);
  out.path = std::move(judged.path);
  out.body = body.number;
  out.body_name = body.name;
  out.body_code = body.code;
  return out;
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
