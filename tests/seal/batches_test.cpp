#include "seal/batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

#include "base/encoding.h"
#include "tests/support/manual_clock.h"
#include "tests/support/postgres.h"

namespace {

using base::Code;
using seal::Batches;
using seal::BatchLine;
using testing::HasSubstr;
using testing::Not;

std::string line_of(int n) {
  return R"({"kind":"notice","subject":{"id_type":"cn-id","id_number":")" + std::to_string(n) +
         R"("},"facts":{"n":)" + std::to_string(n) + "}}\n";
}
std::string lines(int from, int to) {
  std::string out;
  for (int n = from; n <= to; ++n) out += line_of(n);
  return out;
}

/// What an issuer does: one document a key, whatever happens.
class Maker {
 public:
  base::Result<Batches::Made> operator()(const std::string& client, const BatchLine& line,
                                         const std::string& key) {
    const std::scoped_lock lock(lock_);
    ++asked;
    if (before) {
      auto stopped = before(line);
      if (!stopped.ok()) return std::move(stopped).error();
    }
    clients.insert(client);
    const auto [at, fresh] = made.emplace(key, "doc-" + line.id_number);
    if (fresh) order.push_back(std::stoi(line.id_number));
    return Batches::Made{at->second, "subject-" + line.id_number};
  }
  Batches::Issue issue() {
    return [this](const auto& client, const auto& line, const auto& key) {
      return (*this)(client, line, key);
    };
  }
  std::function<base::Result<void>(const BatchLine&)> before;
  std::map<std::string, std::string> made;
  std::vector<int> order;
  std::set<std::string> clients;
  int asked = 0;

 private:
  std::mutex lock_;
};

class BatchesTest : public testing::Test {
 protected:
  static store::Pool& pool() { return test::Database::shared().pool(); }
  BatchesTest() {
    // One batch at a time is there to be worked on.
    test::Database::shared().sql(test::Role::superuser,
                                 "update seal.batch set state = 'stopped', ended_at = now() "
                                 "where state = 'running'; "
                                 "update seal.batch_portion set worker = null");
  }
  std::string opened(const std::string& text) {
    const auto batch = batches_.open(client_, "key");
    base::check(batch.ok() && batches_.append(client_, batch->id, 1, text).ok() &&
                    batches_.start(client_, batch->id).ok(),
                "no batch");
    return batch->id;
  }
  void work_off(Batches& batches) {
    for (;;) {
      const auto worked = batches.work(maker_.issue(), go_on_);
      ASSERT_TRUE(worked.ok()) << worked.error().key << worked.error().detail;
      if (!*worked) return;
    }
  }
  std::vector<std::string> documents(const std::string& batch) {
    std::vector<std::string> out;
    const auto all = batches_.results(client_, batch, 0, 5000);
    for (const auto& one : *all) {
      EXPECT_EQ(one.line, static_cast<std::int64_t>(out.size()) + 1);
      out.push_back(one.document.empty() ? one.error : one.document);
    }
    return out;
  }

  base::ManualClock clock_;
  base::SystemRandom random_;
  std::array<std::uint8_t, 32> secret_{};
  store::FieldCipher cipher_{base::Secret(secret_), random_};
  const std::string client_ = "core-" + base::to_hex(base::SystemRandom().bytes(8));
  Batches batches_{{pool(), cipher_, clock_, random_, "one"}};
  Batches others_{{pool(), cipher_, clock_, random_, "two"}};
  Maker maker_;
  std::atomic<bool> go_on_ = true;
};

