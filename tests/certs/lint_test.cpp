#include "certs/lint.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <map>
#include <set>

#include "certs/der.h"
#include "certs/names.h"
#include "certs/oids.h"
#include "certs/openssl.h"
#include "tests/certs/support.h"

namespace {

namespace der = certs::der;
using certs::Profile;
using certs::TbsCertificate;
using std::chrono::days;

/// Puts `with` where the extension `oid` stands; leaves it out when `with` is empty.
void replace(TbsCertificate& tbs, const char* oid, const base::Bytes& with) {
  const auto id = der::oid(oid);
  std::vector<base::Bytes> out;
  for (const auto& one : tbs.extensions) {
    const bool found = std::search(one.begin(), one.end(), id.begin(), id.end()) != one.end();
    if (!found) out.push_back(one);
    if (found && !with.empty()) out.push_back(with);
  }
  tbs.extensions = out;
}

base::Bytes spki_of(EVP_PKEY* key) {
  const certs::OwnedKey owned(key);
  return certs::encode([&](unsigned char** out) { return i2d_PUBKEY(key, out); });
}

base::Bytes rsa_spki(unsigned bits, unsigned exponent) {
  const certs::Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  const certs::Owned<BIGNUM, BN_free> e(BN_new());
  BN_set_word(e.get(), exponent);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_keygen_init(context.get());
  EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits));
  EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), e.get());
  EVP_PKEY_keygen(context.get(), &key);
  return spki_of(key);
}

/// P-256 with its parameters written out instead of named.
base::Bytes spelt_out_curve() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
  return spki_of(key);
}

