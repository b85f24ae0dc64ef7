// Issuing, on a real database: one document or none, whatever fails and whoever asks at once.
#include "seal/issuer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "auth/actor_factory.h"
#include "auth/system_actor.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "seal/local_timestamps.h"
#include "tests/seal/lossy_proxy.h"
#include "tests/seal/support.h"
#include "tests/support/active_seal.h"
#include "tests/support/audit_away.h"
#include "tests/support/postgres.h"
#include "tests/support/token.h"

using ::testing::HasSubstr;
using ::testing::Not;

namespace {

using base::Code;
using namespace std::chrono_literals;

auth::Actor actor(const std::string& subject, const std::string& scopes = "openid documents") {
  return auth::ActorFactory::make({.subject = auth::SubjectId(subject),
                                   .acting_for = auth::SubjectId(subject),
                                   .client = auth::ClientId("portal"),
                                   .proofing = auth::Proofing::p2,
                                   .authentication = auth::Authentication::password,
                                   .authenticated_at = {},
                                   .scopes = scopes});
}

/// A time-stamp source that a test bends.
class BentTimestamps final : public seal::TimestampSource {
 public:
  explicit BentTimestamps(const certs::TimestampAuthority& authority) : real_(authority) {}
  base::Result<base::Bytes> stamp(const base::Digest& digest) const override {
    if (before) before();
    if (fail) return base::error(Code::unavailable, "seal.timestamp", "away");
    if (huge) return base::Bytes(20'000);
    return real_.stamp(other_digest ? base::sha256(digest) : digest);
  }
  bool fail = false, huge = false, other_digest = false;
  std::function<void()> before;

 private:
  seal::LocalTimestamps real_;
};

class IssuerTest : public ::testing::Test {
 protected:
  IssuerTest() {
    random_.fill(secret_);
    pepper_ = base::Secret(secret_);
    cipher_ = std::make_unique<store::FieldCipher>(base::Secret(secret_), random_);
    subject_ = base::to_hex(random_.bytes(16));
    key_ = test::SoftKey::make("seal-soft");
    certificate_ = *pki_.issuing().issue(certs::Profile::seal, pki_.agency("测试电子印章"),
                                         key_->info().public_key);
    pki_.enlist(*certificate_, "seal");
    timestamps_ = std::make_unique<BentTimestamps>(pki_.timestamps());
    seal_id_ = test::active_seal(pool(), pki_.clock(), random_);
  }

  static test::Database& database() { return test::Database::shared(); }
  store::Pool& pool() { return database().pool(); }

  std::unique_ptr<seal::Issuer> issuer(const std::string& instance = "test-1",
                                       store::Pool* other_pool = nullptr) {
    auto& at = other_pool != nullptr ? *other_pool : pool();
    auto made = seal::Issuer::create(
        {.pool = at,
         .documents = documents_,
         .verifier = [this] { return std::make_shared<const verify::Verifier>(pki_.list()); },
         .timestamps = *timestamps_,
         .code_pepper = pepper_,
         .cipher = *cipher_,
         .clock = pki_.clock(),
         .random = random_,
         .instance = instance,
         .verify_address = test::kAddress},
        {.id = seal_id_,
         .agency = test::Pki::kAgency,
         .agency_code = test::Pki::kAgencyCode,
         .picture = {.text = test::Pki::kAgency, .caption = "社会保险业务专用章"},
         .key = key_,
         .certificate = *certificate_,
         .chain = {pki_.certificate("issuing-ca")}});
    base::check(made.ok(), "no issuer");
    return std::move(made).value();
  }
  seal::Draft draft(int months = 3) {
    auto out = test::person_draft(months);
    out.subject = subject_;
    return out;
  }

  struct Count {
    int open = 0, issued = 0, abandoned = 0, documents = 0, registered = 0;
    bool operator==(const Count&) const = default;
  };
  /// Of this test's subject.
  Count count() {
    const auto rows = database().sql(
        test::Role::superuser,
        "select (select count(*) from seal.intent where subject = '" + subject_ +
            "' and state = 'open'), (select count(*) from seal.intent where subject = '" +
            subject_ +
            "' and state = 'issued'), (select count(*) from seal.intent where subject = '" +
            subject_ +
            "' and state = 'abandoned'), (select count(*) from seal.document where subject = '" +
            subject_ +
            "'), (select count(*) from verify.document v join audit.entry a on a.object = v.id and "
            "a.act = 'document.issue' and a.outcome = 'ok' and a.actor = '" +
            subject_ + "')");
    const auto number = [&](std::size_t i) { return std::stoi(rows.at(0).at(i)); };
    return {number(0), number(1), number(2), number(3), number(4)};
  }
  std::string reason() {
    return database()
        .sql(test::Role::superuser, "select reason from seal.intent where subject = '" + subject_ +
                                        "' order by ended_at desc, id limit 1")
        .at(0)
        .at(0);
  }
  static std::int64_t register_rows() {
    return std::stoll(
        database().sql(test::Role::superuser, "select count(*) from verify.document").at(0).at(0));
  }
  /// Issuing fails with `key`, and nothing at all has left.
  void expect_nothing_left(const std::string& key, Code code) {
    const auto before = register_rows();
    const auto refused = issuer()->issue(actor(subject_), draft(), "k-1");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().key, key) << refused.error().detail;
    EXPECT_EQ(refused.error().code, code);
    EXPECT_EQ(count(), (Count{.abandoned = 1}));
    EXPECT_EQ(reason(), key);
    EXPECT_EQ(register_rows(), before);
  }

