// A corpus of attacks on sealed PDFs, each refused for the reason given. The names follow the
// papers: incremental saving (ISA), signature wrapping (SWA), universal forgery (USF): Mladenov et
// al. 2019; shadow attacks: Mainka et al. 2021; evil annotation and sneaky signature on certified
// documents: Rohlmann et al. 2021. What comes after them is ours: evidence and document time
// stamps, which anybody can append, and the container.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/encoding.h"
#include "tests/support/pki.h"
#include "tests/verify/archive_maker.h"
#include "tests/verify/pdf_maker.h"
#include "verify/verifier.h"

namespace {

using certs::Profile;
using std::chrono::hours;
using test::append_revision;
using test::cms;
using test::CmsOptions;
using test::DocumentStamp;
using test::PdfOptions;
using test::sealed_pdf;
using test::Store;
using verify::Outcome;

constexpr const char* kPage =
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Annots [6 0 R";
constexpr const char* kOtherContent = "<< /Length 9 >>\nstream\nBT (x) Tj\nendstream";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

/// What attacks start from: an installation, a good file of it, and strangers.
struct World {
  World() : second(pki.issue(Profile::seal, "第二枚印章")) {
    pki.enlist(second.certificate, "seal");
    PdfOptions options;
    options.extra_catalog = " /Names << /EmbeddedFiles << /Names [(facts.json) 80 0 R] >> >>";
    good = sealed_pdf(seal());
    with_names = sealed_pdf(seal(), options);
  }
  CmsOptions stamped() const {
    CmsOptions options;
    options.stamp = &pki.timestamps();
    options.along = {pki.certificate("issuing-ca")};
    return options;
  }
  test::CmsMaker seal() const { return seal(stamped()); }
  test::CmsMaker seal(const CmsOptions& options) const {
    return cms(pki.key("seal-1"), pki.certificate("seal-1"), options);
  }
  test::CmsMaker other_seal() const { return cms(second.key, second.certificate, stamped()); }
  Store store() const {
    return {.certificates = {base::to_bytes(pki.certificate("issuing-ca").der()),
                             base::to_bytes(pki.certificate("timestamp-1").der()),
                             base::to_bytes(pki.certificate("root-ca").der())},
            .lists = {pki.root_crl(), pki.issuing_crl()}};
  }
  std::string revised(const std::map<int, std::string>& objects) const {
    return append_revision(good, objects);
  }
  std::string stored(const std::function<void(Store&)>& change) const {
    auto all = store();
    change(all);
    return test::with_store(good, all);
  }
  std::string archived(const std::function<void(DocumentStamp&)>& change) const {
    DocumentStamp stamp;
    change(stamp);
    return test::with_document_stamp(good, pki.timestamps(), stamp);
  }
  std::string container(const std::function<void(CmsOptions&)>& change) const {
    auto options = stamped();
    change(options);
    PdfOptions roomy;
    roomy.container_bytes = 9000;
    return sealed_pdf(seal(options), roomy);
  }
  std::string with_range(std::string text) const {
    const std::string range = good.substr(good.find("/ByteRange"), 47);
    text.resize(range.size(), ' ');
    return replaced(good, range, text);
  }
  /// The hole emptied, whatever its ranges say.
  std::string with_contents(const std::string& text) const {
    const auto from = good.find("/Contents <"), to = good.find('>', from) + 1;
    auto padded = text;
    padded.resize(to - from, ' ');
    return good.substr(0, from) + padded + good.substr(to);
  }
  /// A stranger's time-stamp authority with our names.
  std::string stamped_by_stranger(bool document) const {
    test::Pki stranger;
    if (document) return test::with_document_stamp(good, stranger.timestamps());
    auto options = stamped();
    options.stamp = &stranger.timestamps();
    return sealed_pdf(seal(options));
  }

  test::Pki pki;
  test::Leaf second;
  std::string good, with_names;
};

/// Sealed over exactly the ranges that `change` makes of the right ones.
std::string sealed_over(const World& w, const std::function<void(std::size_t (&)[4])>& change) {
  std::string pdf = w.good;
  const std::size_t open = pdf.find("/Contents <") + 10, close = pdf.find('>', open);
  std::size_t range[4] = {0, open, close + 1, pdf.size() - close - 1};
  change(range);
  std::string text = "/ByteRange [";
  for (const auto one : range) text += std::to_string(one) + " ";
  text.back() = ']';
  text.resize(47, ' ');
  pdf.replace(pdf.find("/ByteRange"), 47, text);
  const auto content = pdf.substr(range[0], range[1]) + pdf.substr(range[2], range[3]);
  auto hex = base::to_hex(w.seal()(base::as_bytes(content)));
  hex.resize(close - open - 1, '0');
  return pdf.replace(open + 1, hex.size(), hex);
}

/// SWA: the second signed part is moved to the end of the file; where readers look for the
/// cross-references stand those of the attacker, with another object 4. `hole`: the ranges say what
/// was signed once, or claim everything but the hole.
std::string wrapped(const World& w, bool as_signed) {
  const std::string& pdf = w.good;
  const std::size_t open = pdf.find("/Contents <") + 10, close = pdf.find('>', open);
  const std::size_t table = pdf.rfind("xref\n", pdf.rfind("startxref") - 1);
  auto own = pdf.substr(table, pdf.rfind("startxref") - table);
  const auto entry = pdf.find("4 0 obj");
  auto old = std::to_string(entry);
  old.insert(0, 10 - old.size(), '0');
  auto now = std::to_string(table + own.size());
  now.insert(0, 10 - now.size(), '0');
  own = replaced(own, old, now);
  std::string moved = pdf.substr(0, table) + own + "4 0 obj\n" + kOtherContent + "\nendobj\n" +
                      pdf.substr(close + 1);
  const auto second = pdf.size() - close - 1;
  std::string text = "/ByteRange [0 " + std::to_string(open) + " " +
                     std::to_string(as_signed ? moved.size() - second : close + 1) + " " +
                     std::to_string(as_signed ? second : moved.size() - close - 1) + "]";
  text.resize(47, ' ');
  return moved.replace(moved.find("/ByteRange"), 47, text);
}

/// Between the objects and the cross-references, where no reader that follows them looks.
std::string with_octets_between(std::string pdf, const std::string& octets) {
  const auto table = pdf.rfind("\nxref\n") + 1;
  pdf.insert(table, octets);
  const auto from = pdf.rfind("startxref\n") + 10;
  return pdf.replace(from, pdf.find('\n', from) - from, std::to_string(table + octets.size()));
}

/// A revision of an object stream and a cross-reference stream that put another object 4 in place.
std::string overridden_by_stream(const World& w, bool hybrid) {
  std::string pdf = w.good;
  const std::string previous = [&] {
    const auto from = pdf.rfind("startxref") + 10;
    return pdf.substr(from, pdf.find('\n', from) - from);
  }();
  const auto packed_at = pdf.size();
  const std::string packed = "4 0 << /Other true >>";
  pdf += "20 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Length " + std::to_string(packed.size()) +
         " >>\nstream\n" + packed + "\nendstream\nendobj\n";
  const auto table_at = pdf.size();
  std::string entries;
  const auto entry = [&](int kind, std::size_t at, int second) {
    entries += static_cast<char>(kind);
    for (const int shift : {16, 8, 0}) entries += static_cast<char>(at >> shift);
    entries += static_cast<char>(second);
  };
  entry(2, 20, 0);
  entry(1, packed_at, 0);
  entry(1, table_at, 0);
  pdf += "21 0 obj\n<< /Type /XRef /W [1 3 1] /Index [4 1 20 2] /Size 22 /Root 1 0 R /Info 5 0 R " +
         (hybrid ? std::string() : "/Prev " + previous + " ") + "/Length " +
         std::to_string(entries.size()) + " >>\nstream\n" + entries + "\nendstream\nendobj\n";
  auto start = table_at;
  if (hybrid) {
    start = pdf.size();
    pdf += "xref\n0 0\ntrailer\n<< /Size 22 /Root 1 0 R /Info 5 0 R /Prev " + previous +
           " /XRefStm " + std::to_string(table_at) + " >>\n";
  }
  return pdf + "startxref\n" + std::to_string(start) + "\n%%EOF\n";
}

std::string only_a_table(const World& w, const std::string& entries, const std::string& trailer) {
  const auto from = w.good.rfind("startxref") + 10;
  const auto previous = w.good.substr(from, w.good.find('\n', from) - from);
  const auto at = w.good.size();
  return w.good + "xref\n" + entries + "trailer\n<< /Size 8 /Root 1 0 R /Info 5 0 R /Prev " +
         (trailer.empty() ? previous : trailer) + " >>\nstartxref\n" + std::to_string(at) +
         "\n%%EOF\n";
}

std::string copied_from_another(const World& w) {
  PdfOptions options;
  options.code = "10123456789ABCDEFG8E";
  const auto other = sealed_pdf(w.seal(), options);
  const auto hole = [](const std::string& pdf) {
    const auto open = pdf.find("/Contents <") + 11;
    return std::pair(open, pdf.find('>', open) - open);
  };
  auto out = w.good;
  const auto [to, to_size] = hole(out);
  const auto [from, from_size] = hole(other);
  return out.replace(to, to_size, other.substr(from, from_size));
}

/// All cross-references anew in the last revision, but for the page's content.
std::string with_the_content_left_out(std::string pdf) {
  pdf.resize(pdf.rfind("\nxref\n") + 1);
  const auto table = pdf.size();
  std::string entries;
  for (const int number : {1, 2, 3, 5, 6, 7, 40, 41, 42, 43, 44, 45}) {
    const auto at = pdf.rfind("\n" + std::to_string(number) + " 0 obj") + 1;
    auto offset = std::to_string(at);
    offset.insert(0, 10 - offset.size(), '0');
    entries += std::to_string(number) + " 1\n" + offset + " 00000 n \n";
  }
  return pdf + "xref\n" + entries +
         "trailer\n<< /Size 120 /Root 1 0 R /Info 5 0 R >>\nstartxref\n" + std::to_string(table) +
         "\n%%EOF\n";
}

struct Attack {
  const char* name;
  Outcome outcome;
  const char* reason;
  std::function<std::string(const World&)> make;
};

constexpr auto kAltered = Outcome::altered;
constexpr const char* kAfter = "verify.changed_after_sealing";
constexpr const char* kBetween = "verify.changed_between_seals";
constexpr const char* kLoose = "verify.pdf.loose_seal";
constexpr const char* kRange = "verify.pdf.byte_range";
constexpr const char* kContainer = "verify.pdf.container";
constexpr const char* kBroken = "verify.seal.broken";

const std::vector<Attack>& saving() {
  static const std::vector<Attack> all{
      {"isa_page_content", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{4, kOtherContent}});
       }},
      {"isa_annotation_over_the_page", kAltered, kAfter,
       [](const World& w) {
         return w.revised(
             {{3, std::string(kPage) + " 20 0 R] >>"},
              {20, "<< /Type /Annot /Subtype /FreeText /Rect [0 0 595 842] /Contents (x) >>"}});
       }},
      {"isa_stamp_annotation_of_a_certified_file", kAltered, kAfter,
       [](const World& w) {
         return w.revised(
             {{3, std::string(kPage) + " 20 0 R] >>"},
              {20, "<< /Type /Annot /Subtype /Stamp /Rect [0 0 595 842] /AP << /N 21 0 R >> >>"},
              {21, kOtherContent}});
       }},
      {"isa_other_page_tree", kAltered, kAfter,
       [](const World& w) {
         return w.revised(
             {{1, "<< /Type /Catalog /Pages 20 0 R /AcroForm << /Fields [6 0 R] /SigFlags 3 >> >>"},
              {20, "<< /Type /Pages /Kids [] /Count 0 >>"}});
       }},
      {"isa_page_added", kAltered, kAfter,
       [](const World& w) {
         return w.revised(
             {{2, "<< /Type /Pages /Kids [3 0 R 20 0 R] /Count 2 >>"},
              {20, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>"}});
       }},
      {"isa_page_removed", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{2, "<< /Type /Pages /Kids [] /Count 0 >>"}});
       }},
      {"isa_page_order", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{2, "<< /Type /Pages /Kids [3 0 R 3 0 R] /Count 2 >>"}});
       }},
      {"isa_page_turned", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{3, std::string(kPage) + "] /Rotate 180 >>"}});
       }},
      {"isa_page_cropped", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{3, std::string(kPage) + "] /CropBox [0 400 595 842] >>"}});
       }},
      {"isa_font_replaced", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{3, std::string(kPage) + "] /Resources << /Font << /F1 20 0 R >> >> >>"},
                           {20, "<< /Type /Font /Subtype /Type3 >>"}});
       }},
      {"isa_shadow_text_field", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{1,
                            "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R 20 0 R] "
                            "/SigFlags 3 >> >>"},
                           {20, "<< /FT /Tx /T (name) /V (x) /Type /Annot /Subtype /Widget >>"}});
       }},
      {"isa_document_code", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{5, "<< /XinyinCode (10123456789ABCDEFG8E) >>"}});
       }},
      {"isa_form_without_the_seal", kAltered, kLoose,
       [](const World& w) {
         return w.revised({{1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [] >> >>"}});
       }},
      {"isa_no_form", kAltered, kLoose,
       [](const World& w) {
         return w.revised({{1, "<< /Type /Catalog /Pages 2 0 R >>"}});
       }},
      {"isa_seal_picture_swapped", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{6,
                            "<< /Type /Annot /Subtype /Widget /FT /Sig /T (seal) /V 7 0 R /F 132 "
                            "/Rect [0 0 0 0] "
                            "/P 3 0 R /AP << /N 20 0 R >> >>"},
                           {20, kOtherContent}});
       }},
      {"isa_seal_moved", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{6,
                            "<< /Type /Annot /Subtype /Widget /FT /Sig /T (seal) /V 7 0 R /F 132 "
                            "/Rect [9 9 99 99] "
                            "/P 3 0 R >>"}});
       }},
      {"isa_signature_dictionary_copied", kAltered, kRange,
       [](const World& w) {
         const auto from = w.good.find("7 0 obj\n") + 8;
         return w.revised({{7, w.good.substr(from, w.good.find("\nendobj", from) - from)}});
       }},
      {"isa_attachment_replaced", kAltered, kAfter,
       [](const World& w) {
         return append_revision(w.with_names,
                                {{80, "<< /Type /Filespec /F (facts.json) /EF << /F 81 0 R >> >>"},
                                 {81, "<< /Length 2 >>\nstream\n{}\nendstream"}});
       }},
      {"isa_script_on_opening", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{1,
                            "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] /SigFlags "
                            "3 >> /OpenAction "
                            "<< /S /JavaScript /JS (x) >> >>"}});
       }},
      {"isa_object_that_nothing_shows", kAltered, kAfter,
       [](const World& w) {
         return w.revised({{20, "<< /Type /Font >>"}});
       }},
      {"isa_empty_revision", kAltered, kAfter, [](const World& w) { return w.revised({}); }},
      {"isa_catalog_elsewhere", kAltered, kLoose,
       [](const World& w) {
         return append_revision(w.good, {{20, "<< /Type /Catalog /Pages 2 0 R >>"}}, "20 0 R");
       }},
      {"isa_without_cross_references", kAltered, kAfter,
       [](const World& w) { return w.good + "4 0 obj\n" + kOtherContent + "\nendobj\n"; }},
      {"isa_trailer_alone", kAltered, kAfter,
       [](const World& w) { return w.good + "trailer\n<< /Root 20 0 R >>\n%%EOF\n"; }},
      {"trailing_line_end", kAltered, kAfter, [](const World& w) { return w.good + "\n"; }},
      {"trailing_noughts", kAltered, kAfter,
       [](const World& w) { return w.good + std::string(512, '\0'); }},
      {"trailing_comment", kAltered, kAfter, [](const World& w) { return w.good + "% nothing\n"; }},
      {"the_file_twice", kAltered, kAfter, [](const World& w) { return w.good + w.good; }},
      {"bytes_before_the_header", Outcome::malformed, "verify.file.unknown",
       [](const World& w) { return "\n" + w.good; }},
      {"shadow_hide_and_replace_by_a_table", kAltered, kAfter,
       [](const World& w) {
         const auto other = std::to_string(w.good.find("5 0 obj"));
         return only_a_table(
             w, "4 1\n" + std::string(10 - other.size(), '0') + other + " 00000 n \n", "");
       }},
      {"shadow_hide_by_freeing_an_object", kAltered, kAfter,
       [](const World& w) { return only_a_table(w, "4 1\n0000000000 00001 f \n", ""); }},
      {"cross_references_in_a_loop", Outcome::malformed, "verify.pdf.structure",
       [](const World& w) { return only_a_table(w, "0 0\n", std::to_string(w.good.size())); }},
      {"cross_references_before_the_file", Outcome::malformed, "verify.pdf.structure",
       [](const World& w) { return only_a_table(w, "0 0\n", "-5"); }},
      {"object_stream_overrides_an_object", kAltered, kAfter,
       [](const World& w) { return overridden_by_stream(w, false); }},
      {"hybrid_cross_references", kAltered, kAfter,
       [](const World& w) { return overridden_by_stream(w, true); }},
      {"encrypted_afterwards", Outcome::malformed, "verify.pdf.encrypted",
       [](const World& w) {
         return replaced(w.revised({{20, "<< /Filter /Standard >>"}}), "/Size 100",
                         "/Encrypt 20 0 R /Size 100");
       }},
      {"key_given_twice", Outcome::malformed, "verify.pdf.structure", [](const World& w) {
         return w.revised(
             {{1,
               "<< /Type /Catalog /Pages 2 0 R /Pages 20 0 R /AcroForm << /Fields [6 0 R] >> >>"}});
       }}};
  return all;
}

