#include "hsm/card.h"

#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>

#include <array>

#include "base/encoding.h"
#include "base/owned.h"
#include "hsm/card_keys.h"
#include "hsm/public_key.h"

namespace hsm {
namespace p11 {
namespace {

constexpr std::size_t kPointBytes = 65, kSharedBytes = 32;
CK_BBOOL yes = CK_TRUE, no = CK_FALSE;  // not const: the C interface takes void*

}  // namespace

Attributes wanted_on_card(bool agrees) {
  auto wanted = wanted_attributes(Algorithm::ecdsa_p256);
  wanted.insert_or_assign("sign", !agrees);
  wanted.insert_or_assign("derive", agrees);
  wanted.insert_or_assign("decrypt", false);
  return wanted;
}

base::Result<base::Bytes> sign_es256(const Login& login, Handle key, std::string_view label,
                                     base::BytesView spki, base::BytesView message) {
  BASE_TRY(const auto check, SignatureCheck::make(Algorithm::ecdsa_p256, spki));
  const OneSession session(login);
  if (session.rv() != CKR_OK) return call_failed("C_OpenSession", session.rv());
  const auto digest = base::sha256(message);
  auto data = base::to_bytes(digest);
  base::Bytes signature(check->signature_size());
  CK_ULONG size = signature.size();
  CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
  auto rv = login.call().C_SignInit(session.get(), &mechanism, key);
  if (rv == CKR_OK)
    rv = login.call().C_Sign(session.get(), data.data(), data.size(), signature.data(), &size);
  if (rv != CKR_OK) return call_failed("C_Sign", rv);
  if (size == signature.size() && check->good(digest, signature)) return signature;
  auto failure = base::error(base::Code::unavailable, "hsm.wrong_signature", std::string(label));
  failure.args = {{"label", std::string(label)}};
  return failure;
}

base::Result<base::Secret> agree_p256(const Login& login, Handle key, base::BytesView peer_spki) {
  // The whole SPKI is judged, then its last octets are the uncompressed point.
  BASE_TRY(const auto sound, SignatureCheck::make(Algorithm::ecdsa_p256, peer_spki));
  auto point = base::to_bytes(peer_spki.last(kPointBytes));
  if (point.front() != 0x04)
    return base::error(base::Code::invalid_argument, "hsm.public_key", "not an uncompressed point");
  const OneSession session(login);
  if (session.rv() != CKR_OK) return call_failed("C_OpenSession", session.rv());

  CK_ECDH1_DERIVE_PARAMS agreement{CKD_NULL, 0, nullptr, point.size(), point.data()};
  CK_MECHANISM mechanism{CKM_ECDH1_DERIVE, &agreement, sizeof agreement};
  CK_OBJECT_CLASS kind = CKO_SECRET_KEY;
  CK_KEY_TYPE type = CKK_GENERIC_SECRET;
  CK_ULONG length = kSharedBytes;
  // It ends with the session, and is read: the share is opened by our own code, not by the card.
  std::array wanted{CK_ATTRIBUTE{CKA_CLASS, &kind, sizeof kind},
                    CK_ATTRIBUTE{CKA_KEY_TYPE, &type, sizeof type},
                    CK_ATTRIBUTE{CKA_TOKEN, &no, sizeof no},
                    CK_ATTRIBUTE{CKA_SENSITIVE, &no, sizeof no},
                    CK_ATTRIBUTE{CKA_EXTRACTABLE, &yes, sizeof yes},
                    CK_ATTRIBUTE{CKA_VALUE_LEN, &length, sizeof length}};
  CK_OBJECT_HANDLE derived = 0;
  auto rv = login.call().C_DeriveKey(session.get(), &mechanism, key, wanted.data(), wanted.size(),
                                     &derived);
  if (rv != CKR_OK) return call_failed("C_DeriveKey", rv);
  std::array<std::uint8_t, kSharedBytes> value{};
  CK_ATTRIBUTE read{CKA_VALUE, value.data(), value.size()};
  rv = login.call().C_GetAttributeValue(session.get(), derived, &read, 1);
  const auto gone = login.call().C_DestroyObject(session.get(), derived);
  base::Secret shared{base::BytesView(value)};
  base::wipe(value);
  if (rv != CKR_OK) return call_failed("C_GetAttributeValue", rv);
  if (gone != CKR_OK) return call_failed("C_DestroyObject", gone);
  if (read.ulValueLen != kSharedBytes) return call_failed("C_DeriveKey", CKR_DEVICE_ERROR);
  return shared;
}

}  // namespace p11

namespace {

constexpr CK_ULONG kMostCertificateBytes = 64 * 1024;

struct CardKey {
  p11::Handle handle = 0;
  base::Bytes id;
  base::Bytes spki;
};

/// The DER Name of a certificate's subject; empty when it is not a certificate of this key.
base::Bytes subject_of(base::BytesView der, const base::Bytes& spki) {
  const auto* at = der.data();
  const base::Owned<X509, X509_free> certificate(
      d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!certificate || at != der.data() + der.size()) return {};
  unsigned char* text = nullptr;
  int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &text);
  const bool same = size > 0 && base::to_bytes({text, static_cast<std::size_t>(size)}) == spki;
  OPENSSL_free(text);
  if (!same) return {};
  text = nullptr;
  size = i2d_X509_NAME(X509_get_subject_name(certificate.get()), &text);
  base::Bytes name(text, text + std::max(size, 0));
  OPENSSL_free(text);
  return name;
}

}  // namespace

