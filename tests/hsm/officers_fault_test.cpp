// Every fault in front of every PKCS#11 call that the signer with officers makes (security.md
// §4.3, faults 3 to 10): nobody crashes or waits for ever, nothing wrong is taken for good, an act
// of officers is done whole, failed, or finished later, what was there before still signs, and the
// signer comes back by itself.
#include <gtest/gtest.h>
#include <signal.h>

#include "hsm/algorithm.h"
#include "hsm/public_key.h"
#include "test_paths.h"
#include "tests/hsm/governed.h"
#include "tests/hsm/wait_until.h"

namespace hsm::officers {
namespace {

using std::chrono::milliseconds;

/// What is being done while the fault is there.
enum class Deed {
  sign_p256,
  sign_rsa,
  sign_ed25519,
  sign_sm2,
  wrap,
  unwrap,
  approve,
  make_pair,
  make_secret,
  destroy,
  open
};

struct Operation {
  const char* name;
  Deed deed;
  const char* call;
};
constexpr Operation kOperations[] = {
    {"SignP256Init", Deed::sign_p256, "C_SignInit"},
    {"SignP256", Deed::sign_p256, "C_Sign"},
    {"SignRsa", Deed::sign_rsa, "C_Sign"},
    {"SignEd25519", Deed::sign_ed25519, "C_Sign"},
    {"UnwrapKeyInit", Deed::sign_sm2, "C_DecryptInit"},
    {"UnwrapKey", Deed::sign_sm2, "C_Decrypt"},
    {"WrapInit", Deed::wrap, "C_EncryptInit"},
    {"Wrap", Deed::wrap, "C_Encrypt"},
    {"UnwrapInit", Deed::unwrap, "C_DecryptInit"},
    {"Unwrap", Deed::unwrap, "C_Decrypt"},
    {"ApprovedSignature", Deed::approve, "C_Sign"},
    {"MakePair", Deed::make_pair, "C_GenerateKeyPair"},
    {"MakePairProof", Deed::make_pair, "C_Sign"},
    {"MakePairId", Deed::make_pair, "C_SetAttributeValue"},
    {"MakePairKeep", Deed::make_pair, "C_CopyObject"},
    {"MakePairForget", Deed::make_pair, "C_DestroyObject"},
    {"MakePairLogin", Deed::make_pair, "C_Login"},
    {"MakePairRead", Deed::make_pair, "C_GetAttributeValue"},
    {"MakeSecret", Deed::make_secret, "C_GenerateKey"},
    {"Destroy", Deed::destroy, "C_DestroyObject"},
    {"DestroyFind", Deed::destroy, "C_FindObjects"},
    {"OpenInitialize", Deed::open, "C_Initialize"},
    {"OpenSlots", Deed::open, "C_GetSlotList"},
    {"OpenInfo", Deed::open, "C_GetTokenInfo"},
    {"OpenSession", Deed::open, "C_OpenSession"},
    {"OpenLogin", Deed::open, "C_Login"},
    {"OpenRandom", Deed::open, "C_GenerateRandom"},
    {"OpenFindInit", Deed::open, "C_FindObjectsInit"},
    {"OpenFind", Deed::open, "C_FindObjects"},
    {"OpenRead", Deed::open, "C_GetAttributeValue"},
};

struct Fault {
  const char* name;
  const char* rule;
};
constexpr Fault kFaults[] = {
    {"DeviceError", "rv=0x30"}, {"AnswerLost", "rv=0x30 when=after"},
    {"SessionLost", "rv=0xB3"}, {"TokenRemoved", "rv=0x32"},
    {"LoginLost", "rv=0x101"},  {"Slow", "delay=40"},
    {"WrongLength", "short=1"}, {"Hang", "hang=rule"},
};

class OfficersFault : public testing::TestWithParam<std::tuple<Operation, Fault>> {
 protected:
  static void SetUpTestSuite() {
    house_ = std::make_unique<test::Governed>(test::Governed::Options{
        {{"key-wrap-1", Algorithm::aes_256, Purpose::key_wrapping},
         {"seal-1", Algorithm::ecdsa_p256, Purpose::seal},
         {"seal-rsa", Algorithm::rsa_3072, Purpose::seal},
         {"seal-ed", Algorithm::ed25519, Purpose::seal},
         {"seal-sm2", Algorithm::sm2, Purpose::seal},
         {"root-ca", Algorithm::ecdsa_p256, Purpose::root_ca},
         {"data-wrap-1", Algorithm::aes_256, Purpose::data_wrapping}},
        {"watchdog_ms = 400", "token.change_ms = 3000", "token.recheck_ms = 2000"},
        XINYIN_BIN_DIR "/xinyin-signer",
        XINYIN_P11_SHIM});
  }
  static void TearDownTestSuite() {
    const auto holds = house_->ledger_holds();
    EXPECT_TRUE(holds.ok()) << holds.error().detail;
    house_.reset();
  }

