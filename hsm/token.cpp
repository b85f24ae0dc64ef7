#include "hsm/token.h"

#include <p11-kit/pkcs11.h>

#include "base/encoding.h"
#include "hsm/algorithm.h"
#include "hsm/mechanisms.h"
#include "hsm/sm2_software.h"
#include "hsm/token_state.h"
#include "hsm/wrapped_key.h"

namespace hsm {
namespace {

constexpr int kMostWrongSignatures = 2;  // then the key is suspended (security.md §4.3, fault 6)

constexpr int kMostOpenings = 3;  // of one wrapped key, for one signature

// What wrap makes: version, the wrapping key's id, IV, ciphertext, tag.
constexpr std::uint8_t kWrapVersion = 1;
constexpr std::size_t kIdSize = 20;
constexpr std::size_t kWrapOverhead = 1 + kIdSize + p11::kGcmIvSize + p11::kGcmTagSize;

base::Error bad_wrapping(std::string_view why) {
  return base::error(base::Code::invalid_argument, "hsm.bad_wrapping", std::string(why));
}

/// The name is bound to the secret: what was wrapped as one thing cannot be unwrapped as another.
base::Bytes associated_data(std::string_view name) {
  base::Bytes out = base::to_bytes(base::as_bytes("xinyin data wrapping 1"));
  out.push_back(0);
  base::append(out, base::as_bytes(name));
  return out;
}

}  // namespace

base::Result<base::Bytes> Token::State::sign_message(Entry& entry, base::BytesView message) {
  BASE_TRY(const auto input, input_of(entry.key, message));
  return sign(entry, input);
}

base::Result<base::Bytes> Token::State::sign(Entry& entry, base::BytesView input) {
  BASE_TRY_VOID(check_input(entry.key, input));
  BASE_TRY(const auto* const check, check_of(entry));
  base::Bytes signature;
  bool good = false;
  if (entry.key.protection == Protection::wrapped) {
    BASE_TRY(const auto scalar, unwrap_key(entry));  // wiped at the end of this block
    BASE_TRY(signature, sm2_sign(scalar.reveal(), input, *random));
    good = check->good(input, signature);
  } else {
    BASE_TRY_VOID(attempt(&entry, "C_Sign", [&](Try& one) -> p11::Rv {
      const auto rv =
          p11::sign_once(*login, one.session, one.object, entry.key.algorithm, input, signature);
      if (rv != CKR_OK) return rv;
      good = check->good(input, signature);
      one.discard = !good;
      return CKR_OK;
    }));
  }
  if (good) {
    entry.proven = true;
    return signature;
  }
  base::wipe(signature);
  if (++entry.wrong_signatures >= kMostWrongSignatures)
    refuse(entry, entry.suspended, "the token returned wrong signatures twice");
  return key_error("hsm.wrong_signature", entry.key.label, "the token's signature does not verify");
}

base::Result<base::Secret> Token::State::unwrap_key(Entry& entry) {
  BASE_TRY(auto* const wrapper, usable(entry.wrapper->key.label));
  const auto parts = wrapping_parts(entry.recorded->wrapped);
  const auto bound = wrapping_bound(entry.key);
  // Modules do not tell a fault of theirs from a wrong tag: only what never opens is refused.
  for (int round = 0; round < kMostOpenings; ++round) {
    BASE_TRY(auto scalar, decrypt(*wrapper, parts->iv, bound, parts->sealed));
    if (scalar && scalar->reveal().size() == kScalarSize) return std::move(*scalar);
  }
  return key_error("hsm.key_refused", entry.key.label, "its wrapping does not open");
}

base::Result<base::Bytes> Token::State::encrypt(Entry& entry, base::BytesView iv,
                                                base::BytesView bound, base::BytesView clear) {
  base::Bytes sealed;
  BASE_TRY_VOID(attempt(&entry, "C_Encrypt", [&](Try& one) {
    return p11::gcm_encrypt(*login, one.session, one.object, iv, bound, clear, sealed);
  }));
  return sealed;
}

base::Result<std::optional<base::Secret>> Token::State::decrypt(Entry& entry, base::BytesView iv,
                                                                base::BytesView bound,
                                                                base::BytesView sealed) {
  auto clear = base::Secret::blank(sealed.size());
  std::size_t size = 0;
  bool doubtful = false;
  const auto done = attempt(&entry, "C_Decrypt", [&](Try& one) -> p11::Rv {
    const auto rv = p11::gcm_decrypt(*login, one.session, one.object, iv, bound, sealed,
                                     clear.writable(), size);
    const auto fault = p11::fault_of(rv);
    doubtful = fault == p11::Fault::device || fault == p11::Fault::argument;
    // SoftHSM answers GENERAL_ERROR to a wrong tag: who sends garbage must not bring the module
    // down.
    return fault == p11::Fault::device ? CKR_ENCRYPTED_DATA_INVALID : rv;
  });
  if (done.ok()) {
    clear.shorten(size);
    return std::optional(std::move(clear));
  }
  if (!doubtful) return done.error();
  // The token refused the bytes, or is failing: bytes of our own tell which.
  const auto own_iv = random->bytes(p11::kGcmIvSize);
  const auto probe = base::as_bytes("probe");
  BASE_TRY(const auto own, encrypt(entry, own_iv, probe, probe));
  auto again = base::Secret::blank(own.size());
  BASE_TRY_VOID(attempt(&entry, "C_Decrypt", [&](Try& one) {
    return p11::gcm_decrypt(*login, one.session, one.object, own_iv, probe, own, again.writable(),
                            size);
  }));
  return std::optional<base::Secret>();
}

/// A key of the open token, for callers in this process.
class Token::State::TokenKey final : public Key {
 public:
  TokenKey(std::shared_ptr<State> state, Entry& entry) : state_(std::move(state)), entry_(entry) {}
  const KeyInfo& info() const override { return entry_.key; }
  base::Result<base::Bytes> sign(const base::Digest& digest) const override {
    BASE_TRY(auto* const entry, state_->usable(entry_.key.label));
    if (facts_of(entry_.key.algorithm).scheme == Scheme::eddsa)  // it signs messages, not digests
      return base::error(base::Code::invalid_argument, "hsm.input", entry_.key.label);
    return state_->sign(*entry, digest);
  }
  base::Result<base::Bytes> sign_message(base::BytesView message) const override {
    BASE_TRY(auto* const entry, state_->usable(entry_.key.label));
    return state_->sign_message(*entry, message);
  }

