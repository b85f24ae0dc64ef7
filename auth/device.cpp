// Devices without a browser: a code is shown, and approved at another device. RFC 8628.
//
// The code that a person types has eight letters without vowels (34 bits), lives ten minutes,
// stands here as a keyed hash, and is asked about behind a login and a rate limit. The page names
// the client and shows the code again: what one did not begin oneself is not to be approved (§5.4).
#include <algorithm>

#include "auth/consents.h"
#include "auth/token_call.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kPutDevice{"auth.put_device", R"sql(
  insert into auth.device_request (digest, user_code, client_id, scopes, expires_at)
  values ($1, $2, $3, $4, $5) on conflict do nothing returning 1::bigint)sql"};
constexpr store::Query kFindDevice{"auth.find_device", R"sql(
  select d.client_id, c.name, d.scopes
    from auth.device_request d
    join auth.client c on c.id = d.client_id and c.active
     and (c.agreement_until is null or c.agreement_until > $2)
   where d.user_code = $1 and d.decided_at is null and d.expires_at > $2)sql"};
constexpr store::Query kDecideDevice{"auth.decide_device", R"sql(
  update auth.device_request
     set decided_at = $2, granted = $3, subject_id = $4, authentication = $5::bigint::smallint,
         methods = $6::bigint::integer, authenticated_at = $7
   where user_code = $1 and decided_at is null and expires_at > $2
  returning client_id, scopes)sql"};
// Each question moves the mark; what stood there before tells whether it came too soon.
constexpr store::Query kPollDevice{"auth.poll_device", R"sql(
  with before as (
    select digest, polled_at from auth.device_request where digest = $1 for update)
  update auth.device_request d set polled_at = $2 from before where d.digest = before.digest
  returning before.polled_at, d.client_id, d.scopes, d.expires_at, d.granted, d.subject_id,
            d.methods, d.authenticated_at, d.used_at is not null,
            coalesce((select auth.is_open(s.active, s.locked_until, $2)
                        from auth.subject s where s.id = d.subject_id), false),
            coalesce((select auth.proofing_at(s.proofing, s.proofing_until, $2)
                        from auth.subject s where s.id = d.subject_id), 0::smallint))sql"};
constexpr store::Query kSpendDevice{"auth.spend_device", R"sql(
  update auth.device_request set used_at = $2
   where digest = $1 and used_at is null and granted
  returning 1::bigint)sql"};
constexpr store::Query kPutDeviceGrant{"auth.put_device_grant", R"sql(
  insert into auth.authorization_grant (id, code_digest, subject_id, session_id, client_id, scopes,
    authentication, methods, authenticated_at, granted_at, code_expires_at, used_at, lives_until,
    offline, refresh_key)
  values ($1, $2, $3, '', $4, $5, $6::bigint::smallint, $7::bigint::integer, $8, $9, $9, $9, $10,
    $11, $12))sql"};

constexpr std::string_view kLetters = "BCDFGHJKLMNPQRSTVWXZ";  // §6.1
constexpr std::size_t kUserCode = 8;
constexpr std::chrono::seconds kLife{600};
constexpr std::chrono::seconds kInterval{5};

std::string fresh_user_code(base::Random& random) {
  std::string out;
  while (out.size() < kUserCode) {
    const auto byte = random.bytes(1)[0];
    if (byte < 12 * kLetters.size()) out += kLetters[byte % kLetters.size()];
  }
  return out;
}

/// As it was typed, or nothing: case, blanks and hyphens do not matter.
std::optional<std::string> normal_user_code(std::string_view typed) {
  std::string out;
  if (typed.size() > 32) return std::nullopt;
  for (char c : typed) {
    if (c == ' ' || c == '-') continue;
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (kLetters.find(c) == std::string_view::npos) return std::nullopt;
    out += c;
  }
  if (out.size() != kUserCode) return std::nullopt;
  return out;
}

std::string shown_user_code(const std::string& code) {
  return code.substr(0, 4) + "-" + code.substr(4);
}

base::Digest lookup_of(const Provider::Impl& provider, const std::string& code) {
  return provider.parts.accounts.cipher().lookup("auth/device_user_code", code);
}

base::Error unknown_code() {
  return base::error(base::Code::not_found, "auth.device.unknown");
}

