#include "seal/seals.h"

#include <array>

#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace seal {
namespace {

using base::Code;
using base::error;

constexpr std::size_t kMostReason = 1000;  // bytes

// jsonb does not keep the spelling; read_seal_spec and to_json give it back.
constexpr store::Query kFindSeal{"seal.find_seal", R"sql(
  select spec::text, state, since, made_at, coalesce(svg, ''), coalesce(object, ''::bytea)
    from seal.seal where id = $1)sql"};
constexpr store::Query kLockSeal{"seal.lock_seal", R"sql(
  select spec::text, state, since, made_at, coalesce(svg, ''), coalesce(object, ''::bytea)
    from seal.seal where id = $1 for update)sql"};
constexpr store::Query kAllSeals{"seal.all_seals", R"sql(
  select spec::text, state, since, made_at, coalesce(svg, ''), coalesce(object, ''::bytea)
    from seal.seal order by id limit 1000)sql"};
constexpr store::Query kInsertSeal{"seal.insert_seal", R"sql(
  insert into seal.seal (id, spec, state, since) values ($1, $2, 'approved', $3))sql"};
constexpr store::Query kMoveSeal{"seal.move_seal", R"sql(
  update seal.seal set state = $2, since = $3 where id = $1)sql"};
constexpr store::Query kMakeSeal{"seal.make_seal", R"sql(
  update seal.seal set svg = $2, object = $3, made_at = $4 where id = $1)sql"};
constexpr store::Query kPolicySeal{"seal.policy_seal", R"sql(
  update seal.seal set spec = spec || jsonb_build_object('policy', $2::jsonb) where id = $1)sql"};
constexpr store::Query kStep{"seal.seal_step", R"sql(
  insert into seal.seal_event (seal, at, act, by, reason, request, state)
  values ($1, $2, $3, $4, $5, $6, $7))sql"};
constexpr store::Query kSteps{"seal.seal_steps", R"sql(
  select at, act, by, reason, state from seal.seal_event where seal = $1 order by id limit 500)sql"};

constexpr store::Query kAsk{"seal.ask", R"sql(
  insert into seal.seal_request (id, seal, act, proposal, reason, asked_at, asked_by, expires_at,
                                 standing)
  values ($1, $2, $3, $4, $5, $6, $7, $8, 'open'))sql"};
// One that has run out makes room for the next.
constexpr store::Query kExpire{"seal.expire_request", R"sql(
  update seal.seal_request set standing = 'withdrawn', ended_at = $2
   where seal = $1 and standing = 'open' and expires_at <= $2)sql"};
constexpr store::Query kOpenRequests{"seal.open_requests", R"sql(
  select id, seal, act, proposal::text, reason, asked_by, asked_at, expires_at,
         (select count(*) from seal.seal_approval a where a.request = r.id)
    from seal.seal_request r where standing = 'open' and expires_at > $1
   order by asked_at, id limit 200)sql"};
constexpr store::Query kOpenRequest{"seal.open_request", R"sql(
  select id, seal, act, proposal::text, reason, asked_by, asked_at, expires_at,
         (select count(*) from seal.seal_approval a where a.request = r.id)
    from seal.seal_request r where id = $1 and standing = 'open' and expires_at > $2)sql"};
// Locked: two approvals at once are counted one after the other.
constexpr store::Query kTakeRequest{"seal.take_request", R"sql(
  select id, seal, act, proposal::text, reason, asked_by, asked_at, expires_at, 0::bigint
    from seal.seal_request where id = $1 and standing = 'open' and expires_at > $2 for update)sql"};
constexpr store::Query kEndRequest{"seal.end_request", R"sql(
  update seal.seal_request set standing = $2, ended_at = $3, answer = $4 where id = $1)sql"};
constexpr store::Query kApprove{"seal.approve", R"sql(
  insert into seal.seal_approval (request, by, at) values ($1, $2, $3) on conflict do nothing)sql"};
// Asked once the request is locked: what the locking statement itself counts may be stale.
constexpr store::Query kApprovals{"seal.approvals", R"sql(
  select count(*) from seal.seal_approval where request = $1)sql"};

constexpr std::array<std::pair<SealState, std::string_view>, 5> kStates{
    {{SealState::approved, "approved"},
     {SealState::active, "active"},
     {SealState::suspended, "suspended"},
     {SealState::revoked, "revoked"},
     {SealState::destroyed, "destroyed"}}};

SealState state_from(std::string_view text) {
  for (const auto& [state, name] : kStates)
    if (name == text) return state;
  base::fail("a stored seal's state has no meaning: " + std::string(text));
}

Seal seal_from(const store::Rows& rows, std::size_t row) {
  Seal out;
  auto spec = read_seal_spec(rows.text(row, 0));
  base::check(spec.ok(), "a stored seal's spec cannot be read");
  out.spec = std::move(*spec);
  out.state = state_from(rows.text(row, 1));
  out.since = rows.time(row, 2);
  if (!rows.is_null(row, 3)) out.made_at = rows.time(row, 3);
  out.svg = rows.text(row, 4);
  out.object = base::to_bytes(rows.bytes(row, 5));
  return out;
}

SealRequest request_from(const store::Rows& rows, std::size_t row) {
  SealRequest out;
  out.id = rows.text(row, 0);
  out.seal = rows.text(row, 1);
  out.act = rows.text(row, 2);
  out.proposal = rows.text(row, 3);
  out.reason = rows.text(row, 4);
  out.asked_by = rows.text(row, 5);
  out.asked_at = rows.time(row, 6);
  out.expires_at = rows.time(row, 7);
  out.approvals = static_cast<int>(rows.integer(row, 8));
  return out;
}

base::Error wrong_state(const Seal& seal) {
  auto failure = error(Code::conflict, "seal.state", seal.spec.id);
  failure.args = {{"state", std::string(to_string(seal.state))}};
  return failure;
}

base::Result<void> check_reason(std::string_view reason) {
  if (reason.find_first_not_of(" \t\r\n") == std::string_view::npos || reason.size() > kMostReason)
    return error(Code::invalid_argument, "seal.reason");
  return {};
}

std::string_view act_of(Seals::Ask what) {
  switch (what) {
    case Seals::Ask::resume:
      return "resume";
    case Seals::Ask::revoke:
      return "revoke";
    case Seals::Ask::destroy:
      return "destroy";
  }
  base::fail("unknown Ask");
}

/// Whether the act may follow on how the seal stands.
bool follows(std::string_view act, SealState state) {
  if (act == "resume") return state == SealState::suspended;
  if (act == "destroy") return state == SealState::revoked;
  return state != SealState::revoked && state != SealState::destroyed;  // revoke, policy
}

}  // namespace

