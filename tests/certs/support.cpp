#include "tests/certs/support.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "certs/openssl.h"

namespace test {

Directory::Directory() {
  char name[] = "/tmp/xinyin-certs-XXXXXX";
  base::check(::mkdtemp(name) != nullptr, "no temporary directory");
  path_ = name;
}
Directory::~Directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Ran shell(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen(("exec 2>&1; " + command).c_str(), "r");
  base::check(pipe != nullptr, "popen failed");
  char block[4096];
  for (std::size_t got; (got = std::fread(block, 1, sizeof block, pipe)) > 0;)
    ran.out.append(block, got);
  const int status = ::pclose(pipe);
  ran.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (ran.exit == 127) ADD_FAILURE() << ran.out << "\nmend it with: apt-get install -y openssl";
  return ran;
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary);
  out << content;
  base::check(out.good(), "cannot write a test's file");
}
void write_file(const std::filesystem::path& path, base::BytesView content) {
  write_file(path, base::as_text(content));
}
std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

certs::Certificate crooked(const hsm::Key& issuer_key, const certs::TbsInput& input,
                           const std::function<void(certs::TbsCertificate&)>& bend) {
  auto tbs = certs::tbs_certificate(input);
  if (bend) bend(tbs);
  const auto encoded = tbs.encode();
  const auto signature = issuer_key.sign(base::sha256(encoded));
  auto certificate = certs::Certificate::from_der(
      certs::assemble(encoded, issuer_key.info().algorithm, *signature));
  if (!certificate) {
    std::fprintf(stderr, "crooked(): %s\n", certificate.error().detail.c_str());
    std::abort();
  }
  return *certificate;
}

namespace {

certs::TbsInput input_below(Pki& pki, const std::string& issuer, const hsm::Key& key) {
  certs::TbsInput in;
  const auto& certificate = pki.certificate(issuer);
  const X509_NAME* name = X509_get_subject_name(certs::raw(certificate));
  in.issuer = certs::encode([&](unsigned char** out) { return i2d_X509_NAME(name, out); });
  in.issuer_key_id = certs::key_identifier(certificate.public_key());
  static base::SystemRandom random;
  in.serial = random.bytes(16);
  in.serial[0] = 0x41;
  in.public_key = key.info().public_key;
  in.not_before = pki.start() - std::chrono::days(1);
  in.not_after = pki.start() + std::chrono::days(365);
  return in;
}

}  // namespace

certs::TbsInput leaf_input(Pki& pki, certs::Profile profile, const hsm::Key& key) {
  auto in = input_below(pki, "issuing-ca", key);
  in.profile = profile;
  in.not_after = std::min(in.not_after,
                          in.not_before + certs::rule_of(profile).life - std::chrono::seconds(1));
  in.subject = pki.agency("歪证书");
  if (certs::rule_of(profile).naming == certs::Naming::pseudonym)
    in.subject.serial_number = "P-7f3a9c21d0";
  if (certs::rule_of(profile).naming == certs::Naming::server) {
    in.subject = {};
    in.subject.dns_names = {"si.example.gov.cn"};
  }
  return in;
}

certs::TbsInput authority_input(Pki& pki, const std::string& name, const hsm::Key& key) {
  auto in = input_below(pki, "root-ca", key);
  in.profile = certs::Profile::issuing_ca;
  in.subject = {name, Pki::kAgency, "", "CN"};
  return in;
}

}  // namespace test
