#include "certs/trust_list.h"

#include <gtest/gtest.h>

#include <set>

#include "base/encoding.h"
#include "base/json.h"
#include "certs/trust_list_text.h"
#include "tests/certs/support.h"

namespace {

using certs::TrustList;
using std::chrono::days;
using std::chrono::hours;

class TrustListTest : public testing::Test {
 protected:
  std::string key_of(std::string_view jws, const std::optional<base::Digest>& pinned = {}) {
    const auto list = TrustList::parse(jws, pinned);
    return list ? "good" : list.error().key;
  }
  /// Anything, signed by our root.
  std::string signed_by_root(std::string_view payload,
                             std::string_view header = certs::kTrustListHeader) {
    const auto text = base::to_base64url(base::as_bytes(header)) + "." +
                      base::to_base64url(base::as_bytes(payload));
    const auto signature = pki.key("root-ca")->sign(base::sha256(base::as_bytes(text)));
    return text + "." + base::to_base64url(*signature);
  }
  /// Admitted, and removed as compromised.
  certs::TrustBody body() {
    certs::TrustBody out;
    out.number = 7;
    out.name = "某电子认证公司";
    out.code = "91110000MA0000000A";
    out.licence = "ECP00000000000";
    out.anchors = {pki.certificate("root-ca"), pki.certificate("issuing-ca")};
    out.uses = {"login", "seal"};
    out.limits = {{"1.2.156.1"}, {"directory:/C=CN/O=公司"}, {"dns:bad.cn"}};
    out.expiry = pki.start() + days(300);
    out.history = {
        {certs::Standing::admitted, pki.start() - days(2), "", std::nullopt},
        {certs::Standing::removed, pki.start() - hours(1), "compromised", pki.start() - hours(3)}};
    out.crl_urls = {"http://crl.example.cn/a.crl"};
    out.documents = {{"acceptance", base::sha256({})}, {"liability", base::sha256({})}};
    return out;
  }
  std::string payload() { return certs::trust_list_payload(pki.list()); }

