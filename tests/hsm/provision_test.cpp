// Provisioning: from nothing to a token, onwards from anywhere, and never over somebody's keys.
#include "hsm/provision.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>

#include "hsm/inventory.h"
#include "hsm/key_maker.h"
#include "tests/hsm/openssl.h"
#include "tests/support/token.h"

namespace hsm {
namespace {

using Outcome = ProvisionStep::Outcome;

class ProvisionTest : public testing::Test {
 protected:
  std::vector<PlannedKey> plan{{"seal-1", Algorithm::ecdsa_p256, Purpose::seal},
                               {"data-wrap-1", Algorithm::aes_256, Purpose::data_wrapping}};
  test::Token token_{plan};
  base::SystemRandom random_;
  std::map<std::string, ProvisionStep> steps_;  // by label, the last one

  base::Result<void> provision(const std::vector<PlannedKey>& keys) {
    steps_.clear();
    return hsm::provision(token_.provision_config(), keys, random_,
                          [&](const ProvisionStep& step) { steps_[step.label] = step; });
  }
  test::Ran pkcs11_tool(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"pkcs11-tool", "--module", test::Token::module(), "--token-label",
                      token_.label(), "--login", "--pin", token_.pin()});
    return test::run(arguments, {"SOFTHSM2_CONF=" + token_.softhsm_conf().string()});
  }
};

TEST_F(ProvisionTest, AgainChangesNothingAndMoreKeysAreAdded) {
  const auto before = Inventory::from_file(token_.inventory())->text();
  ASSERT_TRUE(provision(plan).ok());
  EXPECT_EQ(steps_["seal-1"].outcome, Outcome::kept);
  EXPECT_EQ(Inventory::from_file(token_.inventory())->text(), before);

  plan.push_back({"openid-1", Algorithm::ecdsa_p256, Purpose::openid});
  ASSERT_TRUE(provision(plan).ok());
  EXPECT_EQ(steps_["openid-1"].outcome, Outcome::done);
  EXPECT_TRUE(token_.key("openid-1")->sign(base::Digest{}).ok());
}

TEST_F(ProvisionTest, ALostInventoryIsWrittenAgainFromSoundKeys) {
  const auto before = Inventory::from_file(token_.inventory())->text();
  std::filesystem::remove(token_.inventory());
  ASSERT_TRUE(provision(plan).ok());
  EXPECT_EQ(steps_["seal-1"].outcome, Outcome::kept);
  EXPECT_EQ(Inventory::from_file(token_.inventory())->text(), before);
}

TEST_F(ProvisionTest, ADamagedTokenIsNeverInitialisedAgain) {
  // What a kill in SoftHSM's login leaves (security.md §0.1): an empty token.object.
  for (const auto& one : std::filesystem::directory_iterator(token_.tokens()))
    std::ofstream(one.path() / "token.object", std::ios::trunc).flush();
  const auto done = provision(plan);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().key, "hsm.token_damaged");
  std::size_t keys = 0;
  for (const auto& one : std::filesystem::recursive_directory_iterator(token_.tokens()))
    keys += one.path().extension() == ".object" ? 1 : 0;
  EXPECT_GE(keys, 4u);  // nothing was wiped
}

TEST_F(ProvisionTest, WithoutTheOfficersPinNoTokenIsInitialised) {
  std::filesystem::remove_all(token_.tokens());
  std::filesystem::create_directory(token_.tokens());
  auto config = token_.provision_config();
  config.so_pin = base::Secret();
  const auto done = hsm::provision(std::move(config), plan, random_, [](const ProvisionStep&) {});
  EXPECT_EQ(done.error().key, "hsm.no_so_pin");
  EXPECT_TRUE(std::filesystem::is_empty(token_.tokens()));
}

TEST_F(ProvisionTest, AKeyThatMayLeaveIsReportedByNameAndTheOthersAreMade) {
  // pkcs11-tool's own template leaves more on than one use; and it is extractable here.
  const auto made = pkcs11_tool({"--keypairgen", "--key-type", "EC:prime256v1", "--label",
                                 "foreign", "--id", "0102", "--extractable"});
  ASSERT_EQ(made.status, 0) << made.out;
  plan.push_back({"foreign", Algorithm::ecdsa_p256, Purpose::timestamp});
  plan.push_back({"openid-1", Algorithm::ecdsa_p256, Purpose::openid});
  const auto done = provision(plan);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().key, "hsm.half_made");
  EXPECT_NE(done.error().detail.find("extractable is true"), std::string::npos)
      << done.error().detail;
  EXPECT_EQ(steps_["openid-1"].outcome, Outcome::done);
  EXPECT_EQ(Inventory::from_file(token_.inventory())->find("foreign"), nullptr);
  // Serving tells it as well, and does not use it.
  EXPECT_EQ(token_.open().key("foreign").error().key, "hsm.no_key");
  ASSERT_FALSE(token_.open().findings().empty());
  EXPECT_EQ(token_.open().findings()[0].label, "foreign");
}