TokenRefusal device_code_known(TokenCall& call) {
  if (call.value("device_code").empty())
    return refuse_token("invalid_request", "auth.device.code_missing");
  const auto code = base::from_base64url(call.value("device_code"));
  if (!code || code->size() != 32) return refuse_token("invalid_grant", "auth.device.code_unknown");
  call.refresh.digest = base::sha256(*code);
  const auto rows =
      call.provider.parts.pool.run(kPollDevice, {base::BytesView(call.refresh.digest), call.now});
  if (!rows.ok()) return oauth_trouble(rows.error());
  if (rows->empty() || rows->text(0, 1) != call.client.id.value())
    return refuse_token("invalid_grant", "auth.device.code_unknown");
  if (rows->boolean(0, 8)) return refuse_token("invalid_grant", "auth.device.code_used");
  if (call.now >= rows->time(0, 3)) return refuse_token("expired_token", "auth.device.expired");
  if (!rows->is_null(0, 0) && call.now - rows->time(0, 0) < kInterval)
    return refuse_token("slow_down", "auth.device.slow_down");
  if (rows->is_null(0, 4)) return refuse_token("authorization_pending", "auth.device.pending");
  if (!rows->boolean(0, 4)) return refuse_token("access_denied", "auth.consent_denied");
  auto& grant = call.grant;
  grant.scopes = call.scopes = rows->text(0, 2);
  grant.subject = rows->text(0, 5);
  grant.methods = Methods::from_bits(rows->integer(0, 6));
  grant.authenticated_at = rows->time(0, 7);
  grant.active = rows->boolean(0, 9);
  grant.proofing = static_cast<Proofing>(rows->integer(0, 10));
  return {};
}

TokenRefusal subject_active(TokenCall& call) {
  return call.grant.active ? TokenRefusal()
                           : refuse_token("access_denied", "auth.subject_inactive");
}

constexpr TokenCheck kChecks[] = {
    {"device_code_known", device_code_known},
    {"subject_active", subject_active},
};

