// Sets of keys as a client may hand them in. What is taken has thumbprints of one form, each once.
#include "auth/jose.h"
#include "base/check.h"
#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto set = auth::ForeignKeys::parse(text);
  const auto json = base::parse_json(text, {.bytes = 64 * 1024, .depth = 4});
  if (set.ok()) {
    base::check(json.ok() && json->HasMember("keys"), "a set is an object with keys");
    for (const auto& each : (*json)["keys"].GetArray()) {
      const auto key = auth::ForeignKey::from_jwk(each);
      base::check(key.ok() && key->thumbprint().size() == 43, "each key of a set can be used");
      base::check(!each.HasMember("d") && !each.HasMember("k"), "no private key is taken");
    }
  }
  return 0;
}
