// An OFD package: what is reached from OFD.xml, and by which way. GB/T 33190-2016 7, 8, 18; GM/T
// 0099-2020.
//
// A reader shows what it reaches. Which of the files a seal must cover does not depend on this walk
// being complete, though: what nothing reaches must be covered as well (verify/ofd/seals.h).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "verify/ofd/xml.h"
#include "verify/ofd/zip.h"
#include "verify/verifier.h"

namespace verify::ofd {

/// What a file of the package is for.
enum class Part {
  root,  ///< OFD.xml
  document,
  page,
  template_page,
  resource,
  media,  ///< pictures, fonts, colour profiles
  annotations,
  page_annotations,
  attachments,
  attachment,
  custom_tags,
  custom_tag,
  extensions,
  extension,
  version,
  signatures,    ///< the list of signatures
  signature,     ///< one of them
  signed_value,  ///< its value
  seal,          ///< its seal object, apart
};

/// An entry of Signatures.xml, with the file it names.
struct SignatureEntry {
  std::string list;  ///< path of Signatures.xml
  std::string id;
  std::string type;  ///< "Seal" (the default) or "Sign"
  std::string path;  ///< of Signature.xml
  Element content;
};

/// Immutable. Paths are names of entries: "Doc_0/Document.xml", without a slash before.
class Package {
 public:
  /// Errors: invalid_argument, as Zip::read and parse_xml; `verify.ofd.no_root`, `verify.ofd.path`
  /// (leads out of the package, or cannot be told), `verify.ofd.missing` (a document, a page, a
  /// seal; makers name resources that they have not), `verify.ofd.structure`,
  /// `verify.ofd.encrypted`, `verify.ofd.too_many_seals`.
  static base::Result<Package> open(base::BytesView file, const Limits& limits = {});

  const Zip& zip() const { return zip_; }
  const std::map<std::string, Part, std::less<>>& reached() const { return reached_; }
  const std::vector<SignatureEntry>& signatures() const { return signatures_; }
  /// Those of all documents in it, by the identifiers of the pages, in their order.
  const std::vector<std::string>& pages() const { return pages_; }
  /// resolve(), to the entry of that name in whatever case: makers mix them, and no two entries
  /// differ in case alone.
  std::optional<std::string> locate(std::string_view from, std::string_view location) const;
  /// A custom datum of the first document (GB/T 33190-2016 7.4).
  std::optional<std::string> custom_data(std::string_view name) const;

 private:
  class Walk;
  Package() = default;

  Zip zip_;
  std::map<std::string, Part, std::less<>> reached_;
  std::vector<SignatureEntry> signatures_;
  std::vector<std::string> pages_;
  std::vector<Attribute> custom_data_;
};

/// `location` as it stands in the file `from`: absolute with a slash before, else relative to the
/// folder of that file. Nothing when it leads out of the package or has more than one reading.
std::optional<std::string> resolve(std::string_view from, std::string_view location);

}  // namespace verify::ofd
