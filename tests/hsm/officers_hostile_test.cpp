// A command line and a service that are out for harm gain nothing: what they may send through the
// officers' door and the service's, byte by byte, and what the signer makes of it.
#include <gtest/gtest.h>
#include <openssl/asn1.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/canonical_json.h"
#include "base/unique_fd.h"
#include "hsm/officers/content.h"
#include "hsm/protocol.h"
#include "tests/hsm/governed.h"

namespace hsm::officers {
namespace {

// ---- content, made by hand ---------------------------------------------------------------------

base::Bytes bytes_of(std::string_view hex) {
  return base::from_hex(hex).value();
}
base::Bytes tlv(std::uint8_t tag, base::BytesView value) {
  base::Bytes out{tag};
  if (value.size() >= 0x100) {
    out.push_back(0x82);
    out.push_back(static_cast<std::uint8_t>(value.size() >> 8));
  } else if (value.size() >= 0x80) {
    out.push_back(0x81);
  }
  out.push_back(static_cast<std::uint8_t>(value.size()));
  base::append(out, value);
  return out;
}
base::Bytes joined(std::initializer_list<base::Bytes> parts) {
  base::Bytes out;
  for (const auto& one : parts) base::append(out, one);
  return out;
}
base::Bytes seq(std::initializer_list<base::Bytes> parts) {
  return tlv(0x30, joined(parts));
}
base::Bytes utc(base::Time at) {
  const auto text = base::to_rfc3339(at);  // 2026-11-26T01:02:03Z
  const std::string digits = text.substr(2, 2) + text.substr(5, 2) + text.substr(8, 2) +
                             text.substr(11, 2) + text.substr(14, 2) + text.substr(17, 2) + "Z";
  return tlv(0x17, base::as_bytes(digits));
}
base::Bytes extension(std::string_view oid, const base::Bytes& value, bool critical = false) {
  return critical ? seq({bytes_of(oid), bytes_of("0101ff"), tlv(0x04, value)})
                  : seq({bytes_of(oid), tlv(0x04, value)});
}
constexpr std::string_view kNumber = "0603551d14", kReason = "0603551d15", kSince = "0603551d18",
                           kDelta = "0603551d1b", kPoint = "0603551d1c", kIssuer = "0603551d1d";

struct Entry {
  base::Bytes serial = bytes_of("020105");
  base::Time when;
  base::Bytes extensions = {};
};
struct List {
  base::Time from, to;
  std::vector<Entry> entries;
  base::Bytes more = {};  // extensions
  std::uint8_t number = 1;
  std::uint8_t name = 0x41;  // of the issuer: "CA", "CB", …
};
base::Bytes tbs_of(const List& list) {
  base::Bytes entries;
  for (const auto& one : list.entries)
    base::append(entries,
                 seq({one.serial, utc(one.when),
                      one.extensions.empty() ? base::Bytes{} : tlv(0x30, one.extensions)}));
  if (!entries.empty()) entries = tlv(0x30, entries);
  auto name = bytes_of("300d310b3009060355040a0c024341");
  name.back() = list.name;
  return seq(
      {bytes_of("020101"), bytes_of("300a06082a8648ce3d040302"), name, utc(list.from), utc(list.to),
       entries,
       tlv(0xa0, tlv(0x30, joined({extension(kNumber, {0x02, 0x01, list.number}), list.more})))});
}

const base::Time kNow = std::chrono::floor<std::chrono::seconds>(base::SystemClock().now());
List one_entry() {
  return {kNow, kNow + std::chrono::hours(24), {{.when = kNow - std::chrono::hours(1)}}};
}

TEST(OfficersContent, AListIsReadAndEveryAlterationIsAnotherListOrNone) {
  const auto good = read_content(tbs_of(one_entry()));
  ASSERT_TRUE(good.ok()) << good.error().detail;
  EXPECT_EQ(good->kind, ContentKind::crl);
  EXPECT_EQ(good->revoked.size(), 1u);
  EXPECT_EQ(good->revoked.count("05"), 1u);
}

TEST(OfficersContent, ASerialBelowZeroIsNotTheOneAboveIt) {
  auto list = one_entry();
  list.entries[0].serial = bytes_of("0201fb");  // -5: the same digits
  EXPECT_EQ(read_content(tbs_of(list)).error().key, "hsm.officers.content");
}

TEST(OfficersContent, NothingInAListTakesAnEntryBackWhileItsSerialStandsThere) {
  const auto refused = [](const List& list) {
    const auto read = read_content(tbs_of(list));
    return !read.ok() && read.error().key == "hsm.officers.content";
  };
  auto delta = one_entry();
  delta.more = extension(kDelta, bytes_of("020101"), true);
  EXPECT_TRUE(refused(delta)) << "a delta list";
  auto part = one_entry();
  part.more = extension(kPoint, bytes_of("30038401ff"), true);  // indirectCRL
  EXPECT_TRUE(refused(part)) << "a list for other issuers";
  auto off = one_entry();
  off.entries[0].extensions = extension(kReason, bytes_of("0a0108"));
  EXPECT_TRUE(refused(off)) << "removeFromCRL";
  auto other = one_entry();
  other.entries[0].extensions =
      extension(kIssuer, bytes_of("3011a40f300d310b3009060355040a0c024342"), true);
  EXPECT_TRUE(refused(other)) << "an entry of another issuer";
  auto twice = one_entry();
  const auto since = tlv(0x18, base::as_bytes("20261101000000Z"));
  twice.entries[0].extensions = joined({extension(kSince, since), extension(kSince, since)});
  EXPECT_TRUE(refused(twice)) << "two invalidity dates";
  auto bent = one_entry();
  bent.entries[0].extensions = extension(kSince, tlv(0x18, base::as_bytes("2026")));
  EXPECT_TRUE(refused(bent)) << "an invalidity date that is none";
  auto doubled = one_entry();
  doubled.entries.push_back(doubled.entries[0]);
  EXPECT_TRUE(refused(doubled)) << "a serial twice";
  auto plain = one_entry();
  plain.entries[0].extensions =
      joined({extension(kReason, bytes_of("0a0101")), extension(kSince, since)});
  EXPECT_FALSE(refused(plain)) << "a reason and a date are what an entry may have";
}

TEST(OfficersContent, BerTrailingBytesAndOtherKindsAreRefused) {
  const auto good = tbs_of(one_entry());
  ASSERT_TRUE(read_content(good).ok());
  auto behind = good;
  behind.push_back(0);
  EXPECT_FALSE(read_content(behind).ok()) << "a byte behind";
  auto cut = good;
  cut.pop_back();
  EXPECT_FALSE(read_content(cut).ok()) << "a byte short";
  // Indefinite length, and one octet more of length than needed: OpenSSL reads both.
  const auto inner = base::BytesView(good).subspan(good[1] == 0x81 ? 3 : 2);
  auto indefinite = joined({bytes_of("3080"), base::to_bytes(inner), bytes_of("0000")});
  EXPECT_FALSE(read_content(indefinite).ok()) << "an indefinite length";
  auto padded = joined({bytes_of("308200"), base::Bytes{static_cast<std::uint8_t>(inner.size())},
                        base::to_bytes(inner)});
  EXPECT_FALSE(read_content(padded).ok()) << "a length with an octet to spare";
  // Deeper inside as well: the number's INTEGER with a leading zero.
  auto loose = one_entry();
  loose.entries[0].serial = bytes_of("02020005");
  EXPECT_FALSE(read_content(tbs_of(loose)).ok()) << "a serial with a zero in front";
  auto finer = one_entry();
  finer.entries[0].serial = bytes_of("02810105");
  EXPECT_FALSE(read_content(tbs_of(finer)).ok()) << "a long length inside";
  for (const auto* other :
       {"300f06082a8648ce3d04030203030000ff", "30130603550403300c06032a03040c0561616161",
        "31110000000000000000000000000000000000", "04820004aabbccddaabbccddaabbccddaabb"})
    EXPECT_FALSE(read_content(bytes_of(other)).ok()) << other;
}

/// Every byte of a list flipped: another list, with what it says seen, or none. What is taken is
/// never BER and never says less than its bytes.
TEST(OfficersContent, AFlippedBitIsSeen) {
  const auto good = tbs_of(one_entry());
  const auto meant = read_content(good).value();
  for (std::size_t i = 0; i < good.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      auto bent = good;
      bent[i] ^= static_cast<std::uint8_t>(1 << bit);
      const auto read = read_content(bent);
      if (!read.ok() || read->kind != ContentKind::crl) continue;
      // OpenSSL's own reader, for the serials.
      const auto whole = seq({bent, bytes_of("300a06082a8648ce3d040302"), bytes_of("03020000")});
      const unsigned char* at = whole.data();
      X509_CRL* list = d2i_X509_CRL(nullptr, &at, static_cast<long>(whole.size()));
      ASSERT_NE(list, nullptr);
      const auto count = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(list));
      EXPECT_EQ(static_cast<std::size_t>(std::max(count, 0)), read->revoked.size()) << i;
      X509_CRL_free(list);
    }
}

TEST(OfficersGenesis, WhatIsNoObjectIsRefused) {
  for (const auto* text : {"2", "[]", "\"x\"", "null", "{}", R"({"document":2,"signatures":[]})"})
    EXPECT_EQ(read_genesis(text, kNow).error().key, "hsm.officers.genesis") << text;
}

// ---- through the socket ------------------------------------------------------------------------

class OfficersHostile : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    house_ = std::make_unique<test::Governed>(
        test::Governed::Options{{{"root-ca", Algorithm::ecdsa_p256, Purpose::root_ca},
                                 {"seal-1", Algorithm::ecdsa_p256, Purpose::seal}}});
  }
  static void TearDownTestSuite() {
    const auto holds = house_->ledger_holds();
    EXPECT_TRUE(holds.ok()) << holds.error().detail;
    house_.reset();
  }

  /// One connection to the officers' door, without our client.
  class Wire {
   public:
    explicit Wire(const std::filesystem::path& socket)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
      base::check(
          ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
          "connect");
      const timeval most{30, 0};
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    }
    bool send(base::BytesView bytes) {
      while (!bytes.empty()) {
        const auto wrote = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (wrote <= 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(wrote));
      }
      return true;
    }
    /// Nothing when the connection is gone.
    std::optional<wire::Answer> answer() {
      std::array<std::uint8_t, 65536> buffer;
      while (true) {
        const auto payload = in_.next();
        base::check(payload.ok(), "the signer sent a bad frame");
        if (*payload) return wire::decode_answer(**payload).value();
        const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (got <= 0) return std::nullopt;
        in_.feed(base::BytesView(buffer).first(static_cast<std::size_t>(got)));
      }
    }
    /// The answer's error; empty: it was done.
    std::string said(std::string_view verb, std::string_view data) {
      wire::Request request;
      request.kind = wire::Kind::officers;
      request.id = ++id_;
      request.deadline_ms = 30'000;
      request.name = verb;
      request.data = base::to_bytes(base::as_bytes(data));
      if (!send(wire::encode(request))) return "gone";
      const auto told = answer();
      if (!told) return "gone";
      base::check(told->id == id_, "another request's answer");
      const auto* failure = std::get_if<base::Error>(&told->body);
      return failure == nullptr ? "" : failure->key;
    }

   private:
    base::UniqueFd fd_;
    wire::FrameReader in_{wire::kMostAnswerBytes};
    std::uint64_t id_ = 0;
  };
  static std::unique_ptr<Wire> door() {
    return std::make_unique<Wire>(house_->signer().officer().socket);
  }
  static std::int64_t lines() { return house_->state()["lines"].GetInt64(); }
  static std::string digest_hex(std::string_view text) {
    return base::to_hex(base::sha256(base::as_bytes(text)));
  }
  static std::string content(const std::string& label, base::BytesView bytes) {
    return R"({"content":")" + base::to_base64(bytes) + R"(","id":")" +
           house_->key_member(label, "id") + R"(","label":")" + label + R"("})";
  }

  static inline std::unique_ptr<test::Governed> house_;
};