struct Card::State {
  std::unique_ptr<p11::Login> login;
  bool writable = false;
  CardKey signs, agrees;
  base::Bytes certificate;

  base::Error wrong(const std::string& why) const {
    const auto& name = login->name();
    auto failure = base::error(base::Code::conflict, "hsm.card",
                               name.label + " (" + name.serial + "): " + why);
    failure.args = {{"label", name.label}, {"serial", name.serial}, {"why", why}};
    return failure;
  }
  base::Error pin_refused(p11::Rv rv) const;
  base::Result<CardKey> find(const std::vector<p11::Object>& objects, std::string_view label,
                             bool agreement) const;
  base::Result<std::vector<p11::Handle>> certificates(p11::Handle session) const;
  base::Result<void> read_certificate(p11::Handle session);
};

base::Error Card::State::pin_refused(p11::Rv rv) const {
  const auto& name = login->name();
  auto failure =
      base::error(base::Code::unavailable, "hsm.card_pin", name.label + ": " + p11::name_of(rv));
  failure.args = {{"label", name.label}, {"why", p11::name_of(rv)}};
  return failure;
}

base::Result<CardKey> Card::State::find(const std::vector<p11::Object>& objects,
                                        std::string_view label, bool agreement) const {
  const p11::Object* holder = nullptr;
  const p11::Object* open_half = nullptr;
  const auto key = "its key " + std::string(label);
  for (const auto& object : objects) {
    if (object.label != label) continue;
    auto& place = object.part == p11::Part::public_half ? open_half : holder;
    if (place != nullptr) return wrong(key + " is there twice");
    place = &object;
  }
  if (holder == nullptr || open_half == nullptr)
    return wrong(key + (holder == open_half ? " is missing" : " lacks a half"));
  if (holder->part != p11::Part::private_half || holder->algorithm != Algorithm::ecdsa_p256 ||
      open_half->algorithm != Algorithm::ecdsa_p256)
    return wrong(key + " is not a P-256 key");
  if (auto unsound = p11::differences(holder->attributes, p11::wanted_on_card(agreement));
      !unsound.empty())
    return wrong(key + " is unsound: " + unsound);
  if (open_half->id != holder->id || base::to_hex(holder->id) != id_of(open_half->spki).value())
    return wrong("the id of " + key.substr(4) + " is not the digest of its public half");
  return CardKey{holder->handle, holder->id, open_half->spki};
}

/// The certificates whose CKA_ID is that of the key that signs.
base::Result<std::vector<p11::Handle>> Card::State::certificates(p11::Handle session) const {
  CK_OBJECT_CLASS kind = CKO_CERTIFICATE;
  CK_ATTRIBUTE pattern[] = {{CKA_CLASS, &kind, sizeof kind},
                            {CKA_ID, const_cast<std::uint8_t*>(signs.id.data()), signs.id.size()}};
  auto& call = login->call();
  if (const auto rv = call.C_FindObjectsInit(session, pattern, 2); rv != CKR_OK)
    return p11::call_failed("C_FindObjectsInit", rv);
  std::array<CK_OBJECT_HANDLE, 16> found{};
  CK_ULONG count = 0;
  const auto rv = call.C_FindObjects(session, found.data(), found.size(), &count);
  const auto end = call.C_FindObjectsFinal(session);
  if (rv != CKR_OK || end != CKR_OK)
    return p11::call_failed("C_FindObjects", rv != CKR_OK ? rv : end);
  return std::vector<p11::Handle>(found.begin(),
                                  found.begin() + static_cast<std::ptrdiff_t>(count));
}

base::Result<void> Card::State::read_certificate(p11::Handle session) {
  BASE_TRY(const auto found, certificates(session));
  if (found.empty()) return {};
  if (found.size() > 1) return wrong("it holds more than one certificate of its key");
  CK_ATTRIBUTE value{CKA_VALUE, nullptr, 0};
  auto& call = login->call();
  auto rv = call.C_GetAttributeValue(session, found.front(), &value, 1);
  if (rv != CKR_OK) return p11::call_failed("C_GetAttributeValue", rv);
  if (value.ulValueLen == 0 || value.ulValueLen > kMostCertificateBytes)
    return wrong("its certificate is empty or longer than 64 KiB");
  certificate.resize(value.ulValueLen);
  value.pValue = certificate.data();
  rv = call.C_GetAttributeValue(session, found.front(), &value, 1);
  if (rv != CKR_OK) return p11::call_failed("C_GetAttributeValue", rv);
  return {};
}

