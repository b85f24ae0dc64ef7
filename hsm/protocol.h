// What runs over the signer's socket: length-prefixed binary frames, one request or answer each,
// matched by id. Strict: a frame that is too long, cut short, or has bytes to spare is refused, and
// with it the connection (either side may be hostile).
//
//   frame   := length:u32 payload                       (big-endian; length counts the payload)
//   request := version:u8 kind:u8 id:u64 deadline_ms:u32 body
//   answer  := version:u8 kind|0x80 or 0xff:u8 id:u64 body      id 0: about the connection itself
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "hsm/client.h"
#include "hsm/key.h"

namespace hsm::wire {

inline constexpr std::size_t kMostRequestBytes = 8 * 1024;
inline constexpr std::size_t kMostOfficersRequestBytes = 4 * 1024 * 1024;  ///< through their door
inline constexpr std::size_t kMostAnswerBytes = 16 * 1024 * 1024;          // 20,000 keys
inline constexpr std::size_t kMostNameBytes = 256;

enum class Kind : std::uint8_t {
  health = 1,
  keys = 2,
  sign = 3,
  wrap = 4,
  unwrap = 5,
  key = 6,
  officers = 7
};
std::string_view to_string(Kind kind);

struct Request {
  Kind kind = Kind::health;
  std::uint64_t id = 0;
  std::uint32_t deadline_ms = 0;
  std::string name;  ///< key, sign: key label; wrap, unwrap: the secret's name; officers: the verb
  std::string key_id;  ///< sign: the id the caller believes this key to have, hex
  /// sign: what is to be signed (hsm/algorithm.h); wrap: the secret; unwrap: the wrapping;
  /// officers: what the verb is about (hsm/officers/conductor.h)
  base::Bytes data;
};

struct Answer {
  std::uint64_t id = 0;
  Kind kind = Kind::health;  ///< of the request; meaningless with an Error
  /// key: the one key in a list
  std::variant<base::Error, SignerHealth, std::vector<KeyInfo>, base::Bytes> body;
};

/// Whole frames, length included.
base::Bytes encode(const Request& request);
base::Bytes encode(const Answer& answer);
/// Errors: invalid_argument `hsm.frame` naming what is wrong.
base::Result<Request> decode_request(base::BytesView payload);
base::Result<Answer> decode_answer(base::BytesView payload);

/// Cuts a stream of bytes into payloads.
class FrameReader {
 public:
  explicit FrameReader(std::size_t most) : most_(most) {}
  void feed(base::BytesView bytes);
  /// The next whole payload, valid until the next call of feed or next; nothing when more bytes are
  /// needed. Errors: invalid_argument `hsm.frame`; the stream is then lost.
  base::Result<std::optional<base::BytesView>> next();
  /// Overwrites what has been read: frames may carry secrets.
  ~FrameReader();
  FrameReader(FrameReader&&) = default;
  FrameReader& operator=(FrameReader&&) = delete;

 private:
  std::size_t most_;
  base::Bytes buffer_;
  std::size_t taken_ = 0;
};

}  // namespace hsm::wire
