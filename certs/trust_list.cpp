#include "certs/trust_list.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "certs/crl.h"
#include "certs/openssl.h"
#include "certs/path.h"
#include "certs/signature.h"
#include "certs/trust_list_text.h"

namespace certs {
namespace {

constexpr std::size_t kMostBytes = 8 << 20;
constexpr std::size_t kMostRoots = 4;
constexpr std::size_t kMostIntermediates = 64;
constexpr std::size_t kMostCrls = 64;
constexpr std::size_t kMostEntries = 4096;
constexpr std::size_t kMostText = 256;
constexpr std::array<std::string_view, 7> kPurposes{
    "seal", "timestamp", "openid", "document_code", "seal_maker", "audit", "log"};

base::Error malformed(std::string why) {
  return base::error(base::Code::invalid_argument, "certs.trust_list_malformed", std::move(why));
}
base::Error forged(std::string why) {
  return base::error(base::Code::permission_denied, "certs.trust_list_forged", std::move(why));
}

bool good_text(std::string_view text, bool may_be_empty) {
  if (text.empty()) return may_be_empty;
  return text.size() <= kMostText && base::is_utf8(text) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool good_domain(std::string_view domain) {
  return !domain.empty() && domain.size() <= kMostText &&
         std::all_of(domain.begin(), domain.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                  c == ':';
         });
}

base::Result<base::Time> read_time(const rapidjson::Value& object, const char* name) {
  const auto time = base::parse_rfc3339(base::json_text(object, name));
  if (!time) return malformed(std::string("no time ") + name);
  return *time;
}

base::Result<std::vector<base::Bytes>> read_ders(const rapidjson::Value& object, const char* name,
                                                 std::size_t most) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd() || !found->value.IsArray() || found->value.Size() > most)
    return malformed(std::string("no array ") + name + ", or too long");
  std::vector<base::Bytes> out;
  for (const auto& item : found->value.GetArray()) {
    if (!item.IsString()) return malformed(std::string(name) + ": not text");
    auto der = base::from_base64({item.GetString(), item.GetStringLength()});
    if (!der || der->empty()) return malformed(std::string(name) + ": not base64");
    out.push_back(std::move(*der));
  }
  return out;
}

base::Result<std::vector<Certificate>> read_certificates(const rapidjson::Value& object,
                                                         const char* name, std::size_t most) {
  BASE_TRY(const auto ders, read_ders(object, name, most));
  std::vector<Certificate> out;
  for (const auto& der : ders) {
    auto certificate = Certificate::from_der(der);
    if (!certificate) return malformed(std::string(name) + ": " + certificate.error().detail);
    out.push_back(std::move(*certificate));
  }
  return out;
}

base::Result<TrustEntry> read_entry(const rapidjson::Value& object) {
  if (!object.IsObject()) return malformed("entry: not an object");
  const auto der = base::from_base64(base::json_text(object, "certificate"));
  if (!der) return malformed("entry: certificate is not base64");
  auto certificate = Certificate::from_der(*der);
  if (!certificate) return malformed("entry: " + certificate.error().detail);
  BASE_TRY(const auto since, read_time(object, "since"));
  TrustEntry entry{std::string(base::json_text(object, "purpose")),
                   std::string(base::json_text(object, "agency")),
                   std::string(base::json_text(object, "agency_code")),
                   std::move(*certificate),
                   since,
                   std::nullopt};
  if (object.HasMember("until")) {
    BASE_TRY(entry.until, read_time(object, "until"));
  }
  if (object.HasMember("compromised_since")) {
    BASE_TRY(entry.compromised_since, read_time(object, "compromised_since"));
  }
  return entry;
}

/// Who must have signed: nothing else is read before its signature holds.
base::Result<Certificate> read_first_root(const rapidjson::Value& document) {
  const auto roots = document.FindMember("roots");
  if (roots == document.MemberEnd() || !roots->value.IsArray() || roots->value.Empty() ||
      !roots->value[0].IsString())
    return malformed("no root");
  const auto& text = roots->value[0];
  const auto der = base::from_base64({text.GetString(), text.GetStringLength()});
  if (!der) return malformed("roots: not base64");
  auto root = Certificate::from_der(*der);
  if (!root) return malformed("roots: " + root.error().detail);
  return root;
}

