// Drawings as the XML of OFD pages. GB/T 33190-2016 7.7, 8, 9.1, 11.
//
// Millimetres, y downward from the page's upper edge. Each line of text is one text object in one
// font, so that whoever takes the text out finds it whole.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "seal/ofd/drawing.h"

namespace seal::ofd {

/// For text in elements and attributes; control characters, which XML does not have, are left out.
std::string escaped(std::string_view utf8);
/// A number with at most three decimals, nothing behind it.
std::string number(double value);

/// Numbers of the resources and objects of one document: each is used once.
class Ids {
 public:
  explicit Ids(int last) : last_(last) {}
  int next() { return ++last_; }
  int last() const { return last_; }

 private:
  int last_;
};

/// The fonts of a document. Which one shows a line is known when all of it is.
struct Fonts {
  const pdf::Faces& faces;
  const pdf::CharacterCodes& body;
  int common_id = 0, display_id = 0, own_id = 0;
  std::u32string own = {};  ///< characters of the document's own font, gathered while it is written
};

/// One page or picture, written object by object.
class PageWriter {
 public:
  PageWriter(double height_points, Ids& ids) : height_(height_points), ids_(ids) {}

  void text(const Run& run, Fonts& fonts);
  void shape(const Shape& shape);
  /// The dark modules of a symbol, in a square of this side with its lower left corner there.
  void symbol(const base::Bytes& rows, int modules, int quiet, double x, double y, double side);

  /// A Page with one layer. `width_mm` and `height_mm` are its size.
  std::string finish(double width_mm, double height_mm);

 private:
  void begin(std::string_view element, double left, double top, double right, double bottom);

  double height_;
  Ids& ids_;
  std::string out_;
};

inline constexpr std::string_view kXml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
inline constexpr std::string_view kXmlns = " xmlns:ofd=\"http://www.ofdspec.org/2016\"";

}  // namespace seal::ofd
