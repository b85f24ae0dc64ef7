// Assertions, request objects and proofs as anybody may send them. One text for one token: what is
// taken apart is, written again from its parts, the same text; and what verifies under a known key
// names that key's algorithm.
#include "auth/jose.h"
#include "base/check.h"
#include "base/encoding.h"

namespace {

// made-by: the public keys of RFC 7517 appendix A.1 (P-256) and RFC 8037 appendix A.2.
auth::ForeignKeys keys() {
  return auth::ForeignKeys::parse(R"({"keys":[
    {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
     "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","kid":"1"},
    {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})")
      .value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto known = keys();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto rule : {auth::HeaderKey::refused, auth::HeaderKey::needed}) {
    const auto jws = auth::parse_foreign_jws(text, rule);
    if (!jws.ok()) continue;
    base::check(jws->claims.IsObject(), "claims are an object");
    base::check(jws->key.has_value() == (rule == auth::HeaderKey::needed),
                "a key where one is due");
    const auto last = text.rfind('.');
    base::check(jws->signed_text == text.substr(0, last) &&
                    base::to_base64url(jws->signature) == text.substr(last + 1),
                "two texts for one token");
    base::check(jws->algorithm == "ES256" || jws->algorithm == "PS256" || jws->algorithm == "EdDSA",
                "an algorithm of the list");
    if (jws->key) (void)jws->key->verifies(jws->signed_text, jws->signature);
    if (known.verify(*jws))
      base::check(jws->algorithm != "PS256", "verified by a key of another kind");
  }
  return 0;
}
