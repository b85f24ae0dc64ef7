// What the verbs about keys and certificates share: the signer's officer socket, the register, the
// files.
#pragma once

#include <memory>
#include <string>

#include "api/cli/commands.h"
#include "certs/pki_directory.h"
#include "certs/publisher.h"
#include "hsm/client.h"
#include "store/store.h"

namespace cli {

/// Who is at the keyboard, for the audit trail: "officer:<login name>".
std::string officer_name();

/// Everything that an act of an officer needs, opened once.
struct Officer {
  const Config& config;
  Context& context;
  std::string name = officer_name();
  hsm::Client signer;
  store::Pool pool;
  certs::PkiDirectory pki;

  Officer(const Config& config_in, Context& context_in);
};

/// The two authorities, as plan or directory names them.
struct Authorities {
  std::shared_ptr<const hsm::Key> root_key;
  std::shared_ptr<const hsm::Key>
      issuing_key;  ///< nothing when the token does not hold it any more
  certs::Certificate root, issuing;
  /// Where there is one: it certifies SM2 keys. docs/decisions/0172-two-roots.md
  std::optional<certs::AuthorityLine> sm2;
};
/// Finds the keys by the certificates in the PKI directory; the root's must be there.
/// Errors: unavailable `certs.pki_file`, `hsm.unavailable`; not_found `cli.key_missing`.
base::Result<Authorities> authorities(Officer& officer);

/// `cli.key_missing` about the key of this certificate.
base::Error key_missing(const certs::Certificate& certificate);

/// The trust list of the directory; nothing when there is none.
base::Result<std::optional<certs::TrustList>> published_list(const certs::PkiDirectory& pki);

}  // namespace cli