  base::SystemRandom random_;
  std::array<std::uint8_t, 32> secret_{};
  base::Secret pepper_;
  std::unique_ptr<store::FieldCipher> cipher_;
  test::Pki pki_;
  std::shared_ptr<test::SoftKey> key_;
  std::optional<certs::Certificate> certificate_;
  std::unique_ptr<BentTimestamps> timestamps_;
  verify::Register documents_{pool()};
  std::string subject_;
  seal::SealId seal_id_;  // in the register, active
};

// LD/T 01-2020 5.3.4: with anything but an active seal nothing is sealed; what it sealed stays.
TEST_F(IssuerTest, WithoutAnActiveSealNothingLeaves) {
  const auto before = issuer()->issue(actor(subject_), draft(), "k-0");
  ASSERT_TRUE(before.ok());
  seal::Seals seals({pool(), pki_.clock(), random_});
  ASSERT_TRUE(seals.suspend(seal_id_.value(), "x", test::kApprover.value()).ok());
  const auto refused = issuer()->issue(actor(subject_), draft(), "k-1");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().key, "seal.not_active");
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_EQ(count(), (Count{.issued = 1, .abandoned = 1, .documents = 1, .registered = 1}));
  // The same request again gives what there is already.
  const auto again = issuer()->issue(actor(subject_), draft(), "k-0");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->file(), before->file());
  test::approve_by_two(
      seals, seals.ask(seal::Seals::Ask::resume, seal_id_.value(), "x", test::kApplicant));
  EXPECT_TRUE(issuer()->issue(actor(subject_), draft(), "k-1").ok());
}

// What the policy does not allow is refused before anything is signed or stamped.
TEST_F(IssuerTest, ThePolicyIsAskedBeforeTheKeyIs) {
  seal_id_ = test::active_seal(pool(), pki_.clock(), random_, R"({"kinds":["another"]})");
  timestamps_->before = [] { ADD_FAILURE() << "a signature was made"; };
  expect_nothing_left("seal.policy.kind", Code::permission_denied);
}

// Stopped after the signature was made and before the release.
TEST_F(IssuerTest, WhatIsSignedWhileItsSealIsStoppedDoesNotLeave) {
  timestamps_->before = [this] {
    seal::Seals seals({pool(), pki_.clock(), random_});
    ASSERT_TRUE(seals.suspend(seal_id_.value(), "x", test::kApprover.value()).ok());
  };
  expect_nothing_left("seal.not_active", Code::unavailable);
}

TEST_F(IssuerTest, ASealThatIsUsedTooOftenStopsItself) {
  seal_id_ =
      test::active_seal(pool(), pki_.clock(), random_, R"({"kinds":["*"],"stop_per_minute":2})");
  const auto one = issuer();
  EXPECT_TRUE(one->issue(actor(subject_), draft(), "k-1").ok());
  EXPECT_TRUE(one->issue(actor(subject_), draft(), "k-2").ok());
  EXPECT_EQ(one->issue(actor(subject_), draft(), "k-3").error().key, "seal.policy.stopped");
  EXPECT_EQ(one->issue(actor(subject_), draft(), "k-4").error().key, "seal.not_active");
  seal::Seals seals({pool(), pki_.clock(), random_});
  const auto steps = seals.history(seal_id_.value());
  EXPECT_EQ(steps->back().by, "system:seal-policy");
  EXPECT_EQ(steps->back().state, "suspended");
}

TEST_F(IssuerTest, TheDocumentSaysWithWhichSealItWasSealed) {
  const auto issued = issuer()->issue(actor(subject_), draft(), "k-1");
  ASSERT_TRUE(issued.ok());
  EXPECT_EQ(database().sql(test::Role::superuser, "select seal from seal.document where id = '" +
                                                      issued->id().value() + "'")[0][0],
            seal_id_.value());
}

