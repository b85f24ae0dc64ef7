// Laws of xinyin-verify, run as a program.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/encoding.h"
#include "base/json.h"
#include "test_paths.h"
#include "tests/support/pki.h"
#include "tests/verify/pdf_maker.h"

namespace {

const std::string kProgram = XINYIN_BIN_DIR "/xinyin-verify";

class ProgramTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory() = std::filesystem::path(::testing::TempDir()) /
                  ("verify-program-" + std::to_string(::getpid()));
    test::Pki pki;
    pki.write(directory());
    test::CmsOptions options;
    options.stamp = &pki.timestamps();
    const auto file =
        test::sealed_pdf(test::cms(pki.key("seal-1"), pki.certificate("seal-1"), options));
    test::write_file(at("good.pdf"), file);
    test::write_file(at("altered.pdf"), file + "x");
    test::write_file(at("unsealed.pdf"), test::unsealed_pdf());
    // The same authorities an hour later: the sealing key is in other hands.
    test::write_file(at("unstamped.pdf"),
                     test::sealed_pdf(test::cms(pki.key("seal-1"), pki.certificate("seal-1"))));
    pki.clock().advance(std::chrono::hours(2));
    test::write_file(at("later.pdf"), test::sealed_pdf(test::cms(
                                          pki.key("seal-1"), pki.certificate("seal-1"), options)));
    pki.revoke(pki.certificate("seal-1"), pki.clock().now(), 1,
               pki.start() + std::chrono::hours(1));
    pki.end(pki.certificate("seal-1"), pki.clock().now(), pki.start() + std::chrono::hours(1));
    test::write_file(at("compromised.jws"), pki.jws());
    test::write_file(at("other-root.pem"), test::Pki().certificate("root-ca").pem());
    root_sha256() = base::to_hex(pki.certificate("root-ca").sha256());
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(directory()); }
  static std::filesystem::path& directory() {
    static std::filesystem::path path;
    return path;
  }
  static std::string& root_sha256() {
    static std::string text;
    return text;
  }
  static std::string at(const std::string& name) { return (directory() / name).string(); }

  struct Said {
    int code = -1;
    std::string text;
  };
  static Said verify(const std::string& arguments, const std::string& before = "") {
    Said said;
    // What this user has seen otherwise is no concern of tests.
    said.text = test::run("export XDG_STATE_HOME=" + at("home") + "; " + before + kProgram + " " +
                              arguments + " 2>&1",
                          &said.code);
    return said;
  }
  static std::string usual() {
    return "--trust " + at("trust-list.jws") + " --at 2026-11-24T04:00:00Z ";
  }
};

TEST_F(ProgramTest, ExitCodesTellGenuineFromNotFromUnjudged) {
  EXPECT_EQ(verify(usual() + at("good.pdf")).code, 0);
  EXPECT_EQ(verify(usual() + at("altered.pdf")).code, 1);
  EXPECT_EQ(verify(usual() + at("unsealed.pdf")).code, 1);
  EXPECT_EQ(verify(usual() + at("nowhere.pdf")).code, 2);
  EXPECT_EQ(verify(usual() + directory().string()).code, 2);
  EXPECT_EQ(verify("--trust " + at("nowhere.jws") + " " + at("good.pdf")).code, 2);
  EXPECT_EQ(verify("--trust " + at("root.pem") + " " + at("good.pdf")).code, 2);
  EXPECT_EQ(verify(usual()).code, 2);
  EXPECT_EQ(verify(usual() + "--nonsense " + at("good.pdf")).code, 2);
  EXPECT_EQ(verify("--trust " + at("trust-list.jws") + " --at yesterday " + at("good.pdf")).code,
            2);
  EXPECT_EQ(verify(usual() + at("good.pdf") + " " + at("altered.pdf")).code, 1);
  EXPECT_EQ(verify(usual() + at("good.pdf") + " " + at("nowhere.pdf")).code, 2);
  EXPECT_EQ(verify("--help").code, 0);
}

TEST_F(ProgramTest, SpeaksChineseThenEnglish) {
  const auto said = verify(usual() + at("good.pdf"));
  const auto chinese = said.text.find("真实有效"), english = said.text.find("Genuine");
  ASSERT_NE(chinese, std::string::npos) << said.text;
  ASSERT_NE(english, std::string::npos) << said.text;
  EXPECT_LT(chinese, english);
  for (const std::string_view part :
       {test::Pki::kAgency, test::Pki::kAgencyCode, "2026-11-24 11:00:00", "时间戳",
        "1B20-8H44-RM2M-B1E6-0S57", "si.example.gov.cn"})
    EXPECT_NE(said.text.find(part), std::string::npos) << part << "\n" << said.text;
  EXPECT_EQ(verify(usual() + "--lang en " + at("good.pdf")).text.find("真实有效"),
            std::string::npos);
  EXPECT_EQ(verify(usual() + "--lang zh " + at("good.pdf")).text.find("Genuine"),
            std::string::npos);
}

