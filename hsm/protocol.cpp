#include "hsm/protocol.h"

#include <cstring>

#include "base/encoding.h"
#include "base/secret.h"
#include "hsm/algorithm.h"

namespace hsm::wire {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kAnswerBit = 0x80, kErrorKind = 0xff;
constexpr std::size_t kLengthSize = 4;
constexpr std::size_t kIdBytes = 20;
constexpr std::size_t kMostArgs = 16;

base::Error malformed(std::string_view why) {
  return base::error(base::Code::invalid_argument, "hsm.frame", std::string(why));
}

class Writer {
 public:
  Writer() : out_(kLengthSize) { out_.reserve(256); }
  template <class Number>
  Writer& number(Number value) {
    for (int shift = static_cast<int>(sizeof value) * 8 - 8; shift >= 0; shift -= 8)
      out_.push_back(static_cast<std::uint8_t>(value >> shift));
    return *this;
  }
  Writer& text(base::BytesView bytes) {
    base::check(bytes.size() <= 0xffff, "a field of a frame is too long");
    number(static_cast<std::uint16_t>(bytes.size()));
    base::append(out_, bytes);
    return *this;
  }
  Writer& text(std::string_view words) { return text(base::as_bytes(words)); }
  Writer& blob(base::BytesView bytes) {
    number(static_cast<std::uint32_t>(bytes.size()));
    base::append(out_, bytes);
    return *this;
  }
  base::Bytes frame() {
    const auto size = static_cast<std::uint32_t>(out_.size() - kLengthSize);
    for (std::size_t i = 0; i < kLengthSize; ++i)
      out_[i] = static_cast<std::uint8_t>(size >> (24 - 8 * i));
    return std::move(out_);
  }

 private:
  base::Bytes out_;
};

/// Reads past the end yield zeros and spoil the whole.
class Reader {
 public:
  explicit Reader(base::BytesView bytes) : rest_(bytes) {}
  template <class Number>
  Number number() {
    Number value = 0;
    for (const auto byte : take(sizeof value)) value = static_cast<Number>((value << 8) | byte);
    return value;
  }
  base::BytesView bytes() { return take(number<std::uint16_t>()); }
  base::BytesView blob() { return take(number<std::uint32_t>()); }
  std::string text() { return std::string(base::as_text(bytes())); }
  bool done() const { return good_ && rest_.empty(); }
  bool good() const { return good_; }