base::Result<TrustList> read_payload(const rapidjson::Value& document) {
  TrustList list;
  list.version = base::json_int(document, "version").value_or(0);
  if (list.version != 1 && list.version != 2) return malformed("neither version 1 nor 2");
  list.sequence = base::json_int(document, "sequence").value_or(0);
  BASE_TRY(list.issued, read_time(document, "issued"));
  BASE_TRY(list.next_update, read_time(document, "next_update"));
  list.domain = base::json_text(document, "domain");
  BASE_TRY(list.roots, read_certificates(document, "roots", kMostRoots));
  BASE_TRY(list.intermediates, read_certificates(document, "intermediates", kMostIntermediates));
  BASE_TRY(list.crls, read_ders(document, "crls", kMostCrls));
  const auto entries = document.FindMember("entries");
  if (entries == document.MemberEnd() || !entries->value.IsArray() ||
      entries->value.Size() > kMostEntries)
    return malformed("no array entries, or too long");
  for (const auto& item : entries->value.GetArray()) {
    BASE_TRY(auto entry, read_entry(item));
    list.entries.push_back(std::move(entry));
  }
  if (list.version >= 2) {
    BASE_TRY(list.bodies, read_bodies(document));
  }
  return list;
}

bool is_authority(const Certificate& certificate) {
  X509* x509 = raw(certificate);
  return X509_check_ca(x509) == 1 && (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) != 0;
}

bool issued_by_one_of(const Certificate& subject, const std::vector<Certificate>& issuers) {
  return std::any_of(issuers.begin(), issuers.end(),
                     [&](const Certificate& issuer) { return issued_by(subject, issuer); });
}

base::Result<void> check_authorities(const TrustList& list) {
  for (const auto& root : list.roots)
    if (!is_authority(root) || !issued_by(root, root))
      return malformed("a root did not sign itself");
  for (const auto& intermediate : list.intermediates)
    if (!is_authority(intermediate) || (!issued_by_one_of(intermediate, list.roots) &&
                                        !issued_by_one_of(intermediate, list.intermediates)))
      return malformed("an authority stands below no root of the list");
  return {};
}

base::Result<void> check_crls(const TrustList& list) {
  for (const auto& der : list.crls) {
    const auto crl = Crl::from_der(der);
    if (!crl) return malformed("crl: " + crl.error().detail);
    const auto by = [&](const Certificate& issuer) { return crl->signed_by(issuer); };
    if (std::none_of(list.roots.begin(), list.roots.end(), by) &&
        std::none_of(list.intermediates.begin(), list.intermediates.end(), by))
      return malformed("a revocation list by nobody in the list");
  }
  return {};
}

base::Result<void> check_entries(const TrustList& list) {
  for (const auto& entry : list.entries) {
    if (std::find(kPurposes.begin(), kPurposes.end(), entry.purpose) == kPurposes.end())
      return malformed("entry: unknown purpose");
    if (!good_text(entry.agency, false) || !good_text(entry.agency_code, true))
      return malformed("entry: agency");
    if (entry.until && *entry.until < entry.since) return malformed("entry: until before since");
    // A key that others have is not in use any more.
    if (entry.compromised_since && (!entry.until || *entry.compromised_since > *entry.until))
      return malformed("entry: compromised, and in use after that");
    if (!issued_by_one_of(entry.certificate, list.intermediates) &&
        !issued_by_one_of(entry.certificate, list.roots))
      return malformed("entry: issued by nobody in the list");
  }
  return {};
}

}  // namespace

