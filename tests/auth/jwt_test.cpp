// RFC 7515, 7638, 8725; security.md §3.D 79–88.
#include "auth/jwt.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "base/encoding.h"
#include "base/json.h"
#include "tests/support/soft_key.h"

namespace auth {
namespace {

std::string b64(std::string_view text) {
  return base::to_base64url(base::as_bytes(text));
}

class JwtTest : public testing::Test {
 protected:
  JwtTest() {
    auto made = TokenKey::from_spki(key->info().public_key);
    EXPECT_TRUE(made.ok());
    id = made->id();
    std::vector<TokenKey> list;
    list.push_back(std::move(*made));
    keys.emplace(std::move(list));
  }
  std::string good_header() const { return R"({"alg":"ES256","typ":"JWT","kid":")" + id + R"("})"; }
  /// Signed whatever it says: what fails then, fails for its content.
  std::string forge(std::string_view header, std::string_view payload) const {
    const auto input = b64(header) + "." + b64(payload);
    return input + "." + base::to_base64url(key->sign(base::sha256(base::as_bytes(input))).value());
  }
  std::string why(std::string_view token, std::string_view type = "JWT") const {
    const auto verified = keys->verify(token, type);
    if (verified.ok()) return "";
    EXPECT_EQ(verified.error().key, "auth.token_invalid");
    EXPECT_EQ(verified.error().code, base::Code::unauthenticated);
    return verified.error().detail;
  }

  std::shared_ptr<test::SoftKey> key = test::SoftKey::make("openid-1");
  std::string id;
  std::optional<TokenKeys> keys;
};

TEST_F(JwtTest, WhatIsSignedIsRead) {
  const auto token = sign_jws(*key, id, "at+jwt", R"({"sub":"x","exp":5})");
  ASSERT_TRUE(token.ok());
  const auto verified = keys->verify(*token, "at+jwt");
  ASSERT_TRUE(verified.ok()) << verified.error().detail;
  EXPECT_EQ(base::json_text(verified->claims, "sub"), "x");
  EXPECT_EQ(verified->key_id, id);
  EXPECT_EQ(why(forge(good_header(), "{}")), "")
      << "the forger of this file writes good tokens too";
}

TEST_F(JwtTest, D65_TypesDoNotStandForEachOther) {
  EXPECT_EQ(why(forge(good_header(), "{}"), "at+jwt"), "another type of token");
  EXPECT_EQ(why(sign_jws(*key, id, "at+jwt", "{}").value(), "JWT"), "another type of token");
}

TEST_F(JwtTest, D79_D80_D81_OnlyTheAlgorithmOfTheKey) {
  constexpr const char* kNone = "algorithm is not ES256, RS256 or EdDSA";
  for (const auto* algorithm : {"RS256", "EdDSA"})
    EXPECT_EQ(why(forge(R"({"alg":")" + std::string(algorithm) + R"(","typ":"JWT","kid":")" + id +
                            R"("})",
                        "{}")),
              "another algorithm than its key's");
  for (const auto* algorithm :
       {"none", "None", "nOnE", "", "HS256", "PS256", "ES384", "es256", "ES256K", "Ed25519"})
    EXPECT_EQ(why(forge(R"({"alg":")" + std::string(algorithm) + R"(","typ":"JWT","kid":")" + id +
                            R"("})",
                        "{}")),
              kNone)
        << algorithm;
  EXPECT_EQ(why(forge(R"({"typ":"JWT","kid":")" + id + R"("})", "{}")), kNone);
  const auto input = b64(R"({"alg":"none","typ":"JWT"})") + "." + b64("{}");
  EXPECT_NE(why(input + "."), "");
  EXPECT_NE(why(input), "");
}

