// Our documents as OFD (GB/T 33190-2016), from the same layouts as PDF, ready for a seal.
//
// What never changes (common fonts, the seal object, lists) is packed and hashed once per template.
// The seal covers every file but Signature.xml and its value, and the list of seals as well: a
// document that we sealed takes no further seal.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "seal/ofd/drawing.h"
#include "seal/ofd/zip_writer.h"
#include "seal/pdf/layout.h"

namespace seal::ofd {

/// What the seal signature names as its original (GB/T 38540-2020 7.1).
inline constexpr std::string_view kPropertyInfo = "/Doc_0/Signs/Sign_0/Signature.xml";

/// A finished document but for the value of its signature.
class Unsigned {
 public:
  /// SM3 of Signature.xml: the dataHash of the seal signature.
  const base::Digest& digest() const { return digest_; }
  /// The file, with this SES_Signature.
  base::Bytes finish(base::BytesView signature) const;

 private:
  friend class OfdTemplate;
  std::vector<std::shared_ptr<const Packed>> entries_;
  base::Digest digest_{};
};

struct Parameters {
  pdf::Content content;
  std::string_view facts_json;    ///< attached as facts.json
  std::string_view code_address;  ///< what the QR says
  base::Time at;                  ///< the claimed moment, as the seal signature will have it
  base::Bytes document_id;        ///< 16 random bytes
};

/// Immutable, thread-safe.
class OfdTemplate {
 public:
  /// `seal` is the SESeal that will sign (DER).
  /// Errors: as pdf::Layout::create; internal `seal.drawing`.
  static base::Result<std::shared_ptr<const OfdTemplate>> create(const pdf::Template& form,
                                                                 const pdf::Faces& faces,
                                                                 const pdf::Letterhead& head,
                                                                 base::BytesView seal);
  /// Errors: as pdf::Layout::set; invalid_argument `seal.qr`; internal `seal.drawing`.
  base::Result<Unsigned> compose(const Parameters& parameters) const;

 private:
  struct Pages;
  OfdTemplate() = default;
  base::Result<void> write_static(base::BytesView seal);
  base::Result<Pages> write_pages(const Parameters& parameters) const;
  std::string root_xml(const Parameters& parameters) const;
  std::string document_xml(const Pages& pages) const;
  std::string signature_xml(const Parameters& parameters, const Pages& pages,
                            const std::vector<std::shared_ptr<const Packed>>& covered) const;

  std::shared_ptr<const pdf::Layout> layout_;
  pdf::Faces faces_;
  pdf::Letterhead head_;
  std::vector<std::pair<std::string, std::vector<Item>>> forms_;
  std::vector<std::shared_ptr<const Packed>> static_;
};

}  // namespace seal::ofd
