// The officers' ledger of the real signer, mirrored into a real database, and judged three times:
// by the follower, by `xinyin audit verify`, and by a program that shares no code with ours
// (check_ledger.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/encoding.h"
#include "base/json.h"
#include "certs/ledger_mirror.h"
#include "hsm/client.h"
#include "test_paths.h"
#include "tests/certs/support.h"
#include "tests/support/officers.h"
#include "tests/support/postgres.h"
#include "tests/support/signer.h"

namespace {

using certs::LedgerMirror;
using hsm::officers::Line;
using Lines = std::vector<std::string>;

std::string joined(const Lines& lines) {
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

Lines split(const std::string& text) {
  Lines out;
  std::size_t from = 0;
  for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', from)) {
    out.push_back(text.substr(from, at - from));
    from = at + 1;
  }
  return out;
}

/// Numbers, chain and hashes made anew, as somebody would who can do all but sign.
Lines rechained(const Lines& lines, bool keep_signatures = false) {
  Lines out;
  base::Digest head{};
  for (const auto& text : lines) {
    const auto was = hsm::officers::read_line(text).value();
    auto line = hsm::officers::make_line(static_cast<std::int64_t>(out.size()) + 1, was.at,
                                         was.kind, was.body, head);
    if (keep_signatures) line.signature = was.signature;
    head = line.hash;
    out.push_back(line.text());
  }
  return out;
}

std::size_t first_of(const Lines& lines, const std::string& kind, std::size_t from = 0) {
  for (std::size_t i = from; i < lines.size(); ++i)
    if (lines[i].find("\"kind\":\"" + kind + "\",\"n\":") != std::string::npos) return i;
  ADD_FAILURE() << "no line of kind " << kind;
  return 0;
}

class LedgerTest : public testing::Test {
 protected:
  LedgerTest()
      : token_(std::vector<hsm::PlannedKey>{}),
        people_{test::Officer("an"), test::Officer("bo"), test::Officer("chen")} {
    genesis_ = test::genesis(people_, test::small_policy(), token_.label(), clock_.now());
    test::write_file(token_.directory() / "genesis.json", genesis_);
    start();
  }
  void start() {
    signer_.reset();
    test::Signer::Options options;
    options.program = XINYIN_BIN_DIR "/xinyin-signer";
    options.settings = {"token.directory = " + token_.tokens().string(), "token.writable_ok = true",
                        "officers.genesis = " + (token_.directory() / "genesis.json").string(),
                        "officers.ledger = " + ledger_file().string()};
    signer_ = std::make_unique<test::Signer>(token_, std::move(options));
    officer_ = std::make_unique<hsm::Client>(signer_->officer(std::chrono::seconds(60)));
    service_ = std::make_unique<hsm::Client>(signer_->client(std::chrono::seconds(10)));
    test::write_file(directory_ / "xinyin.conf",
                     "database.service = " + database_.conninfo(test::Role::service) +
                         "\npki.directory = pki\nsigner.socket = " + signer_->socket().string() +
                         "\n");
  }
  /// Stops the signer and starts it on another ledger.
  void swap_ledger(const Lines& lines) {
    signer_->stop();
    test::write_file(ledger_file(), joined(lines));
    start();
  }
  std::filesystem::path ledger_file() const { return token_.directory() / "ledger.jsonl"; }
  Lines ledger() const { return split(test::read_file(ledger_file())); }

