// The supervisor of xinyin-signer: owns the sockets, never loads the module, and keeps a worker
// running.
//
// Why two processes: a module may hang or crash, and must not be used across a fork; the sockets
// outlive the worker, so that clients reach the next one without noticing much.
#pragma once

#include "base/clock.h"
#include "base/random.h"
#include "hsm/journal.h"
#include "hsm/signer_config.h"

namespace hsm {

/// Runs until SIGTERM or SIGINT, or until a worker says that another one would not help. The result
/// is the program's exit status. The worker, a child, returns from here as well, with its own.
int supervise(const SignerConfig& config, const base::Clock& clock, base::Random& random,
              const Journal& journal);

/// No core dumps, no tracing by others, no new privileges, nothing readable for others in new
/// files.
void harden_process();

}  // namespace hsm
