// The composed document, judged by programs that others wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <regex>
#include <thread>

#include "base/encoding.h"
#include "base/text.h"
#include "seal/pdf/cff.h"
#include "seal/pdf/icc.h"
#include "seal/pdf/qr.h"
#include "seal/pdf/seal_picture.h"
#include "tests/seal/support.h"

using ::testing::HasSubstr;
using ::testing::Not;

namespace {

class PdfTest : public ::testing::Test {
 protected:
  std::string composed(const seal::Draft& draft) {
    const auto document = test::compose(draft);
    EXPECT_TRUE(document.ok()) << document.error().key << ' ' << document.error().detail;
    return directory_.write("document.pdf", document->file).string();
  }
  test::TempDirectory directory_;
};

TEST_F(PdfTest, IsCleanSyntax) {
  for (const auto& draft : {test::person_draft(12), test::person_draft(24), test::unit_draft()}) {
    const auto ran = test::run("qpdf --check " + composed(draft), "qpdf");
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_THAT(ran.output, HasSubstr("No syntax or stream encoding errors"));
    EXPECT_THAT(ran.output, Not(HasSubstr("WARNING")));
  }
}

TEST_F(PdfTest, TextCanBeTakenOut) {
  const auto ran =
      test::run("pdftotext -layout " + composed(test::person_draft(12)) + " -", "poppler-utils");
  for (const auto* text :
       {"社会保险参保证明", "Certificate of Social Insurance Enrolment", "张小三",
        "11010519491231002X", "江州市星河信息技术有限责任公司", "2025年11月", "8500.00",
        "7K3M-9QZT-2W4X-ABCD-EFGH", "http://127.0.0.1:8080", "20261124-7K3M9QZT2W4X",
        "2026年11月24日", "第 1 页，共 1 页"})
    EXPECT_THAT(ran.output, HasSubstr(text));
}

TEST_F(PdfTest, FontsAreEmbeddedSubsetsThatSayWhatTheyShow) {
  const auto ran =
      test::run("pdffonts " + composed(test::person_draft(1, "张䶮")), "poppler-utils");
  int fonts = 0;
  std::istringstream lines(ran.output);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("Noto") == std::string::npos) continue;
    ++fonts;
    EXPECT_THAT(line, HasSubstr("CID Type 0C"));
    EXPECT_THAT(line, HasSubstr("yes yes yes"));
  }
  EXPECT_EQ(fonts, 3) << ran.output;
}

TEST_F(PdfTest, RareNamesWork) {
  for (const auto* name :
       {"张𠮷", "李䶮", "阿依古丽·买买提", "王𬭚", "㑇㛃䲟", "MÜLLER, JOSÉ"}) {
    const auto ran =
        test::run("pdftotext " + composed(test::person_draft(1, name)) + " -", "poppler-utils");
    EXPECT_THAT(ran.output, HasSubstr(name));
  }
}

TEST_F(PdfTest, ACharacterWithoutGlyphIsAnError) {
  // A private-use character, an emoji, a control character: never a box on a certificate.
  for (const auto* name : {"张\uE000", "张😀", "张\u0007三"}) {
    const auto document = test::compose(test::person_draft(1, name));
    ASSERT_FALSE(document.ok()) << name;
    EXPECT_EQ(document.error().key, "seal.glyph");
    ASSERT_EQ(document.error().args.size(), 1u);
    EXPECT_EQ(document.error().args[0].first, "character");
  }
  EXPECT_EQ(test::compose(test::person_draft(1, "张\u0007三")).error().args[0].second, "U+0007");
}

