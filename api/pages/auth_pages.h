// The pages of logging in, consenting and logging out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/pages/renderer.h"
#include "api/pages/security_pages.h"
#include "base/result.h"

namespace api::pages {

struct LoginPage {
  std::string csrf;
  std::string return_to;
  std::string login_name;   ///< what was typed before
  std::string client_name;  ///< the portal that asks, when known
  const base::Error* problem = nullptr;
  bool certificates = false;  ///< there are bodies whose certificates log in
  bool card = false;  ///< one can log in with an e-social-security card
  bool passkeys = false;  ///< browsers have them at this address
  std::vector<PlatformChoice> platforms = {};  ///< whose accounts log in
};
std::string login(const Renderer& look, const LoginPage& page);

struct CardPage {
  std::string csrf, return_to;
  std::optional<QrDrawing> code;  ///< what the telephone scans; none: the way to begin
  const base::Error* problem = nullptr;
  bool registers = false;  ///< whoever confirmed has no account, and may register with the card
};
/// Logging in with an e-social-security card.
std::string card_login(const Renderer& look, const CardPage& page);

struct ConsentPage {
  std::string csrf;
  std::string transaction;
  std::string client_name;
  std::string person;  ///< masked name
  std::vector<std::string> scopes;
  struct Acting {
    std::string mandate, name;
    bool chosen = false;
  };
  std::vector<Acting> acting;  ///< for whom the person may act
};
std::string consent(const Renderer& look, const ConsentPage& page);

struct ActivatePage {
  std::string csrf;
  std::string login_name;  ///< what was typed before
  const base::Error* problem = nullptr;
};
/// Setting a new password with a code that staff had made.
std::string activate(const Renderer& look, const ActivatePage& page);

struct DevicePage {
  std::string csrf;
  std::string user_code;  ///< what was typed before, or came with the address
  const base::Error* problem = nullptr;
};
std::string device(const Renderer& look, const DevicePage& page);

struct DeviceConfirmPage {
  std::string csrf;
  std::string user_code;
  std::string client_name;
  std::vector<std::string> scopes;
};
std::string device_confirm(const Renderer& look, const DeviceConfirmPage& page);

std::string logout(const Renderer& look, std::string_view csrf);

/// A short message: what happened, what to do. `tone` is "good" or "warn".
/// A page whose script asks the authenticator; it sends the answer to `action`.
struct PasskeyPage {
  std::string options;  ///< JSON, as auth/passkeys.h makes it
  std::string action, return_to;
  std::string label = {};  ///< of a new one
  std::string back;        ///< where one goes who will not
  bool creates = false;
  std::string csrf = {};
};
std::string passkey(const Renderer& look, const PasskeyPage& page);
/// What was wrong, and the way back.
std::string passkey_refused(const Renderer& look, const base::Error& problem,
                            const std::string& back);

std::string message(const Renderer& look, std::string_view tone, std::string_view title_key,
                    std::string_view text_key, base::MessageArgs args = {},
                    std::string_view request_id = {});

}  // namespace api::pages
