// An officer's card: a token of their own with a key that signs, a key that opens their share of a
// backup, and a certificate. A SoftHSM token stands in for a smart card in demonstrations and
// tests.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace hsm {

inline constexpr std::string_view kCardSignLabel = "officer-sign";
inline constexpr std::string_view kCardShareLabel = "officer-share";

struct CardConfig {
  std::filesystem::path module;
  std::string label;
  std::string serial;  ///< empty: any card of that label
  base::Secret pin;
  bool writable = false;  ///< to store a certificate or change the PIN
};

/// Logged in from open() to the end: one login in a process at a time, as Token and KeyMaker. A PIN
/// is tried once. Not thread-safe.
class Card {
 public:
  /// Both keys are looked for, their attributes held against what a card's keys must be, and their
  /// ids against their public halves.
  /// Errors: unavailable `hsm.module`, `hsm.in_use`, `hsm.no_token`, `hsm.card_pin`,
  /// `hsm.unavailable`; conflict `hsm.card` naming what is wrong with the card.
  static base::Result<std::unique_ptr<Card>> open(CardConfig config, base::Random& random);
  ~Card();
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;

  const std::string& label() const;
  const std::string& serial() const;
  const base::Bytes& public_key() const;   ///< SubjectPublicKeyInfo of the key that signs
  const base::Bytes& share_key() const;    ///< SubjectPublicKeyInfo of the agreement key
  const base::Bytes& certificate() const;  ///< DER, of the key that signs; empty: none stored

  /// ES256 (RFC 7518 §3.4): r‖s, 64 bytes; verified before it is given out.
  /// Errors: unavailable `hsm.unavailable`, `hsm.wrong_signature`.
  base::Result<base::Bytes> sign(base::BytesView message) const;
  /// ECDH with a P-256 key: the x coordinate, 32 bytes.
  /// Errors: invalid_argument `hsm.public_key`; unavailable `hsm.unavailable`.
  base::Result<base::Secret> agree(base::BytesView peer_spki) const;
  /// Replaces the one that is there. Errors: conflict `hsm.card` (not a certificate of the key that
  /// signs); unavailable `hsm.unavailable`.
  base::Result<void> store_certificate(base::BytesView der);
  /// Errors: unavailable `hsm.card_pin` (the old one is wrong, the new one not to the card's
  /// taste).
  base::Result<void> change_pin(const base::Secret& old_pin, const base::Secret& new_pin);

 private:
  struct State;
  explicit Card(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct NewCard {
  std::filesystem::path module;
  std::string label;                ///< 1 to 32 bytes
  std::filesystem::path directory;  ///< of a software token, empty or not there yet; empty path: a
                                    ///< device, initialised with its maker's tool
  base::Secret so_pin;  ///< of a software token; opens it when the PIN is lost
  base::Secret pin;
};
/// Makes the two keys, on an empty card. Each is proven while it lives in the session only, and
/// then kept unchangeable, as KeyMaker does. Errors: conflict `hsm.not_empty`, `hsm.label_taken`;
/// unavailable `hsm.generate`, `hsm.token_directory`; those of Card::open.
base::Result<void> make_card(const NewCard& card, base::Random& random);

}  // namespace hsm
