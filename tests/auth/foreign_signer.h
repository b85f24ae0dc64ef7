// A client's own key, and whatever it may sign with it: right tokens and wrong ones. Made with
// OpenSSL directly, so that what reads them is judged by other code than its own.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace auth::test_house {

class ForeignSigner {
 public:
  /// "ES256", "ES384", "PS256", "RS256" (a key of 2048 bits), "RS1024" (RS256 with a short key) or
  /// "EdDSA".
  static ForeignSigner make(std::string_view algorithm);
  ForeignSigner(ForeignSigner&&) noexcept;
  ForeignSigner& operator=(ForeignSigner&&) noexcept;
  ~ForeignSigner();

  const std::string& algorithm() const { return algorithm_; }
  /// The public key; `more` is put in front of its members, e.g. R"("kid":"1",)".
  std::string jwk(std::string_view more = "") const;
  std::string jwks(std::string_view more = "") const { return "{\"keys\":[" + jwk(more) + "]}"; }
  /// RFC 7638.
  std::string thumbprint() const;
  /// A certificate of its own that it signed, DER; each call makes another one.
  base::Bytes certificate() const;
  /// A compact JWS over exactly these texts, whatever they say.
  std::string sign(std::string_view header, std::string_view payload) const;
  /// With {"alg":…,"typ":…} as header.
  std::string sign_as(std::string_view type, std::string_view payload) const;

 private:
  ForeignSigner();
  struct Held;
  std::unique_ptr<Held> held_;
  std::string algorithm_;
};

/// A compact JWS of algorithm `none`, and one of HS256 under `secret`.
std::string unsigned_jws(std::string_view type, std::string_view payload);
std::string mac_jws(std::string_view type, std::string_view payload, std::string_view secret);

}  // namespace auth::test_house
