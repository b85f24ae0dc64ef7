// What a single officer may put out: a trust list that only stops somebody, and no other.
#include "hsm/officers/trust_change.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/canonical_json.h"
#include "base/encoding.h"
#include "tests/hsm/governed.h"

namespace hsm::officers {
namespace {

using std::chrono::hours;

const base::Time kNow = std::chrono::floor<std::chrono::seconds>(base::SystemClock().now());
std::string ago(hours time) {
  return base::to_rfc3339(kNow - time);
}

/// A list with two entries and two bodies, as far as a signer sees them.
rapidjson::Document two_and_two() {
  const auto entry = [](const std::string& key, const std::string& more) {
    return R"({"purpose":"seal","agency":"社保","agency_code":"","certificate":")" + key +
           R"(","since":")" + ago(hours(9000)) + R"(")" + more + "}";
  };
  const auto body = [](int number, const std::string& more) {
    return R"({"number":)" + std::to_string(number) +
           R"(,"name":"某公司","code":"91110000MA0000000A","licence":"ECP1","anchors":["QQ=="],)"
           R"("uses":["login"],"policies":[],"permitted":["directory:/C=CN"],"excluded":[],)"
           R"("expiry":")" +
           base::to_rfc3339(kNow + hours(9000)) +
           R"(","history":[{"standing":"admitted","since":")" + ago(hours(800)) + R"("})" + more +
           R"(],"crl_urls":[],"documents":[]})";
  };
  return std::move(base::parse_json(R"({"version":2,"domain":"si.example.gov.cn","roots":["UjE="],)"
                                    R"("intermediates":["STE="],"entries":[)" +
                                    entry("S1", "") + "," +
                                    entry("S2", R"(,"until":")" + ago(hours(3)) + "\"") +
                                    R"(],"bodies":[)" + body(1, "") + "," +
                                    body(2, R"(,{"standing":"suspended","since":")" +
                                                ago(hours(400)) + R"(","reason":"review"})") +
                                    "]}"))
      .value();
}

struct Change {
  const char* name;
  std::function<void(rapidjson::Document&)> make;
};
using Value = rapidjson::Value;

Value text(const std::string& value, rapidjson::Document& in) {
  return Value(value.c_str(), in.GetAllocator());
}
void put(Value& object, const char* name, const std::string& value, rapidjson::Document& in) {
  object.RemoveMember(name);
  object.AddMember(rapidjson::StringRef(name), text(value, in), in.GetAllocator());
}
void step(rapidjson::Document& list, rapidjson::SizeType body, const std::string& standing,
          const std::string& since, const std::string& reason, const std::string& invalid = {}) {
  Value made(rapidjson::kObjectType);
  put(made, "standing", standing, list);
  put(made, "since", since, list);
  if (!reason.empty()) put(made, "reason", reason, list);
  if (!invalid.empty()) put(made, "invalid_since", invalid, list);
  list["bodies"][body]["history"].PushBack(made, list.GetAllocator());
}
Value copy(const Value& of, rapidjson::Document& in) {
  return Value(of, in.GetAllocator());
}

std::string said(const rapidjson::Document& list, const std::string& header = "H") {
  return header + "." + base::canonical_json(list).value();
}
bool stops(const Change& change) {
  const auto before = two_and_two();
  auto after = two_and_two();
  change.make(after);
  return only_stops(said(before), said(after), kNow);
}

using D = rapidjson::Document;
const std::vector<Change>& stopping() {
  static const std::vector<Change> kAll{
      {"a body suspended", [](D& d) { step(d, 0, "suspended", ago(hours(0)), "review"); }},
      {"a body removed", [](D& d) { step(d, 0, "removed", ago(hours(1)), "ceased"); }},
      {"a suspended body removed", [](D& d) { step(d, 1, "removed", ago(hours(0)), "ordered"); }},
      {"a body that ends sooner",
       [](D& d) { put(d["bodies"][0], "expiry", base::to_rfc3339(kNow + hours(1)), d); }},
      {"a certificate withdrawn", [](D& d) { put(d["entries"][0], "until", ago(hours(0)), d); }},
      {"an end that comes sooner", [](D& d) { put(d["entries"][1], "until", ago(hours(4)), d); }},
      {"both",
       [](D& d) {
         put(d["entries"][0], "until", ago(hours(0)), d);
         step(d, 0, "suspended", ago(hours(0)), "review");
         step(d, 1, "removed", ago(hours(0)), "ordered");
       }},
  };
  return kAll;
}

