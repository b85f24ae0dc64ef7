// Keeping what was sealed provable: a new document time stamp, with the evidence for all stamps
// before it, while the last one's certificate is still in force. ETSI EN 319 142-1 §5.5, B-LTA;
// docs/decisions/0179-archived-documents.md
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "seal/timestamp_source.h"
#include "store/field_cipher.h"
#include "store/store.h"
#include "verify/verifier.h"

namespace seal {

/// Thread-safe.
class Augmenter {
 public:
  struct Parts {
    std::function<std::shared_ptr<const verify::Verifier>()> verifier;
    const TimestampSource& timestamps;
    const base::Clock& clock;
  };
  explicit Augmenter(Parts parts) : parts_(std::move(parts)) {}

  struct Augmented {
    base::Bytes file;       ///< begins with every octet of what was given
    base::Time good_until;  ///< end of the new stamp's certificate
  };
  /// A file that is judged genuine now, and the outcome likewise, at B-LTA.
  /// Errors: invalid_argument `seal.not_augmentable`; unavailable `seal.revocation_stale`,
  /// `seal.timestamp`; internal `seal.judged_bad`.
  base::Result<Augmented> augment(base::BytesView file) const;
  /// Until when the file's last time stamp carries it: the end of its certificate.
  /// Errors: invalid_argument `seal.not_augmentable` (none in it).
  static base::Result<base::Time> good_until(base::BytesView file);

 private:
  const Parts parts_;
};

/// The documents that were issued. Several may run at once; each deed is one row, written once.
/// Thread-safe.
class Archive {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    const base::Clock& clock;
    const Augmenter& augmenter;
    std::chrono::hours ahead{24 * 180};  ///< of the certificate's end
  };
  explicit Archive(Parts parts) : parts_(parts) {}

  struct Done {
    int looked_at = 0;  ///< for the first time
    int augmented = 0;
    int failed = 0;  ///< left as they are, to be tried again; `why` is of the last
    std::string why;
    bool more = false;
  };
  /// Looks at new documents and augments those that are due, at most `portion` of each. Stopped at
  /// any point, it goes on from there. Errors: those of the database; internal `seal.damaged`.
  base::Result<Done> turn(int portion) const;

  /// As issued, and all that was appended since. Errors: not_found `seal.no_document`; internal
  /// `seal.damaged`.
  base::Result<base::Bytes> newest(const std::string& document) const;

 private:
  base::Result<void> look(const std::string& document) const;
  base::Result<void> augment(const std::string& document) const;

  const Parts parts_;
};

}  // namespace seal
