#include "auth/logout_notices.h"

#include "auth/logout_sender.h"
#include "auth/provider_impl.h"
#include "auth/redirect.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kNoteSession{"auth.note_session_end", R"sql(
  insert into auth.logout_notice (client_id, subject_id, session_id, made_at, next_at)
  select distinct g.client_id, g.subject_id, g.session_id, $2::timestamptz, $2::timestamptz
    from auth.authorization_grant g
    join auth.client c on c.id = g.client_id and c.active and c.backchannel_logout_uri is not null
   where g.session_id = $1 and g.used_at is not null and g.revoked_at is null)sql"};
constexpr store::Query kNoteSubject{"auth.note_sessions_end", R"sql(
  insert into auth.logout_notice (client_id, subject_id, session_id, made_at, next_at)
  select distinct g.client_id, g.subject_id, g.session_id, $3::timestamptz, $3::timestamptz
    from auth.authorization_grant g
    join auth.client c on c.id = g.client_id and c.active and c.backchannel_logout_uri is not null
   where g.subject_id = $1 and ($2 = '' or g.session_id <> $2)
     and g.used_at is not null and g.revoked_at is null)sql"};
constexpr store::Query kNoteClient{"auth.note_client_end", R"sql(
  insert into auth.logout_notice (client_id, subject_id, session_id, made_at, next_at)
  select distinct g.client_id, g.subject_id, g.session_id, $3::timestamptz, $3::timestamptz
    from auth.authorization_grant g
    join auth.client c on c.id = g.client_id and c.active and c.backchannel_logout_uri is not null
   where g.subject_id = $1 and g.client_id = $2
     and g.used_at is not null and g.revoked_at is null)sql"};
// Taken until `next_at`: another instance skips the row while it is locked and does not find it
// afterwards. Should this one die, the row is due again then.
constexpr store::Query kTakeNotices{"auth.take_logout_notices", R"sql(
  update auth.logout_notice n set next_at = $2, tries = n.tries + 1
    from (select id from auth.logout_notice where next_at <= $1
           order by next_at limit $3 for update skip locked) due
   where n.id = due.id
  returning n.id, n.client_id, n.subject_id, n.session_id, n.tries)sql"};
constexpr store::Query kLogoutClient{"auth.logout_client", R"sql(
  select backchannel_logout_uri, sector, id_token_alg from auth.client
   where id = $1 and active and backchannel_logout_uri is not null)sql"};
constexpr store::Query kLaterNotice{"auth.later_logout_notice", R"sql(
  update auth.logout_notice set next_at = $2 where id = $1)sql"};
constexpr store::Query kEndNotice{"auth.end_logout_notice", R"sql(
  delete from auth.logout_notice where id = $1)sql"};

/// How long one sending may take, whatever happens to it.
constexpr std::chrono::seconds kTaken{60};
/// How long after the n-th try comes the next; after the last there is none.
constexpr std::chrono::seconds kLater[] = {
    std::chrono::seconds(10),   std::chrono::seconds(60),    std::chrono::seconds(300),
    std::chrono::seconds(1800), std::chrono::seconds(7'200), std::chrono::seconds(21'600)};
constexpr std::int64_t kTokenLife_s = 120;  // §2.4: at most two minutes

struct Notice {
  std::int64_t id = 0, tries = 0;
  std::string client, subject, session;
};

base::Result<std::string> logout_token(const Provider::Impl& provider, const Notice& notice,
                                       const std::string& sector, const std::string& algorithm) {
  const auto now_s = base::to_unix_s(provider.parts.clock.now());
  base::JsonWriter out;
  out.StartObject();
  out.member("iss", provider.config.issuer);
  out.member("aud", notice.client);
  out.member("iat", now_s);
  out.member("exp", now_s + kTokenLife_s);
  out.member("jti", base::to_base64url(provider.parts.random.bytes(16)));
  out.member("sub", provider.pairwise(SubjectId(notice.subject), sector));
  if (!notice.session.empty()) out.member("sid", provider.sid(notice.session, notice.client));
  out.key("events");
  out.StartObject();
  out.key("http://schemas.openid.net/event/backchannel-logout");
  out.StartObject();
  out.EndObject();
  out.EndObject();
  out.EndObject();
  return provider.sign(algorithm, kLogoutTokenType, out.text());
}