 private:
  base::BytesView take(std::size_t count) {
    if (!good_ || count > rest_.size()) {
      good_ = false;
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  base::BytesView rest_;
  bool good_ = true;
};

std::optional<Kind> kind_from(std::uint8_t value) {
  if (value < static_cast<std::uint8_t>(Kind::health) ||
      value > static_cast<std::uint8_t>(Kind::officers))
    return std::nullopt;
  return static_cast<Kind>(value);
}

void write_error(Writer& out, const base::Error& failure) {
  out.number(static_cast<std::uint8_t>(failure.code));
  out.text(failure.key).text(std::string_view(failure.detail).substr(0, 1024));
  const auto count = std::min(failure.args.size(), kMostArgs);
  out.number(static_cast<std::uint8_t>(count));
  for (std::size_t i = 0; i < count; ++i)
    out.text(failure.args[i].first).text(std::string_view(failure.args[i].second).substr(0, 1024));
}

std::optional<base::Error> read_error(Reader& in) {
  base::Error failure;
  const auto code = in.number<std::uint8_t>();
  if (code > static_cast<std::uint8_t>(base::Code::internal)) return std::nullopt;
  failure.code = static_cast<base::Code>(code);
  failure.key = in.text();
  failure.detail = in.text();
  const auto count = in.number<std::uint8_t>();
  if (count > kMostArgs) return std::nullopt;
  for (int i = 0; i < count; ++i) {
    auto name = in.text();
    failure.args.emplace_back(std::move(name), in.text());
  }
  return failure;
}

base::Result<KeyInfo> read_key(Reader& in) {
  KeyInfo key;
  key.label = in.text();
  key.id = KeyId(base::to_hex(in.bytes()));
  const auto algorithm = algorithm_from(in.text());
  const auto protection = in.text();
  const auto purpose = purpose_from(in.text());
  key.public_key = base::to_bytes(in.bytes());
  if (!in.good() || !algorithm || !purpose) return malformed("a key");
  key.algorithm = *algorithm;
  key.purpose = *purpose;
  if (protection == to_string(Protection::token))
    key.protection = Protection::token;
  else if (protection == to_string(Protection::wrapped))
    key.protection = Protection::wrapped;
  else
    return malformed("a key's protection");
  return key;
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::health:
      return "health";
    case Kind::keys:
      return "keys";
    case Kind::sign:
      return "sign";
    case Kind::wrap:
      return "wrap";
    case Kind::unwrap:
      return "unwrap";
    case Kind::officers:
      return "officers";
    case Kind::key:
      return "key";
  }
  base::fail("unknown Kind");
}

base::Bytes encode(const Request& request) {
  Writer out;
  out.number(kVersion).number(static_cast<std::uint8_t>(request.kind));
  out.number(request.id).number(request.deadline_ms);
  if (request.kind == Kind::health || request.kind == Kind::keys) return out.frame();
  out.text(request.name);
  if (request.kind == Kind::key) return out.frame();
  if (request.kind == Kind::sign) out.text(base::from_hex(request.key_id).value_or(base::Bytes{}));
  if (request.kind == Kind::officers) return out.blob(request.data).frame();
  out.text(request.data);
  return out.frame();
}

base::Result<Request> decode_request(base::BytesView payload) {
  Reader in(payload);
  if (in.number<std::uint8_t>() != kVersion) return malformed("another version");
  Request request;
  const auto kind = kind_from(in.number<std::uint8_t>());
  if (!kind) return malformed("unknown kind of request");
  request.kind = *kind;
  request.id = in.number<std::uint64_t>();
  request.deadline_ms = in.number<std::uint32_t>();
  if (*kind != Kind::health && *kind != Kind::keys) {
    request.name = in.text();
    if (*kind == Kind::sign) request.key_id = base::to_hex(in.bytes());
    if (*kind != Kind::key)
      request.data = base::to_bytes(*kind == Kind::officers ? in.blob() : in.bytes());
    if (request.name.empty() || request.name.size() > kMostNameBytes) return malformed("the name");
    if (*kind == Kind::sign && request.key_id.size() != 2 * kIdBytes)
      return malformed("the key id");
    // Which key it is, and with it the exact length, is for the signer to look up.
    if (*kind == Kind::sign && request.data.size() > kMostMessageBytes)
      return malformed("what is to be signed has at most 4096 bytes");
  }
  if (!in.done()) return malformed("cut short, or with bytes to spare");
  if (request.id == 0) return malformed("id 0");
  return request;
}

base::Bytes encode(const Answer& answer) {
  Writer out;
  out.number(kVersion);
  if (const auto* failure = std::get_if<base::Error>(&answer.body)) {
    out.number(kErrorKind).number(answer.id);
    write_error(out, *failure);
    return out.frame();
  }
  out.number(static_cast<std::uint8_t>(static_cast<std::uint8_t>(answer.kind) | kAnswerBit));
  out.number(answer.id);
  if (const auto* health = std::get_if<SignerHealth>(&answer.body)) {
    out.number(static_cast<std::uint8_t>(health->token_up ? 1 : 0));
    out.text(health->token_label).text(health->token_serial).number(health->signatures);
    out.text(std::string_view(health->reason).substr(0, 4096));
  } else if (const auto* keys = std::get_if<std::vector<KeyInfo>>(&answer.body)) {
    out.number(static_cast<std::uint16_t>(keys->size()));
    for (const auto& key : *keys) {
      out.text(key.label).text(base::from_hex(key.id.value()).value_or(base::Bytes{}));
      out.text(hsm::to_string(key.algorithm)).text(hsm::to_string(key.protection));
      out.text(hsm::to_string(key.purpose)).text(key.public_key);
    }
  } else if (answer.kind == Kind::officers) {
    out.blob(std::get<base::Bytes>(answer.body));
  } else {
    out.text(std::get<base::Bytes>(answer.body));
  }
  return out.frame();
}

base::Result<Answer> decode_answer(base::BytesView payload) {
  Reader in(payload);
  if (in.number<std::uint8_t>() != kVersion) return malformed("another version");
  Answer answer;
  const auto kind_byte = in.number<std::uint8_t>();
  answer.id = in.number<std::uint64_t>();
  if (kind_byte == kErrorKind) {
    auto failure = read_error(in);
    if (!failure) return malformed("an error");
    answer.body = std::move(*failure);
  } else {
    const auto kind = kind_from(kind_byte & 0x7f);
    if (!kind || (kind_byte & kAnswerBit) == 0) return malformed("unknown kind of answer");
    answer.kind = *kind;
    if (*kind == Kind::health) {
      SignerHealth health;
      health.token_up = in.number<std::uint8_t>() == 1;
      health.token_label = in.text();
      health.token_serial = in.text();
      health.signatures = in.number<std::uint64_t>();
      health.reason = in.text();
      answer.body = std::move(health);
    } else if (*kind == Kind::keys || *kind == Kind::key) {
      std::vector<KeyInfo> keys;
      for (int left = in.number<std::uint16_t>(); left > 0; --left) {
        BASE_TRY(auto key, read_key(in));
        keys.push_back(std::move(key));
      }
      answer.body = std::move(keys);
    } else {
      answer.body = base::to_bytes(*kind == Kind::officers ? in.blob() : in.bytes());
    }
  }
  if (!in.done()) return malformed("cut short, or with bytes to spare");
  return answer;
}

FrameReader::~FrameReader() {
  base::wipe(buffer_);
}

void FrameReader::feed(base::BytesView bytes) {
  if (taken_ > 0) {
    const auto rest = buffer_.size() - taken_;
    std::memmove(buffer_.data(), buffer_.data() + taken_, rest);
    base::wipe(std::span(buffer_).subspan(rest));
    buffer_.resize(rest);
    taken_ = 0;
  }
  if (buffer_.size() + bytes.size() >
      buffer_.capacity()) {  // grown by hand: the old place is wiped
    base::Bytes larger;
    larger.reserve(std::max<std::size_t>(4096, 2 * (buffer_.size() + bytes.size())));
    larger = buffer_;
    base::wipe(buffer_);
    buffer_.swap(larger);
  }
  base::append(buffer_, bytes);
}

base::Result<std::optional<base::BytesView>> FrameReader::next() {
  const auto rest = base::BytesView(buffer_).subspan(taken_);
  if (rest.size() < kLengthSize) return std::optional<base::BytesView>{};
  Reader in(rest.first(kLengthSize));
  const std::size_t size = in.number<std::uint32_t>();
  if (size > most_) return malformed("longer than allowed");
  if (size < 2) return malformed("too short to be anything");
  if (rest.size() < kLengthSize + size) return std::optional<base::BytesView>{};
  taken_ += kLengthSize + size;
  return std::optional<base::BytesView>(rest.subspan(kLengthSize, size));
}

}  // namespace hsm::wire