TEST_F(IssuerTest, Ldt01_5_4_2_4_IssuesASealedRegisteredDocument) {
  auto draft = this->draft(12);
  draft.valid_until = pki_.start() + std::chrono::hours(24 * 365);
  const auto issued = issuer()->issue(actor(subject_), draft, "k-1");
  ASSERT_TRUE(issued.ok()) << issued.error().key << ' ' << issued.error().detail;
  EXPECT_EQ(issued->media_type(), "application/pdf");
  EXPECT_EQ(issued->file_name(), "enrolment-certificate-" + issued->id().value() + ".pdf");
  EXPECT_EQ(count(), (Count{.issued = 1, .documents = 1, .registered = 1}));

  const auto verdict = verify::Verifier(pki_.list()).judge(issued->file(), pki_.clock().now());
  EXPECT_EQ(verdict.outcome, verify::Outcome::genuine);
  EXPECT_EQ(verdict.document_code, issued->code());

  const auto code = verify::DocumentCode::parse(issued->code());
  ASSERT_TRUE(code.ok());
  const auto entry = documents_.find(verify::digest_of(*code, pepper_));
  ASSERT_TRUE(entry.ok() && *entry);
  EXPECT_EQ((*entry)->id, issued->id());
  EXPECT_EQ((*entry)->file_sha256, base::sha256(issued->file()));
  EXPECT_EQ((*entry)->file_bytes, static_cast<std::int64_t>(issued->file().size()));
  EXPECT_EQ((*entry)->issuer, test::Pki::kAgency);
  EXPECT_EQ((*entry)->valid_until, draft.valid_until);
  ASSERT_EQ((*entry)->facts.size(), 2u);
  EXPECT_EQ((*entry)->facts[0].value, "张*三");
}

TEST_F(IssuerTest, KeysInTheTokenSeal) {
  test::Token token;
  test::Pki pki(token);
  const seal::LocalTimestamps timestamps(pki.timestamps());
  const auto made = seal::Issuer::create(
      {.pool = pool(),
       .documents = documents_,
       .verifier = [&] { return std::make_shared<const verify::Verifier>(pki.list()); },
       .timestamps = timestamps,
       .code_pepper = pepper_,
       .cipher = *cipher_,
       .clock = pki.clock(),
       .random = random_,
       .instance = "test-token",
       .verify_address = test::kAddress},
      {.id = seal_id_,
       .agency = test::Pki::kAgency,
       .agency_code = test::Pki::kAgencyCode,
       .picture = {.text = test::Pki::kAgency, .caption = "社会保险业务专用章"},
       .key = pki.key("seal-1"),
       .certificate = pki.certificate("seal-1"),
       .chain = {pki.certificate("issuing-ca")}});
  ASSERT_TRUE(made.ok()) << made.error().key;
  auto unit = test::unit_draft();
  unit.subject = subject_;
  const auto issued = (*made)->issue(actor(subject_), unit, "k-1");
  ASSERT_TRUE(issued.ok()) << issued.error().key << ' ' << issued.error().detail;
  EXPECT_EQ(verify::Verifier(pki.list()).judge(issued->file(), pki.clock().now()).outcome,
            verify::Outcome::genuine);
}

TEST_F(IssuerTest, TheSameKeyAndDraftGiveTheSameDocument) {
  const auto one = issuer();
  const auto first = one->issue(actor(subject_), draft(), "k-1");
  ASSERT_TRUE(first.ok());
  auto later = draft();
  for (auto& [name, value] : later.fields)
    if (name == "as_of") value = "2026-11-24 11:05:00";  // asked again five minutes later
  later.facts_json = R"({"as_of":"2026-11-24T11:05:00+08:00"})";
  const auto again = issuer("test-2")->issue(actor(subject_), later, "k-1");
  ASSERT_TRUE(again.ok()) << again.error().key;
  EXPECT_EQ(again->id(), first->id());
  EXPECT_EQ(again->code(), first->code());
  EXPECT_EQ(again->file(), first->file());
  EXPECT_EQ(again->issued_at(), first->issued_at());
  EXPECT_EQ(count(), (Count{.issued = 1, .documents = 1, .registered = 1}));

  const auto other_key = one->issue(actor(subject_), draft(), "k-2");
  ASSERT_TRUE(other_key.ok());
  EXPECT_NE(other_key->id(), first->id());
}

TEST_F(IssuerTest, TheSameKeyWithAnotherDraftIsAConflict) {
  const auto one = issuer();
  ASSERT_TRUE(one->issue(actor(subject_), draft(3), "k-1").ok());
  const auto refused = one->issue(actor(subject_), draft(4), "k-1");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_EQ(refused.error().key, "seal.idempotency");
  EXPECT_EQ(count(), (Count{.issued = 1, .documents = 1, .registered = 1}));
}

