// The audit trail with signed heads, judged by `xinyin audit verify` in the database and in an
// export, and by a program that shares no code with ours (tests/store/check_audit_export.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "base/encoding.h"
#include "base/json.h"
#include "store/audit_export.h"
#include "test_paths.h"
#include "tests/certs/support.h"
#include "tests/support/postgres.h"
#include "tests/support/signer.h"

namespace {

using Lines = std::vector<std::string>;
using std::chrono::hours;

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

class AuditTrailTest : public testing::Test {
 protected:
  /// Twelve rows of deeds with a signed head behind the 4th row and the 9th: rows 5 and 10 tell of
  /// them, so that the trail has 14.
  void SetUp() override {
    key_ = test::SoftKey::make("audit-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::audit);
    test::write_file(directory_ / "xinyin.conf",
                     "database.service = " + database_.conninfo(test::Role::service) +
                         "\npki.directory = pki\nagency.name = 江州市社会保险事业管理中心\n"
                         "agency.code = 12360000MB0000001X\n");
    test::write_file(directory_ / "audit.pem", base::to_pem("PUBLIC KEY", key_->info().public_key));
    append(4);
    sign_head(*key_);
    append(4);
    sign_head(*key_);
    append(4);
  }

  void append(int count) {
    for (int i = 0; i < count; ++i) {
      auto tx = database_.pool().begin().value();
      const auto n = std::to_string(++appended_);
      const auto done = store::audit(
          tx, {moment(), "subject-" + n, "document.issue", "document-" + n, "ok",
               R"({"kind": "enrolment-certificate",  "长\u00e9\"": 1.50, "tab":"\t"})"});
      ASSERT_TRUE(done.ok()) << done.error().detail;
      ASSERT_TRUE(tx.commit().ok());
    }
  }
  base::Time moment() { return pki_.start() + std::chrono::microseconds{1'000'007 * ++moments_}; }
  store::SignedHead head_of(const hsm::Key& key, std::int64_t seq, const base::Digest& hash) {
    const auto input =
        store::head_signing_input(seq, hash, moment(), store::audit_key_id(key.info().public_key));
    return *store::parse_head(
        store::head_text(input, key.sign_message(base::as_bytes(input)).value()));
  }
  void sign_head(const hsm::Key& key) {
    const auto state = store::audit_state(database_.pool()).value();
    const auto head = head_of(key, state.seq, state.hash);
    const auto done =
        store::record_head(database_.pool(), head, key.info().public_key, moment(), "system:test");
    ASSERT_TRUE(done.ok()) << done.error().detail;
  }
  void edit(const std::string& sql) { database_.sql(test::Role::superuser, sql); }
  /// Makes every hash from `first` on anew, as somebody would who can do all but sign.
  void rehash(std::int64_t first) {
    edit(R"sql(
      do $$
      declare e audit.entry; p bytea;
      begin
        select hash into p from audit.entry where seq = )sql" +
         std::to_string(first - 1) + R"sql(;
        p := coalesce(p, decode(repeat('00', 32), 'hex'));
        for e in select * from audit.entry where seq >= )sql" +
         std::to_string(first) + R"sql( order by seq loop
          update audit.entry set previous = p, hash = sha256(
              int8send(14) || 'xinyin audit 1'::bytea || int8send(seq) || p
              || int8send((extract(epoch from at) * 1000000)::bigint)
              || int8send(octet_length(actor)) || convert_to(actor, 'UTF8')
              || int8send(octet_length(act)) || convert_to(act, 'UTF8')
              || int8send(octet_length(object)) || convert_to(object, 'UTF8')
              || int8send(octet_length(outcome)) || convert_to(outcome, 'UTF8')
              || int8send(octet_length(facts::text)) || convert_to(facts::text, 'UTF8'))
            where seq = e.seq returning hash into p;
        end loop;
        update audit.head h set seq = l.seq, hash = l.hash
          from (select seq, hash from audit.entry order by seq desc limit 1) l;
      end $$)sql");
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
    return test::shell(
        "/usr/bin/python3 -B " XINYIN_SOURCE_DIR "/tests/store/check_audit_export.py " + arguments);
  }
  std::string at(const std::string& name) { return (directory_ / name).string(); }
  std::string key_option() { return " --key " + at("audit.pem") + " "; }

