// Minutes of a ceremony, read by somebody who trusts nobody: one text for one line, every byte
// counts, and what the lines say is held against the officers' own signatures.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/hsm/minutes_paper.h"

namespace hsm::officers {
namespace {

using test::Paper;

const base::Time kStart = std::chrono::floor<std::chrono::seconds>(
    base::SystemClock().now());  // certificates of the test's officers are made now

MinutesReport read(const std::string& text) {
  std::istringstream in(text);
  return read_minutes(in);
}
/// Why the last line is refused, all before it being good; "taken" when it is not.
std::string last_line(const Paper& paper) {
  MinutesReader reader;
  for (std::size_t i = 0; i + 1 < paper.lines.size(); ++i)
    EXPECT_TRUE(reader.take(paper.lines[i]).ok()) << i << ": " << paper.lines[i];
  const auto taken = reader.take(paper.lines.back());
  return taken.ok() ? "taken" : taken.error().detail;
}
/// The same line with another spelling under a hash that fits.
std::string respelt(const std::string& line, const std::string& from, const std::string& to) {
  auto body = line.substr(0, line.rfind(",\"hash\":\"")) + "}";
  const auto at = body.find(from);
  EXPECT_NE(at, body.npos) << from;
  body.replace(at, from.size(), to);
  return body.substr(0, body.size() - 1) + ",\"hash\":\"" +
         base::to_hex(base::sha256(base::as_bytes(body))) + "\"}";
}

TEST(Minutes, TellWhatHappenedAndWhoSigned) {
  const auto report = read(Paper::whole(kStart).text());
  EXPECT_FALSE(report.broken_at) << report.why;
  EXPECT_TRUE(report.closed);
  EXPECT_FALSE(report.rehearsal);
  EXPECT_EQ(report.signed_by, (std::vector<std::string>{"an", "bo", "chen"}));
  EXPECT_EQ(report.ledger_lines, 4);
  ASSERT_EQ(report.deviations.size(), 1u);
  EXPECT_EQ(report.deviations[0].by, "wang");
  EXPECT_EQ(report.deviations[0].happened, "停电三分钟");
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].error, "cli.cards_missing");
  EXPECT_EQ(report.failures[0].repeated.value_or(0), report.failures[0].n + 2);
}

// Issue 3, point 2: minutes verify, one changed byte does not.
TEST(Minutes, OneChangedByteIsRefused) {
  const auto paper = Paper::whole(kStart);
  MinutesReader reader;
  int bit = 0;
  for (const auto& line : paper.lines) {
    const auto before = reader.report().head;
    for (std::size_t at = 0; at < line.size(); ++at) {
      auto bent = line;
      bent[at] = static_cast<char>(bent[at] ^ (1 << (bit++ % 8)));
      ASSERT_FALSE(reader.take(bent).ok()) << reader.report().lines << ":" << at;
    }
    ASSERT_EQ(reader.report().head, before) << "a line was refused and left something";
    ASSERT_TRUE(reader.take(line).ok()) << line;
  }
  const auto good = paper.text();
  for (std::size_t at = good.find('\n'); at != good.npos; at = good.find('\n', at + 1)) {
    auto bent = good;
    bent[at] = ' ';
    EXPECT_TRUE(read(bent).broken_at) << at;
    EXPECT_TRUE(read(good.substr(0, at)).broken_at) << "cut off before " << at;
  }
  EXPECT_TRUE(read("").broken_at);
  EXPECT_TRUE(read(good.substr(good.find('\n') + 1)).broken_at) << "the first line is gone";
}

TEST(Minutes, ALineHasOneSpelling) {
  Paper paper(kStart);
  paper.open();
  const auto good = paper.lines[0];
  ASSERT_TRUE(read_minute(good).ok());
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"\"n\":1", "\"n\": 1"},
                                 {"\"n\":1", "\"n\":1.0"},
                                 {"\"step\":\"open\"", "\"step\":\"\\u006fpen\""},
                                 {"\"step\":\"open\",", "\"step\":\"open\",\"more\":1,"},
                                 {"\"step\":\"open\",", ""},
                                 {"\"n\":1,", "\"n\":1,\"n\":1,"},
                                 {"\"prev\":\"00", "\"prev\":\"0"},
                                 {"Z\",\"prev\"", "+00:00\",\"prev\""},
                                 {"{\"plan", "[\"plan"},
                                 {"{\"n\"", " {\"n\""}})
    EXPECT_FALSE(read_minute(respelt(good, from, to)).ok()) << from << " -> " << to;
  EXPECT_TRUE(read_minute(respelt(good, "officer:root", "officer:else")).ok())
      << "only the spelling was wrong";
  EXPECT_FALSE(read_minute(std::string(kMostMinuteBytes + 1, ' ')).ok());
}

