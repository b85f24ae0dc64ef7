#include "seal/evidence.h"

#include <algorithm>

#include "certs/chain.h"
#include "certs/crl.h"

namespace seal {
namespace {

class Gathering {
 public:
  Gathering(const certs::TrustList& trust, base::Time now, bool ended_too = false) {
    out_.good_until = base::Time::max();
    for (const auto& der : trust.crls)
      if (auto crl = certs::Crl::from_der(der); crl && crl->this_update() <= now &&
                                                (ended_too || now <= crl->next_update()) &&
                                                !crl->is_delta())
        lists_.push_back(std::move(*crl));
  }

  /// False, and nothing taken, when an authority of the path has no list in force.
  bool take(const std::vector<certs::Certificate>& path) {
    std::vector<const certs::Crl*> needed;
    for (std::size_t i = 1; i < path.size(); ++i) {
      const certs::Crl* newest = nullptr;
      for (const auto& list : lists_)
        if ((newest == nullptr || list.this_update() > newest->this_update()) &&
            list.reasons_covered(path[i - 1]) != 0 && list.signed_by(path[i]))
          newest = &list;
      if (newest == nullptr) return false;
      needed.push_back(newest);
    }
    for (const auto& certificate : path)
      add(out_.evidence.certificates, base::to_bytes(certificate.der()));
    for (const auto* list : needed) {
      add(out_.evidence.revocation_lists, base::to_bytes(list->der()));
      out_.good_until = std::min(out_.good_until, list->next_update());
    }
    return !path.empty();
  }

  GatheredEvidence out() { return std::move(out_); }

 private:
  static void add(std::vector<base::Bytes>& all, base::Bytes one) {
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(std::move(one));
  }

  std::vector<certs::Crl> lists_;
  GatheredEvidence out_;
};

base::Error stale(const certs::Certificate& whose) {
  return base::error(base::Code::unavailable, "seal.revocation_stale",
                     "no revocation list in force for " + whose.subject());
}

void take_stampers(Gathering& all, const certs::TrustList& trust, base::Time now) {
  for (const auto& entry : trust.entries) {
    if (entry.purpose != "timestamp" || (entry.until && *entry.until < now)) continue;
    const auto status =
        certs::validate(entry.certificate, {}, trust, certs::ChainPurpose::timestamp, now);
    if (status.answer == certs::ChainAnswer::trusted) all.take(status.path);
  }
}

}  // namespace

base::Result<GatheredEvidence> evidence_for_sealing(const certs::Certificate& seal,
                                                    std::span<const certs::Certificate> chain,
                                                    const certs::TrustList& trust, base::Time now) {
  Gathering all(trust, now);
  const auto own = certs::validate(seal, chain, trust, certs::ChainPurpose::seal, now);
  // A seal that may not be used is not our question: whoever judges the document says so.
  if (!all.take(own.path) && !own.path.empty()) return stale(seal);
  take_stampers(all, trust, now);
  return all.out();
}

base::Result<GatheredEvidence> evidence_for_stamping(const certs::TrustList& trust,
                                                     base::Time now) {
  Gathering all(trust, now);
  take_stampers(all, trust, now);
  return all.out();
}

pdf::Evidence evidence_for_archive(std::span<const certs::Certificate> held,
                                   const certs::TrustList& trust, base::Time now) {
  Gathering all(trust, now, true);
  for (const auto& certificate : held)
    all.take(certs::validate(certificate, held, trust, certs::ChainPurpose::any, now).path);
  return all.out().evidence;
}

}  // namespace seal
