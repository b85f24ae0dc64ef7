#include "certs/chain.h"

#include <array>

#include "certs/crl.h"
#include "certs/oids.h"
#include "certs/openssl.h"
#include "certs/path.h"

namespace certs {
namespace {

struct PurposeRule {
  ChainPurpose purpose;
  std::string_view listed_as;  ///< TrustEntry::purpose
  const char* use;             ///< extended key usage that the leaf must carry
  std::uint32_t one_of_key_usage;
};

constexpr std::array kPurposes{
    PurposeRule{ChainPurpose::seal, "seal", oid::kSealUse,
                KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION},
    PurposeRule{ChainPurpose::timestamp, "timestamp", oid::kTimestampUse,
                KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION},
    PurposeRule{ChainPurpose::openid, "openid", oid::kOpenidUse, KU_DIGITAL_SIGNATURE},
    PurposeRule{ChainPurpose::document_code, "document_code", oid::kDocumentCodeUse,
                KU_DIGITAL_SIGNATURE},
};

const PurposeRule* rule_of(ChainPurpose purpose) {
  for (const auto& rule : kPurposes)
    if (rule.purpose == purpose) return &rule;
  return nullptr;
}

using ExtendedKeyUsage = Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;

ExtendedKeyUsage uses_of(const Certificate& certificate, int* critical) {
  return ExtendedKeyUsage(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(raw(certificate), NID_ext_key_usage, critical, nullptr)));
}

bool names_use(const EXTENDED_KEY_USAGE* uses, const char* wanted) {
  const Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(wanted, 1));
  for (int i = 0; i < sk_ASN1_OBJECT_num(uses); ++i)
    if (OBJ_cmp(sk_ASN1_OBJECT_value(uses, i), object.get()) == 0) return true;
  return false;
}

/// The leaf may do what `rule` asks, and each authority above it was allowed to allow that.
bool may_be_used(const std::vector<Certificate>& path, const PurposeRule& rule) {
  const Certificate& leaf = path.front();
  X509* x509 = raw(leaf);
  if (X509_check_ca(x509) != 0) return false;
  if ((X509_get_extension_flags(x509) & EXFLAG_KUSAGE) == 0 ||
      (X509_get_key_usage(x509) & rule.one_of_key_usage) == 0)
    return false;
  int critical = 0;
  const auto leaf_uses = uses_of(leaf, &critical);
  if (!leaf_uses || !names_use(leaf_uses.get(), rule.use)) return false;
  // RFC 3161 §2.3: one purpose, critical. What stamps time does nothing else.
  if (rule.purpose == ChainPurpose::timestamp &&
      (critical != 1 || sk_ASN1_OBJECT_num(leaf_uses.get()) != 1))
    return false;
  for (std::size_t i = 1; i + 1 < path.size(); ++i) {
    const auto uses = uses_of(path[i], nullptr);
    if (uses && !names_use(uses.get(), rule.use) && !names_use(uses.get(), oid::kAnyUse))
      return false;
  }
  return true;
}

/// The entry of the leaf's key for this purpose; one in use at `at` before one that is not.
const TrustEntry* listed(const Certificate& leaf, const TrustList& trust, std::string_view purpose,
                         base::Time at) {
  const TrustEntry* found = nullptr;
  for (const auto& entry : trust.entries) {
    if (entry.purpose != purpose ||
        entry.certificate.public_key_sha256() != leaf.public_key_sha256())
      continue;
    const bool in_use = entry.since <= at && (!entry.until || at <= *entry.until);
    if (in_use) return &entry;
    if (found == nullptr) found = &entry;
  }
  return found;
}

/// The newest list by `issuer` that reaches to `at`. When a newer one that does not reach so far
/// exists beside it (a clock that went back), the one that reaches counts.
std::optional<Crl> crl_of(const Certificate& issuer, const std::vector<Crl>& crls, base::Time at) {
  std::optional<Crl> best;
  for (const auto& crl : crls) {
    if (crl.next_update() < at || !crl.signed_by(issuer)) continue;
    if (!best || crl.this_update() > best->this_update()) best = crl;
  }
  return best;
}

ChainStatus status(ChainAnswer answer, std::string reason) {
  ChainStatus out;
  out.answer = answer;
  out.reason = std::move(reason);
  return out;
}

constexpr int kKeyCompromise = 1;  // RFC 5280 §5.3.1
constexpr int kAuthorityCompromise = 2;

/// RFC 3161 §4: revoked without a reason or as compromised, a time-stamp key vouches for no moment,
/// past ones included.
bool voids_all_stamps(ChainPurpose purpose, int reason) {
  return purpose == ChainPurpose::timestamp &&
         (reason == 0 || reason == kKeyCompromise || reason == kAuthorityCompromise);
}