TEST_F(OfficersHostile, NoByteOfARequestCanBeChangedAndPassForIt) {
  const auto request =
      house_->text("key.generate", test::Governed::generate("flipped", "ecdsa_p256", "seal"));
  const auto id = base::sha256(base::as_bytes(request));
  auto wire = door();
  ASSERT_EQ(wire->said("submit", request), "");
  const auto vote = house_->people()[0].vote(id, house_->now());
  int others = 0;
  for (std::size_t i = 0; i < request.size(); ++i) {
    auto bent = request;
    bent[i] = static_cast<char>(bent[i] ^ 0x01);
    const auto said = wire->said("submit", bent);
    ASSERT_NE(said, "gone") << i;
    if (said.empty()) ++others;
    EXPECT_NE(said, "hsm.officers.asked_already") << "taken for the same at byte " << i;
    EXPECT_NE(digest_hex(bent), base::to_hex(id));
  }
  // What was taken are other requests, which no vote of the first one approves.
  EXPECT_GT(others, 0);
  EXPECT_EQ(wire->said("vote", vote), "");
  const auto state = house_->state();
  int voted = 0;
  for (const auto& one : state["requests"].GetArray())
    voted += one["approvals"].Size() > 0 && base::json_text(one, "standing") == "open";
  EXPECT_EQ(voted, 1);
  EXPECT_EQ(wire->said("execute", base::to_hex(id)), "hsm.officers.too_few_approvals");
}

