#include "certs/chain.h"

#include "certs/oids.h"

namespace certs {
namespace {

struct Purpose {
  std::string_view listed_as;  ///< TrustEntry::purpose; empty: no entry is asked for
  PathRules rules;
};

PathRules usage(const char* extended, std::uint32_t one_of_key_usage) {
  PathRules rules;
  rules.extended_usage = extended;
  rules.one_of_key_usage = one_of_key_usage;
  rules.end_entity = true;
  return rules;
}

const Purpose& purpose_of(ChainPurpose purpose) {
  static const Purpose kSeal{"seal", usage(oid::kSealUse, kDigitalSignature | kNonRepudiation)};
  static const Purpose kTimestamp = [] {
    Purpose stamps{"timestamp", usage(oid::kTimestampUse, kDigitalSignature | kNonRepudiation)};
    stamps.rules.stamps = true;
    return stamps;
  }();
  static const Purpose kOpenid{"openid", usage(oid::kOpenidUse, kDigitalSignature)};
  static const Purpose kDocumentCode{"document_code",
                                     usage(oid::kDocumentCodeUse, kDigitalSignature)};
  static const Purpose kAny{};
  switch (purpose) {
    case ChainPurpose::seal:
      return kSeal;
    case ChainPurpose::timestamp:
      return kTimestamp;
    case ChainPurpose::openid:
      return kOpenid;
    case ChainPurpose::document_code:
      return kDocumentCode;
    case ChainPurpose::any:
      return kAny;
  }
  return kAny;
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

constexpr int kKeyCompromise = 1;  // RFC 5280 §5.3.1

/// Since when others have had the leaf's key: the earlier of what list and revocation list say.
std::optional<base::Time> compromise(const ChainStatus& status, const TrustEntry& entry) {
  auto since = entry.compromised_since;
  const auto& revoked = status.entry_of_leaf;
  if (revoked && revoked->reason == kKeyCompromise && (!since || revoked->revoked_at < *since))
    since = revoked->revoked_at;
  return since;
}

/// What the entry's own times add to what the path says. Revoked stays revoked.
void limit_by_entry(ChainStatus& status, const TrustEntry& entry, base::Time at) {
  if (status.answer != ChainAnswer::trusted && status.answer != ChainAnswer::unsure) return;
  if (at < entry.since) {
    status.answer = ChainAnswer::not_yet_valid;
    status.reason = "certs.not_yet_used";
  } else if (entry.until && at > *entry.until) {
    status.answer = ChainAnswer::expired;
    status.reason = "certs.no_longer_used";
  }
}

}  // namespace

ChainStatus validate(const Certificate& leaf, std::span<const Certificate> extra,
                     const TrustList& trust, ChainPurpose purpose, base::Time at) {
  std::vector<Crl> crls;
  for (const auto& der : trust.crls)
    if (auto crl = Crl::from_der(der)) crls.push_back(std::move(*crl));
  const auto& asked = purpose_of(purpose);
  const Anchors anchors{trust.roots, trust.intermediates};
  ChainStatus status{validate_path(leaf, extra, anchors, crls, asked.rules, at), {}, {}};
  if (asked.listed_as.empty() || status.answer == ChainAnswer::untrusted) return status;
  const TrustEntry* entry = listed(leaf, trust, asked.listed_as, at);
  if (entry == nullptr) {
    status.answer = ChainAnswer::untrusted;
    status.reason = "certs.not_listed";
    status.revoked_at.reset();
    return status;
  }
  status.compromised_since = compromise(status, *entry);
  // A compromised key's stamps vouch for no moment at all.
  if (status.compromised_since && (*status.compromised_since <= at || asked.rules.stamps)) {
    status.answer = ChainAnswer::revoked;
    status.reason = "certs.compromised";
    status.revoked_at = status.compromised_since;
  }
  limit_by_entry(status, *entry, at);
  status.entry = *entry;
  return status;
}

}  // namespace certs
