// Minutes for tests, with the ledger of officers whose keys are at hand.
#pragma once

#include <string>
#include <vector>

#include "base/canonical_json.h"
#include "base/encoding.h"
#include "hsm/officers/minutes.h"
#include "tests/support/officers.h"

namespace test {

/// Written line by line, as a ceremony does.
class Paper {
 public:
  explicit Paper(base::Time start)
      : now(start), people{Officer("an"), Officer("bo"), Officer("chen")} {}

  static std::string object(std::string_view name, std::string_view value) {
    base::JsonWriter out;
    out.StartObject();
    out.member(name, value);
    out.EndObject();
    return out.text();
  }
  void note(std::string_view step, std::string_view text, std::string_view data = "{}") {
    const auto minute =
        hsm::officers::make_minute(++n, now, head, "officer:root", step, text, data);
    head = minute.hash;
    lines.push_back(minute.line());
  }
  void open(bool rehearsal = false) {
    note("open", "测试仪式",
         "{\"plan_sha256\":\"" + std::string(64, 'a') + "\"," +
             (rehearsal ? "\"rehearsal\":true," : "") +
             "\"roles\":[{\"id\":\"an\"},{\"id\":\"bo\"},{\"id\":\"chen\"},{\"id\":\"wang\"}]}");
  }
  void ledger(std::string_view kind, const std::string& body) {
    const auto line = hsm::officers::make_line(++ledger_n, now, kind, body, ledger_head);
    ledger_head = line.hash;
    note("ledger", "账本第 " + std::to_string(ledger_n) + " 行", object("line", line.text()));
  }
  void found() { ledger("genesis", genesis(people, small_policy(), "token", now)); }
  /// Asked for, approved by two; its name.
  base::Digest ask() {
    const auto text = *hsm::officers::request_text(
        {"key.generate",
         R"({"activate":false,"keys":[{"algorithm":"ecdsa_p256","label":"seal-1","purpose":"seal"}]})",
         "测试仪式"},
        "officer:root", "0123", ledger_head, now, now + std::chrono::hours(24), base::Bytes(16, 7));
    const auto id = base::sha256(base::as_bytes(text));
    ledger("request", canonical("request", text));
    for (int i = 0; i < 2; ++i)
      ledger("vote", canonical("vote", people[static_cast<std::size_t>(i)].vote(id, now)));
    return id;
  }
  void deviation(const std::string& by = "wang") {
    const auto data =
        hsm::officers::deviation_data({0, now, "keys", "停电三分钟", "备用电源接管，记录未断", by});
    base::check(data.ok(), "a test deviation");
    note("deviation", "偏差", *data);
  }
  void failed(const std::string& step) {
    note("failed", step, R"({"detail":"","error":"cli.cards_missing","step":")" + step + "\"}");
  }
  void repeated(const std::string& step, std::int64_t failed) {
    note("repeated", step,
         R"({"failed":)" + std::to_string(failed) + R"(,"step":")" + step + "\"}");
  }
  void close() {
    note("close", "仪式结束");
    closing = head;
  }
  void sign(const Officer& who) { sign(who, closing); }
  void sign(const Officer& who, const base::Digest& what) {
    note("signed", who.id() + " 在场并签名",
         object("vote", who.vote(what, now, hsm::officers::Decision::attest)));
  }
  static std::string canonical(std::string_view name, std::string_view value) {
    return *base::canonical_json(*base::parse_json(object(name, value)));
  }
  std::string text() const {
    std::string out;
    for (const auto& line : lines) out += line + "\n";
    return out;
  }
  /// A ceremony in which something went wrong and was put right.
  static Paper whole(base::Time start) {
    Paper paper(start);
    paper.open();
    paper.found();
    paper.ask();
    paper.failed("keys");
    const auto failure = paper.n;
    paper.deviation();
    paper.repeated("keys", failure);
    paper.close();
    for (const auto& who : paper.people) paper.sign(who);
    return paper;
  }

  base::Time now;
  std::vector<Officer> people;
  std::vector<std::string> lines;
  std::int64_t n = 0, ledger_n = 0;
  base::Digest head{}, ledger_head{}, closing{};
};

}  // namespace test
