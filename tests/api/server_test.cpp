// The server on a real port: order, limits, deadlines, full queues, idle and hostile clients.
#include "api/http/server.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "api/http/proxy_socket.h"
#include "base/encoding.h"
#include "tests/api/raw_client.h"

namespace {

using api::Admission;
using api::Request;
using api::Response;
using test::Answer;
using test::RawClient;
using testing::HasSubstr;

constexpr std::string_view kHost = "Host: test\r\n";

/// Waits for what must come; false when it does not in half a minute.
template <class Condition>
bool eventually(const Condition& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

/// /quick answers on the reactor, /echo and /held on a worker (held until let go), /big with 8 MiB.
class TestApplication final : public api::Application {
 public:
  TestApplication() : pool_("test", 2, 2) {}
  ~TestApplication() override { release(); }

  Admission admit(const Request& head) override {
    Admission out;
    if (head.path == "/refused") out.refusal = Response::json("{}", 401);
    if (head.path == "/echo") out.body_limit = 1u << 20;
    if (head.path == "/large") out.body_limit = 8u << 20;
    if (head.path == "/echo" || head.path == "/held" || head.path == "/large") out.pool = &pool_;
    return out;
  }
  std::optional<Response> quick(const Request& request, const Admission& admission) override {
    if (admission.pool) return std::nullopt;
    if (request.path == "/split") return Response::redirect("/a\r\nSet-Cookie: a=b");
    if (request.path == "/who")
      return Response::text(base::to_hex(base::as_bytes(request.client_certificate)) + " " +
                            request.client.text());
    if (request.path == "/big") return Response::text(std::string(8u << 20, 'b'));
    return Response::text(request.path + request.raw_query);
  }
  Response answer(const Request& request, const Admission&) override {
    if (request.path == "/held") {
      std::unique_lock hold(mutex_);
      ++held_;
      changed_.notify_all();
      changed_.wait(hold, [this] { return released_; });
    }
    return Response::text(request.body);
  }
  Response refuse(const api::Refusal& refusal, const Request&) override {
    return Response::json(refusal.key, refusal.status);
  }
  void finished(const api::Exchange& exchange) override {
    const std::lock_guard hold(mutex_);
    ++finished_;
    statuses_[exchange.status]++;
  }

  void release() {
    const std::lock_guard hold(mutex_);
    released_ = true;
    changed_.notify_all();
  }
  void wait_held(int count) {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return held_ >= count; });
  }
  api::Workers& pool() { return pool_; }

