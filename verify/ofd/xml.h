// The XML files of an OFD package as small trees of elements. GB/T 33190-2016 6, 7.
//
// Expat parses; what is refused beyond that is what makes one text mean two things or cost too
// much: a document type (with it entities), another encoding than UTF-8, depth and numbers over the
// limits.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace verify::ofd {

inline constexpr std::string_view kNamespace = "http://www.ofdspec.org/2016";

struct Attribute {
  std::string name, value;
};

/// Of the namespace of OFD; elements of others are read past, with all that is in them.
struct Element {
  std::string name;  ///< without prefix
  std::vector<Attribute> attributes;
  std::vector<Element> children;
  std::string text;  ///< its own, without white space around

  /// The first of this name; null when there is none.
  const Element* child(std::string_view wanted) const;
  /// Of the first child of this name; empty when there is none.
  std::string_view child_text(std::string_view wanted) const;
  /// An empty view when there is none.
  std::string_view attribute(std::string_view wanted) const;
};

/// What the XML of one package may use up, all its files together.
struct XmlBudget {
  std::size_t elements = 1'000'000;
  std::size_t kept = 400'000;  ///< elements of trees, and attributes of theirs
  int depth = 64;
  int attributes = 64;  ///< of one element
};

/// `keep` levels are kept (the root is the first); what is deeper is checked and forgotten.
/// Errors: invalid_argument, each its own: `verify.ofd.xml_malformed`, `verify.ofd.xml_doctype`,
/// `verify.ofd.xml_encoding`, `verify.ofd.xml_namespace` (the root is not of OFD),
/// `verify.ofd.xml_too_complex`.
base::Result<Element> parse_xml(base::BytesView text, XmlBudget& budget, int keep = 64);

}  // namespace verify::ofd