std::string_view to_string(SealState state) {
  for (const auto& [one, name] : kStates)
    if (one == state) return name;
  base::fail("unknown SealState");
}

base::Result<Seal> Seals::locked(store::Tx& tx, std::string_view seal) {
  BASE_TRY(const auto rows, tx.run(kLockSeal, {seal}));
  if (rows.empty()) return error(Code::not_found, "seal.unknown");
  return seal_from(rows, 0);
}

base::Result<void> Seals::step(store::Tx& tx, const Seal& seal, SealState to, std::string_view act,
                               std::string_view by, std::string_view reason,
                               std::string_view request) {
  const auto now = parts_.clock.now();
  if (to != seal.state) tx.put(kMoveSeal, {seal.spec.id, to_string(to), now});
  tx.put(kStep,
         {seal.spec.id, now, act, by, reason,
          request.empty() ? store::Param(std::nullopt) : store::Param(request), to_string(to)});
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("state", to_string(to));
  if (!request.empty()) facts.member("request", request);
  if (!reason.empty()) facts.member("reason", reason);
  facts.EndObject();
  return store::audit(
      tx, {now, std::string(by), "seal." + std::string(act), seal.spec.id, "ok", facts.text()});
}

base::Result<std::string> Seals::ask_in(store::Tx& tx, std::string_view seal, std::string_view act,
                                        const std::string& proposal, std::string_view reason,
                                        std::string_view by) {
  const auto now = parts_.clock.now();
  const auto id = base::to_hex(parts_.random.bytes(16));
  tx.put(kExpire, {seal, now});
  auto put =
      tx.run(kAsk, {id, seal, act, store::Json{proposal}, reason, now, by, now + parts_.life});
  if (!put.ok() && store::is_violation(put.error(), "seal_request_one_open"))
    return error(Code::conflict, "seal.request_open");
  BASE_TRY_VOID(std::move(put));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("act", act);
  facts.member("request", id);
  if (!reason.empty()) facts.member("reason", reason);
  facts.EndObject();
  BASE_TRY_VOID(
      store::audit(tx, {now, std::string(by), "seal.ask", std::string(seal), "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  return id;
}

base::Result<std::string> Seals::apply(std::string_view spec_json, const auth::SubjectId& by) {
  BASE_TRY(const auto spec, read_seal_spec(spec_json));
  if (spec.valid_until <= parts_.clock.now()) {
    auto invalid = error(Code::invalid_argument, "seal.spec");
    invalid.fields.push_back({"/valid/until", "seal.spec.day"});
    return invalid;
  }
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto there, tx.run(kLockSeal, {spec.id}));
  if (!there.empty()) return error(Code::conflict, "seal.exists", spec.id);
  return ask_in(tx, spec.id, "apply", to_json(spec), {}, by.value());
}

base::Result<std::string> Seals::ask_policy(std::string_view seal, std::string_view policy_json,
                                            std::string_view reason, const auth::SubjectId& by) {
  BASE_TRY(const auto policy, read_seal_policy(policy_json));
  BASE_TRY_VOID(check_reason(reason));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto now, locked(tx, seal));
  if (!follows("policy", now.state)) return wrong_state(now);
  return ask_in(tx, seal, "policy", to_json(policy), reason, by.value());
}

base::Result<std::string> Seals::ask(Ask what, std::string_view seal, std::string_view reason,
                                     const auth::SubjectId& by) {
  BASE_TRY_VOID(check_reason(reason));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto now, locked(tx, seal));
  if (!follows(act_of(what), now.state)) return wrong_state(now);
  return ask_in(tx, seal, act_of(what), "{}", reason, by.value());
}