 private:
  std::mutex mutex_;  // protects all below but pool_
  std::condition_variable changed_;
  int held_ = 0, finished_ = 0;
  bool released_ = false;
  std::map<int, int> statuses_;
  api::Workers pool_;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    test::raise_descriptors();
    config_.hosts = {"test"};
    config_.reactors = 2;
  }
  ~ServerTest() override {
    application_.release();
    application_.pool().stop();
    if (server_) server_->stop();
  }
  void start() {
    server_ = std::make_unique<api::Server>(config_, application_);
    const auto started = server_->start();
    ASSERT_TRUE(started.ok()) << started.error().detail;
  }
  RawClient connect(int receive_buffer = 0) { return RawClient(server_->port(), receive_buffer); }
  static std::string get(std::string_view target, std::string_view fields = {}) {
    return "GET " + std::string(target) + " HTTP/1.1\r\n" + std::string(kHost) +
           std::string(fields) + "\r\n";
  }
  static std::string post(std::string_view target, std::string_view body,
                          std::string_view fields = {}) {
    return "POST " + std::string(target) + " HTTP/1.1\r\n" + std::string(kHost) +
           std::string(fields) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
  }

  api::ServerConfig config_;
  TestApplication application_;
  std::unique_ptr<api::Server> server_;
};

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  start();
  auto client = connect();
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.ask(get("/quick"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "/quick");
    EXPECT_THAT(answer.header("date"), HasSubstr(" GMT"));
    EXPECT_FALSE(answer.header("request-id").empty());
    EXPECT_FALSE(answer.has("connection"));
  }
  EXPECT_EQ(client.ask(get("/quick", "Connection: close\r\n")).header("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, Rfc9112_9_3_2_PipelinedRequestsAreAnsweredInOrder) {
  start();
  auto client = connect();
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += i % 3 == 0 ? post("/echo", std::to_string(i)) : get("/" + std::to_string(i));
  client.send(all);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(client.read().body, i % 3 == 0 ? std::to_string(i) : "/" + std::to_string(i));
}

TEST_F(ServerTest, ReadsByteByByte) {
  start();
  auto client = connect();
  for (const char c : post("/echo", "hello")) client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.read().body, "hello");
  for (const char c : "POST /echo HTTP/1.1\r\n" + std::string(kHost) +
                          "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.read().body, "abcde");
}

TEST_F(ServerTest, Rfc9110_9_3_2_HeadTellsTheLengthAndSendsNoBody) {
  start();
  auto client = connect();
  client.send("HEAD /quick HTTP/1.1\r\nHost: test\r\n\r\n" + get("/next"));
  const auto head = client.read(true);
  EXPECT_EQ(head.header("content-length"), "6");
  EXPECT_EQ(client.read().body, "/next");
}

TEST_F(ServerTest, Case95_AnEarlyAnswerWithAnUnreadBodyCloses) {
  start();
  const std::string smuggled = get("/smuggled");
  for (const auto* path : {"/refused", "/quick"}) {  // refused by the application; no body allowed
    auto client = connect();
    const auto answer = client.ask(post(path, smuggled));
    EXPECT_EQ(answer.status, std::string_view(path) == "/refused" ? 401 : 413);
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_TRUE(client.closed()) << "the body was read as a request";
  }
  auto client = connect();  // without a body the connection stays
  EXPECT_EQ(client.ask(get("/refused")).status, 401);
  EXPECT_EQ(client.ask(get("/quick")).status, 200);
}

TEST_F(ServerTest, Case94_AmbiguousRequestsAreRefusedAndTheConnectionCloses) {
  start();
  for (const auto* fields : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                             "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: +5\r\n",
                             "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding : chunked\r\n",
                             "X-A: b\r\n folded\r\n", "Host: other\r\n"}) {
    auto client = connect();
    const auto answer = client.ask("POST /echo HTTP/1.1\r\nHost: test\r\n" + std::string(fields) +
                                   "\r\n0\r\n\r\n" + get("/smuggled"));
    EXPECT_EQ(answer.status, 400) << fields;
    EXPECT_TRUE(client.closed()) << fields;
  }
  auto client = connect();
  EXPECT_EQ(
      client.ask("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
          .status,
      400);
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, RefusesALargeBodyBeforeItComes) {
  start();
  auto client = connect();
  const auto answer =
      client.ask("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 999999999\r\n\r\n");
  EXPECT_EQ(answer.status, 413);
  EXPECT_TRUE(client.closed());
  // A client that goes on sending still gets to read the answer.
  auto pushing = connect();
  pushing.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 2000000\r\n\r\n" +
               std::string(2'000'000, 'x'));
  EXPECT_EQ(pushing.read().status, 413);
}

