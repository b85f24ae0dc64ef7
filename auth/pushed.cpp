// Pushed authorization requests: RFC 9126; docs/decisions/0049-asking-safely.md.
//
// A request is kept sealed, found by the digest of its reference, and spent by one delete when the
// person is asked or the code is issued: shown again after that, it is nobody's. On the way to a
// login it may be shown several times.
#include "auth/authorize_call.h"
#include "auth/token_call.h"
#include "base/encoding.h"
#include "base/json.h"

namespace auth {
namespace {

constexpr store::Query kPutPushed{"auth.put_pushed", R"sql(
  insert into auth.pushed_request (digest, client_id, sealed, expires_at)
  values ($1, $2, $3, $4))sql"};
constexpr store::Query kFindPushed{"auth.find_pushed", R"sql(
  select sealed from auth.pushed_request
   where digest = $1 and client_id = $2 and expires_at > $3)sql"};
constexpr store::Query kKeepPushed{"auth.keep_pushed", R"sql(
  update auth.pushed_request set expires_at = $2 where digest = $1 and expires_at < $2)sql"};
constexpr store::Query kTakePushed{"auth.take_pushed", R"sql(
  delete from auth.pushed_request where digest = $1 returning 1::bigint)sql"};

constexpr std::string_view kReference = "urn:ietf:params:oauth:request_uri:";
constexpr const char* kSealedField = "auth/pushed_request";

OAuthError unknown_reference() {
  return {"invalid_request_uri", "auth.request_uri_unknown"};
}

std::string to_json(const Parameters& parameters, bool is_signed) {
  base::JsonWriter out;
  out.StartObject();
  out.member("signed", is_signed);
  out.key("parameters");
  out.StartArray();
  for (const auto& [name, value] : parameters) {
    out.string(name);
    out.string(value);
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

ResolvedRequest from_json(const rapidjson::Value& json) {
  ResolvedRequest out;
  out.is_signed = json["signed"].IsTrue();
  const auto& list = json["parameters"];
  const auto text = [&](rapidjson::SizeType i) {
    return std::string(list[i].GetString(), list[i].GetStringLength());
  };
  for (rapidjson::SizeType i = 0; i + 1 < list.Size(); i += 2)
    out.parameters.emplace_back(text(i), text(i + 1));
  return out;
}

/// Without what proves the client.
Parameters without_proof(const Parameters& form) {
  Parameters out;
  for (const auto& [name, value] : form)
    if (name != "client_secret" && name != "client_assertion" && name != "client_assertion_type")
      out.emplace_back(name, value);
  return out;
}

/// A DPoP proof at this door names the key that the code is for (RFC 9449 §10.1).
std::optional<OAuthError> bind_code(AuthorizeCall& call, const ProvedRequest& proved) {
  if (proved.proofs.empty()) return {};
  auto key = call.provider.check_proof(proved, {});
  if (auto* failure = std::get_if<OAuthError>(&key)) return std::move(*failure);
  const auto& thumbprint = std::get<std::string>(key);
  const auto named = call.value("dpop_jkt");
  if (!named.empty() && named != thumbprint) return call.provider.bad_proof("auth.dpop.other_key");
  if (named.empty()) call.parameters.emplace_back("dpop_jkt", thumbprint);
  return {};
}

/// As the authorization endpoint would check it, with nobody logged in.
std::optional<OAuthError> pushed_trouble(AuthorizeCall& call, const ProvedRequest& proved) {
  if (!value_of(call.given, "request_uri").empty())
    return OAuthError{"invalid_request", "auth.request_uri_pushed"};  // RFC 9126 §2.1
  auto resolved = call.provider.resolve(call.given, call.request.client);
  if (auto* failure = std::get_if<OAuthError>(&resolved)) return std::move(*failure);
  call.parameters = std::move(std::get<ResolvedRequest>(resolved).parameters);
  call.is_signed = std::get<ResolvedRequest>(resolved).is_signed;
  call.request.pushed = base::Digest{};  // it is being pushed
  if (auto refusal = bind_code(call, proved)) return refusal;
  if (auto refusal = registered_redirect_uri(call)) return refusal;
  return request_trouble(call);
}

}  // namespace

std::variant<ResolvedRequest, OAuthError> Provider::Impl::resolve(const Parameters& given,
                                                                  const Client& client) {
  const auto reference = value_of(given, "request_uri"), object = value_of(given, "request");
  if (!reference.empty() && !object.empty())
    return OAuthError{"invalid_request", "auth.request_object_twice"};
  if (!object.empty()) {
    auto read = read_request_object(object, client);
    if (auto* failure = std::get_if<OAuthError>(&read)) return std::move(*failure);
    return ResolvedRequest{std::get<Parameters>(std::move(read)), true};
  }
  if (!reference.starts_with(kReference)) return ResolvedRequest{given};
  const auto secret = base::from_base64url(reference.substr(kReference.size()));
  if (!secret || secret->size() != 32) return unknown_reference();
  const auto digest = base::sha256(*secret);
  const auto rows =
      parts.pool.run(kFindPushed, {base::BytesView(digest), client.id.value(), parts.clock.now()});
  if (!rows.ok()) return oauth_trouble(rows.error());
  if (rows->empty()) return unknown_reference();
  const auto opened =
      parts.accounts.cipher().open(kSealedField, base::to_hex(digest), rows->bytes(0, 0));
  if (!opened.ok()) return oauth_trouble(opened.error());
  const auto json = base::parse_json(base::as_text(*opened));
  if (!json.ok()) return oauth_trouble(json.error());
  auto out = from_json(*json);
  out.pushed = digest;
  return out;
}

base::Result<void> Provider::Impl::keep_pushed(const base::Digest& digest, base::Time until) {
  BASE_TRY_VOID(parts.pool.run(kKeepPushed, {base::BytesView(digest), until}));
  return {};
}

base::Result<bool> Provider::Impl::take_pushed(store::Tx* tx, const base::Digest& digest) {
  const std::vector<store::Param> params{base::BytesView(digest)};
  BASE_TRY(const auto taken,
           tx != nullptr ? tx->run(kTakePushed, params) : parts.pool.run(kTakePushed, params));
  return !taken.empty();
}

TokenAnswer Provider::push(const Parameters& form, std::string_view authorization,
                           const ProvedRequest& proved) {
  for (const auto& [name, value] : form)
    if (is_given_twice(form, name)) return OAuthError{"invalid_request", "auth.parameter_twice"};
  auto who = impl_->authenticate(form, authorization, proved.certificate);
  if (auto* failure = std::get_if<OAuthError>(&who)) return std::move(*failure);
  const auto given = without_proof(form);
  const std::optional<Session> nobody;
  AuthorizeCall call{*impl_, given, nobody, impl_->parts.clock.now()};
  call.request.client = std::get<Client>(std::move(who));
  if (!has_scope(call.request.client.grant_types, "authorization_code"))
    return OAuthError{"unauthorized_client", "auth.client_no_logins"};
  if (auto refusal = pushed_trouble(call, proved)) return std::move(*refusal);

  const auto& parts = impl_->parts;
  const auto secret = parts.random.bytes(32);
  const auto digest = base::sha256(secret);
  const auto sealed = parts.accounts.cipher().seal(
      kSealedField, base::to_hex(digest), base::as_bytes(to_json(call.parameters, call.is_signed)));
  const auto put =
      parts.pool.run(kPutPushed, {base::BytesView(digest), call.request.client.id.value(), sealed,
                                  call.now + impl_->config.pushed_life});
  if (!put.ok()) return oauth_trouble(put.error());
  base::JsonWriter out;
  out.StartObject();
  out.member("request_uri", std::string(kReference) + base::to_base64url(secret));
  out.member("expires_in", impl_->config.pushed_life.count());
  out.EndObject();
  return TokenReply{out.text(), 201};
}

}  // namespace auth
