// A key in ordinary memory behind the door of hsm::Key: for tests that need many keys or a second
// PKI, and for keys that must misbehave. What tests the token's own ways uses test::Token.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "hsm/key.h"

namespace test {

/// Thread-safe but for `fail_with` and `corrupt`, which a test sets before it uses the key.
class SoftKey final : public hsm::Key {
 public:
  static std::shared_ptr<SoftKey> make(std::string label,
                                       hsm::Algorithm algorithm = hsm::Algorithm::ecdsa_p256,
                                       hsm::Purpose purpose = hsm::Purpose::seal);
  ~SoftKey() override;

  const hsm::KeyInfo& info() const override { return info_; }
  base::Result<base::Bytes> sign(const base::Digest& digest) const override;
  base::Result<base::Bytes> sign_message(base::BytesView message) const override;

  std::optional<base::Error> fail_with;  ///< given instead of a signature
  bool corrupt = false;                  ///< gives wrong signatures

 private:
  struct State;
  SoftKey(hsm::KeyInfo info, std::unique_ptr<State> state);
  base::Result<base::Bytes> sign_input(base::BytesView input) const;
  hsm::KeyInfo info_;
  std::unique_ptr<State> state_;
};

}  // namespace test