/// Whether this call is the one that spent the device code; the grant begins with it.
base::Result<bool> spend(TokenCall& call, Signed& tokens) {
  const auto& provider = call.provider;
  const auto& grant = call.grant;
  BASE_TRY(auto tx, provider.parts.pool.begin());
  BASE_TRY(const auto spent,
           tx.run(kSpendDevice, {base::BytesView(call.refresh.digest), call.now}));
  if (spent.empty()) return false;
  const auto lives_until =
      call.now + std::chrono::hours(24) +
      (grant.offline ? provider.config.refresh_family_life : std::chrono::seconds(0));
  std::optional<std::string> refresh_key;
  if (call.client.is_public() && !call.possession().empty()) refresh_key = call.possession();
  // No code was ever handed out: the digest is of what is none.
  const auto no_code = base::sha256(base::as_bytes("device " + grant.id));
  BASE_TRY_VOID(tx.run(
      kPutDeviceGrant,
      {grant.id, base::BytesView(no_code), grant.subject, call.client.id.value(), grant.scopes,
       static_cast<int>(authentication_of(grant.methods)), grant.methods.bits(),
       grant.authenticated_at, call.now, lives_until, grant.offline, refresh_key}));
  if (grant.offline) {
    BASE_TRY(tokens.refresh_token, begin_family(tx, call));
  }
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("client", call.client.id.value());
  facts.member("scope", grant.scopes);
  facts.member("device", true);
  facts.EndObject();
  BASE_TRY_VOID(
      store::audit(tx, {call.now, grant.subject, "token.issue", grant.id, "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  return true;
}

TokenAnswer issue(TokenCall& call) {
  call.grant.id = base::to_hex(call.provider.parts.random.bytes(16));
  call.grant.granted_at = call.now;
  call.grant.offline = has_scope(call.grant.scopes, kOfflineAccess);
  auto tokens = sign_tokens(call);
  if (!tokens.ok()) return signer_trouble(tokens.error());
  const auto spent = spend(call, *tokens);
  if (!spent.ok()) return oauth_trouble(spent.error());
  if (!*spent) return OAuthError{"invalid_grant", "auth.device.code_used"};
  return token_reply(call, *tokens);
}

/// As at the authorization endpoint: nothing is granted that was not asked for by name.
std::variant<std::string, OAuthError> device_scopes(const Client& client, std::string_view asked) {
  std::string scopes;
  for (const auto& scope : split_scopes(asked)) {
    if (!has_scope(client.scopes, scope) ||
        (scope == kOfflineAccess && !has_scope(client.grant_types, "refresh_token")))
      return OAuthError{"invalid_scope", "auth.scope_unknown"};
    if (!has_scope(scopes, scope)) scopes += (scopes.empty() ? "" : " ") + scope;
  }
  if (scopes.empty()) return OAuthError{"invalid_scope", "auth.scope_unknown"};
  return scopes;
}

}  // namespace

TokenAnswer Provider::begin_device(const Parameters& form, std::string_view authorization,
                                   const ProvedRequest& proved) {
  for (const auto& [name, value] : form)
    if (is_given_twice(form, name)) return OAuthError{"invalid_request", "auth.parameter_twice"};
  auto who = impl_->authenticate(form, authorization, proved.certificate);
  if (auto* failure = std::get_if<OAuthError>(&who)) return std::move(*failure);
  const auto& client = std::get<Client>(who);
  if (!has_scope(client.grant_types, kDeviceGrantName))
    return OAuthError{"unauthorized_client", "auth.grant_type_client"};
  const auto scopes = device_scopes(client, value_of(form, "scope"));
  if (const auto* failure = std::get_if<OAuthError>(&scopes)) return *failure;

  const auto& parts = impl_->parts;
  const auto secret = parts.random.bytes(32);
  const auto user_code = fresh_user_code(parts.random);
  const auto put =
      parts.pool.run(kPutDevice, {base::BytesView(base::sha256(secret)),
                                  base::BytesView(lookup_of(*impl_, user_code)), client.id.value(),
                                  std::get<std::string>(scopes), parts.clock.now() + kLife});
  if (!put.ok()) return oauth_trouble(put.error());
  if (put->empty())  // somebody holds this code just now
    return OAuthError{"temporarily_unavailable", "auth.device.again", 503, std::chrono::seconds(1)};
  const auto page = impl_->endpoint(kDevicePagePath);
  base::JsonWriter out;
  out.StartObject();
  out.member("device_code", base::to_base64url(secret));
  out.member("user_code", shown_user_code(user_code));
  out.member("verification_uri", page);
  out.member("verification_uri_complete", page + "?user_code=" + shown_user_code(user_code));
  out.member("expires_in", kLife.count());
  out.member("interval", kInterval.count());
  out.EndObject();
  return TokenReply{out.text()};
}

base::Result<Provider::DeviceRequest> Provider::device_request(std::string_view user_code) {
  const auto code = normal_user_code(user_code);
  if (!code) return unknown_code();
  BASE_TRY(const auto rows,
           impl_->parts.pool.run(
               kFindDevice, {base::BytesView(lookup_of(*impl_, *code)), impl_->parts.clock.now()}));
  if (rows.empty()) return unknown_code();
  return DeviceRequest{shown_user_code(*code), std::string(rows.text(0, 1)),
                       split_scopes(rows.text(0, 2))};
}

base::Result<void> Provider::decide_device(std::string_view user_code, bool granted,
                                           const Session& session) {
  const auto code = normal_user_code(user_code);
  if (!code) return unknown_code();
  const auto now = impl_->parts.clock.now();
  BASE_TRY(auto tx, impl_->parts.pool.begin());
  BASE_TRY(const auto rows,
           tx.run(kDecideDevice, {base::BytesView(lookup_of(*impl_, *code)), now, granted,
                                  session.subject.value(), static_cast<int>(session.authentication),
                                  session.methods.bits(), session.authenticated_at}));
  if (rows.empty()) return unknown_code();
  // It stands among what was allowed, where its owner takes it back (LD/T 01-2020 6.2.5e).
  if (granted)
    BASE_TRY_VOID(add_consent(tx, session.subject.value(), rows.text(0, 0), rows.text(0, 1), "", now));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("scope", rows.text(0, 1));
  facts.member("session", session.id);
  facts.EndObject();
  BASE_TRY_VOID(
      store::audit(tx, {now, session.subject.value(), "device.decide", std::string(rows.text(0, 0)),
                        granted ? "ok" : "access_denied", facts.text()}));
  return tx.commit();
}

const GrantType kDeviceGrant{kDeviceGrantName, kChecks, issue};

}  // namespace auth