  base::Digest ask(const std::string& op, const std::string& params) {
    const auto told = officer_->officers("state").value();
    const auto state = base::parse_json(told).value();
    const auto world = base::from_hex(base::json_text(state, "world")).value();
    base::Digest digest{};
    std::copy(world.begin(), world.end(), digest.begin());
    const auto request =
        hsm::officers::request_text({op, params, "因审计测试"}, "operator", "", digest, now(),
                                    now() + std::chrono::hours(2), random_.bytes(16))
            .value();
    const auto taken = officer_->officers("submit", request);
    EXPECT_TRUE(taken.ok()) << taken.error().key << taken.error().detail;
    return base::sha256(base::as_bytes(request));
  }
  void vote(const base::Digest& id, std::size_t who,
            hsm::officers::Decision decision = hsm::officers::Decision::approve) {
    const auto voted = officer_->officers("vote", people_[who].vote(id, now(), decision));
    EXPECT_TRUE(voted.ok()) << voted.error().key;
  }
  base::Result<std::string> execute(const base::Digest& id) {
    return officer_->officers("execute", base::to_hex(id));
  }
  void make(const std::string& label, const std::string& purpose) {
    const auto id = ask("key.generate", R"({"activate":true,"keys":[{"algorithm":"ecdsa_p256",)"
                                        R"("label":")" +
                                            label + R"(","purpose":")" + purpose + R"("}]})");
    vote(id, 0);
    vote(id, 1);
    const auto done = execute(id);
    ASSERT_TRUE(done.ok()) << done.error().key << signer_->log();
  }
  /// A life of some months: an act that was refused, one that was rejected, keys made; signed lines
  /// from the audit key on.
  void live() {
    const auto early = ask("key.generate", R"({"activate":true,"keys":[{"algorithm":"ecdsa_p256",)"
                                           R"("label":"seal-9","purpose":"seal"}]})");
    vote(early, 0);
    EXPECT_EQ(execute(early).error().key, "hsm.officers.too_few_approvals");
    vote(early, 1, hsm::officers::Decision::reject);
    make("seal-1", "seal");
    make("audit-1", "audit");
    make("root-ca", "root_ca");
  }
  /// Another request at the end, which the token does not know of.
  void ask_for_more() {
    vote(ask("key.generate", R"({"activate":true,"keys":[{"algorithm":"ecdsa_p256",)"
                             R"("label":"seal-2","purpose":"seal"}]})"),
         2);
  }

  LedgerMirror mirror() {
    return LedgerMirror(
        {.pool = database_.pool(),
         .clock = clock_,
         .ask = [this](std::string_view verb,
                       std::string_view data) { return service_->officers(verb, data); },
         .actor = "system:test"});
  }
  static std::string follow(LedgerMirror& mirror) {
    while (true) {
      const auto turn = mirror.turn();
      if (!turn.ok()) return turn.error().key;
      if (!turn->more) return "";
    }
  }
  Lines mirrored() {
    Lines out;
    for (const auto& row :
         database_.sql(test::Role::superuser, "select line from hsm.ledger_line order by n"))
      out.push_back(row[0]);
    return out;
  }
  std::string one(const std::string& sql) {
    return database_.sql(test::Role::superuser, sql).at(0).at(0);
  }
  /// As somebody who may do all, past the trigger.
  void edit(const std::string& sql) {
    database_.sql(test::Role::superuser, "set session_replication_role = replica; " + sql);
  }
  test::Ran xinyin(const std::string& arguments) {
    return test::shell(std::string(XINYIN_BIN_DIR "/xinyin --json --config ") +
                       (directory_ / "xinyin.conf").string() + " audit " + arguments);
  }
  /// Without a configuration, as on an auditor's own machine.
  test::Ran offline(const std::string& arguments) {
    return test::shell(XINYIN_BIN_DIR "/xinyin --json --config /nonexistent audit verify " +
                       arguments);
  }
  test::Ran stranger(const std::string& arguments) {
    return test::shell("/usr/bin/python3 -B " XINYIN_SOURCE_DIR "/tests/certs/check_ledger.py " +
                       arguments);
  }
  std::string at(const std::string& name) { return (directory_ / name).string(); }
  std::string founding() {
    return base::to_hex(base::sha256(
        base::as_bytes(base::json_text(base::parse_json(genesis_).value(), "document"))));
  }
  /// Both judges, over these lines: where and why each says that it breaks.
  void expect_broken(const Lines& lines, std::size_t index, const std::string& ours,
                     const std::string& theirs) {
    test::write_file(directory_ / "tampered.jsonl", joined(lines));
    const auto mine = offline("--ledger " + at("tampered.jsonl"));
    EXPECT_EQ(mine.exit, 11) << mine.out;
    EXPECT_NE(mine.out.find("\"broken_at\":" + std::to_string(index + 1) + ","), std::string::npos)
        << mine.out;
    EXPECT_NE(mine.out.find(ours), std::string::npos) << mine.out;
    const auto other = stranger(at("tampered.jsonl"));
    EXPECT_EQ(other.exit, 11) << other.out;
    EXPECT_NE(other.out.find("broken: line " + std::to_string(index + 1) + ": "), std::string::npos)
        << other.out;
    EXPECT_NE(other.out.find(theirs), std::string::npos) << other.out;
  }
  base::Time now() const { return std::chrono::floor<std::chrono::seconds>(clock_.now()); }

  base::SystemClock clock_;
  base::SystemRandom random_;
  test::Directory directory_;
  test::Database database_;
  test::Token token_;
  std::vector<test::Officer> people_;
  std::string genesis_;
  std::unique_ptr<test::Signer> signer_;
  std::unique_ptr<hsm::Client> officer_, service_;
};

