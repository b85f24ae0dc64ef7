// Ceremonies judged without a database: the specification's own examples, and every part of them
// bent. W3C Web Authentication Level 3 §7.1, §7.2, §16.
#include "auth/webauthn.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "auth/cbor.h"
#include "test_paths.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;

const RelyingParty kParty{"example.org", "Example", "https://example.org"};

base::Bytes hex(const rapidjson::Value& object, const char* name) {
  return base::from_hex(base::json_text(object, name)).value();
}

struct Example {
  std::string name;
  RegistrationResponse registration;
  base::Bytes registration_challenge;
  AssertionResponse assertion;
  base::Bytes assertion_challenge;
};

/// Made by the specification, tests/vectors/webauthn/w3c_level3.json says which edition.
const std::map<std::string, Example>& examples() {
  static const auto all = [] {
    std::ifstream file(XINYIN_SOURCE_DIR "/tests/vectors/webauthn/w3c_level3.json");
    std::stringstream text;
    text << file.rdbuf();
    const auto document = json(text.str());
    std::map<std::string, Example> out;
    for (const auto& each : document["vectors"].GetArray()) {
      const auto& made = each["registration"];
      const auto& used = each["authentication"];
      Example one;
      one.name = base::json_text(each, "name");
      one.registration = {hex(made, "credential_id"), hex(made, "clientDataJSON"),
                          hex(made, "attestationObject"), ""};
      one.registration_challenge = hex(made, "challenge");
      one.assertion = {hex(made, "credential_id"), hex(used, "clientDataJSON"),
                       hex(used, "authenticatorData"), hex(used, "signature"), std::nullopt};
      one.assertion_challenge = hex(used, "challenge");
      out.emplace(one.name, one);
    }
    return out;
  }();
  return all;
}

KnownCredential known(const VerifiedCredential& made) {
  return {made.credential.id, made.credential.algorithm, made.credential.public_key,
          made.backup_eligible};
}

std::string why(const base::Error& failure) {
  return failure.key + ": " + failure.detail;
}

TEST(WebauthnTest, W3cLevel3_16_TheExamplesOfOurAlgorithmsAreGood) {
  const std::map<std::string, std::string> good{
      {"none-es256", "none"},     {"packed-self-es256", "self"},
      {"packed-es256", "packed"}, {"none-es256-long-credential-id", "none"},
      {"packed-eddsa", "packed"}, {"fido-u2f-es256", "fido-u2f"}};
  for (const auto& [name, attestation] : good) {
    const auto& example = examples().at(name);
    const auto asked =
        read_client_data(example.registration.client_data, Ceremony::registration, kParty);
    ASSERT_TRUE(asked.ok()) << name << " " << why(asked.error());
    EXPECT_EQ(*asked, example.registration_challenge) << name;
    const auto made = verify_attestation(example.registration, kParty, UserVerification::preferred);
    ASSERT_TRUE(made.ok()) << name << " " << why(made.error());
    EXPECT_EQ(made->attestation, attestation) << name;
    const auto again =
        read_client_data(example.assertion.client_data, Ceremony::authentication, kParty);
    ASSERT_TRUE(again.ok()) << name;
    EXPECT_EQ(*again, example.assertion_challenge) << name;
    const auto shown =
        verify_assertion(example.assertion, known(*made), kParty, UserVerification::preferred);
    EXPECT_TRUE(shown.ok()) << name << " " << why(shown.error());
  }
}

TEST(WebauthnTest, W3cLevel3_16_TheOtherExamplesAreRefusedForWhatTheyAre) {
  const std::map<std::string, std::string> bad{{"packed-es384", "public key is not"},
                                               {"packed-es512", "public key is not"},
                                               {"packed-rs256", "public key is not"},  // 3482 bits
                                               {"packed-ed448", "public key is not"},
                                               {"tpm-es256", "attestation format is not"},
                                               {"apple-es256", "attestation format is not"},
                                               {"android-key-es256", "attestation format is not"}};
  for (const auto& [name, detail] : bad) {
    const auto made =
        verify_attestation(examples().at(name).registration, kParty, UserVerification::preferred);
    ASSERT_FALSE(made.ok()) << name;
    EXPECT_NE(made.error().detail.find(detail), std::string::npos) << name << made.error().detail;
  }
  for (const auto* name : {"none-es256-crossOrigin", "none-es256-topOrigin"}) {
    const auto& example = examples().at(name);
    EXPECT_EQ(refusal_of(read_client_data(example.registration.client_data, Ceremony::registration,
                                          kParty)),
              "auth.passkey.refused")
        << name;
  }
}

