#include "api/cli/audit_keys.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/encoding.h"
#include "certs/chain.h"
#include "certs/signature.h"

namespace cli {
namespace {

constexpr std::size_t kMostPem = 64 << 10;
constexpr std::size_t kMostList = 16 << 20;

/// When a certificate of the list stopped being believed, and from when it was: revocation counts
/// from the moment that the lists name.
base::Time end_of(const certs::TrustEntry& entry, const certs::TrustList& list) {
  auto end = entry.certificate.not_after();
  if (entry.until) end = std::min(end, *entry.until);
  const auto status = certs::validate(entry.certificate, {}, list, certs::ChainPurpose::any,
                                      std::min(list.issued, entry.certificate.not_after()));
  if (status.revoked_at) end = std::min(end, *status.revoked_at);
  if (status.answer == certs::ChainAnswer::untrusted) end = base::Time::min();
  return end;
}

}  // namespace

base::Error audit_file_failed(const std::filesystem::path& file, std::string why) {
  auto failure = base::error(base::Code::unavailable, "cli.audit_file", why);
  failure.args = {{"path", file.string()}, {"why", std::move(why)}};
  return failure;
}

base::Result<std::string> read_audit_file(const std::filesystem::path& file, std::size_t most) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return audit_file_failed(file, std::strerror(errno));
  std::string out(most + 1, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return audit_file_failed(file, std::strerror(errno));
  if (out.size() > most) return audit_file_failed(file, "too large");
  return out;
}

void AuditKeys::add(base::BytesView public_key, const char* source, base::Time from,
                    base::Time until) {
  keys_.emplace(store::audit_key_id(public_key), Key{base::to_bytes(public_key), from, until});
  source_ = source;
}

base::Result<void> AuditKeys::add_pem(const std::filesystem::path& file, const char* source) {
  BASE_TRY(const auto pem, read_audit_file(file, kMostPem));
  if (const auto certificate = certs::Certificate::from_pem(pem)) {
    add(certificate->public_key(), source, certificate->not_before(), certificate->not_after());
    certificates_.emplace(store::audit_key_id(certificate->public_key()), *certificate);
    return {};
  }
  const auto key = base::from_pem("PUBLIC KEY", pem);
  if (!key || key->empty()) {
    auto failure = base::error(base::Code::invalid_argument, "cli.audit_key", file.string());
    failure.args = {{"path", file.string()}};
    return failure;
  }
  add(*key, source, base::Time::min(), base::Time::max());
  return {};
}

base::Result<void> AuditKeys::add_file(const std::filesystem::path& file) {
  return add_pem(file, "given");
}

base::Result<void> AuditKeys::add_directory(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code failed;
  for (const auto& one : std::filesystem::directory_iterator(directory, failed)) {
    const auto name = one.path().filename().string();
    if (name.starts_with("audit-") && name.ends_with(".pem")) files.push_back(one.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) BASE_TRY_VOID(add_pem(file, "pki_directory"));
  return {};
}

base::Result<void> AuditKeys::add_trust_list(const std::filesystem::path& file,
                                             const std::optional<base::Digest>& pinned_root) {
  BASE_TRY(auto jws, read_audit_file(file, kMostList));
  while (jws.ends_with('\n')) jws.pop_back();
  BASE_TRY(const auto list, certs::TrustList::parse(jws, pinned_root));
  bool found = false;
  for (const auto& entry : list.entries) {
    if (entry.purpose != "audit") continue;
    found = true;
    add(entry.certificate.public_key(), "trust_list",
        std::max(entry.since, entry.certificate.not_before()), end_of(entry, list));
  }
  if (found) return {};
  auto failure = base::error(base::Code::not_found, "cli.audit_no_key", file.string());
  failure.args = {{"path", file.string()}};
  return failure;
}

void AuditKeys::add_claimed(base::BytesView public_key) {
  add(public_key, "claimed", base::Time::min(), base::Time::max());
}

store::HeadVouch AuditKeys::judge(const store::SignedHead& head) const {
  const auto [from, to] = keys_.equal_range(head.key_id);
  if (from == to) return store::HeadVouch::unknown_key;
  const auto& public_key = from->second.public_key;
  if (!certs::verify_signature(public_key, base::sha256(base::as_bytes(head.signing_input())),
                               head.signature()))
    return store::HeadVouch::wrong_signature;
  // A key may have had several certificates, one after the other.
  const bool alive = std::any_of(from, to, [&](const auto& one) {
    return one.second.from <= head.at && head.at <= one.second.until;
  });
  return alive ? store::HeadVouch::good : store::HeadVouch::outside_life;
}

}  // namespace cli