std::string trust_list_payload(const TrustList& list) {
  base::JsonWriter out;
  const auto ders = [&](const char* name, const auto& items, auto der_of) {
    out.key(name);
    out.StartArray();
    for (const auto& item : items) out.string(base::to_base64(der_of(item)));
    out.EndArray();
  };
  const auto der_of = [](const Certificate& certificate) { return certificate.der(); };
  out.StartObject();
  out.member("version", list.version);
  out.member("sequence", list.sequence);
  out.member("issued", base::to_rfc3339(list.issued));
  out.member("next_update", base::to_rfc3339(list.next_update));
  out.member("domain", list.domain);
  ders("roots", list.roots, der_of);
  ders("intermediates", list.intermediates, der_of);
  ders("crls", list.crls, [](const base::Bytes& crl) { return base::BytesView(crl); });
  out.key("entries");
  out.StartArray();
  for (const auto& entry : list.entries) {
    out.StartObject();
    out.member("purpose", entry.purpose);
    out.member("agency", entry.agency);
    out.member("agency_code", entry.agency_code);
    out.member("certificate", base::to_base64(entry.certificate.der()));
    out.member("since", base::to_rfc3339(entry.since));
    if (entry.until) out.member("until", base::to_rfc3339(*entry.until));
    if (entry.compromised_since && list.version >= 2)
      out.member("compromised_since", base::to_rfc3339(*entry.compromised_since));
    out.EndObject();
  }
  out.EndArray();
  if (list.version >= 2) write_bodies(out, list.bodies);
  out.EndObject();
  return out.text();
}

base::Result<void> check_consistent(const TrustList& list) {
  if (list.sequence < 1) return malformed("sequence below 1");
  if (list.next_update <= list.issued) return malformed("next update not after issue");
  if (!good_domain(list.domain)) return malformed("domain");
  if (list.roots.empty()) return malformed("no root");
  if (list.roots.size() > kMostRoots || list.intermediates.size() > kMostIntermediates ||
      list.crls.size() > kMostCrls || list.entries.size() > kMostEntries)
    return malformed("too many members");
  BASE_TRY_VOID(check_authorities(list));
  BASE_TRY_VOID(check_crls(list));
  BASE_TRY_VOID(check_entries(list));
  if (list.version < 2 && !list.bodies.empty()) return malformed("bodies in version 1");
  return check_bodies(list.bodies);
}

std::string trust_list_signing_input(const TrustList& list) {
  return base::to_base64url(base::as_bytes(kTrustListHeader)) + "." +
         base::to_base64url(base::as_bytes(trust_list_payload(list)));
}

base::Result<TrustList> TrustList::parse(std::string_view jws,
                                         const std::optional<base::Digest>& pinned_root) {
  if (jws.size() > kMostBytes) return malformed("larger than 8 MiB");
  const auto first = jws.find('.');
  const auto last = jws.rfind('.');
  if (first == std::string_view::npos || first == last || jws.find('.', first + 1) != last)
    return malformed("not three parts");
  static const std::string kHeader = base::to_base64url(base::as_bytes(kTrustListHeader));
  if (jws.substr(0, first) != kHeader) return malformed("another protected header");
  const auto payload = base::from_base64url(jws.substr(first + 1, last - first - 1));
  const auto signature = base::from_base64url(jws.substr(last + 1));
  if (!payload || !signature) return malformed("not base64url");

  const auto document = base::parse_json(base::as_text(*payload), {kMostBytes, 5});
  if (!document) return malformed("payload: " + document.error().key);
  if (!document->IsObject()) return malformed("payload: not an object");
  BASE_TRY(const auto signer, read_first_root(*document));
  if (pinned_root && !base::constant_time_equal(signer.sha256(), *pinned_root))
    return base::error(base::Code::permission_denied, "certs.trust_list_foreign_root",
                       "root " + base::to_hex(signer.sha256()));
  if (!verify_signature(signer.public_key(), base::sha256(base::as_bytes(jws.substr(0, last))),
                        *signature))
    return forged("signature of the first root does not hold");
  BASE_TRY(auto list, read_payload(*document));
  // The same value written by us must be the same text: nothing unknown, doubled or reordered.
  if (trust_list_payload(list) != base::as_text(*payload))
    return malformed("not written in the one form");
  BASE_TRY_VOID(check_consistent(list));
  return list;
}

}  // namespace certs