TEST_F(PdfTest, WrongDraftsAreErrors) {
  auto draft = test::person_draft();
  draft.fields.erase(draft.fields.begin());
  EXPECT_EQ(test::compose(draft).error().key, "seal.field");
  draft = test::person_draft();
  draft.rows[3].pop_back();
  EXPECT_EQ(test::compose(draft).error().key, "seal.rows");
  draft = test::person_draft();
  draft.fields[0].second = std::string(1199, 'W');  // does not fit its place
  EXPECT_EQ(test::compose(draft).error().key, "seal.field");
  draft.fields[0].second = std::string(100'000, 'W');
  EXPECT_EQ(test::compose(draft).error().key, "seal.field");
  draft.fields[0].second = "张\xff\xfe";
  EXPECT_EQ(test::compose(draft).error().key, "seal.field");
  draft = test::person_draft();
  draft.rows.resize(20'001, draft.rows[0]);
  EXPECT_EQ(test::compose(draft).error().key, "seal.rows");
  draft = test::person_draft();
  draft.fields.erase(draft.fields.begin() + 7);  // as_of
  EXPECT_EQ(test::compose(draft).error().key, "seal.field");
}

TEST_F(PdfTest, TextOfADraftCannotReachTheSyntax) {
  auto draft = test::person_draft(1, "(Tj) ET Q <</S>> endstream %");
  draft.rows[0][1] = "stream endobj ) > ] \\";
  const auto file = composed(draft);
  EXPECT_EQ(test::run("qpdf --check " + file, "qpdf").status, 0);
  EXPECT_THAT(test::run("pdftotext " + file + " -", "poppler-utils").output,
              HasSubstr("(Tj) ET Q <</S>> endstream %"));
}

TEST_F(PdfTest, BreaksOverPagesWithHeaderCodeAndNumber) {
  const auto file = composed(test::person_draft(60));
  const auto info = test::run("pdfinfo " + file, "poppler-utils");
  EXPECT_THAT(info.output, HasSubstr("Pages:           3"));
  EXPECT_THAT(info.output, HasSubstr("A4"));
  for (int page = 1; page <= 3; ++page) {
    const auto number = std::to_string(page);
    const auto text = test::run(
        "pdftotext -layout -f " + number + " -l " + number + " " + file + " -", "poppler-utils");
    EXPECT_THAT(text.output, HasSubstr("第 " + number + " 页，共 3 页"));
    EXPECT_THAT(text.output, HasSubstr("7K3M-9QZT-2W4X-ABCD-EFGH"));
    EXPECT_THAT(text.output, HasSubstr("缴费单位"));
    EXPECT_THAT(text.output, HasSubstr("张小三"));
  }
}

// 单页无正文 is how seals are lifted onto other papers: at least some rows stand on the seal's
// page.
TEST_F(PdfTest, ASealNeverStandsAloneOnAPage) {
  for (int months = 1; months <= 40; ++months) {
    const auto file = composed(test::person_draft(months));
    const auto text = test::run(
        "pdftotext -layout -f $(pdfinfo " + file + " | sed -n 's/^Pages: *//p') " + file + " -",
        "poppler-utils");
    EXPECT_THAT(text.output, HasSubstr("已到账")) << months;
    EXPECT_THAT(text.output, HasSubstr("以下空白")) << months;
  }
}

TEST_F(PdfTest, TheQrIsReadFromTheRenderedPage) {
  const auto file = composed(test::person_draft(12));
  const auto ran = test::run("cd " + directory_.path().string() + " && pdftoppm -r 150 -png " +
                                 file + " page && zbarimg -q --raw page-1.png",
                             "zbar-tools poppler-utils");
  EXPECT_THAT(ran.output, HasSubstr("http://127.0.0.1:8080/v/7K3M9QZT2W4XABCDEFGH\n"));
}

TEST_F(PdfTest, OfSeveralPagesTheFirstCarriesTheQrToo) {
  const auto file = composed(test::person_draft(60));
  for (const auto* page : {"1", "3"}) {
    const auto ran = test::run("cd " + directory_.path().string() + " && pdftoppm -r 150 -png " +
                                   file + " several && zbarimg -q --raw several-" + page + ".png",
                               "zbar-tools poppler-utils");
    EXPECT_THAT(ran.output, HasSubstr("http://127.0.0.1:8080/v/7K3M9QZT2W4XABCDEFGH\n")) << page;
  }
}

TEST_F(PdfTest, FactsAreAttached) {
  const auto ran =
      test::run("qpdf --show-attachment=facts.json " + composed(test::person_draft(1)), "qpdf");
  EXPECT_THAT(ran.output, HasSubstr(R"({"kind":"enrolment-certificate","name":"张小三"})"));
}

TEST_F(PdfTest, TheInformationDictionaryCarriesTheCode) {
  const auto ran = test::run("pdfinfo -custom " + composed(test::person_draft(1)), "poppler-utils");
  EXPECT_THAT(ran.output, HasSubstr("7K3M-9QZT-2W4X-ABCD-EFGH"));
  EXPECT_THAT(ran.output, HasSubstr("社会保险参保证明"));
}

TEST_F(PdfTest, TheByteRangeLeavesOutTheContentsAlone) {
  const auto document = test::compose(test::person_draft(24), 5000);
  const std::string file(base::as_text(document->file));
  const auto at = file.find("/ByteRange[");
  ASSERT_NE(at, std::string::npos);
  std::size_t a, b, c, d;
  ASSERT_EQ(std::sscanf(file.c_str() + at, "/ByteRange[%zu %zu %zu %zu", &a, &b, &c, &d), 4);
  EXPECT_EQ(a, 0u);
  EXPECT_EQ(file[b], '<');
  EXPECT_EQ(file[c - 1], '>');
  EXPECT_EQ(c - b, 2 * 5000 + 2u);
  EXPECT_EQ(c + d, file.size());
  EXPECT_EQ(file.find_first_not_of('0', b + 1), c - 1);
  EXPECT_EQ(document->digest, base::sha256(base::as_bytes(file.substr(0, b) + file.substr(c))));
}

TEST_F(PdfTest, AFileThatIsNoFontSaysSo) {
  const auto missing = seal::pdf::FontFace::open("/nowhere.ttc");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().key, "seal.font");
  const auto file = directory_.write("not.ttc", base::as_bytes("not a font"));
  EXPECT_EQ(seal::pdf::FontFace::open(file.string()).error().key, "seal.font");
}

// fontTools reads our CFF as its authors understand the format.
TEST_F(PdfTest, SubsetsAreCffThatOthersRead) {
  std::u32string characters = U"张𠮷AW1·。";
  const auto cff = seal::pdf::subset(*test::faces().body, "XINYIB+Test", characters);
  const auto file = directory_.write("subset.cff", cff);
  const auto ran = test::run(
      "/usr/bin/python3 -c \"\n"
      "from fontTools.cffLib import CFFFontSet\n"
      "from fontTools.pens.boundsPen import BoundsPen\n"
      "f=CFFFontSet(); f.decompile(open('" +
          file.string() +
          "','rb'),None); t=f[0]\n"
          "print(t.ROS, len(t.CharStrings), list(t.charset))\n"
          "for n in t.charset:\n"
          "  c=t.CharStrings[n]; p=BoundsPen(None); c.draw(p); print(n, c.width, p.bounds)\n"
          "\"",
      "python3-fonttools");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("('Adobe', 'Identity', 0) 8"));
  for (std::size_t i = 0; i < characters.size(); ++i) {
    char name[40];
    std::snprintf(name, sizeof name, "cid%05zu", i + 1);
    const auto advance = test::faces().body->advance(test::faces().body->glyph(characters[i]));
    EXPECT_THAT(ran.output, HasSubstr(name + std::string(" ") + std::to_string(advance) + " ("));
  }
}

