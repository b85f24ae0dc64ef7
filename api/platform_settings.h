// Third-party platforms as their file describes them: JSON, one object a platform, in the words of
// OpenID Connect Discovery and RFC 7591 where they have one. docs/gateways.md.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace api {

struct PlatformSettings {
  std::string id, name_zh, name_en;
  std::string issuer, authorize_url, token_url, keys_url, client_id;
  std::string auth_method = "client_secret_basic";
  std::filesystem::path secret_file;
  std::string algorithm = "RS256";
  bool tells_issuer = false;
  std::chrono::seconds login_age{300};
  std::vector<std::string> two_kinds;  ///< words of "acr" that are worth level 2
  std::chrono::milliseconds deadline{3'000};
  std::filesystem::path roots_file;
};

struct PlatformRules {
  std::string public_url;  ///< our own
  bool production = false;
};

/// Relative paths in it are relative to its directory. Errors: invalid_argument `config.invalid`
/// whose detail says what is wrong with which platform.
base::Result<std::vector<PlatformSettings>> read_platforms(const std::filesystem::path& file,
                                                           const PlatformRules& rules);
/// The same of a text that was read.
base::Result<std::vector<PlatformSettings>> parse_platforms(std::string_view text,
                                                            const std::filesystem::path& directory,
                                                            const PlatformRules& rules);

}  // namespace api
