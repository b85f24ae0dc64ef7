#include "hsm/officers/people.h"

#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

#include "base/encoding.h"
#include "hsm/public_key.h"

namespace hsm::officers {
namespace {

constexpr std::array kRules{
    QuorumRule{"officer.enrol", 3, 2, "admit a person or replace a person's certificate"},
    QuorumRule{"officer.retire", 3, 2, "take a person's vote away"},
    QuorumRule{"policy.set", 3, 2, "change these numbers"},
    QuorumRule{"key.generate", 2, 2, "make keys in the token"},
    QuorumRule{"key.generate.root", 3, 2, "make a root authority's key"},
    QuorumRule{"key.adopt", 3, 2, "take over keys that a token holds already"},
    QuorumRule{"key.activate", 2, 2, "let a key be used"},
    QuorumRule{"key.suspend", 1, 1, "stop a key for the time being"},
    QuorumRule{"key.resume", 2, 2, "let a suspended or refused key be used again"},
    QuorumRule{"key.deactivate", 2, 2, "end a key's use; what it signed stays good"},
    QuorumRule{"key.compromise", 2, 1, "declare a key compromised, for ever"},
    QuorumRule{"key.destroy", 3, 2, "destroy a key, for ever"},
    QuorumRule{"key.backup", 2, 2, "write a backup of the token, split among officers"},
    QuorumRule{"backup.prove", 2, 2, "record that a backup was restored and proven"},
    QuorumRule{"sign.root", 3, 2, "sign a certificate with a root authority's key"},
    QuorumRule{"sign.issuing", 2, 2, "sign a certificate with an issuing authority's key"},
    QuorumRule{"sign.seal_maker", 2, 2, "sign a seal object with the seal maker's key"},
    QuorumRule{"sign.trust_list", 2, 2, "publish a trust list that says something new"},
    QuorumRule{"sign.trust_list.stop", 1, 1, "publish a trust list that only stops somebody"},
};
constexpr int kMostNeeded = 16;
constexpr std::size_t kMostNameBytes = 128;
constexpr std::size_t kMostCertificateBytes = 8192;

base::Error bad(std::string_view key, const std::string& why) {
  auto failure = base::error(base::Code::invalid_argument, std::string(key), why);
  failure.args = {{"why", why}};
  return failure;
}

bool good_id(std::string_view id) {
  return !id.empty() && id.size() <= 32 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

std::optional<base::Time> to_time(const ASN1_TIME* from) {
  std::tm parts{};
  if (from == nullptr || ASN1_TIME_to_tm(from, &parts) != 1) return std::nullopt;
  return base::from_unix_s(static_cast<std::int64_t>(::timegm(&parts)));
}

base::Result<void> read_certificate(Person& person) {
  const auto wrong = [&](std::string_view why) {
    return bad("hsm.officers.person", person.id + ": " + std::string(why));
  };
  const auto& der = person.certificate;
  if (der.empty() || der.size() > kMostCertificateBytes) return wrong("the certificate's size");
  const unsigned char* at = der.data();
  const std::unique_ptr<X509, decltype(&X509_free)> parsed(
      d2i_X509(nullptr, &at, static_cast<long>(der.size())), &X509_free);
  if (!parsed || at != der.data() + der.size()) return wrong("not a certificate");
  unsigned char* spki = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(parsed.get()), &spki);
  if (size <= 0) return wrong("no public key in the certificate");
  person.public_key.assign(spki, spki + size);
  OPENSSL_free(spki);
  if (!SignatureCheck::make(Algorithm::ecdsa_p256, person.public_key).ok())
    return wrong("the certificate's key is not P-256");
  const auto from = to_time(X509_get0_notBefore(parsed.get()));
  const auto to = to_time(X509_get0_notAfter(parsed.get()));
  if (!from || !to) return wrong("the certificate's times");
  person.not_before = *from;
  person.not_after = *to;
  return {};
}

}  // namespace

std::string_view to_string(Role role) {
  return role == Role::officer ? "officer" : "auditor";
}

base::Result<Person> read_person(const rapidjson::Value& value) {
  if (!value.IsObject() || value.MemberCount() != 5)
    return bad("hsm.officers.person", "a person has certificate, id, name, role and share_key");
  Person person;
  person.id = base::json_text(value, "id");
  if (!good_id(person.id))
    return bad("hsm.officers.person", "an id has 1 to 32 of a-z, 0-9, '-' and '.'");
  person.name = base::json_text(value, "name");
  if (person.name.empty() || person.name.size() > kMostNameBytes)
    return bad("hsm.officers.person", person.id + ": the name");
  const auto role = base::json_text(value, "role");
  if (role != "officer" && role != "auditor")
    return bad("hsm.officers.person", person.id + ": the role is officer or auditor");
  person.role = role == "officer" ? Role::officer : Role::auditor;
  auto certificate = base::from_base64(base::json_text(value, "certificate"));
  auto share_key = base::from_base64(base::json_text(value, "share_key"));
  if (!certificate || !share_key || !value.HasMember("share_key"))
    return bad("hsm.officers.person", person.id + ": certificate and share_key are base64");
  person.certificate = std::move(*certificate);
  person.share_key = std::move(*share_key);
  if (!person.share_key.empty() &&
      !SignatureCheck::make(Algorithm::ecdsa_p256, person.share_key).ok())
    return bad("hsm.officers.person", person.id + ": the share key is not P-256");
  BASE_TRY_VOID(read_certificate(person));
  return person;
}

void write_person(base::JsonWriter& out, const Person& person) {
  out.StartObject();
  out.member("certificate", base::to_base64(person.certificate));
  out.member("id", person.id);
  out.member("name", person.name);
  out.member("role", to_string(person.role));
  out.member("share_key", base::to_base64(person.share_key));
  out.EndObject();
}

std::span<const QuorumRule> quorum_rules() {
  return kRules;
}

int Policy::needs(std::string_view rule) const {
  if (const auto it = needed.find(rule); it != needed.end()) return it->second;
  const auto* known = std::find_if(kRules.begin(), kRules.end(),
                                   [&](const QuorumRule& one) { return one.name == rule; });
  base::check(known != kRules.end(), "a quorum rule without a row");
  return known->usual;
}

int Policy::most() const {
  int out = 0;
  for (const auto& rule : kRules) out = std::max(out, needs(rule.name));
  return out;
}

base::Result<Policy> read_policy(const rapidjson::Value& value) {
  const auto wrong = [](const std::string& why) { return bad("hsm.officers.policy", why); };
  const bool limited = value.IsObject() && value.HasMember("lists_per_day");
  if (!value.IsObject() || value.MemberCount() != (limited ? 6 : 5))
    return wrong(
        "a policy has backup_before_use, destroy_grace_h, list_life_h, needed, request_life_h and "
        "lists_per_day");
  Policy policy;
  const auto number = [&](const char* name, int least, int most, int& out) {
    const auto given = base::json_int(value, name);
    if (!given || *given < least || *given > most) return false;
    out = static_cast<int>(*given);
    return true;
  };
  if (!number("request_life_h", 1, 24, policy.request_life_h))
    return wrong("request_life_h is 1 to 24");
  if (!number("destroy_grace_h", 0, 24 * 365, policy.destroy_grace_h))
    return wrong("destroy_grace_h is 0 to 8760");
  if (!number("list_life_h", 1, 24 * 92, policy.list_life_h))
    return wrong("list_life_h is 1 to 2208");
  if (limited && !number("lists_per_day", 2, 100'000, policy.lists_per_day.emplace()))
    return wrong("lists_per_day is 2 to 100000");
  const auto backup = value.FindMember("backup_before_use");
  if (backup == value.MemberEnd() || !backup->value.IsBool())
    return wrong("backup_before_use is true or false");
  policy.backup_before_use = backup->value.GetBool();
  const auto needed = value.FindMember("needed");
  if (needed == value.MemberEnd() || !needed->value.IsObject()) return wrong("needed is an object");
  for (const auto& one : needed->value.GetObject()) {
    const std::string name(one.name.GetString(), one.name.GetStringLength());
    const auto* rule = std::find_if(kRules.begin(), kRules.end(),
                                    [&](const QuorumRule& row) { return row.name == name; });
    if (rule == kRules.end()) return wrong("no act is called " + name);
    if (!one.value.IsInt() || one.value.GetInt() < rule->least || one.value.GetInt() > kMostNeeded)
      return wrong(name + " needs " + std::to_string(rule->least) + " to " +
                   std::to_string(kMostNeeded) + " officers");
    policy.needed.emplace(name, one.value.GetInt());
  }
  return policy;
}

void write_policy(base::JsonWriter& out, const Policy& policy) {
  out.StartObject();
  out.member("backup_before_use", policy.backup_before_use);
  out.member("destroy_grace_h", policy.destroy_grace_h);
  out.member("list_life_h", policy.list_life_h);
  if (policy.lists_per_day) out.member("lists_per_day", *policy.lists_per_day);
  out.key("needed");
  out.StartObject();
  for (const auto& [name, count] : policy.needed) out.member(name, count);
  out.EndObject();
  out.member("request_life_h", policy.request_life_h);
  out.EndObject();
}

}  // namespace hsm::officers
