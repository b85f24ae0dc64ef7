#include "certs/chain.h"

#include <gtest/gtest.h>

#include "tests/support/pki.h"

namespace {

using certs::ChainAnswer;
using certs::ChainPurpose;
using std::chrono::days;
using std::chrono::seconds;

class ChainTest : public testing::Test {
 protected:
  certs::ChainStatus judge(const certs::Certificate& leaf,
                           ChainPurpose purpose = ChainPurpose::seal) {
    return judge(leaf, pki.clock().now(), purpose);
  }
  certs::ChainStatus judge(const certs::Certificate& leaf, base::Time at,
                           ChainPurpose purpose = ChainPurpose::seal) {
    return certs::validate(leaf, {}, pki.list(), purpose, at);
  }

  test::Pki pki;
};

TEST_F(ChainTest, EachLeafIsTrustedForItsOwnPurposeAlone) {
  const std::pair<const char*, ChainPurpose> leaves[] = {
      {"seal-1", ChainPurpose::seal},
      {"timestamp-1", ChainPurpose::timestamp},
      {"openid-1", ChainPurpose::openid},
      {"document-code-1", ChainPurpose::document_code}};
  for (const auto& [label, own] : leaves) {
    for (const auto& [other_label, purpose] : leaves) {
      const auto status = judge(pki.certificate(label), purpose);
      if (purpose == own) {
        EXPECT_EQ(status.answer, ChainAnswer::trusted) << label << " " << status.reason;
        ASSERT_EQ(status.path.size(), 3u);
        ASSERT_TRUE(status.entry);
        EXPECT_EQ(status.entry->agency, test::Pki::kAgency);
        EXPECT_EQ(status.entry->agency_code, test::Pki::kAgencyCode);
      } else {
        EXPECT_EQ(status.answer, ChainAnswer::untrusted) << label << " for " << other_label;
      }
    }
    EXPECT_EQ(judge(pki.certificate(label), ChainPurpose::any).answer, ChainAnswer::trusted);
  }
}

}  // namespace
