// 电子防伪码, the document code: what a person types. LD/T 01-2020 5.4.2.4; verification.md §2.5.
//
// Twenty Crockford symbols, XXXX-XXXX-XXXX-XXXX-XXXX: format, shard/flags, 16 symbols of 80 random
// bits, two Reed–Solomon checks over GF(32). Every one- and two-symbol error is found, so a code
// whose checks fail is a typo, and a code whose checks hold but that nobody issued is a forgery.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace verify {

class DocumentCode {
 public:
  /// A fresh code. `shard` is 0..31.
  static DocumentCode mint(base::Random& random, std::uint8_t shard = 0);
  /// Reads what people type: any case, spaces, hyphens, dots, full-width forms; O is 0, I and L
  /// are 1. Errors: invalid_argument `verify.code.length`, `verify.code.symbol` (a character that
  /// no code has), `verify.code.typo` (the checks fail; args "position", counted from 1, when one
  /// wrong symbol is located: offer it to the reader, never mend it silently), `verify.code.format`
  /// (the checks hold but no code of ours begins so).
  static base::Result<DocumentCode> parse(std::string_view typed);

  std::string text() const;    ///< 20 symbols, no hyphens
  std::string pretty() const;  ///< with hyphens
  std::uint8_t shard() const;
  std::array<std::uint8_t, 10> random_bits() const;

  bool operator==(const DocumentCode&) const = default;

 private:
  std::array<std::uint8_t, 20> symbols_{};
};

/// The key under which a code is stored: HMAC-SHA-256(pepper, shard symbol ‖ 80 bits)[0:16]. A
/// stolen database prints no working codes.
using CodeDigest = std::array<std::uint8_t, 16>;
CodeDigest digest_of(const DocumentCode& code, const base::Secret& pepper);

}  // namespace verify