TEST_F(IssuerTest, OneKeyOfTwoSubjectsNamesTwoRequests) {
  const auto one = issuer();
  const auto mine = one->issue(actor(subject_), draft(), "k-1");
  auto theirs = draft();
  theirs.subject = base::to_hex(random_.bytes(16));
  const auto other = one->issue(actor(theirs.subject), theirs, "k-1");
  ASSERT_TRUE(mine.ok() && other.ok());
  EXPECT_NE(mine->id(), other->id());
}

TEST_F(IssuerTest, Ldt01_6_2_2d_WhoActsForAnotherObtainsAndTheTrailSaysWho) {
  const auto one = issuer();
  const auto handler = base::to_hex(random_.bytes(16));
  const auto acting = auth::ActorFactory::make({.subject = auth::SubjectId(handler),
                                                .acting_for = auth::SubjectId(subject_),
                                                .client = auth::ClientId("portal"),
                                                .authenticated_at = {},
                                                .scopes = "documents",
                                                .mandate = "m-1",
                                                .items = "enrolment-certificate"});
  const auto issued = one->issue(acting, draft(), "k-behalf");
  ASSERT_TRUE(issued.ok()) << issued.error().key;
  EXPECT_TRUE(one->fetch(actor(subject_), issued->id()).ok()) << "it is the principal's";
  EXPECT_FALSE(one->fetch(actor(handler), issued->id()).ok()) << "not the handler's own";
  const auto row =
      database().sql(test::Role::superuser,
                     "select actor, facts ->> 'on_behalf_of', facts ->> 'mandate' from "
                     "audit.entry where act = 'document.issue' and object = '" +
                         issued->id().value() + "'");
  EXPECT_EQ(row[0], (std::vector<std::string>{handler, subject_, "m-1"}));
}

TEST_F(IssuerTest, Ldt01_6_2_1_DocumentsOfWhoWasMergedAreTheSurvivors) {
  const auto one = issuer();
  const auto issued = one->issue(actor(subject_), draft(), "k-merged");
  ASSERT_TRUE(issued.ok());
  const auto survivor = auth::ActorFactory::make({.subject = auth::SubjectId(std::string(32, 'e')),
                                                  .acting_for = {},
                                                  .client = auth::ClientId("portal"),
                                                  .authenticated_at = {},
                                                  .scopes = "documents",
                                                  .merged = subject_});
  EXPECT_EQ(one->fetch(survivor, issued->id())->file(), issued->file());
  EXPECT_EQ(one->list(survivor)->size(), 1u);
  EXPECT_EQ(one->issue(survivor, draft(), "k-2").error().key, "seal.not_own")
      << "nothing new is made under the old id";
}

TEST_F(IssuerTest, EightCallsAtOnceGiveExactlyOneDocument) {
  const auto one = issuer("test-1"), two = issuer("test-2");
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<std::string> ids;
  std::set<base::Bytes> files;
  int refused = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      const auto issued = (i % 2 == 0 ? one : two)->issue(actor(subject_), draft(), "k-1");
      const std::lock_guard lock(mutex);
      if (!issued.ok()) {
        ++refused;
        ADD_FAILURE() << issued.error().key << ' ' << issued.error().detail;
        return;
      }
      ids.insert(issued->id().value());
      files.insert(issued->file());
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(files.size(), 1u);
  EXPECT_EQ(count(), (Count{.issued = 1, .documents = 1, .registered = 1}));
}

TEST_F(IssuerTest, OnlyTheSubjectFetchesAndTheBytesStayTheSame) {
  const auto one = issuer();
  const auto issued = one->issue(actor(subject_), draft(), "k-1");
  ASSERT_TRUE(issued.ok());
  const auto fetched = issuer("test-2")->fetch(actor(subject_), issued->id());
  ASSERT_TRUE(fetched.ok());
  EXPECT_EQ(fetched->file(), issued->file());
  EXPECT_EQ(fetched->code(), issued->code());
  const auto stranger = one->fetch(actor(base::to_hex(random_.bytes(16))), issued->id());
  ASSERT_FALSE(stranger.ok());
  EXPECT_EQ(stranger.error().key, "seal.no_document");
  EXPECT_EQ(one->fetch(actor(subject_), verify::DocumentId("20261124-XXXXXXXXXXXX")).error().key,
            "seal.no_document");
  const auto list = one->list(actor(subject_));
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ(list->at(0).id, issued->id());
  EXPECT_TRUE(one->list(actor(base::to_hex(random_.bytes(16))))->empty());
}