/// Done, one way or the other: the row goes; what could not be told has its row in the trail.
base::Result<void> end(const Provider::Impl& provider, const Notice& notice, const char* failure) {
  BASE_TRY(auto tx, provider.parts.pool.begin());
  BASE_TRY_VOID(tx.run(kEndNotice, {notice.id}));
  if (failure != nullptr) {
    base::JsonWriter facts;
    facts.StartObject();
    facts.member("session", notice.session);
    facts.member("tries", notice.tries);
    facts.EndObject();
    BASE_TRY_VOID(store::audit(tx, {provider.parts.clock.now(), "system:xinyind", "logout.give_up",
                                    notice.client, failure, facts.text()}));
  }
  return tx.commit();
}

base::Result<void> send_one(const Provider::Impl& provider, const LogoutSender& sender,
                            const Notice& notice) {
  BASE_TRY(const auto rows, provider.parts.pool.run(kLogoutClient, {notice.client}));
  if (rows.empty()) return end(provider, notice, nullptr);  // it does not want to know any more
  BASE_TRY(const auto token, logout_token(provider, notice, std::string(rows.text(0, 1)),
                                          std::string(rows.text(0, 2))));
  const auto status =
      sender.post(std::string(rows.text(0, 0)), "logout_token=" + percent_encode(token));
  // §2.8: 200 is done, 204 as well; 400 says that it will not be better the next time.
  if (status.ok() && (*status == 200 || *status == 204)) return end(provider, notice, nullptr);
  if (status.ok() && *status == 400) return end(provider, notice, "auth.logout.refused");
  const auto tries = static_cast<std::size_t>(notice.tries);
  if (tries > std::size(kLater))
    return end(provider, notice, status.ok() ? "auth.logout.failed" : status.error().key.c_str());
  BASE_TRY_VOID(provider.parts.pool.run(
      kLaterNotice, {notice.id, provider.parts.clock.now() + kLater[tries - 1]}));
  return {};
}

}  // namespace

base::Result<void> note_session_end(store::Tx& tx, std::string_view session, base::Time now) {
  BASE_TRY_VOID(tx.run(kNoteSession, {session, now}));
  return {};
}

base::Result<void> note_sessions_end(store::Tx& tx, const SubjectId& subject, std::string_view keep,
                                     base::Time now) {
  BASE_TRY_VOID(tx.run(kNoteSubject, {subject.value(), keep, now}));
  return {};
}

base::Result<void> note_client_end(store::Tx& tx, const SubjectId& subject, std::string_view client,
                                   base::Time now) {
  BASE_TRY_VOID(tx.run(kNoteClient, {subject.value(), client, now}));
  return {};
}

base::Result<int> Provider::send_logouts(const LogoutSender& sender, int most) {
  const auto now = impl_->parts.clock.now();
  BASE_TRY(const auto rows, impl_->parts.pool.run(kTakeNotices, {now, now + kTaken, most}));
  if (!rows.empty()) base::fail_point("auth.logout_taken");
  base::Result<void> trouble;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Notice notice{rows.integer(i, 0), rows.integer(i, 4), std::string(rows.text(i, 1)),
                        std::string(rows.text(i, 2)), std::string(rows.text(i, 3))};
    auto sent = send_one(*impl_, sender, notice);
    if (!sent.ok() && trouble.ok()) trouble = std::move(sent);  // the others go on
  }
  if (!trouble.ok()) return trouble.error();
  return static_cast<int>(rows.size());
}

}  // namespace auth
