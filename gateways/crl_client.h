// A revocation list of somebody else's authority, over HTTP. RFC 5280 §4.2.1.13, RFC 2585 §3.
//
// Plain http does: the list is signed, and judged by whoever asked for it.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace gateways {

constexpr std::size_t kCrlMost = 16u << 20;  ///< bytes; a longer one is none for our judge either

/// Thread-safe; each question has a connection of its own.
class CrlClient {
 public:
  /// `deadline` is for the whole exchange, but for the look-up of the host's name. `roots_file`:
  /// PEM, for addresses of https; empty: the system's.
  CrlClient(std::chrono::milliseconds deadline, std::filesystem::path roots_file)
      : deadline_(deadline), roots_file_(std::move(roots_file)) {}
  /// What stands there, whatever it is. An operator or two officers wrote the address down: it may
  /// lead anywhere. Errors: unavailable `gateways.crl`, why in `detail`.
  base::Result<base::Bytes> fetch(const std::string& url) const;

 private:
  const std::chrono::milliseconds deadline_;
  const std::filesystem::path roots_file_;
};

}  // namespace gateways
