// Makes a document of a draft: composed, signed in the token, time stamped; and judges it as
// anybody will. Knows no rows: what is made here has not left (seal/issuer.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "seal/cms.h"
#include "seal/draft.h"
#include "seal/forms.h"
#include "seal/national.h"
#include "seal/templates.h"
#include "seal/timestamp_source.h"
#include "verify/code.h"
#include "verify/verifier.h"

namespace seal {

using SealId = base::Strong<struct SealTag>;

/// A seal with its keys: that of PDF, and, where it seals OFD too, the national one.
struct SealConfig {
  SealId id;                ///< of the register of seals (seal/seals.h); empty: there is none yet
  std::string agency;       ///< as documents name it
  std::string agency_code;  ///< unified social credit code
  SealPictureSpec picture;  ///< what stands on the page
  std::shared_ptr<const hsm::Key> key;
  certs::Certificate certificate;
  std::vector<certs::Certificate> chain;
  /// What a later judge finds in the file: t, lt or lta. docs/decisions/0180-pades-levels.md
  verify::PadesLevel pdf_level = verify::PadesLevel::lt;
  bool append_evidence = false;  ///< in a revision of its own, not inside what is signed
  std::optional<NationalSeal> national = std::nullopt;
};

/// Thread-safe.
class Composer {
 public:
  struct Parts {
    std::function<std::shared_ptr<const verify::Verifier>()> verifier;  ///< the newest trust list
    const TimestampSource& timestamps;
    const base::Clock& clock;
    base::Random& random;
    std::string verify_address;
    std::string font_file, title_font_file;  ///< empty: those of the package fonts-noto-cjk
  };
  /// Lays the templates out (tens of milliseconds). Errors: as Issuer::create.
  static base::Result<std::unique_ptr<Composer>> create(Parts parts, SealConfig seal,
                                                        const Templates& kinds);

  const SealConfig& seal() const { return seal_; }
  bool has(std::string_view kind) const { return forms_.has(kind); }
  bool has(Format format) const { return format == Format::pdf || national_ != nullptr; }

  /// By what a document is known.
  struct Identity {
    std::string id;
    verify::DocumentCode code;
    base::Time at;  ///< as claimed
  };
  /// A finished file. Errors: what layout, key and time source say; unavailable
  /// `seal.revocation_stale`, `seal.timestamp_size`.
  base::Result<base::Bytes> make(const Draft& draft, const Identity& identity);
  /// The public judge sees the bytes as anybody will; nothing it would not call genuine (a sample:
  /// a sample) leaves. Errors: internal `seal.judged_bad`.
  base::Result<void> judge(base::BytesView file, const Draft& draft,
                           const verify::DocumentCode& code) const;

 private:
  Composer(Parts parts, SealConfig seal, CmsFrame frame, PdfTemplates templates,
           std::unique_ptr<const NationalForms> national);
  base::Result<base::Bytes> make_pdf(const Draft& draft, const Identity& identity);
  base::Result<base::Bytes> make_ofd(const Draft& draft, const Identity& identity) const;
  base::Result<void> complete(base::Bytes& file, const pdf::Evidence& evidence) const;
  std::string what_is_wrong(const verify::Verdict& verdict, const Draft& draft,
                            const verify::DocumentCode& code) const;

  const Parts parts_;
  const SealConfig seal_;
  const CmsFrame cms_;
  Forms forms_;
  const std::unique_ptr<const NationalForms> national_;
};

}  // namespace seal