  Lines exported() {
    const auto ran = xinyin("export --out " + at("trail.jsonl"));
    EXPECT_EQ(ran.exit, 0) << ran.out;
    return split(test::read_file(directory_ / "trail.jsonl"));
  }

  test::Directory directory_;
  test::Database database_;
  test::Pki pki_;
  std::shared_ptr<test::SoftKey> key_;
  int appended_ = 0, moments_ = 0;
};

TEST_F(AuditTrailTest, Ldt01_6_3_2_AnExportIsCheckedOfflineAndByAStranger) {
  exported();
  const auto ours = offline(at("trail.jsonl") + key_option());
  EXPECT_EQ(ours.exit, 0) << ours.out;
  EXPECT_NE(
      ours.out.find(R"("heads":2,"vouched":2,"signed_to":9,"unsigned_rows":5,"keys":"given")"),
      std::string::npos)
      << ours.out;
  EXPECT_NE(ours.out.find("江州市社会保险事业管理中心"), std::string::npos);
  const auto theirs = stranger(at("trail.jsonl") + key_option());
  EXPECT_EQ(theirs.exit, 0) << theirs.out;
  EXPECT_EQ(theirs.out, "whole: rows 1 to 14, 2 signed heads\n");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "trail.jsonl.part"));
  // The trail's own word for its key is not taken in silence.
  const auto claimed = offline(at("trail.jsonl"));
  EXPECT_EQ(claimed.exit, 0) << claimed.out;
  EXPECT_NE(claimed.out.find(R"("keys":"claimed")"), std::string::npos) << claimed.out;
  EXPECT_EQ(claimed.out.find(R"("warnings":[])"), std::string::npos) << claimed.out;
}

TEST_F(AuditTrailTest, AnExportFromTheMiddleHangsOnWhatWasBefore) {
  ASSERT_EQ(xinyin("export --from 6 --out " + at("rest")).exit, 0);
  const auto hash = database_.sql(
      test::Role::superuser, "select encode(hash, 'hex') from audit.entry where seq = 5")[0][0];
  for (const auto& head : {" --head 5:" + hash, std::string()}) {
    EXPECT_EQ(offline(at("rest") + key_option() + head).exit, 0);
    EXPECT_EQ(stranger(at("rest") + key_option() + head).exit, 0);
  }
  const auto other = " --head 5:" + std::string(64, '1');
  EXPECT_EQ(offline(at("rest") + key_option() + other).exit, 11);
  EXPECT_EQ(stranger(at("rest") + key_option() + other).exit, 11);
  EXPECT_EQ(xinyin("export --from 16 --out " + at("none")).exit, 9);
  EXPECT_FALSE(std::filesystem::exists(at("none")));
  EXPECT_FALSE(std::filesystem::exists(at("none.part")));
}

TEST_F(AuditTrailTest, AnExportThatWasKilledIsNoneAndTheNextOneIsWhole) {
  const auto conf = test::read_file(directory_ / "xinyin.conf");
  test::write_file(directory_ / "xinyin.conf",
                   conf + "profile = demonstration\ntesting.fail_point = audit.export_page\n");
  EXPECT_NE(xinyin("export --out " + at("trail.jsonl")).exit, 0);
  EXPECT_TRUE(std::filesystem::exists(at("trail.jsonl.part")));
  EXPECT_FALSE(std::filesystem::exists(at("trail.jsonl")));
  test::write_file(directory_ / "xinyin.conf", conf);
  exported();
  EXPECT_EQ(stranger(at("trail.jsonl") + key_option()).exit, 0);
}