TEST_F(OfficersHostile, NoByteOfAVoteCanBeChanged) {
  const auto request =
      house_->text("key.generate", test::Governed::generate("voted", "ecdsa_p256", "seal"));
  const auto id = base::sha256(base::as_bytes(request));
  auto wire = door();
  ASSERT_EQ(wire->said("submit", request), "");
  const auto vote = house_->people()[0].vote(id, house_->now());
  for (std::size_t i = 0; i < vote.size(); ++i)
    for (const char flip : {'\x01', '\x20'}) {
      auto bent = vote;
      bent[i] = static_cast<char>(bent[i] ^ flip);
      EXPECT_NE(wire->said("vote", bent), "") << i;
    }
  for (const auto decision : {Decision::found, Decision::attest})
    EXPECT_EQ(wire->said("vote", house_->people()[1].vote(id, house_->now(), decision)),
              "hsm.officers.vote");
  EXPECT_EQ(wire->said("execute", base::to_hex(id)), "hsm.officers.too_few_approvals");
  EXPECT_EQ(wire->said("vote", vote), "");
  EXPECT_EQ(wire->said("vote", vote), "hsm.officers.voted_already");
}

TEST_F(OfficersHostile, AnOldLedgersRequestsAndVotesAreWorthNothingUnderANewFounding) {
  const auto request =
      house_->text("key.generate", test::Governed::generate("replayed", "ecdsa_p256", "seal"));
  const auto id = base::sha256(base::as_bytes(request));
  const std::vector<std::string> votes{house_->people()[0].vote(id, house_->now()),
                                       house_->people()[1].vote(id, house_->now())};
  // The same people, policy and token, founded once more: as after a theft of the ledger.
  State again;
  const auto body =
      test::genesis(house_->people(), test::small_policy(), house_->token().label(), house_->now());
  ASSERT_TRUE(again.apply(make_line(1, house_->now(), "genesis", body, {})).ok());
  const auto line = [&](std::string_view kind, std::string_view name, std::string_view text) {
    base::JsonWriter out;
    out.StartObject();
    out.member(name, text);
    out.EndObject();
    return again.apply(make_line(2, house_->now(), kind,
                                 *base::canonical_json(*base::parse_json(out.text())), {}));
  };
  EXPECT_EQ(line("request", "request", request).error().key, "hsm.officers.world_changed");
  for (const auto& vote : votes)
    EXPECT_EQ(line("vote", "vote", vote).error().key, "hsm.officers.no_request");
}

