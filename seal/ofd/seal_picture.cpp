#include "seal/ofd/seal_picture.h"

#include "seal/ofd/page.h"
#include "seal/ofd/zip_writer.h"

namespace seal::ofd {

namespace {

// Some readers do not fill what stands in a stamp; a hairline shows them the seal all the same.
constexpr double kOutline = pdf::mm(0.04);
constexpr int kAlpha = 190;  // what is printed under the seal stays readable

}  // namespace

base::Result<base::Bytes> seal_picture(const pdf::FontFace& face, const SealPictureSpec& seal) {
  BASE_TRY(const auto operators, pdf::draw_seal(face, seal));
  const pdf::CharacterCodes none('A');  // the seal's characters are outlines
  BASE_TRY(const auto items, read_drawing(operators, {none, none, {}}));
  Ids ids(1);
  PageWriter page(pdf::mm(seal.height_mm), ids);
  for (const auto& item : items) {
    auto one = std::get<Shape>(item);
    one.colour = pdf::kRed;
    one.thickness = kOutline;
    one.alpha = kAlpha;
    page.shape(one);
  }
  const auto content = page.finish(seal.width_mm, seal.height_mm);
  const auto box = number(seal.width_mm) + ' ' + number(seal.height_mm);
  const auto start = std::string(kXml);
  const auto root = start + "<ofd:OFD" + std::string(kXmlns) +
                    " DocType=\"OFD\" Version=\"1.0\"><ofd:DocBody><ofd:DocInfo>"
                    "<ofd:Creator>Xinyin</ofd:Creator></ofd:DocInfo><ofd:DocRoot>"
                    "Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>\n";
  const auto document = start + "<ofd:Document" + std::string(kXmlns) +
                        "><ofd:CommonData><ofd:MaxUnitID>" + std::to_string(ids.last()) +
                        "</ofd:MaxUnitID><ofd:PageArea><ofd:PhysicalBox>0 0 " + box +
                        "</ofd:PhysicalBox></ofd:PageArea></ofd:CommonData><ofd:Pages>"
                        "<ofd:Page ID=\"1\" BaseLoc=\"Pages/Page_0/Content.xml\"/></ofd:Pages>"
                        "</ofd:Document>\n";
  return write_zip({pack("OFD.xml", base::as_bytes(root)),
                    pack("Doc_0/Document.xml", base::as_bytes(document)),
                    pack("Doc_0/Pages/Page_0/Content.xml", base::as_bytes(content))});
}

}  // namespace seal::ofd
