#include "hsm/key_maker.h"

#include <p11-kit/pkcs11.h>

#include <array>

#include "base/encoding.h"
#include "hsm/algorithm.h"
#include "hsm/mechanisms.h"
#include "hsm/public_key.h"
#include "hsm/sm2_software.h"
#include "hsm/wrapped_key.h"

namespace hsm {
namespace {

constexpr std::array<std::uint8_t, 3> kRsaExponent{0x01, 0x00, 0x01};
constexpr CK_ULONG kAesBytes = 32;
constexpr std::size_t kIdSize = 20;
constexpr std::size_t kMostLabel = 64;

CK_BBOOL yes = CK_TRUE, no = CK_FALSE;  // not const: the C interface takes void*

CK_ATTRIBUTE flag(CK_ATTRIBUTE_TYPE type, bool value) {
  return {type, value ? &yes : &no, sizeof(CK_BBOOL)};
}
CK_ATTRIBUTE bytes(CK_ATTRIBUTE_TYPE type, base::BytesView value) {
  return {type, const_cast<std::uint8_t*>(value.data()), value.size()};
}
CK_ATTRIBUTE number(CK_ATTRIBUTE_TYPE type, const CK_ULONG& value) {
  return {type, const_cast<CK_ULONG*>(&value), sizeof value};
}

base::Error about(base::Code code, std::string key, std::string_view label,
                  const std::string& why) {
  auto failure = base::error(code, std::move(key), std::string(label) + ": " + why);
  failure.args = {{"label", std::string(label)}, {"why", why}};
  return failure;
}

bool good_label(std::string_view label) {
  if (label.empty() || label.size() > kMostLabel) return false;
  for (const char c : label)
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.') return false;
  return true;
}

/// A session that closes itself: errors leave no half-done operation behind.
class OwnSession {
 public:
  explicit OwnSession(const p11::Login& login) : login_(login) {
    rv_ = login.open_session(session_);
  }
  ~OwnSession() {
    if (rv_ == CKR_OK) login_.close_session(session_);
  }
  OwnSession(const OwnSession&) = delete;
  OwnSession& operator=(const OwnSession&) = delete;
  p11::Rv rv() const { return rv_; }
  p11::Handle get() const { return session_; }

