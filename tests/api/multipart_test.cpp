#include "api/multipart.h"

#include <gtest/gtest.h>

namespace api {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=XX";

std::string part(std::string_view name, std::string_view content) {
  return "--XX\r\nContent-Disposition: form-data; name=\"" + std::string(name) +
         "\"; filename=\"a.pdf\"\r\nContent-Type: application/pdf\r\n\r\n" + std::string(content) +
         "\r\n";
}

std::string key_of(std::string_view type, const std::string& body) {
  const auto file = multipart_file(type, body, "file");
  return file.ok() ? "ok" : file.error().key;
}

TEST(MultipartTest, TheNamedPartIsCutOutByteForByte) {
  const std::string content("%PDF\r\n--X\r\n\0binary", 19);
  const auto body = part("other", "1") + part("file", content) + "--XX--\r\n";
  const auto file = multipart_file(kType, body, "file");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(*file, content);
}

TEST(MultipartTest, AMissingOrEmptyFileIsSaidInWords) {
  EXPECT_EQ(key_of(kType, part("other", "1") + "--XX--\r\n"), "web.file.missing");
  EXPECT_EQ(key_of(kType, part("file", "") + "--XX--\r\n"), "web.file.missing");
}

TEST(MultipartTest, MalformedBodiesAreRefused) {
  EXPECT_EQ(key_of("multipart/form-data", part("file", "x") + "--XX--"), "http.multipart");
  EXPECT_EQ(key_of("multipart/form-data; boundary=" + std::string(71, 'b'), "x"), "http.multipart");
  for (const auto& body :
       {std::string(), std::string("x"), std::string("--XX"), std::string("--XX\r\n"),
        std::string("--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nno end"),
        "--XX\r\n" + std::string(9'000, 'h') + "\r\n\r\nx\r\n--XX--",
        "--XY\r\n" + part("file", "x")})
    EXPECT_EQ(key_of(kType, body), "http.multipart") << body.substr(0, 60);
  std::string many;
  for (int i = 0; i < 20; ++i) many += part("other", "1");
  EXPECT_EQ(key_of(kType, many + "--XX--"), "http.multipart");
}

}  // namespace
}  // namespace api
