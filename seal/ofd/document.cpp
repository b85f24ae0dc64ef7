#include "seal/ofd/document.h"

#include <algorithm>

#include "base/encoding.h"
#include "seal/ofd/page.h"
#include "seal/pdf/qr.h"
#include "seal/pdf/seal_picture.h"

namespace seal::ofd {
namespace {

constexpr double kWidth_mm = 210, kHeight_mm = 297, kMm = 25.4 / 72;
constexpr int kCommonFont = 1, kDisplayFont = 2, kOwnFont = 3, kLastFont = 3;
constexpr int kQuietZone = 4;        // modules, ISO/IEC 18004 6.3.8
constexpr std::size_t kDeepest = 8;  // forms within forms
// A straddling seal is shared by so many pages at most: narrower strips tell nothing on paper.
constexpr std::size_t kPagesOfOneStraddle = 6;
constexpr std::string_view kFolder = "Doc_0/";
// Paths of seals are absolute: some readers take relative ones from another folder.
constexpr std::string_view kSigns = "Doc_0/Signs/Sign_0/";

std::string element(std::string_view name, std::string_view text) {
  const auto tag = "ofd:" + std::string(name) + '>';
  return '<' + tag + escaped(text) + "</" + tag;
}

std::string start(std::string_view root, std::string_view attributes = "") {
  return std::string(kXml) + "<ofd:" + std::string(root) + std::string(kXmlns) +
         std::string(attributes) + '>';
}

std::string end(std::string_view root) {
  return "</ofd:" + std::string(root) + ">\n";
}

std::string font(int id, const std::string& name, std::string_view file) {
  const auto shown = escaped(name);
  return "<ofd:Font ID=\"" + std::to_string(id) + "\" FontName=\"" + shown + "\" FamilyName=\"" +
         shown + "\"><ofd:FontFile>" + std::string(file) + "</ofd:FontFile></ofd:Font>";
}

/// "20261124030000Z", as the seal signature has it.
std::string generalized_time(base::Time at) {
  std::string out;
  for (const auto c : base::to_rfc3339(at))
    if (c >= '0' && c <= '9') out += c;
  return out.substr(0, 14) + 'Z';
}

std::shared_ptr<const Packed> file(std::string_view name, std::string_view content) {
  return pack(std::string(name), base::as_bytes(content));
}

const Shape moved(const Shape& shape, const Matrix& m) {
  Shape out = shape;
  for (auto& [kind, at] : out.path)
    for (std::size_t i = 0; i < at.size(); i += 2) {
      const double x = at[i], y = at[i + 1];
      at[i] = m.a * x + m.c * y + m.e;
      at[i + 1] = m.b * x + m.d * y + m.f;
    }
  return out;
}

std::string stamp(const SealPictureSpec& picture, int id, int page, double x, double y,
                  const std::string& clip) {
  return "<ofd:StampAnnot ID=\"" + std::to_string(id) + "\" PageRef=\"" + std::to_string(page) +
         "\" Boundary=\"" + number(x) + ' ' + number(y) + ' ' + number(picture.width_mm) + ' ' +
         number(picture.height_mm) + '"' + (clip.empty() ? "" : " Clip=\"" + clip + '"') + "/>";
}

/// 骑缝章: the seal stands across the right edges of the pages laid over one another, a strip on
/// each. Many pages are sealed in groups as even as can be.
std::string straddling(const SealPictureSpec& picture, const std::vector<int>& pages, int& id) {
  const auto groups = (pages.size() + kPagesOfOneStraddle - 1) / kPagesOfOneStraddle;
  std::string out;
  std::size_t at = 0;
  for (std::size_t group = 0; group < groups; ++group) {
    const auto size = (pages.size() - at) / (groups - group);
    const double strip = picture.width_mm / static_cast<double>(size);
    for (std::size_t i = 0; i < size; ++i) {
      const auto before = static_cast<double>(i) * strip;
      out += stamp(picture, ++id, pages[at + i], kWidth_mm - before - strip,
                   (kHeight_mm - picture.height_mm) / 2,
                   number(before) + " 0 " + number(strip) + ' ' + number(picture.height_mm));
    }
    at += size;
  }
  return out;
}

/// Draws items on a page, forms of the template where they are placed.
class Drawing {
 public:
  using Forms = std::vector<std::pair<std::string, std::vector<Item>>>;
  Drawing(PageWriter& page, Fonts& fonts, const Forms& forms, const pdf::QrSymbol& qr)
      : page_(page), fonts_(fonts), forms_(forms), qr_(qr) {}

  base::Result<void> draw(const std::vector<Item>& items, const Matrix& place,
                          std::size_t depth = 0) {
    for (const auto& item : items) {
      if (const auto* run = std::get_if<Run>(&item)) {
        Run one = *run;
        one.matrix = joined(one.matrix, place);
        page_.text(one, fonts_);
      } else if (const auto* shape = std::get_if<Shape>(&item)) {
        page_.shape(moved(*shape, place));
      } else {
        BASE_TRY_VOID(draw_placed(std::get<Placed>(item), place, depth));
      }
    }
    return {};
  }

