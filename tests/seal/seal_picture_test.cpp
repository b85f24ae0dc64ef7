#include "seal/pdf/seal_picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "seal/pdf/text.h"
#include "tests/seal/support.h"

namespace {

using seal::SealPictureSpec;
using seal::SealShape;
using seal::pdf::draw_seal;

/// Least and most of x and y, in millimetres.
struct Box {
  double left = 1e9, right = -1e9, bottom = 1e9, top = -1e9;
};
Box box_of(const std::string& operators) {
  Box out;
  std::istringstream in(operators);
  std::vector<double> numbers;
  for (std::string word; in >> word;) {
    if (word.find_first_not_of("-.0123456789") == std::string::npos) {
      numbers.push_back(std::stod(word));
      continue;
    }
    EXPECT_NE(std::string("m l c h f f*").find(word), std::string::npos) << word;
    for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) {
      out.left = std::min(out.left, numbers[i] * 25.4 / 72);
      out.right = std::max(out.right, numbers[i] * 25.4 / 72);
      out.bottom = std::min(out.bottom, numbers[i + 1] * 25.4 / 72);
      out.top = std::max(out.top, numbers[i + 1] * 25.4 / 72);
    }
    numbers.clear();
  }
  return out;
}

const seal::pdf::FontFace& face() {
  return *test::faces().display;
}

TEST(SealShapesTest, APictureFillsItsSizeAndNothingStandsBeyondIt) {
  const SealPictureSpec seals[] = {
      {SealShape::round, 42, 42, "江州市社会保险事业管理中心", "社会保险业务专用章"},
      {SealShape::round, 38, 38, "某局", "专用章"},
      {SealShape::round, 45, 45, "新疆维吾尔自治区伊犁哈萨克自治州社会保险事业管理局", "业务章"},
      {SealShape::oval, 40, 30, "江州市社会保险事业管理中心", "发票专用章"},
      {SealShape::oval, 45, 30, "某局", "财务专用章"},
      {SealShape::oval, 50, 30, "新疆维吾尔自治区伊犁哈萨克自治州社会保险事业管理局", "财务专用章"},
      {SealShape::square, 20, 20, "张小三印", ""},
      {SealShape::square, 18, 18, "李四", ""},
      {SealShape::square, 30, 30, "江州市社会保险中心财务专用章印", ""},
  };
  for (const auto& one : seals) {
    const auto drawn = draw_seal(face(), one);
    ASSERT_TRUE(drawn.ok()) << one.text;
    const auto box = box_of(*drawn);
    EXPECT_NEAR(box.left, 0, 0.01) << one.text;
    EXPECT_NEAR(box.bottom, 0, 0.01) << one.text;
    EXPECT_NEAR(box.right, one.width_mm, 0.01) << one.text;
    EXPECT_NEAR(box.top, one.height_mm, 0.01) << one.text;
  }
}

// The first column stands on the right.
TEST(SealShapesTest, ASquareSealIsReadFromTheRight) {
  const auto first = draw_seal(face(), {SealShape::square, 20, 20, "一口", ""});
  const auto four = draw_seal(face(), {SealShape::square, 20, 20, "一一口口", ""});
  ASSERT_TRUE(first.ok() && four.ok());
  // 一 is one flat stroke, 口 is tall: after the frame come two flat ones, on the right half.
  const auto glyph = four->substr(four->find("f*") + 3);
  const auto box = box_of(glyph.substr(0, glyph.find("f\n")));
  EXPECT_GT(box.left, 10);
  EXPECT_LT(box.top - box.bottom, 3);
}

TEST(SealShapesTest, ASealWithoutRoomOrGlyphIsAnError) {
  std::string endless;
  for (int i = 0; i < 40; ++i) endless += "长";
  for (const auto shape : {SealShape::round, SealShape::oval, SealShape::square}) {
    EXPECT_EQ(draw_seal(face(), {shape, 42, 30, endless, "章"}).error().key, "seal.template");
    EXPECT_EQ(draw_seal(face(), {shape, 42, 30, "", "章"}).error().key, "seal.template");
    EXPECT_EQ(draw_seal(face(), {shape, 42, 30, "局\uE000", "章"}).error().key, "seal.glyph");
  }
}

TEST(SealSvgTest, IsWellFormedAndHasThePicturesSizeInMillimetres) {
  const SealPictureSpec seal{SealShape::oval, 45, 30, "江州市社会保险中心", "发票专用章"};
  const auto drawn = draw_seal(face(), seal);
  ASSERT_TRUE(drawn.ok());
  const test::TempDirectory directory;
  const auto file = directory.write("seal.svg", base::as_bytes(seal::pdf::seal_svg(*drawn, seal)));
  const auto read = test::run(
      "/usr/bin/python3 -c \"import sys, xml.etree.ElementTree as t; r = "
      "t.parse(sys.argv[1]).getroot(); "
      "print(r.get('width'), r.get('height'), len(r[0]), r[0][0].get('fill-rule'), "
      "any(set(p.get('d')) - set('MLCZ -.0123456789') for p in r[0]))\" " +
          file.string(),
      "python3");
  // Ring, nine characters, five characters.
  EXPECT_EQ(read.output, "45mm 30mm 15 evenodd False\n");
}

}  // namespace
