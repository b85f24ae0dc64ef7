#include "auth/clients.h"

#include <algorithm>

#include "auth/client_metadata.h"
#include "auth/jose.h"
#include "auth/redirect.h"
#include "auth/staff.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kPutClient{"auth.put_client", R"sql(
  insert into auth.client (id, name, secret_digest, redirect_uris, post_logout_redirect_uris, scopes,
                           sector, registered_at, grant_types, machine_scopes, resource, keys,
                           require_pushed, require_signed, require_dpop, agreement_until, active,
                           kind, operator, agreement, fapi2, auth_method, id_token_alg,
                           backchannel_logout_uri, backchannel_session, revision)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
          $18, $19, $20, $21, $22, $23, $24, $25, 1)
  on conflict (id) do update set
    name = excluded.name,
    secret_digest = case when $26 then auth.client.secret_digest else excluded.secret_digest end,
    old_secret_digest = case when $26 then auth.client.old_secret_digest
                             when $27::timestamptz is not null then auth.client.secret_digest end,
    old_secret_until = case when $26 then auth.client.old_secret_until
                            when auth.client.secret_digest is not null then $27::timestamptz end,
    redirect_uris = excluded.redirect_uris,
    post_logout_redirect_uris = excluded.post_logout_redirect_uris, scopes = excluded.scopes,
    sector = excluded.sector, active = excluded.active, registered_at = excluded.registered_at,
    grant_types = excluded.grant_types, machine_scopes = excluded.machine_scopes,
    resource = excluded.resource, keys = excluded.keys, require_pushed = excluded.require_pushed,
    require_signed = excluded.require_signed, require_dpop = excluded.require_dpop,
    agreement_until = excluded.agreement_until, kind = excluded.kind,
    operator = excluded.operator, agreement = excluded.agreement, fapi2 = excluded.fapi2,
    auth_method = excluded.auth_method, id_token_alg = excluded.id_token_alg,
    backchannel_logout_uri = excluded.backchannel_logout_uri,
    backchannel_session = excluded.backchannel_session, revision = auth.client.revision + 1
  returning revision)sql"};
// Stopped: what was granted is dead, also when it goes on later.
constexpr store::Query kSwitchClient{"auth.switch_client", R"sql(
  update auth.client
     set active = $2, revision = revision + 1,
         grants_from = case when $2 then grants_from else $3 end
   where id = $1 and active <> $2 returning revision)sql"};
constexpr store::Query kEndOldSecret{"auth.end_old_secret", R"sql(
  update auth.client
     set old_secret_digest = null, old_secret_until = null, revision = revision + 1
   where id = $1 and old_secret_until > $2 returning revision)sql"};
constexpr store::Query kPutHistory{"auth.put_client_history", R"sql(
  insert into auth.client_history (client_id, at, by, act, request_id, reason, registration)
  values ($1, $2, $3, $4, $5, $6, $7))sql"};
constexpr store::Query kFindClient{"auth.find_client", R"sql(
  select name, secret_digest, redirect_uris, post_logout_redirect_uris, scopes, sector,
         grant_types, machine_scopes, resource, keys, require_pushed, require_signed,
         require_dpop, fapi2, id_token_alg, backchannel_logout_uri is not null, grants_from,
         case when old_secret_until > $2 then old_secret_digest end
    from auth.client
   where id = $1 and active and (agreement_until is null or agreement_until > $2))sql"};
constexpr store::Query kLockClient{"auth.lock_client", R"sql(
  select id, name, redirect_uris, post_logout_redirect_uris, scopes, sector, grant_types,
         machine_scopes, resource, keys, require_pushed, require_signed, require_dpop, fapi2,
         id_token_alg, backchannel_logout_uri, backchannel_session, kind, operator, agreement,
         agreement_until, auth_method, secret_digest is not null, active, revision, registered_at,
         old_secret_until
    from auth.client where id = $1 for update)sql"};