TEST_F(LedgerTest, Ldt01_6_2_5e_EveryLineHasItsAuditRow) {
  live();
  auto follower = mirror();
  ASSERT_EQ(follow(follower), "");
  EXPECT_EQ(mirrored(), ledger());
  EXPECT_EQ(follower.lines(), static_cast<std::int64_t>(ledger().size()));
  EXPECT_EQ(one("select count(*) from audit.entry where act like 'hsm.%'"),
            std::to_string(ledger().size()));
  EXPECT_EQ(one("select string_agg(distinct actor, ',' order by actor) from audit.entry "
                "where act = 'hsm.vote'"),
            "an,bo");
  EXPECT_EQ(one("select facts ->> 'decision' from audit.entry where act = 'hsm.vote' "
                "and actor = 'bo' order by seq limit 1"),
            "reject");
  EXPECT_EQ(one("select object || ' ' || outcome from audit.entry where act = 'hsm.event'"),
            "execute hsm.officers.too_few_approvals");
  EXPECT_EQ(one("select count(distinct object) from audit.entry where act in "
                "('hsm.request', 'hsm.executing', 'hsm.done')"),
            "4");
  EXPECT_EQ(one("select count(*) from audit.entry where facts::text like '%因审计测试%'"), "0");
  const auto verified = xinyin("verify --genesis " + founding());
  EXPECT_EQ(verified.exit, 0) << verified.out;
  EXPECT_NE(verified.out.find(R"("part":"officers_ledger","whole":true)"), std::string::npos);
  EXPECT_NE(verified.out.find(R"("signer":"asked")"), std::string::npos) << verified.out;
  // What comes later comes too; and a turn without news writes nothing.
  ask_for_more();
  ASSERT_EQ(follow(follower), "");
  EXPECT_EQ(follower.turn()->taken, 0);
  EXPECT_EQ(mirrored(), ledger());
}

TEST_F(LedgerTest, FollowersAtOnceMakeOneMirror) {
  live();
  std::vector<std::thread> instances;
  for (int i = 0; i < 3; ++i)
    instances.emplace_back([this] {
      auto mine = mirror();
      EXPECT_EQ(follow(mine), "");
    });
  for (auto& one : instances) one.join();
  EXPECT_EQ(mirrored(), ledger());
  EXPECT_EQ(one("select count(*) from audit.entry where act like 'hsm.%'"),
            std::to_string(ledger().size()));
  EXPECT_EQ(xinyin("verify").exit, 0);
}

