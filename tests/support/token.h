// A throw-away SoftHSM token in a directory of its own, provisioned as a real one is: about 0.1 s
// with P-256 keys (an RSA-3072 key takes about a second more).
//
//   test::Token token;                              // the demonstration's keys
//   const auto key = token.key("seal-1");           // a real hsm::Key; stops the test when it
//   fails
//
// One token may be open in a process at a time (PKCS#11: one login a process): keep one test::Token
// per test suite, or call close() before another one is opened. Keys hold the token open.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "hsm/provision.h"
#include "hsm/token.h"

namespace test {

/// root-ca, issuing-ca, seal-1, timestamp-1, openid-1, document-code-1 (P-256) and data-wrap-1
/// (AES-256).
std::vector<hsm::PlannedKey> demonstration_keys();

class Token {
 public:
  /// Provisions; a failure stops the test program with the line that mends it.
  explicit Token(std::vector<hsm::PlannedKey> keys = demonstration_keys(),
                 std::string label = "xinyin-test");
  ~Token();
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;

  /// The token opened in this process; opened at the first call.
  hsm::Token& open();
  std::shared_ptr<const hsm::Key> key(std::string_view label);
  /// Closes it here (once no Key is left), so that another process or token may be opened.
  void close() { token_.reset(); }

  hsm::TokenConfig config() const;
  hsm::ProvisionConfig provision_config() const;
  const std::string& label() const { return label_; }
  static std::filesystem::path module();  ///< SoftHSM's
  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path tokens() const { return directory_ / "tokens"; }
  std::filesystem::path softhsm_conf() const { return directory_ / "softhsm2.conf"; }
  std::filesystem::path inventory() const { return directory_ / "inventory.json"; }
  std::filesystem::path pin_file() const { return directory_ / "pin"; }
  std::filesystem::path so_pin_file() const { return directory_ / "so-pin"; }
  const std::string& pin() const { return pin_; }
  /// SoftHSM finds its configuration in the environment (SOFTHSM2_CONF): the module's own
  /// interface.
  void point_softhsm_here() const;

 private:
  std::string label_;
  std::filesystem::path directory_;
  std::string pin_, so_pin_;
  base::SystemRandom random_;
  std::unique_ptr<hsm::Token> token_;
};

}  // namespace test