/// An RSA key of whatever `make` makes the modulus.
base::Bytes spki_of_modulus(const std::function<void(BIGNUM*, BN_CTX*)>& make) {
  const certs::Owned<BN_CTX, BN_CTX_free> context(BN_CTX_new());
  const certs::Owned<BIGNUM, BN_free> modulus(BN_new());
  const certs::Owned<BIGNUM, BN_free> exponent(BN_new());
  make(modulus.get(), context.get());
  BN_set_word(exponent.get(), 65537);
  const certs::Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  const certs::Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(build.get()));
  const certs::Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> maker(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(maker.get());
  EVP_PKEY_fromdata(maker.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
  return spki_of(key);
}

class LintTest : public testing::Test {
 protected:
  certs::Certificate leaf(Profile profile, const std::function<void(TbsCertificate&)>& bend) {
    return test::crooked(*pki.key("issuing-ca"), test::leaf_input(pki, profile, *key), bend);
  }
  certs::Certificate authority(const std::function<void(TbsCertificate&)>& bend) {
    return test::crooked(*pki.key("root-ca"), test::authority_input(pki, "机构", *key), bend);
  }
  static base::Bytes named(const base::Bytes& country, const base::Bytes& common_name) {
    return der::sequence({der::set({der::sequence({der::oid("2.5.4.6"), country})}),
                          der::set({der::sequence({der::oid("2.5.4.3"), common_name})})});
  }
  /// The same certificate under an algorithm that our rules do not know.
  certs::Certificate signed_with_sha1() {
    auto tbs = certs::tbs_certificate(test::leaf_input(pki, Profile::openid, *key));
    tbs.algorithm = der::sequence({der::oid("1.2.840.10045.4.1")});  // ecdsa-with-SHA1
    const auto encoded = tbs.encode();
    const auto whole = der::sequence(
        {encoded, tbs.algorithm, der::bits(der::sequence({der::integer(1), der::integer(1)}))});
    return *certs::Certificate::from_der(whole);
  }
  static base::Bytes uses(std::initializer_list<const char*> oids, bool critical) {
    base::Bytes all;
    for (const auto* oid : oids) base::append(all, der::oid(oid));
    return certs::extension("2.5.29.37", critical, der::sequence({all}));
  }

  std::map<std::string_view, certs::Certificate> crooked();

  test::Pki pki;
  std::shared_ptr<test::SoftKey> key = test::SoftKey::make("soft");
};

/// One certificate a rule that breaks it.
std::map<std::string_view, certs::Certificate> LintTest::crooked() {
  std::map<std::string_view, certs::Certificate> out;
  const auto put = [&](std::string_view rule, certs::Certificate certificate) {
    out.emplace(rule, std::move(certificate));
  };
  const auto plain = [&](auto bend) { return leaf(Profile::openid, bend); };
  const auto utc = [](std::string_view text) { return der::value(0x17, base::as_bytes(text)); };
  using T = TbsCertificate;

  put("version-3", plain([](T& t) { t.version = der::value(0xA0, der::integer(1)); }));
  put("serial-positive", plain([](T& t) { t.serial = der::value(0x02, base::Bytes(16, 0x81)); }));
  put("serial-length", plain([](T& t) { t.serial = der::integer(base::Bytes(21, 0x41)); }));
  put("serial-entropy", plain([](T& t) { t.serial = der::integer(base::Bytes(8, 0x41)); }));
  put("signature-algorithm-known", signed_with_sha1());
  put("signature-algorithms-equal",
      plain([](T& t) { t.algorithm = der::sequence({der::oid("1.2.840.10045.4.3.3")}); }));
  put("validity-order", plain([&](T& t) {
        t.validity = der::sequence({utc("270101000000Z"), utc("260101000000Z")});
      }));
  put("validity-form", plain([&](T& t) {
        t.validity = der::sequence(
            {utc("260101000000Z"), der::value(0x18, base::as_bytes("20270101000000Z"))});
      }));
  put("validity-length", plain([&](T& t) {
        t.validity = der::sequence({utc("260101000000Z"), utc("380101000000Z")});
      }));
  put("names-present", authority([](T& t) { t.subject = der::sequence({}); }));
  put("names-strings", plain([&](T& t) {
        t.subject = named(der::printable("CN"), der::value(0x14, base::as_bytes("teletex")));
      }));
  put("no-unique-ids", plain([](T& t) {
        base::append(t.public_key, der::value(0x81, base::Bytes{0x00, 0x55}));
      }));
  put("key-strong", plain([](T& t) { t.public_key = spki_of(EVP_EC_gen("P-224")); }));
  put("rsa-exponent", plain([](T& t) { t.public_key = rsa_spki(3072, 3); }));
  put("no-unknown-critical",
      plain([](T& t) { t.extensions.push_back(certs::extension("2.25.7", true, der::null())); }));
  put("subject-key-id", plain([](T& t) { replace(t, "2.5.29.14", {}); }));
  put("authority-key-id", plain([](T& t) { replace(t, "2.5.29.35", {}); }));
  put("key-usage-critical", plain([](T& t) {
        replace(t, "2.5.29.15", certs::extension("2.5.29.15", false, base::Bytes{3, 2, 7, 0x80}));
      }));
  put("authority-key-usage", authority([](T& t) {
        replace(t, "2.5.29.15", certs::extension("2.5.29.15", true, base::Bytes{3, 2, 2, 0x04}));
      }));
  put("leaf-key-usage", plain([](T& t) {
        replace(t, "2.5.29.15", certs::extension("2.5.29.15", true, base::Bytes{3, 2, 5, 0xA0}));
      }));
  put("basic-constraints-critical", authority([](T& t) {
        replace(t, "2.5.29.19",
                certs::extension("2.5.29.19", false,
                                 der::sequence({der::boolean(true), der::integer(0)})));
      }));
  put("path-length", authority([](T& t) {
        replace(t, "2.5.29.19",
                certs::extension("2.5.29.19", true, der::sequence({der::boolean(true)})));
      }));
  put("extended-usage-present", plain([](T& t) { replace(t, "2.5.29.37", {}); }));
  put("extended-usage-not-any",
      plain([&](T& t) { replace(t, "2.5.29.37", uses({certs::oid::kAnyUse}, false)); }));
  put("time-stamping-alone", leaf(Profile::timestamp, [&](T& t) {
        replace(t, "2.5.29.37", uses({certs::oid::kTimestampUse, certs::oid::kSealUse}, true));
      }));
  put("policy-once", plain([](T& t) { replace(t, "2.5.29.32", {}); }));
  put("crl-point-form", plain([](T& t) {
        const auto name = der::value(0x86, base::as_bytes("ldap://example.org/crl"));
        t.extensions.push_back(certs::extension(
            "2.5.29.31", false,
            der::sequence({der::sequence({der::value(0xA0, der::value(0xA0, name))})})));
      }));
  put("alternative-name-critical", leaf(Profile::tls_server, [](T& t) {
        t.subject = named(der::printable("CN"), der::utf8("名"));
      }));
  put("alternative-name-form", leaf(Profile::tls_server, [](T& t) {
        replace(t, "2.5.29.17",
                certs::extension(
                    "2.5.29.17", true,
                    der::sequence({der::value(0x82, base::as_bytes("*.Example.gov.cn"))})));
      }));
  put("server-named-by-san", plain([](T& t) {
        t.extensions.push_back(certs::extension(
            "2.5.29.17", false,
            der::sequence({der::value(0x82, base::as_bytes("si.example.gov.cn"))})));
      }));
  put("uses-of-one-profile", plain([&](T& t) {
        replace(t, "2.5.29.37", uses({certs::oid::kOpenidUse, certs::oid::kSealUse}, false));
      }));
  put("life-of-profile", plain([&](T& t) {
        t.validity = der::sequence({utc("260101000000Z"), utc("260501000000Z")});
      }));
  put("ocsp-nocheck", leaf(Profile::ocsp, [](T& t) { replace(t, "1.3.6.1.5.5.7.48.1.5", {}); }));
  put("login-pseudonym", leaf(Profile::person_login, [](T& t) {
        t.subject = named(der::printable("CN"), der::utf8("没有序号"));
      }));
  put("no-identity-number", plain([](T& t) {
        t.subject = named(der::printable("CN"), der::utf8("张三 11010519491231002X"));
      }));
  put("key-usage-fits-key", plain([](T& t) {
        t.public_key = rsa_spki(3072, 65537);
        replace(t, "2.5.29.15", certs::extension("2.5.29.15", true, base::Bytes{3, 2, 3, 0x88}));
      }));
  put("key-use-within-life", leaf(Profile::timestamp, [](T& t) {
        replace(
            t, "2.5.29.16",
            certs::extension("2.5.29.16", false,
                             der::sequence({der::value(0x80, base::as_bytes("20200101000000Z")),
                                            der::value(0x81, base::as_bytes("20270101000000Z"))})));
      }));
  put("access-form", plain([](T& t) {
        const auto url = der::value(0x86, base::as_bytes("https://si.example.gov.cn/ocsp"));
        t.extensions.push_back(certs::extension(
            "1.3.6.1.5.5.7.1.1", false,
            der::sequence({der::sequence({der::oid("1.3.6.1.5.5.7.48.1"), url})})));
      }));
  put("named-curve", plain([](T& t) { t.public_key = spelt_out_curve(); }));
  put("rsa-small-factor", plain([](T& t) {
        t.public_key = spki_of_modulus([](BIGNUM* n, BN_CTX* c) {
          const certs::Owned<BIGNUM, BN_free> prime(BN_new());
          BN_generate_prime_ex(prime.get(), 3062, 0, nullptr, nullptr, nullptr);
          BN_set_word(n, 701);
          BN_mul(n, n, prime.get(), c);
        });
      }));
  put("rsa-close-factors", plain([](T& t) {
        t.public_key = spki_of_modulus([](BIGNUM* n, BN_CTX* c) {
          // Two neighbours: what a broken key maker that counts on from its first prime gives.
          const certs::Owned<BIGNUM, BN_free> one(BN_new());
          const certs::Owned<BIGNUM, BN_free> other(BN_new());
          BN_generate_prime_ex(one.get(), 1536, 0, nullptr, nullptr, nullptr);
          BN_copy(other.get(), one.get());
          BN_add_word(other.get(), 2);
          BN_mul(n, one.get(), other.get(), c);
        });
      }));
  put("agency-named", leaf(Profile::seal, [&](T& t) {
        t.subject = named(der::printable("CN"), der::utf8("无机构代码"));
      }));
  return out;
}

TEST_F(LintTest, EachRuleRefusesACertificateThatBreaksIt) {
  const auto bent = crooked();
  std::set<std::string_view> rules;
  for (const auto& rule : certs::lint_rules()) {
    EXPECT_TRUE(rules.insert(rule.id).second) << "twice: " << rule.id;
    EXPECT_FALSE(rule.clause.empty()) << rule.id;
    const auto found = bent.find(rule.id);
    ASSERT_NE(found, bent.end()) << "no certificate breaks " << rule.id;
    const auto findings = certs::lint(found->second);
    EXPECT_TRUE(std::any_of(findings.begin(), findings.end(),
                            [&](const auto& finding) { return finding.id == rule.id; }))
        << rule.id << " did not refuse; found: " << certs::to_text(findings);
  }
  EXPECT_EQ(rules.size(), bent.size());
}

TEST_F(LintTest, WhatWeIssueBreaksNone) {
  for (const auto* label :
       {"root-ca", "issuing-ca", "seal-1", "timestamp-1", "openid-1", "document-code-1"})
    EXPECT_EQ(certs::to_text(certs::lint(pki.certificate(label))), "") << label;
  for (const auto& rule : certs::profile_rules()) {
    if (rule.authority) continue;
    EXPECT_EQ(certs::to_text(certs::lint(leaf(rule.profile, {}))), "")
        << rule.name << ": the frame that the others are bent from";
  }
}

TEST_F(LintTest, IdentityNumbersAreFoundWhereverTheyStand) {
  EXPECT_TRUE(certs::holds_identity_number("11010519491231002X"));
  EXPECT_TRUE(certs::holds_identity_number("张三11010519491231002x号"));
  EXPECT_TRUE(certs::holds_identity_number("P-110105491231002"));  // the old form
  EXPECT_FALSE(certs::holds_identity_number("110105194912310021")) << "its check does not fit";
  EXPECT_FALSE(certs::holds_identity_number("12360000MB0000001X")) << "a unit's credit code";
  EXPECT_FALSE(certs::holds_identity_number("P-7f3a9c21d0"));
}

TEST_F(LintTest, NamesArePrintableOrUtf8AndNotTooLong) {
  const auto with = [&](const base::Bytes& country, const base::Bytes& name) {
    const auto findings = certs::lint(
        leaf(Profile::openid, [&](TbsCertificate& t) { t.subject = named(country, name); }));
    return std::any_of(findings.begin(), findings.end(),
                       [](const auto& finding) { return finding.id == "names-strings"; });
  };
  std::string long_name;
  for (int i = 0; i < 64; ++i) long_name += "信";
  EXPECT_FALSE(with(der::printable("CN"), der::utf8(long_name)));
  EXPECT_TRUE(with(der::printable("CN"), der::utf8(long_name + "x")));
  EXPECT_TRUE(with(der::utf8("CN"), der::utf8("x")));
  EXPECT_TRUE(with(der::printable("CHN"), der::utf8("x")));
}

TEST_F(LintTest, ARevocationListIsLintedToo) {
  const auto& issuing = *pki.key("issuing-ca");
  const auto in = test::leaf_input(pki, Profile::seal, *key);
  const auto now = pki.clock().now();
  const auto list = [&](base::Time next, const std::vector<certs::Authority::Revocation>& revoked) {
    const auto tbs =
        certs::tbs_crl(in.algorithm, in.issuer, in.issuer_key_id, now, next, 1, revoked);
    return certs::to_text(certs::lint(*certs::Crl::from_der(
        certs::assemble(tbs, in.algorithm, *issuing.sign(base::sha256(tbs))))));
  };
  EXPECT_EQ(list(now + days(7), {{"4142", now, 1, now - days(1)}}), "");
  EXPECT_NE(list(now + days(367), {}).find("crl-next-update-year"), std::string::npos);
  EXPECT_NE(list(now + days(7), {{"4142", now, 7, std::nullopt}}).find("crl-reasons"),
            std::string::npos);
  const auto nameless = der::sequence(
      {der::integer(1), certs::signature_algorithm(in.algorithm), in.issuer, der::time(now),
       der::time(now + days(7)),
       der::value(0xA0, der::sequence({certs::extension("2.5.29.20", false,
                                                        der::integer(base::Bytes(20, 0x7F)))}))});
  const auto text = certs::to_text(certs::lint(*certs::Crl::from_der(
      certs::assemble(nameless, in.algorithm, *issuing.sign(base::sha256(nameless))))));
  EXPECT_NE(text.find("crl-authority-key-id"), std::string::npos);
  EXPECT_EQ(text.find("crl-number-length"), std::string::npos) << "20 octets are allowed";
}

}  // namespace