 private:
  const p11::Login& login_;
  p11::Handle session_ = 0;
  p11::Rv rv_;
};

}  // namespace

base::Result<std::unique_ptr<KeyMaker>> KeyMaker::open(TokenConfig config, base::Random& random) {
  BASE_TRY_VOID(all_passed(self_test(random)));
  BASE_TRY(auto login,
           p11::Login::open(config.module, {config.label, config.serial}, std::move(config.pin),
                            /*writable=*/true, config.sm2));
  const auto health = random_health("random token", [&](std::span<std::uint8_t> out) {
    const OwnSession session(*login);
    auto rv = session.rv();
    if (rv == CKR_OK) rv = login->call().C_GenerateRandom(session.get(), out.data(), out.size());
    if (rv == CKR_OK) return base::Result<void>();
    return base::Result<void>(p11::call_failed("C_GenerateRandom", rv));
  });
  BASE_TRY_VOID(all_passed({health}));
  return std::unique_ptr<KeyMaker>(new KeyMaker(std::move(login), random));
}

base::Result<std::vector<p11::Object>> KeyMaker::survey() {
  const OwnSession session(*login_);
  if (session.rv() != CKR_OK) return p11::call_failed("C_OpenSession", session.rv());
  return p11::read_objects(*login_, session.get());
}

bool KeyMaker::in_token(Algorithm algorithm) const {
  return p11::mechanism_of(*login_, algorithm).has_value();
}

/// The token is read through once, not for each key.
base::Result<bool> KeyMaker::taken(p11::Handle session, const std::string& label) {
  if (!labels_) {
    BASE_TRY(const auto there, p11::read_objects(*login_, session));
    labels_.emplace();
    for (const auto& object : there) labels_->insert(object.label);
  }
  return labels_->count(label) != 0;
}

base::Result<InventoryEntry> KeyMaker::generate(Algorithm algorithm, const std::string& label,
                                                Purpose purpose, const KeyInfo* wrapping) {
  if (!good_label(label))
    return about(base::Code::invalid_argument, "hsm.generate", label,
                 "a label has 1 to 64 of a-z, 0-9, '-' and '.'");
  if (!fits(algorithm, purpose))
    return about(base::Code::invalid_argument, "hsm.generate", label,
                 "purpose and algorithm do not fit");
  const std::scoped_lock lock(one_at_a_time_);
  const OwnSession session(*login_);
  if (session.rv() != CKR_OK)
    return p11::call_failed("C_OpenSession", session.rv(), "hsm.generate");
  BASE_TRY(const bool there, taken(session.get(), label));
  if (there)
    return about(base::Code::conflict, "hsm.label_taken", label,
                 "the token holds an object of that label");
  auto made = in_token(algorithm) ? make_in_token(session.get(), algorithm, label, purpose)
                                  : make_wrapped(session.get(), label, purpose, wrapping);
  if (!made.ok())
    labels_.reset();  // a half may have been kept
  else if (made->key.protection == Protection::token)
    labels_->insert(label);
  return made;
}

base::Result<void> KeyMaker::destroy(const std::string& label, const KeyId& id) {
  const std::scoped_lock lock(one_at_a_time_);
  const OwnSession session(*login_);
  if (session.rv() != CKR_OK) return p11::call_failed("C_OpenSession", session.rv());
  const auto bytes = base::from_hex(id.value()).value_or(base::Bytes{});
  // The private half first: a half that is left signs nothing.
  for (const auto part : {p11::Part::private_half, p11::Part::secret, p11::Part::public_half}) {
    p11::Rv rv = CKR_OK;
    for (const auto handle : p11::find_objects(*login_, session.get(), part, bytes, rv))
      if (rv = login_->call().C_DestroyObject(session.get(), handle); rv != CKR_OK)
        return p11::call_failed("C_DestroyObject", rv);
    if (rv != CKR_OK) return p11::call_failed("C_FindObjects", rv);
  }
  labels_.reset();
  return {};
}

base::Result<InventoryEntry> KeyMaker::make_in_token(p11::Handle session, Algorithm algorithm,
                                                     const std::string& label, Purpose purpose) {
  Made made;
  if (signs(algorithm)) {
    BASE_TRY(made, make_pair(session, algorithm, label));
  } else {
    BASE_TRY(made, make_secret(session, label));
  }
  p11::Object holder, open_half;
  auto rv =
      p11::read_object(*login_, session, made.holder,
                       signs(algorithm) ? p11::Part::private_half : p11::Part::secret, holder);
  if (rv == CKR_OK && made.open_half != 0)
    rv = p11::read_object(*login_, session, made.open_half, p11::Part::public_half, open_half);
  if (rv != CKR_OK)
    return about(base::Code::unavailable, "hsm.generate", label,
                 "C_GetAttributeValue: " + p11::name_of(rv));
  return judged(session, &holder, made.open_half != 0 ? &open_half : nullptr, label, algorithm,
                purpose);
}

/// Born in this process's locked memory, and in clear never outside it.
base::Result<InventoryEntry> KeyMaker::make_wrapped(p11::Handle session, const std::string& label,
                                                    Purpose purpose, const KeyInfo* wrapping) {
  const auto failed = [&](const std::string& why) {
    return about(base::Code::unavailable, "hsm.generate", label, why);
  };
  if (wrapping == nullptr || wrapping->purpose != Purpose::key_wrapping)
    return failed(
        "the token does not make it itself, and there is no key of the purpose "
        "key_wrapping to wrap it");
  p11::Rv rv = CKR_OK;
  const auto id = base::from_hex(wrapping->id.value()).value_or(base::Bytes{});
  const auto wrappers = p11::find_objects(*login_, session, p11::Part::secret, id, rv);
  p11::Object wrapper;
  if (rv == CKR_OK && wrappers.size() == 1)
    rv = p11::read_object(*login_, session, wrappers[0], p11::Part::secret, wrapper);
  if (rv != CKR_OK || wrappers.size() != 1)
    return failed("its wrapping key is not found: " + p11::name_of(rv));
  if (auto unsound =
          p11::differences(wrapper.attributes, p11::wanted_attributes(Algorithm::aes_256));
      !unsound.empty())
    return failed("its wrapping key is unsound: " + unsound);

  const auto pair = make_sm2_pair(random_);
  InventoryEntry entry;
  entry.key = {id_of(pair.spki), label, Algorithm::sm2, Protection::wrapped, purpose, pair.spki};
  entry.wrapped_by = wrapping->id;
  const auto iv = random_.bytes(p11::kGcmIvSize);
  const auto bound = wrapping_bound(entry.key);
  base::Bytes sealed;
  rv = p11::gcm_encrypt(*login_, session, wrapper.handle, iv, bound, pair.scalar.reveal(), sealed);
  if (rv != CKR_OK) return failed("C_Encrypt: " + p11::name_of(rv));
  entry.wrapped = wrapping_of(iv, sealed);

  // Proven as it will be used: opened again, and by a signature.
  auto again = base::Secret::blank(kScalarRoom);
  std::size_t size = 0;
  rv =
      p11::gcm_decrypt(*login_, session, wrapper.handle, iv, bound, sealed, again.writable(), size);
  if (rv != CKR_OK || size != kScalarSize) return failed("C_Decrypt: " + p11::name_of(rv));
  const auto message = random_.bytes(32);
  BASE_TRY(const auto input, input_of(entry.key, message));
  BASE_TRY(const auto signature, sm2_sign(again.reveal().first(kScalarSize), input, random_));
  BASE_TRY(const auto check, SignatureCheck::make(entry.key.algorithm, entry.key.public_key));
  if (!check->good(input, signature))
    return failed("what the key signs does not verify with its public half");
  return entry;
}

base::Result<KeyMaker::Made> KeyMaker::make_pair(p11::Handle session, Algorithm algorithm,
                                                 const std::string& label) {
  const auto failed = [&](std::string_view call, p11::Rv rv) {
    return about(base::Code::unavailable, "hsm.generate", label,
                 std::string(call) + ": " + p11::name_of(rv));
  };
  const auto& facts = facts_of(algorithm);
  const auto how = p11::mechanism_of(*login_, algorithm).value();
  const CK_ULONG bits = static_cast<CK_ULONG>(facts.bits);
  std::vector<CK_ATTRIBUTE> open_half{
      flag(CKA_TOKEN, false),   flag(CKA_PRIVATE, false),
      flag(CKA_VERIFY, true),   flag(CKA_VERIFY_RECOVER, false),
      flag(CKA_ENCRYPT, false), flag(CKA_WRAP, false),
      flag(CKA_DERIVE, false),  bytes(CKA_LABEL, base::as_bytes(label))};
  if (facts.scheme == Scheme::rsa) {
    open_half.push_back(number(CKA_MODULUS_BITS, bits));
    open_half.push_back(bytes(CKA_PUBLIC_EXPONENT, kRsaExponent));
  } else {
    open_half.push_back(bytes(CKA_EC_PARAMS, facts.parameters));
  }
  std::vector<CK_ATTRIBUTE> private_half{
      flag(CKA_TOKEN, false),    flag(CKA_PRIVATE, true),
      flag(CKA_SENSITIVE, true), flag(CKA_EXTRACTABLE, false),
      flag(CKA_SIGN, true),      flag(CKA_SIGN_RECOVER, false),
      flag(CKA_DECRYPT, false),  flag(CKA_UNWRAP, false),
      flag(CKA_DERIVE, false),   bytes(CKA_LABEL, base::as_bytes(label))};

  CK_MECHANISM mechanism{how.generate, nullptr, 0};
  Made made;
  auto rv = login_->call().C_GenerateKeyPair(session, &mechanism, open_half.data(),
                                             open_half.size(), private_half.data(),
                                             private_half.size(), &made.open_half, &made.holder);
  if (rv != CKR_OK) return failed("C_GenerateKeyPair", rv);

  // Prove it while it lives in the session only.
  p11::Object holder, open;
  rv = p11::read_object(*login_, session, made.holder, p11::Part::private_half, holder);
  if (rv == CKR_OK)
    rv = p11::read_object(*login_, session, made.open_half, p11::Part::public_half, open);
  if (rv != CKR_OK) return failed("C_GetAttributeValue", rv);
  if (open.algorithm != algorithm || holder.algorithm != algorithm)
    return about(base::Code::unavailable, "hsm.generate", label,
                 "the token made a key of another kind");
  BASE_TRY_VOID(prove(session, holder, open.spki));
  return keep_pair(session, made, open.spki, label);
}

/// From the session into the token, with its id and unchangeable.
base::Result<KeyMaker::Made> KeyMaker::keep_pair(p11::Handle session, const Made& made,
                                                 base::BytesView spki, const std::string& label) {
  const auto failed = [&](std::string_view what, p11::Rv rv) {
    return about(base::Code::unavailable, "hsm.generate", label,
                 std::string(what) + ": " + p11::name_of(rv));
  };
  auto& call = login_->call();
  const auto id = base::from_hex(id_of(spki).value()).value_or(base::Bytes{});
  CK_ATTRIBUTE set_id[] = {bytes(CKA_ID, id)};
  CK_ATTRIBUTE keep[] = {flag(CKA_TOKEN, true), flag(CKA_MODIFIABLE, false)};
  Made kept;
  // The public half first: a private one is then never without it.
  for (const auto& [from, to] :
       {std::pair{made.open_half, &kept.open_half}, std::pair{made.holder, &kept.holder}}) {
    if (const auto rv = call.C_SetAttributeValue(session, from, set_id, 1); rv != CKR_OK)
      return failed("C_SetAttributeValue", rv);
    if (const auto rv = call.C_CopyObject(session, from, keep, 2, to); rv != CKR_OK)
      return failed("C_CopyObject", rv);
    if (const auto rv = call.C_DestroyObject(session, from); rv != CKR_OK)
      return failed("C_DestroyObject", rv);
  }
  return kept;
}

base::Result<KeyMaker::Made> KeyMaker::make_secret(p11::Handle session, const std::string& label) {
  const auto id = random_.bytes(kIdSize);
  std::vector<CK_ATTRIBUTE> wanted{flag(CKA_TOKEN, true),
                                   flag(CKA_PRIVATE, true),
                                   flag(CKA_SENSITIVE, true),
                                   flag(CKA_EXTRACTABLE, false),
                                   flag(CKA_SIGN, false),
                                   flag(CKA_VERIFY, false),
                                   flag(CKA_ENCRYPT, true),
                                   flag(CKA_DECRYPT, true),
                                   flag(CKA_WRAP, false),
                                   flag(CKA_UNWRAP, false),
                                   flag(CKA_DERIVE, false),
                                   flag(CKA_MODIFIABLE, false),
                                   number(CKA_VALUE_LEN, kAesBytes),
                                   bytes(CKA_ID, id),
                                   bytes(CKA_LABEL, base::as_bytes(label))};
  CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
  CK_OBJECT_HANDLE handle = 0;
  const auto rv =
      login_->call().C_GenerateKey(session, &mechanism, wanted.data(), wanted.size(), &handle);
  if (rv != CKR_OK)
    return about(base::Code::unavailable, "hsm.generate", label,
                 "C_GenerateKey: " + p11::name_of(rv));
  return Made{handle, 0};
}

base::Result<InventoryEntry> KeyMaker::adopt(const std::string& label, Algorithm algorithm,
                                             Purpose purpose) {
  const std::scoped_lock lock(one_at_a_time_);
  const OwnSession session(*login_);
  if (session.rv() != CKR_OK) return p11::call_failed("C_OpenSession", session.rv());
  BASE_TRY(const bool there, taken(session.get(), label));
  if (!there) {
    auto failure = base::error(base::Code::not_found, "hsm.no_key", label);
    failure.args = {{"label", label}};
    return failure;
  }
  BASE_TRY(const auto objects, p11::read_objects(*login_, session.get()));
  const p11::Object* holder = nullptr;
  const p11::Object* open_half = nullptr;
  for (const auto& object : objects) {
    if (object.label != label) continue;
    auto& place = object.part == p11::Part::public_half ? open_half : holder;
    if (place != nullptr)
      return about(base::Code::conflict, "hsm.half_made", label,
                   "two objects of the kind " + std::string(to_string(object.part)));
    place = &object;
  }
  return judged(session.get(), holder, open_half, label, algorithm, purpose);
}

base::Result<InventoryEntry> KeyMaker::judged(p11::Handle session, const p11::Object* holder,
                                              const p11::Object* open_half,
                                              const std::string& label, Algorithm algorithm,
                                              Purpose purpose) {
  const auto wrong = [&](const std::string& why) {
    return about(base::Code::conflict, "hsm.half_made", label, why);
  };
  if (holder == nullptr) return wrong("a public half without its private half");
  const bool secret = !signs(algorithm);
  if (holder->algorithm != algorithm) return wrong("the object on the token is of another kind");
  if (!secret && open_half == nullptr) return wrong("a private half without its public half");
  if (auto unsound = p11::differences(holder->attributes, p11::wanted_attributes(algorithm));
      !unsound.empty())
    return wrong(unsound);

  InventoryEntry entry;
  entry.key.label = label;
  entry.key.algorithm = algorithm;
  entry.key.purpose = purpose;
  entry.key.id = KeyId(base::to_hex(holder->id));
  if (holder->id.size() != kIdSize) return wrong("its id is not 20 bytes long");
  if (!secret) {
    if (open_half->algorithm != algorithm) return wrong("its public half is of another kind");
    if (open_half->id != holder->id || id_of(open_half->spki) != entry.key.id)
      return wrong("its id is not the digest of its public half");
    if (auto proof = prove(session, *holder, open_half->spki); !proof.ok())
      return wrong(proof.error().detail);
    entry.key.public_key = open_half->spki;
  }
  entry.attributes = holder->attributes;
  return entry;
}

base::Result<void> KeyMaker::prove(p11::Handle session, const p11::Object& object,
                                   base::BytesView spki) {
  KeyInfo key;
  key.label = object.label;
  key.algorithm = object.algorithm.value_or(Algorithm::aes_256);
  key.public_key = base::to_bytes(spki);
  BASE_TRY(const auto check, SignatureCheck::make(key.algorithm, spki));
  BASE_TRY(const auto input, input_of(key, random_.bytes(32)));
  base::Bytes signature;
  const auto rv = p11::sign_once(*login_, session, object.handle, key.algorithm, input, signature);
  if (rv != CKR_OK)
    return about(base::Code::unavailable, "hsm.generate", object.label,
                 "the key does not sign: " + p11::name_of(rv));
  if (!check->good(input, signature))
    return about(base::Code::unavailable, "hsm.generate", object.label,
                 "what the key signs does not verify with its public half");
  return {};
}

}  // namespace hsm
