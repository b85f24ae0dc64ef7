// A seal maker's key makes seals that two officers saw, and nothing else. GB/T 38540-2020 6.2.
#include "hsm/officers/seal_content.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "tests/hsm/governed.h"

namespace hsm::officers {
namespace {

base::Bytes tlv(std::uint8_t tag, base::BytesView value) {
  base::Bytes out{tag};
  if (value.size() >= 0x80) out.push_back(0x81);
  out.push_back(static_cast<std::uint8_t>(value.size()));
  base::append(out, value);
  return out;
}
base::Bytes tlv(std::uint8_t tag, std::string_view text) {
  return tlv(tag, base::as_bytes(text));
}
base::Bytes seq(std::initializer_list<base::Bytes> parts) {
  base::Bytes all;
  for (const auto& one : parts) base::append(all, one);
  return tlv(0x30, all);
}
base::Bytes number(std::uint8_t value) {
  return {0x02, 0x01, value};
}

struct Seal {
  std::string mark = "ES", id = "36000000000001", name = "江州市社保中心";
  std::uint8_t version = 4, list_type = 1;
  std::string from = "20260101000000Z", to = "20310101000000Z";
  base::Bytes more = {};  // behind the picture
};
base::Bytes info_of(const Seal& seal) {
  const auto list = seq({tlv(0x04, "a certificate")});
  return seq({seq({tlv(0x16, seal.mark), number(seal.version), tlv(0x16, "XINYIN")}),
              tlv(0x16, seal.id),
              seq({number(4), tlv(0x0c, seal.name), number(seal.list_type), list,
                   tlv(0x18, "20260101000000Z"), tlv(0x18, seal.from), tlv(0x18, seal.to)}),
              seq({tlv(0x16, "ofd"), tlv(0x04, "picture"), number(42), number(42)}), seal.more});
}

TEST(SealContentTest, ASealSaysWhatOfficersMustKnow) {
  const auto read = read_content(info_of({}));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->kind, ContentKind::seal_object);
  EXPECT_EQ(read->seal_id, "36000000000001");
  EXPECT_EQ(read->seal_name, "江州市社保中心");
  EXPECT_EQ(base::to_rfc3339(read->from), "2026-01-01T00:00:00Z");
  EXPECT_EQ(base::to_rfc3339(read->to), "2031-01-01T00:00:00Z");
  EXPECT_EQ(read->name, base::sha256(base::as_bytes("picture")));
}

TEST(SealContentTest, AnotherFormIsRefused) {
  Seal version;
  version.version = 1;
  Seal list;
  list.list_type = 3;
  Seal times;
  times.to = times.from;
  Seal date;
  date.from = "20260230000000Z";
  Seal extension;
  extension.more = seq({});
  Seal mark;
  mark.mark = "EX";
  Seal name;
  name.name = "\xff";
  for (const auto& one : {version, list, times, date, extension, mark, name})
    EXPECT_EQ(read_content(info_of(one)).error().key, "hsm.officers.content");
  auto trailing = info_of({});
  trailing.push_back(0);
  EXPECT_EQ(read_content(trailing).error().key, "hsm.officers.content");
  const auto whole = info_of({});
  for (std::size_t i = 16; i < whole.size(); ++i)
    EXPECT_FALSE(read_content(base::BytesView(whole).first(i)).ok()) << i;
}

class SealMakerTest : public testing::Test {
 protected:
  static std::string item(const std::string& label, const std::string& id, const std::string& kind,
                          base::BytesView content) {
    return R"({"items":[{"content":")" + base::to_base64(content) + R"(","id":")" + id +
           R"(","kind":")" + kind + R"(","label":")" + label + R"("}]})";
  }
};

TEST_F(SealMakerTest, ItSignsSealsByTwoVotesAndNothingElseByAny) {
  test::Governed house({.keys = {{"root-ca", Algorithm::ecdsa_p256, Purpose::root_ca},
                                 {"seal-maker-1", Algorithm::ecdsa_p256, Purpose::seal_maker}}});
  const auto maker = house.key_member("seal-maker-1", "id");
  const auto root = house.key_member("root-ca", "id");
  const auto seal = info_of({});
  const auto said = [&](const std::string& params) {
    const auto asked = house.officer().officers("submit", house.text("sign", params));
    return asked.ok() ? std::string() : asked.error().key;
  };
  // Not by the root, not another kind, not what is no seal.
  EXPECT_EQ(said(item("root-ca", root, "seal_object", seal)), "hsm.officers.state");
  EXPECT_EQ(said(item("seal-maker-1", maker, "certificate", seal)), "hsm.officers.state");
  const std::string list =
      base::to_base64url(base::as_bytes(R"({"alg":"ES256"})")) + "." +
      base::to_base64url(base::as_bytes(
          R"({"issued":")" + base::to_rfc3339(house.now()) + R"(","next_update":")" +
          base::to_rfc3339(house.now() + std::chrono::hours(24)) + R"(","sequence":1})"));
  EXPECT_EQ(said(item("seal-maker-1", maker, "trust_list", base::as_bytes(list))),
            "hsm.officers.state");
  // The service cannot have it sign at all, and unattended it signs nothing.
  const auto key = house.service().key("seal-maker-1");
  EXPECT_TRUE(!key.ok() || (*key)->sign_message(seal).error().key == "hsm.refused")
      << "the service's door";
  const auto id = house.approved("sign", item("seal-maker-1", maker, "seal_object", seal));
  const auto done = house.officer().officers("execute", id);
  ASSERT_TRUE(done.ok());
  EXPECT_NE(done->find("signatures"), std::string::npos);
}

}  // namespace
}  // namespace hsm::officers
