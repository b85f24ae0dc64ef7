#include "certs/admission.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/encoding.h"
#include "base/json.h"
#include "certs/crl.h"
#include "certs/foreign.h"
#include "certs/lint.h"
#include "certs/openssl.h"
#include "certs/path.h"

namespace certs {
namespace {

constexpr auto kOldestCrl = std::chrono::days(31);

/// One rule for an authority's certificate: what was found, and whether it will do.
struct Found {
  bool passed;
  std::string text;
};
struct Rule {
  std::string_view id;
  std::string_view clause;
  Found (*look)(const Certificate&, base::Time now);
};

std::string period(const Certificate& c) {
  return base::to_rfc3339(c.not_before()) + " – " + base::to_rfc3339(c.not_after());
}

bool critical(const Certificate& c, int nid) {
  const int at = X509_get_ext_by_NID(raw(c), nid, -1);
  return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(raw(c), at)) != 0;
}

Found version_and_serial(const Certificate& c, base::Time) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(raw(c));
  const bool good = X509_get_version(raw(c)) == X509_VERSION_3 &&
                    (ASN1_STRING_type(serial) & V_ASN1_NEG) == 0 && c.serial_hex() != "00" &&
                    c.serial_hex().size() <= 40;
  return {good, "serial " + c.serial_hex()};
}

Found basic_constraints(const Certificate& c, base::Time) {
  const bool authority = X509_check_ca(raw(c)) == 1;
  const bool marked = critical(c, NID_basic_constraints);
  return {authority && marked,
          std::string(authority ? "cA" : "no cA") + (marked ? ", critical" : ", not critical")};
}

Found key_usage(const Certificate& c, base::Time) {
  const bool stated = (X509_get_extension_flags(raw(c)) & EXFLAG_KUSAGE) != 0;
  const auto usage = stated ? X509_get_key_usage(raw(c)) : 0;
  const bool both = (usage & KU_KEY_CERT_SIGN) != 0 && (usage & KU_CRL_SIGN) != 0;
  return {both && critical(c, NID_key_usage), "bits " + std::to_string(usage)};
}

Found key(const Certificate& c, base::Time) {
  EVP_PKEY* key = X509_get0_pubkey(raw(c));
  const int bits = EVP_PKEY_get_bits(key);
  if (EVP_PKEY_is_a(key, "RSA"))
    return {bits >= 2048 && bits <= 8192 && bits % 8 == 0, "RSA " + std::to_string(bits)};
  char group[32] = {};
  if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1)
    return {false, "another kind of key"};
  const std::string_view name = group;
  return {name == "prime256v1" || name == "secp384r1" || name == "secp521r1", group};
}

Found signature_algorithm(const Certificate& c, base::Time) {
  constexpr std::array kGood{NID_sha256WithRSAEncryption, NID_sha384WithRSAEncryption,
                             NID_sha512WithRSAEncryption, NID_ecdsa_with_SHA256,
                             NID_ecdsa_with_SHA384,       NID_ecdsa_with_SHA512};
  const int nid = X509_get_signature_nid(raw(c));
  const char* name = OBJ_nid2ln(nid);
  return {std::find(kGood.begin(), kGood.end(), nid) != kGood.end(),
          name != nullptr ? name : "unknown"};
}

Found validity(const Certificate& c, base::Time now) {
  const bool in_force = c.not_before() <= now && now <= c.not_after();
  return {in_force && c.not_after() - c.not_before() <= std::chrono::days(365 * 31), period(c)};
}

Found extensions(const Certificate& c, base::Time) {
  for (int i = 0; i < X509_get_ext_count(raw(c)); ++i) {
    X509_EXTENSION* one = X509_get_ext(raw(c), i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(one));
    const bool marked = X509_EXTENSION_get_critical(one) != 0;
    if (marked && X509_supported_extension(one) == 0)
      return {false, "a critical extension that we do not know"};
    // As rules of verification these would refuse good chains; of whom we admit they are asked.
    if (!marked && (nid == NID_name_constraints || nid == NID_policy_constraints))
      return {false, "constraints that are not critical"};
  }
  return {true, std::to_string(X509_get_ext_count(raw(c))) + " extensions"};
}

Found key_identifier(const Certificate& c, base::Time) {
  return {X509_get0_subject_key_id(raw(c)) != nullptr, "subject key identifier"};
}

constexpr std::array kRules{
    Rule{"version-serial", "RFC 5280 4.1.2.1, 4.1.2.2", version_and_serial},
    Rule{"basic-constraints", "RFC 5280 4.2.1.9", basic_constraints},
    Rule{"key-usage", "RFC 5280 4.2.1.3", key_usage},
    Rule{"key-size", "NIST SP 800-57", key},
    Rule{"signature-algorithm", "RFC 5280 4.1.1.2", signature_algorithm},
    Rule{"validity", "RFC 5280 4.1.2.5", validity},
    Rule{"extensions", "RFC 5280 4.2; security.md 2.3", extensions},
    Rule{"subject-key-id", "RFC 5280 4.2.1.2", key_identifier},
};

