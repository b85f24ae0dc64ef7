// What a third-party platform may answer: ID tokens, and sets of keys. Nobody gets in without a
// signature; of a set, each key that is taken signs with the one algorithm that was agreed.
#include "auth/platform_token.h"
#include "base/check.h"

namespace {

class Published final : public auth::PlatformSource {
 public:
  base::Result<Reply> redeem(
      const std::vector<std::pair<std::string, std::string>>&) const override {
    return Reply{};
  }
  // made-by: the public key of RFC 7517 appendix A.1
  base::Result<std::string> keys() const override {
    return std::string(R"({"keys":[
      {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
       "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","kid":"1"}]})");
  }
};

class Noon final : public base::Clock {
 public:
  base::Time now() const override { return base::from_unix_s(1'795'489'200); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Published source;
  const Noon clock;
  auth::PlatformKeys keys(source, "ES256", clock);
  const auth::PlatformExpectation expected{"https://platform.example", "xinyin", "ES256", "n",
                                           std::chrono::seconds(300)};
  const auto token = auth::read_platform_token(text, keys, expected, clock.now());
  base::check(!token.ok(), "nobody has the private key");
  base::check(token.error().key == "auth.platform.refused", "every token is refused as one");
  for (const std::string_view algorithm : {"ES256", "PS256", "EdDSA", "RS256"}) {
    const auto set = auth::ForeignKeys::of_platform(text, algorithm);
    if (!set.ok()) continue;
    auth::ForeignJws jws;
    jws.algorithm = "none";
    base::check(!set->verify(jws), "a key of no algorithm");
  }
  return 0;
}
