// The gate by itself: what it takes, what it refuses, and that it does not matter how bytes arrive.
#include "api/http/gate.h"

#include <gmock/gmock.h>

namespace {

using api::Framing;
using api::Read;
using api::Request;

const std::vector<std::string> kHosts = {"si.example.gov.cn", "127.0.0.1:8081"};

struct Outcome {
  Read read = Read::more;
  int status = 0;
  std::string key;
  Request request;
  Framing framing;
};

Outcome feed(std::string_view head, std::size_t step = 0) {
  static const api::GateLimits limits;
  api::HeadReader reader(limits, kHosts);
  Outcome out;
  if (step == 0) step = head.size();
  for (std::size_t have = 0; have < head.size() && out.read == Read::more;) {
    have = std::min(head.size(), have + step);
    out.read = reader.feed(head.substr(0, have), out.request, out.framing);
  }
  if (out.read == Read::refused) {
    out.status = reader.refusal().status;
    out.key = reader.refusal().key;
  }
  return out;
}

std::string get(std::string_view fields = {}, std::string_view target = "/") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: si.example.gov.cn\r\n" +
         std::string(fields) + "\r\n";
}

int status_of(std::string_view head) {
  const auto outcome = feed(head);
  EXPECT_EQ(outcome.read, Read::refused) << head.substr(0, 200);
  return outcome.status;
}

TEST(GateTest, TakesAnOrdinaryRequest) {
  const auto out = feed(
      "POST /v1/documents/enrolment-certificate?a=1&b=%E5%BC%A0 HTTP/1.1\r\nHost: "
      "SI.example.gov.cn\r\n"
      "Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 12\r\nX-Empty:\r\n\r\n");
  ASSERT_EQ(out.read, Read::whole);
  EXPECT_EQ(out.request.method, api::Method::post);
  EXPECT_EQ(out.request.path, "/v1/documents/enrolment-certificate");
  EXPECT_EQ(api::only(out.request.query, "b"), "张");
  EXPECT_EQ(out.request.content_type(), "application/json");
  EXPECT_EQ(out.request.header("x-empty"), "");
  EXPECT_TRUE(out.request.has_header("x-empty"));
  EXPECT_EQ(out.framing.length, 12u);
  EXPECT_TRUE(out.framing.keep_alive);
}

TEST(GateTest, ReadsTheSameByteByByte) {
  const auto head = get("X-A: one\r\nCookie: a=b\r\nConnection: close\r\n", "/v/1B20?x=%41");
  for (const std::size_t step : {1u, 2u, 3u, 7u}) {
    const auto out = feed(head, step);
    ASSERT_EQ(out.read, Read::whole) << step;
    EXPECT_EQ(out.request.path, "/v/1B20");
    EXPECT_EQ(out.request.cookie("a"), "b");
    EXPECT_FALSE(out.framing.keep_alive);
  }
  EXPECT_EQ(feed("GET / HTTP/1.1\nHost: x\n\n", 1).read, Read::refused);
}

TEST(GateTest, Rfc9112_3_RefusesRequestLinesThatAreNot) {
  for (const auto* line : {"GET  / HTTP/1.1",
                           "GET /  HTTP/1.1",
                           " GET / HTTP/1.1",
                           "GET\t/ HTTP/1.1",
                           "GET /",
                           "GET / HTTP/9.9",
                           "GET / HTTP/1.0",
                           "GET / http/1.1",
                           "GET / HTTP/1.1 ",
                           "GET / HTTP/1.10",
                           "G@T / HTTP/1.1",
                           "G(T / HTTP/1.1",
                           "GET http://si.example.gov.cn/ HTTP/1.1",
                           "GET * HTTP/1.1",
                           "GET \\ HTTP/1.1",
                           "/ HTTP/1.1",
                           "GET HTTP/1.1",
                           "GET /a b HTTP/1.1",
                           "GET /#x HTTP/1.1",
                           "GET /\"x HTTP/1.1",
                           "GET /<x HTTP/1.1"})
    EXPECT_EQ(status_of(std::string(line) + "\r\nHost: si.example.gov.cn\r\n\r\n"), 400) << line;
  for (const auto* method : {"TRACE", "CONNECT", "PROPFIND", "get", "PRI"})
    EXPECT_EQ(status_of(std::string(method) + " / HTTP/1.1\r\nHost: si.example.gov.cn\r\n\r\n"),
              501)
        << method;
  EXPECT_EQ(status_of("\r\nGET / HTTP/1.1\r\nHost: si.example.gov.cn\r\n\r\n"), 400);
}