const std::vector<Attack>& forging() {
  static const std::vector<Attack> all{
      {"swa_second_part_moved", kAltered, kRange, [](const World& w) { return wrapped(w, true); }},
      {"swa_range_over_the_injected", kAltered, kBroken,
       [](const World& w) { return wrapped(w, false); }},
      {"usf_no_byte_range", kAltered, kRange, [](const World& w) { return w.with_range(""); }},
      {"usf_byte_range_null", kAltered, kRange,
       [](const World& w) { return w.with_range("/ByteRange null"); }},
      {"usf_byte_range_negative", kAltered, kRange,
       [](const World& w) { return w.with_range("/ByteRange [0 -1 5 5]"); }},
      {"usf_byte_range_of_noughts", kAltered, kRange,
       [](const World& w) { return w.with_range("/ByteRange [0 0 0 0]"); }},
      {"usf_byte_range_past_the_end", kAltered, kRange,
       [](const World& w) { return w.with_range("/ByteRange [0 999999999999 1 1]"); }},
      {"usf_byte_range_of_six", kAltered, kRange,
       [](const World& w) { return w.with_range("/ByteRange [0 1 2 3 4 5]"); }},
      {"usf_byte_range_overlapping", kAltered, kRange,
       [](const World& w) { return w.with_range("/ByteRange [0 3000 1000 5000]"); }},
      {"usf_byte_range_by_reference", kAltered, kRange,
       [](const World& w) { return w.with_range("/ByteRange [1 0 R 1 2 3]"); }},
      {"usf_no_contents", kAltered, kContainer, [](const World& w) { return w.with_contents(""); }},
      {"usf_contents_null", kAltered, kContainer,
       [](const World& w) { return w.with_contents("/Contents null"); }},
      {"usf_contents_empty", kAltered, kRange,
       [](const World& w) { return w.with_contents("/Contents <>"); }},
      {"usf_contents_nought", kAltered, kRange,
       [](const World& w) { return w.with_contents("/Contents <00>"); }},
      {"usf_value_taken_away", kAltered, kLoose,
       [](const World& w) { return replaced(w.good, "/V 7 0 R", "/V null "); }},
      {"usf_filter_of_another_kind", Outcome::not_trusted, "verify.seal.not_pades",
       [](const World& w) {
         return replaced(w.good, "ETSI.CAdES.detached", "ETSI.CAdES.detachet");
       }},
      {"range_begins_late", kAltered, kRange,
       [](const World& w) { return sealed_over(w, [](auto& r) { r[0] = 1, r[1] -= 1; }); }},
      {"hole_wider_than_contents", kAltered, kRange,
       [](const World& w) { return sealed_over(w, [](auto& r) { r[1] -= 1; }); }},
      {"hole_swallows_the_dictionary", kAltered, kRange,
       [](const World& w) { return sealed_over(w, [](auto& r) { r[1] -= 200; }); }},
      {"hole_wider_behind", kAltered, kRange,
       [](const World& w) { return sealed_over(w, [](auto& r) { r[2] += 2, r[3] -= 2; }); }},
      {"range_ends_early", kAltered, kRange,
       [](const World& w) { return sealed_over(w, [](auto& r) { r[3] -= 10; }); }},
      {"seal_copied_from_another_document", kAltered, kBroken, copied_from_another},
      {"padding_used", kAltered, kContainer,
       [](const World& w) {
         auto out = w.good;
         out[out.find('>', out.find("/Contents <")) - 1] = '1';
         return out;
       }},
      {"shadow_replace_by_a_second_sealer", kAltered, kBetween,
       [](const World& w) {
         return test::countersigned_pdf(w.revised({{4, kOtherContent}}), w.other_seal());
       }},
      {"shadow_replace_by_a_missing_object", kAltered, kBetween,
       [](const World& w) {
         auto once = append_revision(w.with_names, {{80, "<< /Type /Filespec >>"}});
         return test::countersigned_pdf(std::move(once), w.other_seal());
       }},
      {"sneaky_signature_of_a_stranger", Outcome::not_trusted, "certs.untrusted_root",
       [](const World& w) {
         test::Pki stranger;
         return test::countersigned_pdf(
             w.good, cms(stranger.key("seal-1"), stranger.certificate("seal-1")));
       }}};
  return all;
}

