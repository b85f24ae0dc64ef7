#include "auth/methods.h"

#include <algorithm>
#include <array>

namespace auth {
namespace {

struct Fact {
  Method method;
  std::string_view name;
  std::string_view amr;
  bool knows, has, key;
};

// amr: what RFC 8176 §2 has no word for takes the nearest: a recovery code is used once ("otp"), a
// key that we cannot see the hardware of is proof of possession ("pop").
constexpr std::array<Fact, 10> kFacts{{
    {Method::password, "password", "pwd", true, false, false},
    {Method::sms, "sms", "sms", false, true, false},
    {Method::totp, "totp", "otp", false, true, false},
    {Method::recovery_code, "recovery_code", "otp", false, true, false},
    {Method::passkey, "passkey", "pop", false, true, true},
    {Method::passkey_verified, "passkey_verified", "user", true, true, true},
    {Method::certificate, "certificate", "swk", false, true, true},
    {Method::social_card, "social_card", "sc", true, true, true},
    // Its platform vouches, as the password would: with the password it is still one kind.
    {Method::third_party, "third_party", "fed", true, false, false},
    {Method::third_party_verified, "third_party_verified", "fed", true, true, false},
}};

}  // namespace

Methods Methods::from_bits(std::int64_t bits) {
  Methods out;
  for (const auto& fact : kFacts)
    if ((bits & static_cast<std::int64_t>(fact.method)) != 0) out = out.with(fact.method);
  return out;
}

Methods Methods::with(Methods more) const {
  Methods out = *this;
  out.bits_ = static_cast<std::uint16_t>(out.bits_ | more.bits_);
  return out;
}

Authentication authentication_of(Methods methods) {
  bool knows = false, has = false, key = false;
  for (const auto& fact : kFacts) {
    if (!methods.has(fact.method)) continue;
    knows |= fact.knows;
    has |= fact.has;
    key |= fact.key;
  }
  if (methods.empty()) return Authentication::none;
  if (!knows || !has) return Authentication::password;
  return key ? Authentication::hardware : Authentication::two_factor;
}

std::vector<std::string_view> amr_of(Methods methods) {
  std::vector<std::string_view> out;
  const auto add = [&](std::string_view word) {
    if (std::find(out.begin(), out.end(), word) == out.end()) out.push_back(word);
  };
  for (const auto& fact : kFacts) {
    if (!methods.has(fact.method)) continue;
    if (fact.method == Method::passkey_verified) add("pop");
    add(fact.amr);
  }
  if (authentication_of(methods) > Authentication::password) out.emplace_back("mfa");
  return out;
}

std::string_view to_text(Method method) {
  for (const auto& fact : kFacts)
    if (fact.method == method) return fact.name;
  return "";
}

}  // namespace auth
