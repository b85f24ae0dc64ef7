#include "hsm/token.h"

#include <p11-kit/pkcs11.h>

#include <atomic>
#include <map>

#include "base/encoding.h"
#include "hsm/matching.h"
#include "hsm/public_key.h"
#include "hsm/session_pool.h"

namespace hsm {
namespace {

constexpr int kMostAttempts = 3;         // on new sessions (security.md §4.3, fault 3)
constexpr int kMostWrongSignatures = 2;  // then the key is suspended (fault 6)

// What wrap makes: version, the wrapping key's id, IV, ciphertext, tag.
constexpr std::uint8_t kWrapVersion = 1;
constexpr std::size_t kIdSize = 20, kIvSize = 12, kTagSize = 16;
constexpr std::size_t kWrapOverhead = 1 + kIdSize + kIvSize + kTagSize;

base::Error with_reason(std::string key, std::string_view label, const std::string& why) {
  auto failure =
      base::error(base::Code::unavailable, std::move(key), std::string(label) + ": " + why);
  failure.args = {{"label", std::string(label)}, {"why", why}};
  return failure;
}

base::Error no_key(std::string_view label) {
  auto failure = base::error(base::Code::not_found, "hsm.no_key", std::string(label));
  failure.args = {{"label", std::string(label)}};
  return failure;
}

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

struct Token::State {
  struct Entry {
    KeyInfo key;
    base::Bytes id;
    std::unique_ptr<SignatureCheck> check;  // none for a secret key
    std::atomic<p11::Handle> handle{0};
    std::atomic<int> wrong_signatures{0};
    std::atomic<bool> refused{false}, suspended{false};
    std::string reason;  // guarded by State::notes
  };
  /// One try of one operation. `discard` closes the session though the call went well.
  struct Try {
    p11::Handle session;
    p11::Handle object;
    bool discard = false;
  };
  class TokenKey;

  TokenConfig config;
  base::Random* random = nullptr;
  Inventory inventory;
  std::unique_ptr<p11::Login> login;
  std::unique_ptr<p11::SessionPool> pool;
  std::vector<std::unique_ptr<Entry>> entries;  // never changes after open
  std::map<std::string_view, Entry*, std::less<>> by_label;
  Entry* wrapping = nullptr;

  std::atomic<Condition> condition{Condition::up};
  mutable std::mutex notes;  // guards condition_reason, unknown, Entry::reason
  std::string condition_reason;
  std::vector<Finding> unknown;
  std::mutex finding_again;  // one thread looks for a lost handle

  base::Result<void> start();
  base::Result<Matching> compare();
  base::Error down(Condition to, const std::string& why);
  base::Result<Entry*> usable(std::string_view label);
  void refuse(Entry& entry, std::atomic<bool>& flag, std::string why);
  bool find_again(Entry& entry, p11::Handle session, p11::Handle stale, p11::Rv& rv);
  template <class Call>
  base::Result<void> attempt(Entry& entry, std::string_view name, Call&& call);
  base::Result<base::Bytes> sign(Entry& entry, const base::Digest& digest);
  base::Result<base::Bytes> encrypt(Entry& entry, std::string_view name, base::BytesView clear);
};

class Token::State::TokenKey final : public Key {
 public:
  TokenKey(std::shared_ptr<State> state, Entry& entry) : state_(std::move(state)), entry_(entry) {}
  const KeyInfo& info() const override { return entry_.key; }
  base::Result<base::Bytes> sign(const base::Digest& digest) const override {
    BASE_TRY(auto* const entry, state_->usable(entry_.key.label));
    return state_->sign(*entry, digest);
  }

