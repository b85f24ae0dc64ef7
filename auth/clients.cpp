#include "auth/clients.h"

#include <algorithm>

#include "auth/jose.h"
#include "auth/redirect.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kPutClient{"auth.put_client", R"sql(
  insert into auth.client (id, name, secret_digest, redirect_uris, post_logout_redirect_uris, scopes,
                           sector, registered_at, grant_types, machine_scopes, resource, keys,
                           require_pushed, require_signed, require_dpop, agreement_until)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
  on conflict (id) do update set
    name = excluded.name, secret_digest = excluded.secret_digest,
    redirect_uris = excluded.redirect_uris,
    post_logout_redirect_uris = excluded.post_logout_redirect_uris, scopes = excluded.scopes,
    sector = excluded.sector, active = true, registered_at = excluded.registered_at,
    grant_types = excluded.grant_types, machine_scopes = excluded.machine_scopes,
    resource = excluded.resource, keys = excluded.keys, require_pushed = excluded.require_pushed,
    require_signed = excluded.require_signed, require_dpop = excluded.require_dpop,
    agreement_until = excluded.agreement_until)sql"};
constexpr store::Query kFindClient{"auth.find_client", R"sql(
  select name, secret_digest, redirect_uris, post_logout_redirect_uris, scopes, sector,
         grant_types, machine_scopes, resource, keys, require_pushed, require_signed,
         require_dpop
    from auth.client
   where id = $1 and active and (agreement_until is null or agreement_until > $2))sql"};

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
  // What stands for a person here is given by persons alone.
  for (const auto& scope : split_scopes(client.machine_scopes))
    if (has_scope(kScopes, scope))
      invalid.fields.push_back({"machine_scopes", "auth.client.machine_scopes"});
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

base::Result<void> Clients::put(const NewClient& client, base::Time now, std::string_view by) {
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
  if (!has_all_scopes(kScopes, client.scopes))
    invalid.fields.push_back({"scopes", "auth.client.scopes"});
  check_purpose(client, invalid);
  const auto sector = client.sector.empty() ? sector_of(client) : client.sector;
  if (sector.empty()) invalid.fields.push_back({"sector", "auth.client.sector"});
  if (!invalid.fields.empty()) return invalid;

  std::optional<base::Bytes> digest;
  if (!client.secret.empty()) digest = base::to_bytes(base::sha256(base::as_bytes(client.secret)));
  std::optional<std::string> resource;
  if (!client.resource.empty()) resource = client.resource;
  std::optional<store::Json> keys;
  if (!client.keys.empty()) keys = store::Json{client.keys};
  BASE_TRY(auto tx, pool_.begin());
  BASE_TRY_VOID(tx.run(
      kPutClient,
      {client.id.value(), client.name, digest, to_json(client.redirect_uris),
       to_json(client.post_logout_redirect_uris), client.scopes, sector, now, client.grant_types,
       client.machine_scopes, resource, keys, client.require_pushed || client.fapi2,
       client.require_signed, client.require_dpop || client.fapi2, client.agreement_until}));
  BASE_TRY_VOID(
      store::audit(tx, {now, std::string(by), "client.register", client.id.value(), "ok"}));
  return tx.commit();
}

base::Result<std::optional<Client>> Clients::find(std::string_view id, base::Time now) {
  if (!is_client_id(id)) return std::optional<Client>();
  BASE_TRY(const auto rows, pool_.run(kFindClient, {id, now}));
  if (rows.empty()) return std::optional<Client>();
  Client client;
  client.id = ClientId(std::string(id));
  client.name = rows.text(0, 0);
  if (!rows.is_null(0, 1)) {
    const auto bytes = rows.bytes(0, 1);
    client.secret.emplace();
    std::copy(bytes.begin(), bytes.end(), client.secret->begin());
  }
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
  return std::optional<Client>(std::move(client));
}

}  // namespace auth