TEST_F(PdfTest, LinesBreakByTheRules) {
  seal::pdf::CharacterCodes body('A'), display('T');
  seal::pdf::Canvas canvas(test::faces(), body, display);
  const auto break_at = [&](std::u32string_view text, double ems) {
    return canvas.lines(text, ems * 10, {.size = 10});
  };
  using Lines = std::vector<std::u32string>;
  EXPECT_EQ(break_at(U"一二三四五", 2), (Lines{U"一二", U"三四", U"五"}));
  EXPECT_EQ(break_at(U"一二，三四", 2), (Lines{U"一", U"二，", U"三四"}));  // no comma begins
  EXPECT_EQ(break_at(U"一（二三）", 2), (Lines{U"一", U"（二", U"三）"}));  // no bracket ends
  EXPECT_EQ(break_at(U"网址 example.org 处", 5), (Lines{U"网址", U"example.", U"org 处"}));
  EXPECT_EQ(break_at(U"8500元", 2), (Lines{U"850", U"0元"}));  // wider than the line: cut
  EXPECT_EQ(break_at(U"", 2), (Lines{U""}));
  EXPECT_EQ(break_at(U"一", 0.1), (Lines{U"一"}));
}

// One template, many documents at once, each with glyphs of its own: the same bytes as one by one.
TEST(PdfTemplateTest, ManyAtOnceAreWhatTheyAreAlone) {
  const char* names[] = {"张小三", "龘䶮", "欧阳上官司马", "阿依古丽·买买提"};
  std::vector<base::Bytes> alone;
  for (const auto* name : names) alone.push_back(test::compose(test::person_draft(24, name))->file);
  std::atomic<int> same = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const auto draft = test::person_draft(24, names[t]);
      for (int i = 0; i < 25; ++i) same += test::compose(draft)->file == alone[t];
    });
  for (auto& one : threads) one.join();
  EXPECT_EQ(same, 100);
}