TEST_F(ProgramTest, AnswersMachinesInJson) {
  const auto said = verify(usual() + "--json " + at("good.pdf") + " " + at("altered.pdf"));
  const auto end = said.text.find('\n');
  auto good = base::parse_json(said.text.substr(0, end));
  auto altered = base::parse_json(said.text.substr(end + 1, said.text.size() - end - 2));
  ASSERT_TRUE(good && altered) << said.text;
  EXPECT_EQ(base::json_text(*good, "outcome"), "genuine");
  EXPECT_EQ(base::json_text((*good)["seals"][0], "sealed_at"), "2026-11-24T03:00:00Z");
  EXPECT_TRUE((*good)["seals"][0]["whole_document"].GetBool());
  EXPECT_EQ(base::json_text(*altered, "outcome"), "altered");
  EXPECT_EQ(base::json_text((*altered)["seals"][0], "intact"), "no");
  auto missing = base::parse_json(verify(usual() + "--json " + at("nowhere.pdf")).text);
  ASSERT_TRUE(missing);
  EXPECT_EQ(base::json_text(*missing, "outcome"), "undetermined");
  EXPECT_EQ(base::json_text(*missing, "error"), "verify.file.unreadable");
}

TEST_F(ProgramTest, ShowsTheRootAndWhetherItWasPinned) {
  const auto loose = verify(usual() + at("good.pdf"));
  EXPECT_NE(loose.text.find(root_sha256()), std::string::npos);
  EXPECT_NE(loose.text.find("not pinned"), std::string::npos);
  const auto pinned = verify(usual() + "--root " + at("root.pem") + " " + at("good.pdf"));
  EXPECT_EQ(pinned.code, 0);
  EXPECT_NE(pinned.text.find("is the pinned root"), std::string::npos);
  const auto foreign = verify(usual() + "--root " + at("other-root.pem") + " " + at("good.pdf"));
  EXPECT_EQ(foreign.code, 2) << foreign.text;
  EXPECT_EQ(verify(usual() + "--root " + at("nowhere.pem") + " " + at("good.pdf")).code, 2);
}

TEST_F(ProgramTest, RefusesAListOlderThanOneThatItHasSeen) {
  const std::string state = "--state " + at("seen.json") + " ";
  const auto with = [&](const std::string& list, const std::string& more) {
    return verify("--trust " + at(list) + " --at 2026-11-24T06:00:00Z " + more + at("good.pdf"));
  };
  EXPECT_EQ(with("trust-list.jws", state).code, 0);
  EXPECT_EQ(with("trust-list.jws", state).code, 0) << "the same one again";
  EXPECT_EQ(with("compromised.jws", state).code, 0);
  const auto older = with("trust-list.jws", state);
  EXPECT_EQ(older.code, 3) << older.text;
  EXPECT_NE(older.text.find("older than one already seen"), std::string::npos) << older.text;
  EXPECT_EQ(older.text.find("Genuine"), std::string::npos);
  auto json = base::parse_json(with("trust-list.jws", state + "--json ").text);
  ASSERT_TRUE(json);
  EXPECT_EQ(base::json_text(*json, "error"), "verify.cli.rolled_back");
  EXPECT_EQ(base::json_text(*json, "cause"), "verify.seen.older");
  EXPECT_EQ(with("trust-list.jws", "--no-state ").code, 0);
  test::write_file(at("seen.json"), "damaged");
  EXPECT_EQ(with("compromised.jws", state).code, 2);
  EXPECT_EQ(with("compromised.jws", "--state /proc/nowhere/seen.json ").code, 2);
}

TEST_F(ProgramTest, KeepsStateForEachUserWhereThatCanBeDone) {
  const auto with = [&](const std::string& list, const std::string& home) {
    return verify("--trust " + at(list) + " --at 2026-11-24T06:00:00Z " + at("good.pdf"),
                  "export " + home + "; ");
  };
  const auto home = "XDG_STATE_HOME=" + at("user");
  EXPECT_EQ(with("compromised.jws", home).code, 0);
  EXPECT_TRUE(std::filesystem::exists(at("user/xinyin/seen-lists.json")));
  EXPECT_EQ(with("trust-list.jws", home).code, 3);
  EXPECT_EQ(with("trust-list.jws", "XDG_STATE_HOME= HOME=" + at("someone")).code, 0);
  EXPECT_TRUE(std::filesystem::exists(at("someone/.local/state/xinyin/seen-lists.json")));
  const auto nowhere = with("trust-list.jws", "XDG_STATE_HOME=/proc/nowhere");
  EXPECT_EQ(nowhere.code, 0) << nowhere.text;
  EXPECT_NE(nowhere.text.find("/proc/nowhere"), std::string::npos) << "with a word";
  EXPECT_EQ(with("trust-list.jws", "XDG_STATE_HOME= HOME=").code, 0);
}

