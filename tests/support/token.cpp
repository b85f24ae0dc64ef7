#include "tests/support/token.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "base/encoding.h"

namespace test {
namespace {

void write(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  base::check(file.good() && ::chmod(path.c_str(), mode) == 0, "cannot write " + path.string());
}

template <class T>
T must(base::Result<T> result, std::string_view what) {
  if (!result.ok())
    base::fail(std::string(what) + ": " + result.error().key + ": " + result.error().detail);
  return std::move(result).value();
}

}  // namespace

std::vector<hsm::PlannedKey> demonstration_keys() {
  using hsm::Algorithm, hsm::Purpose;
  return {{"root-ca", Algorithm::ecdsa_p256, Purpose::root_ca},
          {"issuing-ca", Algorithm::ecdsa_p256, Purpose::issuing_ca},
          {"seal-1", Algorithm::ecdsa_p256, Purpose::seal},
          {"timestamp-1", Algorithm::ecdsa_p256, Purpose::timestamp},
          {"openid-1", Algorithm::ecdsa_p256, Purpose::openid},
          {"document-code-1", Algorithm::ecdsa_p256, Purpose::document_code},
          {"data-wrap-1", Algorithm::aes_256, Purpose::data_wrapping}};
}

std::filesystem::path Token::module() {
  const std::filesystem::path path = "/usr/lib/softhsm/libsofthsm2.so";
  base::check(std::filesystem::exists(path),
              path.string() + " is missing: apt-get install softhsm2");
  return path;
}

Token::Token(std::vector<hsm::PlannedKey> keys, std::string label) : label_(std::move(label)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "xinyin-token-XXXXXX").string();
  base::check(::mkdtemp(pattern.data()) != nullptr, "cannot make " + pattern);
  directory_ = pattern;
  std::filesystem::create_directory(tokens());
  pin_ = base::to_hex(random_.bytes(8));
  so_pin_ = base::to_hex(random_.bytes(8));
  write(softhsm_conf(),
        "directories.tokendir = " + tokens().string() +
            "\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
        0644);
  write(pin_file(), pin_ + "\n", 0600);
  write(so_pin_file(), so_pin_ + "\n", 0600);
  point_softhsm_here();
  std::string failed;
  const auto done =
      hsm::provision(provision_config(), keys, random_, [&](const hsm::ProvisionStep& step) {
        if (step.outcome == hsm::ProvisionStep::Outcome::failed)
          failed += step.label + " " + step.detail;
      });
  if (!done.ok())
    base::fail("cannot provision a token: " + done.error().key + ": " + done.error().detail +
               failed);
}

Token::~Token() {
  close();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Token::point_softhsm_here() const {
  ::setenv("SOFTHSM2_CONF", softhsm_conf().c_str(), 1);
}

hsm::Token& Token::open() {
  if (!token_) {
    point_softhsm_here();
    token_ = must(hsm::Token::open(config(), random_), "cannot open the token");
  }
  return *token_;
}

std::shared_ptr<const hsm::Key> Token::key(std::string_view label) {
  return must(open().key(label), "no key " + std::string(label));
}

hsm::TokenConfig Token::config() const {
  hsm::TokenConfig config;
  config.module = module();
  config.label = label_;
  config.pin = base::Secret(base::as_bytes(pin_));
  config.inventory = inventory();
  return config;
}

hsm::ProvisionConfig Token::provision_config() const {
  hsm::ProvisionConfig config;
  config.module = module();
  config.label = label_;
  config.directory = tokens();
  config.inventory = inventory();
  config.pin = base::Secret(base::as_bytes(pin_));
  config.so_pin = base::Secret(base::as_bytes(so_pin_));
  return config;
}

}  // namespace test