TEST_F(OfficersHostile, FramesAndBlobsTooLargeEndTheConnectionAndNothingElse) {
  const auto before = lines();
  for (const auto* hex : {"ffffffff", "00400001", "00000001", "00000000"}) {
    auto wire = door();
    ASSERT_TRUE(wire->send(bytes_of(hex)));
    (void)wire->send(base::Bytes(64, 0x41));
    EXPECT_FALSE(wire->answer()) << hex;
  }
  {
    auto wire = door();
    wire::Request request;
    request.kind = wire::Kind::officers;
    request.id = 1;
    request.name = "submit";
    request.data = base::Bytes(16, 'x');
    auto frame = wire::encode(request);
    frame[frame.size() - 17] ^= 0x40;  // the blob says it is longer than its frame
    ASSERT_TRUE(wire->send(frame));
    EXPECT_FALSE(wire->answer());
  }
  EXPECT_EQ(lines(), before);
  EXPECT_EQ(door()->said("submit", std::string(3 << 20, '{')), "hsm.officers.request");
  EXPECT_EQ(door()->said(std::string(200, 'v'), "x"), "hsm.officers.request");
}

TEST_F(OfficersHostile, RefusalsWithoutEndDoNotFillTheDisk) {
  auto wire = door();
  for (int i = 0; i < 600; ++i) EXPECT_NE(wire->said("submit", "{}" + std::to_string(i)), "");
  const auto size = std::filesystem::file_size(house_->ledger());
  for (int i = 0; i < 600; ++i) EXPECT_NE(wire->said("vote", std::string(2000, 'x')), "");
  EXPECT_EQ(std::filesystem::file_size(house_->ledger()), size);
  // The operation log has them all.
  std::ifstream log(house_->signer().oplog());
  std::size_t told = 0;
  for (std::string line; std::getline(log, line);)
    told += line.find("officers.vote") != std::string::npos;
  EXPECT_GE(told, 600u);
}

