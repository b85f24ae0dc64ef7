#include "certs/publisher.h"

#include <algorithm>

#include "certs/profiles.h"

namespace certs {
namespace {

// RFC 5280 §5.3.1
constexpr int kKeyCompromise = 1, kAuthorityCompromise = 2;

base::Result<base::Bytes> fresh_crl(CertificateRegister& issued, Authority& authority,
                                    const base::Digest& key, std::int64_t least,
                                    base::Time next_update) {
  BASE_TRY(const auto next, issued.next_crl_number(key));
  const auto number = std::max(next, least);
  BASE_TRY(const auto revoked, issued.revocations(key));
  BASE_TRY(auto der, authority.crl(number, revoked, next_update));
  BASE_TRY_VOID(issued.record_crl(key, number, der));
  return der;
}

/// As it was when its key was last used.
base::Result<base::Bytes> last_crl(CertificateRegister& issued, const base::Digest& key) {
  BASE_TRY(auto last, issued.last_crl(key));
  return last.value_or(base::Bytes{});
}

base::Result<base::Bytes> issuing_crl(CertificateRegister& issued, const AuthorityLine& line,
                                      const base::Clock& clock, base::Random& random,
                                      base::Time next_update) {
  const auto key = line.issuing.public_key_sha256();
  if (!line.issuing_key) return last_crl(issued, key);
  Authority issuing(line.issuing_key, line.issuing, clock, random);
  auto fresh = fresh_crl(issued, issuing, key, line.least_issuing_number, next_update);
  if (!fresh.ok() && fresh.error().key == "hsm.key_state") return last_crl(issued, key);
  return fresh;
}

/// An issuing authority of ours, past or present, by its key.
struct Issuing {
  Certificate certificate;
  std::optional<base::Time> compromised_since;
};

/// The present one first, then those before it, the newest first.
std::vector<Issuing> authorities(const std::vector<Issued>& rows, const AuthorityLine& line) {
  std::vector<Issuing> out{{line.issuing, std::nullopt}};
  for (const auto& row : rows) {
    if (row.profile != Profile::issuing_ca || row.issuer != line.root.public_key_sha256()) continue;
    const auto key = row.certificate.public_key_sha256();
    auto known = std::find_if(out.begin(), out.end(), [&](const Issuing& one) {
      return one.certificate.public_key_sha256() == key;
    });
    if (known == out.end()) known = out.insert(out.end(), {row.certificate, std::nullopt});
    if (!row.revoked ||
        (row.revoked->reason != kKeyCompromise && row.revoked->reason != kAuthorityCompromise))
      continue;
    const auto since = row.revoked->invalid_since.value_or(row.revoked->at);
    known->compromised_since = std::min(known->compromised_since.value_or(since), since);
  }
  return out;
}

/// Whoever has an authority's key certifies whom he likes, under any date: what it certified ends
/// at that moment. The keys themselves are in nobody else's hands, so what they signed or stamped
/// before keeps its worth, and they are not called compromised.
void cut_off(TrustEntry& entry, base::Time since) {
  const auto end = std::max(since, entry.since);
  entry.until = std::min(entry.until.value_or(end), end);
}

/// Every key that an issuing authority ever certified and whose work others judge: what is old
/// stays judgeable.
std::vector<TrustEntry> entries(std::vector<Issued> rows, const std::vector<Issuing>& issuers) {
  std::vector<TrustEntry> out;
  for (auto& row : rows) {
    const auto by = std::find_if(issuers.begin(), issuers.end(), [&](const Issuing& one) {
      return one.certificate.public_key_sha256() == row.issuer;
    });
    if (by == issuers.end() || !rule_of(row.profile).listed) continue;
    const auto since = row.certificate.not_before();
    out.push_back({std::string(to_string(row.profile)), std::move(row.agency),
                   std::move(row.agency_code), std::move(row.certificate), since, std::nullopt});
    auto& entry = out.back();
    // A revoked key has ended; since when nothing of it counts is known for a compromised one.
    if (row.revoked) {
      entry.until = std::max(row.revoked->at, since);
      if (row.revoked->reason == kKeyCompromise)
        entry.compromised_since = row.revoked->invalid_since.value_or(row.revoked->at);
    }
    if (by->compromised_since) cut_off(entry, *by->compromised_since);
  }
  std::reverse(out.begin(), out.end());  // oldest first: a list grows at its end
  return out;
}

/// A line's fresh lists, and its authorities into the list and among `issuers`.
base::Result<LineLists> add_line(CertificateRegister& issued, const AuthorityLine& line,
                                 const std::vector<Issued>& rows, const base::Clock& clock,
                                 base::Random& random, TrustList& list,
                                 std::vector<Issuing>& issuers) {
  Authority root(line.root_key, line.root, clock, random);
  LineLists out;
  BASE_TRY(out.root, fresh_crl(issued, root, line.root.public_key_sha256(), line.least_root_number,
                               list.next_update));
  BASE_TRY(out.issuing, issuing_crl(issued, line, clock, random, list.next_update));
  list.roots.push_back(line.root);
  list.crls.push_back(out.root);
  for (auto& one : authorities(rows, line)) {
    const auto key = one.certificate.public_key_sha256();
    list.intermediates.push_back(one.certificate);
    auto crl = out.issuing;
    if (key != line.issuing.public_key_sha256()) {
      BASE_TRY(crl, last_crl(issued, key));
    }
    if (!crl.empty()) list.crls.push_back(std::move(crl));
    issuers.push_back(std::move(one));
  }
  return out;
}

}  // namespace

base::Result<Prepared> prepare(CertificateRegister& issued, const PublishParts& parts,
                               const base::Clock& clock, base::Random& random) {
  const auto now = std::chrono::floor<std::chrono::seconds>(clock.now());
  Prepared out;
  out.wish = parts.wish;
  BASE_TRY(const auto sequence, issued.next_trust_list_sequence());
  out.list.sequence = std::max(sequence, parts.least_sequence);
  out.list.issued = now;
  out.list.next_update = now + parts.life;
  out.list.domain = parts.domain;
  BASE_TRY(auto rows, issued.list());
  std::vector<Issuing> issuers;
  const AuthorityLine first{parts.root_key, parts.issuing_key,       parts.root,
                            parts.issuing,  parts.least_root_number, parts.least_issuing_number};
  BASE_TRY(auto lists, add_line(issued, first, rows, clock, random, out.list, issuers));
  out.root_crl = std::move(lists.root);
  out.issuing_crl = std::move(lists.issuing);
  for (const auto& line : parts.beside) {
    BASE_TRY(auto its, add_line(issued, line, rows, clock, random, out.list, issuers));
    out.beside.push_back(std::move(its));
  }
  out.list.entries = entries(std::move(rows), issuers);
  BASE_TRY(out.list.bodies, issued.bodies().listed(parts.wish));
  return out;
}

base::Result<Published> finish(CertificateRegister& issued, Prepared prepared, std::string jws) {
  BASE_TRY_VOID(issued.record_trust_list(prepared.list, jws));
  if (prepared.wish) BASE_TRY_VOID(issued.bodies().settle(*prepared.wish, prepared.list.sequence));
  return Published{std::move(prepared.root_crl), std::move(prepared.issuing_crl),
                   std::move(prepared.list), std::move(jws), std::move(prepared.beside)};
}

base::Result<Published> publish(CertificateRegister& issued, const PublishParts& parts,
                                const base::Clock& clock, base::Random& random) {
  BASE_TRY(auto prepared, prepare(issued, parts, clock, random));
  Authority root(parts.root_key, parts.root, clock, random);
  BASE_TRY(auto jws, root.sign_trust_list(prepared.list));
  return finish(issued, std::move(prepared), std::move(jws));
}

}  // namespace certs
