// Bits of the key usage extension: the first octet of its BIT STRING. RFC 5280 §4.2.1.3.
#pragma once

#include <cstdint>

namespace certs {

inline constexpr std::uint8_t kDigitalSignature = 0x80;
inline constexpr std::uint8_t kNonRepudiation = 0x40;
inline constexpr std::uint8_t kKeyCertSign = 0x04;
inline constexpr std::uint8_t kCrlSign = 0x02;

}  // namespace certs
