// A pile of certificates and revocation lists, as a stranger hands them in: DER values one behind
// the other. The first is the leaf, every third of the rest an anchor too, the others come along.
#include "certs/path_judge.h"

#include "base/check.h"
#include "certs/revocation.h"

namespace {

/// The length of the DER value at the start of `octets`; 0 when there is none.
std::size_t value_size(base::BytesView octets) {
  if (octets.size() < 2) return 0;
  std::size_t size = octets[1];
  std::size_t head = 2;
  if (size >= 0x80) {
    const std::size_t count = size & 0x7f;
    if (count == 0 || count > 3 || octets.size() < 2 + count) return 0;
    size = 0;
    for (std::size_t i = 0; i < count; ++i) size = size << 8 | octets[2 + i];
    head += count;
  }
  return size <= octets.size() - head ? head + size : 0;
}

void judge(const std::vector<certs::Certificate>& pile, const std::vector<certs::Crl>& crls,
           const std::vector<certs::Certificate>& roots, const certs::PathRules& rules) {
  const auto& leaf = pile.front();
  const auto status =
      certs::validate_path(leaf, pile, {roots, pile}, crls, rules, leaf.not_before());
  const auto& work = status.work;
  base::check(work.signature_checks <= rules.limits.signature_checks &&
                  work.paths <= rules.limits.paths &&
                  work.list_checks <= certs::RevocationJudge::kMostChecks,
              "a bound does not hold");
  if (status.answer != certs::ChainAnswer::trusted) return;
  base::check(status.path.front().sha256() == leaf.sha256(), "a path of another leaf");
  base::check(status.path.size() <= rules.limits.depth, "a path past its bound");
  bool ends = false;
  for (const auto& root : roots) ends = ends || root.sha256() == status.path.back().sha256();
  base::check(ends, "a trusted path ends at no anchor");
  for (std::size_t i = 0; i + 1 < status.path.size(); ++i)
    base::check(certs::issued_by(status.path[i], status.path[i + 1]), "a path with a gap");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::BytesView octets(data, size);
  std::vector<certs::Certificate> pile, roots;
  std::vector<certs::Crl> crls;
  while (const auto length = value_size(octets)) {
    const auto one = octets.first(length);
    if (auto certificate = certs::Certificate::from_der(one)) {
      if (pile.size() % 3 == 2) roots.push_back(*certificate);
      pile.push_back(std::move(*certificate));
    } else if (auto crl = certs::Crl::from_der(one)) {
      crls.push_back(std::move(*crl));
    }
    octets = octets.subspan(length);
  }
  if (pile.empty()) return 0;
  certs::PathRules rules;
  judge(pile, crls, roots, rules);
  rules.revocation = false;
  rules.policies.required = true;
  rules.names = {{certs::NameKind::dns, "example.com"}, {certs::NameKind::ip, "127.0.0.1"}};
  judge(pile, crls, roots, rules);
  return 0;
}