/// What anybody may append if it is nothing else.
const std::vector<Attack>& appending() {
  static const std::vector<Attack> all{
      {"evidence_with_an_object_beside", kAltered, kAfter,
       [](const World& w) {
         return w.stored([](Store& s) { s.objects[90] = "<< /Type /Font >>"; });
       }},
      {"evidence_with_another_content", kAltered, kAfter,
       [](const World& w) { return w.stored([](Store& s) { s.objects[4] = kOtherContent; }); }},
      {"evidence_with_another_page", kAltered, kAfter,
       [](const World& w) {
         return w.stored([](Store& s) { s.objects[3] = std::string(kPage) + "] /Rotate 90 >>"; });
       }},
      {"evidence_with_another_title", kAltered, kAfter,
       [](const World& w) {
         return w.stored([](Store& s) {
           s.objects[5] = "<< /Title (Other) /XinyinCode (1B20-8H44-RM2M-B1E6-0S57) >>";
         });
       }},
      {"evidence_with_a_script", kAltered, kAfter,
       [](const World& w) {
         return w.stored(
             [](Store& s) { s.in_catalog = " /OpenAction << /S /JavaScript /JS (x) >>"; });
       }},
      {"evidence_with_other_extensions", kAltered, kAfter,
       [](const World& w) {
         return w.stored([](Store& s) { s.in_catalog = " /Extensions << /X << /Y [4 0 R] >> >>"; });
       }},
      {"evidence_with_an_unknown_member", kAltered, kAfter,
       [](const World& w) { return w.stored([](Store& s) { s.more = " /AA << >>"; }); }},
      {"evidence_that_is_no_list", kAltered, kAfter,
       [](const World& w) {
         return w.stored([](Store& s) { s.lists.push_back(base::to_bytes(base::as_bytes("x"))); });
       }},
      {"evidence_that_is_no_certificate", kAltered, kAfter,
       [](const World& w) {
         return w.stored([](Store& s) { s.certificates.push_back(s.lists[0]); });
       }},
      {"evidence_with_a_trailer_between", kAltered, kAfter,
       [](const World& w) {
         return with_octets_between(w.stored([](Store&) {}), "trailer\n<< /Root 90 0 R >>\n");
       }},
      {"evidence_with_an_object_between", kAltered, kAfter,
       [](const World& w) {
         return with_octets_between(w.stored([](Store&) {}),
                                    "4 0 obj\n" + std::string(kOtherContent) + "\nendobj\n");
       }},
      {"evidence_with_a_comment_between", kAltered, kAfter,
       [](const World& w) { return with_octets_between(w.stored([](Store&) {}), "% 4 0 obj\n"); }},
      {"evidence_with_a_line_end_behind", kAltered, kAfter,
       [](const World& w) { return w.stored([](Store&) {}) + "\n"; }},
      {"evidence_with_the_sealed_revision_left_out", kAltered, kLoose,
       [](const World& w) {
         auto out = w.stored([](Store&) {});
         const auto at = out.rfind(" /Prev "), end = out.find(" >>", at);
         return out.replace(at, end - at, std::string(end - at, ' '));
       }},
      {"evidence_of_too_much", kAltered, kAfter,
       [](const World& w) {
         return w.stored([](Store& s) {
           s.more = " /OCSPs [";
           for (int number = 200; number < 265; ++number) {
             s.more += std::to_string(number) + " 0 R ";
             s.objects[number] =
                 "<< /Length 2 >>\nstream\n0" + std::string(1, '\0') + "\nendstream";
           }
           s.more += "]";
         });
       }},
      {"evidence_that_refers_to_itself", kAltered, kAfter,
       [](const World& w) { return w.stored([](Store& s) { s.more = " /VRI 40 0 R"; }); }},
      {"evidence_that_hides_the_page_content", kAltered, kAfter,
       [](const World& w) { return with_the_content_left_out(w.stored([](Store&) {})); }},
      {"stamp_that_shows_something", kAltered, kBetween,
       [](const World& w) {
         return w.archived([](DocumentStamp& s) { s.rect = "[0 0 595 842]"; });
       }},
      {"stamp_with_an_appearance", kAltered, kBetween,
       [](const World& w) {
         return w.archived([](DocumentStamp& s) {
           s.in_field = " /AP << /N 90 0 R >>";
           s.objects[90] = kOtherContent;
         });
       }},
      {"stamp_with_an_action", kAltered, kBetween,
       [](const World& w) {
         return w.archived([](DocumentStamp& s) { s.in_field = " /A << /S /JavaScript >>"; });
       }},
      {"stamp_with_a_text_field", kAltered, kBetween,
       [](const World& w) {
         return w.archived([](DocumentStamp& s) {
           s.other_fields = "90 0 R ";
           s.objects[90] =
               "<< /FT /Tx /T (name) /V (x) /Type /Annot /Subtype /Widget /Rect [0 0 595 842] >>";
         });
       }},
      {"stamp_with_another_content", kAltered, kBetween,
       [](const World& w) {
         return w.archived([](DocumentStamp& s) { s.objects[4] = kOtherContent; });
       }},
      {"stamp_with_another_page_tree", kAltered, kBetween,
       [](const World& w) {
         return w.archived([](DocumentStamp& s) {
           s.objects[2] = "<< /Type /Pages /Kids [3 0 R 3 0 R] /Count 2 >>";
         });
       }},
      {"stamp_with_an_object_beside", kAltered, kBetween,
       [](const World& w) {
         return w.archived([](DocumentStamp& s) { s.objects[90] = "<< >>"; });
       }},
      {"stamp_with_a_missing_object_brought", kAltered, kBetween,
       [](const World& w) {
         DocumentStamp stamp;
         stamp.more_in_catalog = " /Names << /EmbeddedFiles << /Names [(facts.json) 80 0 R] >> >>";
         stamp.objects[80] = "<< /Type /Filespec >>";
         return test::with_document_stamp(w.with_names, w.pki.timestamps(), stamp);
       }},
      {"stamp_that_is_called_a_seal", Outcome::not_trusted, "verify.seal.not_pades",
       [](const World& w) { return w.archived([](DocumentStamp& s) { s.type = "Sig"; }); }},
      {"stamp_over_something_else", kAltered, "certs.timestamp_of_other",
       [](const World& w) { return w.archived([](DocumentStamp& s) { s.of_other = true; }); }},
      {"stamp_by_a_stranger", Outcome::undetermined, "verify.stamp.not_trusted",
       [](const World& w) { return w.stamped_by_stranger(true); }},
      {"stamp_changed_afterwards", kAltered, kAfter, [](const World& w) {
         return append_revision(w.archived([](DocumentStamp&) {}), {{4, kOtherContent}});
       }}};
  return all;
}

