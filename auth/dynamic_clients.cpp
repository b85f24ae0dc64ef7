#include "auth/dynamic_clients.h"

#include <algorithm>

#include "auth/client_metadata.h"
#include "auth/redirect.h"
#include "auth/staff.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kPutInitial{"auth.put_initial_token", R"sql(
  insert into auth.initial_token (digest, id, uses_left, expires_at, scopes, hosts, operator,
                                  agreement, clients_until, made_at, made_by)
  values ($1, $2, $3::bigint::integer, $4, $5, $6, $7, $8, $9, $10, $11))sql"};
// Spent here: of any number at once, as many find one left as there are.
constexpr store::Query kUseInitial{"auth.use_initial_token", R"sql(
  update auth.initial_token set uses_left = uses_left - 1
   where digest = $1 and uses_left > 0 and expires_at > $2
  returning id, scopes, hosts, operator, agreement, clients_until)sql"};
constexpr store::Query kInitialTokens{"auth.initial_tokens", R"sql(
  select id, scopes, operator, made_by, uses_left, expires_at from auth.initial_token
   where uses_left > 0 and expires_at > $1 order by expires_at limit 200)sql"};
constexpr store::Query kEndInitial{"auth.end_initial_token", R"sql(
  delete from auth.initial_token where id = $1)sql"};
constexpr store::Query kPutDynamic{"auth.put_dynamic_client", R"sql(
  insert into auth.dynamic_client (client_id, digest, token_id, scopes, hosts, made_at)
  values ($1, $2, $3, $4, $5, $6))sql"};
constexpr store::Query kHeld{"auth.held_dynamic_client", R"sql(
  select d.digest, d.scopes, d.hosts, d.made_at
    from auth.dynamic_client d join auth.client c on c.id = d.client_id and c.active
     and (c.agreement_until is null or c.agreement_until > $2)
   where d.client_id = $1 for update of d)sql"};
constexpr store::Query kRollDynamic{"auth.roll_dynamic_client", R"sql(
  update auth.dynamic_client set digest = $3 where client_id = $1 and digest = $2)sql"};
constexpr store::Query kEndDynamic{"auth.end_dynamic_client", R"sql(
  delete from auth.dynamic_client where client_id = $1)sql"};

constexpr std::chrono::hours kTokenLifeMost{30 * 24};
constexpr std::int64_t kUsesMost = 100;
constexpr std::size_t kHostsMost = 20;

OAuthError bad_token() {
  return {"invalid_token", "auth.dynamic.token", 401};
}
OAuthError bad_metadata(std::string_view field, const std::string& key) {
  const bool address = field == "redirect_uris";
  OAuthError out{address ? "invalid_redirect_uri" : "invalid_client_metadata", key};
  out.field = field;
  return out;
}

/// The digest of "Bearer …", when that can be a token of ours.
std::optional<base::Digest> bearer_digest(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() != kScheme.size() + 43) return std::nullopt;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kScheme[i])
      return std::nullopt;
  }
  const auto bytes = base::from_base64url(authorization.substr(kScheme.size()));
  if (!bytes || bytes->size() != 32) return std::nullopt;
  return base::sha256(*bytes);
}

store::Json to_json(const std::vector<std::string>& texts) {
  base::JsonWriter out;
  out.StartArray();
  for (const auto& text : texts) out.string(text);
  out.EndArray();
  return {out.text()};
}

std::vector<std::string> texts_of(std::string_view json) {
  std::vector<std::string> out;
  const auto array = base::parse_json(json);
  if (!array.ok() || !array->IsArray()) return out;
  for (const auto& each : array->GetArray())
    if (each.IsString()) out.emplace_back(each.GetString(), each.GetStringLength());
  return out;
}

bool stands_at(const std::string& uri, const std::vector<std::string>& hosts) {
  const auto host = registrable_host(uri);
  return host && std::find(hosts.begin(), hosts.end(), *host) != hosts.end();
}

bool is_members(const rapidjson::Value& json, std::string_view known) {
  for (const auto& member : json.GetObject())
    if (!has_scope(known, {member.name.GetString(), member.name.GetStringLength()})) return false;
  return true;
}

}  // namespace

/// What a token for registering allows, whoever comes with it.
struct DynamicClients::Bounds {
  std::string scopes, operator_name, agreement;
  std::vector<std::string> hosts;
  std::optional<base::Time> until;
};

/// A registration whose token was shown.
struct DynamicClients::Held {
  RegisteredClient registered;
  base::Digest digest{};
  Bounds bounds;
  base::Time made_at;
};

