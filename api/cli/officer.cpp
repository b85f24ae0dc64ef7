#include "api/cli/officer.h"

#include <pwd.h>
#include <unistd.h>

#include "base/fail_point.h"

namespace cli {
namespace {

base::Result<std::shared_ptr<const hsm::Key>> key_of(Officer& officer,
                                                     const std::vector<hsm::KeyInfo>& keys,
                                                     const certs::Certificate& certificate) {
  const auto wanted = certificate.public_key();
  for (const auto& info : keys)
    if (info.public_key == wanted) return officer.signer.key(info.label);
  return key_missing(certificate);
}

}  // namespace

base::Error key_missing(const certs::Certificate& certificate) {
  auto failure = base::error(base::Code::not_found, "cli.key_missing", certificate.subject());
  failure.args = {{"key", certificate.common_name()}};
  return failure;
}

std::string officer_name() {
  const passwd* entry = ::getpwuid(::getuid());
  return "officer:" + (entry != nullptr ? std::string(entry->pw_name) : std::to_string(::getuid()));
}

Officer::Officer(const Config& config_in, Context& context_in)
    : config(config_in),
      context(context_in),
      signer({config_in.signer.officer_socket, config_in.signer.deadline, 1}),
      pool({.conninfo = config_in.database.service, .connections = 1}),
      pki(config_in.pki_directory) {}

base::Result<Authorities> authorities(Officer& officer) {
  BASE_TRY(auto root, officer.pki.certificate(certs::PkiDirectory::kRoot));
  BASE_TRY(auto issuing, officer.pki.certificate(certs::PkiDirectory::kIssuing));
  BASE_TRY(const auto keys, officer.signer.keys());
  BASE_TRY(auto root_key, key_of(officer, keys, root));
  auto issuing_key = key_of(officer, keys, issuing);
  if (!issuing_key.ok() && issuing_key.error().key != "cli.key_missing") return issuing_key.error();
  Authorities out{std::move(root_key), issuing_key.ok() ? *issuing_key : nullptr, std::move(root),
                  std::move(issuing), std::nullopt};
  if (!officer.pki.has(certs::PkiDirectory::kRootSm2)) return out;
  BASE_TRY(auto second_root, officer.pki.certificate(certs::PkiDirectory::kRootSm2));
  BASE_TRY(auto second, officer.pki.certificate(certs::PkiDirectory::kIssuingSm2));
  BASE_TRY(auto second_root_key, key_of(officer, keys, second_root));
  auto second_key = key_of(officer, keys, second);
  if (!second_key.ok() && second_key.error().key != "cli.key_missing") return second_key.error();
  out.sm2 =
      certs::AuthorityLine{std::move(second_root_key), second_key.ok() ? *second_key : nullptr,
                           std::move(second_root), std::move(second)};
  return out;
}

base::Result<std::optional<certs::TrustList>> published_list(const certs::PkiDirectory& pki) {
  if (!pki.has(certs::PkiDirectory::kTrustList)) return std::optional<certs::TrustList>{};
  BASE_TRY(const auto jws, pki.read(certs::PkiDirectory::kTrustList));
  BASE_TRY(auto list, certs::TrustList::parse(jws));
  return std::optional(std::move(list));
}

}  // namespace cli