 private:
  base::Result<void> draw_placed(const Placed& placed, const Matrix& place, std::size_t depth) {
    const auto matrix = joined(placed.matrix, place);
    if (placed.name == "Qr") {
      page_.symbol(qr_.rows, qr_.modules, kQuietZone, matrix.e, matrix.f, matrix.a);
      return {};
    }
    const auto form = std::find_if(forms_.begin(), forms_.end(),
                                   [&](const auto& one) { return one.first == placed.name; });
    if (form == forms_.end() || depth == kDeepest)
      return base::error(base::Code::internal, "seal.drawing", "form " + placed.name);
    return draw(form->second, matrix, depth + 1);
  }

  PageWriter& page_;
  Fonts& fonts_;
  const Forms& forms_;
  const pdf::QrSymbol& qr_;
};

}  // namespace

struct OfdTemplate::Pages {
  std::vector<std::shared_ptr<const Packed>> files;
  std::vector<int> ids;
  int last_id = 0;
  bool own_font = false;
  pdf::Rect seal;
};

base::Bytes Unsigned::finish(base::BytesView signature) const {
  auto entries = entries_;
  entries.push_back(pack(std::string(kSigns) + "SignedValue.dat", signature));
  return write_zip(entries);
}

base::Result<std::shared_ptr<const OfdTemplate>> OfdTemplate::create(const pdf::Template& form,
                                                                     const pdf::Faces& faces,
                                                                     const pdf::Letterhead& head,
                                                                     base::BytesView seal) {
  std::shared_ptr<OfdTemplate> out(new OfdTemplate);
  out->faces_ = faces;
  out->head_ = head;
  BASE_TRY(out->layout_, pdf::Layout::create(form, faces, head));
  BASE_TRY_VOID(out->write_static(seal));
  return std::shared_ptr<const OfdTemplate>(std::move(out));
}

base::Result<void> OfdTemplate::write_static(base::BytesView seal) {
  const Codes codes{layout_->body_codes(), layout_->display_codes(), {}};
  for (const auto& form : layout_->forms()) {
    BASE_TRY(auto items, read_drawing(form.content, codes));
    forms_.emplace_back(form.name, std::move(items));
  }
  const std::string folder(kFolder);
  static_.push_back(
      pack(folder + "Res/FontA.otf", faces_.body->opentype(layout_->body_codes().characters())));
  static_.push_back(pack(folder + "Res/FontT.otf",
                         faces_.display->opentype(layout_->display_codes().characters())));
  static_.push_back(
      file(folder + "PublicRes.xml",
           start("Res", " BaseLoc=\"Res\"") + "<ofd:Fonts>" +
               font(kCommonFont, "XINYIA+" + faces_.body->postscript_name(), "FontA.otf") +
               font(kDisplayFont, "XINYIT+" + faces_.display->postscript_name(), "FontT.otf") +
               "</ofd:Fonts>" + end("Res")));
  static_.push_back(file(folder + "Attachs/Attachments.xml",
                         start("Attachments") +
                             "<ofd:Attachment ID=\"facts\" Name=\"facts.json\" Format=\"json\" "
                             "Visible=\"true\"><ofd:FileLoc>facts.json</ofd:FileLoc>"
                             "</ofd:Attachment>" +
                             end("Attachments")));
  static_.push_back(file(folder + "Signs/Signatures.xml",
                         start("Signatures") +
                             "<ofd:MaxSignId>1</ofd:MaxSignId><ofd:Signature ID=\"1\" "
                             "Type=\"Seal\" BaseLoc=\"/Doc_0/Signs/Sign_0/Signature.xml\"/>" +
                             end("Signatures")));
  static_.push_back(pack(std::string(kSigns) + "Seal.esl", seal));
  return {};
}

base::Result<OfdTemplate::Pages> OfdTemplate::write_pages(const Parameters& p) const {
  BASE_TRY(const auto sheet, layout_->set(p.content));
  BASE_TRY(const auto qr, pdf::qr_symbol(p.code_address));
  Pages out;
  out.seal = sheet.seal;
  Ids ids(kLastFont);
  for (std::size_t i = 0; i < sheet.pages.size(); ++i) out.ids.push_back(ids.next());
  Fonts fonts{faces_, layout_->body_codes(), kCommonFont, kDisplayFont, kOwnFont};
  const Codes codes{layout_->body_codes(), layout_->display_codes(), sheet.extra};
  for (std::size_t i = 0; i < sheet.pages.size(); ++i) {
    BASE_TRY(const auto items, read_drawing(sheet.pages[i], codes));
    PageWriter page(pdf::kPageHeight, ids);
    BASE_TRY_VOID(Drawing(page, fonts, forms_, qr).draw(items, {}));
    out.files.push_back(
        file(std::string(kFolder) + "Pages/Page_" + std::to_string(i) + "/Content.xml",
             page.finish(kWidth_mm, kHeight_mm)));
  }
  out.own_font = !fonts.own.empty();
  if (out.own_font) {
    const std::string folder(kFolder);
    out.files.push_back(pack(folder + "Res/FontB.otf", faces_.body->opentype(fonts.own)));
    out.files.push_back(
        file(folder + "DocumentRes.xml",
             start("Res", " BaseLoc=\"Res\"") + "<ofd:Fonts>" +
                 font(kOwnFont, "XINYIB+" + faces_.body->postscript_name(), "FontB.otf") +
                 "</ofd:Fonts>" + end("Res")));
  }
  out.last_id = ids.last();
  return out;
}

std::string OfdTemplate::root_xml(const Parameters& p) const {
  const auto date = base::to_iso_date(base::china_date(p.at));
  const auto datum = [](std::string_view name, std::string_view value) {
    return "<ofd:CustomData Name=\"" + std::string(name) + "\">" + escaped(value) +
           "</ofd:CustomData>";
  };
  return start("OFD", " DocType=\"OFD\" Version=\"1.0\"") + "<ofd:DocBody><ofd:DocInfo>" +
         element("DocID", base::to_hex(p.document_id)) +
         element("Title", layout_->form().title.zh) + element("Author", head_.agency) +
         element("CreationDate", date) + element("ModDate", date) + element("Creator", "Xinyin") +
         "<ofd:CustomDatas>" + datum("XinyinCode", p.content.code) +
         datum("XinyinDocument", p.content.document_id) +
         datum("XinyinKind", layout_->form().kind) +
         (p.content.sample ? datum("XinyinSample", "yes") : "") +
         "</ofd:CustomDatas></ofd:DocInfo>" + element("DocRoot", "Doc_0/Document.xml") +
         element("Signatures", "Doc_0/Signs/Signatures.xml") + "</ofd:DocBody>" + end("OFD");
}

std::string OfdTemplate::document_xml(const Pages& pages) const {
  std::string out = start("Document") + "<ofd:CommonData>" +
                    element("MaxUnitID", std::to_string(pages.last_id)) + "<ofd:PageArea>" +
                    element("PhysicalBox", "0 0 210 297") + "</ofd:PageArea>" +
                    element("PublicRes", "PublicRes.xml");
  if (pages.own_font) out += element("DocumentRes", "DocumentRes.xml");
  out += "</ofd:CommonData><ofd:Pages>";
  for (std::size_t i = 0; i < pages.ids.size(); ++i)
    out += "<ofd:Page ID=\"" + std::to_string(pages.ids[i]) + "\" BaseLoc=\"Pages/Page_" +
           std::to_string(i) + "/Content.xml\"/>";
  return out + "</ofd:Pages>" + element("Attachments", "Attachs/Attachments.xml") + end("Document");
}

std::string OfdTemplate::signature_xml(
    const Parameters& p, const Pages& pages,
    const std::vector<std::shared_ptr<const Packed>>& covered) const {
  std::string out = start("Signature") +
                    "<ofd:SignedInfo><ofd:Provider ProviderName=\"Xinyin\" Company=\"" +
                    escaped(head_.agency) + "\" Version=\"1.0\"/>" +
                    element("SignatureMethod", "1.2.156.10197.1.501") +
                    element("SignatureDateTime", generalized_time(p.at)) +
                    "<ofd:References CheckMethod=\"1.2.156.10197.1.401\">";
  for (const auto& one : covered)
    out += "<ofd:Reference FileRef=\"/" + escaped(one->name) + "\">" +
           element("CheckValue", base::to_base64(one->sm3)) + "</ofd:Reference>";
  out += "</ofd:References>";
  int id = 1;
  out += stamp(head_.seal, id, pages.ids.back(), pages.seal.x * kMm,
               kHeight_mm - (pages.seal.y + pages.seal.height) * kMm, "");
  if (pages.ids.size() > 1) out += straddling(head_.seal, pages.ids, id);
  return out + "<ofd:Seal>" + element("BaseLoc", "/" + std::string(kSigns) + "Seal.esl") +
         "</ofd:Seal></ofd:SignedInfo>" +
         element("SignedValue", "/" + std::string(kSigns) + "SignedValue.dat") + end("Signature");
}

base::Result<Unsigned> OfdTemplate::compose(const Parameters& p) const {
  BASE_TRY(auto pages, write_pages(p));
  const std::string folder(kFolder);
  Unsigned out;
  auto& entries = out.entries_;
  entries.push_back(file("OFD.xml", root_xml(p)));
  entries.push_back(file(folder + "Document.xml", document_xml(pages)));
  entries.insert(entries.end(), pages.files.begin(), pages.files.end());
  entries.push_back(file(folder + "Attachs/facts.json", p.facts_json));
  entries.insert(entries.end(), static_.begin(), static_.end());
  const auto signature = file(kPropertyInfo.substr(1), signature_xml(p, pages, entries));
  out.digest_ = signature->sm3;
  entries.push_back(signature);
  return out;
}

}  // namespace seal::ofd