  test::Pki pki;
};

TEST_F(TrustListTest, ReadsWhatWasSigned) {
  const auto list = TrustList::parse(pki.jws());
  ASSERT_TRUE(list);
  EXPECT_EQ(list->sequence, pki.list().sequence);
  EXPECT_EQ(list->issued, pki.start());
  EXPECT_EQ(list->next_update, pki.start() + days(7));
  EXPECT_EQ(list->domain, "si.example.gov.cn");
  ASSERT_EQ(list->entries.size(), 4u);
  EXPECT_EQ(list->entries[0].purpose, "seal");
  EXPECT_EQ(list->entries[0].agency, test::Pki::kAgency);
  EXPECT_EQ(list->entries[0].certificate.sha256(), pki.certificate("seal-1").sha256());
  EXPECT_EQ(list->crls.size(), 2u);
}

TEST_F(TrustListTest, APinnedRootMustBeItsRoot) {
  EXPECT_EQ(key_of(pki.jws(), pki.certificate("root-ca").sha256()), "good");
  test::Pki other;
  EXPECT_EQ(key_of(pki.jws(), other.certificate("root-ca").sha256()),
            "certs.trust_list_foreign_root");
  EXPECT_EQ(key_of(other.jws(), pki.certificate("root-ca").sha256()),
            "certs.trust_list_foreign_root");
}

TEST_F(TrustListTest, EachChangedByteIsNoticed) {
  const auto& jws = pki.jws();
  const auto pinned = pki.certificate("root-ca").sha256();
  for (std::size_t i = 0; i < jws.size(); ++i) {
    auto bent = jws;
    bent[i] = static_cast<char>(bent[i] ^ 0x01);
    ASSERT_NE(key_of(bent, pinned), "good") << "byte " << i;
    if (i % 16 != 0) continue;
    bent[i] = jws[i] == 'A' ? 'B' : 'A';  // stays in the alphabet of base64url
    if (bent != jws) {
      ASSERT_NE(key_of(bent, pinned), "good") << "byte " << i;
    }
  }
}

TEST_F(TrustListTest, EachPieceMissingIsNoticed) {
  const auto& jws = pki.jws();
  for (std::size_t size = 0; size < jws.size(); size += 7)
    ASSERT_NE(key_of(std::string_view(jws).substr(0, size)), "good") << size;
  EXPECT_NE(key_of(jws + "="), "good");
  EXPECT_NE(key_of(jws + "\n"), "good");
  EXPECT_NE(key_of(jws + "."), "good");
  EXPECT_NE(key_of(""), "good");
  EXPECT_NE(key_of(std::string(9 << 20, 'A')), "good");
}

// RFC 7515 §10.7, RFC 8725 §3.1: the list has one algorithm, whatever its header says.
TEST_F(TrustListTest, Rfc8725_3_1_OneHeaderOnly) {
  EXPECT_EQ(key_of(signed_by_root(payload())), "good") << "the frame of this test";
  for (const auto* header :
       {R"({"alg":"none","typ":"xinyin-trust-list"})",
        R"({"alg":"HS256","typ":"xinyin-trust-list"})",
        R"({"typ":"xinyin-trust-list","alg":"ES256"})", R"({"alg":"ES256"})",
        R"({"alg":"ES256", "typ":"xinyin-trust-list"})",
        R"({"alg":"ES256","typ":"xinyin-trust-list","crit":["b64"],"b64":false})"})
    EXPECT_EQ(key_of(signed_by_root(payload(), header)), "certs.trust_list_malformed") << header;
}

// What the root signed may still be wrong: one text a value, and all of it consistent.
TEST_F(TrustListTest, OneTextForOneValue) {
  const auto good = payload();
  const auto with = [&](std::string_view what, std::string_view by) {
    auto text = good;
    const auto at = text.find(what);
    base::check(at != std::string::npos, "the test looks for what is not there");
    text.replace(at, what.size(), by);
    return key_of(signed_by_root(text));
  };
  EXPECT_EQ(with(R"("version":2)", R"("version": 1)"), "certs.trust_list_malformed");
  EXPECT_EQ(with(R"("version":2)", R"("version":2,"more":2)"), "certs.trust_list_malformed");
  EXPECT_EQ(with(R"("version":2)", R"("version":2,"version":2)"), "certs.trust_list_malformed");
  EXPECT_EQ(with(R"("version":2)", R"("version":3)"), "certs.trust_list_malformed");
  EXPECT_EQ(with("2026-11-24T03:00:00Z", "2026-11-24T11:00:00+08:00"),
            "certs.trust_list_malformed");
  EXPECT_EQ(with(R"("domain":"si.example.gov.cn")", R"("domain":"si\u002eexample.gov.cn")"),
            "certs.trust_list_malformed");
  EXPECT_EQ(with(R"("purpose":"seal")", R"("purpose":"SEAL")"), "certs.trust_list_malformed");
  EXPECT_EQ(with(R"("entries":[{)", R"("entries":[{"extra":1,)"), "certs.trust_list_malformed");
  EXPECT_EQ(key_of(signed_by_root(good + " ")), "certs.trust_list_malformed");
  EXPECT_EQ(key_of(signed_by_root("[]")), "certs.trust_list_malformed");
}

TEST_F(TrustListTest, WhatDoesNotFitTogetherIsRefusedThoughSigned) {
  const auto with = [&](const std::function<void(TrustList&)>& bend) {
    auto list = pki.list();
    bend(list);
    const auto made = pki.root().sign_trust_list(list);
    // The authority refuses to sign it; whoever signs it all the same is refused when it is read.
    EXPECT_FALSE(made);
    return key_of(signed_by_root(certs::trust_list_payload(list)));
  };
  test::Pki other;
  EXPECT_EQ(with([](TrustList& l) { l.sequence = 0; }), "certs.trust_list_malformed");
  EXPECT_EQ(with([](TrustList& l) { l.next_update = l.issued; }), "certs.trust_list_malformed");
  EXPECT_EQ(with([](TrustList& l) { l.domain = "Bad Domain"; }), "certs.trust_list_malformed");
  EXPECT_EQ(with([](TrustList& l) { l.domain.clear(); }), "certs.trust_list_malformed");
  EXPECT_EQ(with([](TrustList& l) { l.entries[0].purpose = "tea"; }), "certs.trust_list_malformed");
  EXPECT_EQ(with([](TrustList& l) { l.entries[0].agency.clear(); }), "certs.trust_list_malformed");
  EXPECT_EQ(with([](TrustList& l) { l.entries[0].until = l.entries[0].since - hours(1); }),
            "certs.trust_list_malformed");
  EXPECT_EQ(with([&](TrustList& l) { l.entries[0].certificate = other.certificate("seal-1"); }),
            "certs.trust_list_malformed");
  EXPECT_EQ(with([&](TrustList& l) { l.crls[1] = other.issuing_crl(); }),
            "certs.trust_list_malformed");
  EXPECT_EQ(with([&](TrustList& l) { l.crls[1] = {1, 2, 3}; }), "certs.trust_list_malformed");
  EXPECT_EQ(with([&](TrustList& l) { l.intermediates[0] = other.certificate("issuing-ca"); }),
            "certs.trust_list_malformed");
  EXPECT_EQ(with([&](TrustList& l) { l.intermediates.push_back(pki.certificate("seal-1")); }),
            "certs.trust_list_malformed");
  EXPECT_EQ(with([&](TrustList& l) { l.roots.push_back(pki.certificate("issuing-ca")); }),
            "certs.trust_list_malformed");
}

TEST_F(TrustListTest, BodiesComeBackAsTheyWere) {
  pki.admit({body()});
  const auto list = TrustList::parse(pki.jws());
  ASSERT_TRUE(list);
  EXPECT_EQ(list->version, 2);
  ASSERT_EQ(list->bodies.size(), 1u);
  EXPECT_EQ(certs::trust_list_payload(*list), certs::trust_list_payload(pki.list()));
  const auto& back = list->bodies[0];
  EXPECT_EQ(back.name, "某电子认证公司");
  EXPECT_EQ(back.anchors.size(), 2u);
  EXPECT_EQ(back.limits.excluded, (std::vector<std::string>{"dns:bad.cn"}));
  EXPECT_EQ(back.history.back().invalid_since, pki.start() - hours(3));
  EXPECT_EQ(certs::compromised_since(back), pki.start() - hours(3));
  EXPECT_EQ(certs::standing_at(back, pki.start() - hours(5))->standing, certs::Standing::admitted);
  EXPECT_EQ(certs::standing_at(back, pki.start())->standing, certs::Standing::removed);
  EXPECT_EQ(certs::standing_at(back, pki.start() - days(5)), nullptr);
}

TEST_F(TrustListTest, ABodyThatDoesNotFitTogetherIsRefusedThoughSigned) {
  const auto with = [&](const std::function<void(certs::TrustBody&)>& bend) {
    auto list = pki.list();
    list.bodies = {body()};
    bend(list.bodies[0]);
    EXPECT_FALSE(pki.root().sign_trust_list(list));
    return key_of(signed_by_root(certs::trust_list_payload(list)));
  };
  using B = certs::TrustBody;
  const std::string key = "certs.trust_list_malformed";
  EXPECT_EQ(with([](B& b) { b.number = 0; }), key);
  EXPECT_EQ(with([](B& b) { b.name = "a\nb"; }), key);
  EXPECT_EQ(with([](B& b) { b.code = "91110000MA000000IO"; }), key);
  EXPECT_EQ(with([](B& b) { b.licence.clear(); }), key);
  EXPECT_EQ(with([](B& b) { b.anchors.clear(); }), key);
  EXPECT_EQ(with([](B& b) { b.anchors.erase(b.anchors.begin()); }), key);
  EXPECT_EQ(with([&](B& b) { b.anchors = {pki.certificate("seal-1")}; }), key);
  EXPECT_EQ(with([](B& b) { b.uses = {"seal", "login"}; }), key);
  EXPECT_EQ(with([](B& b) { b.uses = {"seal", "seal"}; }), key);
  EXPECT_EQ(with([](B& b) { b.limits.policies = {"1.2.03"}; }), key);
  EXPECT_EQ(with([](B& b) { b.limits.permitted = {"everything"}; }), key);
  EXPECT_EQ(with([](B& b) { b.crl_urls = {"gopher://x.example"}; }), key);
  EXPECT_EQ(with([](B& b) { b.documents = {{"poem", {}}}; }), key);
  EXPECT_EQ(with([](B& b) { b.history.clear(); }), key);
  EXPECT_EQ(with([](B& b) { b.history.erase(b.history.begin()); }), key);
  EXPECT_EQ(with([](B& b) { b.history[0].standing = certs::Standing::proposed; }), key);
  EXPECT_EQ(with([](B& b) { b.history[1].since = b.history[0].since; }), key);
  EXPECT_EQ(with([](B& b) { b.history[1].reason = "compromised "; }), key);
  EXPECT_EQ(with([](B& b) { b.history[1].invalid_since.reset(); }), key);
  EXPECT_EQ(with([](B& b) { *b.history[1].invalid_since += days(1); }), key);
  EXPECT_EQ(with([](B& b) { b.history[0].reason = "review"; }), key);
  EXPECT_EQ(with([](B& b) {
              b.history.push_back(
                  {certs::Standing::admitted, b.history[1].since + hours(1), "", std::nullopt});
            }),
            key);
  auto list = pki.list();
  list.bodies = {body(), body()};
  EXPECT_EQ(key_of(signed_by_root(certs::trust_list_payload(list))), key) << "a number twice";
}

TEST_F(TrustListTest, ACompromisedEntryHasEnded) {
  const auto key = [&](std::optional<base::Time> until, base::Time compromised) {
    auto list = pki.list();
    list.entries[0].until = until;
    list.entries[0].compromised_since = compromised;
    return key_of(signed_by_root(certs::trust_list_payload(list)));
  };
  EXPECT_EQ(key(pki.start(), pki.start() - hours(1)), "good");
  EXPECT_EQ(key(pki.start(), pki.start() + hours(1)), "certs.trust_list_malformed");
  EXPECT_EQ(key(std::nullopt, pki.start()), "certs.trust_list_malformed");
}

// Lists from before bodies were known are still lists; ours are of version 2.
TEST_F(TrustListTest, TheFirstVersionIsStillRead) {
  auto old = pki.list();
  old.version = 1;
  const auto text = certs::trust_list_payload(old);
  EXPECT_EQ(text.find("bodies"), std::string::npos);
  const auto list = TrustList::parse(signed_by_root(text));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->version, 1);
  EXPECT_EQ(list->entries.size(), 4u);
  EXPECT_FALSE(pki.root().sign_trust_list(old));
  // Neither may say what the other says.
  auto both = text;
  both.insert(both.size() - 1, R"(,"bodies":[])");
  EXPECT_EQ(key_of(signed_by_root(both)), "certs.trust_list_malformed");
  auto neither = text;
  neither.replace(neither.find(R"("version":1)"), 11, R"("version":2)");
  EXPECT_EQ(key_of(signed_by_root(neither)), "certs.trust_list_malformed");
}

TEST_F(TrustListTest, OnlyItsFirstRootSignsIt) {
  test::Pki other;
  // Ours, signed by another key.
  const auto text = base::to_base64url(base::as_bytes(certs::kTrustListHeader)) + "." +
                    base::to_base64url(base::as_bytes(payload()));
  const auto by = [&](const hsm::Key& key) {
    return key_of(text + "." + base::to_base64url(*key.sign(base::sha256(base::as_bytes(text)))));
  };
  EXPECT_EQ(by(*pki.key("root-ca")), "good");
  EXPECT_EQ(by(*other.key("root-ca")), "certs.trust_list_forged");
  EXPECT_EQ(by(*pki.key("issuing-ca")), "certs.trust_list_forged");
  EXPECT_EQ(pki.issuing().sign_trust_list(pki.list()).error().key, "certs.wrong_issuer");
}

}  // namespace
