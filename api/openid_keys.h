// With which keys the OpenID provider signs now, and which it publishes beside them.
//
// Of a family of labels ("openid-*": openid-1, openid-2, …) the next key is published as soon as
// its certificate lies in the PKI directory and the trust list knows it; it signs `publish_ahead`
// after that certificate begins, so that every client has fetched it by then; its predecessor stays
// published for `keep_earlier` after that. All instances come to the same by the certificates and
// the clock alone. docs/decisions/0104-token-keys.md
#pragma once

#include <string>
#include <vector>

#include "api/handlers.h"
#include "auth/working_keys.h"

namespace api {

/// One key of a family, as its certificate and the trust list have it.
struct TokenKeyLife {
  std::string label;
  base::Time begins;  ///< of its certificate
  base::Time ends;    ///< of its use
};
/// Of the lives of one family, highest number first, those to publish, and the one that signs,
/// which is an index into what is given. None signs: an index past the end. No I/O.
struct KeyTurns {
  std::size_t signs = 0;
  std::vector<std::size_t> published;
};
KeyTurns key_turns(const std::vector<TokenKeyLife>& lives, base::Time now,
                   std::chrono::seconds publish_ahead, std::chrono::seconds keep_earlier);

struct OpenidKeys {
  auth::Provider::SigningKeys keys;
  std::string names;    ///< for the log, and to see whether they are others
  std::string refused;  ///< auth::WorkingKeys::Turn
};
/// A plain label is taken as it is. ES256 must be there, RS256 and EdDSA may. With `working` the
/// token's P-256 key endorses what signs (docs/decisions/0133-working-keys.md); null: it signs.
/// Errors: unavailable `api.no_trust_list`, `hsm.unavailable`; not_found `api.no_key`; those of the
/// signer.
base::Result<OpenidKeys> choose_openid_keys(Services& services, auth::WorkingKeys* working);

/// The token's data-wrapping key, for working keys. Thread-safe.
class SignerWrapper final : public auth::KeyWrapper {
 public:
  explicit SignerWrapper(hsm::Client& signer) : signer_(signer) {}
  base::Result<base::Bytes> wrap(std::string_view name, const base::Secret& secret) override {
    return signer_.wrap(name, secret);
  }
  base::Result<base::Secret> unwrap(std::string_view name, base::BytesView wrapped) override {
    return signer_.unwrap(name, wrapped);
  }

 private:
  hsm::Client& signer_;
};

}  // namespace api
