#include "certs/publisher.h"

#include <algorithm>

#include "certs/profiles.h"

namespace certs {
namespace {

base::Result<base::Bytes> fresh_crl(CertificateRegister& issued, Authority& authority,
                                    const base::Digest& key, base::Time next_update) {
  BASE_TRY(const auto number, issued.next_crl_number(key));
  BASE_TRY(const auto revoked, issued.revocations(key));
  BASE_TRY(auto der, authority.crl(number, revoked, next_update));
  BASE_TRY_VOID(issued.record_crl(key, number, der));
  return der;
}

constexpr int kKeyCompromise = 1;  // RFC 5280 §5.3.1

/// Every key that the issuing authority ever certified and whose work others judge: what is old
/// stays judgeable.
base::Result<std::vector<TrustEntry>> entries(CertificateRegister& issued,
                                              const base::Digest& issuer) {
  BASE_TRY(auto rows, issued.list());
  std::vector<TrustEntry> out;
  for (auto& row : rows) {
    if (row.issuer != issuer || !rule_of(row.profile).listed) continue;
    const auto since = row.certificate.not_before();
    out.push_back({std::string(to_string(row.profile)), std::move(row.agency),
                   std::move(row.agency_code), std::move(row.certificate), since, std::nullopt});
    if (!row.revoked) continue;
    // A revoked key has ended; since when nothing of it counts is known for a compromised one.
    auto& entry = out.back();
    entry.until = std::max(row.revoked->at, since);
    if (row.revoked->reason == kKeyCompromise)
      entry.compromised_since = row.revoked->invalid_since.value_or(row.revoked->at);
  }
  std::reverse(out.begin(), out.end());  // oldest first: a list grows at its end
  return out;
}

}  // namespace

base::Result<Prepared> prepare(CertificateRegister& issued, const PublishParts& parts,
                               const base::Clock& clock, base::Random& random) {
  const auto now = std::chrono::floor<std::chrono::seconds>(clock.now());
  Authority root(parts.root_key, parts.root, clock, random);
  Authority issuing(parts.issuing_key, parts.issuing, clock, random);
  Prepared out;
  out.wish = parts.wish;
  BASE_TRY(out.root_crl, fresh_crl(issued, root, parts.root.public_key_sha256(), now + parts.life));
  BASE_TRY(out.issuing_crl,
           fresh_crl(issued, issuing, parts.issuing.public_key_sha256(), now + parts.life));

  BASE_TRY(const auto sequence, issued.next_trust_list_sequence());
  out.list.sequence = std::max(sequence, parts.least_sequence);
  out.list.issued = now;
  out.list.next_update = now + parts.life;
  out.list.domain = parts.domain;
  out.list.roots = {parts.root};
  out.list.intermediates = {parts.issuing};
  out.list.crls = {out.root_crl, out.issuing_crl};
  BASE_TRY(out.list.entries, entries(issued, parts.issuing.public_key_sha256()));
  BASE_TRY(out.list.bodies, issued.bodies().listed(parts.wish));
  return out;
}

base::Result<Published> finish(CertificateRegister& issued, Prepared prepared, std::string jws) {
  BASE_TRY_VOID(issued.record_trust_list(prepared.list, jws));
  if (prepared.wish) BASE_TRY_VOID(issued.bodies().settle(*prepared.wish, prepared.list.sequence));
  return Published{std::move(prepared.root_crl), std::move(prepared.issuing_crl),
                   std::move(prepared.list), std::move(jws)};
}

base::Result<Published> publish(CertificateRegister& issued, const PublishParts& parts,
                                const base::Clock& clock, base::Random& random) {
  BASE_TRY(auto prepared, prepare(issued, parts, clock, random));
  Authority root(parts.root_key, parts.root, clock, random);
  BASE_TRY(auto jws, root.sign_trust_list(prepared.list));
  return finish(issued, std::move(prepared), std::move(jws));
}

}  // namespace certs
