// The real xinyin-signer over a real SoftHSM token, through the client.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/encoding.h"
#include "base/unique_fd.h"
#include "hsm/client.h"
#include "hsm/provision.h"
#include "hsm/public_key.h"
#include "test_paths.h"
#include "tests/hsm/op_log_check.h"
#include "tests/hsm/openssl.h"
#include "tests/hsm/wait_until.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace hsm {
namespace {

using std::chrono::milliseconds;

const std::filesystem::path kProgram = XINYIN_BIN_DIR "/xinyin-signer";
constexpr uid_t kNobody = 65534;

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

base::Digest digest_of(const std::string& text) {
  return base::sha256(base::as_bytes(text));
}

class SignerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto keys = test::demonstration_keys();
    keys.push_back({"seal-rsa", Algorithm::rsa_3072, Purpose::seal});
    token_ = std::make_unique<test::Token>(keys);
  }
  static void TearDownTestSuite() { token_.reset(); }

  test::Signer& start(std::vector<std::string> settings = {}) {
    test::Signer::Options options;
    options.program = kProgram;
    options.settings = std::move(settings);
    signer_ = std::make_unique<test::Signer>(*token_, std::move(options));
    return *signer_;
  }
  std::string reason(Client& client) {
    const auto health = client.health();
    return health.ok() ? health->reason : health.error().detail;
  }

  static inline std::unique_ptr<test::Token> token_;
  std::unique_ptr<test::Signer> signer_;
};

TEST_F(SignerTest, SignaturesVerifyWithOpenssl) {
  Client client(start().client());
  for (const auto* label : {"seal-1", "seal-rsa", "openid-1"}) {
    const auto key = client.key(label);
    ASSERT_TRUE(key.ok()) << key.error().detail;
    const auto signature = (*key)->sign(digest_of("message"));
    ASSERT_TRUE(signature.ok()) << signature.error().detail;
    EXPECT_TRUE(test::openssl_verifies((*key)->info(), *signature, "message"));
  }
  const auto health = client.health();
  ASSERT_TRUE(health.ok());
  EXPECT_TRUE(health->token_up);
  EXPECT_EQ(health->token_label, token_->label());
  EXPECT_EQ(health->signatures, 3u);
  EXPECT_EQ(client.keys()->size(), 8u);
  EXPECT_EQ(client.key("nobody").error().key, "hsm.no_key");
}

TEST_F(SignerTest, TheServiceMayNotUseCaKeysTheOfficerMay) {
  start();
  Client service(signer_->client()), officer(signer_->officer());
  for (const auto* label : {"root-ca", "issuing-ca"}) {
    const auto refused = (*service.key(label))->sign(digest_of("x"));
    EXPECT_EQ(refused.error().key, "hsm.refused") << label;
    EXPECT_EQ(refused.error().code, base::Code::permission_denied);
    EXPECT_TRUE((*officer.key(label))->sign(digest_of("x")).ok()) << label;
  }
  EXPECT_NE(read(signer_->oplog()).find("\"key\":\"root-ca\""), std::string::npos);
  EXPECT_NE(read(signer_->oplog()).find("\"outcome\":\"hsm.refused\""), std::string::npos);
}

TEST_F(SignerTest, OnlyTheUsersNamedMayConnect) {
  start({"socket.service_uids = 65533"});  // the fixture waits at the officers' door instead
  Client client(signer_->client());
  const auto refused = client.health();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().key, "hsm.refused");
  EXPECT_NE(signer_->log().find("this user may not use it"), std::string::npos);
}

TEST_F(SignerTest, AForeignUserIsRefusedByTheKernelsWord) {
  if (::geteuid() != 0) return;  // only root can become somebody else; the test above holds for all
  start();
  const auto child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)
      ::_exit(9);
    Client client(signer_->client());
    const auto health = client.health();
    ::_exit(health.ok() ? 1 : health.error().key == "hsm.refused" ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(Client(signer_->client()).health().ok());
}

TEST_F(SignerTest, APulledTokenIsUnavailableAndWorksAgainWithoutRestart) {
  start({"token.recheck_ms = 100"});
  const auto worker = signer_->worker();
  Client client(signer_->client());
  const auto key = *client.key("seal-1");
  ASSERT_TRUE(key->sign(digest_of("before")).ok());
  const auto pulled = token_->directory() / "pulled";
  std::filesystem::rename(token_->tokens(), pulled);

  const auto away = key->sign(digest_of("away"));
  EXPECT_EQ(away.error().key, "hsm.unavailable");
  EXPECT_EQ(away.error().code, base::Code::unavailable);
  ASSERT_TRUE(test::wait_until([&] { return client.health().ok() && !client.health()->token_up; }));
  EXPECT_NE(reason(client).find("CKR_"), std::string::npos) << reason(client);
  EXPECT_EQ(client.wrap("n", base::Secret(base::as_bytes("s"))).error().key, "hsm.unavailable");

  std::filesystem::rename(pulled, token_->tokens());
  EXPECT_TRUE(test::wait_until([&] { return key->sign(digest_of("after")).ok(); }))
      << reason(client);
  EXPECT_EQ(signer_->worker(), worker);
  EXPECT_EQ(reason(client), "");
}

