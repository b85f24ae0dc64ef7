// Remote use of seals, in the style of the CSC API v2.0 (Cloud Signature Consortium): what it says
// of a member stands there. docs/remote_sealing.md; docs/decisions/0186-remote-sealing.md.
#include <algorithm>

#include "api/handlers.h"
#include "api/json_body.h"
#include "base/encoding.h"
#include "base/json.h"
#include "seal/remote.h"

namespace api {
namespace {

constexpr std::string_view kSha256Oid = "2.16.840.1.101.3.4.2.1";
constexpr std::string_view kEcdsaSha256Oid = "1.2.840.10045.4.3.2";
constexpr std::string_view kRsaSha256Oid = "1.2.840.113549.1.1.11";
constexpr base::JsonLimits kLimits{256 * 1024, 8};

/// CSC 7.2: {"error": "invalid_request", "error_description": "…"}, with our words in both
/// languages.
base::Error invalid(std::string_view member) {
  auto failure = base::error(base::Code::invalid_argument, "api.member");
  failure.args = {{"member", std::string(member)}};
  failure.fields.push_back({std::string(member), "api.member"});
  return failure;
}

base::Result<rapidjson::Document> body_of(const Call& call) {
  // Every member is optional in a few of them, and so is the body.
  if (call.request.body.empty()) return base::parse_json("{}");
  BASE_TRY(auto json, base::parse_json(call.request.body, kLimits));
  if (!json.IsObject()) return invalid("");
  return json;
}

base::Result<std::shared_ptr<seal::RemoteSealing>> sealing(Call& call) {
  BASE_TRY(const auto house, call.house());
  if (!house->remote_sealing || house->remote_sealing->seal().empty())
    return base::error(base::Code::unavailable, "seal.none");
  return house->remote_sealing;
}

/// The credential is the seal: there is one that documents leave with.
base::Result<std::shared_ptr<seal::RemoteSealing>> credential(Call& call,
                                                              const rapidjson::Value& json) {
  BASE_TRY(auto remote, sealing(call));
  if (base::json_text(json, "credentialID") != remote->seal()) return invalid("credentialID");
  return remote;
}

base::Result<std::vector<base::Digest>> hashes_in(const rapidjson::Value& json, const char* oid) {
  if (const auto algorithm = json.FindMember(oid);
      algorithm != json.MemberEnd() && base::json_text(json, oid) != kSha256Oid)
    return invalid(oid);
  const auto list = json.FindMember("hashes");
  if (list == json.MemberEnd() || !list->value.IsArray()) return invalid("hashes");
  std::vector<base::Digest> out;
  for (const auto& one : list->value.GetArray()) {
    const auto bytes =
        base::from_base64(one.IsString() ? std::string_view(one.GetString(), one.GetStringLength())
                                         : std::string_view());
    base::Digest hash{};
    if (!bytes || bytes->size() != hash.size()) return invalid("hashes");
    std::copy(bytes->begin(), bytes->end(), hash.begin());
    out.push_back(hash);
  }
  return out;
}

std::string_view algorithm_oid(const hsm::KeyInfo& key) {
  return key.algorithm == hsm::Algorithm::ecdsa_p256 ? kEcdsaSha256Oid : kRsaSha256Oid;
}

std::string to_csc_time(base::Time at) {  // YYYYMMDDHHMMSSZ
  std::string out;
  for (const char c : base::to_rfc3339(std::chrono::floor<std::chrono::seconds>(at)))
    if (c != '-' && c != ':' && c != 'T') out += c;
  return out;
}

void put_strings(base::JsonWriter& out, std::string_view name,
                 std::initializer_list<std::string_view> values) {
  out.key(name);
  out.StartArray();
  for (const auto one : values) out.string(one);
  out.EndArray();
}

void put_list(base::JsonWriter& out, std::string_view name, const std::vector<base::Bytes>& all) {
  out.key(name);
  out.StartArray();
  for (const auto& one : all) out.string(base::to_base64(one));
  out.EndArray();
}

/// CSC 11.5: what is known of a credential. `chain`: none, single, chain.
void put_credential(base::JsonWriter& out, const seal::RemoteSealing& remote,
                    std::string_view chain, bool with_names) {
  const auto& leaf = remote.certificates().front();
  out.member("description", leaf.common_name());
  out.key("key");
  out.StartObject();
  out.member("status", "enabled");
  put_strings(out, "algo", {algorithm_oid(remote.key())});
  const bool curve = remote.key().algorithm == hsm::Algorithm::ecdsa_p256;
  out.member("len", curve ? 256 : remote.key().algorithm == hsm::Algorithm::rsa_3072 ? 3072 : 4096);
  if (curve) out.member("curve", "1.2.840.10045.3.1.7");
  out.EndObject();
  out.key("cert");
  out.StartObject();
  out.member("status", "valid");
  if (chain != "none") {
    out.key("certificates");
    out.StartArray();
    for (const auto& one : remote.certificates()) {
      out.string(base::to_base64(one.der()));
      if (chain == "single") break;
    }
    out.EndArray();
  }
  if (with_names) {
    out.member("issuerDN", leaf.issuer());
    out.member("subjectDN", leaf.subject());
    out.member("serialNumber", leaf.serial_hex());
    out.member("validFrom", to_csc_time(leaf.not_before()));
    out.member("validTo", to_csc_time(leaf.not_after()));
  }
  out.EndObject();
  out.key("auth");
  out.StartObject();
  out.member("mode", "implicit");  // by policy, no PIN of a person
  out.EndObject();
  out.member("SCAL", "2");  // activation is bound to the digests
  out.member("multisign", static_cast<std::int64_t>(seal::kMostRemoteHashes));
}

}  // namespace

namespace handlers {

base::Result<Response> csc_info(Call& call) {
  const auto& config = call.services.config;
  base::JsonWriter out;
  out.StartObject();
  out.member("specs", "2.0.0.2");
  out.member("name", config.agency.name);
  out.member("logo", config.public_url + "/static/mark.svg");
  out.member("region", "CN");
  out.member("lang", "zh-CN");
  out.member("description", "电子印章远程签章 remote sealing");
  put_strings(out, "authType", {"oauth2client"});
  out.member("oauth2", config.public_url);
  put_strings(out, "methods",
              {"info", "credentials/list", "credentials/info", "credentials/authorize",
               "signatures/signHash", "signatures/signDoc"});
  out.key("signAlgorithms");
  out.StartObject();
  put_strings(out, "algos", {kEcdsaSha256Oid, kRsaSha256Oid});
  out.EndObject();
  out.key("signature_formats");
  out.StartObject();
  put_strings(out, "formats", {"C", "P"});
  out.EndObject();
  put_strings(out, "conformance_levels", {"Ades-B-B", "Ades-B-T"});
  out.EndObject();
  return Response::json(out.text());
}

base::Result<Response> csc_credentials(Call& call) {
  BASE_TRY(const auto json, body_of(call));
  BASE_TRY(const auto remote, sealing(call));
  base::JsonWriter out;
  out.StartObject();
  put_strings(out, "credentialIDs", {remote->seal()});
  const auto wanted = json.FindMember("credentialInfo");
  if (wanted != json.MemberEnd() && wanted->value.IsBool() && wanted->value.GetBool()) {
    out.key("credentialInfos");
    out.StartArray();
    out.StartObject();
    out.member("credentialID", remote->seal());
    put_credential(out, *remote, "single", true);
    out.EndObject();
    out.EndArray();
  }
  out.EndObject();
  return Response::json(out.text());
}

base::Result<Response> csc_credential(Call& call) {
  BASE_TRY(const auto json, body_of(call));
  BASE_TRY(const auto remote, credential(call, json));
  auto chain = base::json_text(json, "certificates");
  if (chain.empty()) chain = "single";
  if (chain != "none" && chain != "single" && chain != "chain") return invalid("certificates");
  const auto names = json.FindMember("certInfo");
  base::JsonWriter out;
  out.StartObject();
  put_credential(out, *remote, chain,
                 names != json.MemberEnd() && names->value.IsBool() && names->value.GetBool());
  out.EndObject();
  return Response::json(out.text());
}

base::Result<Response> csc_authorize(Call& call) {
  BASE_TRY(const auto json, body_of(call));
  BASE_TRY(const auto remote, credential(call, json));
  BASE_TRY(const auto hashes, hashes_in(json, "hashAlgorithmOID"));
  if (base::json_int(json, "numSignatures") != static_cast<std::int64_t>(hashes.size()))
    return invalid("numSignatures");
  BASE_TRY(const auto grant, remote->authorize(*call.actor, hashes));
  base::JsonWriter out;
  out.StartObject();
  out.member("SAD", grant.sad);
  out.member("expiresIn", static_cast<std::int64_t>(grant.life.count()));
  out.EndObject();
  return Response::json(out.text());
}

base::Result<Response> csc_sign_hash(Call& call) {
  BASE_TRY(const auto json, body_of(call));
  BASE_TRY(const auto remote, credential(call, json));
  BASE_TRY(const auto hashes, hashes_in(json, "hashAlgorithmOID"));
  if (base::json_text(json, "signAlgo") != algorithm_oid(remote->key())) return invalid("signAlgo");
  BASE_TRY(const auto signatures,
           remote->sign_hashes(*call.actor, base::json_text(json, "SAD"), hashes));
  base::JsonWriter out;
  out.StartObject();
  put_list(out, "signatures", signatures);
  out.EndObject();
  return Response::json(out.text());
}

base::Result<Response> csc_sign_doc(Call& call) {
  BASE_TRY(const auto json, body_of(call));
  BASE_TRY(const auto remote, credential(call, json));
  if (json.HasMember("documents"))
    return base::error(base::Code::invalid_argument, "api.csc.digests_only");
  const auto digests = json.FindMember("documentDigests");
  // One group: what is authorised together is signed together.
  if (digests == json.MemberEnd() || !digests->value.IsArray() || digests->value.Size() != 1 ||
      !digests->value[0].IsObject())
    return invalid("documentDigests");
  const auto& group = digests->value[0];
  BASE_TRY(const auto hashes, hashes_in(group, "hashAlgorithmOID"));
  if (base::json_text(group, "signAlgo") != algorithm_oid(remote->key()))
    return invalid("documentDigests/signAlgo");
  const auto form = base::json_text(group, "signature_format");
  if (form != "C" && form != "P") return invalid("documentDigests/signature_format");
  const auto level = base::json_text(group, "conformance_level");
  if (level != "Ades-B-B" && level != "Ades-B-T")
    return invalid("documentDigests/conformance_level");
  BASE_TRY(const auto signatures, remote->sign_documents(*call.actor, base::json_text(json, "SAD"),
                                                         hashes, level == "Ades-B-T"));
  base::JsonWriter out;
  out.StartObject();
  put_list(out, "SignatureObject", signatures);
  out.EndObject();
  return Response::json(out.text());
}

}  // namespace handlers

}  // namespace api