base::Result<SealRequest> Seals::taken(store::Tx& tx, std::string_view request) {
  BASE_TRY(const auto rows, tx.run(kTakeRequest, {request, parts_.clock.now()}));
  if (rows.empty()) return error(Code::not_found, "seal.request_unknown");
  return request_from(rows, 0);
}

/// The deed itself, as things stand now: meanwhile the seal may have gone another way.
base::Result<void> Seals::perform(store::Tx& tx, const SealRequest& request, std::string_view by) {
  if (request.act == "apply") {
    Seal fresh;
    BASE_TRY(fresh.spec, read_seal_spec(request.proposal));
    auto put =
        tx.run(kInsertSeal, {request.seal, store::Json{to_json(fresh.spec)}, parts_.clock.now()});
    if (!put.ok() && store::is_violation(put.error(), "seal_pkey"))
      return error(Code::conflict, "seal.exists", request.seal);
    BASE_TRY_VOID(std::move(put));
    return step(tx, fresh, SealState::approved, "apply", by, {}, request.id);
  }
  BASE_TRY(const auto seal, locked(tx, request.seal));
  if (!follows(request.act, seal.state)) return wrong_state(seal);
  auto to = seal.state;
  if (request.act == "policy")
    tx.put(kPolicySeal, {request.seal, store::Json{request.proposal}});
  else if (request.act == "resume")
    to = SealState::active;
  else if (request.act == "revoke")
    to = SealState::revoked;
  else
    to = SealState::destroyed;
  return step(tx, seal, to, request.act, by, request.reason, request.id);
}

