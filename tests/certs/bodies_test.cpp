// Laws about the register of certification bodies: LD/T 01-2020 6.2.7.
#include "certs/bodies.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "certs/health.h"
#include "certs/publisher.h"
#include "tests/certs/support.h"
#include "tests/support/postgres.h"

namespace {

using certs::Bodies;
using certs::Standing;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

class BodiesTest : public testing::Test {
 protected:
  template <class Deed>
  auto with(Deed deed) -> decltype(deed(std::declval<Bodies&>())) {
    BASE_TRY(auto tx, database.pool().begin());
    Bodies bodies(tx, pki.clock(), "officer:test");
    auto done = deed(bodies);
    if (!done) return done;
    BASE_TRY_VOID(tx.commit());
    return done;
  }
  certs::BodyRecord record() {
    certs::BodyRecord out;
    out.body.name = "某电子认证公司";
    out.body.code = "91110000MA0000000A";
    out.body.licence = "ECP00000000000";
    out.body.anchors = {foreign.certificate("root-ca"), foreign.certificate("issuing-ca")};
    out.body.uses = {"login", "seal"};
    out.body.limits = {{"1.2.3"}, {"directory:/C=CN"}, {"dns:bad.cn", "dns:worse.cn"}};
    out.body.crl_urls = {"http://crl.example.cn/a.crl"};
    out.body.expiry = pki.start() + days(300);
    out.licence_issuer = "工业和信息化部";
    out.licence_from = pki.start() - days(100);
    out.licence_until = pki.start() + days(400);
    out.qualification = "电子政务电子认证服务 A001";
    out.qualification_until = pki.start() + days(300);
    out.contact = "张三 010-12345678";
    out.ocsp_urls = {"http://ocsp.example.cn"};
    return out;
  }
  std::vector<certs::BodyPaper> papers() {
    return {{"licence", "许可证.pdf", {1}},
            {"qualification", "资质.pdf", {2}},
            {"liability", "责任.pdf", {3}},
            {"acceptance", "验收.pdf", {4}}};
  }
  certs::AdmissionReport report(bool good = true) {
    return {pki.clock().now(), {{"anchor 1", "validity", "RFC 5280", good, "x"}}};
  }
  base::Result<std::int64_t> propose(bool good = true) {
    return with([&](Bodies& b) { return b.propose(record(), papers(), report(good)); });
  }
  base::Result<certs::BodyWish> wish(std::int64_t number, Standing standing,
                                     std::string reason = "",
                                     std::optional<base::Time> invalid = std::nullopt) {
    return with([&](Bodies& b) {
      return b.wish(number, {standing, {}, std::move(reason), invalid});
    });
  }
  base::Result<certs::Published> publish(std::optional<std::int64_t> wish) {
    const certs::PublishParts parts{pki.key("root-ca"),
                                    pki.key("issuing-ca"),
                                    pki.certificate("root-ca"),
                                    pki.certificate("issuing-ca"),
                                    "si.example.gov.cn",
                                    hours(24),
                                    1,
                                    wish};
    BASE_TRY(auto tx, database.pool().begin());
    certs::CertificateRegister issued(tx, pki.clock(), "officer:test");
    BASE_TRY(auto published, certs::publish(issued, parts, pki.clock(), random));
    BASE_TRY_VOID(tx.commit());
    return published;
  }
  /// Wished for and in a list.
  void put(std::int64_t number, Standing standing, std::string reason = "",
           std::optional<base::Time> invalid = std::nullopt) {
    pki.clock().advance(hours(1));
    const auto wanted = wish(number, standing, std::move(reason), invalid);
    ASSERT_TRUE(wanted) << wanted.error().key << wanted.error().detail;
    const auto published = publish(wanted->id);
    ASSERT_TRUE(published) << published.error().key << published.error().detail;
  }
  certs::BodyRecord found(std::int64_t number) {
    return *with([&](Bodies& b) { return b.find(number); });
  }
  const certs::TrustBody* listed(const certs::TrustList& list, std::int64_t number) {
    for (const auto& body : list.bodies)
      if (body.number == number) return &body;
    return nullptr;
  }
  std::size_t audited(const std::string& act, std::int64_t number) {
    return database
        .sql(test::Role::superuser, "select 1 from audit.entry where act = '" + act +
                                        "' and object = 'body:" + std::to_string(number) + "'")
        .size();
  }

