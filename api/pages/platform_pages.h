// The pages around accounts of third-party platforms.
#pragma once

#include <string>
#include <string_view>

#include "api/pages/renderer.h"
#include "base/result.h"

namespace api::pages {

struct PlatformPage {
  std::string name_zh, name_en;
  std::string address;  ///< where the browser goes
};
/// On the way out.
std::string platform_leave(const Renderer& look, const PlatformPage& page);
/// The account is nobody's here: log in and link it, or register.
std::string platform_nobody(const Renderer& look, const PlatformPage& page);
/// Whether to link it to this account.
std::string platform_link(const Renderer& look, const PlatformPage& page, std::string_view csrf,
                          std::string_view login_name);
/// What went wrong, and the way back.
std::string platform_refused(const Renderer& look, const base::Error& problem,
                             const std::string& back);

}  // namespace api::pages
