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
  auto failure = base::error(base::Code::not_found, "cli.key_missing", certificate.subject());
  failure.args = {{"key", certificate.common_name()}};
  return failure;
}

}  // namespace

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
  BASE_TRY(auto issuing_key, key_of(officer, keys, issuing));
  return Authorities{std::move(root_key), std::move(issuing_key), std::move(root),
                     std::move(issuing)};
}

base::Result<std::optional<certs::TrustList>> published_list(const certs::PkiDirectory& pki) {
  if (!pki.has(certs::PkiDirectory::kTrustList)) return std::optional<certs::TrustList>{};
  BASE_TRY(const auto jws, pki.read(certs::PkiDirectory::kTrustList));
  BASE_TRY(auto list, certs::TrustList::parse(jws));
  return std::optional(std::move(list));
}

base::Result<certs::Published> publish(Officer& officer, const Authorities& with,
                                       std::chrono::hours life, std::optional<std::int64_t> wish) {
  // One that cannot be read says nothing about sequences; the register does.
  const auto read = published_list(officer.pki);
  const auto before = read ? *read : std::nullopt;
  const certs::PublishParts parts{with.root_key,
                                  with.issuing_key,
                                  with.root,
                                  with.issuing,
                                  officer.config.domain,
                                  life,
                                  before ? before->sequence + 1 : 1,
                                  wish};
  BASE_TRY(auto tx, officer.pool.begin());
  certs::CertificateRegister issued(tx, officer.context.clock(), officer.name);
  BASE_TRY(auto prepared,
           certs::prepare(issued, parts, officer.context.clock(), officer.context.random()));
  // What officers approve is prepared.list; the signer looks at it again.
  certs::Authority root(with.root_key, with.root, officer.context.clock(),
                        officer.context.random());
  BASE_TRY(auto jws, root.sign_trust_list(prepared.list));
  BASE_TRY(auto published, certs::finish(issued, std::move(prepared), std::move(jws)));
  base::fail_point("publish.signed");
  BASE_TRY_VOID(tx.commit());
  base::fail_point("publish.recorded");
  using Files = certs::PkiDirectory;
  BASE_TRY_VOID(officer.pki.write(Files::kRootCrl, base::as_text(published.root_crl)));
  BASE_TRY_VOID(officer.pki.write(Files::kIssuingCrl, base::as_text(published.issuing_crl)));
  BASE_TRY_VOID(officer.pki.write(Files::kTrustList, published.jws));
  return published;
}

}  // namespace cli