/// Everything that goes beyond it: each alone, and each together with something that stops.
const std::vector<Change>& widening() {
  static const std::vector<Change> kAll{
      {"a body suspended admits again", [](D& d) { step(d, 1, "admitted", ago(hours(0)), ""); }},
      {"a body added",
       [](D& d) {
         auto more = copy(d["bodies"][1], d);
         more["number"].SetInt(3);
         d["bodies"].PushBack(more, d.GetAllocator());
       }},
      {"a body taken out", [](D& d) { d["bodies"].Erase(d["bodies"].End() - 1); }},
      {"one body in another's place",
       [](D& d) {
         auto first = copy(d["bodies"][0], d);
         d["bodies"][0] = copy(d["bodies"][1], d);
         d["bodies"][1] = first;
       }},
      {"a body twice",
       [](D& d) { d["bodies"].PushBack(copy(d["bodies"][1], d), d.GetAllocator()); }},
      {"a body instead of another", [](D& d) { d["bodies"][1] = copy(d["bodies"][0], d); }},
      {"a history cut short",
       [](D& d) { d["bodies"][1]["history"].Erase(d["bodies"][1]["history"].Begin() + 1); }},
      {"a history rewritten",
       [](D& d) { put(d["bodies"][1]["history"][1], "reason", "other", d); }},
      {"a step earlier in the history",
       [](D& d) { put(d["bodies"][1]["history"][1], "since", ago(hours(401)), d); }},
      {"a body suspended twice", [](D& d) { step(d, 1, "suspended", ago(hours(0)), "other"); }},
      {"a body suspended and admitted",
       [](D& d) {
         step(d, 0, "suspended", ago(hours(1)), "review");
         step(d, 0, "admitted", ago(hours(0)), "");
       }},
      {"a removal that reaches back",
       [](D& d) { step(d, 0, "removed", ago(hours(0)), "compromised", ago(hours(700))); }},
      {"a stop of long ago", [](D& d) { step(d, 0, "suspended", ago(hours(49)), "review"); }},
      {"a stop without a time", [](D& d) { step(d, 0, "suspended", "yesterday", "review"); }},
      {"a body that lasts longer",
       [](D& d) { put(d["bodies"][0], "expiry", base::to_rfc3339(kNow + hours(9001)), d); }},
      {"an expiry of long ago", [](D& d) { put(d["bodies"][0], "expiry", ago(hours(49)), d); }},
      {"an expiry taken away", [](D& d) { d["bodies"][0].RemoveMember("expiry"); }},
      {"another use",
       [](D& d) { d["bodies"][0]["uses"].PushBack(text("seal", d), d.GetAllocator()); }},
      {"another anchor", [](D& d) { d["bodies"][0]["anchors"][0] = text("Qg==", d); }},
      {"a limit taken away", [](D& d) { d["bodies"][0]["permitted"].Clear(); }},
      {"another name", [](D& d) { put(d["bodies"][0], "name", "别的公司", d); }},
      {"a member nobody knows", [](D& d) { put(d["bodies"][0], "vip", "yes", d); }},
      {"an entry added",
       [](D& d) { d["entries"].PushBack(copy(d["entries"][0], d), d.GetAllocator()); }},
      {"an entry taken out", [](D& d) { d["entries"].Erase(d["entries"].Begin()); }},
      {"entries in another order",
       [](D& d) {
         auto first = copy(d["entries"][0], d);
         d["entries"][0] = copy(d["entries"][1], d);
         d["entries"][1] = first;
       }},
      {"another key", [](D& d) { put(d["entries"][0], "certificate", "S3", d); }},
      {"another purpose", [](D& d) { put(d["entries"][0], "purpose", "timestamp", d); }},
      {"another agency", [](D& d) { put(d["entries"][0], "agency", "别的", d); }},
      {"in use since earlier", [](D& d) { put(d["entries"][0], "since", ago(hours(9001)), d); }},
      {"an end that comes later", [](D& d) { put(d["entries"][1], "until", ago(hours(2)), d); }},
      {"an end taken away", [](D& d) { d["entries"][1].RemoveMember("until"); }},
      {"an end of long ago", [](D& d) { put(d["entries"][0], "until", ago(hours(49)), d); }},
      {"an end that is no time", [](D& d) { put(d["entries"][0], "until", "soon", d); }},
      {"an end that is a number",
       [](D& d) { d["entries"][0].AddMember("until", 0, d.GetAllocator()); }},
      {"declared compromised",
       [](D& d) { put(d["entries"][1], "compromised_since", ago(hours(5)), d); }},
      {"another root", [](D& d) { d["roots"][0] = text("UjI=", d); }},
      {"a root added", [](D& d) { d["roots"].PushBack(text("UjI=", d), d.GetAllocator()); }},
      {"another authority", [](D& d) { d["intermediates"][0] = text("STI=", d); }},
      {"another domain", [](D& d) { put(d, "domain", "evil.example", d); }},
      {"another version", [](D& d) { d["version"].SetInt(3); }},
      {"entries that are none", [](D& d) { d["entries"].SetObject(); }},
      {"no bodies at all", [](D& d) { d.RemoveMember("bodies"); }},
      {"a member more", [](D& d) { put(d, "note", "x", d); }},
  };
  return kAll;
}

