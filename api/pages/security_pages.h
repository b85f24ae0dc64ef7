// The pages of the second step and of 登录与安全: what one logs in with.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/pages/renderer.h"
#include "auth/certificates.h"
#include "auth/own_codes.h"
#include "base/result.h"

namespace api::pages {

/// A third-party platform whose accounts log in.
struct PlatformChoice {
  std::string id, name_zh, name_en;
};

struct SecondPage {
  std::string csrf, return_to;
  std::vector<auth::Factor> steps;  ///< those that are open
  bool password = false;            ///< so is the password
  bool raise = false;               ///< a session is there and not strong enough
  bool sent = false;                ///< a text message is on its way
  const base::Error* problem = nullptr;
};
std::string second(const Renderer& look, const SecondPage& page);

struct SecurityPage {
  std::string csrf, return_to;  ///< return_to may be empty
  std::vector<auth::Factor> factors;
  std::vector<auth::BoundCertificate> certificates = {};  ///< what those of that kind are
  bool bodies = false;                                    ///< one can be bound
  std::int64_t recovery_left = 0;
  std::optional<auth::OwnCodes::Offer> offer = std::nullopt;
  std::string label = {};                  ///< as typed beside the offer
  std::string phone = {};                  ///< as typed
  bool texts = true;                       ///< there are text messages here
  bool sent = false;                       ///< one is on its way to `phone`
  std::vector<std::string> codes = {};     ///< recovery codes, this once
  std::string done = {};                   ///< key of what was done
  bool passkeys = false;                   ///< browsers have them at this address
  std::vector<PlatformChoice> platforms = {};  ///< whose accounts can be linked
  const base::Error* problem = nullptr;
};
/// A row each, with what its form needs.
std::vector<PageData> platform_rows(const std::vector<PlatformChoice>& platforms,
                                    const std::string& csrf, const std::string& return_to);
std::string security(const Renderer& look, const SecurityPage& page, base::Time now);

/// The dark modules of a QR symbol as a path of an SVG drawing, with its quiet zone; `size` is a
/// side of the drawing. Errors: invalid_argument `seal.qr`.
struct QrDrawing {
  std::string path;
  int size = 0;
};
base::Result<QrDrawing> qr_drawing(std::string_view content);

}  // namespace api::pages