/// Since when others have had the leaf's key: the earlier of what list and revocation list say.
std::optional<base::Time> compromise(const std::vector<Certificate>& path,
                                     const std::vector<Crl>& crls, const TrustEntry* entry,
                                     base::Time at) {
  std::optional<base::Time> since;
  if (entry != nullptr) since = entry->compromised_since;
  if (path.size() < 2) return since;
  const auto crl = crl_of(path[1], crls, at);
  const auto revoked = crl ? crl->find(path[0]) : std::nullopt;
  if (revoked && revoked->reason == kKeyCompromise && (!since || revoked->revoked_at < *since))
    since = revoked->revoked_at;
  return since;
}

/// Revocation of each certificate below the root. Nothing when all are known to be good.
std::optional<ChainStatus> revocation(const std::vector<Certificate>& path,
                                      const std::vector<Crl>& crls, ChainPurpose purpose,
                                      base::Time at) {
  bool unknown = false;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const auto crl = crl_of(path[i + 1], crls, at);
    if (!crl) {
      unknown = true;
      continue;
    }
    const auto entry = crl->find(path[i]);
    if (!entry) continue;
    const bool all_stamps = i == 0 && voids_all_stamps(purpose, entry->reason);
    if (entry->revoked_at > at && !all_stamps) continue;
    auto out = status(ChainAnswer::revoked, i > 0        ? "certs.authority_revoked"
                                            : all_stamps ? "certs.stamps_void"
                                                         : "certs.revoked");
    out.revoked_at = entry->revoked_at;
    return out;
  }
  if (unknown) return status(ChainAnswer::unsure, "certs.no_revocation_data");
  return std::nullopt;
}

/// All times of a path, both ends of each included (RFC 5280 §4.1.2.5; OpenSSL leaves out the last
/// second).
std::optional<ChainStatus> validity(const std::vector<Certificate>& path, base::Time at) {
  for (const auto& certificate : path) {
    if (at < certificate.not_before())
      return status(ChainAnswer::not_yet_valid, "certs.not_yet_valid");
    if (at >= certificate.not_after() + std::chrono::seconds(1))
      return status(ChainAnswer::expired, "certs.expired");
  }
  return std::nullopt;
}

ChainStatus judge(const std::vector<Certificate>& path, const std::vector<Crl>& crls,
                  const TrustList& trust, ChainPurpose purpose, base::Time at) {
  if (!straight_path_holds(path, purpose == ChainPurpose::timestamp))
    return status(ChainAnswer::untrusted, "certs.chain_invalid");
  const TrustEntry* entry = nullptr;
  if (const auto* rule = rule_of(purpose)) {
    if (!may_be_used(path, *rule)) return status(ChainAnswer::untrusted, "certs.wrong_purpose");
    entry = listed(path.front(), trust, rule->listed_as, at);
    if (entry == nullptr) return status(ChainAnswer::untrusted, "certs.not_listed");
  }
  const auto revoked = revocation(path, crls, purpose, at);
  const auto compromised = compromise(path, crls, entry, at);
  auto out = [&] {
    if (compromised && (*compromised <= at || voids_all_stamps(purpose, kKeyCompromise))) {
      auto lost = status(ChainAnswer::revoked, "certs.compromised");
      lost.revoked_at = compromised;
      return lost;
    }
    if (revoked && revoked->answer == ChainAnswer::revoked) return *revoked;
    if (auto outside = validity(path, at)) return *outside;
    if (entry != nullptr && at < entry->since)
      return status(ChainAnswer::not_yet_valid, "certs.not_yet_used");
    if (entry != nullptr && entry->until && at > *entry->until)
      return status(ChainAnswer::expired, "certs.no_longer_used");
    if (revoked) return *revoked;
    return status(ChainAnswer::trusted, "certs.trusted");
  }();
  if (entry != nullptr) out.entry = *entry;
  out.compromised_since = compromised;
  return out;
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

ChainStatus validate(const Certificate& leaf, std::span<const Certificate> extra,
                     const TrustList& trust, ChainPurpose purpose, base::Time at) {
  std::vector<Crl> crls;
  for (const auto& der : trust.crls)
    if (auto crl = Crl::from_der(der)) crls.push_back(std::move(*crl));

  auto best = status(ChainAnswer::untrusted, "certs.untrusted_root");
  each_path(leaf, extra, trust, PathLimits{}, [&](const std::vector<Certificate>& path) {
    auto judged = judge(path, crls, trust, purpose, at);
    if (best.path.empty() || weight(judged.answer) > weight(best.answer)) {
      judged.path = path;
      best = std::move(judged);
    }
    return best.answer == ChainAnswer::trusted;
  });
  return best;
}

}  // namespace certs