TEST_F(BatchesTest, EveryLineIsMadeOnceAndInItsOrder) {
  const auto batch = opened(lines(1, 120));
  work_off(batches_);
  const auto standing = batches_.standing(client_, batch);
  EXPECT_EQ(standing->state, "done");
  EXPECT_EQ(standing->done, 120);
  EXPECT_EQ(standing->failed, 0);
  std::vector<int> ordered(120);
  for (int i = 0; i < 120; ++i) ordered[static_cast<std::size_t>(i)] = i + 1;
  EXPECT_EQ(maker_.order, ordered);
  const auto all = documents(batch);
  ASSERT_EQ(all.size(), 120u);
  EXPECT_EQ(all[0], "doc-1");
  EXPECT_EQ(all[119], "doc-120");
  EXPECT_EQ(batches_.results(client_, batch, 6, 1)->front().subject, "subject-7");
  EXPECT_EQ(batches_.results(client_, batch, 100, 10)->front().line, 101);
  EXPECT_EQ(maker_.clients, std::set<std::string>{client_});
}

TEST_F(BatchesTest, LinesArriveOnceHoweverOftenTheyAreSent) {
  const auto batch = batches_.open(client_, "key");
  EXPECT_EQ(batches_.open(client_, "key")->id, batch->id);
  EXPECT_NE(batches_.open(client_ + "x", "key")->id, batch->id);
  EXPECT_EQ(batches_.append(client_, batch->id, 1, lines(1, 60))->total, 60);
  EXPECT_EQ(batches_.append(client_, batch->id, 1, lines(1, 60))->total, 60);
  EXPECT_EQ(batches_.append(client_, batch->id, 41, lines(41, 80))->total, 80);
  const auto gap = batches_.append(client_, batch->id, 82, lines(82, 90));
  EXPECT_EQ(gap.error().key, "seal.batch.gap");
  EXPECT_EQ(gap.error().args[0].second, "81");
  ASSERT_TRUE(batches_.start(client_, batch->id).ok());
  ASSERT_TRUE(batches_.start(client_, batch->id).ok()) << "asked again";
  EXPECT_EQ(batches_.append(client_, batch->id, 81, lines(81, 81)).error().key, "seal.batch.state");
  work_off(batches_);
  EXPECT_EQ(maker_.order.size(), 80u);
}

TEST_F(BatchesTest, ALineThatIsWrongIsNamedAndNothingOfTheSendingIsTaken) {
  const auto batch = batches_.open(client_, "key");
  const struct {
    const char *text, *field;
  } cases[] = {
      {"{", "line 2"},
      {"[]", "line 2/"},
      {R"({"kind":"a","subject":{"id_number":"1"},"facts":{},"more":1})", "line 2/more"},
      {R"({"kind":"a","subject":{"id_number":"1","name":"x"},"facts":{}})", "line 2/subject/name"},
      {R"({"kind":"a","subject":{"id_number":""},"facts":{}})", "line 2/subject/id_number"},
      {R"({"kind":"a","subject":{"id_number":"1"},"facts":[]})", "line 2/facts"},
      {R"({"kind":"a","kind":"b","subject":{"id_number":"1"},"facts":{}})", "line 2"},
      {R"({"subject":{"id_number":"1"},"facts":{}})", "line 2/kind"}};
  for (const auto& one : cases) {
    const auto answer = batches_.append(client_, batch->id, 1, line_of(1) + one.text + "\n");
    ASSERT_FALSE(answer.ok()) << one.text;
    EXPECT_EQ(answer.error().key, "seal.batch.line") << one.text;
    EXPECT_EQ(answer.error().fields[0].field, one.field) << one.text;
  }
  EXPECT_EQ(batches_.standing(client_, batch->id)->total, 0);
  EXPECT_EQ(batches_.start(client_, batch->id).error().key, "seal.batch.empty");
}

// Whoever else asks is told that there is no such batch.
TEST_F(BatchesTest, ABatchIsItsClientsAlone) {
  const auto batch = opened(lines(1, 1));
  for (const auto& key :
       {batches_.standing("other", batch).error().key,
        batches_.results("other", batch, 0, 10).error().key,
        batches_.start("other", batch).error().key, batches_.stop("other", batch).error().key,
        batches_.append("other", batch, 1, "").error().key})
    EXPECT_EQ(key, "seal.batch.unknown");
  EXPECT_TRUE(batches_.list("other")->empty());
  EXPECT_EQ(batches_.list(client_)->size(), 1u);
}