  test::Database& database = test::Database::shared();
  test::Pki pki, foreign;
  base::SystemRandom random;
};

TEST_F(BodiesTest, WhatIsProposedIsFoundWhole) {
  const auto number = *propose();
  const auto got = found(number);
  const auto given = record();
  EXPECT_EQ(got.body.name, given.body.name);
  EXPECT_EQ(got.body.code, given.body.code);
  EXPECT_EQ(got.body.licence, given.body.licence);
  EXPECT_EQ(got.body.anchors.size(), 2u);
  EXPECT_EQ(got.body.anchors[0].sha256(), given.body.anchors[0].sha256());
  EXPECT_EQ(got.body.uses, given.body.uses);
  EXPECT_EQ(got.body.limits.policies, given.body.limits.policies);
  EXPECT_EQ(got.body.limits.permitted, given.body.limits.permitted);
  EXPECT_EQ(got.body.limits.excluded, given.body.limits.excluded);
  EXPECT_EQ(got.body.crl_urls, given.body.crl_urls);
  EXPECT_EQ(got.ocsp_urls, given.ocsp_urls);
  EXPECT_EQ(got.body.expiry, given.body.expiry);
  EXPECT_EQ(got.licence_from, given.licence_from);
  EXPECT_EQ(got.qualification_until, given.qualification_until);
  EXPECT_EQ(got.contact, given.contact);
  EXPECT_EQ(got.proposed_by, "officer:test");
  EXPECT_TRUE(got.check_passed);
  EXPECT_EQ(got.check_report, report().json());
  ASSERT_EQ(got.papers.size(), 4u);
  EXPECT_EQ(got.papers[0].kind, "acceptance");
  EXPECT_EQ(got.papers[0].file_name, "验收.pdf");
  EXPECT_EQ(got.papers[0].size, 1);
  EXPECT_EQ(got.papers[0].sha256, base::sha256(base::Bytes{4}));
  ASSERT_EQ(got.body.history.size(), 1u);
  EXPECT_EQ(got.body.history[0].standing, Standing::proposed);
  EXPECT_EQ(audited("body.propose", number), 1u);
  EXPECT_EQ(with([&](Bodies& b) { return b.paper(number, "liability"); })->content, base::Bytes{3});
  EXPECT_EQ(with([&](Bodies& b) { return b.paper(number, "other"); }).error().key,
            "certs.body_not_recorded");
  EXPECT_EQ(with([&](Bodies& b) { return b.find(number + 1'000); }).error().key,
            "certs.body_not_recorded");
}

TEST_F(BodiesTest, Ldt01_6_2_7_WithoutThePapersNothingIsRecorded) {
  for (std::size_t missing = 0; missing < 4; ++missing) {
    auto some = papers();
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_EQ(with([&](Bodies& b) { return b.propose(record(), some, report()); }).error().key,
              "certs.body_papers");
  }
  auto large = papers();
  large[0].content.assign((20u << 20) + 1, 0);
  EXPECT_EQ(with([&](Bodies& b) { return b.propose(record(), large, report()); }).error().key,
            "certs.body_papers");
  large[0].content.pop_back();
  EXPECT_TRUE(with([&](Bodies& b) { return b.propose(record(), large, report()); }));
  auto twice = papers();
  twice.push_back(twice[0]);
  EXPECT_FALSE(with([&](Bodies& b) { return b.propose(record(), twice, report()); }));
}

TEST_F(BodiesTest, WhatCannotStandInTheListIsNotRecorded) {
  const auto refused = [&](const std::function<void(certs::BodyRecord&)>& bend) {
    auto bent = record();
    bend(bent);
    const auto made = with([&](Bodies& b) { return b.propose(bent, papers(), report()); });
    return made ? std::string("recorded") : made.error().key;
  };
  using R = certs::BodyRecord;
  const std::string key = "certs.body_malformed";
  EXPECT_EQ(refused([](R& r) { r.body.name.clear(); }), key);
  EXPECT_EQ(refused([](R& r) { r.body.code = "9111"; }), key);
  EXPECT_EQ(refused([](R& r) { r.body.uses.clear(); }), key);
  EXPECT_EQ(refused([](R& r) { r.body.uses = {"seal", "login"}; }), key);
  EXPECT_EQ(refused([](R& r) { r.body.uses = {"tea"}; }), key);
  EXPECT_EQ(refused([](R& r) { r.body.limits.policies = {"x"}; }), key);
  EXPECT_EQ(refused([](R& r) { r.body.limits.permitted = {"x"}; }), key);
  EXPECT_EQ(refused([](R& r) { r.body.crl_urls = {"file:///etc/passwd"}; }), key);
  EXPECT_EQ(refused([](R& r) { r.ocsp_urls = {"ftp://x.example"}; }), key);
  EXPECT_EQ(refused([](R& r) { r.body.anchors.clear(); }), key);
  EXPECT_EQ(refused([&](R& r) { r.body.anchors = {foreign.certificate("issuing-ca")}; }), key);
  EXPECT_EQ(refused([&](R& r) { r.body.anchors = {foreign.certificate("seal-1")}; }), key);
  EXPECT_EQ(refused([](R& r) { r.body.expiry = r.licence_until + seconds(1); }), key);
  EXPECT_EQ(refused([](R& r) { r.contact.clear(); }), key);
  EXPECT_EQ(refused([](R& r) { r.qualification_until.reset(); }), key);
  EXPECT_EQ(refused([](R&) {}), "recorded");
}

TEST_F(BodiesTest, TheWholeLifeIsInTheList) {
  const auto number = *propose();
  const auto before = publish(std::nullopt);
  ASSERT_TRUE(before);
  EXPECT_EQ(listed(before->list, number), nullptr) << "a proposal is nobody's concern";
  put(number, Standing::admitted);
  put(number, Standing::suspended, "review");
  put(number, Standing::admitted);
  const auto lost = pki.clock().now() - hours(1);
  put(number, Standing::removed, "compromised", lost);
  const auto after = publish(std::nullopt);
  ASSERT_TRUE(after);
  const auto list = certs::TrustList::parse(after->jws);
  ASSERT_TRUE(list) << list.error().detail;
  const auto* body = listed(*list, number);
  ASSERT_NE(body, nullptr);
  ASSERT_EQ(body->history.size(), 4u);
  EXPECT_EQ(body->history[0].standing, Standing::admitted);
  EXPECT_EQ(body->history[0].since, pki.start() + hours(1));
  EXPECT_EQ(body->history[1].reason, "review");
  EXPECT_EQ(body->history[3].standing, Standing::removed);
  EXPECT_EQ(body->history[3].invalid_since, lost);
  EXPECT_EQ(body->documents.size(), 4u);
  EXPECT_EQ(audited("body.admitted", number), 2u);
  EXPECT_EQ(audited("body.suspended", number), 1u);
  EXPECT_EQ(audited("body.removed", number), 1u);
  EXPECT_EQ(audited("body.wish", number), 4u);
  EXPECT_EQ(wish(number, Standing::admitted).error().key, "certs.body_step")
      << "what was removed is proposed anew";
}

TEST_F(BodiesTest, Ldt01_6_2_7_AFailedCheckIsNeverAdmitted) {
  const auto number = *propose(false);
  EXPECT_EQ(wish(number, Standing::admitted).error().key, "certs.body_check_failed");
  // Nor when the program forgets to look.
  const auto text = std::to_string(number);
  database.sql(test::Role::service,
               "insert into certs.body_wish (body, standing, reason, since, by) values (" + text +
                   ", 'admitted', '', now(), 'x')");
  const auto open = found(number).wish;
  ASSERT_TRUE(open);
  EXPECT_EQ(publish(open->id).error().key, "certs.body_check_failed");
  EXPECT_EQ(found(number).body.history.size(), 1u);
}

TEST_F(BodiesTest, AWishWaitsAndHoldsUpNothing) {
  const auto number = *propose();
  const auto first = wish(number, Standing::admitted);
  ASSERT_TRUE(first);
  EXPECT_EQ(wish(number, Standing::admitted)->id, first->id) << "the same wish is one wish";
  const auto renewal = publish(std::nullopt);
  ASSERT_TRUE(renewal);
  EXPECT_EQ(listed(renewal->list, number), nullptr);
  EXPECT_TRUE(found(number).wish);
  // A newer wish takes its place; the old one is void.
  pki.clock().advance(hours(1));
  const auto second = wish(number, Standing::removed, "other");
  ASSERT_TRUE(second);
  EXPECT_EQ(publish(first->id).error().key, "certs.body_step");
  // What was never admitted is turned down without a list.
  ASSERT_TRUE(with([&](Bodies& b) { return b.settle(second->id, std::nullopt); }));
  EXPECT_EQ(with([&](Bodies& b) { return b.settle(second->id, std::nullopt); }).error().key,
            "certs.body_step");
  EXPECT_EQ(found(number).body.history.back().standing, Standing::removed);
}

TEST_F(BodiesTest, OfficersCannotSkipSteps) {
  const auto number = *propose();
  EXPECT_EQ(wish(number, Standing::suspended, "review").error().key, "certs.body_step");
  EXPECT_EQ(wish(number, Standing::removed, "because").error().key, "certs.body_reason");
  put(number, Standing::admitted);
  EXPECT_EQ(wish(number, Standing::admitted).error().key, "certs.body_step");
  EXPECT_EQ(wish(number, Standing::suspended).error().key, "certs.body_reason");
  EXPECT_EQ(wish(number, Standing::removed, "compromised").error().key, "certs.body_reason");
  EXPECT_EQ(wish(number, Standing::removed, "ceased", pki.start()).error().key,
            "certs.body_reason");
  EXPECT_EQ(
      wish(number, Standing::removed, "compromised", pki.clock().now() + hours(1)).error().key,
      "certs.body_reason");
}

TEST_F(BodiesTest, WhatRanOutIsNotAdmitted) {
  const auto number = *propose();
  pki.clock().advance(days(300));
  EXPECT_EQ(wish(number, Standing::admitted).error().key, "certs.body_expired");
}

TEST_F(BodiesTest, TwoOfficersDoNotBothTakeAStep) {
  const auto number = *propose();
  const auto wanted = wish(number, Standing::admitted);
  ASSERT_TRUE(wanted);
  auto one = database.pool().begin();
  ASSERT_TRUE(one);
  certs::CertificateRegister first(*one, pki.clock(), "officer:one");
  ASSERT_TRUE(first.record_trust_list(
      [&] {
        auto list = pki.list();
        list.sequence = *first.next_trust_list_sequence();
        return list;
      }(),
      "jws"));
  ASSERT_TRUE(first.bodies().settle(wanted->id, *first.next_trust_list_sequence() - 1));
  ASSERT_TRUE(one->commit());
  EXPECT_EQ(publish(wanted->id).error().key, "certs.body_step");
}

TEST_F(BodiesTest, HistoryCannotBeRewritten) {
  const auto number = *propose();
  put(number, Standing::admitted);
  for (const auto* table : {"body", "body_anchor", "body_term", "body_document", "body_check",
                            "body_wish", "body_standing"}) {
    for (const std::string deed : {"delete from certs.", "truncate certs."})
      EXPECT_THROW(database.sql(test::Role::service, deed + table), std::runtime_error) << table;
    EXPECT_THROW(database.sql(test::Role::verifier, std::string("select * from certs.") + table),
                 std::runtime_error)
        << table;
  }
  for (const auto* change :
       {"certs.body set expiry = now() + interval '10 years'", "certs.body_term set value = 'seal'",
        "certs.body_standing set standing = 'admitted'", "certs.body_check set passed = true",
        "certs.body_document set content = ''", "certs.body_wish set standing = 'admitted'"})
    EXPECT_THROW(database.sql(test::Role::service, std::string("update ") + change),
                 std::runtime_error)
        << change;
  // A paper whose digest is another's is no paper.
  EXPECT_THROW(
      database.sql(test::Role::service,
                   "insert into certs.body_document (body, kind, file_name, size, sha256, content) "
                   "values (" +
                       std::to_string(number) + ", 'licence', 'x', 1, sha256('a'), 'b')"),
      std::runtime_error);
}

// 电子签名法 15: what the list says of a key of ours that others have.
TEST_F(BodiesTest, ACompromisedKeyOfOursEndsInTheList) {
  ASSERT_TRUE([&]() -> base::Result<void> {
    BASE_TRY(auto tx, database.pool().begin());
    certs::CertificateRegister issued(tx, pki.clock(), "officer:test");
    const auto issuer = pki.certificate("issuing-ca").public_key_sha256();
    for (const auto& [label, profile] :
         {std::pair{"seal-1", certs::Profile::seal}, {"openid-1", certs::Profile::openid}})
      BASE_TRY_VOID(
          issued.record({pki.certificate(label), profile, label, issuer, test::Pki::kAgency,
                         test::Pki::kAgencyCode, pki.clock().now(), std::nullopt}));
    BASE_TRY_VOID(issued.revoke(
        issuer, {pki.certificate("seal-1").serial_hex(), pki.start(), 1, pki.start() - hours(5)}));
    BASE_TRY_VOID(issued.revoke(
        issuer, {pki.certificate("openid-1").serial_hex(), pki.start(), 4, std::nullopt}));
    return tx.commit();
  }());
  const auto published = publish(std::nullopt);
  ASSERT_TRUE(published);
  const auto list = certs::TrustList::parse(published->jws);
  ASSERT_TRUE(list);
  ASSERT_EQ(list->entries.size(), 2u);
  for (const auto& entry : list->entries) {
    EXPECT_EQ(entry.until, pki.start());
    EXPECT_EQ(entry.compromised_since.has_value(), entry.purpose == "seal");
    EXPECT_EQ(entry.compromised_since.value_or(pki.start() - hours(5)), pki.start() - hours(5));
  }
}

/// LD/T 01-2020 6.2.7: what a body lives on is told before it ends.
TEST_F(BodiesTest, WhatEndsIsToldAtNinetySixtyAndThirtyDays) {
  auto one = record();
  one.body.number = 7;
  one.body.history = {{Standing::proposed, pki.start(), "", std::nullopt},
                      {Standing::admitted, pki.start(), "", std::nullopt}};
  one.licence_until = pki.start() + days(200);
  one.qualification_until = pki.start() + days(300);
  const auto told = [&](base::Time now) {
    std::string out;
    for (const auto& finding : certs::body_endings({one}, now))
      if (finding.key.find("certificate") == std::string::npos)
        out += (out.empty() ? "" : ", ") + std::string(to_string(finding.severity)) + " " +
               finding.key.substr(finding.key.rfind('.') + 1) + " " + finding.threshold;
    return out;
  };
  EXPECT_EQ(told(pki.start()), "");
  EXPECT_EQ(told(pki.start() + days(109)), "");
  EXPECT_EQ(told(pki.start() + days(110)), "notice body_licence_ends 90");
  EXPECT_EQ(told(pki.start() + days(140)), "warning body_licence_ends 60");
  EXPECT_EQ(told(pki.start() + days(170)), "alarm body_licence_ends 30");
  EXPECT_EQ(told(pki.start() + days(200)), "alarm body_licence_over 0");
  EXPECT_EQ(told(pki.start() + days(270)),
            "alarm body_licence_over 0, alarm body_qualification_ends 30");
  // Its authorities' certificates as well, each by its own number.
  const auto& anchor = one.body.anchors.back();
  const auto late = certs::body_endings({one}, anchor.not_after() - days(20));
  EXPECT_TRUE(std::any_of(late.begin(), late.end(), [&](const certs::Finding& finding) {
    return finding.key == "certs.health.body_certificate_ends" && finding.threshold == "30" &&
           finding.object == "body 7 " + anchor.serial_hex();
  }));
  // Suspended it may come back; removed or proposed it is nobody's worry.
  one.body.history.push_back({Standing::suspended, pki.start(), "review", std::nullopt});
  EXPECT_EQ(told(pki.start() + days(170)), "alarm body_licence_ends 30");
  one.body.history.push_back({Standing::removed, pki.start(), "ceased", std::nullopt});
  EXPECT_EQ(told(pki.start() + days(170)), "");
  one.body.history = {{Standing::proposed, pki.start(), "", std::nullopt}};
  EXPECT_EQ(told(pki.start() + days(170)), "");
}

TEST_F(BodiesTest, TheHealthOfAnInstallationNamesAdmittedBodiesOnce) {
  const auto number = *propose();
  put(number, Standing::admitted);
  test::Directory directory;
  pki.clock().set(pki.start() + days(280));
  pki.write(directory.path());
  const auto about = [&](const std::vector<certs::Finding>& all) {
    return std::count_if(all.begin(), all.end(), [&](const certs::Finding& one) {
      return one.object == "body " + std::to_string(number) &&
             one.key == "certs.health.body_qualification_ends";
    });
  };
  const certs::PkiDirectory files(directory.path());
  const auto found = certs::health(database.pool(), files, pki.clock(), {.bodies = true});
  ASSERT_TRUE(found) << found.error().detail;
  EXPECT_EQ(about(*found), 1);
  const auto blind = certs::health(database.pool(), files, pki.clock(), {});
  EXPECT_EQ(about(*blind), 0) << "whose role cannot see them does not ask";
  EXPECT_EQ(about(*certs::raise_alarms(database.pool(), pki.clock(), *found)), 1);
  EXPECT_EQ(about(*certs::raise_alarms(database.pool(), pki.clock(), *found)), 0) << "once";
  EXPECT_EQ(database
                .sql(test::Role::superuser,
                     "select 1 from audit.entry where act = 'pki.alarm' and object = 'body " +
                         std::to_string(number) + "'")
                .size(),
            1u);
}

}  // namespace
