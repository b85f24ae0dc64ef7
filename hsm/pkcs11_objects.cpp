#include "hsm/pkcs11_objects.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "hsm/algorithm.h"
#include "hsm/mechanisms.h"
#include "hsm/public_key.h"

namespace hsm::p11 {
namespace {

struct Flag {
  std::string_view name;
  CK_ATTRIBUTE_TYPE type;
  bool of_private, of_secret;  // which kinds of key have it
};
constexpr std::array kFlags{
    Flag{"token", CKA_TOKEN, true, true},
    Flag{"private", CKA_PRIVATE, true, true},
    Flag{"sensitive", CKA_SENSITIVE, true, true},
    Flag{"always_sensitive", CKA_ALWAYS_SENSITIVE, true, true},
    Flag{"extractable", CKA_EXTRACTABLE, true, true},
    Flag{"never_extractable", CKA_NEVER_EXTRACTABLE, true, true},
    Flag{"local", CKA_LOCAL, true, true},
    Flag{"modifiable", CKA_MODIFIABLE, true, true},
    Flag{"sign", CKA_SIGN, true, true},
    Flag{"sign_recover", CKA_SIGN_RECOVER, true, false},
    Flag{"verify", CKA_VERIFY, false, true},
    Flag{"encrypt", CKA_ENCRYPT, false, true},
    Flag{"decrypt", CKA_DECRYPT, true, true},
    Flag{"wrap", CKA_WRAP, false, true},
    Flag{"unwrap", CKA_UNWRAP, true, true},
    Flag{"derive", CKA_DERIVE, true, true},
};
constexpr std::size_t kMostObjects = 64'000;
constexpr std::size_t kMostAttributeBytes = 1100;  // an RSA modulus of 8192 bits, and to spare

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
  if (rv == CKR_OK && out.size() >= kMostObjects) return CKR_HOST_MEMORY;  // never a part for all
  return rv != CKR_OK ? rv : end;
}

/// One attribute to be read: at most kMostAttributeBytes, and what came of it.
struct Wanted {
  CK_ATTRIBUTE_TYPE type;
  base::Bytes value = {};
  bool there = false;
};

/// What the object lacks or hides is not there; whatever else goes wrong is told.
Rv read_one(const Login& login, Handle session, Handle object, Wanted& wanted) {
  wanted.value.resize(kMostAttributeBytes);
  CK_ATTRIBUTE one{wanted.type, wanted.value.data(), wanted.value.size()};
  const auto rv = login.call().C_GetAttributeValue(session, object, &one, 1);
  wanted.there = rv == CKR_OK && one.ulValueLen <= wanted.value.size();
  wanted.value.resize(wanted.there ? one.ulValueLen : 0);
  if (rv == CKR_OK && !wanted.there) return CKR_DEVICE_ERROR;
  return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ? CKR_OK : rv;
}

/// All in one call; one by one when the module does not answer the whole: it may stop at the first
/// attribute that the object lacks and leave the others unread.
Rv read_all(const Login& login, Handle session, Handle object, std::span<Wanted> wanted) {
  std::vector<CK_ATTRIBUTE> all;
  for (auto& one : wanted) {
    one.value.resize(kMostAttributeBytes);
    all.push_back({one.type, one.value.data(), one.value.size()});
  }
  const auto rv = login.call().C_GetAttributeValue(session, object, all.data(), all.size());
  bool whole = rv == CKR_OK;
  for (std::size_t i = 0; whole && i < all.size(); ++i) {
    whole = all[i].ulValueLen <= kMostAttributeBytes;
    if (!whole) break;
    wanted[i].there = true;
    wanted[i].value.resize(all[i].ulValueLen);
  }
  if (whole) return CKR_OK;
  if (rv != CKR_OK && fault_of(rv) == Fault::device) return rv;
  for (auto& one : wanted)
    if (const auto failed = read_one(login, session, object, one); failed != CKR_OK) return failed;
  return CKR_OK;
}

CK_ULONG number_of(const Wanted& wanted) {
  CK_ULONG value = CK_UNAVAILABLE_INFORMATION;
  if (wanted.there && wanted.value.size() == sizeof value)
    std::memcpy(&value, wanted.value.data(), sizeof value);
  return value;
}

/// The algorithm of a key by its type and its curve's name or modulus.
std::optional<Algorithm> algorithm_of(const Login& login, CK_KEY_TYPE type,
                                      base::BytesView parameters, base::BytesView modulus) {
  while (!modulus.empty() && modulus[0] == 0) modulus = modulus.subspan(1);
  // PKCS#11 3.0 §2.3.5: Edwards curves may go by name instead of identifier.
  static constexpr std::array<std::uint8_t, 14> kEdwardsName{0x13, 0x0c, 'e', 'd', 'w', 'a', 'r',
                                                             'd',  's',  '2', '5', '5', '1', '9'};
  for (const auto& facts : algorithm_facts()) {
    const auto how = mechanism_of(login, facts.algorithm);
    if (!how || how->key_type != type) continue;
    if (facts.scheme == Scheme::rsa
            ? modulus.size() * 8 == static_cast<std::size_t>(facts.bits)
            : facts.scheme != Scheme::none &&
                  (std::ranges::equal(parameters, facts.parameters) ||
                   (facts.scheme == Scheme::eddsa && std::ranges::equal(parameters, kEdwardsName))))
      return facts.algorithm;
  }
  return std::nullopt;
}

/// What depends on the type of a pair's half: its algorithm, and of the public half its key.
Rv read_half(const Login& login, Handle session, CK_KEY_TYPE type, Object& object) {
  const bool open = object.part == Part::public_half;
  std::vector<Wanted> more;
  if (type == CKK_RSA) {
    more.push_back({CKA_MODULUS});
    if (open) more.push_back({CKA_PUBLIC_EXPONENT});
  } else {
    more.push_back({CKA_EC_PARAMS});
    if (open) more.push_back({CKA_EC_POINT});
  }
  if (const auto rv = read_all(login, session, object.handle, more); rv != CKR_OK) return rv;
  const bool rsa = type == CKK_RSA;
  object.algorithm = algorithm_of(login, type, rsa ? base::BytesView{} : more[0].value,
                                  rsa ? more[0].value : base::BytesView{});
  if (!open || !object.algorithm) return CKR_OK;
  auto spki =
      rsa ? rsa_spki(more[0].value, more[1].value) : point_spki(*object.algorithm, more[1].value);
  if (spki.ok())
    object.spki = std::move(*spki);
  else
    object.algorithm.reset();
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

Rv read_object(const Login& login, Handle session, Handle handle, Part part, Object& object) {
  object = {};
  object.handle = handle;
  object.part = part;
  std::vector<Wanted> wanted{{CKA_LABEL}, {CKA_ID}, {CKA_KEY_TYPE}};
  std::vector<std::string_view> names;
  for (const auto& flag : kFlags) {
    if (!(part == Part::private_half ? flag.of_private : part == Part::secret && flag.of_secret))
      continue;
    wanted.push_back({flag.type});
    names.push_back(flag.name);
  }
  const auto sizes = wanted.size() - names.size();
  if (part == Part::secret) wanted.push_back({CKA_VALUE_LEN});
  if (const auto rv = read_all(login, session, handle, wanted); rv != CKR_OK) return rv;
  object.label = base::as_text(wanted[0].value);
  object.id = wanted[1].value;
  const auto type = number_of(wanted[2]);
  for (std::size_t i = 0; i < names.size(); ++i)
    if (const auto& one = wanted[sizes + i]; one.there && one.value.size() == sizeof(CK_BBOOL))
      object.attributes.emplace(names[i], one.value[0] != CK_FALSE);
  if (part != Part::secret) return read_half(login, session, type, object);
  if (type == CKK_AES && number_of(wanted.back()) == 32) object.algorithm = Algorithm::aes_256;
  return CKR_OK;
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
      if (const auto failed = read_object(login, session, handle, part, object); failed != CKR_OK)
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
  const bool wraps = !signs(algorithm);
  wanted.emplace("sign", !wraps);
  wanted.emplace("decrypt", wraps);
  if (wraps) {
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
