#include "auth/portals.h"

#include "auth/client_metadata.h"
#include "auth/dynamic_clients.h"
#include "auth/staff.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kAskPortal{"auth.ask_portal", R"sql(
  insert into auth.portal_request (id, client_id, kind, proposal, revision, approvals, asked_at,
                                   asked_by, expires_at, standing)
  values ($1, $2, $3, $4, $5, 2, $6, $7, $8, 'open'))sql"};
// One that has run out makes room for the next.
constexpr store::Query kExpirePortal{"auth.expire_portal_request", R"sql(
  update auth.portal_request set standing = 'withdrawn', ended_at = $2
   where client_id = $1 and standing = 'open' and expires_at <= $2)sql"};
constexpr store::Query kOpenPortals{"auth.open_portal_requests", R"sql(
  select id, client_id, kind, proposal, revision, approvals, asked_at, asked_by, expires_at,
         standing, reason,
         (select count(*) from auth.portal_approval a where a.request_id = r.id)
    from auth.portal_request r
   where standing = 'open' and expires_at > $1 order by asked_at limit 200)sql"};
constexpr store::Query kOpenPortal{"auth.open_portal_request", R"sql(
  select id, client_id, kind, proposal, revision, approvals, asked_at, asked_by, expires_at,
         standing, reason,
         (select count(*) from auth.portal_approval a where a.request_id = r.id)
    from auth.portal_request r where id = $1 and standing = 'open' and expires_at > $2)sql"};
// Locked: two approvals at once are counted one after the other.
constexpr store::Query kTakePortal{"auth.take_portal_request", R"sql(
  select id, client_id, kind, proposal, revision, approvals, asked_at, asked_by, expires_at,
         standing, reason, 0::bigint
    from auth.portal_request
   where id = $1 and standing = 'open' and expires_at > $2 for update)sql"};
constexpr store::Query kEndPortal{"auth.end_portal_request", R"sql(
  update auth.portal_request set standing = $2, ended_at = $3, reason = $4 where id = $1)sql"};
constexpr store::Query kApprovePortal{"auth.approve_portal_request", R"sql(
  insert into auth.portal_approval (request_id, staff, at) values ($1, $2, $3)
  on conflict do nothing)sql"};
// Asked once the request is locked: what the locking statement itself counts may be stale.
constexpr store::Query kPortalApprovals{"auth.count_portal_approvals", R"sql(
  select count(*) from auth.portal_approval where request_id = $1)sql"};
constexpr store::Query kSecretOf{"auth.secret_digest_of", R"sql(
  select secret_digest from auth.client where id = $1)sql"};
constexpr store::Query kClientSteps{"auth.client_steps", R"sql(
  select at, by, act, reason, registration from auth.client_history
   where client_id = $1 order by id desc limit 100)sql"};

base::Error refuse_with(base::Code code, const char* key) {
  return base::error(code, key);
}

PortalRequest request_from(const store::Rows& rows, std::size_t row) {
  PortalRequest out;
  out.id = rows.text(row, 0);
  out.client = ClientId(std::string(rows.text(row, 1)));
  out.kind = rows.text(row, 2);
  out.proposal = rows.text(row, 3);
  out.revision = rows.integer(row, 4);
  out.approvals_needed = static_cast<int>(rows.integer(row, 5));
  out.asked_at = rows.time(row, 6);
  out.asked_by = rows.text(row, 7);
  out.expires_at = rows.time(row, 8);
  out.standing = rows.text(row, 9);
  if (!rows.is_null(row, 10)) out.reason = rows.text(row, 10);
  out.approvals = static_cast<int>(rows.integer(row, 11));
  return out;
}

/// With a secret that fits the form where one is to be made: what is judged is the rest.
NewClient with_placeholder(NewClient client) {
  if (wants_secret(client)) client.secret = std::string(43, 'x');
  return client;
}

bool same_json(std::string_view one, std::string_view other) {
  const auto a = base::parse_json(one), b = base::parse_json(other);
  return a.ok() && b.ok() && *a == *b;
}

/// By the names that the proposal has.
base::Error by_metadata_names(base::Error failure) {
  for (auto& each : failure.fields) each.field = metadata_name(each.field);
  return failure;
}

/// `texts`: all that the proposal says.
std::optional<NamedProposal> named(const SubjectId& by, std::string_view key,
                                   std::initializer_list<std::string_view> texts) {
  std::string all;
  for (const auto text : texts) all += std::to_string(text.size()) + ":" + std::string(text);
  return named_proposal(by, key, base::sha256(base::as_bytes(all)));
}

base::Result<NewClient> read_proposal(std::string_view metadata) {
  BASE_TRY(auto client, read_client_metadata(metadata, UnknownMembers::refused));
  if (client.kind == "dynamic") {  // those make themselves
    auto invalid = refuse_with(base::Code::invalid_argument, "auth.client_invalid");
    invalid.fields.push_back({"kind", "auth.client.kind"});
    return invalid;
  }
  return client;
}

}  // namespace

