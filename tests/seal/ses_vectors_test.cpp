// Seals of others, as they were published: read here, both signatures good, their makers unknown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/encoding.h"
#include "base/json.h"
#include "test_paths.h"
#include "verify/ses_judge.h"

namespace {

using testing::Contains;
using verify::Answer;

TEST(SesVectorsTest, Gmt0031_SealsOfOfdrwAreReadAndTheirSignaturesHold) {
  std::ifstream in(XINYIN_SOURCE_DIR "/tests/vectors/ses/ofdrw.json");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto document = base::parse_json(text, {1 << 20, 4});
  ASSERT_TRUE(document);
  std::size_t judged = 0;
  for (const auto& vector : (*document)["vectors"].GetArray()) {
    SCOPED_TRACE(base::json_text(vector, "name"));
    auto der = base::from_base64(base::json_text(vector, "der"));
    ASSERT_TRUE(der);
    const auto at = *base::parse_rfc3339("2026-11-24T03:00:00Z");
    const bool signature = base::json_text(vector, "kind") == "signature";
    const base::Digest original{};  // ofdrw's tests sign nothing but noughts
    const auto judge = [&] {
      return signature ? verify::ses::judge_signature(*der, {original, {}, {}, {}}, {}, at)
                       : verify::ses::judge_seal(*der, {}, at);
    };
    const auto report = judge();
    EXPECT_EQ(report.intact, Answer::yes) << testing::PrintToString(report.reasons);
    EXPECT_EQ(report.genuine, Answer::no);
    EXPECT_THAT(report.reasons, Contains("verify.ses.maker_not_trusted"));
    ASSERT_TRUE(report.seal_object);
    EXPECT_EQ(report.seal_object->version, base::json_int(vector, "version"));
    EXPECT_EQ(report.seal_object->picture_type, "png");
    EXPECT_EQ(report.seal_object->width_mm, 40);
    (*der)[der->size() / 2] ^= 1;  // in the picture
    EXPECT_EQ(judge().intact, Answer::no);
    EXPECT_THAT(judge().reasons, Contains("verify.ses.maker_signature"));
    ++judged;
  }
  EXPECT_EQ(judged, 3U);
}

}  // namespace
