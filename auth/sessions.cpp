#include "auth/sessions.h"

#include "auth/locks.h"
#include "auth/logout_notices.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kOpenSession{"auth.open_session", R"sql(
  insert into auth.session (cookie_digest, id, subject_id, authentication, methods,
                            authenticated_at, seen_at, expires_at)
  select $1, $2, id, $4::bigint::smallint, $5::bigint::integer, $6, $6, $7
    from auth.subject where id = $3 and auth.is_open(active, locked_until, $6)
  returning 1::bigint)sql"};
constexpr store::Query kFindSession{"auth.find_session", R"sql(
  select s.id, s.subject_id, s.methods, s.authenticated_at, s.seen_at, s.expires_at
    from auth.session s
    join auth.subject p on p.id = s.subject_id
     and auth.is_open(p.active, p.locked_until, $2)
   where s.cookie_digest = $1)sql"};
// Whose session it is does not change; two at once find one old cookie.
constexpr store::Query kRaiseSession{"auth.raise_session", R"sql(
  update auth.session
     set cookie_digest = $2, methods = $3::bigint::integer,
         authentication = $4::bigint::smallint, authenticated_at = $5, seen_at = $5
   where cookie_digest = $1 and methods = $6::bigint::integer
  returning 1::bigint)sql"};
constexpr store::Query kSeeSession{"auth.see_session", R"sql(
  update auth.session set seen_at = $2 where cookie_digest = $1 and seen_at < $2)sql"};
constexpr store::Query kCloseSession{"auth.close_session", R"sql(
  delete from auth.session where cookie_digest = $1 returning id, subject_id)sql"};
constexpr store::Query kRevokeOfSession{"auth.revoke_of_session", R"sql(
  update auth.authorization_grant set revoked_at = $2
   where session_id = $1 and revoked_at is null and not offline)sql"};

constexpr std::size_t kCookieBytes = 32;
/// How stale the idle mark may be: a page view is not a write.
constexpr std::chrono::seconds kSeenEvery{60};

/// Only what open() could have made is looked up.
std::optional<base::Digest> digest_of(std::string_view cookie) {
  if (cookie.size() != 43) return std::nullopt;
  const auto bytes = base::from_base64url(cookie);
  if (!bytes || bytes->size() != kCookieBytes) return std::nullopt;
  return base::sha256(*bytes);
}

std::string csrf_of(std::string_view cookie) {
  const auto mac = base::hmac_sha256(base::as_bytes(cookie), base::as_bytes("xinyin form token"));
  return base::to_base64url(mac);
}

std::string facts_of(Methods methods) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.key("amr");
  facts.StartArray();
  for (const auto word : amr_of(methods)) facts.string(word);
  facts.EndArray();
  facts.EndObject();
  return facts.text();
}

}  // namespace

Sessions::Sessions(store::Pool& pool, const base::Clock& clock, base::Random& random, Config config)
    : pool_(pool), clock_(clock), random_(random), config_(config) {}

base::Result<Sessions::Opened> Sessions::open(const SubjectId& subject, Methods how) {
  BASE_TRY(auto tx, pool_.begin());
  BASE_TRY(auto out, open_in(tx, subject, how));
  BASE_TRY_VOID(tx.commit());
  return out;
}

base::Result<Sessions::Opened> Sessions::open_in(store::Tx& tx, const SubjectId& subject,
                                                 Methods how) {
  const auto now = clock_.now();
  const auto secret = random_.bytes(kCookieBytes);
  const auto authentication = authentication_of(how);
  Opened out;
  out.cookie = base::to_base64url(secret);
  out.session = {
      base::to_hex(random_.bytes(16)), subject, how, authentication, now, csrf_of(out.cookie)};
  BASE_TRY(const auto opened, tx.run(kOpenSession, {base::BytesView(base::sha256(secret)), out.session.id,
                                      subject.value(), static_cast<int>(authentication), how.bits(),
                                      now, now + config_.absolute}));
  if (opened.empty()) return refused_login(tx, subject, now);
  BASE_TRY_VOID(
      store::audit(tx, {now, subject.value(), "session.open", out.session.id, "ok", facts_of(how)}));
  return out;
}

base::Result<Sessions::Opened> Sessions::raise(std::string_view cookie, Method proven) {
  const auto over = [] { return base::error(base::Code::unauthenticated, "auth.session_over"); };
  BASE_TRY(auto session, find(cookie));
  if (!session) return over();
  const auto now = clock_.now();
  const auto secret = random_.bytes(kCookieBytes);
  const auto before = session->methods;
  Opened out{base::to_base64url(secret), std::move(*session)};
  out.session.methods = before.with(proven);
  out.session.authentication = authentication_of(out.session.methods);
  out.session.authenticated_at = now;
  out.session.csrf = csrf_of(out.cookie);
  BASE_TRY(auto tx, pool_.begin());
  BASE_TRY(const auto raised,
           tx.run(kRaiseSession,
                  {base::BytesView(*digest_of(cookie)), base::BytesView(base::sha256(secret)),
                   out.session.methods.bits(), static_cast<int>(out.session.authentication), now,
                   before.bits()}));
  if (raised.empty()) return over();
  BASE_TRY_VOID(store::audit(tx, {now, out.session.subject.value(), "session.raise", out.session.id,
                                  "ok", facts_of(out.session.methods)}));
  BASE_TRY_VOID(tx.commit());
  return out;
}

base::Result<std::optional<Session>> Sessions::find(std::string_view cookie) {
  const auto digest = digest_of(cookie);
  if (!digest) return std::optional<Session>();
  const auto now = clock_.now();
  BASE_TRY(const auto rows, pool_.run(kFindSession, {base::BytesView(*digest), now}));
  if (rows.empty()) return std::optional<Session>();
  const auto seen_at = rows.time(0, 4);
  if (now >= rows.time(0, 5) || now >= seen_at + config_.idle) return std::optional<Session>();
  if (now >= seen_at + kSeenEvery)
    BASE_TRY_VOID(pool_.run(kSeeSession, {base::BytesView(*digest), now}));
  const auto methods = Methods::from_bits(rows.integer(0, 2));
  return std::optional<Session>(
      Session{std::string(rows.text(0, 0)), SubjectId(std::string(rows.text(0, 1))), methods,
              authentication_of(methods), rows.time(0, 3), csrf_of(cookie)});
}

base::Result<void> Sessions::close(std::string_view cookie) {
  const auto digest = digest_of(cookie);
  if (!digest) return {};
  const auto now = clock_.now();
  BASE_TRY(auto tx, pool_.begin());
  BASE_TRY(const auto closed, tx.run(kCloseSession, {base::BytesView(*digest)}));
  if (closed.empty()) return {};
  const std::string id(closed.text(0, 0));
  BASE_TRY_VOID(note_session_end(tx, id, now));
  tx.put(kRevokeOfSession, {id, now});
  BASE_TRY_VOID(store::audit(tx, {now, std::string(closed.text(0, 1)), "logout", id, "ok"}));
  return tx.commit();
}

}  // namespace auth
