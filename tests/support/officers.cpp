#include "tests/support/officers.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "base/encoding.h"

namespace test {
namespace {

using namespace hsm::officers;

template <class T, class Encode>
base::Bytes der_of(T* thing, Encode encode) {
  unsigned char* out = nullptr;
  const int size = encode(thing, &out);
  base::check(size > 0, "DER of a test officer");
  base::Bytes bytes(out, out + size);
  OPENSSL_free(out);
  return bytes;
}

}  // namespace

struct Officer::State {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  ~State() { EVP_PKEY_free(key); }
};

Officer::Officer(std::string id, Role role, std::chrono::hours life)
    : state_(std::make_shared<State>()) {
  X509* made = X509_new();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  X509_gmtime_adj(
      X509_getm_notAfter(made),
      static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(life).count()));
  X509_set_pubkey(made, state_->key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(id.c_str()), -1, -1, 0);
  X509_set_issuer_name(made, X509_get_subject_name(made));
  X509_sign(made, state_->key, EVP_sha256());
  const auto certificate = der_of(made, i2d_X509);
  X509_free(made);
  person_.id = std::move(id);
  person_.name = "测试人员 " + person_.id;
  person_.role = role;
  person_.certificate = certificate;
  EVP_PKEY* share = EVP_EC_gen("P-256");
  person_.share_key = der_of(share, i2d_PUBKEY);
  EVP_PKEY_free(share);
  base::JsonWriter out;
  write_person(out, person_);
  const auto document = base::parse_json(out.text());
  const auto read = read_person(*document);
  base::check(read.ok(), "a test officer cannot be read back");
  person_ = *read;
}

base::Bytes Officer::sign(base::BytesView message) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::size_t size = 128;
  base::Bytes der(size);
  base::check(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, state_->key) == 1 &&
                  EVP_DigestSign(context, der.data(), &size, message.data(), message.size()) == 1,
              "a test officer cannot sign");
  EVP_MD_CTX_free(context);
  const unsigned char* at = der.data();
  ECDSA_SIG* parts = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size));
  base::Bytes raw(64);
  BN_bn2binpad(ECDSA_SIG_get0_r(parts), raw.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parts), raw.data() + 32, 32);
  ECDSA_SIG_free(parts);
  return raw;
}

std::string Officer::vote(const base::Digest& request, base::Time at, Decision decision) const {
  const Vote vote{id(), decision, request, at, ""};
  return vote.jws(sign(base::as_bytes(vote.signing_input())));
}

std::string genesis(const std::vector<Officer>& people, const Policy& policy,
                    std::string_view token, base::Time at) {
  std::vector<Person> persons;
  for (const auto& one : people) persons.push_back(one.person());
  const auto document = genesis_document(persons, policy, token, at);
  base::check(document.ok(), "a test founding");
  std::vector<std::string> signatures;
  for (const auto& one : people)
    signatures.push_back(one.vote(base::sha256(base::as_bytes(*document)), at, Decision::found));
  return genesis_body(*document, signatures);
}

Policy small_policy() {
  Policy policy;
  for (const auto& rule : quorum_rules())
    policy.needed.emplace(std::string(rule.name), rule.usual == 1 ? 1 : 2);
  policy.destroy_grace_h = 0;
  policy.backup_before_use = false;
  return policy;
}

}  // namespace test
