// Judges one signature or document time stamp of a PDF: its container, its key, its time. ETSI EN
// 319 102-1 in spirit: the answers say which of the questions failed.
#pragma once

#include <memory>

#include "certs/timestamp.h"
#include "certs/trust_list.h"
#include "verify/pdf_evidence.h"
#include "verify/pdf_seals.h"
#include "verify/verdict.h"

namespace verify {

/// What is judged with: the trust list, and what the file brought along. A revocation list of the
/// file counts as one of the trust list would, for whoever signed it is checked, but is asked only
/// where the trust list knows nothing: it may be old. For one thread.
class Grounds {
 public:
  Grounds(const certs::TrustList& trust, pdf::Evidence evidence)
      : trust_(trust), evidence_(std::move(evidence)) {}

  const certs::TrustList& trust() const { return trust_; }
  certs::ChainStatus validate(const certs::Certificate& leaf,
                              const std::vector<certs::Certificate>& along,
                              certs::ChainPurpose purpose, base::Time at) const;
  /// `proven`: the token is known to have been there at that moment. A stamping key lost after it
  /// does not hurt (EN 319 102-1 §5.6.2.3, past signature validation).
  certs::TimestampStatus stamp(base::BytesView token, const base::Digest& digest,
                               std::optional<base::Time> proven) const;
  /// Would the file alone, with the roots, show that `leaf` was good at that moment?
  bool in_file(const certs::Certificate& leaf, const std::vector<certs::Certificate>& along,
               base::Time at) const;

 private:
  const certs::TrustList* with_evidence() const;

  const certs::TrustList& trust_;
  const pdf::Evidence evidence_;
  mutable std::unique_ptr<const certs::TrustList> both_;
};

/// As of `at`. Whether something was added behind the signature is the caller's question. `proven`:
/// a moment when the signature is known, by a trusted document time stamp, to have been there.
SealReport judge_seal(base::BytesView file, const pdf::Signature& signature, const Grounds& grounds,
                      base::Time at, std::optional<base::Time> proven);

StampReport judge_document_stamp(base::BytesView file, const pdf::Signature& signature,
                                 const Grounds& grounds, base::Time at,
                                 std::optional<base::Time> proven);

}  // namespace verify