TEST_F(JwtTest, D82_D84_D85_NoOtherHeaderMembers) {
  for (const auto* extra :
       {R"("jku":"https://evil.example/jwks")", R"("x5u":"https://evil.example/c")", R"("jwk":"x")",
        R"("x5c":"x")", R"("crit":"exp")", R"("b64":"false")", R"("zip":"DEF")", R"("cty":"JWT")"})
    EXPECT_EQ(
        why(forge(R"({"alg":"ES256","typ":"JWT","kid":")" + id + R"(",)" + extra + "}", "{}")),
        "header member that we never write")
        << extra;
  for (const auto* extra :
       {R"("crit":["exp"])", R"("b64":false)", R"("jwk":{"kty":"EC"})", R"("x5c":["MII"])"})
    EXPECT_NE(
        why(forge(R"({"alg":"ES256","typ":"JWT","kid":")" + id + R"(",)" + extra + "}", "{}")), "")
        << extra;
}

TEST_F(JwtTest, D83_KeyIdsAreComparedAndNothingElse) {
  for (const std::string& other : {std::string("../../etc/passwd"), std::string("' or 1=1 --"),
                                   std::string("a\\u0000b"), id + "x", std::string()})
    EXPECT_EQ(why(forge(R"({"alg":"ES256","typ":"JWT","kid":")" + other + R"("})", "{}")),
              "key is not ours")
        << other;
  EXPECT_EQ(why(forge(R"({"alg":"ES256","typ":"JWT"})", "{}")), "key is not ours");
  EXPECT_NE(why(forge(R"({"alg":"ES256","typ":"JWT","kid":")" + std::string(1 << 20, 'k') + R"("})",
                      "{}")),
            "");
}

