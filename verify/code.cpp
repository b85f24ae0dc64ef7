// The document code: Reed–Solomon over GF(32) with the field polynomial x^5 + x^2 + 1, alpha = 2
// and g(x) = (x - alpha)(x - alpha^2) = x^2 + 6x + 8; twenty symbols, the first of highest degree.
#include "verify/code.h"

#include <algorithm>

#include "base/text.h"

namespace verify {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr int kSymbols = 20;
constexpr int kData = 18;
constexpr std::uint8_t kFormat = 1;
/// Longer input is not a code with decorations, and is not worth normalizing.
constexpr std::size_t kMostTyped = 256;

struct Field {
  std::array<std::uint8_t, 62>
      power{};  // alpha^i, twice over so that sums of logarithms need no mod
  std::array<std::uint8_t, 32> log{};
};

constexpr Field make_field() {
  Field field;
  unsigned value = 1;
  for (unsigned i = 0; i < 31; ++i) {
    field.power[i] = field.power[i + 31] = static_cast<std::uint8_t>(value);
    field.log[value] = static_cast<std::uint8_t>(i);
    value <<= 1;
    if (value & 32) value ^= 0x25;
  }
  return field;
}
constexpr Field kField = make_field();

constexpr std::uint8_t times(std::uint8_t a, std::uint8_t b) {
  if (a == 0 || b == 0) return 0;
  return kField.power[kField.log[a] + kField.log[b]];
}

using Symbols = std::array<std::uint8_t, kSymbols>;

/// Fills in the two checks: the remainder of data(x) * x^2 by g(x).
void add_checks(Symbols& symbols) {
  std::uint8_t high = 0, low = 0;
  for (int i = 0; i < kData; ++i) {
    const std::uint8_t feedback = symbols[i] ^ high;
    high = low ^ times(feedback, 6);
    low = times(feedback, 8);
  }
  symbols[kData] = high;
  symbols[kData + 1] = low;
}

/// The code word at alpha^power; nought at 1 and 2 for a good one.
std::uint8_t syndrome(const Symbols& symbols, int power) {
  std::uint8_t value = 0;
  for (const std::uint8_t symbol : symbols) value = times(value, kField.power[power]) ^ symbol;
  return value;
}

/// Index of the symbol that, alone wrong, explains the syndromes.
std::optional<int> locate(std::uint8_t s1, std::uint8_t s2) {
  if (s1 == 0 || s2 == 0) return {};  // one wrong symbol leaves neither at nought
  const int degree = (kField.log[s2] - kField.log[s1] + 31) % 31;
  if (degree >= kSymbols) return {};
  return kSymbols - 1 - degree;
}

bool is_decoration(char32_t c) {
  switch (c) {
    case U' ':
    case U'\t':
    case U'\r':
    case U'\n':
    case U'-':
    case U'.':
    case 0x00AD:
    case 0x00B7:
    case 0x200B:
    case 0x2022:
    case 0x2043:
    case 0x2212:
    case 0x2219:
    case 0x22C5:
    case 0x3002:
    case 0x30FB:
    case 0xFEFF:
      return true;
    default:
      return c >= 0x2010 && c <= 0x2015;  // hyphens and dashes
  }
}

std::optional<std::uint8_t> symbol_of(char32_t c) {
  if (c >= U'a' && c <= U'z') c -= U'a' - U'A';
  if (c == U'O') return 0;
  if (c == U'I' || c == U'L') return 1;
  if (c == 0 || c > 127) return {};
  const auto at = kAlphabet.find(static_cast<char>(c));
  if (at == std::string_view::npos) return {};
  return static_cast<std::uint8_t>(at);
}

base::Error wrong(std::string key, std::string detail) {
  return base::error(base::Code::invalid_argument, std::move(key), std::move(detail));
}

}  // namespace

DocumentCode DocumentCode::mint(base::Random& random, std::uint8_t shard) {
  base::check(shard < 32, "a document code's shard is 0..31");
  std::array<std::uint8_t, 10> bits{};
  random.fill(bits);
  DocumentCode code;
  code.symbols_[0] = kFormat;
  code.symbols_[1] = shard;
  unsigned pending = 0;
  int pending_bits = 0, next = 2;
  for (const std::uint8_t byte : bits) {
    pending = pending << 8 | byte;
    for (pending_bits += 8; pending_bits >= 5; pending_bits -= 5)
      code.symbols_[next++] = pending >> (pending_bits - 5) & 31;
  }
  add_checks(code.symbols_);
  return code;
}

base::Result<DocumentCode> DocumentCode::parse(std::string_view typed) {
  if (typed.size() > kMostTyped) return wrong("verify.code.length", "input is too long");
  const auto normal = base::to_nfkc(typed);
  if (!normal) return wrong("verify.code.symbol", "not UTF-8");

  DocumentCode code;
  int count = 0;
  for (const char32_t c : base::to_code_points(*normal)) {
    if (is_decoration(c)) continue;
    const auto symbol = symbol_of(c);
    if (!symbol) return wrong("verify.code.symbol", "a character that no code has");
    if (count < kSymbols) code.symbols_[count] = *symbol;
    ++count;
  }
  if (count != kSymbols) {
    auto failure = wrong("verify.code.length", std::to_string(count) + " symbols");
    failure.args = {{"count", std::to_string(count)}};
    return failure;
  }
  const std::uint8_t s1 = syndrome(code.symbols_, 1), s2 = syndrome(code.symbols_, 2);
  if (s1 != 0 || s2 != 0) {
    auto failure = wrong("verify.code.typo", "the check symbols do not fit");
    if (const auto at = locate(s1, s2)) failure.args = {{"position", std::to_string(*at + 1)}};
    return failure;
  }
  if (code.symbols_[0] != kFormat) return wrong("verify.code.format", "unknown format symbol");
  return code;
}

std::string DocumentCode::text() const {
  std::string out;
  for (const std::uint8_t symbol : symbols_) out += kAlphabet[symbol];
  return out;
}

std::string DocumentCode::pretty() const {
  std::string out;
  for (int i = 0; i < kSymbols; ++i) {
    if (i > 0 && i % 4 == 0) out += '-';
    out += kAlphabet[symbols_[i]];
  }
  return out;
}

std::uint8_t DocumentCode::shard() const {
  return symbols_[1];
}

std::array<std::uint8_t, 10> DocumentCode::random_bits() const {
  std::array<std::uint8_t, 10> bits{};
  unsigned pending = 0;
  int pending_bits = 0;
  std::size_t next = 0;
  for (int i = 2; i < kData; ++i) {
    pending = pending << 5 | symbols_[i];
    pending_bits += 5;
    if (pending_bits >= 8) {
      pending_bits -= 8;
      bits[next++] = static_cast<std::uint8_t>(pending >> pending_bits);
    }
  }
  return bits;
}

CodeDigest digest_of(const DocumentCode& code, const base::Secret& pepper) {
  base::check(!pepper.empty(), "codes are stored under a pepper");
  std::array<std::uint8_t, 11> keyed{};
  keyed[0] = code.shard();
  const auto bits = code.random_bits();
  std::copy(bits.begin(), bits.end(), keyed.begin() + 1);
  const base::Digest mac = base::hmac_sha256(pepper.reveal(), keyed);
  CodeDigest digest{};
  std::copy_n(mac.begin(), digest.size(), digest.begin());
  return digest;
}

}  // namespace verify
