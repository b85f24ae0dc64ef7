// How somebody proved to be who logs in, and how much that is worth. LD/T 01-2020 6.2.6,
// GB/T 22239-2019 8.1.4.1 d, RFC 8176.
//
// There are two kinds of proof: what somebody knows and what he has. One kind is A1, both are A2,
// both with a key among them (asymmetric: nothing that our own database could answer) are A3. Two
// proofs of one kind are one: a text message and a time code are both what somebody has.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/actor.h"

namespace auth {

/// Bits: kept in the database, never renumbered.
enum class Method : std::uint16_t {
  password = 1,
  sms = 2,                ///< 短信验证码
  totp = 4,               ///< RFC 6238
  recovery_code = 8,
  passkey = 16,           ///< WebAuthn; somebody touched it
  passkey_verified = 32,  ///< WebAuthn; it checked a PIN or a finger: two kinds in one
  certificate = 64,       ///< 数字证书: its private key answered
  social_card = 128,      ///< 电子社会保障卡: signed by its platform, which asked for the card's password
  third_party = 256,      ///< an account elsewhere: it stands in the password's place
  third_party_verified = 512,  ///< the same, whose platform says that two kinds were shown there
};

/// A set of methods.
class Methods {
 public:
  Methods() = default;
  Methods(Method one) : bits_(static_cast<std::uint16_t>(one)) {}
  /// Bits that no method has are dropped.
  static Methods from_bits(std::int64_t bits);
  int bits() const { return bits_; }
  bool has(Method one) const { return (bits_ & static_cast<std::uint16_t>(one)) != 0; }
  bool empty() const { return bits_ == 0; }
  Methods with(Methods more) const;
  bool operator==(const Methods&) const = default;

 private:
  std::uint16_t bits_ = 0;
};

/// What these prove together; none for the empty set.
Authentication authentication_of(Methods methods);

/// Authentication method references in the order of RFC 8176 §2, "mfa" last where two kinds stand.
std::vector<std::string_view> amr_of(Methods methods);

/// "password", "sms", …: for the audit trail and message keys.
std::string_view to_text(Method method);

}  // namespace auth
