// Frames: what goes in comes out; what is not exactly a frame is refused.
#include "hsm/protocol.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace hsm::wire {
namespace {

Request sign_request() {
  Request request;
  request.kind = Kind::sign;
  request.id = 0x0102030405060708;
  request.deadline_ms = 1500;
  request.name = "seal-1";
  request.key_id = std::string(40, 'a');
  request.data = base::Bytes(32, 0x5a);
  return request;
}

base::BytesView payload(const base::Bytes& frame) {
  return base::BytesView(frame).subspan(4);
}

TEST(ProtocolTest, ARequestSurvivesTheWire) {
  const auto frame = encode(sign_request());
  const auto back = decode_request(payload(frame));
  ASSERT_TRUE(back.ok()) << back.error().detail;
  EXPECT_EQ(back->kind, Kind::sign);
  EXPECT_EQ(back->id, 0x0102030405060708u);
  EXPECT_EQ(back->deadline_ms, 1500u);
  EXPECT_EQ(back->name, "seal-1");
  EXPECT_EQ(back->key_id, std::string(40, 'a'));
  EXPECT_EQ(back->data, base::Bytes(32, 0x5a));
}

TEST(ProtocolTest, TheLayoutIsFixed) {
  EXPECT_EQ(base::to_hex(encode(sign_request())),
            "0000004e"
            "01"
            "03"
            "0102030405060708"
            "000005dc"
            "0006"
            "7365616c2d31"
            "0014"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "0020"
            "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
}

TEST(ProtocolTest, AnErrorKeepsItsCodeKeyAndArguments) {
  auto failure = base::error(base::Code::permission_denied, "hsm.refused", "why");
  failure.args = {{"label", "root-ca"}};
  const auto back = decode_answer(payload(encode(Answer{7, Kind::sign, failure})));
  ASSERT_TRUE(back.ok());
  const auto* got = std::get_if<base::Error>(&back->body);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(back->id, 7u);
  EXPECT_EQ(got->code, base::Code::permission_denied);
  EXPECT_EQ(got->key, "hsm.refused");
  EXPECT_EQ(got->detail, "why");
  EXPECT_EQ(got->args, failure.args);
}

TEST(ProtocolTest, KeysSurviveTheWire) {
  KeyInfo key{KeyId(std::string(40, 'b')), "openid-1",      Algorithm::ecdsa_p256,
              Protection::token,           Purpose::openid, base::Bytes(91, 1)};
  const auto back =
      decode_answer(payload(encode(Answer{1, Kind::keys, std::vector<KeyInfo>{key}})));
  ASSERT_TRUE(back.ok());
  const auto& keys = std::get<std::vector<KeyInfo>>(back->body);
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0].id, key.id);
  EXPECT_EQ(keys[0].label, key.label);
  EXPECT_EQ(keys[0].purpose, key.purpose);
  EXPECT_EQ(keys[0].public_key, key.public_key);
}

TEST(ProtocolTest, EveryCutAndEverySpareByteIsRefused) {
  const auto frame = encode(sign_request());
  const auto whole = payload(frame);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_request(whole.first(size)).ok()) << size;
  auto longer = base::to_bytes(whole);
  longer.push_back(0);
  EXPECT_FALSE(decode_request(longer).ok());
}

TEST(ProtocolTest, WhatIsToBeSignedHasAtMostFourKilobytes) {
  for (const std::size_t size : {0u, 32u, 48u, 4096u, 4097u}) {
    auto request = sign_request();
    request.data.resize(size);
    EXPECT_EQ(decode_request(payload(encode(request))).ok(), size <= 4096) << size;
  }
}

TEST(ProtocolTest, OneKeyIsAskedForByItsLabelAlone) {
  Request request;
  request.kind = Kind::key;
  request.id = 3;
  request.name = "seal-1";
  const auto frame = encode(request);
  const auto back = decode_request(payload(frame));
  ASSERT_TRUE(back.ok()) << back.error().detail;
  EXPECT_EQ(back->kind, Kind::key);
  EXPECT_EQ(back->name, "seal-1");
  auto longer = base::to_bytes(payload(frame));
  longer.push_back(0);
  EXPECT_FALSE(decode_request(longer).ok());
  KeyInfo key{KeyId(std::string(40, 'b')), "seal-1",      Algorithm::sm2,
              Protection::wrapped,         Purpose::seal, base::Bytes(91, 1)};
  const auto answer = decode_answer(payload(encode(Answer{3, Kind::key, std::vector{key}})));
  ASSERT_TRUE(answer.ok());
  const auto& keys = std::get<std::vector<KeyInfo>>(answer->body);
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0].algorithm, Algorithm::sm2);
  EXPECT_EQ(keys[0].protection, Protection::wrapped);
}

TEST(ProtocolTest, AReaderFindsFramesHoweverTheyAreCut) {
  base::Bytes stream;
  for (int i = 0; i < 5; ++i) base::append(stream, encode(sign_request()));
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 81u, 82u, 83u, 1000u}) {
    FrameReader reader(kMostRequestBytes);
    int found = 0;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(base::BytesView(stream).subspan(at, std::min(piece, stream.size() - at)));
      while (true) {
        const auto next = reader.next();
        ASSERT_TRUE(next.ok());
        if (!*next) break;
        EXPECT_TRUE(decode_request(**next).ok());
        ++found;
      }
    }
    EXPECT_EQ(found, 5) << piece;
  }
}

TEST(ProtocolTest, ALengthPastTheLimitIsRefusedBeforeTheBytesCome) {
  FrameReader reader(kMostRequestBytes);
  const base::Bytes length{0x00, 0x00, 0x20, 0x01};
  reader.feed(length);
  EXPECT_EQ(reader.next().error().key, "hsm.frame");
}

}  // namespace
}  // namespace hsm::wire
