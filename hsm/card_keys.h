// What Card and make_card share: a session for one deed, and the two deeds. Private to this room.
#pragma once

#include "hsm/pkcs11_objects.h"

namespace hsm::p11 {

/// A session that closes itself: errors leave no half-done operation behind.
class OneSession {
 public:
  explicit OneSession(const Login& login) : login_(login) { rv_ = login.open_session(session_); }
  ~OneSession() {
    if (rv_ == 0) login_.close_session(session_);
  }
  OneSession(const OneSession&) = delete;
  OneSession& operator=(const OneSession&) = delete;
  Rv rv() const { return rv_; }
  Handle get() const { return session_; }

 private:
  const Login& login_;
  Handle session_ = 0;
  Rv rv_;
};

/// What a private key of a card must look like: for signing or for agreement, and for nothing else.
Attributes wanted_on_card(bool agrees);

/// r‖s over SHA-256 of the message, verified with `spki`.
/// Errors: unavailable `hsm.unavailable`, `hsm.wrong_signature`.
base::Result<base::Bytes> sign_es256(const Login& login, Handle key, std::string_view label,
                                     base::BytesView spki, base::BytesView message);
/// Errors: invalid_argument `hsm.public_key`; unavailable `hsm.unavailable`.
base::Result<base::Secret> agree_p256(const Login& login, Handle key, base::BytesView peer_spki);

}  // namespace hsm::p11