 private:
  std::shared_ptr<State> state_;
  Entry& entry_;
};

Token::Token(std::shared_ptr<State> state) : state_(std::move(state)) {}
Token::~Token() = default;

base::Result<std::unique_ptr<Token>> Token::open(TokenConfig config, base::Random& random) {
  base::check(config.sessions > 0, "a token needs sessions");
  auto state = std::make_shared<State>();
  state->config = std::move(config);
  state->random = &random;
  BASE_TRY_VOID(state->start());
  return std::unique_ptr<Token>(new Token(std::move(state)));
}

const std::string& Token::label() const {
  return state_->login->name().label;
}
const std::string& Token::serial() const {
  return state_->login->name().serial;
}
Condition Token::condition() const {
  return state_->condition;
}

std::string Token::reason() const {
  const std::scoped_lock lock(state_->notes);
  return state_->condition_reason;
}

std::vector<Finding> Token::findings() const {
  const std::scoped_lock lock(state_->notes);
  std::vector<Finding> out;
  for (const auto& entry : state_->entries)
    if (entry->refused || entry->suspended) out.push_back({entry->key.label, entry->reason});
  out.insert(out.end(), state_->unknown.begin(), state_->unknown.end());
  return out;
}

std::vector<Finding> Token::suspended() const {
  const std::scoped_lock lock(state_->notes);
  std::vector<Finding> out;
  for (const auto& entry : state_->entries)
    if (entry->suspended) out.push_back({entry->key.label, entry->reason});
  return out;
}

void Token::suspend(std::string_view label, std::string reason) {
  const auto it = state_->by_label.find(label);
  if (it != state_->by_label.end())
    state_->refuse(*it->second, it->second->suspended, std::move(reason));
}

std::vector<KeyInfo> Token::keys() const {
  std::vector<KeyInfo> out;
  for (const auto& entry : state_->entries)
    if (!entry->refused && !entry->suspended) out.push_back(entry->key);
  return out;
}

base::Result<std::shared_ptr<const Key>> Token::key(std::string_view label) const {
  BASE_TRY(auto* const entry, state_->usable(label));
  return std::shared_ptr<const Key>(std::make_shared<State::TokenKey>(state_, *entry));
}

base::Result<KeyInfo> Token::info(std::string_view label) const {
  const auto it = state_->by_label.find(label);
  if (it == state_->by_label.end()) return no_such_key(label);
  return it->second->key;
}

base::Result<base::Bytes> Token::sign(std::string_view label, base::BytesView input) const {
  BASE_TRY(auto* const entry, state_->usable(label));
  return state_->sign(*entry, input);
}

base::Result<base::Bytes> Token::wrap(std::string_view name, const base::Secret& secret) const {
  if (state_->data_wrappers.empty()) return no_such_key("data_wrapping");
  if (secret.empty() || secret.reveal().size() > kMostSecretBytes)
    return bad_wrapping("a secret to wrap has 1 to 4096 bytes");
  BASE_TRY(auto* const entry, state_->usable(state_->data_wrappers.back()->key.label));
  const auto iv = state_->random->bytes(p11::kGcmIvSize);
  BASE_TRY(const auto sealed, state_->encrypt(*entry, iv, associated_data(name), secret.reveal()));
  base::Bytes out{kWrapVersion};
  base::append(out, entry->id);
  base::append(out, iv);
  base::append(out, sealed);
  return out;
}

base::Result<base::Secret> Token::unwrap(std::string_view name, base::BytesView wrapped) const {
  if (wrapped.size() <= kWrapOverhead || wrapped.size() > kWrapOverhead + kMostSecretBytes ||
      wrapped[0] != kWrapVersion)
    return bad_wrapping("not a wrapping of ours");
  const auto id = base::to_bytes(wrapped.subspan(1, kIdSize));
  const State::Entry* wrapper = nullptr;
  for (const auto* one : state_->data_wrappers)
    if (one->id == id) wrapper = one;
  if (wrapper == nullptr) return bad_wrapping("wrapped by a key that this token does not hold");
  BASE_TRY(auto* const entry, state_->usable(wrapper->key.label));
  BASE_TRY(auto secret,
           state_->decrypt(*entry, wrapped.subspan(1 + kIdSize, p11::kGcmIvSize),
                           associated_data(name), wrapped.subspan(1 + kIdSize + p11::kGcmIvSize)));
  if (!secret) return bad_wrapping("not wrapped by this key under this name");
  return std::move(*secret);
}

base::Result<void> Token::recheck() {
  return state_->recheck();
}

std::vector<SelfTestResult> Token::self_test() {
  return state_->self_test();
}

}  // namespace hsm