TEST_F(JwtTest, D86_OneReadingOfTheJson) {
  const std::string deep(10'000, '[');
  for (const std::string& payload :
       {std::string(R"({"sub":"a","sub":"b"})"), std::string(R"({"sub":"a"} x)"),
        std::string("\xef\xbb\xbf{}"), deep, R"({"a":)" + deep, std::string(R"({"exp":1e999})"),
        std::string("[]"), std::string("\"text\""), std::string("null"), std::string(),
        std::string("{\"a\":\"\xff\"}"), std::string("{'a':1}"), std::string("{\"a\":01}"),
        std::string("{\"a\":NaN}"), std::string("{} ") + '\0'})
    EXPECT_NE(why(forge(good_header(), payload)), "") << payload.substr(0, 40);
  EXPECT_NE(why(forge(R"({"alg":"ES256","alg":"none","typ":"JWT","kid":")" + id + R"("})", "{}")),
            "");
}

TEST_F(JwtTest, D87_OneTextForOneToken) {
  const auto good = forge(good_header(), R"({"sub":"xyz"})");
  ASSERT_EQ(why(good), "");
  for (const std::string& text :
       {good + "=", " " + good, good + " ", good + "\n", good + ".", "." + good, good + "." + good,
        good.substr(0, good.size() - 1), std::string("..") + good})
    EXPECT_NE(why(text), "") << text.size();
  // The last character of a 64-byte signature carries four spare bits.
  auto spare = good;
  spare.back() = spare.back() == 'A' ? 'B' : static_cast<char>(spare.back() + 1);
  EXPECT_NE(why(spare), "");
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto changed = good;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (changed != good) {
      EXPECT_NE(why(changed), "") << i;
    }
  }
}

TEST_F(JwtTest, D88_SignaturesThatAreNone) {
  const auto input = b64(good_header()) + "." + b64("{}");
  const auto with = [&](const base::Bytes& signature) {
    return why(input + "." + base::to_base64url(signature));
  };
  const auto good = key->sign(base::sha256(base::as_bytes(input))).value();
  ASSERT_EQ(with(good), "");
  const auto order =
      base::from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();
  const base::Bytes zero(32, 0);
  const base::Bytes r(good.begin(), good.begin() + 32), s(good.begin() + 32, good.end());
  const auto join = [](base::Bytes a, const base::Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  EXPECT_NE(with(join(zero, s)), "");
  EXPECT_NE(with(join(r, zero)), "");
  EXPECT_NE(with(join(zero, zero)), "");
  EXPECT_NE(with(join(order, s)), "");
  EXPECT_NE(with(join(r, order)), "");
  EXPECT_NE(with(join(base::Bytes(32, 0xff), base::Bytes(32, 0xff))), "");
  EXPECT_NE(with(join(s, r)), "");
  EXPECT_NE(with(base::Bytes(good.begin(), good.end() - 1)), "");
  EXPECT_NE(with(join(good, {0})), "");
  const auto der = base::from_hex("3006020101020101").value();
  EXPECT_NE(with(der), "");
}

TEST_F(JwtTest, D81_AnotherKeysSignature) {
  const auto other = test::SoftKey::make("other");
  const auto input = b64(good_header()) + "." + b64("{}");
  EXPECT_EQ(why(input + "." +
                base::to_base64url(other->sign(base::sha256(base::as_bytes(input))).value())),
            "signature does not fit");
}

TEST_F(JwtTest, Rfc7518_3_3_EachAlgorithmHasItsKindOfKey) {
  const std::pair<hsm::Algorithm, const char*> all[] = {{hsm::Algorithm::ecdsa_p256, "ES256"},
                                                        {hsm::Algorithm::rsa_3072, "RS256"},
                                                        {hsm::Algorithm::ed25519, "EdDSA"}};
  std::vector<TokenKey> list;
  std::vector<std::string> tokens;
  for (const auto& [algorithm, name] : all) {
    const auto one = test::SoftKey::make(name, algorithm);
    auto made = TokenKey::from_spki(one->info().public_key);
    ASSERT_TRUE(made.ok()) << made.error().detail;
    EXPECT_EQ(made->algorithm(), name);
    tokens.push_back(sign_jws(*one, made->id(), "JWT", R"({"sub":"x"})").value());
    list.push_back(std::move(*made));
  }
  const TokenKeys ring(std::move(list));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    EXPECT_TRUE(ring.verify(tokens[i], "JWT").ok()) << all[i].second;
    const auto other = tokens[(i + 1) % tokens.size()];
    const auto mixed = tokens[i].substr(0, tokens[i].rfind('.')) + other.substr(other.rfind('.'));
    EXPECT_FALSE(ring.verify(mixed, "JWT").ok()) << "another key's signature";
  }
}

TEST_F(JwtTest, OtherKeysAreNotTaken) {
  const auto longer_curve = test::SoftKey::make("p384", hsm::Algorithm::ecdsa_p384);
  EXPECT_EQ(TokenKey::from_spki(longer_curve->info().public_key).error().detail, "not a P-256 key");
  auto longer = key->info().public_key;
  longer.push_back(0);
  EXPECT_EQ(TokenKey::from_spki(longer).error().key, "auth.token_key");
  EXPECT_FALSE(TokenKey::from_spki({}).ok());
}

// made-by: the key of RFC 7517 appendix A.1; the thumbprint by `step crypto jwk thumbprint`'s rule,
// computed with Python's hashlib from RFC 7638 §3's text.
TEST_F(JwtTest, Rfc7638_TheKeyIdIsTheThumbprint) {
  const auto x = base::from_base64url("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4").value();
  const auto y = base::from_base64url("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM").value();
  auto spki = base::from_hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004").value();
  spki.insert(spki.end(), x.begin(), x.end());
  spki.insert(spki.end(), y.begin(), y.end());
  const auto made = TokenKey::from_spki(spki);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->id(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
}

TEST_F(JwtTest, D92_JwksShowsPublicMembersOnly) {
  const auto jwks = base::parse_json(keys->jwks());
  ASSERT_TRUE(jwks.ok());
  const auto& one = (*jwks)["keys"][0];
  EXPECT_EQ(base::json_text(one, "kid"), id);
  for (const auto& member : one.GetObject())
    EXPECT_NE(std::string("kty crv x y use alg kid").find(member.name.GetString()),
              std::string::npos)
        << member.name.GetString();
}

TEST_F(JwtTest, AKeyThatIsAwayOrOddIsAnError) {
  const auto away = test::SoftKey::make("away");
  away->fail_with = base::error(base::Code::unavailable, "hsm.unavailable");
  EXPECT_EQ(sign_jws(*away, "k", "JWT", "{}").error().key, "hsm.unavailable");
  const auto curve = test::SoftKey::make("p384", hsm::Algorithm::ecdsa_p384);
  EXPECT_EQ(sign_jws(*curve, "k", "JWT", "{}").error().key, "auth.bad_signature");
}

}  // namespace
}  // namespace auth
