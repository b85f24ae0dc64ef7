#include "auth/platform_token.h"

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"

namespace auth {
namespace {

using std::chrono::seconds;

constexpr seconds kSkew{60};               // between two clocks
constexpr seconds kOldest{600};            // since the token was made
constexpr std::size_t kMostSubject = 255;  // Core §2
constexpr std::chrono::hours kFresh{1}, kUsable{24};
constexpr std::chrono::minutes kBetween{1};

base::Error refused(const char* why) {
  return base::error(base::Code::unauthenticated, "auth.platform.refused", why);
}

/// A moment in a claim: whole seconds, within what a clock can show.
std::optional<base::Time> moment(const rapidjson::Value& claims, const char* name) {
  const auto value = base::json_int(claims, name);
  if (!value || *value < 0 || *value > 253'402'300'799) return std::nullopt;
  return base::Time(seconds(*value));
}

/// Core §3.1.3.7, 3 to 5: for us, and for nobody whom we do not know.
bool is_for(const rapidjson::Value& claims, const std::string& client_id) {
  const auto at = claims.FindMember("aud");
  if (at == claims.MemberEnd()) return false;
  if (claims.HasMember("azp") && base::json_text(claims, "azp") != client_id) return false;
  const auto same = [&](const rapidjson::Value& value) {
    return value.IsString() &&
           std::string_view(value.GetString(), value.GetStringLength()) == client_id;
  };
  if (!at->value.IsArray()) return same(at->value);
  return at->value.Size() == 1 && same(at->value[0]);
}

}  // namespace

base::Result<PlatformKeys::Set> PlatformKeys::current(const Set& failed) {
  const std::lock_guard hold(mutex_);
  const auto now = clock_.now();
  const bool fresh = keys_ && now - *fetched_at_ < kFresh;
  // What did not verify may have been signed by a key that came since; somebody else may have
  // fetched it meanwhile.
  if (fresh && keys_ != failed) return keys_;
  if (asked_at_ && now - *asked_at_ < kBetween) {
    if (keys_) return keys_;
    return base::error(base::Code::unavailable, "auth.platform.trouble", "no keys a moment ago");
  }
  asked_at_ = now;
  const auto text = source_.keys();
  auto set = text.ok() ? ForeignKeys::of_platform(*text, algorithm_)
                       : base::Result<ForeignKeys>(text.error());
  if (set.ok()) {
    keys_ = std::make_shared<const ForeignKeys>(std::move(*set));
    fetched_at_ = now;
  } else if (!keys_ || now - *fetched_at_ >= kUsable) {
    keys_.reset();
    return base::error(base::Code::unavailable, "auth.platform.trouble", set.error().detail);
  }
  return keys_;
}

base::Result<bool> PlatformKeys::verify(const ForeignJws& jws) {
  BASE_TRY(const auto first, current(nullptr));
  if (first->verify(jws)) return true;
  BASE_TRY(const auto second, current(first));
  return second != first && second->verify(jws);
}

base::Result<PlatformIdentity> read_platform_token(std::string_view compact, PlatformKeys& keys,
                                                   const PlatformExpectation& expected,
                                                   base::Time now) {
  const auto jws = parse_foreign_jws(compact, HeaderKey::refused, expected.algorithm);
  if (!jws.ok()) return refused(jws.error().detail.c_str());
  // Another kind of token of the same issuer is none of this kind (RFC 8725 §3.11).
  auto type = jws->type;
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (!type.empty() && type != "JWT") return refused("typ");
  BASE_TRY(const bool good, keys.verify(*jws));
  if (!good) return refused("signature");
  const auto& claims = jws->claims;
  if (base::json_text(claims, "iss") != expected.issuer) return refused("iss");
  if (!is_for(claims, expected.client_id)) return refused("aud, azp");
  const auto expires = moment(claims, "exp"), made = moment(claims, "iat");
  if (!expires || *expires + kSkew <= now) return refused("exp");
  if (!made || *made > now + kSkew || *made + kOldest <= now) return refused("iat");
  if (claims.HasMember("nbf")) {
    const auto from = moment(claims, "nbf");
    if (!from || *from > now + kSkew) return refused("nbf");
  }
  if (expected.nonce.empty() ||
      !base::constant_time_equal(base::as_bytes(expected.nonce),
                                 base::as_bytes(base::json_text(claims, "nonce"))))
    return refused("nonce");
  if (expected.login_age.count() != 0) {
    const auto at = moment(claims, "auth_time");
    if (!at || *at > now + kSkew || *at + expected.login_age + kSkew < now)
      return refused("auth_time");
  }
  PlatformIdentity out{std::string(base::json_text(claims, "sub")),
                       std::string(base::json_text(claims, "acr"))};
  if (out.subject.empty() || out.subject.size() > kMostSubject ||
      base::printable(out.subject, kMostSubject) != out.subject)
    return refused("sub");
  if (out.acr.size() > kMostSubject) return refused("acr");
  return out;
}

}  // namespace auth
