// A PKCS#11 module that speaks SM2, FOR TESTS ONLY: SoftHSM for everything else, and SM2 key pairs
// in this process's ordinary memory, made and used with OpenSSL. It stands in for a maker's module:
// the numbers of its key type and mechanisms are of its own, as every maker's are.
//
//   key type 0x80001001, generation 0x80001002, signature over e = SM3(Z ‖ M) 0x80001003
//   P11_SM2_DER in the environment: signatures come as SEQUENCE { r, s } instead of r‖s
// Its keys last as long as the process, over C_Finalize.
#include <dlfcn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace {

constexpr CK_KEY_TYPE kKeyType = 0x80001001;
constexpr CK_MECHANISM_TYPE kGenerate = 0x80001002, kSign = 0x80001003;
constexpr CK_OBJECT_HANDLE kFirstHandle = 0x40000000;

using Octets = std::vector<unsigned char>;
struct Object {
  std::map<CK_ATTRIBUTE_TYPE, Octets> attributes;
  std::shared_ptr<EVP_PKEY> key;
};

CK_FUNCTION_LIST* real = nullptr;
CK_FUNCTION_LIST ours;
std::mutex lock;  // guards all below
std::map<CK_OBJECT_HANDLE, Object> objects;
CK_OBJECT_HANDLE next_handle = kFirstHandle;
std::map<CK_SESSION_HANDLE, std::vector<CK_OBJECT_HANDLE>> found;
std::map<CK_SESSION_HANDLE, std::shared_ptr<EVP_PKEY>> signing;

template <class T>
Octets octets_of(const T& value) {
  Octets out(sizeof value);
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

void apply(Object& object, const CK_ATTRIBUTE* given, CK_ULONG count) {
  for (CK_ULONG i = 0; i < count; ++i) {
    const auto* value = static_cast<const unsigned char*>(given[i].pValue);
    object.attributes[given[i].type] = Octets(value, value + given[i].ulValueLen);
  }
}

bool yes(const Object& object, CK_ATTRIBUTE_TYPE type) {
  const auto it = object.attributes.find(type);
  return it != object.attributes.end() && it->second == octets_of(CK_BBOOL{CK_TRUE});
}

CK_RV generate_pair(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* open,
                    CK_ULONG open_count, CK_ATTRIBUTE* hidden, CK_ULONG hidden_count,
                    CK_OBJECT_HANDLE* open_handle, CK_OBJECT_HANDLE* hidden_handle) {
  if (mechanism->mechanism != kGenerate)
    return real->C_GenerateKeyPair(session, mechanism, open, open_count, hidden, hidden_count,
                                   open_handle, hidden_handle);
  Object public_half, private_half;
  private_half.key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "SM2"), EVP_PKEY_free);
  if (!private_half.key) return CKR_FUNCTION_FAILED;
  Octets point(65);
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(private_half.key.get(), "pub", point.data(), point.size(),
                                      &size) != 1 ||
      size != point.size())
    return CKR_FUNCTION_FAILED;
  point.insert(point.begin(), {0x04, 65});
  apply(public_half, open, open_count);
  apply(private_half, hidden, hidden_count);
  public_half.attributes[CKA_EC_POINT] = point;
  private_half.attributes[CKA_EC_PARAMS] = public_half.attributes[CKA_EC_PARAMS];
  for (auto* half : {&public_half, &private_half}) {
    half->attributes[CKA_KEY_TYPE] = octets_of(kKeyType);
    half->attributes[CKA_LOCAL] = octets_of(CK_BBOOL{CK_TRUE});
    half->attributes.emplace(CKA_MODIFIABLE, octets_of(CK_BBOOL{CK_TRUE}));
    half->attributes.emplace(CKA_ID, Octets{});
  }
  public_half.attributes[CKA_CLASS] = octets_of(CK_OBJECT_CLASS{CKO_PUBLIC_KEY});
  private_half.attributes[CKA_CLASS] = octets_of(CK_OBJECT_CLASS{CKO_PRIVATE_KEY});
  private_half.attributes[CKA_ALWAYS_SENSITIVE] = private_half.attributes[CKA_SENSITIVE];
  private_half.attributes[CKA_NEVER_EXTRACTABLE] =
      octets_of(CK_BBOOL(yes(private_half, CKA_EXTRACTABLE) ? CK_FALSE : CK_TRUE));
  const std::scoped_lock guard(lock);
  *open_handle = next_handle++;
  *hidden_handle = next_handle++;
  objects[*open_handle] = std::move(public_half);
  objects[*hidden_handle] = std::move(private_half);
  return CKR_OK;
}

CK_RV get_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE* wanted,
                     CK_ULONG count) {
  if (handle < kFirstHandle) return real->C_GetAttributeValue(session, handle, wanted, count);
  const std::scoped_lock guard(lock);
  const auto it = objects.find(handle);
  if (it == objects.end()) return CKR_OBJECT_HANDLE_INVALID;
  CK_RV rv = CKR_OK;
  for (CK_ULONG i = 0; i < count; ++i) {
    auto& one = wanted[i];
    const auto value = it->second.attributes.find(one.type);
    if (value == it->second.attributes.end()) {
      one.ulValueLen = CK_UNAVAILABLE_INFORMATION;
      rv = CKR_ATTRIBUTE_TYPE_INVALID;
    } else if (one.pValue != nullptr && one.ulValueLen < value->second.size()) {
      one.ulValueLen = CK_UNAVAILABLE_INFORMATION;
      rv = CKR_BUFFER_TOO_SMALL;
    } else {
      if (one.pValue != nullptr)
        std::copy(value->second.begin(), value->second.end(),
                  static_cast<unsigned char*>(one.pValue));
      one.ulValueLen = value->second.size();
    }
  }
  return rv;
}