std::string_view to_text(ClientStanding standing) {
  switch (standing) {
    case ClientStanding::in_force:
      return "in force";
    case ClientStanding::ends_soon:
      return "ends soon";
    case ClientStanding::ended:
      return "ended";
    case ClientStanding::stopped:
      return "stopped";
  }
  return {};
}

ClientStanding client_standing(const RegisteredClient& client, base::Time now, int soon_days) {
  if (!client.active) return ClientStanding::stopped;
  const auto& until = client.client.agreement_until;
  if (!until) return ClientStanding::in_force;
  if (*until <= now) return ClientStanding::ended;
  return *until <= now + std::chrono::hours(24) * soon_days ? ClientStanding::ends_soon
                                                            : ClientStanding::in_force;
}

base::Result<RegisteredClient> Portals::there(store::Tx& tx, std::string_view client) {
  BASE_TRY(auto found, parts_.clients.lock(tx, client));
  if (!found) return refuse_with(base::Code::not_found, "auth.portal.unknown");
  return std::move(*found);
}

/// What is put down of a proposal.
struct Portals::Asked {
  std::string_view client, kind;
  std::string proposal;
  std::int64_t revision = 0;
  const SubjectId& by;
  const std::optional<NamedProposal>& named;
};

base::Result<std::string> Portals::ask(store::Tx& tx, const Asked& asked) {
  const auto now = parts_.clock.now();
  const auto& by = asked.by;
  BASE_TRY_VOID(staff_alone(tx, by, now));
  const auto id = base::to_hex(parts_.random.bytes(16));
  BASE_TRY_VOID(tx.run(kExpirePortal, {asked.client, now}));
  auto put = tx.run(kAskPortal, {id, asked.client, asked.kind, store::Json{asked.proposal},
                                 asked.revision, now, by.value(), now + parts_.life});
  if (!put.ok() && store::is_violation(put.error(), "portal_request_one_open"))
    return refuse_with(base::Code::conflict, "auth.portal.open");
  BASE_TRY_VOID(std::move(put));
  BASE_TRY_VOID(put_proposal(tx, asked.named, id, now));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("kind", asked.kind);
  facts.member("request", id);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx, {now, by.value(), "portal.propose", std::string(asked.client), "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  return id;
}

base::Result<std::string> Portals::propose(std::string_view metadata, const SubjectId& by,
                                           std::string_view key) {
  BASE_TRY(auto client, read_proposal(metadata));
  const auto name = named(by, key, {"register", metadata});
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto earlier, find_proposal(tx, name));
  if (earlier) return *earlier;
  BASE_TRY(const auto before, parts_.clients.lock(tx, client.id.value()));
  // A change does not move people's pairwise ids by the way: only by name.
  if (before && client.sector.empty()) client.sector = before->client.sector;
  auto sector = Clients::check(with_placeholder(client));
  if (!sector.ok()) return by_metadata_names(std::move(sector).error());
  client.sector = *sector;
  const auto proposal = client_metadata(client);
  if (before && same_json(proposal, client_metadata(before->client)))
    return refuse_with(base::Code::conflict, "auth.portal.same");
  return ask(tx, {client.id.value(), before ? "change" : "register", proposal,
                  before ? before->revision : 0, by, name});
}

base::Result<std::string> Portals::propose_resume(std::string_view client, const SubjectId& by,
                                                  std::string_view key) {
  const auto name = named(by, key, {"resume", client});
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto earlier, find_proposal(tx, name));
  if (earlier) return *earlier;
  BASE_TRY(const auto before, there(tx, client));
  if (before.active) return refuse_with(base::Code::conflict, "auth.portal.active");
  return ask(tx, {client, "resume", "{}", before.revision, by, name});
}

base::Result<std::string> Portals::propose_renewal(std::string_view client, std::string_view number,
                                                   std::string_view until, const SubjectId& by,
                                                   std::string_view key) {
  const auto name = named(by, key, {"renew", client, number, until});
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto earlier, find_proposal(tx, name));
  if (earlier) return *earlier;
  BASE_TRY(auto before, there(tx, client));
  const auto end = end_of_day(until);
  if (!end || *end <= parts_.clock.now())
    return refuse_with(base::Code::invalid_argument, "auth.metadata.date");
  auto& after = before.client;
  after.agreement_until = *end;
  if (!number.empty()) after.agreement = number;
  const auto judged = Clients::check(with_placeholder(after));
  if (!judged.ok()) return by_metadata_names(judged.error());
  return ask(tx, {client, "renew", client_metadata(after), before.revision, by, name});
}

