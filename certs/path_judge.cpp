#include "certs/path_judge.h"

#include <openssl/x509v3.h>

#include "certs/oids.h"
#include "certs/openssl.h"
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
  if (rules.extended_usage.empty()) return true;
  int critical = 0;
  const auto leaf_usages = usages_of(path.front(), &critical);
  if (leaf_usages ? !has_usage(leaf_usages.get(), rules.extended_usage)
                  : rules.extended_usage_needed)
    return false;
  // RFC 3161 §2.3: one purpose, critical. What stamps time does nothing else.
  if (rules.extended_usage == oid::kTimestampUse && leaf_usages &&
      (critical != 1 || sk_ASN1_OBJECT_num(leaf_usages.get()) != 1))
    return false;
  for (std::size_t i = 1; i + 1 < path.size(); ++i) {
    const auto usages = usages_of(path[i], nullptr);
    if (usages && !has_usage(usages.get(), rules.extended_usage) &&
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
  std::optional<base::Time> revoked_at;
};

/// All times of a path, both ends of each included (RFC 5280 §4.1.2.5; OpenSSL leaves out the last
/// second).
std::optional<Judged> validity(const std::vector<Certificate>& path, base::Time at) {
  for (const auto& certificate : path) {
    if (at < certificate.not_before())
      return Judged{ChainAnswer::not_yet_valid, "certs.not_yet_valid", {}};
    if (at >= certificate.not_after() + std::chrono::seconds(1))
      return Judged{ChainAnswer::expired, "certs.expired", {}};
  }
  return std::nullopt;
}

/// Revocation of each certificate below the anchor. Nothing when all are known to be good.
std::optional<Judged> revocation(const std::vector<Certificate>& path, RevocationJudge& lists) {
  bool unknown = false;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const auto found = lists.of(path, i);
    if (found.standing == Standing::revoked)
      return Judged{ChainAnswer::revoked, i == 0 ? "certs.revoked" : "certs.authority_revoked",
                    found.revoked_at};
    unknown = unknown || found.standing == Standing::unknown;
  }
  if (unknown) return Judged{ChainAnswer::unsure, "certs.no_revocation_data", {}};
  return std::nullopt;
}

Judged judge(const std::vector<Certificate>& path, RevocationJudge& lists, const PathRules& rules,
             base::Time at) {
  if (!straight_path_holds(path, rules.extended_usage == oid::kTimestampUse, rules.policies))
    return {ChainAnswer::untrusted, "certs.chain_invalid", {}};
  if (!may_be_used(path, rules)) return {ChainAnswer::untrusted, "certs.wrong_purpose", {}};
  for (const auto& name : rules.names)
    if (!is_named(path.front(), name)) return {ChainAnswer::untrusted, "certs.wrong_name", {}};
  const auto revoked = rules.revocation ? revocation(path, lists) : std::nullopt;
  if (revoked && revoked->answer == ChainAnswer::revoked) return *revoked;
  if (auto outside = validity(path, at)) return *outside;
  if (revoked) return *revoked;
  return {ChainAnswer::trusted, "certs.trusted", {}};
}

/// When no path is trusted, what is most telling about the best of them.
int weight(ChainAnswer answer) {
  switch (answer) {
    case ChainAnswer::trusted:
      return 5;
    case ChainAnswer::revoked:
      return 4;
    case ChainAnswer::unsure:
      return 3;
    case ChainAnswer::expired:
      return 2;
    case ChainAnswer::not_yet_valid:
      return 1;
    case ChainAnswer::untrusted:
      return 0;
  }
  return 0;
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