TEST_F(IssuerTest, OnlyForWhomTheActorActsAndOnlyWithTheScope) {
  const auto one = issuer();
  const auto stranger = one->issue(actor(base::to_hex(random_.bytes(16))), draft(), "k-1");
  EXPECT_EQ(stranger.error().key, "seal.not_own");
  EXPECT_EQ(stranger.error().code, Code::permission_denied);
  const auto narrow = actor(subject_, "openid profile documents.read");
  EXPECT_EQ(one->issue(narrow, draft(), "k-1").error().key, "seal.scope");
  EXPECT_EQ(one->fetch(narrow, verify::DocumentId("x")).error().key, "seal.scope");
  EXPECT_EQ(one->list(narrow).error().key, "seal.scope");
  EXPECT_EQ(count(), Count{});
}

TEST_F(IssuerTest, WrongRequestsLeaveNoIntent) {
  const auto one = issuer();
  for (const auto& key : {std::string(), std::string(201, 'a'), std::string("a b"),
                          std::string("a\n"), std::string("钥匙")})
    EXPECT_EQ(one->issue(actor(subject_), draft(), key).error().key, "seal.idempotency_key");
  auto unknown = draft();
  unknown.kind = "passport";
  EXPECT_EQ(one->issue(actor(subject_), unknown, "k").error().key, "seal.kind");
  EXPECT_EQ(count(), Count{});
}

TEST_F(IssuerTest, ACharacterWithoutGlyphIssuesNothing) {
  auto strange = draft();
  strange.fields[0].second = "张\uE000";
  const auto refused = issuer()->issue(actor(subject_), strange, "k-1");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().key, "seal.glyph");
  EXPECT_EQ(count(), (Count{.abandoned = 1}));
}

TEST_F(IssuerTest, Ldt01_5_4_2_4_NothingUnsealedLeavesWithoutTheKey) {
  key_->fail_with = base::error(Code::unavailable, "hsm.unavailable", "the token is away");
  expect_nothing_left("hsm.unavailable", Code::unavailable);
  // The key is back: the same request succeeds.
  key_->fail_with.reset();
  EXPECT_TRUE(issuer()->issue(actor(subject_), draft(), "k-1").ok());
  EXPECT_EQ(count(), (Count{.issued = 1, .abandoned = 1, .documents = 1, .registered = 1}));
}

TEST_F(IssuerTest, Ldt01_6_2_5e_WhatCannotBeToldDoesNotLeave) {
  const auto before = register_rows();
  {
    const test::AuditAway away(database());
    EXPECT_FALSE(issuer()->issue(actor(subject_), draft(), "k-1").ok());
    EXPECT_EQ(count().documents, 0);
    EXPECT_EQ(register_rows(), before);
    // Ending an intent is a deed as well: it stays open until it can be told.
    EXPECT_EQ(count(), (Count{.open = 1}));
  }
  // The next life of the instance ends it, and the request can be made again.
  pki_.clock().advance(1s);
  const auto next = issuer();
  ASSERT_TRUE(next->settle().ok());
  EXPECT_TRUE(next->issue(actor(subject_), draft(), "k-1").ok());
  EXPECT_EQ(count(), (Count{.issued = 1, .abandoned = 1, .documents = 1, .registered = 1}));
}

TEST_F(IssuerTest, WithoutATimeStampNothingLeaves) {
  timestamps_->fail = true;
  expect_nothing_left("seal.timestamp", Code::unavailable);
}
TEST_F(IssuerTest, ATimeStampThatDoesNotFitIsRefused) {
  timestamps_->huge = true;
  expect_nothing_left("seal.timestamp_size", Code::unavailable);
}
TEST_F(IssuerTest, ATimeStampOverSomethingElseIsJudgedBad) {
  timestamps_->other_digest = true;
  expect_nothing_left("seal.judged_bad", Code::internal);
}
TEST_F(IssuerTest, AWrongSignatureIsJudgedBad) {
  key_->corrupt = true;
  expect_nothing_left("seal.judged_bad", Code::internal);
}
TEST_F(IssuerTest, ARevokedSealIsJudgedBad) {
  pki_.revoke(*certificate_, pki_.clock().now() - 1h);
  expect_nothing_left("seal.judged_bad", Code::internal);
}
TEST_F(IssuerTest, ASealThatIsNotInTheTrustListIsJudgedBad) {
  const auto other = pki_.issue(certs::Profile::seal);
  key_ = std::static_pointer_cast<test::SoftKey>(std::const_pointer_cast<hsm::Key>(other.key));
  certificate_ = other.certificate;
  expect_nothing_left("seal.judged_bad", Code::internal);
}
TEST_F(IssuerTest, ATimeStampAuthorityWhoseClockIsWrongIsJudgedBad) {
  // It stamps an hour behind us: genuine to everybody else, and yet wrong.
  pki_.clock().advance(1h);
  class Later final : public seal::TimestampSource {
   public:
    explicit Later(test::Pki& pki) : pki_(pki), real_(pki.timestamps()) {}
    base::Result<base::Bytes> stamp(const base::Digest& digest) const override {
      pki_.clock().advance(-1h);
      auto token = real_.stamp(digest);
      pki_.clock().advance(1h);
      return token;
    }
    test::Pki& pki_;
    seal::LocalTimestamps real_;
  } later(pki_);
  auto made = seal::Issuer::create(
      {.pool = pool(),
       .documents = documents_,
       .verifier = [this] { return std::make_shared<const verify::Verifier>(pki_.list()); },
       .timestamps = later,
       .code_pepper = pepper_,
       .cipher = *cipher_,
       .clock = pki_.clock(),
       .random = random_,
       .instance = "test-1",
       .verify_address = test::kAddress},
      {.id = seal_id_,
       .agency = test::Pki::kAgency,
       .agency_code = test::Pki::kAgencyCode,
       .picture = {.text = test::Pki::kAgency, .caption = "社会保险业务专用章"},
       .key = key_,
       .certificate = *certificate_,
       .chain = {pki_.certificate("issuing-ca")}});
  ASSERT_TRUE(made.ok());
  const auto refused = (*made)->issue(actor(subject_), draft(), "k-1");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().key, "seal.judged_bad");
  EXPECT_THAT(refused.error().detail, HasSubstr("the time stamp says"));
}

