#include "certs/foreign.h"

#include <algorithm>
#include <array>

#include "certs/crl.h"
#include "certs/name_limits.h"
#include "certs/oids.h"
#include "certs/openssl.h"
#include "certs/path.h"

namespace certs {
namespace {

using ExtendedKeyUsage = Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
using Policies = Owned<CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free>;

struct UseRule {
  BodyUse use;
  std::string_view name;  ///< in TrustBody::uses
  std::uint32_t one_of_key_usage;
  std::array<const char*, 3> one_of_uses;
};
constexpr std::array kUses{
    UseRule{BodyUse::login,
            "login",
            KU_DIGITAL_SIGNATURE,
            {oid::kClientUse, oid::kAnyUse, oid::kAnyUse}},
    UseRule{BodyUse::seal,
            "seal",
            KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION,
            {oid::kDocumentSigningUse, oid::kEmailUse, oid::kAnyUse}},
};

const UseRule& rule_of(BodyUse use) {
  return *std::find_if(kUses.begin(), kUses.end(),
                       [&](const UseRule& rule) { return rule.use == use; });
}

bool names_one(const EXTENDED_KEY_USAGE* uses, const UseRule& rule) {
  for (const char* wanted : rule.one_of_uses) {
    const Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(wanted, 1));
    for (int i = 0; i < sk_ASN1_OBJECT_num(uses); ++i)
      if (OBJ_cmp(sk_ASN1_OBJECT_value(uses, i), object.get()) == 0) return true;
  }
  return false;
}

/// The leaf may be used so, and each authority below the root was allowed to allow that.
bool may_be_used(const std::vector<Certificate>& path, const UseRule& rule) {
  X509* leaf = raw(path.front());
  if (X509_check_ca(leaf) != 0 || (X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) == 0 ||
      (X509_get_key_usage(leaf) & rule.one_of_key_usage) == 0)
    return false;
  return std::all_of(path.begin(), path.end() - 1, [&](const Certificate& one) {
    const ExtendedKeyUsage uses(static_cast<EXTENDED_KEY_USAGE*>(
        X509_get_ext_d2i(raw(one), NID_ext_key_usage, nullptr, nullptr)));
    return !uses || names_one(uses.get(), rule);
  });
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

/// The newest list by `issuer` that reaches to `at`.
const Crl* crl_of(const Certificate& issuer, const std::vector<Crl>& crls, base::Time at) {
  const Crl* best = nullptr;
  for (const auto& crl : crls) {
    if (crl.next_update() < at || !crl.signed_by(issuer)) continue;
    if (best == nullptr || crl.this_update() > best->this_update()) best = &crl;
  }
  return best;
}

ForeignStatus status(ChainAnswer answer, std::string reason) {
  ForeignStatus out;
  out.answer = answer;
  out.reason = std::move(reason);
  return out;
}

/// Nothing when each certificate below the root is in force at `at` and known not to be revoked.
std::optional<ForeignStatus> stopped(const std::vector<Certificate>& path,
                                     const std::vector<Crl>& crls, base::Time at) {
  bool unknown = false;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const auto* crl = crl_of(path[i + 1], crls, at);
    if (crl == nullptr) {
      unknown = true;
      continue;
    }
    const auto entry = crl->find(path[i]);
    if (!entry || entry->revoked_at > at) continue;
    auto out = status(ChainAnswer::revoked, i == 0 ? "certs.revoked" : "certs.authority_revoked");
    out.revoked_at = entry->revoked_at;
    return out;
  }
  for (const auto& certificate : path) {
    if (at < certificate.not_before())
      return status(ChainAnswer::not_yet_valid, "certs.not_yet_valid");
    if (at >= certificate.not_after() + std::chrono::seconds(1))
      return status(ChainAnswer::expired, "certs.expired");
  }
  if (unknown) return status(ChainAnswer::unsure, "certs.no_revocation_data");
  return std::nullopt;
}

ForeignStatus judge(const std::vector<Certificate>& path, const TrustBody& body,
                    const UseRule& rule, const std::vector<Crl>& crls, base::Time at) {
  if (path.size() < 2 || !straight_path_holds(path, false))
    return status(ChainAnswer::untrusted, "certs.chain_invalid");
  if (!may_be_used(path, rule)) return status(ChainAnswer::untrusted, "certs.wrong_purpose");
  if (!names_policy(path.front(), body.limits.policies))
    return status(ChainAnswer::untrusted, "certs.body_policy");
  if (!within_limits(path.front(), body.limits.permitted, body.limits.excluded))
    return status(ChainAnswer::untrusted, "certs.body_names");
  if (auto why = stopped(path, crls, at)) return *why;
  return status(ChainAnswer::trusted, "certs.trusted");
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
  const Anchors anchors{roots, known};
  auto best = status(ChainAnswer::untrusted, "certs.body_unknown");
  each_path(leaf, extra, anchors, PathLimits{}, [&](const std::vector<Certificate>& path) {
    auto judged = judge(path, body, rule_of(use), lists, at);
    if (best.path.empty() || weight(judged.answer) > weight(best.answer)) {
      judged.path = path;
      judged.body = body.number;
      judged.body_name = body.name;
      judged.body_code = body.code;
      best = std::move(judged);
    }
    return best.answer == ChainAnswer::trusted;
  });
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