TEST(GateTest, Rfc9110_7_2_ExactlyOneHostAndOneOfOurs) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nX: y\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400);
  EXPECT_EQ(status_of(get("Host: si.example.gov.cn\r\n")), 400);
  for (const auto* host : {"evil.example", "si.example.gov.cn.evil.example", "si.example.gov.cn:1",
                           "si.example.gov.cn, evil.example", "a@si.example.gov.cn", "127.0.0.1"})
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 421) << host;
}

TEST(GateTest, Case94_RefusesEveryFramingThatTwoReadersCouldReadTwoWays) {
  for (const auto* fields : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                             "Content-Length: 5\r\nContent-Length: 5\r\n",
                             "Content-Length: 5\r\nContent-Length: 6\r\n",
                             "Content-Length: +5\r\n",
                             "Content-Length: -5\r\n",
                             "Content-Length: 5,5\r\n",
                             "Content-Length: 0x5\r\n",
                             "Content-Length: 5 5\r\n",
                             "Content-Length:\r\n",
                             "Content-Length: 1234567890\r\n",
                             "Content-Length: 5.0\r\n",
                             "Transfer-Encoding: xchunked\r\n",
                             "Transfer-Encoding: chunked, chunked\r\n",
                             "Transfer-Encoding: gzip, chunked\r\n",
                             "Transfer-Encoding: identity\r\n",
                             "Transfer-Encoding:\r\n",
                             "Transfer-Encoding : chunked\r\n",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: \"chunked\"\r\n",
                             "Transfer-Encoding: Chunked\r\n",
                             "Content-Length : 5\r\n",
                             "Content_Length: 5\r\nContent-Length: five\r\n"})
    EXPECT_EQ(status_of(get(fields)), 400) << fields;
}

TEST(GateTest, Case97_RefusesFoldedLinesAndBareLineEnds) {
  for (const auto* fields :
       {"X-A: b\r\n c\r\n", "X-A: b\r\n\tc\r\n", " X-A: b\r\n", "X-A: b\nX-B: c\r\n",
        "X-A: b\rX-B: c\r\n", "X A: b\r\n", "X-A : b\r\n", ": b\r\n", "X-A\r\n", "X-\"A\": b\r\n",
        "X-\xc3\xa9: b\r\n"})
    EXPECT_EQ(status_of(get(fields)), 400) << fields;
}

TEST(GateTest, Case96_RefusesControlBytesAndNonAsciiAnywhere) {
  for (int byte = 0; byte < 256; ++byte) {
    if (byte == '\t' || (byte >= 0x20 && byte < 0x7f)) continue;
    const std::string value(1, static_cast<char>(byte));
    if (byte != '\r' && byte != '\n') {
      EXPECT_EQ(status_of(get("X-A: a" + value + "b\r\n")), 400) << byte;
      EXPECT_EQ(status_of(get("X-" + value + "A: b\r\n")), 400) << byte;
    }
    EXPECT_EQ(status_of("GET /a" + value + "b HTTP/1.1\r\nHost: si.example.gov.cn\r\n\r\n"), 400)
        << byte;
  }
}

TEST(GateTest, RefusesAtOnceWhatCanNeverBecomeAHead) {
  EXPECT_EQ(feed(std::string_view("\x16\x03\x01", 3)).read, Read::refused);  // a TLS hello
  EXPECT_EQ(feed("GET / HTTP/1.1\n").read, Read::refused);
  EXPECT_EQ(feed("GET / HTTP/1.1\r\nHost: si").read, Read::more);
}

TEST(GateTest, RefusesPathsThatHideAnother) {
  for (const auto* target :
       {"/a/../b", "/..", "/.", "/a/./b", "//a", "/a//b", "/%2e%2e/a", "/a/%2E%2E", "/a%2fb",
        "/a%5cb", "/%00", "/a%0d%0ab", "/a%7f", "/%", "/%4", "/%zz", "/%ff%fe", "/%c0%af"})
    EXPECT_EQ(status_of(get({}, target)), 400) << target;
  EXPECT_EQ(feed(get({}, "/v/%E5%BC%A0")).request.path, "/v/张");
  EXPECT_EQ(feed(get({}, "/a/")).request.path, "/a/");
}