const std::vector<Attack>& containers() {
  static const std::vector<Attack> all{
      {"cms_no_signing_certificate", kAltered, "verify.seal.attributes",
       [](const World& w) {
         return w.container([](CmsOptions& o) { o.signing_certificate = false; });
       }},
      {"cms_signing_certificate_of_another", kAltered, "verify.seal.attributes",
       [](const World& w) {
         return w.container([](CmsOptions& o) { o.foreign_signing_certificate = true; });
       }},
      {"cms_no_digest", kAltered, "verify.seal.attributes",
       [](const World& w) { return w.container([](CmsOptions& o) { o.message_digest = false; }); }},
      {"cms_attributes_out_of_order", kAltered, "verify.seal.attributes",
       [](const World& w) { return w.container([](CmsOptions& o) { o.unordered = true; }); }},
      {"cms_sha1", kAltered, "verify.seal.algorithm",
       [](const World& w) {
         return w.container([](CmsOptions& o) { o.digest_oid = "1.3.14.3.2.26"; });
       }},
      {"cms_md5", kAltered, "verify.seal.algorithm",
       [](const World& w) {
         return w.container([](CmsOptions& o) { o.digest_oid = "1.2.840.113549.2.5"; });
       }},
      {"cms_second_signer", kAltered, "verify.seal.malformed",
       [](const World& w) { return w.container([](CmsOptions& o) { o.twice = true; }); }},
      {"cms_no_certificate", kAltered, "verify.seal.no_certificate",
       [](const World& w) {
         return w.container([](CmsOptions& o) { o.own_certificate = false; });
       }},
      {"cms_certificate_beside", kAltered, "verify.seal.stray_certificate",
       [](const World& w) {
         return w.container(
             [&](CmsOptions& o) { o.along.push_back(w.pki.certificate("openid-1")); });
       }},
      {"cms_unknown_attribute", Outcome::undetermined, "verify.seal.unknown_attribute",
       [](const World& w) {
         return w.container([](CmsOptions& o) { o.unknown_unsigned = true; });
       }},
      {"cms_stamp_over_something_else", kAltered, "certs.timestamp_of_other",
       [](const World& w) { return w.container([](CmsOptions& o) { o.wrong_stamp = true; }); }},
      {"cms_stamp_by_a_stranger", Outcome::undetermined, "verify.seal.timestamp_not_trusted",
       [](const World& w) { return w.stamped_by_stranger(false); }},
      {"cms_signed_by_another_key", kAltered, kBroken,
       [](const World& w) {
         return sealed_pdf(cms(w.second.key, w.pki.certificate("seal-1"), w.stamped()));
       }},
      {"cms_by_a_key_for_something_else", Outcome::not_trusted, "certs.wrong_purpose",
       [](const World& w) {
         return sealed_pdf(cms(w.pki.key("openid-1"), w.pki.certificate("openid-1"), w.stamped()));
       }},
      {"cms_by_a_stranger_with_our_names", Outcome::not_trusted, "certs.untrusted_root",
       [](const World&) {
         test::Pki stranger;
         return sealed_pdf(cms(stranger.key("seal-1"), stranger.certificate("seal-1")));
       }},
      {"cms_in_an_older_form", Outcome::not_trusted, "verify.seal.not_pades",
       [](const World& w) {
         PdfOptions options;
         options.sub_filter = "adbe.pkcs7.detached";
         return sealed_pdf(w.seal(), options);
       }},
      {"claimed_time_in_the_future", Outcome::undetermined, "verify.seal.in_future",
       [](const World& w) {
         CmsOptions plain;
         PdfOptions options;
         options.claimed_time = "D:20261124150000+08'00'";
         return sealed_pdf(w.seal(plain), options);
       }}};
  return all;
}