base::Result<InitialToken> read_initial_token(std::string_view text, base::Time now) {
  BASE_TRY(const auto json, base::parse_json(text, {.bytes = kMetadataMost, .depth = 4}));
  if (!json.IsObject()) return base::error(base::Code::invalid_argument, "json.malformed");
  auto invalid = base::error(base::Code::invalid_argument, "auth.metadata");
  const auto wrong = [&](const char* name, const char* key) {
    invalid.fields.push_back({name, key});
  };
  if (!is_members(json, "uses until scope hosts operator agreement"))
    wrong("uses", "auth.metadata.unknown");
  InitialToken out;
  const auto uses = base::json_int(json, "uses").value_or(1);
  if (uses < 1 || uses > kUsesMost) wrong("uses", "auth.metadata.form");
  out.uses = static_cast<int>(uses);
  const auto until = end_of_day(base::json_text(json, "until"));
  if (!until || *until <= now || *until > now + kTokenLifeMost) wrong("until", "auth.dynamic.life");
  out.scopes = base::json_text(json, "scope");
  if (out.scopes.empty() || !has_all_scopes(kDynamicScopes, out.scopes))
    wrong("scope", "auth.dynamic.scope");
  if (json.HasMember("hosts") && json["hosts"].IsArray())
    for (const auto& each : json["hosts"].GetArray())
      if (each.IsString()) out.hosts.emplace_back(each.GetString(), each.GetStringLength());
  const bool plain = std::all_of(out.hosts.begin(), out.hosts.end(), [](const std::string& host) {
    return registrable_host("https://" + host + "/") == host;
  });
  if (out.hosts.empty() || out.hosts.size() > kHostsMost || !plain)
    wrong("hosts", "auth.dynamic.hosts");
  out.operator_name = base::json_text(json, "operator");
  if (out.operator_name.empty() || out.operator_name.size() > 400)
    wrong("operator", "auth.client.agreement");
  const auto agreement = json.FindMember("agreement");
  if (agreement != json.MemberEnd() && agreement->value.IsObject()) {
    out.agreement = base::json_text(agreement->value, "number");
    const auto end = end_of_day(base::json_text(agreement->value, "until"));
    if (end) out.clients_until = *end;
  }
  if (out.agreement.empty() || out.clients_until <= now)
    wrong("agreement", "auth.client.agreement");
  if (!invalid.fields.empty()) return invalid;
  out.expires_at = *until;
  return out;
}