TEST_F(OfficersHostile, AListMayOnlyAddAndOnlyNow) {
  auto wire = door();
  const auto asks = [&](const List& list) {
    return wire->said("content", content("root-ca", tbs_of(list)));
  };
  auto list = one_entry();
  auto poisoned = list;
  poisoned.entries[0].when = kNow + std::chrono::hours(24 * 3650);
  EXPECT_EQ(asks(poisoned), "hsm.officers.list_times")
      << "a date to come would stay, and the certificate could never be revoked";
  EXPECT_EQ(asks(list), "");
  list.number = 2;
  auto dropped = list;
  dropped.entries.clear();
  EXPECT_EQ(asks(dropped), "hsm.officers.unrevoked");
  auto later = list;
  later.entries[0].when += std::chrono::minutes(1);
  EXPECT_EQ(asks(later), "hsm.officers.unrevoked") << "another date of revocation";
  auto negative = list;
  negative.entries[0].serial = bytes_of("0201fb");
  EXPECT_EQ(asks(negative), "hsm.officers.content");
  auto dated = list;
  dated.from -= std::chrono::hours(1);
  EXPECT_EQ(asks(dated), "hsm.officers.list_times");
  auto future = list;
  future.from += std::chrono::hours(1);
  EXPECT_EQ(asks(future), "hsm.officers.list_times");
  auto lasting = list;
  lasting.to += std::chrono::hours(24 * 40);
  EXPECT_EQ(asks(lasting), "hsm.officers.list_times");
  auto brief = list;
  brief.to = brief.from + std::chrono::minutes(59);
  EXPECT_EQ(asks(brief), "hsm.officers.list_times") << "over before it is fetched";
  auto another = list;
  another.name = 0x42;
  EXPECT_EQ(asks(another), "hsm.officers.list_issuer");
  auto same_number = list;
  same_number.number = 1;
  EXPECT_EQ(asks(same_number), "hsm.officers.list_number");
  auto more = list;
  more.entries.push_back({bytes_of("020106"), kNow, {}});
  EXPECT_EQ(asks(more), "");
  EXPECT_EQ(asks(list), "hsm.officers.list_number") << "the older list again";
  list.number = 3;
  EXPECT_EQ(asks(list), "hsm.officers.unrevoked") << "under a new number";
  more.number = 3;
  EXPECT_EQ(wire->said("content", content("seal-1", tbs_of(more))), "hsm.refused");
  for (const auto* odd : {"", "[]", "7", "\"x\"", "{}", R"({"content":1,"id":2,"label":3})"})
    EXPECT_NE(wire->said("content", odd), "") << odd;
}

/// A number that cannot be told from another, or that leaves none behind it, is none.
TEST(OfficersContent, AListHasOneSaneNumber) {
  const auto refused = [](std::initializer_list<base::Bytes> extensions) {
    auto tbs = tbs_of(one_entry());
    const auto plain = tlv(0xa0, tlv(0x30, extension(kNumber, bytes_of("020101"))));
    const auto at = std::search(tbs.begin(), tbs.end(), plain.begin(), plain.end());
    base::check(at != tbs.end(), "no number in the list");
    const base::Bytes head(tbs.begin() + (tbs[1] == 0x81 ? 3 : 2), at);
    const auto made = seq(
        {head, extensions.size() == 0 ? base::Bytes{} : tlv(0xa0, tlv(0x30, joined(extensions)))});
    return !read_content(made).ok();
  };
  EXPECT_FALSE(refused({extension(kNumber, bytes_of("020107"))}));
  EXPECT_TRUE(refused({})) << "none";
  EXPECT_TRUE(refused({extension(kNumber, bytes_of("020100"))}));
  EXPECT_TRUE(refused({extension(kNumber, bytes_of("0201ff"))})) << "below zero";
  EXPECT_TRUE(refused({extension(kNumber, bytes_of("02087fffffffffffffff"))})) << "the last one";
  EXPECT_TRUE(
      refused({extension(kNumber, bytes_of("020107")), extension(kNumber, bytes_of("020108"))}));
  EXPECT_TRUE(refused({extension(kNumber, bytes_of("0400"))})) << "no number";
}