// RFC 6960 A.1: base64 in the path, and there alone.
TEST(GateTest, AnOpaquePathIsOneWordOfBase64) {
  api::GateLimits limits;
  limits.opaque_path = "/word/";
  const std::vector<std::string> hosts{"a"};
  const auto read = [&](const std::string& target) -> std::string {
    api::HeadReader reader(limits, hosts);
    api::Request request;
    api::Framing framing;
    const auto head = "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
    return reader.feed(head, request, framing) == api::Read::whole ? request.path : "refused";
  };
  EXPECT_EQ(read("/word/MEUw//Q+/A=="), "/word/MEUw//Q+/A==");
  EXPECT_EQ(read("/word/MEUw%2F%2fQ%2B%3D"), "/word/MEUw//Q+=");
  for (const auto* bad : {"/word/../etc", "/word/%2e%2e/etc", "/word/a-b", "/word/a%00", "/word/a%",
                          "/word/a%5Cb", "/word/a~", "/word/a;b"})
    EXPECT_EQ(read(bad), "refused") << bad;
  EXPECT_EQ(read("/words/a%2Fb"), "refused") << "elsewhere a hidden slash is refused";
  EXPECT_EQ(read("/word%2Fa"), "refused");
}

TEST(GateTest, OldClientsAreTakenWhereTheyMustBeAndNowhereElse) {
  api::GateLimits limits;
  limits.old_path = "/old/";
  const std::vector<std::string> hosts{"a"};
  api::Framing framing;
  const auto taken = [&](const std::string& head) {
    api::HeadReader reader(limits, hosts);
    api::Request request;
    framing = {};
    return reader.feed(head + "\r\n", request, framing) == api::Read::whole;
  };
  EXPECT_TRUE(taken("GET /old/x HTTP/1.0\r\nHost: a\r\n"));
  EXPECT_FALSE(framing.keep_alive);
  EXPECT_TRUE(
      taken("POST /old/x HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n"
            "Connection: keep-alive\r\n"));
  EXPECT_FALSE(framing.keep_alive) << "whatever it asks for";
  EXPECT_TRUE(taken("GET /old/x HTTP/1.1\r\nHost: a\r\n"));
  EXPECT_TRUE(framing.keep_alive);
  for (const auto* bad :
       {"GET /new HTTP/1.0\r\nHost: a\r\n", "GET /old/x HTTP/1.0\r\n",
        "GET /old/x HTTP/0.9\r\nHost: a\r\n",
        "POST /old/x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n",
        "POST /old/x HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n"})
    EXPECT_FALSE(taken(bad)) << bad;
}

TEST(GateTest, RefusesQueriesThatAreNotForms) {
  for (const auto* query : {"?a=%", "?a=%4", "?a=%zz", "?%ff=1", "?a=%00"})
    EXPECT_EQ(status_of(get({}, "/" + std::string(query))), 400) << query;
  std::string many = "/?";
  for (int i = 0; i < 101; ++i) many += "a=b&";
  EXPECT_EQ(status_of(get({}, many)), 400);
}

TEST(GateTest, RefusesASecondFieldThatMayComeOnce) {
  for (const auto* name :
       {"Content-Type", "Cookie", "Authorization", "Expect", "Origin", "Idempotency-Key"})
    EXPECT_EQ(status_of(get(std::string(name) + ": a\r\n" + name + ": a\r\n")), 400) << name;
  EXPECT_EQ(feed(get("Accept: a\r\nAccept: b\r\n")).read, Read::whole);
}