base::Result<std::string> Portals::propose_secret(std::string_view client,
                                                  std::chrono::seconds overlap, const SubjectId& by,
                                                  std::string_view key) {
  if (overlap < std::chrono::seconds(0) || overlap > kOverlapMost)
    return refuse_with(base::Code::invalid_argument, "auth.portal.overlap");
  const auto name = named(by, key, {"rotate_secret", client, std::to_string(overlap.count())});
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto earlier, find_proposal(tx, name));
  if (earlier) return *earlier;
  BASE_TRY(const auto before, there(tx, client));
  if (!wants_secret(before.client))
    return refuse_with(base::Code::conflict, "auth.portal.no_secret");
  base::JsonWriter proposal;
  proposal.StartObject();
  proposal.member("overlap_s", static_cast<std::int64_t>(overlap.count()));
  proposal.EndObject();
  return ask(tx, {client, "rotate_secret", proposal.text(), before.revision, by, name});
}

base::Result<std::string> Portals::propose_token(std::string_view token, const SubjectId& by,
                                                 std::string_view key) {
  BASE_TRY_VOID(read_initial_token(token, parts_.clock.now()));
  const auto name = named(by, key, {"initial_token", token});
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto earlier, find_proposal(tx, name));
  if (earlier) return *earlier;
  const auto id = "token-" + base::to_hex(parts_.random.bytes(6));
  return ask(tx, {id, "initial_token", std::string(token), 0, by, name});
}

base::Result<PortalRequest> Portals::take(store::Tx& tx, std::string_view request,
                                          const SubjectId& staff) {
  BASE_TRY_VOID(staff_alone(tx, staff, parts_.clock.now()));
  BASE_TRY(const auto rows, tx.run(kTakePortal, {request, parts_.clock.now()}));
  if (rows.empty()) return refuse_with(base::Code::not_found, "auth.portal.request_unknown");
  return request_from(rows, 0);
}

base::Result<Portals::Outcome> Portals::approve(std::string_view request, const SubjectId& staff,
                                                std::string_view fresh_secret,
                                                std::string_view why) {
  const auto now = parts_.clock.now();
  if (!why.empty()) BASE_TRY_VOID(reason_given(why));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto taken, take(tx, request, staff));
  if (taken.asked_by == staff.value())
    return refuse_with(base::Code::permission_denied, "auth.staff.own");
  BASE_TRY(const auto put, tx.run(kApprovePortal, {request, staff.value(), now}));
  if (put.affected() == 0) return refuse_with(base::Code::conflict, "auth.staff.twice");
  BASE_TRY(const auto counted, tx.run(kPortalApprovals, {request}));
  const bool last = counted.integer(0, 0) >= taken.approvals_needed;
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("kind", taken.kind);
  facts.member("request", taken.id);
  facts.member("approvals", counted.integer(0, 0));
  if (!why.empty()) facts.member("reason", why);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx, {now, staff.value(), "portal.approve", taken.client.value(), "ok", facts.text()}));
  auto outcome = Outcome::waiting;
  if (last) {
    BASE_TRY(const bool used, perform(tx, taken, staff, fresh_secret));
    BASE_TRY_VOID(tx.run(kEndPortal, {request, "done", now, std::nullopt}));
    outcome = used ? Outcome::done_with_secret : Outcome::done;
  }
  BASE_TRY_VOID(tx.commit());
  return outcome;
}

base::Result<bool> Portals::put_registration(store::Tx& tx, const PortalRequest& request,
                                             const ClientDeed& deed,
                                             std::string_view fresh_secret) {
  BASE_TRY(auto client, read_client_metadata(request.proposal, UnknownMembers::refused));
  BASE_TRY(const auto before, parts_.clients.lock(tx, request.client.value()));
  if ((before ? before->revision : 0) != request.revision)
    return refuse_with(base::Code::conflict, "auth.portal.changed");
  auto how = deed;
  how.active = !before || before->active;
  how.keep_secret = before && before->has_secret && wants_secret(client);
  const bool makes = wants_secret(client) && !how.keep_secret;
  client.secret = makes                  ? std::string(fresh_secret)
                  : wants_secret(client) ? std::string(43, 'x')  // judged, not written
                                         : std::string();
  auto written = parts_.clients.write(tx, client, how);
  if (!written.ok()) return by_metadata_names(std::move(written).error());
  return makes;
}

