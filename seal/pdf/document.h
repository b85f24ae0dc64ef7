// A template as the beginning of a PDF file, and documents written behind it.
//
// What never changes (forms, common fonts, seal picture, colour profile) is written once, behind it
// what changes with the revocation lists (catalog, security store), and the SHA-256 state of both
// is kept; a document copies them and appends its own objects, a classic cross-reference table and
// the place for the signature, in one pass (ISO 32000-1; PDF/A-3u, ISO 19005-3).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "seal/pdf/layout.h"

namespace seal::pdf {

/// What a reader needs to judge the signature years later without asking anybody: certificates and
/// revocation lists, DER each. ISO 32000-2 §12.8.4.3 (document security store).
struct Evidence {
  std::vector<base::Bytes> certificates, revocation_lists;
  bool empty() const { return certificates.empty() && revocation_lists.empty(); }
};

/// A finished file but for its signature.
struct Unsigned {
  base::Bytes file;
  std::size_t contents_begin = 0;  ///< of "<", the first byte the signature does not cover
  std::size_t contents_end = 0;    ///< past ">"
  base::Digest digest{};           ///< SHA-256 of everything else
};

struct Parameters {
  Content content;
  std::string_view facts_json;  ///< attached as facts.json (ISO 19005-3 annex E)
  std::string code_address;     ///< what the QR says
  base::Time at;                ///< claimed; a time stamp attests the real one
  base::Bytes file_id;          ///< 16 random bytes
};

/// Immutable, thread-safe.
class PdfTemplate {
 public:
  /// `signature_bytes` are reserved for the signature's DER.
  /// Errors: invalid_argument `seal.glyph`; internal `seal.template`.
  static base::Result<std::shared_ptr<const PdfTemplate>> create(const Template& form,
                                                                 const Faces& faces,
                                                                 const Letterhead& head,
                                                                 std::size_t signature_bytes);
  /// The same with this evidence inside what is signed: only the prefix's end is written anew.
  std::shared_ptr<const PdfTemplate> with(const Evidence& evidence) const;
  /// Errors: as Layout::set; invalid_argument `seal.qr`.
  base::Result<Unsigned> compose(const Parameters& parameters) const;

  std::string_view kind() const { return layout_->form().kind; }
  std::size_t prefix_bytes() const { return prefix_.size(); }
  std::size_t signature_bytes() const { return signature_bytes_; }

 private:
  PdfTemplate() = default;
  void write_prefix(const std::string& seal_picture);
  void end_prefix(const Evidence& evidence);

  std::shared_ptr<const Layout> layout_;
  Faces faces_;
  Letterhead head_;
  std::string prefix_;
  std::vector<std::uint32_t> offsets_;  ///< of the objects in the prefix, by number; 0: not there
  base::Sha256 prefix_state_;
  // As they were before the end of the prefix was written.
  std::size_t lasting_bytes_ = 0;
  std::vector<std::uint32_t> lasting_offsets_;
  base::Sha256 lasting_state_;
  std::string form_resources_;  ///< "/Head 13 0 R …"
  std::size_t signature_bytes_ = 0;
};

/// Puts the signature in its place. False when it is larger than what was reserved.
bool embed_signature(Unsigned& document, base::BytesView der);

}  // namespace seal::pdf