TEST_F(SignerTest, AKilledWorkerIsReplacedAndNoRequestIsLost) {
  start();
  Client client(signer_->client());
  const auto key = *client.key("seal-1");
  for (int round = 0; round < 3; ++round) {
    const auto worker = signer_->worker();
    ASSERT_GT(worker, 0);
    std::atomic<int> lost{0};
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; !stop; ++i)
          lost += key->sign(digest_of(std::to_string(t * 1000 + i))).ok() ? 0 : 1;
      });
    ASSERT_TRUE(
        test::wait_until([&] { return client.health().ok() && client.health()->signatures > 20; }));
    ASSERT_EQ(::kill(worker, SIGKILL), 0);
    EXPECT_TRUE(test::wait_until([&] {
      const auto now = signer_->worker();
      return now != 0 && now != worker && client.health().ok() && client.health()->signatures > 20;
    }));
    stop = true;
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(lost, 0) << "round " << round;
  }
  EXPECT_EQ(signer_->stop(), 0);
  EXPECT_NE(test::check_op_log(signer_->oplog()).find(" lines"), std::string::npos)
      << test::check_op_log(signer_->oplog());
}

TEST_F(SignerTest, TheWorkerDiesWithItsSupervisor) {
  start();
  const auto worker = signer_->worker();
  ASSERT_EQ(::kill(signer_->pid(), SIGKILL), 0);
  EXPECT_EQ(signer_->wait(), 128 + SIGKILL);
  EXPECT_TRUE(test::wait_until([&] { return ::kill(worker, 0) != 0; }));
}

TEST_F(SignerTest, WithoutASignerTheAnswerComesAtOnce) {
  ClientConfig config;
  config.socket = "/nonexistent/signer.sock";
  config.deadline = std::chrono::hours(1);  // not waited for
  Client client(config);
  EXPECT_EQ(client.health().error().key, "hsm.unavailable");
  EXPECT_EQ(client.key("seal-1").error().key, "hsm.unavailable");
}

TEST_F(SignerTest, AKeyOutlivesARestartOfTheWholeSigner) {
  start();
  const auto config = signer_->client(milliseconds(2000));
  Client client(config);
  const auto key = *client.key("seal-1");
  ASSERT_TRUE(key->sign(digest_of("a")).ok());
  ASSERT_EQ(::kill(signer_->worker(), SIGTERM),
            0);  // leaves cleanly; the supervisor starts another
  EXPECT_TRUE(test::wait_until([&] { return key->sign(digest_of("b")).ok(); }));
  EXPECT_EQ(signer_->stop(), 0);
  EXPECT_EQ(key->sign(digest_of("c")).error().key, "hsm.unavailable");
  EXPECT_FALSE(std::filesystem::exists(config.socket));
}

TEST_F(SignerTest, SixteenThreadsGetEachTheirOwnSignature) {
  constexpr int kThreads = 16, kEach = 500;
  Client client(start({"oplog.fsync = false"}).client(std::chrono::seconds(30)));
  const auto key = *client.key("seal-1");
  const auto check =
      std::move(*SignatureCheck::make(key->info().algorithm, key->info().public_key));
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const auto digest = digest_of(std::to_string(t) + "/" + std::to_string(i));
        const auto signature = key->sign(digest);
        good += signature.ok() && check->good(digest, *signature) ? 1 : 0;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, kThreads * kEach);
  EXPECT_EQ(client.health()->signatures, static_cast<std::uint64_t>(kThreads * kEach));
  EXPECT_EQ(signer_->stop(), 0);
  EXPECT_EQ(test::check_op_log(signer_->oplog()), std::to_string(kThreads * kEach + 1) + " lines");
}