Card::Card(std::unique_ptr<State> state) : state_(std::move(state)) {}
Card::~Card() = default;

base::Result<std::unique_ptr<Card>> Card::open(CardConfig config, base::Random&) {
  auto state = std::make_unique<State>();
  auto login = p11::Login::open(config.module, {config.label, config.serial}, std::move(config.pin),
                                config.writable);
  if (!login.ok()) {
    auto failure = std::move(login).error();
    if (failure.key == "hsm.pin") failure.key = "hsm.card_pin";
    failure.args.emplace_back("label", config.label);
    return failure;
  }
  state->login = std::move(login).value();
  state->writable = config.writable;
  const p11::OneSession session(*state->login);
  if (session.rv() != CKR_OK) return p11::call_failed("C_OpenSession", session.rv());
  BASE_TRY(const auto objects, p11::read_objects(*state->login, session.get()));
  BASE_TRY(state->signs, state->find(objects, kCardSignLabel, false));
  BASE_TRY(state->agrees, state->find(objects, kCardShareLabel, true));
  BASE_TRY_VOID(state->read_certificate(session.get()));
  return std::unique_ptr<Card>(new Card(std::move(state)));
}

const std::string& Card::label() const {
  return state_->login->name().label;
}
const std::string& Card::serial() const {
  return state_->login->name().serial;
}
const base::Bytes& Card::public_key() const {
  return state_->signs.spki;
}
const base::Bytes& Card::share_key() const {
  return state_->agrees.spki;
}
const base::Bytes& Card::certificate() const {
  return state_->certificate;
}

base::Result<base::Bytes> Card::sign(base::BytesView message) const {
  return p11::sign_es256(*state_->login, state_->signs.handle, label(), state_->signs.spki,
                         message);
}

base::Result<base::Secret> Card::agree(base::BytesView peer_spki) const {
  return p11::agree_p256(*state_->login, state_->agrees.handle, peer_spki);
}

base::Result<void> Card::store_certificate(base::BytesView der) {
  base::check(state_->writable, "a card opened for reading stores nothing");
  const auto subject = subject_of(der, state_->signs.spki);
  if (subject.empty()) return state_->wrong("this is not a certificate of its key that signs");
  const p11::OneSession session(*state_->login);
  if (session.rv() != CKR_OK) return p11::call_failed("C_OpenSession", session.rv());
  BASE_TRY(const auto before, state_->certificates(session.get()));
  CK_OBJECT_CLASS kind = CKO_CERTIFICATE;
  CK_CERTIFICATE_TYPE type = CKC_X_509;
  CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  const auto bytes = [](CK_ATTRIBUTE_TYPE name, base::BytesView value) {
    return CK_ATTRIBUTE{name, const_cast<std::uint8_t*>(value.data()), value.size()};
  };
  std::array wanted{CK_ATTRIBUTE{CKA_CLASS, &kind, sizeof kind},
                    CK_ATTRIBUTE{CKA_CERTIFICATE_TYPE, &type, sizeof type},
                    CK_ATTRIBUTE{CKA_TOKEN, &yes, sizeof yes},
                    CK_ATTRIBUTE{CKA_PRIVATE, &no, sizeof no},
                    bytes(CKA_LABEL, base::as_bytes(kCardSignLabel)),
                    bytes(CKA_ID, state_->signs.id),
                    bytes(CKA_SUBJECT, subject),
                    bytes(CKA_VALUE, der)};
  CK_OBJECT_HANDLE made = 0;
  auto& call = state_->login->call();
  if (const auto rv = call.C_CreateObject(session.get(), wanted.data(), wanted.size(), &made);
      rv != CKR_OK)
    return p11::call_failed("C_CreateObject", rv);
  // The new one first: a card is never without.
  for (const auto old : before)
    if (const auto rv = call.C_DestroyObject(session.get(), old); rv != CKR_OK)
      return p11::call_failed("C_DestroyObject", rv);
  state_->certificate = base::to_bytes(der);
  return {};
}

base::Result<void> Card::change_pin(const base::Secret& old_pin, const base::Secret& new_pin) {
  base::check(state_->writable, "a card opened for reading changes nothing");
  const p11::OneSession session(*state_->login);
  if (session.rv() != CKR_OK) return p11::call_failed("C_OpenSession", session.rv());
  const auto bytes = [](const base::Secret& pin) {
    return const_cast<unsigned char*>(pin.reveal().data());  // the C header lacks const
  };
  const auto rv =
      state_->login->call().C_SetPIN(session.get(), bytes(old_pin), old_pin.reveal().size(),
                                     bytes(new_pin), new_pin.reveal().size());
  if (p11::fault_of(rv) == p11::Fault::pin) return state_->pin_refused(rv);
  if (rv != CKR_OK) return p11::call_failed("C_SetPIN", rv);
  return {};
}

}  // namespace hsm