TEST_F(AuditTrailTest, TheKeysOfATrustListCountInTheirLife) {
  auto& pki = pki_;
  const auto certificate =
      pki.issuing()
          .issue(certs::Profile::document_code, pki.agency("审计"), key_->info().public_key)
          .value();
  test::write_file(directory_ / "list.jws", pki.jws());
  exported();
  const auto verify = [&] {
    return offline(at("trail.jsonl") + " --trust " + at("list.jws") + " --root " +
                   base::to_hex(pki.certificate("root-ca").sha256()));
  };
  EXPECT_EQ(verify().exit, 9) << "a list that names no such key";
  pki.enlist(certificate, "audit");
  test::write_file(directory_ / "list.jws", pki.jws());
  const auto good = verify();
  EXPECT_EQ(good.exit, 0) << good.out;
  EXPECT_NE(good.out.find(R"("vouched":2)"), std::string::npos) << good.out;
  // From the moment that the revocation names, its signatures are nobody's.
  pki.clock().set(pki.start() + hours(1));
  pki.revoke(certificate, pki.start() + hours(1), 1, pki.start() + std::chrono::seconds(8));
  test::write_file(directory_ / "list.jws", pki.jws());
  const auto revoked = verify();
  EXPECT_EQ(revoked.exit, 11) << revoked.out;
  EXPECT_NE(revoked.out.find(R"("broken":"store.audit_head_outside_life","broken_at":9)"),
            std::string::npos)
      << revoked.out;
}

