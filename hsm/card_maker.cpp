// An officer's card made: its two keys are born in the session, proven, and then kept.
#include <p11-kit/pkcs11.h>

#include <array>

#include "base/encoding.h"
#include "hsm/card.h"
#include "hsm/card_keys.h"
#include "hsm/envelope.h"
#include "hsm/public_key.h"

namespace hsm {
namespace {

// namedCurve prime256v1, DER: RFC 5480 §2.1.1.1.
constexpr std::array<std::uint8_t, 10> kP256Params{0x06, 0x08, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x03, 0x01, 0x07};
CK_BBOOL yes = CK_TRUE, no = CK_FALSE;  // not const: the C interface takes void*

CK_ATTRIBUTE flag(CK_ATTRIBUTE_TYPE type, bool value) {
  return {type, value ? &yes : &no, sizeof(CK_BBOOL)};
}
CK_ATTRIBUTE bytes(CK_ATTRIBUTE_TYPE type, base::BytesView value) {
  return {type, const_cast<std::uint8_t*>(value.data()), value.size()};
}

base::Error failed(std::string_view label, const std::string& why) {
  auto failure =
      base::error(base::Code::unavailable, "hsm.generate", std::string(label) + ": " + why);
  failure.args = {{"label", std::string(label)}, {"why", why}};
  return failure;
}
base::Error failed(std::string_view label, std::string_view call, p11::Rv rv) {
  return failed(label, std::string(call) + ": " + p11::name_of(rv));
}

/// The new pair does what it is for, and its public half is what others will use.
base::Result<void> prove(const p11::Login& login, p11::Handle key, std::string_view label,
                         base::BytesView spki, bool agrees, base::Random& random) {
  if (!agrees) {
    const auto proof = p11::sign_es256(login, key, label, spki, random.bytes(32));
    return proof.ok() ? base::Result<void>{} : failed(label, proof.error().detail);
  }
  BASE_TRY(const auto ours, agree_once(spki, random));
  const auto theirs = p11::agree_p256(login, key, ours.public_key);
  if (!theirs.ok()) return failed(label, theirs.error().detail);
  if (!theirs->equals(ours.shared.reveal()))
    return failed(label, "what the key agrees on does not fit its public half");
  return {};
}

base::Result<void> keep(const p11::Login& login, p11::Handle session, std::string_view label,
                        std::initializer_list<CK_OBJECT_HANDLE> halves, base::BytesView id) {
  CK_ATTRIBUTE set_id[] = {bytes(CKA_ID, id)};
  CK_ATTRIBUTE for_good[] = {flag(CKA_TOKEN, true), flag(CKA_MODIFIABLE, false)};
  auto& call = login.call();
  for (const auto half : halves) {
    CK_OBJECT_HANDLE kept = 0;
    if (const auto rv = call.C_SetAttributeValue(session, half, set_id, 1); rv != CKR_OK)
      return failed(label, "C_SetAttributeValue", rv);
    if (const auto rv = call.C_CopyObject(session, half, for_good, 2, &kept); rv != CKR_OK)
      return failed(label, "C_CopyObject", rv);
    if (const auto rv = call.C_DestroyObject(session, half); rv != CKR_OK)
      return failed(label, "C_DestroyObject", rv);
  }
  return {};
}

base::Result<void> make_pair(const p11::Login& login, std::string_view label, bool agrees,
                             base::Random& random) {
  const p11::OneSession session(login);
  if (session.rv() != CKR_OK) return failed(label, "C_OpenSession", session.rv());
  std::array open_half{flag(CKA_TOKEN, false),           flag(CKA_PRIVATE, false),
                       flag(CKA_VERIFY, !agrees),        flag(CKA_VERIFY_RECOVER, false),
                       flag(CKA_ENCRYPT, false),         flag(CKA_WRAP, false),
                       flag(CKA_DERIVE, false),          bytes(CKA_LABEL, base::as_bytes(label)),
                       bytes(CKA_EC_PARAMS, kP256Params)};
  std::array private_half{flag(CKA_TOKEN, false),    flag(CKA_PRIVATE, true),
                          flag(CKA_SENSITIVE, true), flag(CKA_EXTRACTABLE, false),
                          flag(CKA_SIGN, !agrees),   flag(CKA_SIGN_RECOVER, false),
                          flag(CKA_DECRYPT, false),  flag(CKA_UNWRAP, false),
                          flag(CKA_DERIVE, agrees),  bytes(CKA_LABEL, base::as_bytes(label))};
  CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE open_handle = 0, private_handle = 0;
  const auto rv = login.call().C_GenerateKeyPair(
      session.get(), &mechanism, open_half.data(), open_half.size(), private_half.data(),
      private_half.size(), &open_handle, &private_handle);
  if (rv != CKR_OK) return failed(label, "C_GenerateKeyPair", rv);
  BASE_TRY(const auto objects, p11::read_objects(login, session.get()));
  base::Bytes spki;
  for (const auto& object : objects)
    if (object.handle == open_handle) spki = object.spki;
  if (spki.empty()) return failed(label, "the new key cannot be read back");
  BASE_TRY_VOID(prove(login, private_handle, label, spki, agrees, random));
  // The public half first: a private one is then never without it.
  const auto id = base::from_hex(id_of(spki).value()).value_or(base::Bytes{});
  return keep(login, session.get(), label, {open_handle, private_handle}, id);
}

base::Result<void> ensure_token(const NewCard& card) {
  if (card.directory.empty()) return {};
  std::error_code why;
  std::filesystem::create_directories(card.directory, why);
  if (!why) std::filesystem::permissions(card.directory, std::filesystem::perms::owner_all, why);
  const bool empty = !why && std::filesystem::is_empty(card.directory, why);
  if (why) {
    auto failure = base::error(base::Code::unavailable, "hsm.token_directory", why.message());
    failure.args = {{"path", card.directory.string()}, {"why", why.message()}};
    return failure;
  }
  if (!empty) {
    auto failure = base::error(base::Code::conflict, "hsm.not_empty", card.directory.string());
    failure.args = {{"path", card.directory.string()}};
    return failure;
  }
  return p11::initialise_token(card.module, card.label, card.so_pin, card.pin);
}

}  // namespace

base::Result<void> make_card(const NewCard& card, base::Random& random) {
  BASE_TRY_VOID(ensure_token(card));
  {
    auto login = p11::Login::open(card.module, {card.label, ""}, card.pin.clone(), true);
    if (!login.ok()) {
      auto failure = std::move(login).error();
      if (failure.key == "hsm.pin") failure.key = "hsm.card_pin";
      failure.args.emplace_back("label", card.label);
      return failure;
    }
    const p11::OneSession session(**login);
    if (session.rv() != CKR_OK) return p11::call_failed("C_OpenSession", session.rv());
    BASE_TRY(const auto objects, p11::read_objects(**login, session.get()));
    for (const auto& object : objects) {
      if (object.label != kCardSignLabel && object.label != kCardShareLabel) continue;
      auto failure = base::error(base::Code::conflict, "hsm.label_taken", object.label);
      failure.args = {{"label", object.label}, {"why", "the card holds it already"}};
      return failure;
    }
    BASE_TRY_VOID(make_pair(**login, kCardSignLabel, false, random));
    BASE_TRY_VOID(make_pair(**login, kCardShareLabel, true, random));
  }
  // Read back as every user of the card will.
  CardConfig again{card.module, card.label, "", card.pin.clone()};
  BASE_TRY(const auto made, Card::open(std::move(again), random));
  return {};
}

}  // namespace hsm
