// Judges that we did not write: openssl and pkcs11-tool, run as programs.
#pragma once

#include <string>
#include <vector>

#include "hsm/key.h"

namespace test {

struct Ran {
  int status = -1;  ///< exit status; 128 + signal when killed
  std::string out;  ///< standard output and standard error
};
/// Runs a program and waits for it. `environment` holds NAME=value to be added.
Ran run(const std::vector<std::string>& arguments,
        const std::vector<std::string>& environment = {});

/// `openssl pkeyutl -verify` over the message, with the digest that belongs to the key's algorithm
/// and, for SM2, the default user id. Signatures are as Key::sign gives them.
bool openssl_verifies(const hsm::KeyInfo& key, base::BytesView signature, std::string_view message);

}  // namespace test
