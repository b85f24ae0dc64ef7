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
  rules.one_of_extended_usages = {extended};
  rules.one_of_key_usage = one_of_key_usage;
  rules.end_entity = true;
  return rules;
}

const Purpose& purpose_of(ChainPurpose purpose) {
  static const Purpose kSeal{"seal", usage(oid::kSealUse, kDigitalSignature | kNonRepudiation)};
  static const Purpose kSealMaker{"seal_maker",
                                  usage(oid::kSealMakerUse, kDigitalSignature | kNonRepudiation)};
  static const Purpose kTimestamp{"timestamp",
                                  usage(oid::kTimestampUse, kDigitalSignature | kNonRepudiation)};
  static const Purpose kOpenid{"openid", usage(oid::kOpenidUse, kDigitalSignature)};
  static const Purpose kDocumentCode{"document_code",
                                     usage(oid::kDocumentCodeUse, kDigitalSignature)};
  static const Purpose kAny{};
  switch (purpose) {
    case ChainPurpose::seal:
      return kSeal;
    case ChainPurpose::seal_maker:
      return kSealMaker;
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
std::optional<base::Time> compromise(const ChainStatus& status, const TrustEntry* entry) {
  std::optional<base::Time> since;
  if (entry != nullptr) since = entry->compromised_since;
  const auto& revoked = status.entry_of_leaf;
  if (revoked && revoked->reason == kKeyCompromise && (!since || revoked->revoked_at < *since))
    since = revoked->revoked_at;
  return since;
}

/// A lost key is lost whatever else the path says; one that stamped time, for all time.
void limit_by_compromise(ChainStatus& status, ChainPurpose purpose, base::Time at) {
  const auto& since = status.compromised_since;
  if (!since || (*since > at && purpose != ChainPurpose::timestamp)) return;
  status.answer = ChainAnswer::revoked;
  status.reason = "certs.compromised";
  status.revoked_at = since;
}

/// What the entry's own times add to what the path says, in force and not revoked.
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

ChainStatus not_listed(const ChainStatus& judged) {
  ChainStatus status;
  status.reason = "certs.not_listed";
  status.path = judged.path;
  status.work = judged.work;
  return status;
}

}  // namespace

ChainStatus validate(const Certificate& leaf, std::span<const Certificate> extra,
                     const TrustList& trust, ChainPurpose purpose, base::Time at) {
  std::vector<Crl> crls;
  for (const auto& der : trust.crls)
    if (auto crl = Crl::from_der(der)) crls.push_back(std::move(*crl));
  const auto& asked = purpose_of(purpose);
  ChainStatus status{
      validate_path(leaf, extra, {trust.roots, trust.intermediates}, crls, asked.rules, at),
      {},
      {}};
  if (status.answer == ChainAnswer::untrusted) return status;
  const TrustEntry* entry = nullptr;
  if (!asked.listed_as.empty()) {
    entry = listed(leaf, trust, asked.listed_as, at);
    if (entry == nullptr) return not_listed(status);
  }
  status.compromised_since = compromise(status, entry);
  limit_by_compromise(status, purpose, at);
  if (entry != nullptr) {
    limit_by_entry(status, *entry, at);
    status.entry = *entry;
  }
  return status;
}

}  // namespace certs