TEST_F(LedgerTest, ARestartInBetweenLosesAndDoublesNothing) {
  live();
  {
    auto first = mirror();
    ASSERT_EQ(follow(first), "");
  }
  ask_for_more();
  start();
  auto second = mirror();
  ASSERT_EQ(follow(second), "");
  EXPECT_EQ(mirrored(), ledger());
  EXPECT_EQ(xinyin("verify").exit, 0);
}

TEST_F(LedgerTest, ASignerThatIsAwayIsNoAlarm) {
  live();
  auto follower = mirror();
  ASSERT_EQ(follow(follower), "");
  signer_->stop();
  EXPECT_EQ(follow(follower), "hsm.unavailable");
  EXPECT_EQ(follower.alarm(), "");
  const auto verified = xinyin("verify");
  EXPECT_EQ(verified.exit, 0) << verified.out;
  EXPECT_NE(verified.out.find(R"("signer":"not asked")"), std::string::npos) << verified.out;
  start();
  EXPECT_EQ(follow(follower), "");
}

TEST_F(LedgerTest, AShortenedLedgerIsAnAlarmAndChangesNothing) {
  live();
  const auto before = ledger();
  ask_for_more();
  const auto whole = ledger();
  auto follower = mirror();
  ASSERT_EQ(follow(follower), "");
  swap_ledger(before);
  EXPECT_EQ(follow(follower), "certs.ledger_shorter");
  EXPECT_EQ(follow(follower), "certs.ledger_shorter");
  EXPECT_EQ(follower.alarm(), "certs.ledger_shorter");
  EXPECT_EQ(one("select count(*) from audit.entry where act = 'hsm.ledger_alarm' "
                "and outcome = 'certs.ledger_shorter' and actor = 'system:test'"),
            "1");
  EXPECT_EQ(mirrored(), whole);
  const auto verified = xinyin("verify");
  EXPECT_EQ(verified.exit, 11);
  EXPECT_NE(verified.out.find("\"broken\":\"cli.ledger_signer_shorter\",\"broken_at\":" +
                              std::to_string(before.size() + 1)),
            std::string::npos)
      << verified.out;
  swap_ledger(whole);
  EXPECT_EQ(follow(follower), "");
  EXPECT_EQ(follower.alarm(), "") << "it ends when all is well again";
}

TEST_F(LedgerTest, AReplacedLedgerIsAnAlarmAndChangesNothing) {
  live();
  const auto before = ledger();
  ask_for_more();
  const auto whole = ledger();
  auto follower = mirror();
  ASSERT_EQ(follow(follower), "");
  swap_ledger(before);
  ask_for_more();  // as many lines, but others
  ask_for_more();
  EXPECT_EQ(follow(follower), "certs.ledger_differs");
  auto late = mirror();
  EXPECT_EQ(follow(late), "certs.ledger_differs");
  EXPECT_EQ(mirrored(), whole);
  const auto verified = xinyin("verify");
  EXPECT_EQ(verified.exit, 11);
  EXPECT_NE(verified.out.find("\"broken\":\"cli.ledger_signer_differs\",\"broken_at\":" +
                              std::to_string(before.size() + 1)),
            std::string::npos)
      << verified.out;
}

TEST_F(LedgerTest, ALineThatBreaksTheRulesIsNotTaken) {
  live();
  const auto good = ledger();
  // A signer that was taken over leaves out a vote and still executes.
  auto lines = good;
  lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(
                                  first_of(lines, "vote", first_of(lines, "executing") - 1)));
  lines = rechained(lines);
  auto follower = LedgerMirror(
      {.pool = database_.pool(),
       .clock = clock_,
       .ask = [&](std::string_view, std::string_view from) -> base::Result<std::string> {
         const auto n = std::stoul(std::string(from)) - 1;
         base::JsonWriter out;
         out.StartObject();
         out.member("count", static_cast<std::int64_t>(lines.size()));
         out.key("lines");
         out.StartArray();
         for (auto i = n; i < lines.size(); ++i) out.string(lines[i]);
         out.EndArray();
         out.EndObject();
         return out.text();
       },
       .actor = "system:test"});
  EXPECT_EQ(follow(follower), "certs.ledger_line");
  EXPECT_EQ(mirrored().size(), first_of(lines, "executing")) << "what was good before it is kept";
  EXPECT_EQ(follower.alarm(), "certs.ledger_line");
}

