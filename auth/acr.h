// How certain a login is: proofing × authentication, in the words of OpenID Connect. LD/T 01-2020
// 5.4.1.5, OpenID Connect Core §5.5.1.1, RFC 9470.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/actor.h"

namespace auth {

struct Acr {
  Proofing proofing = Proofing::p0;
  Authentication authentication = Authentication::none;
  /// As certain in both parts.
  bool meets(const Acr& needed) const {
    return proofing >= needed.proofing && authentication >= needed.authentication;
  }
};

/// "urn:xinyin:acr:p1a1"
std::string acr_of(Proofing proofing, Authentication authentication);
/// p0 to p3, a1 to a3; nothing for any other text.
std::optional<Acr> acr_from(std::string_view text);

}  // namespace auth