std::string numbered(const char* what, std::size_t index) {
  return what + std::string(" ") + std::to_string(index + 1);
}

class Examination {
 public:
  Examination(const TrustBody& body, std::span<const base::Bytes> crls, base::Time now)
      : body_(body), crls_(crls), now_(now) {
    report_.at = now;
  }

  void anchors() {
    for (std::size_t i = 0; i < body_.anchors.size(); ++i) {
      const auto& anchor = body_.anchors[i];
      const auto object = numbered("anchor", i);
      for (const auto& rule : kRules) {
        auto found = rule.look(anchor, now_);
        note(object, rule.id, rule.clause, found.passed, std::move(found.text));
      }
      const auto above =
          std::find_if(body_.anchors.begin(), body_.anchors.end(),
                       [&](const Certificate& issuer) { return issued_by(anchor, issuer); });
      note(object, "signed", "RFC 5280 6.1", above != body_.anchors.end(),
           above == body_.anchors.end() ? "by nobody that was handed in" : above->subject());
    }
    if (body_.anchors.empty()) note("body", "anchors", "LD/T 01-2020 6.2.7", false, "none");
  }

  void revocation_lists() {
    for (std::size_t i = 0; i < crls_.size(); ++i) {
      const auto object = numbered("crl", i);
      const auto crl = Crl::from_der(crls_[i]);
      note(object, "form", "RFC 5280 5", crl.ok(),
           crl ? std::to_string(crl->size()) + " entries, " + std::to_string(crls_[i].size()) +
                     " octets"
               : crl.error().detail);
      if (!crl) continue;
      const bool ours = std::any_of(body_.anchors.begin(), body_.anchors.end(),
                                    [&](const Certificate& by) { return crl->signed_by(by); });
      note(object, "signed", "RFC 5280 5.1.1.3", ours, crl->issuer());
      note(object, "age", "RFC 5280 5.1.2.4, 5.1.2.5",
           crl->this_update() <= now_ && now_ <= crl->next_update() &&
               now_ - crl->this_update() <= kOldestCrl,
           base::to_rfc3339(crl->this_update()) + " – " + base::to_rfc3339(crl->next_update()));
      const auto findings = lint(*crl);
      note(object, "lint", "RFC 5280 5", findings.empty(), to_text(findings));
    }
    if (crls_.empty()) note("body", "crl", "LD/T 01-2020 6.2.7", false, "none was handed in");
  }

  void samples(std::span<const Certificate> samples) {
    constexpr std::array kUses{std::pair{BodyUse::login, "login"},
                               std::pair{BodyUse::seal, "seal"}};
    std::map<std::string, int> good;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      std::string said, reason = "certs.body_not_for_this";
      for (const auto& [use, name] : kUses) {
        if (std::find(body_.uses.begin(), body_.uses.end(), name) == body_.uses.end()) continue;
        const auto judged = judge_by_body(samples[i], {}, body_, use, crls_, now_);
        reason = judged.reason;
        if (judged.answer != ChainAnswer::trusted) continue;
        ++good[name];
        said += (said.empty() ? "" : ", ") + std::string(name);
      }
      note(numbered("sample", i), "judged", "RFC 5280 6", !said.empty(),
           (said.empty() ? reason : said) + ": " + samples[i].subject());
    }
    for (const auto& use : body_.uses)
      note("use " + use, "sample", "LD/T 01-2020 6.2.7", good[use] > 0,
           std::to_string(good[use]) + " good samples");
  }

  AdmissionReport take() { return std::move(report_); }

 private:
  void note(std::string object, std::string_view rule, std::string_view clause, bool passed,
            std::string found) {
    report_.checks.push_back(
        {std::move(object), std::string(rule), std::string(clause), passed, std::move(found)});
  }

  const TrustBody& body_;
  std::span<const base::Bytes> crls_;
  base::Time now_;
  AdmissionReport report_;
};

}  // namespace

bool AdmissionReport::passed() const {
  return !checks.empty() && std::all_of(checks.begin(), checks.end(),
                                        [](const AdmissionCheck& check) { return check.passed; });
}

std::string AdmissionReport::json() const {
  base::JsonWriter out;
  out.StartObject();
  out.member("at", base::to_rfc3339(at));
  out.member("passed", passed());
  out.key("checks");
  out.StartArray();
  for (const auto& check : checks) {
    out.StartObject();
    out.member("object", check.object);
    out.member("rule", check.rule);
    out.member("clause", check.clause);
    out.member("passed", check.passed);
    out.member("found", check.found);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

AdmissionReport check_admission(const TrustBody& body, std::span<const Certificate> samples,
                                std::span<const base::Bytes> crls, base::Time now) {
  Examination examination(body, crls, now);
  examination.anchors();
  examination.revocation_lists();
  examination.samples(samples);
  return examination.take();
}

}  // namespace certs
