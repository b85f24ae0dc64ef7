// Keys and signatures of others: RFC 7515, 7517, 7518, 7638, 8037, 8725.
#include "auth/jose.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/json.h"
#include "tests/auth/negative.h"

namespace auth {
namespace {

using namespace test_house;

std::string why(const base::Result<ForeignKey>& key) {
  return key.ok() ? "" : key.error().detail;
}
base::Result<ForeignKey> key_of(const std::string& jwk) {
  return ForeignKey::from_jwk(*base::parse_json(jwk));
}

TEST(JoseTest, EachAlgorithmVerifiesItsOwnAndNoOther) {
  for (const auto* algorithm : {"ES256", "PS256", "EdDSA"}) {
    const auto signer = ForeignSigner::make(algorithm), other = ForeignSigner::make(algorithm);
    const auto token = signer.sign_as("JWT", R"({"a":1})");
    const auto jws = parse_foreign_jws(token, HeaderKey::refused);
    ASSERT_TRUE(jws.ok()) << algorithm;
    EXPECT_EQ(jws->algorithm, algorithm);
    EXPECT_EQ(jws->type, "JWT");
    EXPECT_TRUE(ForeignKeys::parse(signer.jwks())->verify(*jws)) << algorithm;
    EXPECT_FALSE(ForeignKeys::parse(other.jwks())->verify(*jws)) << algorithm;
    auto altered = token;
    altered[token.find('.') + 2] ^= 1;
    const auto changed_jws = parse_foreign_jws(altered, HeaderKey::refused);
    EXPECT_FALSE(changed_jws.ok() && ForeignKeys::parse(signer.jwks())->verify(*changed_jws));
  }
}

// made-by: RFC 7638 §3.1.
TEST(JoseTest, Rfc7638_3_1_Thumbprint) {
  const auto key = key_of(
      R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","kid":"2011-04-29"})");
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
  EXPECT_EQ(key->id(), "2011-04-29");
}

// made-by: RFC 8037 appendix A.3, A.4.
TEST(JoseTest, Rfc8037_A_Ed25519) {
  const auto key =
      key_of(R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})");
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  EXPECT_TRUE(
      key->verifies("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
                    base::from_base64url(
                        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7"
                        "sVvpAr_MuM0KAg")
                        .value()));
}

TEST(JoseTest, KeysThatAreNoneAreRefused) {
  const auto ec = ForeignSigner::make("ES256");
  const auto good = ec.jwk();
  ASSERT_EQ(why(key_of(good)), "");
  EXPECT_EQ(why(key_of(ec.jwk(R"("use":"sig","alg":"ES256","kid":"1",)"))), "");
  EXPECT_EQ(why(key_of(ec.jwk(R"("use":"enc",)"))), "use is not sig");
  EXPECT_EQ(why(key_of(ec.jwk(R"("alg":"RS256",)"))), "alg does not fit the key");
  EXPECT_EQ(why(key_of(ec.jwk(R"("d":"AA",)"))), "a private or secret key");
  EXPECT_EQ(why(key_of(R"({"kty":"oct","k":"AAAA"})")), "a private or secret key");
  EXPECT_EQ(why(key_of("[]")), "not an object");
  EXPECT_EQ(why(key_of(changed(good, "kty", "\"OKP\""))), "crv is not Ed25519");
  EXPECT_EQ(why(key_of(changed(good, "crv", "\"P-384\""))), "crv is not P-256");
  EXPECT_EQ(why(key_of(changed(good, "x", "\"AA\""))), "x and y are not 32 bytes each");
  EXPECT_EQ(why(key_of(changed(good, "y", "\"" + base::to_base64url(base::Bytes(32, 1)) + "\""))),
            "not a key of this kind")
      << "a point that is not on the curve";
  EXPECT_EQ(why(key_of(ForeignSigner::make("ES384").jwk())), "crv is not P-256");
  EXPECT_EQ(why(key_of(ForeignSigner::make("RS1024").jwk())), "RSA keys have 2048 to 4096 bits");
  const auto rsa = ForeignSigner::make("PS256").jwk();
  EXPECT_EQ(why(key_of(rsa)), "");
  EXPECT_EQ(why(key_of(changed(rsa, "e", "\"Aw\""))), "RSA exponent") << "3";
  EXPECT_EQ(why(key_of(changed(rsa, "e", "\"AQAA\""))), "RSA exponent") << "even";
}

TEST(JoseTest, SetsOfKeysAreUnambiguous) {
  const auto a = ForeignSigner::make("ES256"), b = ForeignSigner::make("ES256");
  const auto set = [](const std::string& keys) {
    return ForeignKeys::parse("{\"keys\":[" + keys + "]}").ok();
  };
  const auto named_a = a.jwk(R"("kid":"a",)"), named_b = b.jwk(R"("kid":"b",)");
  EXPECT_TRUE(set(named_a + "," + named_b));
  EXPECT_FALSE(set(named_a + "," + named_a));
  EXPECT_FALSE(set(named_a + "," + b.jwk(R"("kid":"a",)")));
  EXPECT_FALSE(set(""));
  const auto keys = ForeignKeys::parse("{\"keys\":[" + named_a + "," + named_b + "]}");
  const auto jws = [&](const char* header) {
    return *parse_foreign_jws(b.sign(header, "{}"), HeaderKey::refused);
  };
  EXPECT_TRUE(keys->verify(jws(R"({"alg":"ES256","kid":"b"})")));
  EXPECT_FALSE(keys->verify(jws(R"({"alg":"ES256","kid":"a"})")));
  EXPECT_FALSE(keys->verify(jws(R"({"alg":"ES256"})"))) << "which of the two?";
}

}  // namespace
}  // namespace auth
