#include "certs/path_judge.h"

#include <algorithm>
#include <array>

#include "certs/oids.h"
#include "certs/openssl.h"
#include "certs/path_form.h"
#include "certs/revocation.h"

namespace certs {
namespace {

using ExtendedKeyUsage = Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;

ExtendedKeyUsage usages_of(const Certificate& certificate, int* critical) {
  return ExtendedKeyUsage(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(raw(certificate), NID_ext_key_usage, critical, nullptr)));
}

bool has_usage(const EXTENDED_KEY_USAGE* usages, const std::string& wanted) {
  const Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(wanted.c_str(), 1));
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages); ++i)
    if (OBJ_cmp(sk_ASN1_OBJECT_value(usages, i), object.get()) == 0) return true;
  return false;
}

bool has_one(const EXTENDED_KEY_USAGE* usages, const std::vector<std::string>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(),
                     [&](const std::string& one) { return has_usage(usages, one); });
}

bool for_time_stamps(const PathRules& rules) {
  return rules.one_of_extended_usages.size() == 1 &&
         rules.one_of_extended_usages.front() == oid::kTimestampUse;
}

bool key_usage_fits(X509* leaf, const PathRules& rules) {
  if (rules.one_of_key_usage == 0) return true;
  if ((X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) == 0) return !rules.key_usage_needed;
  return (X509_get_key_usage(leaf) & rules.one_of_key_usage) != 0;
}

/// The leaf may do what `rules` ask, and each authority above it was allowed to allow that.
bool may_be_used(const std::vector<Certificate>& path, const PathRules& rules) {
  X509* leaf = raw(path.front());
  if (rules.end_entity && X509_check_ca(leaf) != 0) return false;
  if (!key_usage_fits(leaf, rules)) return false;
  if (rules.one_of_extended_usages.empty()) return true;
  int critical = 0;
  const auto leaf_usages = usages_of(path.front(), &critical);
  if (leaf_usages ? !has_one(leaf_usages.get(), rules.one_of_extended_usages)
                  : rules.extended_usage_needed)
    return false;
  // RFC 3161 §2.3: one purpose, critical. What stamps time does nothing else.
  if (for_time_stamps(rules) && leaf_usages &&
      (critical != 1 || sk_ASN1_OBJECT_num(leaf_usages.get()) != 1))
    return false;
  for (std::size_t i = 1; i + 1 < path.size(); ++i) {
    const auto usages = usages_of(path[i], nullptr);
    if (usages && !has_one(usages.get(), rules.one_of_extended_usages) &&
        !has_usage(usages.get(), oid::kAnyUse))
      return false;
  }
  return true;
}

/// subjectAltName alone: a common name is no address.
bool is_named(const Certificate& leaf, const ExpectedName& name) {
  constexpr unsigned kFlags =
      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
  X509* x509 = raw(leaf);
  switch (name.kind) {
    case NameKind::dns:
      return !name.value.empty() &&
             X509_check_host(x509, name.value.data(), name.value.size(), kFlags, nullptr) == 1;
    case NameKind::email:
      return !name.value.empty() &&
             X509_check_email(x509, name.value.data(), name.value.size(), kFlags) == 1;
    case NameKind::ip:
      return X509_check_ip_asc(x509, name.value.c_str(), kFlags) == 1;
  }
  return false;
}

struct Judged {
  ChainAnswer answer = ChainAnswer::untrusted;
  std::string reason;
  std::optional<base::Time> revoked_at = {};
  std::optional<RevokedEntry> entry_of_leaf = {};
};

/// All times of a path, both ends of each included (RFC 5280 §4.1.2.5; OpenSSL leaves out the last
/// second).
std::optional<Judged> validity(const std::vector<Certificate>& path, base::Time at) {
  for (const auto& certificate : path) {
    if (at < certificate.not_before())
      return Judged{ChainAnswer::not_yet_valid, "certs.not_yet_valid"};
    if (at >= certificate.not_after() + std::chrono::seconds(1))
      return Judged{ChainAnswer::expired, "certs.expired"};
  }
  return std::nullopt;
}

