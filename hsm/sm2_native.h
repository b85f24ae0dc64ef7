// How a module that speaks SM2 itself is spoken to. PKCS#11 has no numbers for it: each maker has
// its own, so they are configuration. docs/decisions/0070-algorithms.md
#pragma once

namespace hsm {

struct Sm2Native {
  bool native = false;  ///< else SM2 keys are wrapped (hsm/wrapped_key.h)
  unsigned long key_type = 0, generate_mechanism = 0;
  unsigned long sign_mechanism = 0;  ///< one that takes e = SM3(Z ‖ M), 32 bytes
  bool der = false;                  ///< it answers SEQUENCE { r, s }, else r‖s
};

}  // namespace hsm