constexpr store::Query kAllClients{"auth.all_clients", R"sql(
  select id, name, redirect_uris, post_logout_redirect_uris, scopes, sector, grant_types,
         machine_scopes, resource, keys, require_pushed, require_signed, require_dpop, fapi2,
         id_token_alg, backchannel_logout_uri, backchannel_session, kind, operator, agreement,
         agreement_until, auth_method, secret_digest is not null, active, revision, registered_at,
         old_secret_until
    from auth.client order by agreement_until nulls last, id limit 10000)sql"};

constexpr std::size_t kSecretLeast = 43;  // 256 bits in base64url
constexpr std::string_view kCodeGrantName = "authorization_code";

store::Json to_json(const std::vector<std::string>& texts) {
  base::JsonWriter out;
  out.StartArray();
  for (const auto& text : texts) out.string(text);
  out.EndArray();
  return {out.text()};
}

base::Result<std::vector<std::string>> from_json(std::string_view text) {
  BASE_TRY(const auto array, base::parse_json(text));
  std::vector<std::string> out;
  if (!array.IsArray()) return out;
  for (const auto& each : array.GetArray())
    if (each.IsString()) out.emplace_back(each.GetString(), each.GetStringLength());
  return out;
}

std::optional<std::string> optional(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

bool is_client_id(std::string_view id) {
  return id.size() >= 3 && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

/// The sector of pairwise ids: the one host of the redirect URIs. Loopback belongs to nobody, so
/// there each client is a sector of its own. Empty: hosts that differ.
std::string sector_of(const NewClient& client) {
  std::string sector;
  for (const auto& uri : client.redirect_uris) {
    const auto host = registrable_host(uri);
    if (!host) continue;
    const auto each = is_loopback(*host) ? "client:" + client.id.value() : *host;
    if (!sector.empty() && sector != each) return {};
    sector = each;
  }
  return client.redirect_uris.empty() ? "client:" + client.id.value() : sector;
}

/// RFC 6749 §3.3: printable ASCII but for quote and backslash, words apart by one blank.
bool is_scope_list(std::string_view scopes) {
  return scopes.size() <= 1024 && std::all_of(scopes.begin(), scopes.end(), [](char c) {
           return c >= ' ' && c <= '~' && c != '"' && c != '\\';
         });
}

/// What a client is for decides what it must have: addresses and scopes for logins, scopes of its
/// own for tokens of its own.
void check_purpose(const NewClient& client, base::Error& invalid) {
  const bool logs_in = has_scope(client.grant_types, kCodeGrantName);
  const bool machine = has_scope(client.grant_types, "client_credentials");
  const bool is_public = client.secret.empty() && client.keys.empty();
  // At a device there is no address to go to, but a person who is asked.
  const bool at_device = has_scope(client.grant_types, kDeviceGrantName);
  if (!has_all_scopes(kGrantTypes, client.grant_types) || (machine && is_public))
    invalid.fields.push_back({"grant_types", "auth.client.grant_types"});
  if (logs_in || at_device ? client.scopes.empty() : !client.scopes.empty())
    invalid.fields.push_back({"scopes", "auth.client.scopes"});
  if (logs_in == client.redirect_uris.empty())
    invalid.fields.push_back({"redirect_uris", "auth.client.address"});
  if (!is_scope_list(client.machine_scopes) || (!machine && !client.machine_scopes.empty()))
    invalid.fields.push_back({"machine_scopes", "auth.client.machine_scopes"});
  // Who works as staff does so at the agency's own programs, and they prove who they are.
  if (has_scope(client.scopes, kStaffScope) && (client.kind != "portal" || is_public))
    invalid.fields.push_back({"scopes", "auth.client.staff_scope"});
  // What stands for a person here is given by persons alone.
  for (const auto& scope : split_scopes(client.machine_scopes))
    if (has_scope(kScopes, scope) || scope == kStaffScope)
      invalid.fields.push_back({"machine_scopes", "auth.client.machine_scopes"});
}

/// LD/T 01-2020 6.1.2e: a platform of others has an agreement, and the agreement an end.
void check_agreement(const NewClient& client, base::Error& invalid) {
  constexpr std::string_view kKinds = "portal third_party system dynamic";
  if (!has_scope(kKinds, client.kind)) invalid.fields.push_back({"kind", "auth.client.kind"});
  if (client.operator_name.size() > 400 || client.agreement.size() > 200)
    invalid.fields.push_back({"operator_name", "auth.name.form"});
  if (client.kind == "third_party" &&
      (client.operator_name.empty() || client.agreement.empty() || !client.agreement_until))
    invalid.fields.push_back({"agreement_until", "auth.client.agreement"});
}

void check_answers(const NewClient& client, base::Error& invalid) {
  if (!has_scope("ES256 RS256 EdDSA", client.id_token_alg))
    invalid.fields.push_back({"id_token_alg", "auth.client.id_token_alg"});
  if (!client.backchannel_logout_uri.empty() && !registrable_host(client.backchannel_logout_uri))
    invalid.fields.push_back({"backchannel_logout_uri", "auth.client.address"});
}

void check_proof(const NewClient& client, base::Error& invalid) {
  if (!client.secret.empty() && (client.secret.size() < kSecretLeast || client.secret.size() > 128))
    invalid.fields.push_back({"secret", "auth.client.secret"});
  if (!client.keys.empty() && !ForeignKeys::parse(client.keys).ok())
    invalid.fields.push_back({"keys", "auth.client.keys"});
  if (client.require_signed && client.keys.empty())
    invalid.fields.push_back({"keys", "auth.client.keys"});
  if (client.fapi2 && (client.keys.empty() || !client.secret.empty()))
    invalid.fields.push_back({"fapi2", "auth.client.fapi2"});
  if (!client.resource.empty() &&
      (!registrable_host(client.resource) || (client.secret.empty() && client.keys.empty())))
    invalid.fields.push_back({"resource", "auth.client.resource"});
}

}  // namespace

std::vector<std::string> split_scopes(std::string_view scopes) {
  std::vector<std::string> out;
  while (!scopes.empty()) {
    const auto end = scopes.find(' ');
    if (end != 0) out.emplace_back(scopes.substr(0, end));
    if (end == std::string_view::npos) break;
    scopes.remove_prefix(end + 1);
  }
  return out;
}

bool has_scope(std::string_view scopes, std::string_view scope) {
  const auto all = split_scopes(scopes);
  return std::find(all.begin(), all.end(), scope) != all.end();
}

bool has_all_scopes(std::string_view scopes, std::string_view wanted) {
  const auto each = split_scopes(wanted);
  return std::all_of(each.begin(), each.end(),
                     [&](const std::string& scope) { return has_scope(scopes, scope); });
}

std::string_view value_of(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters)
    if (key == name && !value.empty()) return value;
  return {};
}