TEST(WebauthnTest, Sec7_2_NoByteOfAnAssertionCanBeChanged) {
  for (const auto* name : {"none-es256", "packed-eddsa"}) {
    const auto& example = examples().at(name);
    const auto made = verify_attestation(example.registration, kParty, UserVerification::preferred);
    ASSERT_TRUE(made.ok());
    const auto refused = [&](const AssertionResponse& bent) {
      return !verify_assertion(bent, known(*made), kParty, UserVerification::preferred).ok();
    };
    for (auto part : {&AssertionResponse::client_data, &AssertionResponse::authenticator_data,
                      &AssertionResponse::signature, &AssertionResponse::credential_id}) {
      const auto size = (example.assertion.*part).size();
      for (std::size_t i = 0; i < size; ++i) {
        auto bent = example.assertion;
        (bent.*part)[i] ^= 0x01;
        EXPECT_TRUE(refused(bent)) << name << " byte " << i;
      }
      auto longer = example.assertion;
      (longer.*part).push_back(0);
      EXPECT_TRUE(refused(longer)) << name;
      auto shorter = example.assertion;
      (shorter.*part).pop_back();
      EXPECT_TRUE(refused(shorter)) << name;
    }
  }
}

TEST(WebauthnTest, Sec8_2_NoByteOfWhatWasAttestedCanBeChanged) {
  for (const auto* name : {"packed-self-es256", "packed-es256", "packed-eddsa"}) {
    const auto& example = examples().at(name);
    const auto object = parse_attestation_object(example.registration.attestation_object);
    ASSERT_TRUE(object.ok());
    const auto begin = static_cast<std::size_t>(object->data.data() -
                                                example.registration.attestation_object.data());
    for (std::size_t i = begin; i < begin + object->data.size(); ++i) {
      auto bent = example.registration;
      bent.attestation_object[i] ^= 0x01;
      EXPECT_FALSE(verify_attestation(bent, kParty, UserVerification::preferred).ok())
          << name << " byte " << i;
    }
    auto other = example.registration;
    other.client_data.push_back(' ');
    EXPECT_FALSE(verify_attestation(other, kParty, UserVerification::preferred).ok()) << name;
  }
}

TEST(WebauthnTest, Sec7_1_AnotherSiteOrAnUnverifiedUserIsRefused) {
  const auto& example = examples().at("none-es256");
  const RelyingParty other{"example.net", "Example", "https://example.org"};
  EXPECT_FALSE(verify_attestation(example.registration, other, UserVerification::preferred).ok());
  int unverified = 0;
  for (const auto& [name, each] : examples()) {
    const auto made = verify_attestation(each.registration, kParty, UserVerification::preferred);
    if (!made.ok() || made->user_verified) continue;
    ++unverified;
    EXPECT_EQ(refusal_of(verify_attestation(each.registration, kParty, UserVerification::required)),
              "auth.passkey.unverified")
        << name;
  }
  EXPECT_GT(unverified, 0);
}

struct ClientDataRow {
  const char* name;
  const char* json;
  bool good;
};

