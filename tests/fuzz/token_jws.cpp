// Tokens as anybody may send them. One text for one token: what is accepted is, written again from
// its parts, the same text.
#include "auth/jwt.h"
#include "base/check.h"
#include "base/encoding.h"
#include "base/json.h"

namespace {

// made-by: the public key of RFC 7517 appendix A.1.
auth::TokenKeys keys() {
  std::vector<auth::TokenKey> list;
  list.push_back(
      auth::TokenKey::from_spki(
          base::from_hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"
                         "30a0424cd21c2944838a2d75c92b37e76ea20d9f00893a3b4eee8a3c0aafec3e"
                         "e04b65e92456d9888b52b379bdfbd51ee869ef1f0fc65b6659695b6cce081723")
              .value())
          .value());
  return auth::TokenKeys(std::move(list));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto known = keys();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto jws = auth::parse_jws(text);
  if (jws.ok()) {
    base::check(jws->claims.IsObject(), "claims are an object");
    const auto first = text.find('.');
    const auto last = text.rfind('.');
    for (const auto part :
         {text.substr(0, first), text.substr(first + 1, last - first - 1), text.substr(last + 1)}) {
      const auto bytes = base::from_base64url(part);
      base::check(bytes && base::to_base64url(*bytes) == part, "two texts for one token");
    }
  }
  for (const auto type : {auth::kAccessTokenType, auth::kIdTokenType})
    base::check(!known.verify(text, type).ok() || jws.ok(), "verified what does not parse");
  return 0;
}
