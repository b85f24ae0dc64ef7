// An authenticator in memory: what it says is put together by hand and signed with OpenSSL last, so
// that a test can bend any part of it first. Knows nothing of the code that judges it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace auth::test_house {

/// What a browser hands on, before it is signed.
struct SoftAnswer {
  std::string client_data;  ///< JSON
  base::Bytes data;         ///< authenticator data
  base::Bytes id;           ///< credential id in the envelope
  base::Bytes handle;       ///< user handle; empty: none
  std::string format = "none";
  base::Bytes statement = {0xa0};  ///< CBOR
};

class SoftAuthenticator {
 public:
  /// "ES256", "EdDSA" or "RS256".
  explicit SoftAuthenticator(std::string_view algorithm = "ES256");
  ~SoftAuthenticator();

  /// To options as the service makes them. UP, UV and AT are set.
  SoftAnswer create(std::string_view options, std::string_view origin = "https://id.example");
  SoftAnswer get(std::string_view options, std::string_view origin = "https://id.example");
  /// Self attestation over what the answer holds now.
  void attest_self(SoftAnswer& answer) const;
  /// RegistrationResponseJSON, AuthenticationResponseJSON (signed over what the answer holds now).
  std::string registration(const SoftAnswer& answer) const;
  std::string assertion(const SoftAnswer& answer) const;

  base::Bytes id;           ///< of its credential
  base::Bytes handle;       ///< as it was told when the credential was made
  std::uint32_t count = 0;  ///< the next assertion says one more
  std::uint8_t flags = 0x05;

 private:
  base::Bytes data(std::string_view rp_id, std::uint8_t more_flags) const;
  base::Bytes cose() const;
  base::Bytes sign(base::BytesView message) const;
  struct Key;
  std::unique_ptr<Key> key_;
  std::string algorithm_;
};

std::string client_data(std::string_view type, std::string_view challenge, std::string_view origin,
                        std::string_view more = "");

}  // namespace auth::test_house
