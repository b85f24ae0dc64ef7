// Requests' parts and the one response writer.
#include "api/http/message.h"

#include <gmock/gmock.h>

namespace {

using api::Response;
using testing::HasSubstr;
using testing::Not;

std::string head_of(const Response& response, bool https = false) {
  std::string out;
  response.write_head(
      out, {.https = https, .date = "Tue, 24 Nov 2026 03:00:00 GMT", .request_id = "r1"});
  return out;
}

TEST(FormTest, ReadsPairsInOrderAndKeepsDuplicates) {
  const auto form = api::parse_form("a=1&b=%E5%BC%A0+x&a=2&c&=d&&");
  ASSERT_TRUE(form.ok());
  EXPECT_EQ(*form, (api::Parameters{{"a", "1"}, {"b", "张 x"}, {"a", "2"}, {"c", ""}, {"", "d"}}));
  EXPECT_EQ(api::only(*form, "b"), "张 x");
  EXPECT_EQ(api::only(*form, "a"), std::nullopt);  // twice is not once
  EXPECT_EQ(api::only(*form, "z"), std::nullopt);
}

TEST(FormTest, Case99_MalformedIsAnErrorNotAnException) {
  for (const auto* text :
       {"a=%", "a=%4", "a=%zz", "%=1", "a=%ff", "a=%c0%80", "a=%00", "a=%u0041"}) {
    const auto form = api::parse_form(text);
    ASSERT_FALSE(form.ok()) << text;
    EXPECT_EQ(form.error().key, "http.form");
  }
  std::string many;
  for (int i = 0; i < 101; ++i) many += "a=b&";
  EXPECT_FALSE(api::parse_form(many).ok());
  EXPECT_TRUE(api::parse_form(many.substr(4)).ok());
}

TEST(AddressTest, KnowsNetworksAndTrustsProxiesOnly) {
  const auto v4 = api::Address::parse("192.0.2.77");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->network(), "192.0.2.0/24");
  EXPECT_EQ(api::Address::parse("2001:db8:1:2::3")->network(), "2001:db8:1::/48");
  EXPECT_EQ(*api::Address::parse("::ffff:192.0.2.77"), *v4);
  for (const auto* bad : {"", "1.2.3", "1.2.3.4:5", "[::1]", "fe80::1%eth0", "1.2.3.4 ", "unknown"})
    EXPECT_FALSE(api::Address::parse(bad)) << bad;
  EXPECT_FALSE(api::parse_networks("10.0.0.0/33"));
  EXPECT_FALSE(api::parse_networks("10.0.0.0/"));
  const auto proxies = *api::parse_networks("127.0.0.1/32, 10.0.0.0/9");
  const auto client = [&](const char* peer, const char* forwarded) {
    return api::client_of(*api::Address::parse(peer), forwarded, proxies).text();
  };
  EXPECT_EQ(client("127.0.0.1", "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client("198.51.100.1", "192.0.2.1"), "198.51.100.1");  // not a proxy: not believed
  EXPECT_EQ(client("127.0.0.1", "1.1.1.1, 192.0.2.1, 10.1.1.1"), "192.0.2.1");
  EXPECT_EQ(client("127.0.0.1", "1.1.1.1, garbage"), "127.0.0.1");
  EXPECT_EQ(client("127.0.0.1", ""), "127.0.0.1");
  EXPECT_EQ(client("10.200.0.1", "192.0.2.1"), "10.200.0.1");  // outside the /9
}

TEST(ResponseTest, Case36_37_EveryAnswerCarriesTheSecurityHeaders) {
  for (const auto& response :
       {Response(204), Response::json("{}"), Response::json("{}", 500), Response::redirect("/"),
        Response::html("<p>", "bm9uY2U"), Response::file({1, 2}, "application/pdf", "a.pdf")}) {
    const auto head = head_of(response, true);
    for (const auto* field : {"X-Content-Type-Options: nosniff\r\n", "Referrer-Policy: ",
                              "Permissions-Policy: ", "frame-ancestors 'none'", "base-uri 'none'",
                              "default-src 'none'", "Strict-Transport-Security: max-age=63072000",
                              "Cache-Control: no-store", "X-Frame-Options: DENY"})
      EXPECT_THAT(head, HasSubstr(field));
    EXPECT_THAT(head_of(response, false), Not(HasSubstr("Strict-Transport")));
  }
  EXPECT_THAT(head_of(Response::html("", "bm9uY2U", 200, {"https://rp.example"})),
              HasSubstr("form-action 'self' https://rp.example;"));
  EXPECT_THAT(head_of(Response::html("", "bm9uY2U")),
              HasSubstr("script-src 'self' 'nonce-bm9uY2U'"));
}

TEST(ResponseTest, Case96_NoValueCanSplitAnAnswer) {
  for (int byte = 0; byte < 256; ++byte) {
    if (byte == '\t' || (byte >= 0x20 && byte < 0x7f)) continue;
    const std::string evil = "/a" + std::string(1, static_cast<char>(byte)) + "Set-Cookie: x=y";
    for (auto response :
         {Response::redirect(evil), Response(200).set("X-A", evil),
          Response::json("secret", 200, evil), Response(200).cookie({.name = "a", .value = evil}),
          Response(200).set("X-" + std::string(1, static_cast<char>(byte)), "b")}) {
      EXPECT_TRUE(response.broken()) << byte;
      const auto head = head_of(response);
      EXPECT_TRUE(head.starts_with("HTTP/1.1 500 ")) << byte;
      EXPECT_THAT(head, HasSubstr("Content-Length: 0\r\n"));
      EXPECT_THAT(head, Not(HasSubstr("x=y")));
    }
  }
  for (const auto* name : {"", "a b", "a:b", "a\r\nb"})
    EXPECT_TRUE(Response(200).set(name, "v").broken()) << name;
  EXPECT_TRUE(Response(200).cookie({.name = "a", .value = "b; Domain=x"}).broken());
  EXPECT_TRUE(Response(200).cookie({.name = "a=b", .value = "c"}).broken());
  EXPECT_TRUE(Response::html("", "n", 200, {"https://a; script-src *"}).broken());
}

TEST(ResponseTest, FileNamesAreSentSafely) {
  const auto head = head_of(Response::file({1}, "application/pdf", "参保证明 \"x\"\r\n;../a.pdf"));
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 "));
  EXPECT_THAT(
      head,
      HasSubstr(
          "Content-Disposition: attachment; filename=\"______x____.._a.pdf\"; "
          "filename*=UTF-8''%E5%8F%82%E4%BF%9D%E8%AF%81%E6%98%8E%20%22x%22%0D%0A%3B..%2Fa.pdf"));
}

TEST(ResponseTest, Case28_CookiesAreHostBoundOverHttps) {
  Response response(200);
  response.cookie({.name = "session", .value = "abc", .same_site = api::SameSite::strict});
  EXPECT_THAT(
      head_of(response, true),
      HasSubstr("Set-Cookie: __Host-session=abc; Path=/; HttpOnly; SameSite=Strict; Secure\r\n"));
  EXPECT_THAT(head_of(response, false),
              HasSubstr("Set-Cookie: session=abc; Path=/; HttpOnly; SameSite=Strict\r\n"));
}

TEST(ResponseTest, SetReplacesAndNamesAreCaseBlind) {
  auto response = Response::json("{}");
  response.set("content-type", "application/jose");
  EXPECT_EQ(response.header("Content-Type"), "application/jose");
  EXPECT_THAT(head_of(response), Not(HasSubstr("application/json")));
}

TEST(PercentTest, RoundTripsEveryByteOfUtf8) {
  for (const auto* text : {"", "abc-._~", "张 三&=%+", "\x01\x7f"})
    EXPECT_EQ(api::percent_decode(api::percent_encode(text)), text);
}

}  // namespace