bool is_given_twice(const Parameters& parameters, std::string_view name) {
  return std::count_if(parameters.begin(), parameters.end(),
                       [&](const auto& pair) { return pair.first == name; }) > 1;
}

OAuthError oauth_trouble(const base::Error& failure) {
  if (failure.code == base::Code::unavailable || failure.code == base::Code::rate_limited)
    return {"temporarily_unavailable", failure.key, 503,
            failure.retry_after.value_or(std::chrono::seconds(5))};
  return {"server_error", failure.key, 500};
}

base::Result<std::string> Clients::check(const NewClient& client) {
  auto invalid = base::error(base::Code::invalid_argument, "auth.client_invalid");
  if (!is_client_id(client.id.value())) invalid.fields.push_back({"id", "auth.client.id"});
  const auto length = base::length_code_points(client.name);
  if (length == 0 || length > 100) invalid.fields.push_back({"name", "auth.name.form"});
  check_proof(client, invalid);
  const auto registrable = [](const std::vector<std::string>& uris) {
    return uris.size() <= 20 && std::all_of(uris.begin(), uris.end(), [](const std::string& uri) {
             return registrable_host(uri).has_value();
           });
  };
  if (!registrable(client.redirect_uris))
    invalid.fields.push_back({"redirect_uris", "auth.client.address"});
  if (!registrable(client.post_logout_redirect_uris))
    invalid.fields.push_back({"post_logout_redirect_uris", "auth.client.address"});
  if (!has_all_scopes(std::string(kScopes) + " " + std::string(kStaffScope), client.scopes))
    invalid.fields.push_back({"scopes", "auth.client.scopes"});
  check_purpose(client, invalid);
  check_agreement(client, invalid);
  check_answers(client, invalid);
  auto sector = client.sector.empty() ? sector_of(client) : client.sector;
  if (sector.empty()) invalid.fields.push_back({"sector", "auth.client.sector"});
  if (!invalid.fields.empty()) return invalid;
  return sector;
}

