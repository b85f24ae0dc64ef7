// CBOR as authenticators write it (CTAP2 canonical form): a reader that takes one item after the
// other and believes no length. RFC 8949; WebAuthn Level 3 §2.1.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace auth {

/// Integers, byte and text strings, arrays and maps, each of definite length in its shortest form;
/// nothing else exists here but what skip() passes over. The first thing that is not so makes the
/// reader fail, and it stays failed. Views point into the bytes that were given. Not thread-safe.
class CborReader {
 public:
  explicit CborReader(base::BytesView bytes) : bytes_(bytes) {}

  std::optional<std::int64_t> integer();
  std::optional<base::BytesView> byte_string();
  std::optional<std::string_view> text();
  /// How many items (pairs) follow; never more than bytes are left.
  std::optional<std::uint64_t> array();
  std::optional<std::uint64_t> map();
  /// Passes over one item of any kind, nested four deep at most; the bytes that it took.
  std::optional<base::BytesView> skip(int depth = 4);

  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && at_ == bytes_.size(); }
  std::size_t position() const { return at_; }

 private:
  struct Head {
    int kind = 0;
    std::uint64_t value = 0;
  };
  std::optional<Head> head();
  std::optional<std::uint64_t> head_of(int kind);
  std::optional<base::BytesView> take(std::uint64_t size);

  base::BytesView bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace auth