// The process is killed at each step: what was acknowledged is stored, nothing is half there.
class KilledIssuerTest : public IssuerTest, public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Steps, KilledIssuerTest,
                         ::testing::Values("seal.after_intent", "seal.after_mint",
                                           "seal.after_compose", "seal.after_sign",
                                           "seal.after_stamp", "seal.after_judge",
                                           "seal.before_commit", "seal.after_commit"),
                         [](const auto& one) {
                           std::string name(one.param);
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_P(KilledIssuerTest, LeavesADocumentOfAllPartsOrNone) {
  const bool done = std::string(GetParam()) == "seal.after_commit";
  const auto before = register_rows();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // Connections of its own: those of the parent must not be spoken on by two processes.
    store::Pool own({.conninfo = database().conninfo(), .connections = 1});
    verify::Register documents(own);
    const auto one = issuer("test-killed", &own);
    base::arm_fail_point(GetParam());
    [[maybe_unused]] const auto never = one->issue(actor(subject_), draft(), "k-1");
    ::_exit(3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;

  EXPECT_EQ(count(),
            done ? (Count{.issued = 1, .documents = 1, .registered = 1}) : (Count{.open = 1}));
  EXPECT_EQ(register_rows(), before + (done ? 1 : 0));

  // The next life of the instance settles what the last one left, and the request can be asked
  // again.
  pki_.clock().advance(1s);
  const auto next = issuer("test-killed");
  const auto settled = next->settle();
  ASSERT_TRUE(settled.ok());
  EXPECT_EQ(*settled, done ? 0 : 1);
  EXPECT_EQ(count().open, 0);
  const auto again = next->issue(actor(subject_), draft(), "k-1");
  ASSERT_TRUE(again.ok()) << again.error().key;
  EXPECT_EQ(count(),
            (Count{.issued = 1, .abandoned = done ? 0 : 1, .documents = 1, .registered = 1}));
}

TEST_F(IssuerTest, SettlingSparesTheIntentsOfOthersUntilTheirDeadline) {
  const auto mine = issuer("test-mine"), other = issuer("test-other");
  int during = -1;
  timestamps_->before = [&] {
    if (during >= 0) return;
    during = *mine->settle();
  };
  ASSERT_TRUE(other->issue(actor(subject_), draft(), "k-1").ok());
  EXPECT_EQ(during, 0);
}

TEST_F(IssuerTest, AnIntentThatWasEndedMeanwhileIssuesNothing) {
  const auto slow = issuer("test-slow"), other = issuer("test-other");
  const auto before = register_rows();
  timestamps_->before = [&] {
    // Past its deadline but for our clock's sake only: it is set back before the stamp.
    pki_.clock().advance(2min);
    EXPECT_EQ(*other->settle(), 1);
    pki_.clock().advance(-2min);
  };
  const auto refused = slow->issue(actor(subject_), draft(), "k-1");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().key, "seal.too_late");
  EXPECT_EQ(count(), (Count{.abandoned = 1}));
  EXPECT_EQ(register_rows(), before);
}

TEST_F(IssuerTest, ACommitThatTheServerNeverDidIssuesNothing) {
  database().sql(test::Role::superuser, R"sql(
    create or replace function public.die_at_commit() returns trigger language plpgsql
      security definer as
    $$ begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(1); return null; end $$;
    create constraint trigger die_at_commit after insert on seal.document
      deferrable initially deferred for each row execute function public.die_at_commit())sql");
  const auto before = register_rows();
  const auto refused = issuer()->issue(actor(subject_), draft(), "k-1");
  database().sql(test::Role::superuser, "drop trigger die_at_commit on seal.document");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().key, "store.commit_unknown");
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_EQ(count(), (Count{.abandoned = 1}));
  EXPECT_EQ(register_rows(), before);
  EXPECT_TRUE(issuer()->issue(actor(subject_), draft(), "k-1").ok());
}