 private:
  std::shared_ptr<State> state_;
  Entry& entry_;
};

base::Error Token::State::down(Condition to, const std::string& why) {
  {
    const std::scoped_lock lock(notes);
    if (condition == Condition::up) condition_reason = why;
    condition = to;
  }
  auto failure = base::error(base::Code::unavailable,
                             to == Condition::alarm ? "hsm.pin" : "hsm.unavailable", why);
  failure.args = {{"why", why}};
  return failure;
}

base::Result<Matching> Token::State::compare() {
  const auto lease = pool->take(config.session_wait);
  if (!lease)
    return base::error(base::Code::unavailable, "hsm.unavailable", "no session came free");
  if (lease->rv != CKR_OK)
    return down(Condition::down, "C_OpenSession: " + p11::name_of(lease->rv));
  auto objects = p11::read_objects(*login, lease->session);
  if (!objects.ok()) {
    pool->close(lease->session);
    return down(Condition::down, objects.error().detail);
  }
  pool->give_back(lease->session);
  return match(inventory, *objects);
}

base::Result<void> Token::State::start() {
  BASE_TRY(inventory, Inventory::from_file(config.inventory));
  if (!config.directory.empty()) BASE_TRY_VOID(check_files(config.directory, inventory.files));
  BASE_TRY(login,
           p11::Login::open(config.module, {config.label, config.serial}, std::move(config.pin),
                            /*writable=*/false));
  if (login->name().label != inventory.token_label ||
      login->name().serial != inventory.token_serial) {
    const std::string why = "it was written for token " + inventory.token_label + " (" +
                            inventory.token_serial + "), this is " + login->name().label + " (" +
                            login->name().serial + ")";
    return with_reason("hsm.inventory", config.inventory.string(), why);
  }
  pool = std::make_unique<p11::SessionPool>(*login, config.sessions);
  BASE_TRY(auto matching, compare());
  for (auto& one : matching.keys) {
    auto entry = std::make_unique<Entry>();
    entry->key = one.entry->key;
    entry->id = base::from_hex(entry->key.id.value()).value_or(base::Bytes{});
    entry->handle = one.handle;
    if (entry->key.algorithm != Algorithm::aes_256) {
      BASE_TRY(entry->check, SignatureCheck::make(entry->key.algorithm, entry->key.public_key));
    }
    if (!one.refusal.empty()) refuse(*entry, entry->refused, std::move(one.refusal));
    by_label.emplace(entry->key.label, entry.get());
    if (entry->key.purpose == Purpose::data_wrapping) wrapping = entry.get();  // the newest wraps
    entries.push_back(std::move(entry));
  }
  unknown = std::move(matching.unknown);
  return {};
}

void Token::State::refuse(Entry& entry, std::atomic<bool>& flag, std::string why) {
  const std::scoped_lock lock(notes);
  if (!flag) entry.reason = std::move(why);
  flag = true;
}

base::Result<Token::State::Entry*> Token::State::usable(std::string_view label) {
  if (condition != Condition::up) {
    const std::scoped_lock lock(notes);
    auto failure = base::error(base::Code::unavailable, "hsm.unavailable", condition_reason);
    failure.args = {{"why", condition_reason}};
    return failure;
  }
  const auto it = by_label.find(label);
  if (it == by_label.end()) return no_key(label);
  auto& entry = *it->second;
  if (entry.suspended || entry.refused) {
    const std::scoped_lock lock(notes);
    return with_reason(entry.suspended ? "hsm.suspended" : "hsm.key_refused", label, entry.reason);
  }
  return &entry;
}

/// After "no such handle": another thread may have found it already; else the token is asked once
/// more.
bool Token::State::find_again(Entry& entry, p11::Handle session, p11::Handle stale, p11::Rv& rv) {
  const std::scoped_lock lock(finding_again);
  if (entry.handle != stale) return true;
  const auto part = entry.check ? p11::Part::private_half : p11::Part::secret;
  const auto found = p11::find_objects(*login, session, part, entry.id, rv);
  if (rv != CKR_OK || found.size() != 1) return false;
  entry.handle = found.front();
  return true;
}

template <class Call>
base::Result<void> Token::State::attempt(Entry& entry, std::string_view name, Call&& call) {
  p11::Rv rv = CKR_OK;
  for (int round = 0; round < kMostAttempts; ++round) {
    const auto lease = pool->take(config.session_wait);
    if (!lease) {
      auto failure =
          base::error(base::Code::unavailable, "hsm.unavailable", "no session came free");
      failure.args = {{"why", failure.detail}};
      return failure;
    }
    if ((rv = lease->rv) != CKR_OK) continue;
    Try one{lease->session, entry.handle};
    rv = call(one);
    if (rv == CKR_OK && !one.discard) {
      pool->give_back(lease->session);
      return {};
    }
    const auto fault = p11::fault_of(rv);
    bool found = true;
    p11::Rv find_rv = CKR_OK;
    if (fault == p11::Fault::handle) found = find_again(entry, lease->session, one.object, find_rv);
    pool->close(lease->session);
    if (rv == CKR_OK) return {};
    if (fault == p11::Fault::argument) return p11::call_failed(name, rv);
    if (fault == p11::Fault::pin)
      return down(Condition::alarm, std::string(name) + ": " + p11::name_of(rv));
    if (!found)
      return down(Condition::down, std::string(name) + ": " + p11::name_of(rv) + ", and key " +
                                       entry.key.label + " is not found again");
    if (fault == p11::Fault::login) {
      const auto again = login->login_again();
      if (p11::fault_of(again) == p11::Fault::pin)
        return down(Condition::alarm, "C_Login: " + p11::name_of(again));
    }
  }
  // New sessions do not help: the module has lost itself and must be initialised again.
  return down(Condition::down, std::string(name) + ": " + p11::name_of(rv));
}

base::Result<base::Bytes> Token::State::sign(Entry& entry, const base::Digest& digest) {
  if (!entry.check)
    return base::error(base::Code::permission_denied, "hsm.refused",
                       entry.key.label + " signs nothing");
  const bool rsa = entry.key.algorithm == Algorithm::rsa_3072;
  auto data = rsa ? digest_info(digest) : base::to_bytes(digest);
  base::Bytes signature(entry.check->signature_size());
  bool good = false;
  BASE_TRY_VOID(attempt(entry, "C_Sign", [&](Try& one) -> p11::Rv {
    CK_MECHANISM mechanism{rsa ? CKM_RSA_PKCS : CKM_ECDSA, nullptr, 0};
    auto& call_list = login->call();
    if (const auto rv = call_list.C_SignInit(one.session, &mechanism, one.object); rv != CKR_OK)
      return rv;
    CK_ULONG size = signature.size();
    const auto rv =
        call_list.C_Sign(one.session, data.data(), data.size(), signature.data(), &size);
    if (rv != CKR_OK) return rv;
    good = size == signature.size() && entry.check->good(digest, signature);
    one.discard = !good;
    return CKR_OK;
  }));
  if (good) return signature;
  base::wipe(signature);
  if (++entry.wrong_signatures >= kMostWrongSignatures)
    refuse(entry, entry.suspended, "the token returned wrong signatures twice");
  return with_reason("hsm.wrong_signature", entry.key.label,
                     "the token's signature does not verify");
}

base::Result<base::Bytes> Token::State::encrypt(Entry& entry, std::string_view name,
                                                base::BytesView clear) {
  base::Bytes out{kWrapVersion};
  base::append(out, entry.id);
  auto iv = random->bytes(kIvSize);
  base::append(out, iv);
  auto bound = associated_data(name);
  base::Bytes sealed(clear.size() + kTagSize);
  BASE_TRY_VOID(attempt(entry, "C_Encrypt", [&](Try& one) -> p11::Rv {
    CK_GCM_PARAMS gcm{iv.data(),    iv.size(),    iv.size() * 8,
                      bound.data(), bound.size(), kTagSize * 8};
    CK_MECHANISM mechanism{CKM_AES_GCM, &gcm, sizeof gcm};
    auto& call_list = login->call();
    if (const auto rv = call_list.C_EncryptInit(one.session, &mechanism, one.object); rv != CKR_OK)
      return rv;
    CK_ULONG size = sealed.size();
    const auto rv = call_list.C_Encrypt(one.session, const_cast<unsigned char*>(clear.data()),
                                        clear.size(), sealed.data(), &size);
    return rv == CKR_OK && size != sealed.size() ? CKR_DEVICE_ERROR : rv;
  }));
  base::append(out, sealed);
  return out;
}

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
  if (it == state_->by_label.end()) return no_key(label);
  return it->second->key;
}

base::Result<base::Bytes> Token::sign(std::string_view label, const base::Digest& digest) const {
  BASE_TRY(auto* const entry, state_->usable(label));
  return state_->sign(*entry, digest);
}

base::Result<base::Bytes> Token::wrap(std::string_view name, const base::Secret& secret) const {
  if (state_->wrapping == nullptr) return no_key("data_wrapping");
  if (secret.empty() || secret.reveal().size() > kMostSecretBytes)
    return bad_wrapping("a secret to wrap has 1 to 4096 bytes");
  BASE_TRY(auto* const entry, state_->usable(state_->wrapping->key.label));
  return state_->encrypt(*entry, name, secret.reveal());
}

base::Result<base::Secret> Token::unwrap(std::string_view name, base::BytesView wrapped) const {
  if (wrapped.size() <= kWrapOverhead || wrapped.size() > kWrapOverhead + kMostSecretBytes ||
      wrapped[0] != kWrapVersion)
    return bad_wrapping("not a wrapping of ours");
  const auto id = KeyId(base::to_hex(wrapped.subspan(1, kIdSize)));
  const State::Entry* wrapper = nullptr;
  for (const auto& one : state_->entries)
    if (one->key.purpose == Purpose::data_wrapping && one->key.id == id) wrapper = one.get();
  if (wrapper == nullptr) return bad_wrapping("wrapped by a key that this token does not hold");
  BASE_TRY(auto* const entry, state_->usable(wrapper->key.label));

  auto iv = base::to_bytes(wrapped.subspan(1 + kIdSize, kIvSize));
  auto sealed = base::to_bytes(wrapped.subspan(1 + kIdSize + kIvSize));
  auto bound = associated_data(name);
  base::Bytes clear(sealed.size());
  CK_ULONG size = clear.size();
  bool doubtful = false;
  const auto done = state_->attempt(*entry, "C_Decrypt", [&](State::Try& one) -> p11::Rv {
    CK_GCM_PARAMS gcm{iv.data(),    iv.size(),    iv.size() * 8,
                      bound.data(), bound.size(), kTagSize * 8};
    CK_MECHANISM mechanism{CKM_AES_GCM, &gcm, sizeof gcm};
    auto& call_list = state_->login->call();
    if (const auto rv = call_list.C_DecryptInit(one.session, &mechanism, one.object); rv != CKR_OK)
      return rv;
    size = clear.size();
    const auto rv =
        call_list.C_Decrypt(one.session, sealed.data(), sealed.size(), clear.data(), &size);
    doubtful = rv != CKR_OK;
    // SoftHSM answers GENERAL_ERROR to a wrong tag: who sends garbage must not bring the module
    // down.
    return doubtful && p11::fault_of(rv) == p11::Fault::device ? CKR_ENCRYPTED_DATA_INVALID : rv;
  });
  if (done.ok()) {
    base::Secret secret(base::BytesView(clear).first(std::min<std::size_t>(size, clear.size())));
    base::wipe(clear);
    return secret;
  }
  base::wipe(clear);
  if (!doubtful) return done.error();
  // The token refused the bytes, or is failing: an encryption of our own tells which.
  BASE_TRY_VOID(state_->encrypt(*entry, "probe", base::as_bytes("probe")));
  return bad_wrapping("not wrapped by this key under this name");
}

base::Result<void> Token::recheck() {
  if (state_->condition != Condition::up) {
    return base::error(base::Code::unavailable, "hsm.unavailable", reason());
  }
  if (const auto& directory = state_->config.directory; !directory.empty())
    if (const auto same = check_files(directory, state_->inventory.files); !same.ok())
      return state_->down(Condition::down, same.error().detail);
  BASE_TRY(auto matching, state_->compare());
  for (std::size_t i = 0; i < matching.keys.size(); ++i) {
    // Opening again tells a token that went away from a key that did, and refuses the latter by
    // name.
    const auto& why = matching.keys[i].refusal;
    if (!why.empty() && !state_->entries[i]->refused)
      return state_->down(Condition::down, "key " + state_->entries[i]->key.label + ": " + why);
  }
  const std::scoped_lock lock(state_->notes);
  state_->unknown = std::move(matching.unknown);
  return {};
}

}  // namespace hsm