TEST_F(LedgerTest, AHandInTheMirrorIsFound) {
  live();
  ASSERT_EQ(follow(*std::make_unique<LedgerMirror>(mirror())), "");
  const auto count = ledger().size();
  struct {
    std::string sql, broken;
    std::size_t line;
  } const hands[] = {
      {"update hsm.ledger_line set line = replace(line, 'operator', 'operatox') where n = 2",
       "certs.ledger_line", 2},
      {"delete from hsm.ledger_line where n = 3", "certs.ledger_line", 3},
      {"delete from hsm.ledger_line where n = (select max(n) from hsm.ledger_line)",
       "cli.ledger_cut", count},
      {"delete from hsm.ledger_line", "cli.ledger_cut", 1},
      {"update audit.entry set actor = 'chen' where act = 'hsm.vote' and actor = 'bo'",
       "cli.ledger_row_differs", 5},
      {"delete from audit.entry where act = 'hsm.done'", "cli.ledger_row_differs",
       first_of(ledger(), "done") + 1},
      {"delete from audit.entry where act like 'hsm.%' and (facts ->> 'n')::int = " +
           std::to_string(count),
       "cli.ledger_row_missing", count},
  };
  database_.sql(test::Role::superuser,
                "create table kept_lines as table hsm.ledger_line; "
                "create table kept_rows as table audit.entry");
  for (const auto& hand : hands) {
    edit(hand.sql);
    const auto verified = xinyin("verify");
    EXPECT_EQ(verified.exit, 11) << hand.sql;
    EXPECT_NE(verified.out.find("\"broken\":\"" + hand.broken +
                                "\",\"broken_at\":" + std::to_string(hand.line) + ","),
              std::string::npos)
        << hand.sql << "\n"
        << verified.out;
    if (hand.broken != "cli.ledger_row_differs") {
      auto follower = mirror();
      EXPECT_EQ(follow(follower), "certs.ledger_mirror") << hand.sql;
      edit(
          "update audit.head set seq = (select max(seq) from kept_rows), "
          "hash = (select hash from kept_rows order by seq desc limit 1)");
    }
    edit(
        "truncate hsm.ledger_line, audit.entry; "
        "insert into hsm.ledger_line table kept_lines; insert into audit.entry table kept_rows");
    ASSERT_EQ(xinyin("verify").exit, 0) << hand.sql;
  }
}

TEST_F(LedgerTest, TheDatabaseItselfTakesOnlyTheNextLine) {
  live();
  const auto lines = ledger();
  const auto put = [&](std::size_t n, const std::string& text) -> std::string {
    const auto line = hsm::officers::read_line(text);
    constexpr store::Query kPut{
        "test.put",
        "insert into hsm.ledger_line (n, line, hash, mirrored_at) values ($1, $2, $3, now())"};
    auto tx = database_.pool().begin().value();
    const auto done = tx.run(kPut, {static_cast<std::int64_t>(n), text,
                                    base::BytesView(line.ok() ? line->hash : base::Digest{})});
    if (done.ok()) return tx.commit().ok() ? "" : "commit";
    for (const auto* name : {"ledger_line_pkey", "ledger_line_follows"})
      if (store::is_violation(done.error(), name)) return name;
    return done.error().key + done.error().detail;
  };
  EXPECT_EQ(put(2, lines[1]), "ledger_line_follows") << "not without the first";
  EXPECT_EQ(put(1, lines[1]), "ledger_line_follows");
  EXPECT_EQ(put(1, lines[0]), "");
  EXPECT_EQ(put(1, lines[0]), "ledger_line_pkey");
  EXPECT_EQ(put(3, lines[2]), "ledger_line_follows") << "no gaps";
  EXPECT_EQ(put(2, rechained({lines[1], lines[1]})[1]), "ledger_line_follows") << "another chain";
  auto altered = lines[1];
  altered.replace(altered.find("operator"), 8, "operatox");
  EXPECT_EQ(put(2, altered), "ledger_line_follows") << "another hash";
  for (std::size_t i = 1; i < lines.size(); ++i) EXPECT_EQ(put(i + 1, lines[i]), "") << lines[i];
  for (const auto* sql : {"update hsm.ledger_line set line = ''", "delete from hsm.ledger_line",
                          "truncate hsm.ledger_line"})
    EXPECT_THROW(database_.sql(test::Role::service, sql), std::runtime_error) << sql;
  EXPECT_THROW(database_.sql(test::Role::verifier, "select from hsm.ledger_line"),
               std::runtime_error);
}