CK_RV set_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE* given,
                     CK_ULONG count) {
  if (handle < kFirstHandle) return real->C_SetAttributeValue(session, handle, given, count);
  const std::scoped_lock guard(lock);
  const auto it = objects.find(handle);
  if (it == objects.end()) return CKR_OBJECT_HANDLE_INVALID;
  if (!yes(it->second, CKA_MODIFIABLE)) return CKR_ATTRIBUTE_READ_ONLY;
  apply(it->second, given, count);
  return CKR_OK;
}

CK_RV copy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE* given,
                  CK_ULONG count, CK_OBJECT_HANDLE* made) {
  if (handle < kFirstHandle) return real->C_CopyObject(session, handle, given, count, made);
  const std::scoped_lock guard(lock);
  const auto it = objects.find(handle);
  if (it == objects.end()) return CKR_OBJECT_HANDLE_INVALID;
  auto copy = it->second;
  apply(copy, given, count);
  *made = next_handle++;
  objects[*made] = std::move(copy);
  return CKR_OK;
}

CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle) {
  if (handle < kFirstHandle) return real->C_DestroyObject(session, handle);
  const std::scoped_lock guard(lock);
  return objects.erase(handle) == 1 ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

CK_RV find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE* pattern, CK_ULONG count) {
  {
    const std::scoped_lock guard(lock);
    auto& fitting = found[session];
    fitting.clear();
    Object wanted;
    apply(wanted, pattern, count);
    for (const auto& [handle, there] : objects) {
      const auto& object = there;
      if (std::all_of(wanted.attributes.begin(), wanted.attributes.end(), [&](const auto& one) {
            const auto it = object.attributes.find(one.first);
            return it != object.attributes.end() && it->second == one.second;
          }))
        fitting.push_back(handle);
    }
  }
  return real->C_FindObjectsInit(session, pattern, count);
}

CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* out, CK_ULONG most, CK_ULONG* count) {
  {
    const std::scoped_lock guard(lock);
    auto& fitting = found[session];
    if (!fitting.empty()) {
      *count = std::min<CK_ULONG>(most, fitting.size());
      std::copy_n(fitting.begin(), *count, out);
      fitting.erase(fitting.begin(), fitting.begin() + static_cast<std::ptrdiff_t>(*count));
      return CKR_OK;
    }
  }
  return real->C_FindObjects(session, out, most, count);
}

CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE handle) {
  if (handle < kFirstHandle) return real->C_SignInit(session, mechanism, handle);
  const std::scoped_lock guard(lock);
  const auto it = objects.find(handle);
  if (it == objects.end() || !it->second.key) return CKR_KEY_HANDLE_INVALID;
  if (mechanism->mechanism != kSign) return CKR_MECHANISM_INVALID;
  if (!yes(it->second, CKA_SIGN)) return CKR_KEY_FUNCTION_NOT_PERMITTED;
  signing[session] = it->second.key;
  return CKR_OK;
}

CK_RV sign(CK_SESSION_HANDLE session, unsigned char* data, CK_ULONG data_size, unsigned char* out,
           CK_ULONG* out_size) {
  std::shared_ptr<EVP_PKEY> key;
  {
    const std::scoped_lock guard(lock);
    const auto it = signing.find(session);
    if (it != signing.end()) {
      key = it->second;
      signing.erase(it);
    }
  }
  if (!key) return real->C_Sign(session, data, data_size, out, out_size);
  if (data_size != 32) return CKR_DATA_LEN_RANGE;
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key.get(), nullptr);
  Octets der(80);
  std::size_t size = der.size();
  const bool good = EVP_PKEY_sign_init(context) == 1 &&
                    EVP_PKEY_sign(context, der.data(), &size, data, data_size) == 1;
  EVP_PKEY_CTX_free(context);
  if (!good) return CKR_FUNCTION_FAILED;
  der.resize(size);
  if (std::getenv("P11_SM2_DER") == nullptr) {
    const unsigned char* at = der.data();
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    der.assign(64, 0);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), der.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), der.data() + 32, 32);
    ECDSA_SIG_free(pair);
  }
  if (*out_size < der.size()) return CKR_BUFFER_TOO_SMALL;
  std::copy(der.begin(), der.end(), out);
  *out_size = der.size();
  return CKR_OK;
}

}  // namespace

extern "C" CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  if (real == nullptr) {
    void* library = ::dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return CKR_GENERAL_ERROR;
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
    if (get == nullptr || get(&real) != CKR_OK) return CKR_GENERAL_ERROR;
    ours = *real;
    ours.C_GenerateKeyPair = generate_pair;
    ours.C_GetAttributeValue = get_attributes;
    ours.C_SetAttributeValue = set_attributes;
    ours.C_CopyObject = copy_object;
    ours.C_DestroyObject = destroy_object;
    ours.C_FindObjectsInit = find_init;
    ours.C_FindObjects = find;
    ours.C_SignInit = sign_init;
    ours.C_Sign = sign;
  }
  *list = &ours;
  return CKR_OK;
}
