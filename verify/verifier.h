// The public judge of files, PDF (ISO 32000-1) and OFD (GB/T 33190-2016). No network, no database,
// no key: who judges cannot sign.
//
// The same code judges our own finished work before release, uploads, and files on a laptop without
// a network. Parsing foreign bytes has limits on size, depth, objects and time.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "certs/trust_list.h"
#include "verify/verdict.h"

namespace verify {

struct Limits {
  std::size_t file_bytes = 32 << 20;
  std::size_t objects = 200'000;
  int depth = 64;
  int signatures = 16;
};

/// Immutable, thread-safe.
class Verifier {
 public:
  explicit Verifier(certs::TrustList trust, Limits limits = {});
  /// Judges `file` as of `at` (the moment of judging; the moment of sealing is found in the file).
  Verdict judge(base::BytesView file, base::Time at) const;
  const certs::TrustList& trust() const { return *trust_; }

 private:
  std::shared_ptr<const certs::TrustList> trust_;
  Limits limits_;
};

}  // namespace verify