base::Result<void> Clients::put(const NewClient& client, base::Time now, std::string_view by) {
  BASE_TRY(auto tx, pool_.begin());
  BASE_TRY_VOID(write(tx, client, {now, by}));
  return tx.commit();
}

base::Result<void> Clients::write(store::Tx& tx, const NewClient& client, const ClientDeed& deed) {
  BASE_TRY(const auto sector, check(client));
  std::optional<base::Bytes> digest;
  if (!client.secret.empty()) digest = base::to_bytes(base::sha256(base::as_bytes(client.secret)));
  std::optional<store::Json> keys;
  if (!client.keys.empty()) keys = store::Json{client.keys};
  BASE_TRY(const auto written, tx.run(kPutClient, {client.id.value(),
                                                   client.name,
                                                   digest,
                                                   to_json(client.redirect_uris),
                                                   to_json(client.post_logout_redirect_uris),
                                                   client.scopes,
                                                   sector,
                                                   deed.at,
                                                   client.grant_types,
                                                   client.machine_scopes,
                                                   optional(client.resource),
                                                   keys,
                                                   client.require_pushed || client.fapi2,
                                                   client.require_signed,
                                                   client.require_dpop || client.fapi2,
                                                   client.agreement_until,
                                                   deed.active,
                                                   client.kind,
                                                   client.operator_name,
                                                   client.agreement,
                                                   client.fapi2,
                                                   optional(client.auth_method),
                                                   client.id_token_alg,
                                                   optional(client.backchannel_logout_uri),
                                                   client.backchannel_session,
                                                   deed.keep_secret,
                                                   deed.old_secret_until}));
  auto registered = client;
  registered.sector = sector;
  return note(tx, registered, deed, written.integer(0, 0));
}

base::Result<bool> Clients::switch_to(store::Tx& tx, const NewClient& client,
                                      const ClientDeed& deed) {
  BASE_TRY(const auto switched, tx.run(kSwitchClient, {client.id.value(), deed.active, deed.at}));
  if (switched.empty()) return false;
  BASE_TRY_VOID(note(tx, client, deed, switched.integer(0, 0)));
  return true;
}

base::Result<bool> Clients::end_old_secret(store::Tx& tx, const NewClient& client,
                                           const ClientDeed& deed) {
  BASE_TRY(const auto ended, tx.run(kEndOldSecret, {client.id.value(), deed.at}));
  if (ended.empty()) return false;
  BASE_TRY_VOID(note(tx, client, deed, ended.integer(0, 0)));
  return true;
}