TEST_F(LedgerTest, AnExportedLedgerIsCheckedOfflineAndByAStranger) {
  live();
  ASSERT_EQ(follow(*std::make_unique<LedgerMirror>(mirror())), "");
  const auto exported = xinyin("export-ledger --out " + at("ledger.jsonl"));
  ASSERT_EQ(exported.exit, 0) << exported.out;
  EXPECT_EQ(test::read_file(directory_ / "ledger.jsonl"), test::read_file(ledger_file()));
  const auto ours = offline("--ledger " + at("ledger.jsonl") + " --genesis " + founding());
  EXPECT_EQ(ours.exit, 0) << ours.out;
  EXPECT_EQ(ours.out.find("--genesis"), std::string::npos);
  const auto theirs = stranger(at("ledger.jsonl") + " --genesis " + founding());
  EXPECT_EQ(theirs.exit, 0) << theirs.out;
  EXPECT_NE(theirs.out.find("signed to " + std::to_string(ledger().size())), std::string::npos)
      << theirs.out;
  // The ledger's own word for its founding is not taken in silence, and another one not at all.
  EXPECT_NE(offline("--ledger " + at("ledger.jsonl")).out.find("--genesis"), std::string::npos);
  const std::string other(64, 'a');
  const auto founded = offline("--ledger " + at("ledger.jsonl") + " --genesis " + other);
  EXPECT_EQ(founded.exit, 11);
  EXPECT_NE(founded.out.find("cli.ledger_genesis"), std::string::npos) << founded.out;
  EXPECT_EQ(stranger(at("ledger.jsonl") + " --genesis " + other).exit, 11);
}

