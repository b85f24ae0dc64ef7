#include "tests/certs/foreign_body.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace test {
namespace {

using std::chrono::hours;

/// "20261124030000Z"
std::string generalized(base::Time at) {
  std::string out;
  for (const char c : base::to_rfc3339(std::chrono::floor<std::chrono::seconds>(at)))
    if (c >= '0' && c <= '9') out += c;
  return out + "Z";
}

constexpr std::string_view kConfiguration = R"(
[req]
distinguished_name = dn
string_mask = utf8only
utf8 = yes
[dn]
[any]
countryName = optional
organizationName = optional
commonName = supplied
serialNumber = optional
organizationIdentifier = optional
[root]
certificate = root.pem
private_key = root.key
database = root.txt
new_certs_dir = new
default_md = sha256
policy = any
crlnumber = root.number
crl_extensions = crl
rand_serial = yes
unique_subject = no
[sub]
certificate = sub.pem
private_key = sub.key
database = sub.txt
new_certs_dir = new
default_md = sha256
policy = any
crlnumber = sub.number
crl_extensions = crl
rand_serial = yes
unique_subject = no
[crl]
authorityKeyIdentifier = keyid
[root_ext]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[sub_ext]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
certificatePolicies = 2.5.29.32.0
[login]
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
certificatePolicies = 1.2.156.112570.1.2.3
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = email:li@example.cn
[seal]
keyUsage = critical,digitalSignature,nonRepudiation
extendedKeyUsage = emailProtection,1.3.6.1.5.5.7.3.36
certificatePolicies = 1.2.156.112570.1.2.3
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[either]
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[other_policy]
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
certificatePolicies = 1.2.3.4
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
)";

}  // namespace

ForeignBody::ForeignBody(base::Time now) : now_(now) {
  write_file(directory_ / "ca.cnf", kConfiguration);
  std::filesystem::create_directory(directory_ / "new");
  for (const auto* name : {"root", "sub"}) {
    write_file(directory_ / (std::string(name) + ".txt"), std::string_view());
    write_file(directory_ / (std::string(name) + ".number"), std::string_view("01\n"));
  }
  const auto span = " -startdate " + generalized(now - hours(24)) + " -enddate " +
                    generalized(now + hours(24 * 3'650));
  const auto request = [&](const std::string& name, const std::string& kind,
                           const std::string& subject) {
    run("req -config ca.cnf -new -newkey " + kind + " -nodes -keyout " + name + ".key -out " +
        name + ".csr -subj '" + subject + "'");
  };
  request("root", "rsa:2048", "/C=CN/O=某电子认证公司/CN=某电子认证根");
  run("ca -batch -config ca.cnf -name root -selfsign -notext -extensions root_ext -in root.csr "
      "-out "
      "root.pem" +
      span);
  request("sub", "ec -pkeyopt ec_paramgen_curve:P-384", "/C=CN/O=某电子认证公司/CN=某电子认证二级");
  run("ca -batch -config ca.cnf -name root -notext -extensions sub_ext -in sub.csr -out sub.pem" +
      span);
  root_ = read("root");
  sub_ = read("sub");
}

std::string ForeignBody::run(const std::string& arguments) const {
  const auto ran =
      shell("cd " + directory_.path().string() + " && openssl " + arguments + " </dev/null");
  if (ran.exit != 0) ADD_FAILURE() << "openssl " << arguments << "\n" << ran.out;
  return ran.out;
}

certs::Certificate ForeignBody::read(const std::string& name) const {
  auto certificate = certs::Certificate::from_pem(read_file(directory_ / (name + ".pem")));
  base::check(certificate.ok(), "openssl's certificate cannot be read");
  return *certificate;
}

certs::Certificate ForeignBody::leaf(const std::string& section, const std::string& subject,
                                     int days) {
  const auto name = "leaf-" + std::to_string(++made_);
  run("req -config ca.cnf -utf8 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " +
      name + ".key -out " + name + ".csr -subj '" + subject + "'");
  run("ca -batch -config ca.cnf -name sub -utf8 -notext -extensions " + section + " -in " + name +
      ".csr -out " + name + ".pem -startdate " + generalized(now_ - hours(24)) + " -enddate " +
      generalized(now_ + hours(24 * days)));
  return read(name);
}

void ForeignBody::revoke(const certs::Certificate& leaf) {
  write_file(directory_ / "revoked.pem", std::string_view(leaf.pem()));
  run("ca -config ca.cnf -name sub -revoke revoked.pem");
}

std::vector<base::Bytes> ForeignBody::crls(int hours_ago, int hours_long) {
  std::vector<base::Bytes> out;
  for (const std::string name : {"root", "sub"}) {
    run("ca -config ca.cnf -name " + name + " -gencrl -out " + name + ".crl.pem -crl_lastupdate " +
        generalized(now_ - hours(hours_ago)) + " -crl_nextupdate " +
        generalized(now_ - hours(hours_ago) + hours(hours_long)));
    run("crl -in " + name + ".crl.pem -outform DER -out " + name + ".crl");
    out.push_back(base::to_bytes(base::as_bytes(read_file(directory_ / (name + ".crl")))));
  }
  return out;
}

certs::TrustBody ForeignBody::body() const {
  certs::TrustBody out;
  out.number = 1;
  out.name = "某电子认证公司";
  out.code = "91110000MA0000000A";
  out.licence = "ECP00000000000";
  out.anchors = {root(), sub()};
  out.uses = {"login", "seal"};
  out.expiry = now_ + hours(24 * 365);
  out.history = {{certs::Standing::admitted, now_ - hours(48), "", std::nullopt}};
  out.crl_urls = {"http://crl.example.cn/sub.crl"};
  out.documents = {{"acceptance", base::sha256({})}, {"liability", base::sha256({})}};
  return out;
}

bool ForeignBody::openssl_accepts(const certs::Certificate& leaf, const std::string& purpose) {
  crls();
  write_file(directory_ / "judged.pem", std::string_view(leaf.pem()));
  const auto ran = shell("cd " + directory_.path().string() +
                         " && cat root.crl.pem sub.crl.pem > all.crl.pem && openssl verify "
                         "-x509_strict -crl_check_all -CRLfile all.crl.pem -purpose " +
                         purpose + " -attime " + std::to_string(base::to_unix_s(now_)) +
                         " -CAfile root.pem -untrusted sub.pem judged.pem");
  return ran.exit == 0;
}

}  // namespace test