  /// A signature is either refused or right.
  static bool signs(const char* label, milliseconds patience = milliseconds(1500)) {
    auto client = house_->service(patience);
    const auto key = client.key(label);
    if (!key.ok()) return false;
    const auto message = base::as_bytes("what is signed");
    const auto signature = (*key)->sign_message(message);
    if (!signature.ok()) return false;
    const auto check = SignatureCheck::make((*key)->info().algorithm, (*key)->info().public_key);
    EXPECT_TRUE((*check)->good(*input_of((*key)->info(), message), *signature))
        << "a wrong signature left";
    return true;
  }
  static bool opens(const base::Bytes& wrapped) {
    const auto clear = house_->service(milliseconds(1500)).unwrap("name", wrapped);
    EXPECT_TRUE(!clear.ok() || clear->equals(base::as_bytes("the secret"))) << "half a secret left";
    // A failing token is no reason to call the wrapping bad.
    EXPECT_TRUE(clear.ok() || clear.error().code == base::Code::unavailable) << clear.error().key;
    return clear.ok();
  }
  static base::Result<base::Bytes> wraps() {
    return house_->service(milliseconds(1500))
        .wrap("name", base::Secret(base::as_bytes("the secret")));
  }
  /// Runs an act of officers under the fault. Afterwards it stands done or failed, at once or when
  /// a worker that was replaced has come back.
  static std::string carried_out(const std::string& rule, const std::string& op,
                                 const std::string& params) {
    const auto id = house_->approved(op, params);
    house_->rules(rule);
    (void)house_->officer(milliseconds(8000)).officers("execute", id);
    house_->rules("");
    std::string standing;
    EXPECT_TRUE(test::wait_until([&] {
      standing = house_->standing(id);
      return standing == "done" || standing == "failed";
    })) << standing
        << house_->signer().log();
    return standing;
  }
  /// What was decided is in the inventory soon after: the line of the ledger comes first.
  static void expect_listed(const std::string& label, bool is_there) {
    EXPECT_TRUE(test::wait_until([&] {
      const auto inventory = Inventory::from_file(house_->token().inventory());
      return inventory.ok() && (inventory->find(label) != nullptr) == is_there;
    })) << label;
  }
  /// A key that answered wrongly twice is stopped until officers start it again.
  static void resume_stopped() {
    for (const auto* label : {"seal-1", "seal-rsa", "seal-ed", "seal-sm2", "root-ca"})
      if (house_->key_member(label, "state") == "suspended")
        (void)house_->officer().officers("execute",
                                         house_->approved("key.resume", house_->step(label)));
  }
  static void expect_recovered() {
    house_->rules("");
    for (const auto* label : {"seal-1", "seal-rsa", "seal-ed", "seal-sm2"})
      EXPECT_TRUE(test::wait_until([&] {
        if (signs(label)) return true;
        resume_stopped();
        return false;
      })) << label
          << " " << house_->key_member(label, "state") << house_->signer().log();
    resume_stopped();
    base::Bytes wrapped;
    EXPECT_TRUE(test::wait_until([&] {
      auto made = wraps();
      if (made.ok()) wrapped = *made;
      return made.ok();
    }));
    EXPECT_TRUE(test::wait_until([&] { return opens(wrapped); }));
  }