TEST_F(OfficersHostile, ACertificateAndAnUnapprovedTrustListWantVotes) {
  auto wire = door();
  const auto& der = house_->people()[0].person().certificate;
  const unsigned char* at = der.data();
  X509* parsed = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
  unsigned char* tbs = nullptr;
  const int size = i2d_re_X509_tbs(parsed, &tbs);
  const base::Bytes certificate(tbs, tbs + size);
  OPENSSL_free(tbs);
  X509_free(parsed);
  EXPECT_EQ(wire->said("content", content("root-ca", certificate)), "hsm.officers.needs_approval");

  const auto list = [&](std::int64_t sequence, const std::string& who, const std::string& crls) {
    const auto payload = R"({"anchors":[")" + who + R"("],"crls":")" + crls + R"(","issued":")" +
                         base::to_rfc3339(house_->now()) + R"(","next_update":")" +
                         base::to_rfc3339(house_->now() + std::chrono::hours(24)) +
                         R"(","sequence":)" + std::to_string(sequence) + "}";
    return base::to_base64url(base::as_bytes(R"({"alg":"ES256"})")) + "." +
           base::to_base64url(base::as_bytes(payload));
  };
  const auto asks = [&](const std::string& text) {
    return wire->said("content", content("root-ca", base::as_bytes(text)));
  };
  EXPECT_EQ(asks(list(1, "good", "")), "hsm.officers.needs_approval");
  const auto id = house_->approved(
      "sign", R"({"items":[{"content":")" + base::to_base64(base::as_bytes(list(1, "good", ""))) +
                  R"(","id":")" + house_->key_member("root-ca", "id") +
                  R"(","kind":"trust_list","label":"root-ca"}]})");
  ASSERT_EQ(wire->said("execute", id), "");
  EXPECT_EQ(asks(list(2, "good", "new lists")), "") << "renewed";
  EXPECT_EQ(asks(list(3, "evil", "")), "hsm.officers.needs_approval") << "other content";
  EXPECT_EQ(asks(list(2, "good", "")), "hsm.officers.state") << "the sequence does not rise";
  EXPECT_EQ(asks(list(1, "good", "")), "hsm.officers.state");
  EXPECT_NE(asks(list(std::int64_t{1} << 51, "good", "")), "") << "the sequence runs out";
  EXPECT_NE(asks(list(9'007'199'254'740'993, "good", "")), "") << "no JSON number";
  EXPECT_EQ(asks(list(3, "good", "")), "");
}

TEST_F(OfficersHostile, APersonWhoseCertificateHasNoTimesIsRefusedAndNothingDies) {
  const auto worker = house_->signer().worker();
  auto der = test::Officer("eve").person().certificate;
  const auto at =
      std::search(der.begin(), der.end(), std::begin("\x17\x0d"), std::begin("\x17\x0d") + 2);
  ASSERT_NE(at, der.end());
  *(at + 4) = 'x';
  auto wire = door();
  const auto said = wire->said(
      "submit", house_->text("officer.enrol",
                             R"({"person":{"certificate":")" + base::to_base64(der) +
                                 R"(","id":"eve","name":"eve","role":"officer","share_key":""}})"));
  EXPECT_EQ(said, "hsm.officers.person");
  EXPECT_EQ(house_->signer().worker(), worker);
}

/// Last: it fills what is open.
TEST_F(OfficersHostile, ZOpenRequestsAreBounded) {
  auto wire = door();
  std::string said;
  int taken = 0;
  for (; taken < 400; ++taken) {
    said = wire->said("submit", house_->text("key.suspend", house_->step("seal-1")));
    if (!said.empty()) break;
  }
  EXPECT_EQ(said, "hsm.officers.too_many_open") << taken;
}

}  // namespace
}  // namespace hsm::officers