TEST_F(BatchesTest, WhatCannotBeMadeIsAResultWithItsReason) {
  maker_.before = [](const BatchLine& line) -> base::Result<void> {
    if (line.id_number != "2") return {};
    auto failure = base::error(Code::invalid_argument, "seal.facts");
    failure.fields.push_back({"/n", "seal.facts"});
    return failure;
  };
  const auto batch = opened(lines(1, 3));
  work_off(batches_);
  EXPECT_EQ(documents(batch), (std::vector<std::string>{"doc-1", "seal.facts", "doc-3"}));
  EXPECT_EQ((*batches_.results(client_, batch, 0, 10))[1].fields[0].field, "/n");
  const auto standing = batches_.standing(client_, batch);
  EXPECT_EQ(standing->failed, 1);
  EXPECT_EQ(standing->state, "done");
}

// The token is away: the batch says so, waits, and goes on by itself.
TEST_F(BatchesTest, WhatPassesIsWaitedFor) {
  int away = 2;
  std::string note;
  maker_.before = [&](const BatchLine& line) -> base::Result<void> {
    if (line.id_number != "2" || away == 0) return {};
    note = (*batches_.list(client_))[0].note;
    --away;
    return base::error(Code::unavailable, "hsm.unavailable");
  };
  const auto batch = opened(lines(1, 3));
  work_off(batches_);
  EXPECT_EQ(documents(batch), (std::vector<std::string>{"doc-1", "doc-2", "doc-3"}));
  EXPECT_EQ(note, "hsm.unavailable");
  EXPECT_EQ(batches_.standing(client_, batch)->note, "");
}

// A worker that dies: another takes its portion over when the lease is out, and makes what is left.
TEST_F(BatchesTest, APortionIsTakenOverAndNothingIsMadeTwice) {
  const auto batch = opened(lines(1, 40));
  maker_.before = [&](const BatchLine& line) -> base::Result<void> {
    if (line.id_number == "20" && maker_.made.size() == 19) throw std::runtime_error("dies");
    return {};
  };
  EXPECT_THROW((void)batches_.work(maker_.issue(), go_on_), std::runtime_error);
  EXPECT_FALSE(*others_.work(maker_.issue(), go_on_)) << "the lease holds";
  clock_.advance(std::chrono::seconds(31));
  maker_.before = nullptr;
  work_off(others_);
  EXPECT_EQ(documents(batch).size(), 40u);
  EXPECT_EQ(maker_.order.size(), 40u);
  EXPECT_EQ(maker_.asked, 19 + 1 + 40);
  EXPECT_EQ(batches_.standing(client_, batch)->done, 40);
}

// One that was killed and started again: nobody else has what it held, so it waits for no lease.
TEST_F(BatchesTest, TheNextLifeOfAnInstanceGoesOnAtOnce) {
  const auto batch = opened(lines(1, 40));
  maker_.before = [&](const BatchLine& line) -> base::Result<void> {
    if (line.id_number == "20") throw std::runtime_error("killed");
    return {};
  };
  EXPECT_THROW((void)batches_.work(maker_.issue(), go_on_), std::runtime_error);
  clock_.advance(std::chrono::seconds(1));
  maker_.before = nullptr;
  Batches longer({pool(), cipher_, clock_, random_, "one-and-more", clock_.now()});
  EXPECT_FALSE(*longer.work(maker_.issue(), go_on_)) << "another instance waits";
  Batches next({pool(), cipher_, clock_, random_, "one", clock_.now()});
  EXPECT_TRUE(*next.work(maker_.issue(), go_on_));
  EXPECT_EQ(documents(batch).size(), 40u);
  EXPECT_EQ(maker_.order.size(), 40u);
}