TEST_F(ProvisionTest, AHalfThatAKillLeftIsReportedAndNotUsed) {
  // The public half alone: what is left when the maker is killed between its two copies.
  ASSERT_EQ(pkcs11_tool({"--delete-object", "--type", "pubkey", "--label", "seal-1"}).status, 0);
  const auto done = provision(plan);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().key, "hsm.half_made");
  EXPECT_EQ(steps_["seal-1"].outcome, Outcome::failed);
  EXPECT_EQ(token_.open().key("seal-1").error().key, "hsm.key_refused");
}

TEST_F(ProvisionTest, AChangedFileStopsItBeforeTheModuleReadsIt) {
  std::filesystem::path object;
  for (const auto& one : std::filesystem::recursive_directory_iterator(token_.tokens()))
    if (one.path().extension() == ".object" && one.path().filename() != "token.object")
      object = one.path();
  std::ofstream(object, std::ios::binary | std::ios::app) << '!';
  const auto done = provision(plan);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().key, "hsm.token_files");
  EXPECT_NE(done.error().detail.find(object.filename().string()), std::string::npos);
}

TEST_F(ProvisionTest, ALabelIsNotTakenTwice) {
  auto maker = KeyMaker::open(token_.config(), random_);
  ASSERT_TRUE(maker.ok());
  EXPECT_EQ((*maker)->generate(Algorithm::ecdsa_p256, "seal-1", Purpose::seal).error().key,
            "hsm.label_taken");
  for (const auto* label : {"", "Seal", "a b", "../x", "密钥"})
    EXPECT_EQ((*maker)->generate(Algorithm::ecdsa_p256, label, Purpose::seal).error().code,
              base::Code::invalid_argument)
        << label;
  EXPECT_EQ((*maker)->generate(Algorithm::aes_256, "x", Purpose::seal).error().code,
            base::Code::invalid_argument);
}

TEST_F(ProvisionTest, WritePermissionIsTakenAwayAndGivenBack) {
  const auto writable = [&] {
    std::size_t count = 0;
    for (const auto& one : std::filesystem::recursive_directory_iterator(token_.tokens())) {
      struct stat status {};
      ::stat(one.path().c_str(), &status);
      count += (status.st_mode & 0222) != 0 ? 1 : 0;
    }
    return count;
  };
  ASSERT_GT(writable(), 0u);
  ASSERT_TRUE(set_writable(token_.tokens(), false).ok());
  EXPECT_EQ(writable(), 0u);
  EXPECT_TRUE(token_.key("seal-1")->sign(base::Digest{}).ok());  // it serves all the same
  token_.close();
  ASSERT_TRUE(set_writable(token_.tokens(), true).ok());
  EXPECT_GT(writable(), 0u);
}

TEST(PlanTest, OnlyAnExactPlanIsAccepted) {
  EXPECT_TRUE(
      plan_from_json(R"({"keys":[{"label":"a","algorithm":"rsa_3072","purpose":"seal"}]})").ok());
  for (const auto* bad :
       {"", "[]", "{}", R"({"keys":1})", R"({"keys":[1]})", R"({"keys":[{"label":"a"}]})",
        R"({"keys":[{"label":"a","algorithm":"dsa","purpose":"seal"}]})",
        R"({"keys":[{"label":"a","algorithm":"rsa_3072","purpose":"fun"}]})",
        R"({"keys":[{"label":"a","algorithm":"rsa_3072","purpose":"seal","x":1}]})",
        R"({"keys":[{"label":"","algorithm":"rsa_3072","purpose":"seal"}]})",
        R"({"keys":[{"label":"a","algorithm":"rsa_3072","purpose":"seal"},)"
        R"({"label":"a","algorithm":"rsa_3072","purpose":"seal"}]})"})
    EXPECT_EQ(plan_from_json(bad).error().key, "hsm.plan") << bad;
}

}  // namespace
}  // namespace hsm
