// The worker of xinyin-signer: serves the doors' sockets from the open token.
//
// One thread reads frames and judges them; so many threads as there are sessions sign; a signature
// is verified, logged and kept before it leaves. Nothing a client sends ends the process; a call
// that hangs in the module does, on purpose: the supervisor starts another.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "hsm/journal.h"
#include "hsm/signer_config.h"

namespace hsm {

/// A door and its listening socket, which the supervisor owns.
struct OpenDoor {
  Door door;
  int listener = -1;
};

enum ExitStatus : int {
  kExitStopped = 0,
  kExitStuck = 70,          ///< the module hung, or the log broke: start another worker
  kExitMisconfigured = 78,  ///< starting another would not help
};

struct SignerParts {
  const base::Clock& clock;
  base::Random& random;
  const Journal& journal;
  int stop = -1;  ///< readable when it is to stop (a signalfd or pipe)
};

/// Serves until told to stop. The result is the worker's exit status.
int serve(const SignerConfig& config, const std::vector<OpenDoor>& doors, const SignerParts& parts);

}  // namespace hsm