// 电子签名法 15, without a network: the new list is all that is needed.
TEST_F(ProgramTest, NamesACompromiseOffline) {
  const auto with = [&](const std::string& file) {
    return verify("--no-state --trust " + at("compromised.jws") + " --at 2026-11-24T06:00:00Z " +
                  at(file));
  };
  const auto good = with("good.pdf");
  EXPECT_EQ(good.code, 0) << good.text;
  EXPECT_NE(good.text.find("失密起始时间"), std::string::npos) << good.text;
  const auto later = with("later.pdf");
  EXPECT_EQ(later.code, 1) << later.text;
  EXPECT_NE(later.text.find("私钥在此时间已经泄露"), std::string::npos) << later.text;
  EXPECT_NE(later.text.find("2026-11-24 12:00:00"), std::string::npos) << later.text;
  const auto unstamped = with("unstamped.pdf");
  EXPECT_EQ(unstamped.code, 1) << unstamped.text;
  EXPECT_NE(unstamped.text.find("没有可信时间戳证明签章在泄露之前"), std::string::npos)
      << unstamped.text;
  EXPECT_NE(unstamped.text.find("in other hands"), std::string::npos);
  // With the list from before nobody could know.
  EXPECT_EQ(verify(usual() + "--no-state " + at("unstamped.pdf")).code, 0);
}

TEST_F(ProgramTest, ReadsStandardInput) {
  EXPECT_EQ(verify(usual() + "-", "cat " + at("good.pdf") + " | ").code, 0);
  EXPECT_EQ(verify(usual() + "-", "head -c 3000 " + at("good.pdf") + " | ").code, 1);
  EXPECT_EQ(verify(usual() + "-", "head -c 40000000 /dev/zero | ").code, 1);
}

TEST_F(ProgramTest, NamesOfFilesDoNotPlayWithTheTerminal) {
  const std::string name = at("a\033]0;x\007\xe2\x80\xae.pdf");
  test::write_file(name, "%PDF-");
  const auto said = verify(usual() + "'" + name + "'");
  EXPECT_EQ(said.code, 1);
  EXPECT_EQ(said.text.find('\033'), std::string::npos);
  EXPECT_EQ(verify(usual() + "'" + name + ".not'").text.find('\033'), std::string::npos);
  EXPECT_EQ(said.text.find("\xe2\x80\xae"), std::string::npos) << "turns text round";
}

/// Who judges holds no key: nothing in the program could sign, open a token or a network
/// connection.
TEST_F(ProgramTest, LinksNothingThatCanSign) {
  const std::string libraries = test::run("ldd " + kProgram);
  ASSERT_NE(libraries.find("libcrypto"), std::string::npos) << libraries;
  for (const std::string_view library : {"libpq", "libssl", "p11", "pkcs11", "softhsm", "Poco"})
    EXPECT_EQ(libraries.find(library), std::string::npos) << library;

  const std::string imports = test::run("nm -D --undefined-only " + kProgram);
  ASSERT_NE(imports.find("EVP_"), std::string::npos) << imports;
  for (const std::string_view symbol : {"EVP_DigestSign",
                                        "EVP_PKEY_sign",
                                        "EVP_SignFinal",
                                        "EVP_PKEY_keygen",
                                        "EVP_PKEY_generate",
                                        "EVP_PKEY_derive",
                                        "EVP_PKEY_decrypt",
                                        "ECDSA_sign",
                                        "ECDSA_do_sign",
                                        "RSA_sign",
                                        "RSA_private",
                                        "CMS_sign@",
                                        "CMS_final",
                                        "X509_sign",
                                        "X509_CRL_sign",
                                        "TS_RESP_create",
                                        "PrivateKey",
                                        "PKCS8",
                                        "PKCS12",
                                        " socket",
                                        " connect",
                                        " bind@",
                                        " PQ",
                                        "dlopen",
                                        " execve",
                                        " system@",
                                        " popen"})
    EXPECT_EQ(imports.find(symbol), std::string::npos) << symbol;

  const std::string own = test::run("nm -C --defined-only " + kProgram);
  ASSERT_NE(own.find("verify::Verifier::judge"), std::string::npos);
  for (const std::string_view room :
       {" hsm::", " store::", " seal::", " auth::", "certs::Authority", "certs::TimestampAuthority",
        "verify::Register"})
    EXPECT_EQ(own.find(room), std::string::npos) << room;
}

}  // namespace
