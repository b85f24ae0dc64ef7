#include "base/json.h"

#include <gtest/gtest.h>

namespace base {
namespace {

std::string refusal(std::string_view text, JsonLimits limits = {}) {
  const auto parsed = parse_json(text, limits);
  return parsed.ok() ? "accepted" : parsed.error().key;
}

TEST(JsonTest, WhatTwoReadersCouldReadDifferentlyIsRefused) {
  EXPECT_EQ(refusal(R"({"a":1,"a":2})"), "json.duplicate_member");
  EXPECT_EQ(refusal(R"({"a":{"b":1,"b":1}})"), "json.duplicate_member");
  EXPECT_EQ(refusal(R"({"a":{"b":1},"c":{"b":1}})"), "accepted");
  for (const auto* text : {"", "{", "{} x", "NaN", "{\"a\":01}", "\"\xff\"", "{'a':1}", "[1,]",
                           "\xef\xbb\xbf{}", "{\"a\":\"\\ud800\"}"})
    EXPECT_EQ(refusal(text), "json.malformed") << text;
}

TEST(JsonTest, NothingHidesBehindANul) {
  for (const auto text : {std::string_view("{}\0", 3), std::string_view("{}\0{\"a\":1}", 10),
                          std::string_view("\0", 1), std::string_view("{\"a\0\":1}", 8)}) {
    const auto parsed = parse_json(text);
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(parsed.error().key, "json.malformed");
  }
}

TEST(JsonTest, LimitsHold) {
  EXPECT_EQ(refusal(std::string(33, '[') + std::string(33, ']')), "json.too_deep");
  EXPECT_EQ(refusal(std::string(32, '[') + std::string(32, ']')), "accepted");
  EXPECT_EQ(refusal(std::string(100'000, '[')), "json.too_deep");
  EXPECT_EQ(refusal("[1,2,3]", {.bytes = 4}), "json.too_large");
}

TEST(JsonTest, WriterEscapes) {
  JsonWriter w;
  w.StartObject();
  w.member("name", "张\"三\n");
  w.member("n", std::int64_t{5});
  w.EndObject();
  EXPECT_EQ(w.text(), "{\"name\":\"张\\\"三\\n\",\"n\":5}");
}

}  // namespace
}  // namespace base
