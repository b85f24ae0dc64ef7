// What follows from a key that was declared compromised. 电子签名法 15; verification.md §3.
#include <algorithm>

#include "api/cli/issuing.h"
#include "base/fail_point.h"

namespace cli {
namespace {

constexpr int kKeyCompromise = 1, kAuthorityCompromise = 2;  // RFC 5280 §5.3.1
constexpr std::chrono::hours kListLife{24 * 7};

/// Serial numbers of what was revoked just now, and whether the key has certificates at all.
struct Revoked {
  std::vector<std::string> serials;
  std::int64_t below = 0;  ///< certificates of an authority whose key it was
  bool any = false;
};

base::Result<Revoked> revoke_all(Officer& officer, const hsm::officers::KeyStep& step) {
  Revoked out;
  const auto now = std::chrono::floor<std::chrono::seconds>(officer.context.clock().now());
  BASE_TRY(auto tx, officer.pool.begin());
  certs::CertificateRegister issued(tx, officer.context.clock(), officer.name);
  for (const auto& key : step.keys) {
    BASE_TRY(const auto rows, issued.list(key.label));
    for (const auto& row : rows) {
      if (row.profile == certs::Profile::root_ca) {
        officer.context.warn(
            "根证书不能由自己吊销；请停止分发并重新建立信任 · a root cannot revoke itself; "
            "withdraw "
            "it and establish trust anew");
        continue;
      }
      out.any = true;
      const auto serial = row.certificate.serial_hex();
      const bool authority = row.profile == certs::Profile::issuing_ca;
      const auto reason = authority ? kAuthorityCompromise : kKeyCompromise;
      if (authority) {
        BASE_TRY(const auto below, issued.revoke_all(row.certificate.public_key_sha256(),
                                                     {"", now, reason, step.since}));
        out.below += below;
      }
      if (row.revoked) continue;
      BASE_TRY_VOID(issued.revoke(row.issuer, {serial, now, reason, step.since}));
      out.serials.push_back(serial);
    }
  }
  BASE_TRY_VOID(tx.commit());
  return out;
}

}  // namespace

base::Result<FinishOutcome> finish_compromise(Officer& officer, const RequestRecord& record) {
  BASE_TRY(const auto step, hsm::officers::read_key_step(record.request.params(), true));
  BASE_TRY(const auto revoked, revoke_all(officer, step));
  base::fail_point("compromise.revoked");
  FinishOutcome out;
  for (const auto& serial : revoked.serials)
    out.lines.push_back("吊销 revoked  " + serial + "  自 since " + base::to_rfc3339(*step.since));
  if (revoked.below > 0)
    out.lines.push_back("吊销其签发的证书 revoked of what it certified: " +
                        std::to_string(revoked.below));
  if (!revoked.any) return out;
  BASE_TRY(auto published,
           publish_lists(officer, kListLife, "密钥泄露 compromised: " + step.keys.front().label));
  out.lines.emplace_back("吊销列表已发布 · the revocation lists are out");
  if (published.published)
    out.lines.push_back("信任列表 trust list  #" + std::to_string(published.published->sequence));
  out.waiting = std::move(published.waiting);
  return out;
}

}  // namespace cli
