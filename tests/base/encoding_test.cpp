#include "base/encoding.h"

#include <gtest/gtest.h>

namespace base {
namespace {

// RFC 4648 §10.
TEST(EncodingTest, PublishedBase64Vectors) {
  const std::pair<const char*, const char*> rows[] = {{"", ""},
                                                      {"f", "Zg=="},
                                                      {"fo", "Zm8="},
                                                      {"foo", "Zm9v"},
                                                      {"foob", "Zm9vYg=="},
                                                      {"fooba", "Zm9vYmE="},
                                                      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : rows) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    EXPECT_EQ(from_base64(coded), to_bytes(as_bytes(plain)));
  }
  EXPECT_EQ(to_base64url(Bytes{0xfb, 0xff}), "-_8");
}

TEST(EncodingTest, OneTextForOneValue) {
  for (const auto* bad : {"Zg", "Zg=", "Zh==", "Zg==Zg==", "Z g=", "Zg\n==", "====", "Zm9v===="})
    EXPECT_FALSE(from_base64(bad)) << bad;
  for (const auto* bad : {"Zg==", "Zh", "Z", "Zm9+", "Zm 9v"})
    EXPECT_FALSE(from_base64url(bad)) << bad;
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
}

TEST(EncodingTest, PemRoundTrips) {
  const Bytes der(100, 0x42);
  const auto text = to_pem("CERTIFICATE", der);
  EXPECT_EQ(from_pem("CERTIFICATE", "noise\n" + text + "more"), der);
  EXPECT_FALSE(from_pem("X509 CRL", text));
}

}  // namespace
}  // namespace base