TEST(WebauthnTest, Sec5_8_1_ClientDataOfAnotherKindAreRefused) {
#define CHALLENGE R"("challenge":"AMMPt4Uxxkd3uStncZ14t4UAFZDV8UcmmJoyqGC5Uc0")"
  const ClientDataRow rows[] = {
      {"right",
       R"({"type":"webauthn.get",)" CHALLENGE
       R"(,"origin":"https://example.org","crossOrigin":false})",
       true},
      {"crossOrigin may be absent",
       R"({"type":"webauthn.get",)" CHALLENGE R"(,"origin":"https://example.org"})", true},
      {"unknown members may come",
       R"({"type":"webauthn.get",)" CHALLENGE R"(,"origin":"https://example.org","new":{"a":1}})",
       true},
      {"other ceremony",
       R"({"type":"webauthn.create",)" CHALLENGE R"(,"origin":"https://example.org"})", false},
      {"type in capitals",
       R"({"type":"Webauthn.get",)" CHALLENGE R"(,"origin":"https://example.org"})", false},
      {"no challenge", R"({"type":"webauthn.get","origin":"https://example.org"})", false},
      {"short challenge",
       R"({"type":"webauthn.get","challenge":"AMMPt4U","origin":"https://example.org"})", false},
      {"challenge with padding",
       R"({"type":"webauthn.get","challenge":"AMMPt4Uxxkd3uStncZ14t4UAFZDV8UcmmJoyqGC5Uc0=","origin":"https://example.org"})",
       false},
      {"http", R"({"type":"webauthn.get",)" CHALLENGE R"(,"origin":"http://example.org"})", false},
      {"with the port",
       R"({"type":"webauthn.get",)" CHALLENGE R"(,"origin":"https://example.org:443"})", false},
      {"with a path", R"({"type":"webauthn.get",)" CHALLENGE R"(,"origin":"https://example.org/"})",
       false},
      {"host below ours",
       R"({"type":"webauthn.get",)" CHALLENGE R"(,"origin":"https://evil.example.org"})", false},
      {"an app", R"({"type":"webauthn.get",)" CHALLENGE R"(,"origin":"android:apk-key-hash:AAAA"})",
       false},
      {"origin twice",
       R"({"type":"webauthn.get",)" CHALLENGE
       R"(,"origin":"https://evil.example","origin":"https://example.org"})",
       false},
      {"in a frame",
       R"({"type":"webauthn.get",)" CHALLENGE
       R"(,"origin":"https://example.org","crossOrigin":true})",
       false},
      {"crossOrigin as text",
       R"({"type":"webauthn.get",)" CHALLENGE
       R"(,"origin":"https://example.org","crossOrigin":"false"})",
       false},
      {"top origin",
       R"({"type":"webauthn.get",)" CHALLENGE
       R"(,"origin":"https://example.org","topOrigin":"https://example.org"})",
       false},
      {"token binding",
       R"({"type":"webauthn.get",)" CHALLENGE
       R"(,"origin":"https://example.org","tokenBinding":{"status":"present"}})",
       false},
      {"a list", "[]", false},
      {"nothing", "", false},
      {"byte order mark",
       "\xef\xbb\xbf{\"type\":\"webauthn.get\"," CHALLENGE ",\"origin\":\"https://example.org\"}",
       false},
  };
#undef CHALLENGE
  for (const auto& row : rows)
    EXPECT_EQ(read_client_data(base::as_bytes(row.json), Ceremony::authentication, kParty).ok(),
              row.good)
        << row.name;
}

TEST(WebauthnTest, Ctap2_CborIsReadInOneFormOnly) {
  const auto integer = [](std::string_view text) {
    const auto bytes = base::from_hex(text).value();
    CborReader reader(bytes);
    const auto value = reader.integer();
    return value && reader.at_end() ? std::optional(*value) : std::nullopt;
  };
  EXPECT_EQ(integer("17"), 23);
  EXPECT_EQ(integer("1818"), 24);
  EXPECT_EQ(integer("390100"), -257);
  EXPECT_EQ(integer("1b7fffffffffffffff"), std::numeric_limits<std::int64_t>::max());
  for (const auto* text : {"1817", "1900ff", "1a0000ffff", "1b00000000ffffffff",
                           "1bffffffffffffffff", "19", "1c", "1f", "40", "0000"})
    EXPECT_EQ(integer(text), std::nullopt) << text;
  const auto skips = [](std::string_view text) {
    const auto bytes = base::from_hex(text).value();
    CborReader reader(bytes);
    return reader.skip().has_value() && reader.at_end();
  };
  EXPECT_TRUE(skips("8181818101"));
  EXPECT_TRUE(skips("a161618201f5"));
  for (const auto* text : {"818181818101", "5f4100ff", "9f01ff", "bf6161f5ff", "c000",
                           "9b00000000ffffffff", "bb0000000100000000", "9affffffff00", "5820"})
    EXPECT_FALSE(skips(text)) << text;
}

}  // namespace
}  // namespace auth
