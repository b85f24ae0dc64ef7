// Documents in the national format: OFD (GB/T 33190-2016) under a seal signature of GB/T 38540-2020
// or GM/T 0031-2025, SM2 with SM3, time stamped.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "seal/ofd/document.h"
#include "seal/ses.h"
#include "seal/timestamp_source.h"

namespace seal {

/// What a seal of the register needs to seal OFD.
struct NationalSeal {
  std::shared_ptr<const hsm::Key> key;
  certs::Certificate certificate;
  base::Bytes object;  ///< SESeal
};

/// Immutable, thread-safe.
class NationalForms {
 public:
  /// Errors: as SesFrame::create and ofd::OfdTemplate::create.
  static base::Result<std::unique_ptr<const NationalForms>> create(
      NationalSeal seal, std::span<const pdf::Template* const> forms, const pdf::Faces& faces,
      const pdf::Letterhead& head);

  bool has(std::string_view kind) const { return forms_.find(kind) != forms_.end(); }
  /// A whole document, sealed and stamped. Errors: as ofd::OfdTemplate::compose, hsm::Key::sign and
  /// TimestampSource::stamp.
  base::Result<base::Bytes> make(std::string_view kind, const ofd::Parameters& parameters,
                                 const TimestampSource& timestamps) const;

 private:
  NationalForms(NationalSeal seal, SesFrame frame)
      : seal_(std::move(seal)), frame_(std::move(frame)) {}
  const NationalSeal seal_;
  const SesFrame frame_;
  std::map<std::string, std::shared_ptr<const ofd::OfdTemplate>, std::less<>> forms_;
};

}  // namespace seal
