// Renewal without interruption: a renewed certificate and a successor of a key are taken up by the
// running service, with the real signer behind it, while documents are being issued.
#include <gmock/gmock.h>

#include <atomic>
#include <cctype>
#include <fstream>
#include <thread>

#include "api/background.h"
#include "api/key_choice.h"
#include "auth/jwt.h"
#include "base/encoding.h"
#include "base/json.h"
#include "certs/ocsp_register.h"
#include "certs/register.h"
#include "test_paths.h"
#include "tests/api/house.h"
#include "tests/support/active_seal.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace {

using certs::Profile;

std::vector<hsm::PlannedKey> keys() {
  auto out = test::demonstration_keys();
  out.push_back({"seal-2", hsm::Algorithm::ecdsa_p256, hsm::Purpose::seal});
  out.push_back({"timestamp-2", hsm::Algorithm::ecdsa_p256, hsm::Purpose::timestamp});
  out.push_back({"ocsp-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::ocsp});
  return out;
}

class RenewalTest : public testing::Test {
 protected:
  explicit RenewalTest(bool working_keys = false) {
    auto& config = house_.config();
    config.openid.working_keys = working_keys;
    config.agency.name = test::Pki::kAgency;
    config.agency.code = test::Pki::kAgencyCode;
    house_.pki().write(config.pki_directory);
    std::filesystem::create_symlink(signer_.socket(),
                                    house_.log_file().parent_path() / "no-signer.sock");
    const auto wrapped =
        house_.services().signer->wrap("data-key", base::Secret(base::SystemRandom().bytes(32)));
    base::check(wrapped.ok(), wrapped.ok() ? "" : wrapped.error().detail);
    std::filesystem::create_directories(config.data_key_file.parent_path());
    std::ofstream(config.data_key_file, std::ios::binary) << base::as_text(*wrapped);
    base::SystemRandom random;
    test::active_seal(house_.services().pool, house_.services().clock, random, R"({"kinds":["*"]})",
                      config.signer.seal_key);
    background_.keep_once();
    base::check(house_.services().upstairs.get() != nullptr, house_.log_text());
  }
  /// What an officer's tool does, in its order: first the file, then the list.
  void write(const std::string& name, std::string_view content) {
    ASSERT_TRUE(certs::PkiDirectory(house_.config().pki_directory).write(name, content));
  }
  void publish() { write("trust-list.jws", house_.pki().jws()); }
  certs::Certificate certify(const std::string& label, Profile profile, const std::string& name) {
    const auto made = house_.pki().issuing().issue(profile, house_.pki().agency(name),
                                                   officers_.key(label).value()->info().public_key);
    base::check(made.ok(), made.ok() ? "" : made.error().detail);
    return *made;
  }
  struct Sealed {
    int status = 0;
    std::string file;
  };
  Sealed issue(const std::string& key) {
    const auto bearer = "Authorization: Bearer " + token_ + "\r\n";
    const auto answer = house_.ask(
        "POST", "/v1/documents/enrolment-certificate",
        bearer + "Content-Type: application/json\r\nIdempotency-Key: " + key + "\r\n", "{}");
    Sealed out{answer.status, answer.body};
    if (answer.status != 201) return out;
    const auto json = base::parse_json(answer.body);
    out.file =
        house_.get("/v1/documents/" + std::string(base::json_text(*json, "id")), bearer).body;
    return out;
  }
  /// The certificate is in the signature, which stands in the file as hex.
  static bool sealed_by(const Sealed& sealed, const certs::Certificate& certificate) {
    auto file = sealed.file;
    for (auto& c : file) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return sealed.status == 201 && file.find(base::to_hex(certificate.der())) != std::string::npos;
  }
  verify::Verdict judge(const std::string& file) {
    return house_.services().verifier.get()->judge(base::as_bytes(file),
                                                   house_.pki().clock().now());
  }
  std::string outcome(const Sealed& sealed) {
    return std::string(to_string(judge(sealed.file).outcome));
  }

  test::Token token_device_{keys()};
  test::Signer signer_{token_device_, {.program = XINYIN_BIN_DIR "/xinyin-signer"}};
  hsm::Client officers_{signer_.officer()};
  test::House house_{test::House::Options{
      .upstairs = false,
      .keys = [this](const std::string& label) { return officers_.key(label).value(); }}};
  api::Background background_{house_.services(), house_.log(), {}};
  std::string token_;
};

TEST_F(RenewalTest, ASuccessorIsTakenUpWhileDocumentsAreIssued) {
  token_ = house_.access_token();
  const auto first = issue("first");
  ASSERT_EQ(first.status, 201) << first.file;
  EXPECT_TRUE(sealed_by(first, house_.pki().certificate("seal-1")));

  std::atomic<bool> stop{false};
  std::atomic<int> done{0}, refused{0};
  std::thread others([&] {
    for (int i = 0; !stop; ++i) {
      if (issue("other-" + std::to_string(i)).status == 201)
        ++done;
      else
        ++refused;
    }
  });

  // The same key, certified anew: the list need not say so.
  const auto renewed = certify("seal-1", Profile::seal, "续期印章");
  write("seal-1.pem", renewed.pem());
  background_.keep_once();
  const auto second = issue("second");
  EXPECT_TRUE(sealed_by(second, renewed));

  // A new key: not before the list knows it.
  const auto successor = certify("seal-2", Profile::seal, "后继印章");
  write("seal-2.pem", successor.pem());
  background_.keep_once();
  EXPECT_TRUE(sealed_by(issue("third"), renewed));
  house_.pki().enlist(successor, "seal");
  publish();
  background_.keep_once();
  const auto fourth = issue("fourth");
  EXPECT_TRUE(sealed_by(fourth, successor));

  // Time stamps likewise.
  const auto stamps = certify("timestamp-2", Profile::timestamp, "后继时间戳");
  write("timestamp-2.pem", stamps.pem());
  house_.pki().enlist(stamps, "timestamp");
  publish();
  background_.keep_once();
  EXPECT_EQ(house_.services().upstairs.get()->authority_key, stamps.public_key_sha256());
  const auto fifth = issue("fifth");
  EXPECT_TRUE(sealed_by(fifth, stamps)) << "the stamp brings its certificate along";

  // A file that went bad is not taken up, and stops nothing.
  write("seal-3.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  background_.keep_once();
  EXPECT_TRUE(sealed_by(issue("sixth"), successor));

  stop = true;
  others.join();
  EXPECT_GT(done, 0);
  EXPECT_EQ(refused, 0);
  for (const auto& one : {first, second, fourth, fifth}) EXPECT_EQ(outcome(one), "genuine");
  EXPECT_EQ(issue("first").file, first.file) << "the same document still comes back";
}

class WorkingKeyTest : public RenewalTest {
 protected:
  WorkingKeyTest() : RenewalTest(true) {}
  static std::string kid(const std::string& token) {
    const auto header = base::from_base64url(token.substr(0, token.find('.')));
    return std::string(base::json_text(*base::parse_json(base::as_text(*header)), "kid"));
  }
};

// docs/decisions/0133-working-keys.md
TEST_F(WorkingKeyTest, TokensAreSignedByWhatTheHardwareTokenWrappedAndEndorsed) {
  const auto inside =
      auth::TokenKey::from_spki(officers_.key("openid-1").value()->info().public_key);
  const auto first = house_.access_token();
  EXPECT_NE(kid(first), inside->id());
  const auto set = house_.get("/oauth/jwks").body;
  EXPECT_THAT(set, testing::HasSubstr("\"xinyin_endorsement\""));
  EXPECT_THAT(set, testing::HasSubstr(inside->id())) << "who endorsed it";
  const auto bearer = "Authorization: Bearer " + first + "\r\n";
  EXPECT_EQ(house_.get("/oauth/userinfo", bearer).status, 200);
  // Whoever starts anew has the same one unwrapped.
  house_.services().upstairs.set(nullptr);
  background_.keep_once();
  ASSERT_NE(house_.services().upstairs.get(), nullptr) << house_.log_text();
  EXPECT_EQ(kid(house_.access_token()), kid(first));
  EXPECT_EQ(house_.get("/oauth/userinfo", bearer).status, 200);
}

TEST_F(WorkingKeyTest, ASealThatCannotBeChosenDoesNotEndTheLeaveToSignTokens) {
  const auto first = house_.access_token();
  house_.pki().clock().advance(auth::kWorkingKeyLease);
  write("seal-1.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  background_.keep_once();
  EXPECT_THAT(house_.log_text(), testing::HasSubstr("api.no_key")) << "the seal is told";
  EXPECT_EQ(kid(house_.access_token()), kid(first));
}

TEST_F(RenewalTest, AKeyWhosePeriodOfUseIsOverIsNotTaken) {
  const auto choose = [&] {
    house_.pki().publish();
    publish();
    background_.keep_once();
    return api::choose_key(house_.services(), "seal-*", certs::ChainPurpose::seal);
  };
  const auto ends = certs::key_use_ends(house_.pki().certificate("seal-1"));
  house_.pki().clock().set(ends);
  EXPECT_EQ(choose()->label, "seal-1");
  house_.pki().clock().set(ends + std::chrono::seconds(1));
  const auto none = choose();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().key, "api.no_key");
  EXPECT_THAT(none.error().detail, testing::HasSubstr("period of use"));
}

TEST_F(RenewalTest, ARevokedSuccessorHandsBackToItsPredecessor) {
  const auto successor = certify("seal-2", Profile::seal, "后继印章");
  write("seal-2.pem", successor.pem());
  house_.pki().enlist(successor, "seal");
  publish();
  background_.keep_once();
  EXPECT_EQ(house_.services().upstairs.get()->in_use[0], successor.sha256());
  house_.pki().revoke(successor, house_.pki().clock().now());
  publish();
  background_.keep_once();
  EXPECT_EQ(house_.services().upstairs.get()->in_use[0],
            house_.pki().certificate("seal-1").sha256())
      << "a revoked successor hands back to its predecessor";
}

TEST_F(RenewalTest, TheResponderIsTakenUpAndAnswersAhead) {
  EXPECT_FALSE(house_.services().responder.get()) << "no certificate yet";
  const auto& pki = house_.pki();
  const auto issuer = pki.certificate("issuing-ca").public_key_sha256();
  {
    auto tx = test::Database::shared().pool().begin();
    certs::CertificateRegister issued(*tx, house_.pki().clock(), "officer:test");
    ASSERT_TRUE(
        issued.record({pki.certificate("seal-1"), Profile::seal, "seal-1", issuer,
                       test::Pki::kAgency, test::Pki::kAgencyCode, pki.start(), std::nullopt}));
    ASSERT_TRUE(tx->commit());
  }
  const auto certificate = certify("ocsp-1", Profile::ocsp, "应答");
  write("ocsp-1.pem", certificate.pem());
  background_.keep_once();
  ASSERT_TRUE(house_.services().responder.get()) << house_.log_text();
  certs::OcspRegister answers(test::Database::shared().pool(), house_.pki().clock());
  const auto found =
      answers.find(issuer, pki.certificate("seal-1").serial_hex(), certs::OcspHash::sha1);
  ASSERT_TRUE(found);
  EXPECT_TRUE(*found) << "made in the same turn";
  EXPECT_THAT(house_.get("/metrics").body, testing::HasSubstr("xinyin_"));
}

}  // namespace