/// RFC 3161 §4: revoked without a reason or as compromised, a time-stamp key vouches for no moment,
/// past ones included: whoever has it stamps any moment.
bool voids_all_stamps(const RevokedEntry& entry) {
  constexpr int kKeyCompromise = 1, kAuthorityCompromise = 2;  // RFC 5280 §5.3.1
  return entry.reason == 0 || entry.reason == kKeyCompromise ||
         entry.reason == kAuthorityCompromise;
}

/// Of each certificate below the anchor; trusted when all are known to be good.
Judged by_revocation(const std::vector<Certificate>& path, RevocationJudge& lists, bool stamps,
                     base::Time at) {
  Judged out{ChainAnswer::trusted, "certs.trusted"};
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const auto found = lists.of(path, i);
    if (i == 0) out.entry_of_leaf = found.entry;
    const bool all_stamps = i == 0 && stamps && found.entry && voids_all_stamps(*found.entry);
    if (found.entry && (found.entry->revoked_at <= at || all_stamps)) {
      out.answer = ChainAnswer::revoked;
      out.reason = i > 0        ? "certs.authority_revoked"
                   : all_stamps ? "certs.stamps_void"
                                : "certs.revoked";
      out.revoked_at = found.entry->revoked_at;
      return out;
    }
    if (!found.known) {
      out.answer = ChainAnswer::unsure;
      out.reason = "certs.no_revocation_data";
    }
  }
  return out;
}

Judged judge(const std::vector<Certificate>& path, RevocationJudge& lists, const PathRules& rules,
             base::Time at) {
  if (!straight_path_holds(path, for_time_stamps(rules), rules.policies) ||
      (rules.constraints_critical && !constraints_critical(path)))
    return {ChainAnswer::untrusted, "certs.chain_invalid"};
  if (!may_be_used(path, rules)) return {ChainAnswer::untrusted, "certs.wrong_purpose"};
  for (const auto& name : rules.names)
    if (!is_named(path.front(), name)) return {ChainAnswer::untrusted, "certs.wrong_name"};
  auto out = rules.revocation ? by_revocation(path, lists, for_time_stamps(rules), at)
                              : Judged{ChainAnswer::trusted, "certs.trusted"};
  if (out.answer == ChainAnswer::revoked) return out;
  if (auto outside = validity(path, at)) {
    outside->entry_of_leaf = out.entry_of_leaf;
    return *outside;
  }
  return out;
}

/// When no path is trusted, what is most telling about the best of them.
std::size_t weight(ChainAnswer answer) {
  constexpr std::array kWorstFirst{ChainAnswer::untrusted, ChainAnswer::not_yet_valid,
                                   ChainAnswer::expired,   ChainAnswer::unsure,
                                   ChainAnswer::revoked,   ChainAnswer::trusted};
  return static_cast<std::size_t>(std::find(kWorstFirst.begin(), kWorstFirst.end(), answer) -
                                  kWorstFirst.begin());
}

}  // namespace

PathStatus validate_path(const Certificate& leaf, std::span<const Certificate> extra,
                         const Anchors& anchors, std::span<const Crl> crls, const PathRules& rules,
                         base::Time at) {
  PathStatus best;
  best.reason = "certs.untrusted_root";
  RevocationJudge lists(crls, extra, anchors, at);
  const auto visit = [&](const std::vector<Certificate>& path) {
    auto judged = judge(path, lists, rules, at);
    if (best.path.empty() || weight(judged.answer) > weight(best.answer)) {
      best.path = path;
      best.answer = judged.answer;
      best.reason = std::move(judged.reason);
      best.revoked_at = judged.revoked_at;
      best.entry_of_leaf = judged.entry_of_leaf;
    }
    return best.answer == ChainAnswer::trusted;
  };
  const auto work = each_path(leaf, extra, anchors, rules.limits, visit);
  best.work = work;
  best.work.list_checks = lists.checks();
  ERR_clear_error();
  return best;
}

}  // namespace certs