TEST_F(IssuerTest, ACommitWhoseAnswerIsLostIsReadBack) {
  const auto direct = database().conninfo();
  const auto host = direct.find("host=") + 5;
  test::LossyProxy proxy(direct.substr(host, direct.find(' ', host) - host));
  auto lossy = direct;
  lossy.replace(host, direct.find(' ', host) - host, proxy.directory().string());
  {
    store::Pool through({.conninfo = lossy, .connections = 2});
    const auto one = issuer("test-lossy", &through);
    timestamps_->before = [&] { proxy.lose_next_commit(); };
    const auto issued = one->issue(actor(subject_), draft(), "k-1");
    ASSERT_TRUE(issued.ok()) << issued.error().key << ' ' << issued.error().detail;
    EXPECT_EQ(proxy.lost(), 1);
    EXPECT_EQ(count(), (Count{.issued = 1, .documents = 1, .registered = 1}));
    const auto again = issuer()->fetch(actor(subject_), issued->id());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->file(), issued->file());
  }
}

TEST_F(IssuerTest, ADamagedDocumentIsNotGivenOut) {
  const auto one = issuer();
  const auto issued = one->issue(actor(subject_), draft(), "k-1");
  ASSERT_TRUE(issued.ok());
  database().sql(test::Role::superuser,
                 "update seal.document set file_sealed = set_byte(file_sealed, 999, "
                 "get_byte(file_sealed, 999) # 1) where id = '" +
                     issued->id().value() + "'");
  EXPECT_EQ(one->fetch(actor(subject_), issued->id()).error().key, "seal.damaged");
}

TEST_F(IssuerTest, TheServiceCannotRewriteHistory) {
  const auto issued = issuer()->issue(actor(subject_), draft(), "k-1");
  ASSERT_TRUE(issued.ok());
  for (const auto* forbidden :
       {"delete from seal.document", "delete from seal.intent", "truncate seal.intent",
        "update seal.document set subject = 'x'", "update seal.document set file_sealed = ''",
        "update seal.intent set subject = 'x'", "update seal.intent set draft = request",
        "update seal.intent set state = 'open', document = null, ended_at = null"})
    EXPECT_THROW(database().sql(test::Role::service, forbidden), std::runtime_error) << forbidden;
  for (const auto* forbidden : {"select * from seal.document", "select * from seal.intent"})
    EXPECT_THROW(database().sql(test::Role::verifier, forbidden), std::runtime_error) << forbidden;
}

