#include "hsm/key_maker.h"

#include <p11-kit/pkcs11.h>

#include <array>

#include "base/encoding.h"
#include "hsm/public_key.h"

namespace hsm {
namespace {

// namedCurve prime256v1, DER: RFC 5480 §2.1.1.1.
constexpr std::array<std::uint8_t, 10> kP256Params{0x06, 0x08, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 3> kRsaExponent{0x01, 0x00, 0x01};
constexpr CK_ULONG kRsaBits = 3072;
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
  BASE_TRY(auto login, p11::Login::open(config.module, {config.label, config.serial},
                                        std::move(config.pin), /*writable=*/true));
  return std::unique_ptr<KeyMaker>(new KeyMaker(std::move(login), random));
}

base::Result<std::vector<p11::Object>> KeyMaker::survey() {
  const OwnSession session(*login_);
  if (session.rv() != CKR_OK) return p11::call_failed("C_OpenSession", session.rv());
  return survey(session.get());
}

base::Result<std::vector<p11::Object>> KeyMaker::survey(p11::Handle session) {
  return p11::read_objects(*login_, session);
}

base::Result<InventoryEntry> KeyMaker::generate(Algorithm algorithm, const std::string& label,
                                                Purpose purpose) {
  if (!good_label(label))
    return about(base::Code::invalid_argument, "hsm.generate", label,
                 "a label has 1 to 64 of a-z, 0-9, '-' and '.'");
  if ((purpose == Purpose::data_wrapping) != (algorithm == Algorithm::aes_256))
    return about(base::Code::invalid_argument, "hsm.generate", label,
                 "purpose and algorithm do not fit");
  const std::scoped_lock lock(one_at_a_time_);
  const OwnSession session(*login_);
  if (session.rv() != CKR_OK)
    return p11::call_failed("C_OpenSession", session.rv(), "hsm.generate");
  BASE_TRY(const auto there, survey(session.get()));
  for (const auto& object : there)
    if (object.label == label)
      return about(base::Code::conflict, "hsm.label_taken", label,
                   "the token holds a " + std::string(to_string(object.part)) + " of that label");
  if (algorithm == Algorithm::aes_256) {
    BASE_TRY_VOID(make_secret(session.get(), label));
  } else {
    BASE_TRY_VOID(make_pair(session.get(), algorithm, label));
  }
  return read_back(session.get(), label, algorithm, purpose);
}

base::Result<void> KeyMaker::destroy(const std::string& label, const KeyId& id) {
  const std::scoped_lock lock(one_at_a_time_);
  const OwnSession session(*login_);
  if (session.rv() != CKR_OK) return p11::call_failed("C_OpenSession", session.rv());
  BASE_TRY(const auto there, survey(session.get()));
  for (const auto& object : there) {
    if (object.label != label || base::to_hex(object.id) != id.value()) continue;
    if (const auto rv = login_->call().C_DestroyObject(session.get(), object.handle); rv != CKR_OK)
      return p11::call_failed("C_DestroyObject", rv);
  }
  return {};
}

base::Result<void> KeyMaker::make_pair(p11::Handle session, Algorithm algorithm,
                                       const std::string& label) {
  const auto failed = [&](std::string_view call, p11::Rv rv) {
    return about(base::Code::unavailable, "hsm.generate", label,
                 std::string(call) + ": " + p11::name_of(rv));
  };
  const bool rsa = algorithm == Algorithm::rsa_3072;
  std::vector<CK_ATTRIBUTE> open_half{
      flag(CKA_TOKEN, false),   flag(CKA_PRIVATE, false),
      flag(CKA_VERIFY, true),   flag(CKA_VERIFY_RECOVER, false),
      flag(CKA_ENCRYPT, false), flag(CKA_WRAP, false),
      flag(CKA_DERIVE, false),  bytes(CKA_LABEL, base::as_bytes(label))};
  if (rsa) {
    open_half.push_back(number(CKA_MODULUS_BITS, kRsaBits));
    open_half.push_back(bytes(CKA_PUBLIC_EXPONENT, kRsaExponent));
  } else {
    open_half.push_back(bytes(CKA_EC_PARAMS, kP256Params));
  }
  std::vector<CK_ATTRIBUTE> private_half{
      flag(CKA_TOKEN, false),    flag(CKA_PRIVATE, true),
      flag(CKA_SENSITIVE, true), flag(CKA_EXTRACTABLE, false),
      flag(CKA_SIGN, true),      flag(CKA_SIGN_RECOVER, false),
      flag(CKA_DECRYPT, false),  flag(CKA_UNWRAP, false),
      flag(CKA_DERIVE, false),   bytes(CKA_LABEL, base::as_bytes(label))};

  auto& call = login_->call();
  CK_MECHANISM mechanism{rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE open_handle = 0, private_handle = 0;
  auto rv = call.C_GenerateKeyPair(session, &mechanism, open_half.data(), open_half.size(),
                                   private_half.data(), private_half.size(), &open_handle,
                                   &private_handle);
  if (rv != CKR_OK) return failed("C_GenerateKeyPair", rv);

  // Prove it while it lives in the session only.
  BASE_TRY(const auto objects, survey(session));
  const p11::Object* made = nullptr;
  const p11::Object* made_open = nullptr;
  for (const auto& object : objects) {
    if (object.handle == private_handle) made = &object;
    if (object.handle == open_handle) made_open = &object;
  }
  if (made == nullptr || made_open == nullptr || made_open->spki.empty())
    return about(base::Code::unavailable, "hsm.generate", label, "the new key cannot be read back");
  BASE_TRY_VOID(prove(session, *made, made_open->spki));

  const auto id = base::from_hex(id_of(made_open->spki).value()).value_or(base::Bytes{});
  CK_ATTRIBUTE set_id[] = {bytes(CKA_ID, id)};
  CK_ATTRIBUTE keep[] = {flag(CKA_TOKEN, true), flag(CKA_MODIFIABLE, false)};
  CK_OBJECT_HANDLE kept = 0;
  // The public half first: a private one is then never without it.
  for (const auto handle : {open_handle, private_handle}) {
    if (rv = call.C_SetAttributeValue(session, handle, set_id, 1); rv != CKR_OK)
      return failed("C_SetAttributeValue", rv);
    if (rv = call.C_CopyObject(session, handle, keep, 2, &kept); rv != CKR_OK)
      return failed("C_CopyObject", rv);
    if (rv = call.C_DestroyObject(session, handle); rv != CKR_OK)
      return failed("C_DestroyObject", rv);
  }
  return {};
}

base::Result<void> KeyMaker::make_secret(p11::Handle session, const std::string& label) {
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
  return {};
}

base::Result<InventoryEntry> KeyMaker::adopt(const std::string& label, Algorithm algorithm,
                                             Purpose purpose) {
  const std::scoped_lock lock(one_at_a_time_);
  const OwnSession session(*login_);
  if (session.rv() != CKR_OK) return p11::call_failed("C_OpenSession", session.rv());
  return read_back(session.get(), label, algorithm, purpose);
}

base::Result<InventoryEntry> KeyMaker::read_back(p11::Handle session, const std::string& label,
                                                 Algorithm algorithm, Purpose purpose) {
  const auto wrong = [&](const std::string& why) {
    return about(base::Code::conflict, "hsm.half_made", label, why);
  };
  BASE_TRY(const auto objects, survey(session));
  const p11::Object* holder = nullptr;
  const p11::Object* open_half = nullptr;
  for (const auto& object : objects) {
    if (object.label != label) continue;
    auto& place = object.part == p11::Part::public_half ? open_half : holder;
    if (place != nullptr)
      return wrong("two objects of the kind " + std::string(to_string(object.part)));
    place = &object;
  }
  if (holder == nullptr && open_half == nullptr) {
    auto failure = base::error(base::Code::not_found, "hsm.no_key", label);
    failure.args = {{"label", label}};
    return failure;
  }
  if (holder == nullptr) return wrong("a public half without its private half");
  const bool secret = algorithm == Algorithm::aes_256;
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
  BASE_TRY(const auto check,
           SignatureCheck::make(object.algorithm.value_or(Algorithm::aes_256), spki));
  const auto digest = base::sha256(random_.bytes(32));
  const bool rsa = object.algorithm == Algorithm::rsa_3072;
  auto data = rsa ? digest_info(digest) : base::to_bytes(digest);
  base::Bytes signature(check->signature_size());
  CK_ULONG size = signature.size();
  CK_MECHANISM mechanism{rsa ? CKM_RSA_PKCS : CKM_ECDSA, nullptr, 0};
  auto& call = login_->call();
  auto rv = call.C_SignInit(session, &mechanism, object.handle);
  if (rv == CKR_OK) rv = call.C_Sign(session, data.data(), data.size(), signature.data(), &size);
  if (rv != CKR_OK)
    return about(base::Code::unavailable, "hsm.generate", object.label,
                 "the key does not sign: " + p11::name_of(rv));
  if (size != signature.size() || !check->good(digest, signature))
    return about(base::Code::unavailable, "hsm.generate", object.label,
                 "what the key signs does not verify with its public half");
  return {};
}

}  // namespace hsm
