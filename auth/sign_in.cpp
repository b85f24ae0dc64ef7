#include "auth/sign_in.h"

#include "base/digest.h"
#include "base/encoding.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kPutSignIn{"auth.put_sign_in", R"sql(
  insert into auth.sign_in (digest, subject_id, methods, started_at, expires_at)
  values ($1, $2, $3::bigint::integer, $4, $5))sql"};
constexpr store::Query kFindSignIn{"auth.find_sign_in", R"sql(
  select i.subject_id, i.methods, i.started_at
    from auth.sign_in i join auth.subject s on s.id = i.subject_id
     and auth.is_open(s.active, s.locked_until, $2)
   where i.digest = $1 and i.expires_at > $2)sql"};
constexpr store::Query kTakeSignIn{"auth.take_sign_in", R"sql(
  delete from auth.sign_in where digest = $1 and expires_at > $2
  returning subject_id, methods, expires_at)sql"};
constexpr store::Query kKindOf{"auth.kind_of_subject", R"sql(
  select kind from auth.subject where id = $1)sql"};
constexpr store::Query kSweepSignIns{"auth.sweep_sign_ins", R"sql(
  delete from auth.sign_in where digest in (
    select digest from auth.sign_in where expires_at < $1 order by expires_at limit $2))sql"};
// Known places of a person, beside those that a password was right at (auth/soft_lock.h).
constexpr store::Query kSeenPlace{"auth.sign_in_place", R"sql(
  insert into auth.known_network as k (account, network, last_ok_at) values ($1, $2, $3)
  on conflict (account, network) do update set last_ok_at = excluded.last_ok_at
  returning xmax = 0,
            exists (select 1 from auth.known_network o where o.account = $1))sql"};

constexpr std::size_t kCookieBytes = 32;
constexpr std::chrono::minutes kWithin{10};

std::optional<base::Digest> digest_of(std::string_view cookie) {
  if (cookie.size() != 43) return std::nullopt;
  const auto bytes = base::from_base64url(cookie);
  if (!bytes || bytes->size() != kCookieBytes) return std::nullopt;
  return base::sha256(*bytes);
}

}  // namespace

LoginLack lack_of(const Steps& steps, base::Time authenticated_at, base::Time now) {
  if (!steps.enough) return LoginLack::second_step;
  return now - authenticated_at > kFreshLogin ? LoginLack::new_login : LoginLack::nothing;
}

base::Result<Sessions::Opened> SignIn::open(const SubjectId& subject, Methods proven,
                                            std::string_view network) {
  const auto person = parts_.cipher.lookup("auth/sign_in/person", subject.value());
  const auto place = parts_.cipher.lookup("auth/login_failure/network", network);
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto seen, tx.run(kSeenPlace, {base::BytesView(person), base::BytesView(place),
                                                parts_.clock.now()}));
  // The first place of all is no news.
  if (seen.boolean(0, 0) && seen.boolean(0, 1))
    BASE_TRY_VOID(parts_.notices.new_place(tx, subject, network));
  BASE_TRY(auto opened, parts_.sessions.open_in(tx, subject, proven));
  BASE_TRY_VOID(tx.commit());
  return opened;
}

base::Result<Steps> SignIn::steps(const SubjectId& subject, Methods proven) {
  BASE_TRY(const auto rows, parts_.pool.run(kKindOf, {subject.value()}));
  if (rows.empty()) return base::error(base::Code::not_found, "auth.subject_unknown");
  BASE_TRY(auto factors, factors_of(parts_.pool, parts_.cipher, subject));
  const auto kind = rows.text(0, 0) == "unit" ? SubjectKind::unit : SubjectKind::person;
  return steps_after(std::move(factors), kind, proven, parts_.clock.now());
}

base::Result<SignIn::Step> SignIn::go_on(const SubjectId& subject, Methods proven,
                                         std::string_view network, base::Time until) {
  BASE_TRY(const auto stands, steps(subject, proven));
  Step out;
  if (stands.enough) {
    BASE_TRY(out.opened, open(subject, proven, network));
    return out;
  }
  const auto secret = parts_.random.bytes(kCookieBytes);
  BASE_TRY_VOID(
      parts_.pool.run(kPutSignIn, {base::BytesView(base::sha256(secret)), subject.value(),
                                   proven.bits(), parts_.clock.now(), until}));
  out.pending = base::to_base64url(secret);
  return out;
}

base::Result<SignIn::Step> SignIn::begin(const SubjectId& subject, Methods proven,
                                         std::string_view network) {
  return go_on(subject, proven, network, parts_.clock.now() + kWithin);
}

base::Result<std::optional<SignIn::Pending>> SignIn::find(std::string_view cookie) {
  const auto digest = digest_of(cookie);
  if (!digest) return std::optional<Pending>();
  BASE_TRY(const auto rows,
           parts_.pool.run(kFindSignIn, {base::BytesView(*digest), parts_.clock.now()}));
  if (rows.empty()) return std::optional<Pending>();
  return std::optional<Pending>(Pending{SubjectId(std::string(rows.text(0, 0))),
                                        Methods::from_bits(rows.integer(0, 1)), rows.time(0, 2),
                                        base::to_hex(*digest)});
}

base::Result<SignIn::Step> SignIn::finish(std::string_view cookie, Method proven,
                                          std::string_view network) {
  const auto over = [] { return base::error(base::Code::unauthenticated, "auth.sign_in_over"); };
  const auto digest = digest_of(cookie);
  if (!digest) return over();
  BASE_TRY(const auto rows,
           parts_.pool.run(kTakeSignIn, {base::BytesView(*digest), parts_.clock.now()}));
  if (rows.empty()) return over();
  return go_on(SubjectId(std::string(rows.text(0, 0))),
               Methods::from_bits(rows.integer(0, 1)).with(proven), network, rows.time(0, 2));
}

base::Result<std::int64_t> SignIn::sweep(int most) {
  BASE_TRY(const auto gone, parts_.pool.run(kSweepSignIns, {parts_.clock.now(), most}));
  return static_cast<std::int64_t>(gone.affected());
}

}  // namespace auth