// What this life holds itself its other threads leave alone.
TEST_F(BatchesTest, TwoThreadsOfALifeShareNoPortion) {
  const auto batch = opened(lines(1, 40));
  Batches mine({pool(), cipher_, clock_, random_, "one", clock_.now()});
  clock_.advance(std::chrono::seconds(1));
  maker_.before = [&](const BatchLine& line) -> base::Result<void> {
    if (line.id_number == "5") {
      Maker other;
      EXPECT_FALSE(*mine.work(other.issue(), go_on_));
      EXPECT_EQ(other.asked, 0);
    }
    return {};
  };
  EXPECT_TRUE(*mine.work(maker_.issue(), go_on_));
  EXPECT_EQ(documents(batch).size(), 40u);
}

// One that was only slow finds its lease gone, and says nothing of the portion.
TEST_F(BatchesTest, WhoLostTheLeaseLeavesThePortionToTheOther) {
  const auto batch = opened(lines(1, 10));
  maker_.before = [&](const BatchLine& line) -> base::Result<void> {
    if (line.id_number == "5" && maker_.made.size() == 4) {
      clock_.advance(std::chrono::seconds(31));
      Maker other;
      other.made = maker_.made;
      EXPECT_TRUE(*others_.work(other.issue(), go_on_));
    }
    return {};
  };
  EXPECT_TRUE(*batches_.work(maker_.issue(), go_on_));
  const auto standing = batches_.standing(client_, batch);
  EXPECT_EQ(standing->done, 10);
  EXPECT_EQ(standing->state, "done");
  EXPECT_EQ(maker_.order.size(), 5u) << "the fifth was under way";
}

TEST_F(BatchesTest, AStopEndsItWithThePortionThatIsUnderWay) {
  const auto batch = opened(lines(1, 120));
  maker_.before = [&](const BatchLine& line) -> base::Result<void> {
    if (line.id_number != "3") return {};
    EXPECT_TRUE(batches_.stop(client_, batch).ok());
    return {};
  };
  work_off(batches_);
  EXPECT_EQ(documents(batch).size(), 50u);
  const auto standing = batches_.standing(client_, batch);
  EXPECT_EQ(standing->state, "stopped");
  EXPECT_EQ(standing->done, 50);
  EXPECT_EQ(batches_.start(client_, batch).error().key, "seal.batch.state");
}

// The service is going down: the next one need not wait for the lease.
TEST_F(BatchesTest, AShutdownLetsThePortionGoAtOnce) {
  const auto batch = opened(lines(1, 10));
  maker_.before = [&](const BatchLine& line) -> base::Result<void> {
    if (line.id_number == "4") go_on_ = false;
    return {};
  };
  EXPECT_TRUE(*batches_.work(maker_.issue(), go_on_));
  EXPECT_EQ(batches_.standing(client_, batch)->done, 0);
  go_on_ = true;
  maker_.before = nullptr;
  work_off(others_);
  EXPECT_EQ(documents(batch).size(), 10u);
  EXPECT_EQ(maker_.order.size(), 10u);
}

TEST_F(BatchesTest, SeveralWorkersShareABatch) {
  const auto batch = opened(lines(1, 600));
  std::vector<std::thread> threads;
  for (auto* batches : {&batches_, &others_, &batches_, &others_})
    threads.emplace_back([&, batches] { work_off(*batches); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(maker_.order.size(), 600u);
  EXPECT_EQ(maker_.asked, 600);
  const auto standing = batches_.standing(client_, batch);
  EXPECT_EQ(standing->state, "done");
  EXPECT_EQ(documents(batch).size(), 600u);
}

// LD/T 01-2020 6.4.3: what was handed in does not lie open.
TEST_F(BatchesTest, LinesLieSealed) {
  const auto batch = opened(R"({"kind":"notice","subject":{"id_number":"11010519491231002X"},)"
                            R"("facts":{}})");
  const auto stored = test::Database::shared().sql(
      test::Role::superuser,
      "select encode(input_sealed, 'escape') from seal.batch_portion where batch = '" + batch +
          "'");
  EXPECT_THAT(stored[0][0], Not(HasSubstr("11010519491231002X")));
}

}  // namespace
