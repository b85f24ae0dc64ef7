#include "hsm/pkcs11_objects.h"

#include <p11-kit/pkcs11.h>

#include <array>

#include "hsm/public_key.h"

namespace hsm::p11 {
namespace {

struct NamedAttribute {
  std::string_view name;
  CK_ATTRIBUTE_TYPE type;
};
constexpr std::array kFlags{
    NamedAttribute{"token", CKA_TOKEN},
    NamedAttribute{"private", CKA_PRIVATE},
    NamedAttribute{"sensitive", CKA_SENSITIVE},
    NamedAttribute{"always_sensitive", CKA_ALWAYS_SENSITIVE},
    NamedAttribute{"extractable", CKA_EXTRACTABLE},
    NamedAttribute{"never_extractable", CKA_NEVER_EXTRACTABLE},
    NamedAttribute{"local", CKA_LOCAL},
    NamedAttribute{"modifiable", CKA_MODIFIABLE},
    NamedAttribute{"sign", CKA_SIGN},
    NamedAttribute{"sign_recover", CKA_SIGN_RECOVER},
    NamedAttribute{"verify", CKA_VERIFY},
    NamedAttribute{"encrypt", CKA_ENCRYPT},
    NamedAttribute{"decrypt", CKA_DECRYPT},
    NamedAttribute{"wrap", CKA_WRAP},
    NamedAttribute{"unwrap", CKA_UNWRAP},
    NamedAttribute{"derive", CKA_DERIVE},
};
constexpr std::size_t kMostObjects = 20'000;
constexpr CK_ULONG kMostAttributeBytes = 8192;

CK_OBJECT_CLASS class_of(Part part) {
  switch (part) {
    case Part::private_half:
      return CKO_PRIVATE_KEY;
    case Part::public_half:
      return CKO_PUBLIC_KEY;
    case Part::secret:
      return CKO_SECRET_KEY;
  }
  base::fail("unknown Part");
}

Rv search(const Login& login, Handle session, std::vector<CK_ATTRIBUTE> pattern,
          std::vector<Handle>& out) {
  auto& call = login.call();
  if (const auto rv = call.C_FindObjectsInit(session, pattern.data(), pattern.size()); rv != CKR_OK)
    return rv;
  CK_RV rv = CKR_OK;
  while (out.size() < kMostObjects) {
    std::array<CK_OBJECT_HANDLE, 256> some{};
    CK_ULONG count = 0;
    rv = call.C_FindObjects(session, some.data(), some.size(), &count);
    if (rv != CKR_OK || count == 0) break;
    out.insert(out.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
  }
  const auto end = call.C_FindObjectsFinal(session);
  return rv != CKR_OK ? rv : end;
}

/// An attribute's bytes; empty when the object has none.
Rv read_bytes(const Login& login, Handle session, Handle object, CK_ATTRIBUTE_TYPE type,
              base::Bytes& out) {
  CK_ATTRIBUTE one{type, nullptr, 0};
  auto rv = login.call().C_GetAttributeValue(session, object, &one, 1);
  if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE) return CKR_OK;
  if (rv != CKR_OK || one.ulValueLen == 0) return rv;
  if (one.ulValueLen > kMostAttributeBytes) return CKR_DEVICE_ERROR;
  out.resize(one.ulValueLen);
  one.pValue = out.data();
  rv = login.call().C_GetAttributeValue(session, object, &one, 1);
  if (rv == CKR_OK) out.resize(one.ulValueLen);
  return rv;
}

Rv read_number(const Login& login, Handle session, Handle object, CK_ATTRIBUTE_TYPE type,
               CK_ULONG& out) {
  CK_ATTRIBUTE one{type, &out, sizeof out};
  return login.call().C_GetAttributeValue(session, object, &one, 1);
}

Attributes read_flags(const Login& login, Handle session, Handle object) {
  Attributes found;
  // One by one: a token may refuse a whole template for one attribute that the class lacks.
  for (const auto& flag : kFlags) {
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE one{flag.type, &value, sizeof value};
    if (login.call().C_GetAttributeValue(session, object, &one, 1) == CKR_OK &&
        one.ulValueLen == sizeof value)
      found.emplace(flag.name, value != CK_FALSE);
  }
  return found;
}

Rv read_public_half(const Login& login, Handle session, CK_KEY_TYPE type, Object& object) {
  if (type == CKK_EC) {
    base::Bytes point;
    if (const auto rv = read_bytes(login, session, object.handle, CKA_EC_POINT, point);
        rv != CKR_OK)
      return rv;
    if (auto spki = p256_spki(point); spki.ok()) {
      object.algorithm = Algorithm::ecdsa_p256;
      object.spki = std::move(*spki);
    }
  } else if (type == CKK_RSA) {
    base::Bytes modulus, exponent;
    if (const auto rv = read_bytes(login, session, object.handle, CKA_MODULUS, modulus);
        rv != CKR_OK)
      return rv;
    const auto rv = read_bytes(login, session, object.handle, CKA_PUBLIC_EXPONENT, exponent);
    if (rv != CKR_OK) return rv;
    if (auto spki = rsa_spki(modulus, exponent); spki.ok()) {
      object.algorithm = Algorithm::rsa_3072;
      object.spki = std::move(*spki);
    }
  }
  return CKR_OK;
}

Rv read_object(const Login& login, Handle session, Object& object) {
  base::Bytes label;
  CK_KEY_TYPE type = 0;
  for (const auto rv : {read_bytes(login, session, object.handle, CKA_LABEL, label),
                        read_bytes(login, session, object.handle, CKA_ID, object.id),
                        read_number(login, session, object.handle, CKA_KEY_TYPE, type)})
    if (rv != CKR_OK) return rv;
  object.label = base::as_text(label);
  if (object.part == Part::public_half) return read_public_half(login, session, type, object);
  object.attributes = read_flags(login, session, object.handle);
  if (object.part == Part::secret) {
    CK_ULONG size = 0;
    if (type == CKK_AES &&
        read_number(login, session, object.handle, CKA_VALUE_LEN, size) == CKR_OK && size == 32)
      object.algorithm = Algorithm::aes_256;
  } else if (type == CKK_EC) {
    object.algorithm = Algorithm::ecdsa_p256;  // the curve is judged by the public half
  } else if (type == CKK_RSA) {
    object.algorithm = Algorithm::rsa_3072;
  }
  return CKR_OK;
}

}  // namespace

std::string_view to_string(Part part) {
  switch (part) {
    case Part::private_half:
      return "private key";
    case Part::public_half:
      return "public key";
    case Part::secret:
      return "secret key";
  }
  base::fail("unknown Part");
}

base::Result<std::vector<Object>> read_objects(const Login& login, Handle session) {
  std::vector<Object> objects;
  for (const auto part : {Part::private_half, Part::public_half, Part::secret}) {
    auto wanted_class = class_of(part);
    std::vector<Handle> handles;
    const auto rv =
        search(login, session, {{CKA_CLASS, &wanted_class, sizeof wanted_class}}, handles);
    if (rv != CKR_OK) return call_failed("C_FindObjects", rv);
    for (const auto handle : handles) {
      Object object;
      object.handle = handle;
      object.part = part;
      if (const auto failed = read_object(login, session, object); failed != CKR_OK)
        return call_failed("C_GetAttributeValue", failed);
      objects.push_back(std::move(object));
    }
  }
  return objects;
}

std::vector<Handle> find_objects(const Login& login, Handle session, Part part, base::BytesView id,
                                 Rv& rv) {
  auto wanted_class = class_of(part);
  std::vector<Handle> handles;
  rv = search(login, session,
              {{CKA_CLASS, &wanted_class, sizeof wanted_class},
               {CKA_ID, const_cast<std::uint8_t*>(id.data()), id.size()}},
              handles);
  return handles;
}

Attributes wanted_attributes(Algorithm algorithm) {
  Attributes wanted{{"token", true},        {"private", true},          {"sensitive", true},
                    {"extractable", false}, {"always_sensitive", true}, {"never_extractable", true},
                    {"local", true},        {"modifiable", false},      {"unwrap", false},
                    {"derive", false}};
  const bool wraps_data = algorithm == Algorithm::aes_256;
  wanted.emplace("sign", !wraps_data);
  wanted.emplace("decrypt", wraps_data);
  if (wraps_data) {
    wanted.emplace("encrypt", true);
    wanted.emplace("verify", false);
    wanted.emplace("wrap", false);
  } else {
    wanted.emplace("sign_recover", false);
  }
  return wanted;
}

std::string differences(const Attributes& found, const Attributes& wanted) {
  std::string out;
  for (const auto& [name, value] : wanted) {
    const auto it = found.find(name);
    if (it != found.end() && it->second == value) continue;
    out += (out.empty() ? "" : "; ") + name +
           (it == found.end() ? " cannot be read"
            : it->second      ? " is true"
                              : " is false") +
           (value ? ", must be true" : ", must be false");
  }
  return out;
}

}  // namespace hsm::p11