base::Result<bool> Portals::perform(store::Tx& tx, const PortalRequest& request,
                                    const SubjectId& staff, std::string_view fresh_secret) {
  ClientDeed deed{parts_.clock.now(), staff.value(), "client.register", request.id};
  if (request.kind == "initial_token") {
    BASE_TRY(const auto what, read_initial_token(request.proposal, deed.at));
    BASE_TRY_VOID(
        put_initial_token(tx, request.client.value(), fresh_secret, what, deed.at, staff.value()));
    return true;
  }
  if (request.kind == "renew") deed.act = "client.renew";
  if (request.kind == "register" || request.kind == "change" || request.kind == "renew")
    return put_registration(tx, request, deed, fresh_secret);
  BASE_TRY(auto before, there(tx, request.client.value()));
  if (before.revision != request.revision)
    return refuse_with(base::Code::conflict, "auth.portal.changed");
  if (request.kind == "resume") {
    deed.act = "client.resume";
    BASE_TRY(const bool done, parts_.clients.switch_to(tx, before.client, deed));
    if (!done) return refuse_with(base::Code::conflict, "auth.portal.active");
    return false;
  }
  deed.act = "client.rotate_secret";
  deed.active = before.active;
  before.client.secret = fresh_secret;
  // What was proposed before there was an overlap has none.
  BASE_TRY(const auto proposal, base::parse_json(request.proposal));
  if (const auto overlap_s = base::json_int(proposal, "overlap_s").value_or(0); overlap_s > 0)
    deed.old_secret_until = deed.at + std::chrono::seconds(overlap_s);
  BASE_TRY_VOID(parts_.clients.write(tx, before.client, deed));
  return true;
}

base::Result<void> Portals::refuse(std::string_view request, const SubjectId& staff,
                                   std::string_view reason) {
  BASE_TRY_VOID(reason_given(reason));
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto taken, take(tx, request, staff));
  const bool own = taken.asked_by == staff.value();
  BASE_TRY_VOID(tx.run(kEndPortal, {request, own ? "withdrawn" : "refused", now, reason}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("kind", taken.kind);
  facts.member("request", taken.id);
  facts.member("reason", reason);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx, {now, staff.value(), "portal.refuse", taken.client.value(), "ok", facts.text()}));
  return tx.commit();
}

base::Result<void> Portals::suspend(std::string_view client, const SubjectId& staff,
                                    std::string_view reason) {
  BASE_TRY_VOID(reason_given(reason));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(staff_alone(tx, staff, parts_.clock.now()));
  BASE_TRY(const auto before, there(tx, client));
  ClientDeed deed{parts_.clock.now(), staff.value(), "client.suspend"};
  deed.reason = reason;
  deed.active = false;
  BASE_TRY(const bool done, parts_.clients.switch_to(tx, before.client, deed));
  if (!done) return refuse_with(base::Code::conflict, "auth.portal.stopped");
  return tx.commit();
}

base::Result<void> Portals::end_old_secret(std::string_view client, const SubjectId& staff,
                                           std::string_view reason) {
  BASE_TRY_VOID(reason_given(reason));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(staff_alone(tx, staff, parts_.clock.now()));
  BASE_TRY(const auto before, there(tx, client));
  ClientDeed deed{parts_.clock.now(), staff.value(), "client.end_old_secret"};
  deed.reason = reason;
  BASE_TRY(const bool done, parts_.clients.end_old_secret(tx, before.client, deed));
  if (!done) return refuse_with(base::Code::conflict, "auth.portal.one_secret");
  return tx.commit();
}

base::Result<std::optional<PortalRequest>> Portals::find_open(std::string_view request) {
  BASE_TRY(const auto rows, parts_.pool.run(kOpenPortal, {request, parts_.clock.now()}));
  if (rows.empty()) return std::optional<PortalRequest>();
  return std::optional(request_from(rows, 0));
}

base::Result<std::vector<PortalRequest>> Portals::open() {
  BASE_TRY(const auto rows, parts_.pool.run(kOpenPortals, {parts_.clock.now()}));
  std::vector<PortalRequest> out;
  for (std::size_t i = 0; i < rows.size(); ++i) out.push_back(request_from(rows, i));
  return out;
}

base::Result<RegisteredClient> Portals::show(std::string_view client) {
  BASE_TRY(auto tx, parts_.pool.begin());
  return there(tx, client);
}

base::Result<bool> Portals::has_secret(std::string_view client, std::string_view secret) {
  BASE_TRY(const auto rows, parts_.pool.run(kSecretOf, {client}));
  if (rows.empty()) return refuse_with(base::Code::not_found, "auth.portal.unknown");
  return !rows.is_null(0, 0) &&
         base::constant_time_equal(base::sha256(base::as_bytes(secret)), rows.bytes(0, 0));
}

base::Result<std::vector<ClientStep>> Portals::history(std::string_view client) {
  BASE_TRY(const auto rows, parts_.pool.run(kClientSteps, {client}));
  std::vector<ClientStep> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({rows.time(i, 0), std::string(rows.text(i, 1)), std::string(rows.text(i, 2)),
                   rows.is_null(i, 3) ? std::string() : std::string(rows.text(i, 3)),
                   std::string(rows.text(i, 4))});
  return out;
}

}  // namespace auth