TEST(TrustChange, WhatOnlyStopsIsSeen) {
  for (const auto& one : stopping()) EXPECT_TRUE(stops(one)) << one.name;
}

TEST(TrustChange, WhatDoesMoreIsNotAloneNorHiddenBehindAStop) {
  const Change stop = stopping().front();
  for (const auto& one : widening()) {
    EXPECT_FALSE(stops(one)) << one.name;
    EXPECT_FALSE(stops({one.name,
                        [&](D& d) {
                          put(d["entries"][0], "until", ago(hours(0)), d);
                          one.make(d);
                        }}))
        << one.name << ", and a certificate withdrawn";
  }
}

TEST(TrustChange, AnotherHeaderOrNoListIsNoStop) {
  const auto before = two_and_two();
  EXPECT_TRUE(only_stops(said(before), said(before), kNow));
  EXPECT_FALSE(only_stops(said(before), said(before, "G"), kNow));
  for (const auto* odd : {"", ".", "H", "H.", "H.{}", "H.[]", "H.7", "H.{\"entries\":[]"}) {
    EXPECT_FALSE(only_stops(odd, odd, kNow)) << odd;
    EXPECT_FALSE(only_stops(said(before), odd, kNow)) << odd;
    EXPECT_FALSE(only_stops(odd, said(before), kNow)) << odd;
  }
}

// ---- through the signer ------------------------------------------------------------------------

class TrustChangeSigner : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    house_ = std::make_unique<test::Governed>(
        test::Governed::Options{{{"root-ca", Algorithm::ecdsa_p256, Purpose::root_ca},
                                 {"root-cb", Algorithm::ecdsa_p256, Purpose::root_ca}}});
    const auto list = two_and_two();
    ASSERT_EQ(execute(house_->approved("sign", items({content(list)}))), "");
  }
  static void TearDownTestSuite() {
    const auto holds = house_->ledger_holds();
    EXPECT_TRUE(holds.ok()) << holds.error().detail;
    house_.reset();
  }
  struct Item {
    std::string content;
    std::string label = "root-ca";
  };
  /// The next list, as it is signed: with a sequence, and dates from now on.
  static Item content(const rapidjson::Document& list, hours life = hours(24),
                      hours since = hours(0)) {
    rapidjson::Document whole;
    whole.CopyFrom(list, whole.GetAllocator());
    whole.AddMember("sequence", rapidjson::Value(++sequence_), whole.GetAllocator());
    put(whole, "issued", base::to_rfc3339(house_->now() - since), whole);
    put(whole, "next_update", base::to_rfc3339(house_->now() - since + life), whole);
    whole.AddMember("crls", rapidjson::Value(rapidjson::kArrayType), whole.GetAllocator());
    return {base::to_base64url(base::as_bytes(R"({"alg":"ES256"})")) + "." +
            base::to_base64url(base::as_bytes(base::canonical_json(whole).value()))};
  }
  static std::string items(const std::vector<Item>& all) {
    std::string out;
    for (const auto& one : all)
      out += (out.empty() ? "" : ",") +
             (R"({"content":")" + base::to_base64(base::as_bytes(one.content))) + R"(","id":")" +
             house_->key_member(one.label, "id") + R"(","kind":"trust_list","label":")" +
             one.label + R"("})";
    return R"({"items":[)" + out + "]}";
  }
  static std::string execute(const std::string& id) {
    const auto done = house_->officer().officers("execute", id);
    return done.ok() ? "" : done.error().key;
  }
  /// Approved by a single officer.
  static std::string alone(const std::vector<Item>& all) {
    return execute(house_->approved("sign", items(all), 1));
  }
  static rapidjson::Document suspended() {
    auto list = two_and_two();
    step(list, 0, "suspended", base::to_rfc3339(house_->now()), "review");
    return list;
  }
  static std::string renewed(const rapidjson::Document& list) {
    const auto made = content(list).content;
    const auto told = house_->officer().officers(
        "content", R"({"content":")" + base::to_base64(base::as_bytes(made)) + R"(","id":")" +
                       house_->key_member("root-ca", "id") + R"(","label":"root-ca"})");
    return told.ok() ? "" : told.error().key;
  }

  static inline std::unique_ptr<test::Governed> house_;
  static inline std::int64_t sequence_ = 0;
};
constexpr auto kTooFew = "hsm.officers.too_few_approvals";

