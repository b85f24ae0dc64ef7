#include "certs/chain.h"

#include <algorithm>

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
  static const Purpose kTimestamp{"timestamp",
                                  usage(oid::kTimestampUse, kDigitalSignature | kNonRepudiation)};
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
constexpr int kAuthorityCompromise = 2;

/// RFC 3161 §4: revoked without a reason or as compromised, a time-stamp key vouches for no moment,
/// past ones included.
bool voids_all_stamps(int reason) {
  return reason == 0 || reason == kKeyCompromise || reason == kAuthorityCompromise;
}

/// What the newest list that reaches to `at` says of the leaf, whether it was revoked by then or
/// later: why it was matters for earlier moments too.
std::optional<RevokedEntry> revoked_ever(const std::vector<Certificate>& path,
                                         std::span<const Crl> crls, base::Time at) {
  if (path.size() < 2) return std::nullopt;
  const Crl* newest = nullptr;
  for (const auto& crl : crls) {
    if (crl.next_update() < at || !crl.signed_by(path[1])) continue;
    if (newest == nullptr || crl.this_update() > newest->this_update()) newest = &crl;
  }
  return newest != nullptr ? newest->find(path[0]) : std::nullopt;
}

void revoke(ChainStatus& status, base::Time since, const char* reason) {
  status.answer = ChainAnswer::revoked;
  status.reason = reason;
  status.revoked_at = since;
}

/// What a key in other hands does to what it signed: 电子签名法 15.
void limit_by_compromise(ChainStatus& status, const TrustEntry& entry, std::span<const Crl> crls,
                         ChainPurpose purpose, base::Time at) {
  const auto revoked = revoked_ever(status.path, crls, at);
  status.compromised_since = entry.compromised_since;
  if (revoked && revoked->reason == kKeyCompromise)
    status.compromised_since =
        std::min(revoked->revoked_at, entry.compromised_since.value_or(revoked->revoked_at));
  const bool stamps = purpose == ChainPurpose::timestamp;
  if (status.compromised_since && (stamps || *status.compromised_since <= at))
    revoke(status, *status.compromised_since, "certs.compromised");
  else if (revoked && stamps && voids_all_stamps(revoked->reason))
    revoke(status, revoked->revoked_at, "certs.stamps_void");
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
  limit_by_entry(status, *entry, at);
  limit_by_compromise(status, *entry, crls, purpose, at);
  status.entry = *entry;
  return status;
}

}  // namespace certs
