// One PKCS#11 module, one token, one login: what Token and KeyMaker stand on. Private to this room.
//
// Says C types without including the standard's header (that stays in .cpp files). A process
// initialises the module after its last fork and holds one Login at a time (security.md §1.2).
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "hsm/sm2_native.h"

struct _CK_FUNCTION_LIST;

namespace hsm::p11 {

using Rv = unsigned long;
using Handle = unsigned long;
using Slot = unsigned long;

/// What a return value asks for (security.md §1.2).
enum class Fault {
  none,
  session,   ///< close the session, try again on a new one
  login,     ///< log in again, once, then as above
  handle,    ///< find the object again, then as above
  device,    ///< the module or the token is away: initialise again, with back-off
  pin,       ///< stop at once and alarm: further tries may lock the token
  argument,  ///< our call was wrong, or what it carried; the token is well
};
Fault fault_of(Rv rv);
/// "CKR_DEVICE_ERROR (0x30)"
std::string name_of(Rv rv);

/// `unavailable`, with the call and the return value in the detail.
base::Error call_failed(std::string_view call, Rv rv, std::string_view key = "hsm.unavailable");

/// Loads the shared object once per process and hands out its function list. Never unloaded:
/// modules register exit handlers. Errors: unavailable `hsm.module`.
base::Result<_CK_FUNCTION_LIST*> load(const std::filesystem::path& module);

struct TokenName {
  std::string label;
  std::string serial;  ///< empty: any
};

/// C_Initialize … C_Finalize, and a session that is logged in as the user in between. Thread-safe.
class Login {
 public:
  /// Errors: unavailable `hsm.module`, `hsm.in_use` (a Login lives already), `hsm.no_token`,
  /// `hsm.pin`, `hsm.unavailable`.
  static base::Result<std::unique_ptr<Login>> open(const std::filesystem::path& module,
                                                   TokenName name, base::Secret pin, bool writable,
                                                   Sm2Native sm2 = {});
  ~Login();
  Login(const Login&) = delete;
  Login& operator=(const Login&) = delete;

  _CK_FUNCTION_LIST& call() const { return *functions_; }
  const TokenName& name() const { return name_; }
  const Sm2Native& sm2() const { return sm2_; }

  Rv open_session(Handle& session) const;
  void close_session(Handle session) const;
  /// Whether the token is still in its slot: one call, however many keys it holds.
  Rv token_present() const;
  /// After USER_NOT_LOGGED_IN; harmless when another thread was quicker.
  Rv login_again();

 private:
  Login() = default;
  base::Result<void> start(const std::filesystem::path& module, const base::Secret& pin);

  _CK_FUNCTION_LIST* functions_ = nullptr;
  TokenName name_;
  Sm2Native sm2_;
  base::Secret pin_;
  bool writable_ = false;
  bool initialised_ = false;
  Slot slot_ = 0;
  std::mutex again_;   // one login at a time
  Handle anchor_ = 0;  // never closed while we live: the login ends with a token's last session
};

/// The slot whose token has this name. Errors: unavailable `hsm.no_token` naming what is there.
base::Result<Slot> find_slot(_CK_FUNCTION_LIST& call, TokenName& name);

/// Initialises the only slot without a token and sets the user PIN. The caller has made sure that
/// the token's storage is really empty: a damaged token looks like an empty slot (security.md
/// §0.1). Errors: unavailable `hsm.no_token`, `hsm.unavailable`, `hsm.in_use`.
base::Result<void> initialise_token(const std::filesystem::path& module, std::string_view label,
                                    const base::Secret& so_pin, const base::Secret& pin);

}  // namespace hsm::p11