base::Result<void> Clients::note(store::Tx& tx, const NewClient& client, const ClientDeed& deed,
                                 std::int64_t revision) {
  BASE_TRY_VOID(
      tx.run(kPutHistory, {client.id.value(), deed.at, deed.by, deed.act, optional(deed.request),
                           optional(deed.reason), store::Json{client_metadata(client)}}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("kind", client.kind);
  facts.member("revision", revision);
  if (!deed.request.empty()) facts.member("request", deed.request);
  if (!deed.reason.empty()) facts.member("reason", deed.reason);
  if (deed.old_secret_until)
    facts.member("old_secret_until", base::to_rfc3339(*deed.old_secret_until));
  facts.EndObject();
  return store::audit(tx, {deed.at, std::string(deed.by), std::string(deed.act), client.id.value(),
                           "ok", facts.text()});
}

namespace {

base::Result<RegisteredClient> registered_from(const store::Rows& rows, std::size_t row) {
  RegisteredClient out;
  auto& client = out.client;
  const auto text = [&](int column) {
    return rows.is_null(row, column) ? std::string() : std::string(rows.text(row, column));
  };
  client.id = ClientId(text(0));
  client.name = text(1);
  BASE_TRY(client.redirect_uris, from_json(rows.text(row, 2)));
  BASE_TRY(client.post_logout_redirect_uris, from_json(rows.text(row, 3)));
  client.scopes = text(4);
  client.sector = text(5);
  client.grant_types = text(6);
  client.machine_scopes = text(7);
  client.resource = text(8);
  client.keys = text(9);
  client.require_pushed = rows.boolean(row, 10);
  client.require_signed = rows.boolean(row, 11);
  client.require_dpop = rows.boolean(row, 12);
  client.fapi2 = rows.boolean(row, 13);
  client.id_token_alg = text(14);
  client.backchannel_logout_uri = text(15);
  client.backchannel_session = rows.boolean(row, 16);
  client.kind = text(17);
  client.operator_name = text(18);
  client.agreement = text(19);
  if (!rows.is_null(row, 20)) client.agreement_until = rows.time(row, 20);
  client.auth_method = text(21);
  out.has_secret = rows.boolean(row, 22);
  out.active = rows.boolean(row, 23);
  out.revision = rows.integer(row, 24);
  out.registered_at = rows.time(row, 25);
  if (!rows.is_null(row, 26)) out.old_secret_until = rows.time(row, 26);
  if (client.auth_method.empty())
    client.auth_method = out.has_secret        ? "client_secret_basic"
                         : client.keys.empty() ? "none"
                                               : "private_key_jwt";
  return out;
}

}  // namespace

base::Result<std::optional<RegisteredClient>> Clients::lock(store::Tx& tx, std::string_view id) {
  BASE_TRY(const auto rows, tx.run(kLockClient, {id}));
  if (rows.empty()) return std::optional<RegisteredClient>();
  BASE_TRY(auto out, registered_from(rows, 0));
  return std::optional<RegisteredClient>(std::move(out));
}

base::Result<std::vector<RegisteredClient>> Clients::all() {
  BASE_TRY(const auto rows, pool_.run(kAllClients));
  std::vector<RegisteredClient> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    BASE_TRY(auto one, registered_from(rows, i));
    out.push_back(std::move(one));
  }
  return out;
}

base::Result<std::optional<Client>> Clients::find(std::string_view id, base::Time now) {
  if (!is_client_id(id)) return std::optional<Client>();
  BASE_TRY(const auto rows, pool_.run(kFindClient, {id, now}));
  if (rows.empty()) return std::optional<Client>();
  Client client;
  client.id = ClientId(std::string(id));
  client.name = rows.text(0, 0);
  const auto digest_in = [&](int column) -> std::optional<base::Digest> {
    if (rows.is_null(0, column)) return std::nullopt;
    const auto bytes = rows.bytes(0, column);
    base::Digest out{};
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
  };
  client.secret = digest_in(1);
  client.old_secret = digest_in(17);
  BASE_TRY(client.redirect_uris, from_json(rows.text(0, 2)));
  BASE_TRY(client.post_logout_redirect_uris, from_json(rows.text(0, 3)));
  client.scopes = rows.text(0, 4);
  client.sector = rows.text(0, 5);
  client.grant_types = rows.text(0, 6);
  client.machine_scopes = rows.text(0, 7);
  if (!rows.is_null(0, 8)) client.resource = rows.text(0, 8);
  if (!rows.is_null(0, 9)) client.keys = rows.text(0, 9);
  client.require_pushed = rows.boolean(0, 10);
  client.require_signed = rows.boolean(0, 11);
  client.require_dpop = rows.boolean(0, 12);
  client.fapi2 = rows.boolean(0, 13);
  client.id_token_alg = rows.text(0, 14);
  client.logout_tokens = rows.boolean(0, 15);
  if (!rows.is_null(0, 16)) client.grants_from = rows.time(0, 16);
  return std::optional<Client>(std::move(client));
}

}  // namespace auth
