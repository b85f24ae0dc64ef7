#include "auth/acr.h"

namespace auth {
namespace {

constexpr std::string_view kPrefix = "urn:xinyin:acr:";

}  // namespace

std::string acr_of(Proofing proofing, Authentication authentication) {
  return std::string(kPrefix) + "p" + std::to_string(static_cast<int>(proofing)) + "a" +
         std::to_string(static_cast<int>(authentication));
}

std::optional<Acr> acr_from(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  if (text.size() != 4 || text[0] != 'p' || text[2] != 'a' || text[1] < '0' || text[1] > '3' ||
      text[3] < '1' || text[3] > '3')
    return std::nullopt;
  return Acr{static_cast<Proofing>(text[1] - '0'), static_cast<Authentication>(text[3] - '0')};
}

}  // namespace auth