base::Result<void> put_initial_token(store::Tx& tx, std::string_view id, std::string_view token,
                                     const InitialToken& what, base::Time now,
                                     std::string_view by) {
  const auto secret = base::from_base64url(token);
  if (!secret || secret->size() != 32)
    return base::error(base::Code::invalid_argument, "auth.client.secret");
  BASE_TRY_VOID(tx.run(
      kPutInitial,
      {base::BytesView(base::sha256(*secret)), id, what.uses, what.expires_at, what.scopes,
       to_json(what.hosts), what.operator_name, what.agreement, what.clients_until, now, by}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("uses", what.uses);
  facts.member("scope", what.scopes);
  facts.EndObject();
  return store::audit(
      tx, {now, std::string(by), "initial_token.make", std::string(id), "ok", facts.text()});
}

/// The form, what the token bounds, and what no client of this kind has.
std::variant<NewClient, OAuthError> DynamicClients::judged(std::string_view metadata,
                                                           const Bounds& bounds,
                                                           const ClientId& id) const {
  auto read = read_client_metadata(metadata, UnknownMembers::ignored);
  if (!read.ok()) {
    const auto& fields = read.error().fields;
    return fields.empty() ? bad_metadata("", read.error().key)
                          : bad_metadata(fields[0].field, fields[0].key);
  }
  auto client = std::move(*read);
  if (!client.machine_scopes.empty()) return bad_metadata("machine_scope", "auth.dynamic.never");
  if (!client.resource.empty()) return bad_metadata("resource", "auth.dynamic.never");
  if (!client.sector.empty()) return bad_metadata("sector", "auth.dynamic.never");
  if (!has_all_scopes(kDynamicGrantTypes, client.grant_types))
    return bad_metadata("grant_types", "auth.dynamic.never");
  if (client.scopes.empty()) client.scopes = bounds.scopes;  // RFC 7591 §2
  if (!has_all_scopes(bounds.scopes, client.scopes))
    return bad_metadata("scope", "auth.dynamic.scope");
  if (!has_scope(parts_.id_token_algs, client.id_token_alg))
    return bad_metadata("id_token_signed_response_alg", "auth.client.id_token_alg");
  for (const auto& uri : client.redirect_uris)
    if (!stands_at(uri, bounds.hosts)) return bad_metadata("redirect_uris", "auth.dynamic.host");
  for (const auto& uri : client.post_logout_redirect_uris)
    if (!stands_at(uri, bounds.hosts))
      return bad_metadata("post_logout_redirect_uris", "auth.dynamic.host");
  if (!client.backchannel_logout_uri.empty() &&
      !stands_at(client.backchannel_logout_uri, bounds.hosts))
    return bad_metadata("backchannel_logout_uri", "auth.dynamic.host");
  client.id = id;
  client.kind = "dynamic";
  client.sector = "client:" + id.value();
  client.operator_name = bounds.operator_name;
  client.agreement = bounds.agreement;
  client.agreement_until = bounds.until;
  auto whole = client;
  if (wants_secret(whole)) whole.secret = std::string(43, 'x');
  if (const auto checked = Clients::check(whole); !checked.ok()) {
    const auto& field = checked.error().fields.at(0);
    return bad_metadata(metadata_name(field.field), field.key);
  }
  return client;
}

TokenReply DynamicClients::reply(const NewClient& client, std::string_view registration_token,
                                 base::Time issued, int status) const {
  auto text = client_metadata(client);
  base::JsonWriter more;
  more.StartObject();
  more.member("client_id_issued_at", base::to_unix_s(issued));
  if (!client.secret.empty()) {
    more.member("client_secret", client.secret);
    more.member("client_secret_expires_at",
                client.agreement_until ? base::to_unix_s(*client.agreement_until) : 0);
  }
  more.member("registration_access_token", registration_token);
  more.member("registration_client_uri",
              parts_.issuer + std::string(kRegistrationPath) + "/" + client.id.value());
  more.EndObject();
  text.back() = ',';  // one object of the two
  return TokenReply{text + more.text().substr(1), status};
}

DynamicClients::Answer DynamicClients::add_in(std::string_view authorization,
                                              std::string_view metadata,
                                              base::Result<void>& trouble) {
  const auto now = parts_.clock.now();
  const auto digest = bearer_digest(authorization);
  if (!digest) return bad_token();
  auto tx = parts_.pool.begin();
  if (!tx.ok()) return trouble = tx.error(), bad_token();
  const auto used = tx->run(kUseInitial, {base::BytesView(*digest), now});
  if (!used.ok()) return trouble = used.error(), bad_token();
  if (used->empty()) return bad_token();
  const Bounds bounds{std::string(used->text(0, 1)), std::string(used->text(0, 3)),
                      std::string(used->text(0, 4)), texts_of(used->text(0, 2)), used->time(0, 5)};
  auto read = judged(metadata, bounds, ClientId("dyn-" + base::to_hex(parts_.random.bytes(12))));
  if (auto* refusal = std::get_if<OAuthError>(&read)) return std::move(*refusal);
  auto client = std::get<NewClient>(std::move(read));
  if (wants_secret(client)) client.secret = base::to_base64url(parts_.random.bytes(32));
  const auto registration = parts_.random.bytes(32);
  const auto by = "initial-token:" + std::string(used->text(0, 0));
  const auto deed = [&]() -> base::Result<void> {
    BASE_TRY_VOID(parts_.clients.write(*tx, client, {now, by, "client.register_itself"}));
    BASE_TRY_VOID(
        tx->run(kPutDynamic, {client.id.value(), base::BytesView(base::sha256(registration)),
                              used->text(0, 0), bounds.scopes, to_json(bounds.hosts), now}));
    return tx->commit();
  };
  trouble = deed();
  return reply(client, base::to_base64url(registration), now, 201);
}

DynamicClients::Answer DynamicClients::add(std::string_view authorization,
                                           std::string_view metadata) {
  base::Result<void> trouble;
  auto out = add_in(authorization, metadata, trouble);
  if (!trouble.ok()) return oauth_trouble(trouble.error());
  return out;
}

base::Result<std::optional<DynamicClients::Held>> DynamicClients::held(
    store::Tx& tx, std::string_view id, std::string_view authorization) {
  const auto digest = bearer_digest(authorization);
  if (!digest || id.size() > 64) return std::optional<Held>();
  BASE_TRY(const auto rows, tx.run(kHeld, {id, parts_.clock.now()}));
  if (rows.empty() || !base::constant_time_equal(*digest, rows.bytes(0, 0)))
    return std::optional<Held>();
  BASE_TRY(auto registered, parts_.clients.lock(tx, id));
  if (!registered) return std::optional<Held>();
  const auto& client = registered->client;
  Bounds bounds{std::string(rows.text(0, 1)), client.operator_name, client.agreement,
                texts_of(rows.text(0, 2)), client.agreement_until};
  return std::optional<Held>(
      Held{std::move(*registered), *digest, std::move(bounds), rows.time(0, 3)});
}

DynamicClients::Answer DynamicClients::read(std::string_view id, std::string_view authorization) {
  auto tx = parts_.pool.begin();
  if (!tx.ok()) return oauth_trouble(tx.error());
  const auto found = held(*tx, id, authorization);
  if (!found.ok()) return oauth_trouble(found.error());
  if (!*found) return bad_token();
  // The token that was shown is the one there is (RFC 7592 §3); the secret is not known here.
  return reply((*found)->registered.client, authorization.substr(7), (*found)->made_at, 200);
}

DynamicClients::Answer DynamicClients::update_in(std::string_view id,
                                                 std::string_view authorization,
                                                 std::string_view metadata,
                                                 base::Result<void>& trouble) {
  const auto now = parts_.clock.now();
  auto tx = parts_.pool.begin();
  if (!tx.ok()) return trouble = tx.error(), bad_token();
  const auto found = held(*tx, id, authorization);
  if (!found.ok()) return trouble = found.error(), bad_token();
  if (!*found) return bad_token();
  const auto& before = (*found)->registered;
  // RFC 7592 §2.2: it names itself, and nothing that only we say.
  const auto json = base::parse_json(metadata, {.bytes = kMetadataMost, .depth = 6});
  if (!json.ok() || !json->IsObject()) return bad_metadata("", "json.malformed");
  if (base::json_text(*json, "client_id") != id)
    return bad_metadata("client_id", "auth.dynamic.itself");
  for (const auto* ours : {"registration_access_token", "registration_client_uri",
                           "client_secret_expires_at", "client_id_issued_at", "client_secret"})
    if (json->HasMember(ours)) return bad_metadata(ours, "auth.dynamic.ours");
  auto read = judged(metadata, (*found)->bounds, before.client.id);
  if (auto* refusal = std::get_if<OAuthError>(&read)) return std::move(*refusal);
  auto client = std::get<NewClient>(std::move(read));
  ClientDeed deed{now, id, "client.register_itself"};
  const auto by = "client:" + std::string(id);
  deed.by = by;
  deed.keep_secret = before.has_secret && wants_secret(client);
  const bool makes = wants_secret(client) && !deed.keep_secret;
  if (wants_secret(client))
    client.secret = makes ? base::to_base64url(parts_.random.bytes(32)) : std::string(43, 'x');
  const auto registration = parts_.random.bytes(32);
  const auto done = [&]() -> base::Result<void> {
    BASE_TRY_VOID(parts_.clients.write(*tx, client, deed));
    BASE_TRY(const auto rolled,
             tx->run(kRollDynamic, {id, base::BytesView((*found)->digest),
                                    base::BytesView(base::sha256(registration))}));
    base::check(rolled.affected() == 1, "the row is locked since it was read");
    return tx->commit();
  };
  trouble = done();
  if (!makes) client.secret.clear();
  return reply(client, base::to_base64url(registration), (*found)->made_at, 200);
}

DynamicClients::Answer DynamicClients::update(std::string_view id, std::string_view authorization,
                                              std::string_view metadata) {
  base::Result<void> trouble;
  auto out = update_in(id, authorization, metadata, trouble);
  if (!trouble.ok()) return oauth_trouble(trouble.error());
  return out;
}

DynamicClients::Answer DynamicClients::remove(std::string_view id, std::string_view authorization) {
  auto tx = parts_.pool.begin();
  if (!tx.ok()) return oauth_trouble(tx.error());
  const auto found = held(*tx, id, authorization);
  if (!found.ok()) return oauth_trouble(found.error());
  if (!*found) return bad_token();
  const auto by = "client:" + std::string(id);
  ClientDeed deed{parts_.clock.now(), by, "client.remove_itself"};
  deed.active = false;
  const auto done = [&]() -> base::Result<void> {
    BASE_TRY_VOID(parts_.clients.switch_to(*tx, (*found)->registered.client, deed));
    BASE_TRY_VOID(tx->run(kEndDynamic, {id}));
    return tx->commit();
  }();
  if (!done.ok()) return oauth_trouble(done.error());
  return TokenReply{"", 204};
}

base::Result<std::vector<InitialTokenRow>> DynamicClients::tokens() {
  BASE_TRY(const auto rows, parts_.pool.run(kInitialTokens, {parts_.clock.now()}));
  std::vector<InitialTokenRow> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({std::string(rows.text(i, 0)), std::string(rows.text(i, 1)),
                   std::string(rows.text(i, 2)), std::string(rows.text(i, 3)), rows.integer(i, 4),
                   rows.time(i, 5)});
  return out;
}

base::Result<void> DynamicClients::revoke_token(std::string_view id, const SubjectId& staff) {
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(staff_alone(tx, staff, parts_.clock.now()));
  BASE_TRY(const auto ended, tx.run(kEndInitial, {id}));
  if (ended.affected() == 0)
    return base::error(base::Code::not_found, "auth.dynamic.token_unknown");
  BASE_TRY_VOID(store::audit(
      tx, {parts_.clock.now(), staff.value(), "initial_token.revoke", std::string(id), "ok"}));
  return tx.commit();
}

}  // namespace auth