TEST_F(LedgerTest, BothJudgesFindEachHand) {
  live();
  const auto good = ledger();
  const auto with = [&](auto change) {
    auto lines = good;
    change(lines);
    return lines;
  };
  const auto voted = first_of(good, "vote", first_of(good, "executing") - 1);
  const auto executing = first_of(good, "executing");
  const auto forget = [&](std::size_t i) {
    return with([&](Lines& l) { l.erase(l.begin() + static_cast<std::ptrdiff_t>(i)); });
  };

  expect_broken(with([&](Lines& l) { l[1].replace(l[1].find("operator"), 8, "operatox"); }), 1,
                "the hash does not fit", "the hash does not fit");
  expect_broken(with([](Lines& l) { std::swap(l[3], l[4]); }), 3, "stands in its place",
                "stands in its place");
  expect_broken(forget(2), 2, "stands in its place", "stands in its place");
  expect_broken(with([](Lines& l) {
                  l[2] = rechained({l[0], l[0], l[2]})[2];
                }),
                2, "does not follow the line before it", "does not follow the line before it");
  expect_broken(rechained(forget(voted)), executing - 1, "hsm.officers.too_few_approvals",
                "too few approvals, 1 of 2");
  expect_broken(rechained(with([&](Lines& l) { l.insert(l.begin() + 3, l[2]); })), 3,
                "hsm.officers.voted_already", "has voted already");
  expect_broken(rechained(forget(0)), 0, "no founding", "a founding stands first");

  // A vote in another's name; a vote that says something else than was signed.
  const auto line = hsm::officers::read_line(good[voted]).value();
  const auto signed_vote =
      hsm::officers::read_vote(base::json_text(base::parse_json(line.body).value(), "vote"))
          .value();
  auto vote = signed_vote.vote;
  vote.person = "chen";
  const auto forged = [&](const std::string& jws) {
    return rechained(with([&](Lines& l) {
      l[voted] =
          hsm::officers::make_line(line.n, line.at, "vote", "{\"vote\":\"" + jws + "\"}", line.prev)
              .text();
    }));
  };
  expect_broken(forged(vote.jws(people_[0].sign(base::as_bytes(vote.signing_input())))), voted,
                "hsm.officers.forged", "the vote is not signed by chen");
  vote = signed_vote.vote;
  vote.text = "later";
  expect_broken(forged(vote.jws(signed_vote.signature)), voted, "hsm.officers.forged",
                "the vote is not signed by");

  // Lines put after the audit key came cannot be signed by anybody else.
  const auto signed_line = good.size() - 1;
  ASSERT_NE(good[signed_line].find("\"sig\":"), std::string::npos);
  expect_broken(rechained(forget(2), true),
                rechained(forget(2), true).size() - 1 -
                    (good.size() - 1 -
                     [&] {
                       std::size_t i = 0;
                       while (good[i].find("\"sig\":") == std::string::npos) ++i;
                       return i;
                     }()),
                "hsm.officers.line_forged", "not signed by the token");

  // The last line cut off in the middle.
  auto cut = joined(good);
  cut.resize(cut.size() - 10);
  test::write_file(directory_ / "cut.jsonl", cut);
  EXPECT_EQ(offline("--ledger " + at("cut.jsonl")).exit, 11);
  EXPECT_EQ(stranger(at("cut.jsonl")).exit, 11);
}

TEST_F(LedgerTest, TheLedgerInMinutesIsCheckedOffline) {
  live();
  const auto minutes = [&](const Lines& lines) {
    std::string out, head(64, '0');
    std::int64_t n = 0;
    const auto note = [&](const char* step, const std::string& name, const std::string& value) {
      base::JsonWriter json;
      json.StartObject();
      json.member("n", ++n);
      json.member("at", "2026-11-26T08:00:00.000000Z");
      json.member("prev", head);
      json.member("actor", "test");
      json.member("step", step);
      json.member("text", "");
      json.key("data");
      json.StartObject();
      json.member(name, value);
      json.EndObject();
      json.EndObject();
      const auto body = json.text();
      head = base::to_hex(base::sha256(base::as_bytes(body)));
      out += body.substr(0, body.size() - 1) + ",\"hash\":\"" + head + "\"}\n";
    };
    note("open", "plan_sha256", std::string(64, 'a'));
    for (const auto& line : lines) note("ledger", "line", line);
    return out;
  };
  test::write_file(directory_ / "minutes.jsonl", minutes(ledger()));
  const auto good = offline("--minutes " + at("minutes.jsonl") + " --genesis " + founding());
  EXPECT_EQ(good.exit, 0) << good.out;
  auto lines = ledger();
  lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(
                                  first_of(lines, "vote", first_of(lines, "executing") - 1)));
  test::write_file(directory_ / "minutes.jsonl", minutes(rechained(lines)));
  const auto bad = offline("--minutes " + at("minutes.jsonl"));
  EXPECT_EQ(bad.exit, 11) << bad.out;
  EXPECT_NE(bad.out.find("cli.ledger_minutes"), std::string::npos) << bad.out;
  EXPECT_NE(bad.out.find("too_few_approvals"), std::string::npos) << bad.out;
}

}  // namespace
