#include "certs/revocation.h"

#include <algorithm>

#include "certs/openssl.h"

namespace certs {
namespace {

/// Of one partition: the newest complete list and the newest delta list that reach to the moment.
struct Partition {
  base::BytesView scope;
  const Crl* complete = nullptr;
  std::vector<const Crl*> deltas;
};

bool named_like(const Certificate& signer, const Certificate& issuer) {
  return X509_NAME_cmp(X509_get_subject_name(raw(signer)), X509_get_subject_name(raw(issuer))) == 0;
}

bool in_force(const Certificate& certificate, base::Time at) {
  return at >= certificate.not_before() && at < certificate.not_after() + std::chrono::seconds(1);
}

/// The entry of `certificate` after the delta list has had its say.
std::optional<RevokedEntry> entry_in(const Partition& partition, const Certificate& certificate) {
  const Crl* newest = nullptr;
  for (const auto* delta : partition.deltas)
    if (delta->completes(*partition.complete) &&
        (newest == nullptr || delta->this_update() > newest->this_update()))
      newest = delta;
  if (newest != nullptr) {
    if (const auto entry = newest->find(certificate)) return entry;
    if (newest->removes(certificate)) return std::nullopt;
  }
  return partition.complete->find(certificate);
}

}  // namespace

RevocationJudge::RevocationJudge(std::span<const Crl> crls, std::span<const Certificate> extra,
                                 const Anchors& anchors, base::Time at)
    : crls_(crls.first(std::min(crls.size(), kMostLists))),
      extra_(extra.first(std::min(extra.size(), PathLimits{}.extra))),
      anchors_(anchors),
      at_(at) {}

Revocation RevocationJudge::of(const std::vector<Certificate>& path, std::size_t index) {
  return judge(path, index, true);
}

Revocation RevocationJudge::judge(const std::vector<Certificate>& path, std::size_t index,
                                  bool by_others) {
  const Certificate& certificate = path[index];
  std::vector<Partition> partitions;
  for (const auto& crl : crls_) {
    if (crl.next_update() < at_ || crl.reasons_covered(certificate) == 0 ||
        !believed(crl, path, index, by_others))
      continue;
    auto at = std::find_if(partitions.begin(), partitions.end(), [&](const Partition& one) {
      return std::equal(one.scope.begin(), one.scope.end(), crl.partition().begin(),
                        crl.partition().end());
    });
    if (at == partitions.end()) at = partitions.insert(at, Partition{crl.partition(), {}, {}});
    if (crl.is_delta())
      at->deltas.push_back(&crl);
    else if (at->complete == nullptr || crl.this_update() > at->complete->this_update())
      at->complete = &crl;
  }
  Revocation out;
  std::uint32_t covered = 0;
  for (const auto& partition : partitions) {
    if (partition.complete == nullptr) continue;
    covered |= partition.complete->reasons_covered(certificate);
    const auto entry = entry_in(partition, certificate);
    if (entry && (!out.entry || entry->revoked_at < out.entry->revoked_at)) out.entry = entry;
  }
  out.known = covered == Crl::kAllReasons;
  return out;
}

bool RevocationJudge::signed_by(const Crl& crl, const Certificate& signer) {
  if (checks_ >= kMostChecks) return false;
  ++checks_;
  return crl.signed_by(signer);
}

bool RevocationJudge::believed(const Crl& crl, const std::vector<Certificate>& path,
                               std::size_t index, bool by_others) {
  const Certificate& issuer = path[index + 1];
  if (!crl.issued_by_name_of(issuer)) return false;
  if (signed_by(crl, issuer)) return true;
  if (!by_others) return false;
  // Another key of the same authority, on this same path: it is judged with the path.
  for (std::size_t i = index + 2; i < path.size(); ++i)
    if (named_like(path[i], issuer) && signed_by(crl, path[i])) return true;
  for (const auto pool : {anchors_.known, extra_})
    for (const auto& signer : pool)
      if (named_like(signer, issuer) && signer.sha256() != issuer.sha256() &&
          signed_by(crl, signer) && may_sign(signer, path, index))
        return true;
  return false;
}

/// An authority of the path, from the issuer upwards, certified `signer`, which holds as of now.
bool RevocationJudge::may_sign(const Certificate& signer, const std::vector<Certificate>& path,
                               std::size_t index) {
  // A list about its own signer would vouch for itself.
  if (path[index].sha256() == signer.sha256() || !in_force(signer, at_)) return false;
  for (std::size_t above = index + 1; above < path.size(); ++above) {
    if (checks_ >= kMostChecks) return false;
    ++checks_;
    if (!issued_by(signer, path[above])) continue;
    std::vector<Certificate> its{signer};
    its.insert(its.end(), path.begin() + static_cast<std::ptrdiff_t>(above), path.end());
    if (!straight_path_holds(its, false)) continue;
    const auto standing = judge(its, 0, false);
    if (standing.known && !standing.entry) return true;
  }
  return false;
}

}  // namespace certs