class AttacksTest : public ::testing::TestWithParam<const Attack*> {
 public:
  static const World& world() {
    static const World shared;
    return shared;
  }
  static verify::Verdict judge(std::string_view file) {
    return verify::Verifier(world().pki.list())
        .judge(base::as_bytes(file), world().pki.start() + hours(1));
  }
};

std::set<std::string> reasons_of(const verify::Verdict& verdict) {
  std::set<std::string> out(verdict.reasons.begin(), verdict.reasons.end());
  for (const auto& seal : verdict.seals) out.insert(seal.reasons.begin(), seal.reasons.end());
  for (const auto& stamp : verdict.document_stamps)
    out.insert(stamp.reasons.begin(), stamp.reasons.end());
  return out;
}

std::vector<const Attack*> every_attack() {
  std::vector<const Attack*> out;
  for (const auto* table : {&saving(), &forging(), &appending(), &containers()})
    for (const auto& attack : *table) out.push_back(&attack);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Corpus, AttacksTest, ::testing::ValuesIn(every_attack()),
                         [](const auto& one) { return std::string(one.param->name); });

TEST_P(AttacksTest, IsRefusedForTheRightReason) {
  const auto verdict = judge(GetParam()->make(world()));
  EXPECT_EQ(verdict.outcome, GetParam()->outcome) << to_string(verdict.outcome);
  EXPECT_TRUE(reasons_of(verdict).contains(GetParam()->reason))
      << ::testing::PrintToString(reasons_of(verdict));
}

/// The attacks fail for what they do, not for what they are built from.
TEST(AttackSourcesTest, AreGenuine) {
  const auto& w = AttacksTest::world();
  for (const auto& file :
       {w.good, w.with_names, w.stored([](Store&) {}), w.archived([](DocumentStamp&) {}),
        w.container([](CmsOptions&) {}), sealed_over(w, [](auto&) {}), w.stored([](Store& s) {
          s.objects[5] =
              "<< /Title (Test) /XinyinCode (1B20-8H44-RM2M-B1E6-0S57) /Producer (another program) "
              "/ModDate (D:20261124110000Z) >>";
        }),
        w.stored([](Store& s) {
          s.more = " /OCSPs [200 0 R] /VRI << /AB << /OCSP [200 0 R] /CRL [44 0 R] >> >>";
          s.objects[200] = "<< /Length 2 >>\nstream\n0" + std::string(1, '\0') + "\nendstream";
        }),
        test::countersigned_pdf(w.good, w.other_seal())}) {
    const auto verdict = AttacksTest::judge(file);
    EXPECT_EQ(verdict.outcome, Outcome::genuine) << ::testing::PrintToString(reasons_of(verdict));
  }
}

}  // namespace
