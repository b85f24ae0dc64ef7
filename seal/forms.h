// The templates of one seal, with the evidence of the moment inside them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "seal/evidence.h"
#include "seal/pdf/document.h"

namespace seal {

using PdfTemplates = std::map<std::string, std::shared_ptr<const pdf::PdfTemplate>, std::less<>>;

/// Thread-safe.
class Forms {
 public:
  enum class Evidence { none, inside, beside };
  struct Current {
    PdfTemplates templates;
    pdf::Evidence beside;  ///< that goes into a revision of its own
  };
  Forms(PdfTemplates templates, certs::Certificate seal, std::vector<certs::Certificate> chain,
        Evidence evidence)
      : plain_(std::move(templates)),
        seal_(std::move(seal)),
        chain_(std::move(chain)),
        evidence_(evidence) {}

  bool has(std::string_view kind) const { return plain_.find(kind) != plain_.end(); }
  /// As of `now`. Made anew when the trust list is another one, when a revocation list ends, and
  /// every few minutes: a copy of each prefix and a new end to it, a fraction of a millisecond.
  /// Errors: unavailable `seal.revocation_stale`.
  base::Result<std::shared_ptr<const Current>> current(const certs::TrustList& trust,
                                                       base::Time now);

 private:
  const PdfTemplates plain_;
  const certs::Certificate seal_;
  const std::vector<certs::Certificate> chain_;
  const Evidence evidence_;
  std::mutex mutex_;  // protects what follows
  std::shared_ptr<const Current> current_;
  std::int64_t sequence_ = 0;  // of the trust list that it is from
  base::Time made_at_, good_until_;
};

}  // namespace seal