TEST_F(SignerTest, WrappingIsBoundToItsNameAndItsKey) {
  start();
  Client client(signer_->client());
  const base::Secret secret(base::as_bytes("a data key of thirty-two bytes.."));
  const auto wrapped = client.wrap("data-key", secret);
  ASSERT_TRUE(wrapped.ok()) << wrapped.error().detail;
  EXPECT_TRUE(client.unwrap("data-key", *wrapped)->equals(secret.reveal()));
  const auto other = client.unwrap("other", *wrapped);
  EXPECT_EQ(other.error().key, "hsm.bad_wrapping");
  EXPECT_EQ(other.error().code, base::Code::invalid_argument);
  EXPECT_EQ(client.unwrap("data-key", base::Bytes(100, 1)).error().key, "hsm.bad_wrapping");
  EXPECT_TRUE(client.wrap("big", base::Secret(base::Bytes(kMostSecretBytes, 7))).ok());
  EXPECT_EQ(client.wrap("big", base::Secret(base::Bytes(kMostSecretBytes + 1))).error().code,
            base::Code::invalid_argument);
  EXPECT_TRUE(client.health()->token_up);
  EXPECT_EQ(read(signer_->oplog()).find("a data key"), std::string::npos);
}

/// A raw connection, for what the client would never send.
base::UniqueFd connect_raw(const std::filesystem::path& path) {
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

bool closed_after(const std::filesystem::path& socket, const std::string& bytes) {
  const auto fd = connect_raw(socket);
  (void)!::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  char buffer[64];
  timeval patience{30, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const auto got = ::recv(fd.get(), buffer, sizeof buffer, 0);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

TEST_F(SignerTest, GarbageClosesItsConnectionAndHarmsNobodyElse) {
  start();
  const auto worker = signer_->worker();
  Client client(signer_->client());
  const auto key = *client.key("seal-1");
  using namespace std::string_literals;
  for (const auto& bytes :
       {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"s, "\xff\xff\xff\xff"s, "\0\0\0\0"s,
        "\0\0\0\x01\x01"s, "\0\0\x20\x01"s + std::string(9000, 'x'),
        "\0\0\0\x0e\x02\x01\0\0\0\0\0\0\0\x01\0\0\0\0"s,      // another version
        "\0\0\0\x0e\x01\x09\0\0\0\0\0\0\0\x01\0\0\0\0"s,      // another kind
        "\0\0\0\x0e\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0"s,        // id 0
        "\0\0\0\x0f\x01\x01\0\0\0\0\0\0\0\x01\0\0\0\0!"s}) {  // a byte to spare
    EXPECT_TRUE(closed_after(signer_->socket(), bytes))
        << base::to_hex(base::as_bytes(bytes)).substr(0, 60);
    EXPECT_TRUE(key->sign(digest_of("still here")).ok());
  }
  EXPECT_EQ(signer_->worker(), worker);
}

TEST_F(SignerTest, ConnectionsAndUnansweredRequestsAreLimited) {
  start({"most_connections = 3", "most_in_flight = 2"});
  std::vector<base::UniqueFd> held;
  for (int i = 0; i < 3; ++i) held.push_back(connect_raw(signer_->socket()));
  ASSERT_TRUE(test::wait_until([&] {
    ClientConfig config = signer_->client();
    config.connections = 1;
    Client client(config);
    const auto health = client.health();
    return !health.ok() && health.error().key == "hsm.busy";
  }));
  held.clear();
  EXPECT_TRUE(test::wait_until([&] { return Client(signer_->client()).health().ok(); }));
}

TEST_F(SignerTest, ThePinIsNowhereToBeSeen) {
  start();
  Client client(signer_->client());
  ASSERT_TRUE((*client.key("seal-1"))->sign(digest_of("x")).ok());
  const auto& pin = token_->pin();
  for (const auto pid : {signer_->pid(), signer_->worker()}) {
    const auto place = "/proc/" + std::to_string(pid) + "/";
    ASSERT_FALSE(read(place + "cmdline").empty());
    EXPECT_EQ(read(place + "cmdline").find(pin), std::string::npos);
    if (::geteuid() == 0) {
      EXPECT_EQ(read(place + "environ").find(pin), std::string::npos);
      EXPECT_NE(read(place + "status").find("NoNewPrivs:\t1"), std::string::npos);
      EXPECT_NE(read(place + "limits").find("Max core file size        0 "), std::string::npos);
    }
    struct stat status {};
    ASSERT_EQ(::stat((place + "environ").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 0u);  // not dumpable: the kernel keeps its memory from its own user
  }
  EXPECT_EQ(signer_->log().find(pin), std::string::npos);
  EXPECT_EQ(read(signer_->oplog()).find(pin), std::string::npos);
  EXPECT_EQ(read(token_->inventory()).find(pin), std::string::npos);
}

TEST_F(SignerTest, AWritableTokenDirectoryIsRefusedWithItsReason) {
  test::Signer::Options options;
  options.program = kProgram;
  options.settings = {"token.directory = " + token_->tokens().string()};
  options.wait = false;
  test::Signer signer(*token_, std::move(options));
  EXPECT_EQ(signer.wait(), 78);
  EXPECT_NE(signer.log().find("can write it"), std::string::npos) << signer.log();
}

TEST_F(SignerTest, ASecondSignerDoesNotTakeTheSocketAway) {
  start();
  test::Signer::Options options;
  options.program = kProgram;
  options.settings = {"socket.service_purposes = seal"};
  options.wait = false;
  test::Signer second(*token_, options);
  ASSERT_TRUE(test::wait_until([&] { return Client(second.client()).health().ok(); }));
  const auto run_again =
      test::run({kProgram, "--config", (second.directory() / "signer.conf").string()});
  EXPECT_EQ(run_again.status, 78) << run_again.out;
  EXPECT_NE(run_again.out.find("another signer serves it"), std::string::npos) << run_again.out;
  EXPECT_TRUE(Client(second.client()).health().ok());
}

TEST_F(SignerTest, Fault11_ABentTokenFileIsNamedAndItsRestorationIsEnough) {
  const test::Token token({{"seal-1", Algorithm::ecdsa_p256, Purpose::seal}});
  std::filesystem::path object;  // the largest one is the private half
  for (const auto& one : std::filesystem::recursive_directory_iterator(token.tokens()))
    if (one.path().extension() == ".object" &&
        (object.empty() || one.file_size() > std::filesystem::file_size(object)))
      object = one.path();
  test::Signer::Options options;
  options.program = kProgram;
  options.settings = {"token.directory = " + token.tokens().string(), "token.writable_ok = true",
                      "token.recheck_ms = 100"};
  test::Signer signer(token, std::move(options));
  const auto worker = signer.worker();
  Client client(signer.client());
  const auto key = *client.key("seal-1");
  const auto good = read(object);
  auto bent = good;
  bent[84] = static_cast<char>(bent[84] ^ 0x01);  // with this one SoftHSM ends the process
  std::ofstream(object, std::ios::binary | std::ios::trunc) << bent;
  ASSERT_TRUE(test::wait_until([&] {
    return reason(client).find(object.filename().string()) != std::string::npos;
  })) << reason(client);
  EXPECT_EQ(key->sign(digest_of("x")).error().key, "hsm.unavailable");
  std::ofstream(object, std::ios::binary | std::ios::trunc) << good;
  EXPECT_TRUE(test::wait_until([&] { return key->sign(digest_of("x")).ok(); })) << reason(client);
  EXPECT_EQ(signer.worker(), worker);
}

TEST_F(SignerTest, ATamperedOperationLogIsRefused) {
  start();
  Client client(signer_->client());
  const auto key = *client.key("seal-1");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(key->sign(digest_of(std::to_string(i))).ok());
  auto text = read(signer_->oplog());
  text[text.find("\"uid\":") + 6] = '9';
  std::ofstream(signer_->oplog(), std::ios::trunc) << text;
  ASSERT_EQ(::kill(signer_->worker(), SIGKILL), 0);
  EXPECT_EQ(signer_->wait(), 78);  // the supervisor does not try for ever
  EXPECT_NE(signer_->log().find("does not follow from the line before it"), std::string::npos);
}

TEST_F(SignerTest, Sec0_1_ThreeSignersStartAtOnceOnAReadOnlyTokenAsAUserOfTheirOwn) {
  // As a user that cannot write the token; root can write everything, so it becomes nobody.
  const test::Token token;
  const auto own = [&](bool writable) { ASSERT_TRUE(set_writable(token.tokens(), writable).ok()); };
  const bool root = ::geteuid() == 0;
  if (root) {
    ::chmod(token.directory().c_str(), 0755);
    for (const auto& one : std::filesystem::recursive_directory_iterator(token.directory()))
      ASSERT_EQ(::chown(one.path().c_str(), kNobody, kNobody), 0);
  }
  own(false);
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<test::Signer>> signers;
    for (int i = 0; i < 3; ++i) {
      test::Signer::Options options;
      options.program = kProgram;
      options.wait = false;
      options.user = root ? kNobody : ::geteuid();
      options.settings = {"token.directory = " + token.tokens().string(),
                          "socket.service_uids = " + std::to_string(::geteuid())};
      signers.push_back(std::make_unique<test::Signer>(token, std::move(options)));
    }
    for (auto& signer : signers) {
      Client client(signer->client());
      EXPECT_TRUE(test::wait_until([&] {
        const auto key = client.key("seal-1");
        return key.ok() && (*key)->sign(digest_of("x")).ok();
      })) << signer->log();
    }
  }
  own(true);
}

}  // namespace
}  // namespace hsm
