#include "api/pages/renderer.h"

#include <gtest/gtest.h>

#include "api/pages/auth_pages.h"
#include "api/pages/verify_pages.h"

namespace api {
namespace {

constexpr std::string_view kEvil = R"(<script>alert(1)</script>"'&)";

class RendererTest : public testing::Test {
 protected:
  Renderer look_{Look{"示范市社会保险事业中心", "si.example.gov.cn", "", true}};

  static verify::Entry entry() {
    verify::Entry out;
    out.kind = "enrolment-certificate";
    out.issuer = std::string(kEvil);
    out.issued_at = base::from_unix_s(1'790'000'000);
    out.facts = {{"fact.name", std::string(kEvil)}};
    return out;
  }
};

TEST_F(RendererTest, NoValueReachesThePageUnescaped) {
  const base::Error problem = base::error(base::Code::invalid_argument, "verify.unknown");
  pages::ConsentPage consent;
  consent.client_name = consent.person = consent.transaction = std::string(kEvil);
  consent.scopes = {"openid"};
  verify::Verdict verdict;
  verdict.outcome = verify::Outcome::not_trusted;
  verify::SealReport seal;
  seal.signer = std::string(kEvil);
  verdict.seals = {seal};
  for (const auto& html :
       {pages::code_verdict(look_, entry(), base::from_unix_s(1'790'000'001)),
        pages::verify_form(look_, kEvil, &problem),
        pages::login(look_,
                     {std::string(kEvil), std::string(kEvil), std::string(kEvil), "", nullptr}),
        pages::consent(look_, consent),
        pages::file_verdict(look_, verdict, nullptr, true, base::from_unix_s(1'790'000'001))}) {
    EXPECT_EQ(html.find("<script>"), std::string::npos);
    EXPECT_NE(html.find("&lt;script&gt;"), std::string::npos);
    EXPECT_EQ(html.find("{{"), std::string::npos);
    EXPECT_EQ(html.find("[["), std::string::npos);
  }
}

TEST_F(RendererTest, EachStandingHasItsOwnWords) {
  auto one = entry();
  const auto now = base::from_unix_s(1'790'000'100);
  const auto says = [&](std::string_view text) {
    return pages::code_verdict(look_, one, now).find(text) != std::string::npos;
  };
  EXPECT_TRUE(says("凭证有效"));
  one.valid_until = base::from_unix_s(1'790'000'050);
  EXPECT_TRUE(says("凭证已过有效期"));
  one.standing = verify::Standing::superseded;
  EXPECT_TRUE(says("凭证已被新版本取代"));
  one.standing = verify::Standing::suspended;
  EXPECT_TRUE(says("凭证已暂停核验"));
  one.standing = verify::Standing::revoked;
  EXPECT_TRUE(says("凭证已撤销"));
  EXPECT_NE(pages::code_unknown(look_, now).find("查不到这份凭证"), std::string::npos);
}

TEST_F(RendererTest, AGenuineFileThatTheRegisterHasRevokedIsNotCalledValid) {
  verify::Verdict verdict;
  verdict.outcome = verify::Outcome::genuine;
  auto one = entry();
  const auto now = base::from_unix_s(1'790'000'100);
  EXPECT_NE(pages::file_verdict(look_, verdict, &one, true, now).find("文件真实，未被改动"),
            std::string::npos);
  one.standing = verify::Standing::revoked;
  const auto html = pages::file_verdict(look_, verdict, &one, true, now);
  EXPECT_EQ(html.find("文件真实，未被改动"), std::string::npos);
  EXPECT_NE(html.find("文件未被改动，但凭证已不再有效"), std::string::npos);
  EXPECT_NE(pages::file_verdict(look_, verdict, nullptr, true, now).find("登记簿中没有这份文件"),
            std::string::npos);
}

}  // namespace
}  // namespace api
