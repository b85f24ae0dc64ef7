#include "hsm/pkcs11.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <vector>

#include "base/encoding.h"

namespace hsm::p11 {
namespace {

// One Login at a time in a process: a second C_Initialize would share the first one's login unseen,
// and the first C_Finalize would pull it away.
std::atomic<bool> login_lives{false};

struct Named {
  CK_RV rv;
  std::string_view name;
  Fault fault;
};

// What is not named here counts as the device's fault: the careful reading of an unknown value.
constexpr std::array kNamed{
    Named{CKR_OK, "CKR_OK", Fault::none},
    Named{CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED", Fault::session},
    Named{CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID", Fault::session},
    Named{CKR_SESSION_COUNT, "CKR_SESSION_COUNT", Fault::session},
    Named{CKR_OPERATION_ACTIVE, "CKR_OPERATION_ACTIVE", Fault::session},
    Named{CKR_OPERATION_NOT_INITIALIZED, "CKR_OPERATION_NOT_INITIALIZED", Fault::session},
    Named{CKR_BUFFER_TOO_SMALL, "CKR_BUFFER_TOO_SMALL", Fault::session},
    Named{CKR_FUNCTION_CANCELED, "CKR_FUNCTION_CANCELED", Fault::session},
    Named{CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN", Fault::login},
    Named{CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID", Fault::handle},
    Named{CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID", Fault::handle},
    Named{CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR", Fault::device},
    Named{CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY", Fault::device},
    Named{CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED", Fault::device},
    Named{CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT", Fault::device},
    Named{CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED", Fault::device},
    Named{CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR", Fault::device},
    Named{CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED", Fault::device},
    Named{CKR_HOST_MEMORY, "CKR_HOST_MEMORY", Fault::device},
    Named{CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID", Fault::device},
    Named{CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED", Fault::device},
    Named{CKR_CRYPTOKI_ALREADY_INITIALIZED, "CKR_CRYPTOKI_ALREADY_INITIALIZED", Fault::device},
    Named{CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED", Fault::argument},
    Named{CKR_SESSION_READ_ONLY, "CKR_SESSION_READ_ONLY", Fault::argument},
    Named{CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT", Fault::pin},
    Named{CKR_PIN_INVALID, "CKR_PIN_INVALID", Fault::pin},
    Named{CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE", Fault::pin},
    Named{CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED", Fault::pin},
    Named{CKR_PIN_LOCKED, "CKR_PIN_LOCKED", Fault::pin},
    Named{CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED", Fault::pin},
    Named{CKR_ARGUMENTS_BAD, "CKR_ARGUMENTS_BAD", Fault::argument},
    Named{CKR_ATTRIBUTE_READ_ONLY, "CKR_ATTRIBUTE_READ_ONLY", Fault::argument},
    Named{CKR_ATTRIBUTE_TYPE_INVALID, "CKR_ATTRIBUTE_TYPE_INVALID", Fault::argument},
    Named{CKR_ATTRIBUTE_VALUE_INVALID, "CKR_ATTRIBUTE_VALUE_INVALID", Fault::argument},
    Named{CKR_TEMPLATE_INCOMPLETE, "CKR_TEMPLATE_INCOMPLETE", Fault::argument},
    Named{CKR_TEMPLATE_INCONSISTENT, "CKR_TEMPLATE_INCONSISTENT", Fault::argument},
    Named{CKR_DATA_INVALID, "CKR_DATA_INVALID", Fault::argument},
    Named{CKR_DATA_LEN_RANGE, "CKR_DATA_LEN_RANGE", Fault::argument},
    Named{CKR_ENCRYPTED_DATA_INVALID, "CKR_ENCRYPTED_DATA_INVALID", Fault::argument},
    Named{CKR_ENCRYPTED_DATA_LEN_RANGE, "CKR_ENCRYPTED_DATA_LEN_RANGE", Fault::argument},
    Named{CKR_FUNCTION_NOT_SUPPORTED, "CKR_FUNCTION_NOT_SUPPORTED", Fault::argument},
    Named{CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED", Fault::argument},
    Named{CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT", Fault::argument},
    Named{CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID", Fault::argument},
    Named{CKR_MECHANISM_PARAM_INVALID, "CKR_MECHANISM_PARAM_INVALID", Fault::argument},
};

std::string trimmed(const unsigned char* text, std::size_t size) {
  std::string out(reinterpret_cast<const char*>(text), size);
  out.erase(out.find_last_not_of(std::string_view(" \0", 2)) + 1);
  return out;
}

base::Error module_error(const std::string& why) {
  auto failure = base::error(base::Code::unavailable, "hsm.module", why);
  failure.args = {{"why", why}};
  return failure;
}

unsigned char* pin_bytes(const base::Secret& pin) {
  return const_cast<unsigned char*>(pin.reveal().data());  // the C header lacks const
}

CK_RV initialise(CK_FUNCTION_LIST& call) {
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  return call.C_Initialize(&arguments);
}

base::Result<std::vector<CK_SLOT_ID>> slots(CK_FUNCTION_LIST& call) {
  // Asked twice when a token arrives in between.
  for (int round = 0; round < 3; ++round) {
    CK_ULONG count = 0;
    if (const auto rv = call.C_GetSlotList(CK_TRUE, nullptr, &count); rv != CKR_OK)
      return call_failed("C_GetSlotList", rv);
    std::vector<CK_SLOT_ID> found(count);
    const auto rv = call.C_GetSlotList(CK_TRUE, found.data(), &count);
    if (rv == CKR_BUFFER_TOO_SMALL) continue;
    if (rv != CKR_OK) return call_failed("C_GetSlotList", rv);
    found.resize(count);
    return found;
  }
  return call_failed("C_GetSlotList", CKR_BUFFER_TOO_SMALL);
}

base::Error in_use() {
  return base::error(base::Code::unavailable, "hsm.in_use", "this process holds a login already");
}

}  // namespace

Fault fault_of(Rv rv) {
  for (const auto& one : kNamed)
    if (one.rv == rv) return one.fault;
  return Fault::device;
}

std::string name_of(Rv rv) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (Rv rest = rv; rest != 0 || hex.empty(); rest /= 16) hex.insert(hex.begin(), kHex[rest % 16]);
  for (const auto& one : kNamed)
    if (one.rv == rv) return std::string(one.name) + " (0x" + hex + ")";
  return "CKR 0x" + hex;
}

base::Error call_failed(std::string_view call, Rv rv, std::string_view key) {
  auto failure = base::error(base::Code::unavailable, std::string(key),
                             std::string(call) + ": " + name_of(rv));
  failure.args = {{"why", failure.detail}};
  return failure;
}

base::Result<CK_FUNCTION_LIST*> load(const std::filesystem::path& module) {
  void* library = ::dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return module_error(why != nullptr ? why : "dlopen failed");
  }
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  if (get == nullptr) return module_error(module.string() + " has no C_GetFunctionList");
  CK_FUNCTION_LIST* functions = nullptr;
  if (const auto rv = get(&functions); rv != CKR_OK || functions == nullptr)
    return module_error(module.string() + ": C_GetFunctionList: " + name_of(rv));
  if (functions->version.major != 2)  // 3.x modules hand out their 2.40 list here too
    return module_error(module.string() + " offers no PKCS#11 2.x functions");
  return functions;
}

base::Result<Slot> find_slot(CK_FUNCTION_LIST& call, TokenName& name) {
  BASE_TRY(const auto found, slots(call));
  std::string seen;
  std::vector<std::pair<Slot, std::string>> fitting;
  for (const auto slot : found) {
    CK_TOKEN_INFO info{};
    if (call.C_GetTokenInfo(slot, &info) != CKR_OK) continue;  // pulled while we looked
    if ((info.flags & CKF_TOKEN_INITIALIZED) == 0) continue;
    const auto label = trimmed(info.label, sizeof info.label);
    const auto serial = trimmed(info.serialNumber, sizeof info.serialNumber);
    seen += (seen.empty() ? "" : ", ") + label + " (" + serial + ")";
    if (label == name.label && (name.serial.empty() || serial == name.serial))
      fitting.emplace_back(slot, serial);
  }
  if (fitting.size() == 1) {
    name.serial = fitting.front().second;
    return fitting.front().first;
  }
  const std::string why =
      (fitting.empty() ? "no token is called " : "more than one token is called ") + name.label +
      (name.serial.empty() ? "" : " with serial " + name.serial) + "; there " +
      (seen.empty() ? "is none" : "are: " + seen);
  auto failure = base::error(base::Code::unavailable, "hsm.no_token", why);
  failure.args = {{"why", why}};
  return failure;
}

base::Result<std::unique_ptr<Login>> Login::open(const std::filesystem::path& module,
                                                 TokenName name, base::Secret pin, bool writable,
                                                 Sm2Native sm2) {
  if (login_lives.exchange(true)) return in_use();
  std::unique_ptr<Login> login(new Login);  // from here its destructor gives the place back
  login->name_ = std::move(name);
  login->pin_ = std::move(pin);
  login->writable_ = writable;
  login->sm2_ = sm2;
  BASE_TRY_VOID(login->start(module, login->pin_));
  return login;
}

base::Result<void> Login::start(const std::filesystem::path& module, const base::Secret& pin) {
  BASE_TRY(functions_, load(module));
  if (const auto rv = initialise(*functions_); rv != CKR_OK) return call_failed("C_Initialize", rv);
  initialised_ = true;
  BASE_TRY(slot_, find_slot(*functions_, name_));
  if (const auto rv = open_session(anchor_); rv != CKR_OK) return call_failed("C_OpenSession", rv);
  const auto rv = functions_->C_Login(anchor_, CKU_USER, pin_bytes(pin), pin.reveal().size());
  if (fault_of(rv) == Fault::pin) return call_failed("C_Login", rv, "hsm.pin");
  if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN) return call_failed("C_Login", rv);
  return {};
}

Login::~Login() {
  if (initialised_) functions_->C_Finalize(nullptr);
  login_lives = false;
}

Rv Login::open_session(Handle& session) const {
  return functions_->C_OpenSession(slot_, CKF_SERIAL_SESSION | (writable_ ? CKF_RW_SESSION : 0),
                                   nullptr, nullptr, &session);
}

void Login::close_session(Handle session) const {
  (void)functions_->C_CloseSession(session);  // it is being thrown away whatever it says
}

Rv Login::token_present() const {
  CK_TOKEN_INFO info{};
  const auto rv = functions_->C_GetTokenInfo(slot_, &info);
  if (rv == CKR_GENERAL_ERROR) {
    // SoftHSM says so of a token whose files it may not write, from the login on, though all of it
    // works: the slot is asked, and the caller looks at the keys next.
    CK_SLOT_INFO slot{};
    if (functions_->C_GetSlotInfo(slot_, &slot) == CKR_OK && (slot.flags & CKF_TOKEN_PRESENT) != 0)
      return CKR_OK;
  }
  if (rv != CKR_OK) return rv;
  return (info.flags & CKF_TOKEN_INITIALIZED) != 0 ? CKR_OK : CKR_TOKEN_NOT_RECOGNIZED;
}

Rv Login::login_again() {
  const std::scoped_lock lock(again_);
  auto rv = functions_->C_Login(anchor_, CKU_USER, pin_bytes(pin_), pin_.reveal().size());
  if (fault_of(rv) == Fault::session) {
    if (rv = open_session(anchor_); rv != CKR_OK) return rv;
    rv = functions_->C_Login(anchor_, CKU_USER, pin_bytes(pin_), pin_.reveal().size());
  }
  return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

base::Result<void> initialise_token(const std::filesystem::path& module, std::string_view label,
                                    const base::Secret& so_pin, const base::Secret& pin) {
  base::check(!label.empty() && label.size() <= 32, "a token label has 1 to 32 bytes");
  if (login_lives.exchange(true)) return in_use();
  struct Place {
    CK_FUNCTION_LIST* call = nullptr;
    ~Place() {
      if (call != nullptr) call->C_Finalize(nullptr);
      login_lives = false;
    }
  } place;
  BASE_TRY(auto* const call, load(module));
  if (const auto rv = initialise(*call); rv != CKR_OK) return call_failed("C_Initialize", rv);
  place.call = call;

  BASE_TRY(const auto found, slots(*call));
  std::vector<CK_SLOT_ID> empty;
  for (const auto slot : found) {
    CK_TOKEN_INFO info{};
    if (call->C_GetTokenInfo(slot, &info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED) == 0)
      empty.push_back(slot);
  }
  if (empty.size() != 1) {
    auto failure = base::error(base::Code::unavailable, "hsm.no_token");
    failure.detail =
        "slots without a token: " + std::to_string(empty.size()) + ", wanted exactly one";
    failure.args = {{"why", failure.detail}};
    return failure;
  }
  std::array<unsigned char, 32> padded{};
  padded.fill(' ');
  std::memcpy(padded.data(), label.data(), label.size());
  auto rv =
      call->C_InitToken(empty.front(), pin_bytes(so_pin), so_pin.reveal().size(), padded.data());
  if (rv != CKR_OK) return call_failed("C_InitToken", rv);

  TokenName name{std::string(label), ""};
  BASE_TRY(const auto slot, find_slot(*call, name));  // slots may be numbered anew
  CK_SESSION_HANDLE session = 0;
  rv = call->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session);
  if (rv != CKR_OK) return call_failed("C_OpenSession", rv);
  rv = call->C_Login(session, CKU_SO, pin_bytes(so_pin), so_pin.reveal().size());
  if (rv != CKR_OK) return call_failed("C_Login", rv);
  rv = call->C_InitPIN(session, pin_bytes(pin), pin.reveal().size());
  if (rv != CKR_OK) return call_failed("C_InitPIN", rv);
  return {};
}

}  // namespace hsm::p11