// Whatever a floor above gets wrong: facts that a system states leave for a system alone, in the
// matter of one subject, and samples for nobody else than nobody in particular.
TEST_F(IssuerTest, Ldt01_5_4_2_2_EachKindLeavesForThoseWhoMayStateItsFactsAlone) {
  const auto acting = [&](const std::string& who, const std::string& scopes) {
    return auth::ActorFactory::make({.subject = auth::SubjectId(who),
                                     .acting_for = auth::SubjectId(subject_),
                                     .client = auth::ClientId("core"),
                                     .authenticated_at = {},
                                     .scopes = scopes});
  };
  const auto& templates = test::templates();
  const auto notice =
      templates.draft("acceptance-notice", {subject_, false, "张小三", "11010519491231002X"},
                      templates.find("acceptance-notice")->sample_json, random_);
  ASSERT_TRUE(notice.ok());
  const auto sample = templates.sample("acceptance-notice", random_);
  ASSERT_TRUE(sample.ok());
  auto posing = *sample;  // a sample made out to somebody
  posing.subject = subject_;
  const auto everything = "documents documents.issue";
  const auto one = issuer();
  const std::pair<auth::Actor, seal::Draft> refused[] = {
      {acting(subject_, "documents"), *notice},      {acting(subject_, everything), *notice},
      {acting("client:core", "documents"), *notice}, {acting("client:core", everything), draft()},
      {acting(subject_, everything), *sample},       {acting("client:core", everything), *sample},
      {acting(subject_, everything), posing},        {auth::samples_actor(), *notice}};
  for (const auto& [actor, wrong] : refused) {
    const auto answer = one->issue(actor, wrong, "k-1");
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().key, "seal.scope");
  }
  EXPECT_EQ(one->issue(auth::samples_actor(), posing, "k-1").error().key, "seal.not_own");
  EXPECT_EQ(count(), Count{});

  const auto core = acting("client:core", "documents.issue");
  EXPECT_EQ(
      one->issue(auth::in_matter_of(core, auth::SubjectId("another")), *notice, "k-1").error().key,
      "seal.not_own");
  const auto issued = one->issue(core, *notice, "k-1");
  ASSERT_TRUE(issued.ok()) << issued.error().key;
  EXPECT_EQ(database().sql(test::Role::superuser,
                           "select template_version, kind from seal.document where id = '" +
                               issued->id().value() + "'")[0],
            (std::vector<std::string>{"1", "acceptance-notice"}));
  EXPECT_TRUE(one->fetch(core, issued->id()).ok());
  EXPECT_EQ(
      one->fetch(auth::in_matter_of(core, auth::SubjectId("another")), issued->id()).error().key,
      "seal.no_document");
  EXPECT_EQ(one->fetch(acting("client:core", "seal.remote"), issued->id()).error().key,
            "seal.scope");
  EXPECT_EQ(one->fetch(acting(subject_, "documents.issue"), issued->id()).error().key,
            "seal.scope");
  EXPECT_EQ(one->list(core).error().key, "seal.scope");
  const auto trail = database().sql(
      test::Role::superuser,
      "select actor, facts::text from audit.entry where object = '" + issued->id().value() + "'");
  EXPECT_EQ(trail.at(0).at(0), "client:core");
  EXPECT_THAT(trail.at(0).at(1), HasSubstr(subject_));

  const auto shown = one->issue(auth::samples_actor(), *sample, "sample/1");
  ASSERT_TRUE(shown.ok()) << shown.error().key << shown.error().detail;
  EXPECT_EQ(shown->kind(), "sample-acceptance-notice");
  const verify::Verifier judge(pki_.list());
  EXPECT_EQ(judge.judge(shown->file(), pki_.clock().now()).outcome, verify::Outcome::sample);
  EXPECT_EQ(judge.judge(issued->file(), pki_.clock().now()).outcome, verify::Outcome::genuine);
}

TEST_F(IssuerTest, TheDatabaseItselfRefusesADocumentThatIsNotRegistered) {
  EXPECT_THROW(database().sql(test::Role::service,
                              "insert into seal.document values ('20261124-NOTREGISTERD', 'x', "
                              "'enrolment-certificate', now(), '', '', sha256('x'))"),
               std::runtime_error);
}

// LD/T 01-2020 6.4.3: a stolen copy shows no personal number and prints no working code.
TEST_F(IssuerTest, ADumpShowsNeitherNumberNorNameNorCode) {
  const auto issued = issuer()->issue(actor(subject_), draft(), "my-own-idempotency-key");
  ASSERT_TRUE(issued.ok());
  const auto conninfo = database().conninfo(test::Role::superuser);
  const auto dump = test::run("pg_dump \"" + conninfo + "\"", "postgresql-client");
  ASSERT_EQ(dump.status, 0);
  EXPECT_THAT(dump.output, HasSubstr(issued->id().value()));  // it is a dump of the right thing
  const auto code = verify::DocumentCode::parse(issued->code());
  for (const auto& secret :
       {std::string("11010519491231002X"), std::string("张小三"), std::string("4301000012345"),
        issued->code(), code->text(), std::string("my-own-idempotency-key"),
        base::to_hex(base::as_bytes("11010519491231002X")),
        base::to_hex(base::as_bytes("%PDF-1.7")), base::to_hex(base::as_bytes(issued->code()))})
    EXPECT_THAT(dump.output, Not(HasSubstr(secret)));
}

TEST_F(IssuerTest, AMissingFontIsNamed) {
  const auto refused = seal::Issuer::create(
      {.pool = pool(),
       .documents = documents_,
       .verifier = [this] { return std::make_shared<const verify::Verifier>(pki_.list()); },
       .timestamps = *timestamps_,
       .code_pepper = pepper_,
       .cipher = *cipher_,
       .clock = pki_.clock(),
       .random = random_,
       .instance = "test-1",
       .verify_address = test::kAddress,
       .font_file = "/nowhere/font.ttc"},
      {.id = seal_id_,
       .agency = test::Pki::kAgency,
       .agency_code = test::Pki::kAgencyCode,
       .picture = {.text = test::Pki::kAgency, .caption = "章"},
       .key = key_,
       .certificate = *certificate_,
       .chain = {}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().key, "seal.font");
  EXPECT_EQ(refused.error().code, Code::unavailable);
}

}  // namespace
