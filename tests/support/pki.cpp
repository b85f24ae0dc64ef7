#include "tests/support/pki.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "certs/oids.h"
#ifdef XINYIN_TEST_PKI_TOKEN
#include "tests/support/token.h"
#endif

namespace test {
namespace {

using std::chrono::days;

template <class T>
T must(base::Result<T> result, const char* what) {
  if (!result) {
    std::fprintf(stderr, "test::Pki: %s: %s (%s)\n", what, result.error().key.c_str(),
                 result.error().detail.c_str());
    std::abort();
  }
  return std::move(result).value();
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  base::check(out.good(), "test::Pki: cannot write a file");
}

}  // namespace

Pki::Pki(base::Time start) : start_(start), clock_(start) {
  build([](const std::string& label) { return SoftKey::make(label); });
}

Pki::Pki(const Keys& keys, base::Time start) : start_(start), clock_(start) {
  build(keys);
}

#ifdef XINYIN_TEST_PKI_TOKEN
Pki::Pki(Token& token, base::Time start) : start_(start), clock_(start) {
  build([&](const std::string& label) { return token.key(label); });
}
#endif

Pki::~Pki() = default;

certs::Subject Pki::agency(const std::string& name) const {
  return {name, kAgency, kAgencyCode, "CN"};
}

void Pki::build(const Keys& keys) {
  for (const auto* label :
       {"root-ca", "issuing-ca", "seal-1", "timestamp-1", "openid-1", "document-code-1"})
    keys_[label] = keys(label);
  clock_.set(start_ - days(30));
  certs::Authority self(key("root-ca"), std::nullopt, clock_, random_);
  certificates_.emplace("root-ca", must(self.issue(certs::Profile::root_ca,
                                                   {"测试根证书 Test Root CA", kAgency, "", "CN"},
                                                   key("root-ca")->info().public_key),
                                        "root"));
  root_ =
      std::make_unique<certs::Authority>(key("root-ca"), certificate("root-ca"), clock_, random_);
  certificates_.emplace("issuing-ca",
                        must(root_->issue(certs::Profile::issuing_ca,
                                          {"测试签发机构 Test Issuing CA", kAgency, "", "CN"},
                                          key("issuing-ca")->info().public_key),
                             "issuing authority"));
  issuing_ = std::make_unique<certs::Authority>(key("issuing-ca"), certificate("issuing-ca"),
                                                clock_, random_);
  clock_.set(start_ - days(1));
  make("seal-1", certs::Profile::seal, "测试电子印章");
  make("timestamp-1", certs::Profile::timestamp, "测试时间戳");
  make("openid-1", certs::Profile::openid, "测试登录令牌");
  make("document-code-1", certs::Profile::document_code, "测试防伪码");
  clock_.set(start_);

  list_.domain = "si.example.gov.cn";
  list_.roots = {certificate("root-ca")};
  list_.intermediates = {certificate("issuing-ca")};
  const std::pair<const char*, const char*> purposes[] = {{"seal-1", "seal"},
                                                          {"timestamp-1", "timestamp"},
                                                          {"openid-1", "openid"},
                                                          {"document-code-1", "document_code"}};
  for (const auto& [label, purpose] : purposes)
    list_.entries.push_back({purpose, kAgency, kAgencyCode, certificate(label),
                             certificate(label).not_before(), std::nullopt});
  publish();
  timestamps_ = std::make_unique<certs::TimestampAuthority>(
      key("timestamp-1"), certificate("timestamp-1"),
      std::vector<certs::Certificate>{certificate("issuing-ca")},
      certs::TimestampAuthority::Config{certs::oid::kTimestampPolicy,
                                        std::chrono::milliseconds(1000)},
      clock_, random_);
}

void Pki::make(const std::string& label, certs::Profile profile, const std::string& name) {
  certificates_.emplace(
      label,
      must(issuing_->issue(profile, agency(name), key(label)->info().public_key), label.c_str()));
}

std::shared_ptr<const hsm::Key> Pki::key(const std::string& label) const {
  return keys_.at(label);
}
const certs::Certificate& Pki::certificate(const std::string& label) const {
  return certificates_.at(label);
}

void Pki::publish() {
  ++crl_number_;
  const auto next = clock_.now() + days(7);
  list_.crls = {must(root_->crl(crl_number_, {}, next), "root's revocation list"),
                must(issuing_->crl(crl_number_, revoked_, next), "revocation list")};
  ++list_.sequence;
  list_.issued = clock_.now();
  list_.next_update = next;
  jws_ = must(root_->sign_trust_list(list_), "trust list");
}

Leaf Pki::issue(certs::Profile profile, const std::string& name) {
  auto key = SoftKey::make("soft");
  auto certificate = must(issuing_->issue(profile, agency(name), key->info().public_key), "leaf");
  return {std::move(key), std::move(certificate)};
}

Leaf Pki::expired(certs::Profile profile) {
  // An authority older than the ordinary one, with its key and name, issues so early.
  const auto now = clock_.now();
  clock_.set(start_ - days(365 * 12));
  certs::Authority self(key("root-ca"), std::nullopt, clock_, random_);
  const certs::Subject root_name{"测试根证书 Test Root CA", kAgency, "", "CN"};
  const auto root =
      must(self.issue(certs::Profile::root_ca, root_name, key("root-ca")->info().public_key),
           "old root");
  certs::Authority old_root(key("root-ca"), root, clock_, random_);
  const certs::Subject issuing_name{"测试签发机构 Test Issuing CA", kAgency, "", "CN"};
  const auto issuing = must(old_root.issue(certs::Profile::issuing_ca, issuing_name,
                                           key("issuing-ca")->info().public_key),
                            "old issuing authority");
  certs::Authority old_issuing(key("issuing-ca"), issuing, clock_, random_);
  auto leaf_key = SoftKey::make("soft");
  auto leaf =
      must(old_issuing.issue(profile, agency("过期证书"), leaf_key->info().public_key), "old leaf");
  clock_.set(now);
  return {std::move(leaf_key), std::move(leaf)};
}

Leaf Pki::foreign(certs::Profile profile) {
  Pki other(start_);
  return other.issue(profile);
}

void Pki::enlist(const certs::Certificate& certificate, const std::string& purpose) {
  list_.entries.push_back(
      {purpose, kAgency, kAgencyCode, certificate, certificate.not_before(), std::nullopt});
  publish();
}

void Pki::admit(std::vector<certs::TrustBody> bodies) {
  list_.bodies = std::move(bodies);
  publish();
}

void Pki::end(const certs::Certificate& certificate, base::Time until,
              std::optional<base::Time> compromised_since) {
  for (auto& entry : list_.entries) {
    if (entry.certificate.sha256() != certificate.sha256()) continue;
    entry.until = until;
    entry.compromised_since = compromised_since;
  }
  publish();
}

void Pki::revoke(const certs::Certificate& certificate, base::Time at, int reason,
                 std::optional<base::Time> invalid_since) {
  revoked_.push_back({certificate.serial_hex(), at, reason, invalid_since});
  publish();
}

void Pki::write(const std::filesystem::path& directory) const {
  std::filesystem::create_directories(directory);
  for (const auto& [label, certificate] : certificates_) {
    const std::string name = label == "root-ca"      ? "root"
                             : label == "issuing-ca" ? "issuing"
                                                     : label;
    write_file(directory / (name + ".pem"), certificate.pem());
  }
  write_file(directory / "root.crl", base::as_text(list_.crls.at(0)));
  write_file(directory / "issuing.crl", base::as_text(list_.crls.at(1)));
  write_file(directory / "trust-list.jws", jws_);
}

}  // namespace test