TEST(QrTest, TooLongOrEmptyIsAnError) {
  EXPECT_EQ(seal::pdf::qr_symbol("").error().key, "seal.qr");
  EXPECT_EQ(seal::pdf::qr_symbol(std::string(5000, 'a')).error().key, "seal.qr");
}

TEST(SealPictureTest, NamesOfAllLengthsFitAndTooLongOnesAreErrors) {
  const auto round_seal = [](std::string text, std::string caption) {
    return seal::pdf::draw_seal(*test::faces().display,
                                {.text = std::move(text), .caption = std::move(caption)});
  };
  EXPECT_TRUE(round_seal("某局", "专用章").ok());
  EXPECT_TRUE(round_seal("新疆维吾尔自治区伊犁哈萨克自治州社会保险事业管理局", "业务专用章").ok());
  std::string endless;
  for (int i = 0; i < 40; ++i) endless += "长";
  EXPECT_EQ(round_seal(endless, "章").error().key, "seal.template");
  EXPECT_EQ(round_seal("", "章").error().key, "seal.template");
  EXPECT_EQ(round_seal("局\uE000", "章").error().key, "seal.glyph");
}

// 45 × 30 mm are 127.56 × 85.04 points: in the field, in the form, and each page's slice of it.
TEST(SealPictureTest, TheSealOfTheRegisterStandsOnThePages) {
  const seal::SealPictureSpec oval{seal::SealShape::oval, 45, 30, test::Pki::kAgency, "财务专用章"};
  const auto draft = test::person_draft(24);
  const auto made = test::compose(draft, 2000, &oval);
  ASSERT_TRUE(made.ok()) << made.error().key;
  const std::string file(base::as_text(made->file));
  EXPECT_THAT(file, HasSubstr("/BBox[0 0 127.559 85.039 ]"));
  std::smatch rect;
  ASSERT_TRUE(std::regex_search(
      file, rect, std::regex("/Rect\\[([0-9.]+) ([0-9.]+) ([0-9.]+) ([0-9.]+) ?\\]")));
  EXPECT_NEAR(std::stod(rect[3]) - std::stod(rect[1]), 127.56, 0.02);
  EXPECT_NEAR(std::stod(rect[4]) - std::stod(rect[2]), 85.04, 0.02);
  const auto round = test::compose(draft, 2000);
  EXPECT_THAT(std::string(base::as_text(round->file)), HasSubstr("/BBox[0 0 119.055 119.055 ]"));
}

TEST(TemplateTest, SiteIsSchemeAndHost) {
  EXPECT_EQ(seal::pdf::site_of("http://127.0.0.1:8080/v/"), "http://127.0.0.1:8080");
  EXPECT_EQ(seal::pdf::site_of("https://si.example.gov.cn/v/"), "https://si.example.gov.cn");
}

}  // namespace