/// LD/T 01-2020 6.2.7; security.md §1.4: stopping is cheap, starting is not.
TEST_F(TrustChangeSigner, OneOfficerStopsABodyAndNobodyStartsItAlone) {
  const auto stop = suspended();
  auto more = suspended();
  auto third = copy(more["bodies"][1], more);
  third["number"].SetInt(3);
  more["bodies"].PushBack(third, more.GetAllocator());
  EXPECT_EQ(alone({content(more)}), kTooFew) << "stops one and adds another";
  EXPECT_EQ(alone({{content(stop).content, "root-cb"}}), kTooFew) << "by another key";
  EXPECT_EQ(alone({content(stop, hours(24 * 32))}), kTooFew) << "longer than an unattended list";
  EXPECT_EQ(alone({content(stop, hours(24), hours(24))}), kTooFew) << "a list of yesterday";
  EXPECT_EQ(alone({content(stop), content(two_and_two())}), kTooFew)
      << "the second list starts what the first has stopped";
  EXPECT_EQ(execute(house_->approved("sign", items({content(stop)}), 0)), kTooFew) << "nobody";
  EXPECT_EQ(renewed(stop), "hsm.officers.needs_approval");

  ASSERT_EQ(alone({content(stop)}), "");
  EXPECT_EQ(renewed(stop), "") << "renewed as it stands now";
  EXPECT_EQ(renewed(two_and_two()), "hsm.officers.needs_approval") << "the list of before";
  auto again = suspended();
  again["bodies"][0]["history"] = copy(stop["bodies"][0]["history"], again);
  step(again, 0, "admitted", base::to_rfc3339(house_->now() + hours(1)), "");
  EXPECT_EQ(alone({content(again)}), kTooFew);
  EXPECT_EQ(alone({content(two_and_two())}), kTooFew) << "the stop forgotten";
  ASSERT_EQ(execute(house_->approved("sign", items({content(again)}))), "") << "by two";

  std::ifstream file(house_->ledger());
  const std::string ledger(std::istreambuf_iterator<char>(file), {});
  EXPECT_NE(ledger.find("hsm.officers.too_few_approvals: 1/2"), std::string::npos);
}

/// What was one officer's affair when it was asked for may be two officers' when it is done.
TEST_F(TrustChangeSigner, AStopIsJudgedByTheListThatWasSignedLast) {
  auto first = two_and_two();
  step(first, 0, "suspended", base::to_rfc3339(house_->now()), "review");
  auto sealed = two_and_two();
  put(sealed["entries"][0], "until", base::to_rfc3339(house_->now()), sealed);
  // Both stop something of the list before; done after the first the second would undo it.
  ASSERT_EQ(execute(house_->approved("sign", items({content(two_and_two())}))), "");
  const auto one = house_->approved("sign", items({content(first)}), 1);
  const auto other = house_->approved("sign", items({content(sealed)}), 1);
  ASSERT_EQ(execute(one), "");
  EXPECT_EQ(execute(other), kTooFew);
}

}  // namespace
}  // namespace hsm::officers
