#include "seal/pdf/document.h"

#include <algorithm>
#include <cstdio>

#include "base/encoding.h"
#include "seal/pdf/icc.h"
#include "seal/pdf/objects.h"
#include "seal/pdf/qr.h"
#include "seal/pdf/seal_picture.h"

namespace seal::pdf {
namespace {

// Object numbers. Those of a document's own objects are fixed, so that the prefix can refer to
// them.
enum Number : std::uint32_t {
  kCatalog = 1,
  kPages,
  kInfo,
  kMetadata,
  kField,
  kSignature,
  kFileSpec,
  kEmbedded,
  kResources,
  kQr,
  kFontA,  // five numbers a font
  kFontT = kFontA + 5,
  kProfile = kFontT + 5,
  kSealState,
  kSealPicture,
  kStructure,
  kFormResources,
  kForms,  // and on
};

constexpr int kQuietZone = 4;  // modules, ISO/IEC 18004 §6.3.8
constexpr std::size_t kByteRangeWidth = 34;
constexpr std::uint32_t kFewPages = 4;  // more are compressed: slower to make, but far smaller

// Five objects: composite font, CID font, descriptor, program, text map.
// The tag is six capitals (ISO 32000-1 9.6.4).
void write_font(Objects& out, const FontFace& face, std::string_view tag, std::uint32_t n,
                std::u32string_view characters, bool deflate) {
  const auto name = std::string(tag) + '+' + face.postscript_name();
  out.object(n, "<</Type/Font/Subtype/Type0/BaseFont/" + name +
                    "/Encoding/Identity-H/DescendantFonts[" + ref(n + 1) + "]/ToUnicode " +
                    ref(n + 4) + ">>");
  out.object(n + 1,
             "<</Type/Font/Subtype/CIDFontType0/BaseFont/" + name +
                 "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/DW 1000/W" +
                 widths_array(face, characters) + "/FontDescriptor " + ref(n + 2) + ">>");
  const auto box = face.bounds();
  std::string bounds;
  for (const auto value : box) bounds += std::to_string(value) + ' ';
  bounds.pop_back();
  out.object(n + 2, "<</Type/FontDescriptor/FontName/" + name + "/Flags 4/FontBBox[" + bounds +
                        "]/ItalicAngle 0/Ascent " + std::to_string(face.ascent()) + "/Descent " +
                        std::to_string(face.descent()) + "/CapHeight 733/StemV 80/FontFile3 " +
                        ref(n + 3) + ">>");
  out.stream(n + 3, "/Subtype/CIDFontType0C", base::as_text(subset(face, name, characters)),
             deflate);
  out.stream(n + 4, "", to_unicode_cmap(characters), deflate);
}

std::string pdf_date(base::Time at) {  // ISO 32000-1 7.9.4
  std::string out = "(D:";
  for (const auto c : base::to_china_time(at))
    if (c >= '0' && c <= '9') out += c;
  return out + "+08'00')";
}

std::string xmp_date(base::Time at) {
  auto out = base::to_china_time(at);
  out[10] = 'T';
  return out + "+08:00";
}

std::string xml(std::string_view text) {
  std::string out;
  for (const auto c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

constexpr std::string_view kProducer = "Xinyin";

// 骑缝章: one seal cut over the right edges of several pages; put together, they show whether one
// is missing or from elsewhere. So many pages at most share a seal that each slice can be seen.
constexpr std::uint32_t kMostSlices = 10;

std::string seal_slice(const SealPictureSpec& picture, std::uint32_t page, std::uint32_t pages) {
  const auto seals = (pages + kMostSlices - 1) / kMostSlices;
  const auto seal = page * seals / pages;
  const auto first = (seal * pages + seals - 1) / seals;
  const auto behind = ((seal + 1) * pages + seals - 1) / seals;
  const double width = mm(picture.width_mm) / (behind - first), height = mm(picture.height_mm);
  const double left = kPageWidth - width, bottom = (kPageHeight - height) / 2;
  std::string out = "/Artifact BMC q ";
  for (const auto value : {left, bottom, width, height}) put(out, value);
  out += "re W n 1 0 0 1 ";
  for (const auto value : {left - width * (page - first), bottom}) put(out, value);
  return out + "cm /Seal Do Q EMC\n";
}

/// Where the structure's objects and the pages they lie on are numbered from.
struct StructureNumbers {
  std::uint32_t first = 0;       ///< the document element; its descendants follow
  std::uint32_t first_page = 0;  ///< pages have every second number
};

/// One element with its kids, or its marked content (ISO 32000-1 14.7.2, 14.7.4).
std::string element_object(const Element& one, const std::vector<std::uint32_t>& kids,
                           const StructureNumbers& numbers) {
  const auto page_ref = [&](int page) {
    return ref(numbers.first_page + 2 * static_cast<std::uint32_t>(page));
  };
  auto out = "<</S/" + one.role + "/P " +
             ref(numbers.first + static_cast<std::uint32_t>(one.parent + 1)) + one.attributes;
  if (one.content.size() == 1 && kids.empty())
    return out + "/Pg " + page_ref(one.content[0].first) + "/K " +
           std::to_string(one.content[0].second) + ">>";
  out += "/K[";
  for (const auto& [page, mark] : one.content)
    out += "<</Type/MCR/Pg " + page_ref(page) + "/MCID " + std::to_string(mark) + ">>";
  for (const auto kid : kids) out += ref(kid) + ' ';
  return out + "]>>";
}

/// The logical structure of `sheet`; the seal's widget is its last element.
void write_structure(Objects& out, const Sheet& sheet, const StructureNumbers& numbers) {
  const auto pages = sheet.pages.size();
  const auto form = numbers.first + 1 + static_cast<std::uint32_t>(sheet.elements.size());
  std::vector<std::vector<std::uint32_t>> kids(sheet.elements.size() + 1);
  std::vector<std::string> parents(pages);  // of each page's marks, in their order
  for (std::size_t i = 0; i < sheet.elements.size(); ++i) {
    const auto number = numbers.first + 1 + static_cast<std::uint32_t>(i);
    kids[static_cast<std::size_t>(sheet.elements[i].parent + 1)].push_back(number);
    for (const auto& content : sheet.elements[i].content)
      parents[static_cast<std::size_t>(content.first)] += ref(number) + ' ';
  }
  std::string tree = "<</Type/StructTreeRoot/K " + ref(numbers.first) + "/ParentTree<</Nums[";
  for (std::size_t i = 0; i < pages; ++i) tree += std::to_string(i) + '[' + parents[i] + ']';
  out.object(kStructure, tree + std::to_string(pages) + ' ' + ref(form) + "]>>/ParentTreeNextKey " +
                             std::to_string(pages + 1) + ">>");
  std::string top = "<</S/Document/P " + ref(kStructure) + "/K[";
  for (const auto kid : kids[0]) top += ref(kid) + ' ';
  out.object(numbers.first, top + ref(form) + "]>>");
  for (std::size_t i = 0; i < sheet.elements.size(); ++i)
    out.object(numbers.first + 1 + static_cast<std::uint32_t>(i),
               element_object(sheet.elements[i], kids[i + 1], numbers));
  const auto last_page = ref(numbers.first_page + 2 * static_cast<std::uint32_t>(pages - 1));
  out.object(form, "<</S/Form/P " + ref(numbers.first) + "/Alt" + text_string("电子印章") + "/Pg " +
                       last_page + "/K<</Type/OBJR/Pg " + last_page + "/Obj " + ref(kField) +
                       ">>>>");
}

// The same facts as in the information dictionary (ISO 19005-3 6.6.3), and the claim of PDF/A.
std::string metadata(const std::string& title, const std::string& agency, base::Time at) {
  const auto date = xmp_date(at);
  return "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
         "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF "
         "xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description "
         "rdf:about=\"\" "
         "xmlns:dc=\"http://purl.org/dc/elements/1.1/\" "
         "xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" "
         "xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\" "
         "xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\"><dc:format>application/pdf</dc:format>"
         "<dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">" +
         xml(title) + "</rdf:li></rdf:Alt></dc:title><dc:creator><rdf:Seq><rdf:li>" + xml(agency) +
         "</rdf:li></rdf:Seq></dc:creator><xmp:CreateDate>" + date +
         "</xmp:CreateDate><xmp:ModifyDate>" + date + "</xmp:ModifyDate><pdf:Producer>" +
         std::string(kProducer) +
         "</pdf:Producer><pdfaid:part>3</pdfaid:part><pdfaid:conformance>U</pdfaid:conformance>"
         "</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"r\"?>";
}

}  // namespace

base::Result<std::shared_ptr<const PdfTemplate>> PdfTemplate::create(const Template& form,
                                                                     const Faces& faces,
                                                                     const Letterhead& head,
                                                                     std::size_t signature_bytes) {
  std::shared_ptr<PdfTemplate> out(new PdfTemplate);
  out->faces_ = faces;
  out->head_ = head;
  out->signature_bytes_ = signature_bytes;
  BASE_TRY(out->layout_, Layout::create(form, faces, head));
  BASE_TRY(const auto picture, draw_seal(*faces.display, head.seal));
  out->write_prefix(picture);
  return std::shared_ptr<const PdfTemplate>(std::move(out));
}

void PdfTemplate::write_prefix(const std::string& seal_picture) {
  // Four bytes above 127 tell everybody that this is binary (ISO 19005-3 6.1.2).
  prefix_ = "%PDF-1.7\n%\xE4\xBF\xA1\xE5\x8D\xB0\n";
  Objects out(prefix_, 0, offsets_);
  write_font(out, *faces_.body, "XINYIA", kFontA, layout_->body_codes().characters(), true);
  write_font(out, *faces_.display, "XINYIT", kFontT, layout_->display_codes().characters(), true);
  out.stream(kProfile, "/N 3", base::as_text(srgb_profile()), true);

  // Multiplied, so that what is printed under the seal stays readable.
  out.object(kSealState, "<</Type/ExtGState/BM/Multiply>>");
  std::string sides;
  put(sides, mm(head_.seal.width_mm));
  put(sides, mm(head_.seal.height_mm));
  std::string picture = "/G gs ";
  for (const auto value : {kRed.red, kRed.green, kRed.blue}) put(picture, value);
  out.stream(kSealPicture,
             "/Type/XObject/Subtype/Form/BBox[0 0 " + sides +
                 "]/Group<</S/Transparency/CS/DeviceRGB>>/Resources<</ExtGState<</G " +
                 ref(kSealState) + ">>>>",
             picture + "rg\n" + seal_picture, true);

  std::uint32_t number = kForms;
  std::string page_box;
  for (const auto value : {0.0, 0.0, kPageWidth, kPageHeight}) put(page_box, value);
  out.object(kFormResources, "<</Font<</FA " + ref(kFontA) + "/FT " + ref(kFontT) +
                                 ">>/ExtGState<</G " + ref(kSealState) + ">>>>");
  for (const auto& form : layout_->forms()) {
    out.stream(number,
               "/Type/XObject/Subtype/Form/BBox[" +
                   (form.whole_page ? page_box : "-100 -200 595 100") + "]/Resources " +
                   ref(kFormResources),
               form.content, true);
    form_resources_ += '/' + form.name + ' ' + ref(number);
    ++number;
  }
  lasting_bytes_ = prefix_.size();
  lasting_offsets_ = offsets_;
  lasting_state_.update(base::as_bytes(prefix_));
  end_prefix({});
}

void PdfTemplate::end_prefix(const Evidence& evidence) {
  prefix_.resize(lasting_bytes_);
  offsets_ = lasting_offsets_;
  Objects out(prefix_, 0, offsets_);
  std::string store;
  const auto members = [&](std::string_view key, const std::vector<base::Bytes>& all) {
    if (all.empty()) return;
    store += '/' + std::string(key) + '[';
    for (const auto& one : all) {
      const auto number = static_cast<std::uint32_t>(offsets_.size());
      out.stream(number, "", base::as_text(one), true);
      store += ref(number) + ' ';
    }
    store.back() = ']';
  };
  members("Certs", evidence.certificates);
  members("CRLs", evidence.revocation_lists);
  std::string in_catalog;
  if (!store.empty()) {
    const auto number = static_cast<std::uint32_t>(offsets_.size());
    out.object(number, "<</Type/DSS" + store + ">>");
    in_catalog = "/DSS " + ref(number);
  }
  out.object(
      kCatalog,
      "<</Type/Catalog/Version/1.7/Pages " + ref(kPages) + "/Lang(zh-CN)/Metadata " +
          ref(kMetadata) +
          "/ViewerPreferences<</DisplayDocTitle true>>/MarkInfo<</Marked true>>/StructTreeRoot " +
          ref(kStructure) +
          "/OutputIntents[<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)/Info"
          "(sRGB IEC61966-2.1)/DestOutputProfile " +
          ref(kProfile) + ">>]/AcroForm<</Fields[" + ref(kField) +
          "]/SigFlags 3>>/Perms<</DocMDP " + ref(kSignature) + ">>/AF[" + ref(kFileSpec) +
          "]/Names<</EmbeddedFiles<</Names[(facts.json)" + ref(kFileSpec) + "]>>>>" + in_catalog +
          "/Extensions<</ESIC<</BaseVersion/1.7/ExtensionLevel 1>>>>>>");
  prefix_state_ = lasting_state_;
  prefix_state_.update(base::as_bytes(prefix_).subspan(lasting_bytes_));
}

std::shared_ptr<const PdfTemplate> PdfTemplate::with(const Evidence& evidence) const {
  std::shared_ptr<PdfTemplate> out(new PdfTemplate(*this));
  out->end_prefix(evidence);
  return out;
}

base::Result<Unsigned> PdfTemplate::compose(const Parameters& p) const {
  BASE_TRY(const auto sheet, layout_->set(p.content));
  BASE_TRY(const auto qr, qr_symbol(p.code_address));

  std::string tail;
  tail.reserve(48 * 1024 + 2 * signature_bytes_);
  auto offsets = offsets_;
  Objects out(tail, prefix_.size(), offsets);
  const auto first_page = static_cast<std::uint32_t>(offsets.size());
  const auto pages = static_cast<std::uint32_t>(sheet.pages.size());
  const auto last_page = first_page + 2 * (pages - 1);
  const auto font_b = last_page + 2;

  std::string kids;
  for (std::uint32_t i = 0; i < pages; ++i) kids += ref(first_page + 2 * i) + ' ';
  kids.pop_back();
  out.object(kPages, "<</Type/Pages/Count " + std::to_string(pages) + "/Kids[" + kids + "]>>");

  const bool extra = !sheet.extra.empty();
  write_structure(out, sheet, {font_b + (extra ? 5 : 0), first_page});
  if (extra) write_font(out, *faces_.body, "XINYIB", font_b, sheet.extra, false);
  out.object(kResources, "<</Font<</FA " + ref(kFontA) + "/FT " + ref(kFontT) +
                             (extra ? "/FB " + ref(font_b) : "") + ">>/XObject<<" +
                             form_resources_ + "/Qr " + ref(kQr) + "/Seal " + ref(kSealPicture) +
                             ">>>>");
  // The quiet zone is part of the form's box and stays white, whatever stands around it.
  const auto modules = std::to_string(qr.modules);
  const auto image = "q " + modules + " 0 0 " + modules + ' ' + std::to_string(kQuietZone) + ' ' +
                     std::to_string(kQuietZone) + " cm\nBI /IM true /W " + modules + " /H " +
                     modules + " /D[1 0] /F/AHx ID " + base::to_hex(qr.rows) + ">\nEI Q\n";
  const auto box = std::to_string(qr.modules + 2 * kQuietZone);
  char scale[64];
  std::snprintf(scale, sizeof scale, "%.8f 0 0 %.8f 0 0", 1.0 / (qr.modules + 2 * kQuietZone),
                1.0 / (qr.modules + 2 * kQuietZone));
  out.stream(kQr,
             "/Type/XObject/Subtype/Form/BBox[0 0 " + box + ' ' + box + "]/Matrix[" + scale +
                 "]/Resources<<>>",
             "1 g 0 0 " + box + ' ' + box + " re f 0 g\n" + image, false);

  for (std::uint32_t i = 0; i < pages; ++i) {
    const auto page = first_page + 2 * i;
    std::string media;
    for (const auto value : {0.0, 0.0, kPageWidth, kPageHeight}) put(media, value);
    out.object(page, "<</Type/Page/Parent " + ref(kPages) + "/MediaBox[" + media + "]/Resources " +
                         ref(kResources) +
                         "/Group<</S/Transparency/CS/DeviceRGB>>/Tabs/S/StructParents " +
                         std::to_string(i) + "/Contents " + ref(page + 1) +
                         (page == last_page ? "/Annots[" + ref(kField) + "]" : "") + ">>");
    const bool sliced = layout_->form().straddling && pages > 1;
    out.stream(page + 1, "", sheet.pages[i] + (sliced ? seal_slice(head_.seal, i, pages) : ""),
               pages > kFewPages);
  }

  const std::string title(layout_->form().title.zh);
  const auto date = pdf_date(p.at);
  out.object(kInfo, "<</Title" + text_string(title) + "/Author" + text_string(head_.agency) +
                        "/Producer(" + std::string(kProducer) + ")/CreationDate" + date +
                        "/ModDate" + date + "/XinyinCode(" + p.content.code + ')' +
                        (p.content.sample ? "/XinyinSample(yes)" : "") + ">>");
  out.stream(kMetadata, "/Type/Metadata/Subtype/XML", metadata(title, head_.agency, p.at), false);
  out.stream(kEmbedded,
             "/Type/EmbeddedFile/Subtype/application#2Fjson/Params<</Size " +
                 std::to_string(p.facts_json.size()) + "/ModDate" + date + ">>",
             p.facts_json, false);
  out.object(kFileSpec,
             "<</Type/Filespec/F(facts.json)/UF(facts.json)/Desc(Machine-readable record)"
             "/AFRelationship/Data/EF<</F " +
                 ref(kEmbedded) + "/UF " + ref(kEmbedded) + ">>>>");
  std::string rect;
  for (const auto value : {sheet.seal.x, sheet.seal.y, sheet.seal.x + sheet.seal.width,
                           sheet.seal.y + sheet.seal.height})
    put(rect, value);
  out.object(kField, "<</Type/Annot/Subtype/Widget/FT/Sig/T(Seal)/TU" + text_string("电子印章") +
                         "/F 132/StructParent " + std::to_string(pages) + "/Rect[" + rect + "]/P " +
                         ref(last_page) + "/V " + ref(kSignature) + "/AP<</N " + ref(kSealPicture) +
                         ">>>>");

  // Last of all the signature: certifying (DocMDP P 1, ISO 32000-1 12.8.2.2), so that any later
  // change breaks it.
  out.begin(kSignature);
  tail += "<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/Name" +
          text_string(head_.agency) + "/M" + date +
          "/Reference[<</Type/SigRef/TransformMethod/DocMDP/TransformParams<</Type/TransformParams"
          "/P 1/V/1.2>>>>]/ByteRange[";
  const auto range_at = tail.size();
  tail.append(kByteRangeWidth, ' ');
  tail += "]/Contents";
  const auto hole = tail.size();
  tail += '<';
  tail.append(2 * signature_bytes_, '0');
  tail += '>';
  const auto after = tail.size();
  tail += ">>\nendobj\n";
  const auto id = '<' + base::to_hex(p.file_id) + '>';
  out.finish("/Root " + ref(kCatalog) + "/Info " + ref(kInfo) + "/ID[" + id + id + ']');

  const auto base = prefix_.size();
  const auto range = "0 " + std::to_string(base + hole) + ' ' + std::to_string(base + after) + ' ' +
                     std::to_string(tail.size() - after);
  base::check(range.size() <= kByteRangeWidth, "the byte range has outgrown its place");
  std::copy(range.begin(), range.end(), tail.begin() + static_cast<std::ptrdiff_t>(range_at));

  Unsigned document;
  const std::string_view all(tail);
  document.digest = base::Sha256(prefix_state_)
                        .update(base::as_bytes(all.substr(0, hole)))
                        .update(base::as_bytes(all.substr(after)))
                        .finish();
  document.file.reserve(base + tail.size());
  base::append(document.file, base::as_bytes(prefix_));
  base::append(document.file, base::as_bytes(tail));
  document.contents_begin = base + hole;
  document.contents_end = base + after;
  return document;
}

bool embed_signature(Unsigned& document, base::BytesView der) {
  const auto room = document.contents_end - document.contents_begin - 2;
  if (2 * der.size() > room) return false;
  const auto hex = base::to_hex(der);
  std::copy(hex.begin(), hex.end(),
            document.file.begin() + static_cast<std::ptrdiff_t>(document.contents_begin) + 1);
  return true;
}

}  // namespace seal::pdf