TEST(GateTest, Case98_KeepsItsLimits) {
  std::string hundred;
  for (int i = 0; i < 99; ++i) hundred += "X-" + std::to_string(i) + ": y\r\n";
  EXPECT_EQ(feed(get(hundred)).read, Read::whole);
  EXPECT_EQ(status_of(get(hundred + "X: y\r\n")), 431);
  EXPECT_EQ(feed(get("X: " + std::string(8 * 1024, 'y') + "\r\n")).read, Read::whole);
  EXPECT_EQ(status_of(get("X: " + std::string(8 * 1024 + 1, 'y') + "\r\n")), 431);
  EXPECT_EQ(status_of(get("X" + std::string(300, 'y') + ": y\r\n")), 431);
  EXPECT_EQ(feed(get({}, "/" + std::string(16 * 1024 - 1, 'a'))).read, Read::whole);
  EXPECT_EQ(status_of(get({}, "/" + std::string(16 * 1024, 'a'))), 414);
  // Endless heads are cut while they come, not when they end.
  EXPECT_EQ(status_of("GET /" + std::string(20'000, 'a')), 414);
  EXPECT_EQ(status_of(get().substr(0, get().size() - 2) + "X: " + std::string(70'000, 'y')), 431);
}

TEST(GateTest, RefusesCompressedBodiesAndOtherExpectations) {
  EXPECT_EQ(status_of(get("Content-Encoding: gzip\r\nContent-Length: 3\r\n")), 415);
  EXPECT_EQ(status_of(get("Expect: 200-ok\r\n")), 417);
  EXPECT_TRUE(feed(get("Expect: 100-continue\r\nContent-Length: 3\r\n")).framing.expects_continue);
  EXPECT_FALSE(feed(get("Expect: 100-continue\r\n")).framing.expects_continue);
}

struct Body {
  Read read = Read::more;
  std::string text;
  std::size_t used = 0;
  int status = 0;
};

Body chunked(std::string_view bytes, std::size_t limit = 1'000, std::size_t step = 0) {
  api::BodyReader reader;
  Framing framing;
  framing.chunked = true;
  reader.start(framing, limit);
  Body out;
  if (step == 0) step = bytes.size();
  while (out.used < bytes.size() && out.read == Read::more) {
    std::size_t used = 0;
    out.read = reader.feed(bytes.substr(out.used, step), out.text, used);
    out.used += used;
  }
  if (out.read == Read::refused) out.status = reader.refusal().status;
  return out;
}

TEST(BodyReaderTest, Rfc9112_7_1_ReadsChunks) {
  for (const std::size_t step : {0u, 1u, 3u}) {
    const auto out = chunked("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET", 1'000, step);
    EXPECT_EQ(out.read, Read::whole);
    EXPECT_EQ(out.text, "abc0123456789");
    EXPECT_EQ(out.used, std::string_view("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n").size());
  }
}

TEST(BodyReaderTest, Case94_RefusesEveryOtherChunk) {
  for (const auto* bytes : {"0x5\r\n", "zz\r\n", "-1\r\n", "+3\r\nabc\r\n", " 3\r\n", "3 \r\nabc",
                            "3\nabc", "3\r\nabcd\r\n", "3\r\nabc\n", "3\r\nabcX", "\r\n",
                            "3;ext=1\r\nabc\r\n", "000000003\r\nabc", "0\r\nTrailer: x\r\n\r\n",
                            "0\r\n\rX", "3\rXabc", "0\n\n", "FFFFFFFFFFFFFFFFF\r\n"})
    EXPECT_EQ(chunked(bytes).read, Read::refused) << bytes;
  EXPECT_EQ(chunked("3;" + std::string(1'000'000, 'x')).read, Read::refused);
}

TEST(BodyReaderTest, RefusesPastTheLimitBeforeTheBytesCome) {
  EXPECT_EQ(chunked("3E9\r\n").status, 413);
  EXPECT_EQ(chunked("3E8\r\n").read, Read::more);
  const auto out = chunked("3E8\r\n" + std::string(1'000, 'a') + "\r\n1\r\n");
  EXPECT_EQ(out.status, 413);
}

TEST(BodyReaderTest, ReadsByLengthAndNoFurther) {
  api::BodyReader reader;
  Framing framing;
  framing.length = 5;
  reader.start(framing, 5);
  std::string body;
  std::size_t used = 0;
  EXPECT_EQ(reader.feed("abc", body, used), Read::more);
  EXPECT_EQ(reader.feed("deGET /", body, used), Read::whole);
  EXPECT_EQ(used, 2u);
  EXPECT_EQ(body, "abcde");
}

}  // namespace