base::Result<Seals::Outcome> Seals::approve(std::string_view request, const auth::SubjectId& by) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto wanted, taken(tx, request));
  if (wanted.asked_by == by.value()) return error(Code::permission_denied, "seal.own_request");
  BASE_TRY(const auto put, tx.run(kApprove, {request, by.value(), now}));
  if (put.affected() == 0) return error(Code::conflict, "seal.approved_already");
  BASE_TRY(const auto counted, tx.run(kApprovals, {request}));
  const bool last = counted.integer(0, 0) >= kSealApprovals;
  if (last) {
    BASE_TRY_VOID(perform(tx, wanted, by.value()));
    tx.put(kEndRequest, {request, "done", now, ""});
  }
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("act", wanted.act);
  facts.member("request", wanted.id);
  facts.member("approvals", counted.integer(0, 0));
  facts.EndObject();
  BASE_TRY_VOID(
      store::audit(tx, {now, by.value(), "seal.approve", wanted.seal, "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  return last ? Outcome::done : Outcome::waiting;
}

base::Result<void> Seals::refuse(std::string_view request, std::string_view reason,
                                 const auth::SubjectId& by) {
  BASE_TRY_VOID(check_reason(reason));
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto wanted, taken(tx, request));
  const bool own = wanted.asked_by == by.value();
  tx.put(kEndRequest, {request, own ? "withdrawn" : "refused", now, reason});
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("act", wanted.act);
  facts.member("request", wanted.id);
  facts.member("reason", reason);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(tx, {now, by.value(), own ? "seal.withdraw" : "seal.refuse",
                                  wanted.seal, "ok", facts.text()}));
  return tx.commit();
}

base::Result<void> Seals::made(std::string_view seal, std::string svg, base::Bytes object,
                               std::string_view by) {
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto now, locked(tx, seal));
  if (now.made_at) return error(Code::conflict, "seal.made", now.spec.id);
  if (now.state != SealState::approved) return wrong_state(now);
  base::check(!svg.empty() && object.empty() == now.spec.ofd_key.empty(),
              "a seal is made of a picture, and of an object when it seals OFD");
  tx.put(kMakeSeal,
         {seal, std::move(svg), object.empty() ? store::Param(std::nullopt) : store::Param(object),
          parts_.clock.now()});
  BASE_TRY_VOID(step(tx, now, now.state, "make", by, {}, {}));
  return tx.commit();
}

base::Result<void> Seals::activate(std::string_view seal, const auth::SubjectId& by) {
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto now, locked(tx, seal));
  if (now.state != SealState::approved) return wrong_state(now);
  if (!now.made_at) return error(Code::conflict, "seal.not_made", now.spec.id);
  BASE_TRY_VOID(step(tx, now, SealState::active, "activate", by.value(), {}, {}));
  return tx.commit();
}

base::Result<void> Seals::suspend(std::string_view seal, std::string_view reason,
                                  std::string_view by) {
  BASE_TRY_VOID(check_reason(reason));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto now, locked(tx, seal));
  if (now.state != SealState::active) return wrong_state(now);
  BASE_TRY_VOID(step(tx, now, SealState::suspended, "suspend", by, reason, {}));
  return tx.commit();
}

base::Result<std::optional<Seal>> Seals::find(std::string_view seal) {
  BASE_TRY(const auto rows, parts_.pool.run(kFindSeal, {seal}));
  if (rows.empty()) return std::optional<Seal>();
  return std::optional(seal_from(rows, 0));
}

base::Result<std::vector<Seal>> Seals::all() {
  BASE_TRY(const auto rows, parts_.pool.run(kAllSeals));
  std::vector<Seal> out;
  for (std::size_t i = 0; i < rows.size(); ++i) out.push_back(seal_from(rows, i));
  return out;
}

base::Result<std::vector<SealStep>> Seals::history(std::string_view seal) {
  BASE_TRY(const auto rows, parts_.pool.run(kSteps, {seal}));
  std::vector<SealStep> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({rows.time(i, 0), std::string(rows.text(i, 1)), std::string(rows.text(i, 2)),
                   std::string(rows.text(i, 3)), std::string(rows.text(i, 4))});
  return out;
}

base::Result<std::vector<SealRequest>> Seals::open() {
  BASE_TRY(const auto rows, parts_.pool.run(kOpenRequests, {parts_.clock.now()}));
  std::vector<SealRequest> out;
  for (std::size_t i = 0; i < rows.size(); ++i) out.push_back(request_from(rows, i));
  return out;
}

base::Result<std::optional<SealRequest>> Seals::find_open(std::string_view request) {
  BASE_TRY(const auto rows, parts_.pool.run(kOpenRequest, {request, parts_.clock.now()}));
  if (rows.empty()) return std::optional<SealRequest>();
  return std::optional(request_from(rows, 0));
}

}  // namespace seal