  static void do_it(Deed deed, const std::string& rule) {
    static int made = 0;
    const auto label = "new-" + std::to_string(++made);
    switch (deed) {
      case Deed::sign_p256:
      case Deed::sign_rsa:
      case Deed::sign_ed25519:
      case Deed::sign_sm2: {
        const auto* key = deed == Deed::sign_p256      ? "seal-1"
                          : deed == Deed::sign_rsa     ? "seal-rsa"
                          : deed == Deed::sign_ed25519 ? "seal-ed"
                                                       : "seal-sm2";
        house_->rules(rule);
        (void)signs(key, milliseconds(200));
        return;
      }
      case Deed::wrap: {
        house_->rules(rule);
        const auto wrapped = wraps();
        house_->rules("");
        EXPECT_TRUE(!wrapped.ok() || test::wait_until([&] { return opens(*wrapped); }));
        return;
      }
      case Deed::unwrap: {
        const auto wrapped = wraps();
        ASSERT_TRUE(wrapped.ok()) << wrapped.error().detail;
        house_->rules(rule);
        (void)opens(*wrapped);
        return;
      }
      case Deed::approve: {
        // One that the rules refuse to carry out wrongly: the key signs what was approved, or not.
        const auto list =
            base::to_base64url(base::as_bytes(R"({"alg":"ES256"})")) + "." +
            base::to_base64url(base::as_bytes(
                R"({"issued":"2026-01-01T00:00:00Z","next_update":"2026-01-02T00:00:00Z","sequence":)" +
                std::to_string(made) + "}"));
        (void)carried_out(rule, "sign",
                          R"({"items":[{"content":")" + base::to_base64(base::as_bytes(list)) +
                              R"(","id":")" + house_->key_member("root-ca", "id") +
                              R"(","kind":"trust_list","label":"root-ca"}]})");
        return;
      }
      case Deed::make_pair:
      case Deed::make_secret: {
        const bool pair = deed == Deed::make_pair;
        const auto standing =
            carried_out(rule, "key.generate",
                        test::Governed::generate(label, pair ? "ecdsa_p256" : "aes_256",
                                                 pair ? "seal" : "data_wrapping"));
        // All of it or nothing.
        EXPECT_EQ(house_->key_member(label, "state"), standing == "done" ? "active" : "");
        EXPECT_TRUE(standing != "done" || !pair ||
                    test::wait_until([&] { return signs(label.c_str()); }));
        expect_listed(label, standing == "done");
        return;
      }
      case Deed::destroy: {
        const auto wanted = R"({"activate":false,"keys":[{"algorithm":"ecdsa_p256","label":")" +
                            label + R"(","purpose":"seal"}]})";
        // Again when a slow machine let the making run into its limit: that is another case.
        ASSERT_TRUE(test::wait_until([&] {
          (void)house_->officer().officers("execute", house_->approved("key.generate", wanted));
          return house_->key_member(label, "state") == "pre_active";
        })) << house_->signer().log();
        const auto standing = carried_out(rule, "key.destroy", house_->step(label));
        EXPECT_EQ(house_->key_member(label, "state"),
                  standing == "done" ? "destroyed" : "pre_active");
        expect_listed(label, standing != "done");
        return;
      }
      case Deed::open: {
        house_->rules("C_SignInit rv=0x30\n" + rule);
        EXPECT_FALSE(signs("seal-1", milliseconds(200)));
        house_->rules(rule);
        (void)signs("seal-1", milliseconds(300));  // not before it is open again
        return;
      }
    }
  }

  static inline std::unique_ptr<test::Governed> house_;
};

TEST_P(OfficersFault, IsSurvived) {
  const auto& [operation, fault] = GetParam();
  const auto supervisor = house_->signer().pid();
  do_it(operation.deed, std::string(operation.call) + " " + fault.rule);
  expect_recovered();
  EXPECT_EQ(house_->signer().pid(), supervisor);
  EXPECT_EQ(::kill(supervisor, 0), 0);
}

std::string case_name(const testing::TestParamInfo<std::tuple<Operation, Fault>>& one) {
  return std::string(std::get<0>(one.param).name) + std::get<1>(one.param).name;
}
INSTANTIATE_TEST_SUITE_P(Every, OfficersFault,
                         testing::Combine(testing::ValuesIn(kOperations),
                                          testing::ValuesIn(kFaults)),
                         case_name);

/// The ledger's own signature hangs: readers are answered, and the watchdog still ends the worker.
TEST(OfficersLedgerFault, ALineWhoseSignatureHangsStopsNobodyElse) {
  test::Governed house({{{"audit-1", Algorithm::ecdsa_p256, Purpose::audit},
                         {"seal-1", Algorithm::ecdsa_p256, Purpose::seal}},
                        {"watchdog_ms = 1500", "token.recheck_ms = 3600000"},
                        XINYIN_BIN_DIR "/xinyin-signer",
                        XINYIN_P11_SHIM});
  const auto request = house.text("key.suspend", house.step("seal-1"));
  const auto worker = house.signer().worker();
  house.rules("C_Sign hang=1");
  EXPECT_FALSE(house.officer(milliseconds(200)).officers("submit", request).ok());
  EXPECT_TRUE(house.service(milliseconds(1000)).officers("state").ok()) << "a reader waits";
  EXPECT_TRUE(test::wait_until([&] {
    const auto now = house.signer().worker();
    return now != 0 && now != worker;
  })) << house.signer().log();
  house.rules("");
  EXPECT_TRUE(test::wait_until([&] {
    auto client = house.service(milliseconds(1000));
    const auto key = client.key("seal-1");
    return key.ok() && (*key)->sign(base::Digest{}).ok();
  }));
  EXPECT_TRUE(house.ledger_holds().ok());
}

}  // namespace
}  // namespace hsm::officers