TEST_F(AuditTrailTest, Ldt01_6_2_5e_HeadsAreSignedInTheTokenThroughTheServicesDoor) {
  test::Token token({{"audit-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::audit}});
  const test::Signer signer(token, {.program = XINYIN_BIN_DIR "/xinyin-signer"});
  hsm::Client client(signer.client());
  const auto key = client.key("audit-1");
  ASSERT_TRUE(key.ok()) << key.error().detail;
  sign_head(**key);
  std::filesystem::create_directories(at("pki"));
  // Both keys, as after a change of keys.
  test::write_file(directory_ / "pki/audit-1.pem",
                   base::to_pem("PUBLIC KEY", key_->info().public_key));
  test::write_file(directory_ / "pki/audit-2.pem",
                   base::to_pem("PUBLIC KEY", (*key)->info().public_key));
  const auto ours = xinyin("verify");
  EXPECT_EQ(ours.exit, 0) << ours.out;
  EXPECT_NE(ours.out.find(R"("vouched":3,"signed_to":14,"unsigned_rows":1,"keys":"pki_directory")"),
            std::string::npos)
      << ours.out;
  exported();
  const auto theirs =
      stranger(at("trail.jsonl") + key_option() + " --key " + at("pki/audit-2.pem"));
  EXPECT_EQ(theirs.exit, 0) << theirs.out;
  // What an auditor takes away is what he asks for next time.
  const auto head = test::shell(XINYIN_BIN_DIR "/xinyin --config " + at("xinyin.conf") +
                                " audit head > " + at("head.jws"));
  EXPECT_EQ(head.exit, 0);
  EXPECT_EQ(xinyin("verify --head " + at("head.jws")).exit, 0);
  edit(
      "delete from audit.signed_head where seq = 14; delete from audit.entry where seq > 13;"
      "update audit.head h set seq = e.seq, hash = e.hash from audit.entry e where e.seq = 13");
  EXPECT_EQ(xinyin("verify").exit, 0) << "in itself it is whole";
  EXPECT_EQ(xinyin("verify --head " + at("head.jws")).exit, 11);
}

TEST_F(AuditTrailTest, HeadsOnlyRiseAndNameARow) {
  const auto state = store::audit_state(database_.pool()).value();
  EXPECT_EQ(state.seq, 14);
  EXPECT_EQ(state.signed_seq, 9);
  const auto spki = key_->info().public_key;
  for (const std::int64_t seq : {9, 4}) {
    const auto again = store::record_head(database_.pool(), head_of(*key_, seq, state.hash), spki,
                                          moment(), "system:test");
    ASSERT_FALSE(again.ok());
    EXPECT_TRUE(store::is_violation(again.error(), "signed_head_pkey")) << again.error().detail;
  }
  EXPECT_FALSE(store::record_head(database_.pool(), head_of(*key_, 16, state.hash), spki, moment(),
                                  "system:test")
                   .ok());
  EXPECT_EQ(store::audit_state(database_.pool())->seq, 14) << "and left no row";
}

TEST_F(AuditTrailTest, ARowOfASigningIsNoNews) {
  EXPECT_TRUE(store::audit_state(database_.pool())->news);
  sign_head(*key_);
  const auto state = store::audit_state(database_.pool()).value();
  EXPECT_EQ(state.seq, state.signed_seq + 1);
  EXPECT_FALSE(state.news);
}

TEST_F(AuditTrailTest, AWalkBesideAppendersAndSignersIsWhole) {
  std::thread busy([&] {
    for (int i = 0; i < 40; ++i) append(2), sign_head(*key_);
  });
  for (int i = 0; i < 15; ++i) {
    const auto report = store::verify_audit(database_.pool()).value();
    EXPECT_TRUE(report.whole()) << (report.heads_break ? report.heads_break->key
                                                       : report.chain_break->key);
  }
  busy.join();
  EXPECT_EQ(store::verify_audit(database_.pool())->heads, 42);
}

TEST_F(AuditTrailTest, RowsAreShownByWhatTheyAreAbout) {
  const auto shown = xinyin("show --act document --object document-3");
  EXPECT_EQ(shown.exit, 0) << shown.out;
  EXPECT_NE(shown.out.find(R"("data":[{"seq":3,)"), std::string::npos) << shown.out;
  EXPECT_EQ(shown.out.find("subject-4"), std::string::npos) << shown.out;
  EXPECT_NE(xinyin("show --act audit").out.find(R"("seq":10)"), std::string::npos);
  EXPECT_NE(xinyin("show --act docum").out.find(R"("data":[])"), std::string::npos);
  const auto tail = xinyin("tail -n 2");
  EXPECT_NE(tail.out.find(R"("data":[{"seq":13,)"), std::string::npos) << tail.out;
  EXPECT_NE(xinyin("show --since 2026-11-24T03:00:12Z -n 1").out.find(R"("seq":10)"),
            std::string::npos);
  EXPECT_EQ(xinyin("show --since yesterday").exit, 2);
  const auto table = test::shell(XINYIN_BIN_DIR "/xinyin --config " + at("xinyin.conf") +
                                 " audit tail --actor subject-7");
  EXPECT_EQ(split(table.out).size(), 1u) << table.out;
  EXPECT_NE(table.out.find("document-7"), std::string::npos) << table.out;
}

/// What somebody who may do all did in the database, and what is said of it. `known`: with the head
/// of row 9 kept elsewhere; `claimed`: without a key from elsewhere.
class TamperedTrailTest;
struct Deed {
  const char* name;
  std::function<void(TamperedTrailTest&)> done;
  const char* key;
  std::int64_t seq;
  bool known = false, claimed = false;
  const char* key_in_file = key;
};
void PrintTo(const Deed& deed, std::ostream* out) {
  *out << deed.name;
}

class TamperedTrailTest : public AuditTrailTest, public testing::WithParamInterface<Deed> {
 public:
  using AuditTrailTest::edit;
  using AuditTrailTest::rehash;
  static std::function<void(TamperedTrailTest&)> sql(const char* text) {
    return [text](TamperedTrailTest& trail) { trail.edit(text); };
  }
  /// In the place of the head of `seq` another one, over the same hash.
  void replace_head(const hsm::Key& by, std::int64_t seq) {
    const auto row = database_.sql(test::Role::superuser,
                                   "select encode(hash, 'hex') from audit.entry "
                                   "where seq = " +
                                       std::to_string(seq))[0][0];
    base::Digest hash{};
    const auto bytes = *base::from_hex(row);
    std::copy(bytes.begin(), bytes.end(), hash.begin());
    const auto head = head_of(by, seq, hash);
    edit("update audit.signed_head set jws = '" + head.jws + "', key_id = '" + head.key_id +
         "', public_key = decode('" + base::to_hex(by.info().public_key) +
         "', 'hex') where seq = " + std::to_string(seq));
  }
  const hsm::Key& own_key() { return *key_; }
};

TEST_P(TamperedTrailTest, Ldt01_6_2_5e_IsNamedInTheDatabaseAndInAnExport) {
  const auto& deed = GetParam();
  const auto kept = database_.sql(test::Role::superuser,
                                  "select seq || ':' || encode(hash, 'hex') from audit.entry "
                                  "where seq = 9")[0][0];
  deed.done(*this);
  const auto with = (deed.claimed ? std::string(" ") : key_option()) +
                    (deed.known ? "--head " + kept : std::string());
  const auto said = [&deed](const std::string& key) {
    return "\"broken\":\"" + key + "\",\"broken_at\":" + std::to_string(deed.seq) + ",";
  };
  const auto in_database = xinyin("verify" + with);
  EXPECT_EQ(in_database.exit, 11) << in_database.out;
  EXPECT_NE(in_database.out.find(said(deed.key)), std::string::npos) << in_database.out;
  exported();
  const auto in_file = offline(at("trail.jsonl") + with);
  EXPECT_EQ(in_file.exit, 11) << in_file.out;
  EXPECT_NE(in_file.out.find(said(deed.key_in_file)), std::string::npos) << in_file.out;
  const auto theirs = stranger(at("trail.jsonl") + with);
  EXPECT_EQ(theirs.exit, 11) << theirs.out;
}

INSTANTIATE_TEST_SUITE_P(
    Deeds, TamperedTrailTest,
    testing::Values(
        Deed{"rewritten",
             [](TamperedTrailTest& trail) {
               trail.edit("update audit.entry set actor = 'subject-9' where seq = 7");
               trail.rehash(7);
             },
             "store.audit_rewritten", 9},
        Deed{"row_taken_out",
             [](TamperedTrailTest& trail) {
               trail.edit(
                   "alter table audit.entry drop constraint entry_seq_check;"
                   "delete from audit.entry where seq = 3;"
                   "update audit.entry set seq = -seq where seq > 3;"
                   "update audit.entry set seq = -seq - 1 where seq < 0;");
               trail.rehash(3);
             },
             "store.audit_rewritten", 4},
        Deed{"row_put_in",
             [](TamperedTrailTest& trail) {
               trail.edit(
                   "alter table audit.entry drop constraint entry_seq_check;"
                   "update audit.entry set seq = -seq where seq > 6;"
                   "update audit.entry set seq = 1 - seq where seq < 0;"
                   "insert into audit.entry select 7, at, 'subject-9', act, object, outcome,"
                   " facts, previous, hash from audit.entry where seq = 6");
               trail.rehash(7);
             },
             "store.audit_rewritten", 9},
        Deed{"cut_and_set_back",
             TamperedTrailTest::sql("delete from audit.entry where seq > 7;"
                                    "update audit.head h set seq = e.seq, hash = e.hash"
                                    "  from audit.entry e where e.seq = 7"),
             "store.audit_truncated", 9},
        Deed{"cut_with_its_heads",
             TamperedTrailTest::sql("delete from audit.entry where seq > 7;"
                                    "delete from audit.signed_head where seq > 7;"
                                    "update audit.head h set seq = e.seq, hash = e.hash"
                                    "  from audit.entry e where e.seq = 7"),
             "store.audit_known_beyond", 9, true},
        Deed{"rewritten_without_heads",
             [](TamperedTrailTest& trail) {
               trail.edit(
                   "update audit.entry set act = 'document.read' where seq in (5, 10);"
                   "delete from audit.signed_head");
               trail.rehash(5);
             },
             "store.audit_known_differs", 9, true},
        Deed{"head_taken_away",
             TamperedTrailTest::sql("delete from audit.signed_head where seq = 4"),
             "store.audit_head_missing", 4},
        Deed{"newest_head_taken_away",
             TamperedTrailTest::sql("delete from audit.signed_head where seq = 9"),
             "store.audit_head_missing", 9},
        Deed{"head_by_another_key",
             [](TamperedTrailTest& trail) {
               const auto other =
                   test::SoftKey::make("audit-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::audit);
               trail.replace_head(*other, 9);
             },
             "store.audit_head_unknown_key", 9},
        Deed{"head_by_another_key_with_nobody_to_ask",
             [](TamperedTrailTest& trail) {
               const auto other =
                   test::SoftKey::make("audit-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::audit);
               trail.replace_head(*other, 9);
             },
             "store.audit_head_replaced", 9, false, true},
        Deed{"head_signed_anew",
             [](TamperedTrailTest& trail) { trail.replace_head(trail.own_key(), 9); },
             "store.audit_head_replaced", 9},
        Deed{"head_with_a_wrong_signature",
             [](TamperedTrailTest& trail) {
               trail.edit(
                   "update audit.signed_head set jws = substr(jws, 1, length(jws) - 12) || "
                   "'AAAAAAAAAAAA' where seq = 9");
             },
             "store.audit_head_forged", 9},
        Deed{"head_that_is_none",
             TamperedTrailTest::sql("update audit.signed_head set jws = 'x.y.z' where seq = 4"),
             "store.audit_head_malformed", 4},
        Deed{"head_moved",
             TamperedTrailTest::sql("update audit.signed_head a set jws = b.jws "
                                    "from audit.signed_head b where a.seq = 4 and b.seq = 9"),
             "store.audit_head_malformed", 4, false, false, "store.audit_head_missing"}),
    [](const auto& one) { return one.param.name; });

/// What somebody did to an export, who also made its last line anew.
struct FileDeed {
  const char* name;
  std::function<void(Lines&)> done;
  const char* key;
  std::int64_t seq;
  bool mend = true;
};
void PrintTo(const FileDeed& deed, std::ostream* out) {
  *out << deed.name;
}

class TamperedExportTest : public AuditTrailTest, public testing::WithParamInterface<FileDeed> {
 protected:
  /// Counts and digest as the edited lines have them.
  static void mend(Lines& lines) {
    lines.pop_back();
    std::int64_t rows = 0, heads = 0;
    store::AuditRow last;
    for (const auto& line : lines) {
      if (const auto row = store::parse_audit_row(line)) ++rows, last = *row;
      if (line.starts_with("{\"signed_head\"")) ++heads;
    }
    const auto digest = base::to_hex(base::sha256(base::as_bytes(joined(lines))));
    lines.push_back("{\"end\":{\"rows\":" + std::to_string(rows) +
                    ",\"heads\":" + std::to_string(heads) +
                    ",\"last\":" + std::to_string(last.seq) + ",\"hash\":\"" +
                    base::to_hex(last.hash) + "\",\"sha256\":\"" + digest + "\"}}");
  }
};

/// The row on this line (row 1 is on line 1, counted from 0), changed, with its own hash made anew
/// or left.
std::function<void(Lines&)> row(std::size_t line, const std::function<void(store::AuditRow&)>& how,
                                bool own_hash = false) {
  return [=](Lines& lines) {
    auto changed = *store::parse_audit_row(lines.at(line));
    how(changed);
    if (own_hash) changed.hash = store::audit_hash(changed);
    lines[line] = store::audit_line(changed);
  };
}
std::function<void(Lines&)> replace(std::size_t line, const std::string& from,
                                    const std::string& to) {
  return [=](Lines& lines) {
    const auto at = lines.at(line).find(from);
    ASSERT_NE(at, std::string::npos);
    lines[line].replace(at, from.size(), to);
  };
}

TEST_P(TamperedExportTest, IsNamedByUsAndRefusedByAStranger) {
  const auto& deed = GetParam();
  auto lines = exported();
  ASSERT_EQ(lines.size(), 18u) << "a start, 14 rows, 2 heads, an end";
  deed.done(lines);
  if (deed.mend) mend(lines);
  test::write_file(directory_ / "bent.jsonl", joined(lines));
  const auto ours = offline(at("bent.jsonl") + key_option());
  EXPECT_EQ(ours.exit, 11) << ours.out;
  EXPECT_NE(ours.out.find(std::string("\"broken\":\"") + deed.key +
                          "\",\"broken_at\":" + std::to_string(deed.seq) + ","),
            std::string::npos)
      << ours.out;
  const auto theirs = stranger(at("bent.jsonl") + key_option());
  EXPECT_EQ(theirs.exit, 11) << theirs.out;
}

constexpr const char* kAltered = "store.audit_row_altered";

INSTANTIATE_TEST_SUITE_P(
    Edits, TamperedExportTest,
    testing::Values(
        FileDeed{"at", row(3, [](auto& r) { r.at += std::chrono::microseconds(1); }), kAltered, 3},
        FileDeed{"actor", row(3, [](auto& r) { r.actor = "subject-9"; }), kAltered, 3},
        FileDeed{"act", row(3, [](auto& r) { r.act = "document.read"; }), kAltered, 3},
        FileDeed{"object", row(3, [](auto& r) { r.object.clear(); }), kAltered, 3},
        FileDeed{"outcome", row(3, [](auto& r) { r.outcome = "no"; }), kAltered, 3},
        FileDeed{"facts", row(3, [](auto& r) { r.facts = "{}"; }), kAltered, 3},
        FileDeed{"shifted", row(3, [](auto& r) { r.actor += "d", r.act.erase(0, 1); }), kAltered,
                 3},
        FileDeed{"previous", row(3, [](auto& r) { r.previous[0] ^= 1; }),
                 "store.audit_link_altered", 3},
        FileDeed{"hash", row(3, [](auto& r) { r.hash[31] ^= 1; }), kAltered, 3},
        FileDeed{"own_hash_made_anew",
                 row(
                     3, [](auto& r) { r.actor = "subject-9"; }, true),
                 "store.audit_row_foreign", 4},
        FileDeed{"number", row(3, [](auto& r) { r.seq = 4; }), "store.audit_row_missing", 3},
        FileDeed{"deleted", [](Lines& l) { l.erase(l.begin() + 3); }, "store.audit_row_missing", 3},
        FileDeed{"repeated", [](Lines& l) { l.insert(l.begin() + 3, l[3]); },
                 "store.audit_row_repeated", 4},
        FileDeed{"swapped", [](Lines& l) { std::swap(l[2], l[3]); }, "store.audit_row_missing", 2},
        FileDeed{"head_removed", [](Lines& l) { l.erase(l.begin() + 5); },
                 "store.audit_head_missing", 4},
        FileDeed{"head_twice", [](Lines& l) { l.insert(l.begin() + 5, l[5]); },
                 "store.audit_head_misplaced", 4},
        FileDeed{"head_later", [](Lines& l) { std::swap(l[5], l[6]); }, "store.audit_head_missing",
                 4},
        FileDeed{"head_sooner", [](Lines& l) { std::swap(l[4], l[5]); }, "store.audit_head_missing",
                 4},
        FileDeed{"tail_cut_under_a_head",
                 [](Lines& l) {
                   const Lines kept{l[11], l.back()};
                   ASSERT_TRUE(kept[0].starts_with("{\"signed_head\""));
                   l.resize(9);
                   l.insert(l.end(), kept.begin(), kept.end());
                 },
                 "store.audit_truncated", 9},
        FileDeed{"rewritten",
                 [](Lines& l) {
                   base::Digest previous{};
                   for (auto& line : l) {
                     auto r = store::parse_audit_row(line);
                     if (!r) continue;
                     if (r->seq == 7) r->actor = "subject-9";
                     r->previous = previous;
                     r->hash = previous = store::audit_hash(*r);
                     line = store::audit_line(*r);
                   }
                 },
                 "store.audit_rewritten", 9},
        FileDeed{"a_key_under_anothers_name", replace(0, "\"kid\":\"", "\"kid\":\"00"),
                 "store.audit_file_start", 1},
        FileDeed{"another_version", replace(0, "export\":1", "export\":2"),
                 "store.audit_file_start", 1},
        FileDeed{"a_start_that_is_none", replace(0, std::string(64, '0'), std::string(64, '1')),
                 "store.audit_file_start", 1},
        FileDeed{"a_member_twice", replace(3, "{", "{\"seq\":9,"), "store.audit_file_line", 4},
        FileDeed{"a_member_more", replace(3, "{", "{\"note\":9,"), "store.audit_file_line", 4},
        FileDeed{"a_member_less", replace(3, "\"outcome\":\"ok\",", ""), "store.audit_file_line",
                 4},
        FileDeed{"no_json", replace(3, "{", "["), "store.audit_file_line", 4},
        FileDeed{"wrong_digest", replace(17, "\"sha256\":\"", "\"sha256\":\"0"),
                 "store.audit_file_line", 18, false},
        FileDeed{"not_mended", row(3, [](auto& r) { r.actor = "subject-9"; }),
                 "store.audit_file_digest", 18, false},
        FileDeed{"wrong_count", replace(17, "\"rows\":14", "\"rows\":15"),
                 "store.audit_file_counts", 18, false},
        FileDeed{"no_end", [](Lines& l) { l.pop_back(); }, "store.audit_file_cut", 18, false},
        FileDeed{"more_behind_the_end", [](Lines& l) { l.push_back(l[3]); },
                 "store.audit_file_more", 19, false},
        FileDeed{"a_line_without_end", [](Lines& l) { l[3] = std::string(2'000'000, ' ') + l[3]; },
                 "store.audit_file_line", 4, false},
        FileDeed{"nothing", [](Lines& l) { l.clear(); }, "store.audit_file_cut", 1, false}),
    [](const auto& one) { return one.param.name; });

}  // namespace