TEST(Minutes, BeginWithAPlan) {
  Paper paper(kStart);
  paper.note("close", "");
  EXPECT_EQ(last_line(paper), "the first line opens nothing");
  Paper planless(kStart);
  planless.note("open", "", "{}");
  EXPECT_EQ(last_line(planless), "opened without a plan");
}

TEST(Minutes, ARehearsalIsOneFromTheFirstLineToTheLast) {
  Paper paper(kStart);
  paper.open(true);
  EXPECT_TRUE(read(paper.text()).rehearsal);
  paper.open(false);
  EXPECT_EQ(last_line(paper), "a rehearsal and a ceremony in the same minutes");
  Paper marked(kStart);
  marked.note("open", "", R"({"plan_sha256":")" + std::string(64, 'a') + R"(","rehearsal":false})");
  EXPECT_EQ(last_line(marked), "a rehearsal that is none");
}

TEST(Minutes, ADeviationIsTypedAndSaidBySomebodyOfThePlan) {
  Paper paper(kStart);
  paper.open();
  paper.deviation();
  EXPECT_EQ(last_line(paper), "taken");
  paper.deviation("stranger");
  EXPECT_EQ(last_line(paper), "a deviation told by nobody of the plan");
  for (const auto* data : {R"({"by":"wang","happened":"a","step":"b"})",
                           R"({"by":"wang","happened":"a","step":"b","why":""})",
                           R"({"by":"wang","happened":"a","more":"x","step":"b","why":"c"})",
                           "{\"by\":\"wang\",\"happened\":\"a\\u001B[2J\",\"step\":\"b\",\"why\":"
                           "\"c\"}"}) {
    Paper other(kStart);
    other.open();
    other.note("deviation", "", data);
    EXPECT_EQ(last_line(other).rfind("a deviation", 0), 0u) << data << " " << last_line(other);
  }
  const std::string longest(kMostRemarkBytes, 'x');
  EXPECT_TRUE(deviation_data({0, {}, "a", longest, "b", "an"}).ok());
  EXPECT_FALSE(deviation_data({0, {}, "a", longest + "x", "b", "an"}).ok());
}

TEST(Minutes, WhatIsDoneOverHadFailedOnce) {
  Paper paper(kStart);
  paper.open();
  paper.failed("keys");
  paper.repeated("lists", 2);
  EXPECT_EQ(last_line(paper), "a step done over that had not failed");
  Paper twice(kStart);
  twice.open();
  twice.failed("keys");
  twice.repeated("keys", 2);
  EXPECT_EQ(last_line(twice), "taken");
  twice.repeated("keys", 2);
  EXPECT_EQ(last_line(twice), "a step done over that had not failed");
}

TEST(Minutes, OnlyPeopleOfTheLedgerSignAndEachOnceAndUnderThisClosing) {
  const auto begun = [] {
    Paper paper(kStart);
    paper.open();
    paper.found();
    paper.close();
    return paper;
  };
  const std::string no = "a signature that is not by one of the people, under this closing";
  auto stranger = begun();
  stranger.sign(test::Officer("an"));
  EXPECT_EQ(last_line(stranger), no) << "another card with the same name";
  auto twice = begun();
  twice.sign(twice.people[0]);
  EXPECT_EQ(last_line(twice), "taken");
  twice.sign(twice.people[0]);
  EXPECT_EQ(last_line(twice), "somebody signed twice");
  auto other = begun();
  other.sign(other.people[0], other.ledger_head);
  EXPECT_EQ(last_line(other), no);
  auto later = begun();
  later.deviation();
  EXPECT_FALSE(read(later.text()).closed) << "something stands behind the closing";
  later.sign(later.people[0]);
  EXPECT_EQ(last_line(later), no) << "signed what had gone on";
}

TEST(Minutes, ALedgerThatBreaksItsRulesBreaksThem) {
  Paper paper(kStart);
  paper.open();
  paper.found();
  const auto id = paper.ask();
  paper.ledger("executing", Paper::canonical("request", base::to_hex(id)));
  EXPECT_EQ(last_line(paper), "taken");
  paper.ledger("executing", Paper::canonical("request", base::to_hex(id)));
  EXPECT_NE(last_line(paper).find("the ledger breaks its rules"), std::string::npos)
      << "carried out twice";
}

/// A stream without an end is left when it is longer than minutes can be.
TEST(Minutes, AreReadNoFurtherThanTheirLimits) {
  struct Endless : std::streambuf {
    std::size_t given = 0;
    char block[1 << 16];
    Endless() { std::fill(std::begin(block), std::end(block), 'x'); }
    int_type underflow() override {
      given += sizeof block;
      setg(block, block, block + sizeof block);
      return traits_type::to_int_type('x');
    }
  } endless;
  std::istream in(&endless);
  EXPECT_EQ(read_minutes(in).why, "too long");
  EXPECT_LE(endless.given, kMostMinuteBytes + (1u << 18));
}

}  // namespace
}  // namespace hsm::officers