TEST_F(ServerTest, Rfc9110_10_1_1_ContinuesWhenABodyIsWanted) {
  start();
  auto client = connect();
  client.send(
      "POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(client.read().status, 100);
  EXPECT_EQ(client.ask("hello").body, "hello");
  client.send(
      "POST /quick HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(client.read().status, 413);
}

TEST_F(ServerTest, Case96_AnAnswerCannotBeSplit) {
  start();
  auto client = connect();
  const auto answer = client.ask(get("/split"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_FALSE(answer.has("set-cookie"));
  EXPECT_FALSE(answer.has("location"));
  EXPECT_EQ(client.ask(get("/quick")).body, "/quick");
}

TEST_F(ServerTest, AFullQueueAnswers503AndTheOthersGoOn) {
  start();
  std::vector<RawClient> held;
  for (int i = 0; i < 4; ++i) {  // two workers, two queued
    held.push_back(connect());
    held.back().send(get("/held"));
    if (i == 1) application_.wait_held(2);
  }
  ASSERT_TRUE(eventually([&] { return !(application_.pool().queued() < 2); }));
  auto client = connect();
  const auto answer = client.ask(get("/held"));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "http.busy");
  EXPECT_EQ(client.ask(get("/quick")).status, 200);  // same connection, and the reactor is free
  application_.release();
  for (auto& one : held) EXPECT_EQ(one.read().status, 200);
}

TEST_F(ServerTest, WhoeverWaitsTooLongForAWorkerIsAnswered503) {
  config_.queue_deadline = std::chrono::milliseconds(150);
  config_.answer_deadline = std::chrono::milliseconds(300);
  start();
  auto first = connect(), second = connect(), waiting = connect();
  first.send(get("/held"));
  second.send(get("/held"));
  application_.wait_held(2);
  const auto answer = waiting.ask(get("/held"));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(waiting.ask(get("/quick")).status, 200);  // it never began: the connection may go on
  // An answer that takes for ever is 503 too, and the worker's late one is dropped.
  EXPECT_EQ(first.read().status, 503);
  EXPECT_TRUE(first.closed());
  application_.release();
  EXPECT_EQ(waiting.ask(get("/quick")).status, 200);
}

TEST_F(ServerTest, Case105_SlowHeadsAndBodiesAreCutAtAnAbsoluteDeadline) {
  config_.head_deadline = std::chrono::milliseconds(300);
  config_.body_deadline = std::chrono::milliseconds(300);
  start();
  auto head = connect();
  // A byte now and then does not move the deadline: sending goes on until the server has had
  // enough.
  const std::string slow = "GET / HTTP/1.1\r\nHost: test\r\nX-A: " + std::string(8'000, 'a');
  for (const char c : slow) {
    if (!head.send(std::string_view(&c, 1))) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the pace of a slow sender
  }
  EXPECT_EQ(head.read().status, 408);
  auto body = connect();
  EXPECT_EQ(body.ask("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nab").status,
            408);
  EXPECT_TRUE(body.closed());
  auto silent = connect();
  EXPECT_TRUE(silent.closed());
}

TEST_F(ServerTest, AnIdleConnectionIsClosedWithoutAWord) {
  config_.idle = std::chrono::milliseconds(200);
  start();
  auto client = connect();
  EXPECT_EQ(client.ask(get("/quick")).status, 200);
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, AClientThatDoesNotReadIsNotReadFromAndThenCut) {
  config_.write_idle = std::chrono::milliseconds(500);
  start();
  auto client = connect(4'096);
  for (int i = 0; i < 40; ++i)
    if (!client.send(get("/big"))) break;
  ASSERT_TRUE(eventually([&] { return !(server_->gauges().connections > 0); }));
  auto other = connect();
  EXPECT_EQ(other.ask(get("/quick")).status, 200);
}

TEST_F(ServerTest, LargeAnswersArriveWhole) {
  start();
  auto client = connect(4'096);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client.ask(get("/big")).body, std::string(8u << 20, 'b'));
}

TEST_F(ServerTest, PastTheLimitOfConnectionsThereIsAReal503) {
  config_.connections = 3;
  start();
  std::vector<RawClient> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(connect());
    EXPECT_EQ(held.back().ask(get("/quick")).status, 200);
  }
  auto over = connect();
  EXPECT_EQ(over.read().status, 503);
  EXPECT_TRUE(over.closed());
  over.close();
  held.pop_back();
  ASSERT_TRUE(eventually([&] { return !(server_->gauges().connections > 2); }));
  EXPECT_EQ(connect().ask(get("/quick")).status, 200);
}

TEST_F(ServerTest, BodiesShareABoundedMemory) {
  config_.body_memory = 8u << 20;
  start();
  const std::string head = "POST /large HTTP/1.1\r\nHost: test\r\nContent-Length: 8000000\r\n\r\n";
  auto first = connect();
  first.send(head + "begun");
  ASSERT_TRUE(eventually([&] { return !(server_->gauges().body_memory == 0); }));
  auto second = connect();
  EXPECT_EQ(second.ask(head).status, 503);
  first.close();
  ASSERT_TRUE(eventually([&] { return !(server_->gauges().body_memory > 0); }));
  EXPECT_EQ(connect().ask(post("/large", std::string(8'000'000, 'x'))).body.size(), 8'000'000u);
}

TEST_F(ServerTest, AHalfClosedClientStillGetsItsAnswer) {
  start();
  auto client = connect();
  client.send(post("/echo", "last words"));
  client.finish();
  EXPECT_EQ(client.read().body, "last words");
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, AWorkersAnswerToAConnectionThatWentIsDropped) {
  start();
  {
    auto client = connect();
    client.send(get("/held"));
    application_.wait_held(1);
  }
  application_.release();
  EXPECT_EQ(connect().ask(post("/echo", "x")).body, "x");
}

TEST_F(ServerTest, TwoThousandIdleConnectionsAndSlowSendersCostNothing) {
  start();
  std::vector<RawClient> idle;
  idle.reserve(2'200);
  for (int i = 0; i < 2'000; ++i) {
    idle.push_back(connect());
    ASSERT_EQ(idle.back().ask(get("/quick")).status, 200);
  }
  for (int i = 0; i < 200; ++i) {
    idle.push_back(connect());
    idle.back().send("GET /quick HTTP/1.1\r\nHo");
  }
  for (int i = 0; i < 50; ++i) {
    auto probe = connect();
    EXPECT_EQ(probe.ask(get("/quick")).status, 200);
    EXPECT_EQ(probe.ask(post("/echo", "x")).body, "x");
  }
  EXPECT_GE(server_->gauges().connections, 2'200u);
  for (auto& one : idle) one.close();
}

TEST_F(ServerTest, ABurstOfConnectionsGetsAnAnswerEach) {
  start();
  std::vector<RawClient> burst;
  for (int i = 0; i < 1'000; ++i) {
    burst.push_back(connect());
    burst.back().send(post("/echo", std::to_string(i)));
  }
  int good = 0, busy = 0;
  for (auto& one : burst) {
    const auto answer = one.read();
    good += answer.status == 200;
    busy += answer.status == 503;
  }
  EXPECT_EQ(good + busy, 1'000);
  EXPECT_GT(good, 0);
}

TEST_F(ServerTest, DrainsWithoutCuttingAnAnswerInTheMaking) {
  start();
  auto busy = connect(), idle = connect();
  EXPECT_EQ(idle.ask(get("/quick")).status, 200);
  busy.send(get("/held"));
  application_.wait_held(1);
  std::thread stopping([this] { EXPECT_TRUE(server_->drain(std::chrono::seconds(20))); });
  EXPECT_TRUE(idle.closed());
  application_.release();
  const auto answer = busy.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("connection"), "close");
  busy.close();
  stopping.join();
  EXPECT_THROW(connect(), std::runtime_error);
}

TEST_F(ServerTest, APortAlreadyTakenIsAClearError) {
  start();
  auto config = config_;
  config.port = server_->port();
  api::Server second(config, application_);
  const auto started = second.start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().key, "http.listen");
}

// A header with a certificate, as our proxy writes it (RFC 9440 §2.2).
constexpr std::string_view kWithCertificate =
    "GET /who HTTP/1.1\r\nHost: test\r\nClient-Cert: :MAMCAQE=:\r\n"
    "X-Forwarded-For: 192.0.2.7\r\n\r\n";

class ProxySocketTest : public ServerTest {
 protected:
  ProxySocketTest() {
    char name[] = "/tmp/xinyin-proxy-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    config_.proxy_socket = directory_ + "/proxy.sock";
    config_.proxy_uid = ::getuid();
    config_.trusted_proxies = *api::parse_networks("127.0.0.1/32");
  }
  ~ProxySocketTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }
  std::string directory_;
};

TEST_F(ProxySocketTest, OnTheProxysSocketACertificateIsBelieved) {
  start();
  struct stat there {};
  ASSERT_EQ(::stat(config_.proxy_socket.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 0777, 0660u);
  RawClient proxy(config_.proxy_socket);
  proxy.send(kWithCertificate);
  EXPECT_EQ(proxy.read().body, "3003020101 192.0.2.7");
  proxy.send("GET /who HTTP/1.1\r\nHost: test\r\n\r\n");  // the next one shows none
  EXPECT_EQ(proxy.read().body, " 127.0.0.1");
}

TEST_F(ProxySocketTest, EverywhereElseACertificateInAHeaderIsRefused) {
  start();
  for (const std::string field :
       {"Client-Cert: :MAMCAQE=:", "client-cert: x", "Client-Cert-Chain: :MAMCAQE=:"}) {
    auto client = connect();
    client.send("GET /who HTTP/1.1\r\nHost: test\r\n" + field + "\r\n\r\n");
    const auto answer = client.read();
    EXPECT_EQ(answer.status, 400) << field;
    EXPECT_EQ(answer.body, "http.client_cert") << field;
  }
}

TEST_F(ProxySocketTest, WhoIsNotTheProxysAccountIsNotServed) {
  config_.proxy_uid = ::getuid() + 1;
  start();
  RawClient other(config_.proxy_socket);
  other.send(kWithCertificate);
  EXPECT_TRUE(other.closed());
}

TEST_F(ProxySocketTest, AMalformedCertificateHeaderIsRefused) {
  start();
  for (const std::string value : {"", ":", "::", "MAMCAQE=", ":MAMCAQE:", ":!:", ":MAMCAQE=: "}) {
    RawClient proxy(config_.proxy_socket);
    proxy.send("GET /who HTTP/1.1\r\nHost: test\r\nClient-Cert: " + value + "\r\n\r\n");
    const auto answer = proxy.read();
    EXPECT_EQ(answer.status, value == ":MAMCAQE=: " ? 200 : 400) << value;
  }
  RawClient proxy(config_.proxy_socket);
  proxy.send(
      "GET /who HTTP/1.1\r\nHost: test\r\nClient-Cert: :MAMCAQE=:\r\n"
      "Client-Cert: :MAMCAQE=:\r\n\r\n");
  EXPECT_EQ(proxy.read().body, "http.duplicate");
}

TEST_F(ProxySocketTest, ASocketLeftBehindIsTakenAndOneInUseIsNot) {
  start();
  api::ServerConfig config = config_;
  api::Server second(config, application_);
  const auto started = second.start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().key, "http.listen");
  server_->stop();
  EXPECT_FALSE(std::filesystem::exists(config_.proxy_socket));
  {  // as a process that was killed leaves it
    auto left = api::listen_for_proxy(config_.proxy_socket);
    ASSERT_TRUE(left.ok());
  }
  ASSERT_TRUE(std::filesystem::exists(config_.proxy_socket));
  server_.reset();
  start();
  RawClient proxy(config_.proxy_socket);
  proxy.send(kWithCertificate);
  EXPECT_EQ(proxy.read().status, 200);
}

}  // namespace
