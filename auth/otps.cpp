#include "auth/otps.h"

#include <algorithm>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/messages.h"

namespace auth {
namespace {

// One at a time for a number and for a network, so that the counts below are what they seem; in one
// order everywhere.
constexpr store::Query kLockPhone{"auth.lock_otp_phone", R"sql(
  select 1::bigint from pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 7301)))sql"};
constexpr store::Query kLockNetwork{"auth.lock_otp_network", R"sql(
  select 1::bigint from pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 7302)))sql"};
constexpr store::Query kCountPhone{"auth.count_otps_of_phone", R"sql(
  select count(*) filter (where made_at > $2 - interval '1 hour'), count(*), max(made_at),
         min(made_at) filter (where made_at > $2 - interval '1 hour'), min(made_at)
    from auth.otp where phone = $1 and made_at > $2 - interval '1 day')sql"};
constexpr store::Query kCountNetwork{"auth.count_otps_of_network", R"sql(
  select count(*), min(made_at)
    from auth.otp where network = $1 and made_at > $2 - interval '1 hour')sql"};
constexpr store::Query kVoidEarlier{"auth.void_otps", R"sql(
  update auth.otp set digest = null where binding = $1 and digest is not null)sql"};
constexpr store::Query kPutCode{"auth.put_otp", R"sql(
  insert into auth.otp (id, binding, phone, network, digest, made_at, expires_at)
  values ($1, $2, $3, $4, $5, $6, $7))sql"};
constexpr store::Query kForgetCode{"auth.forget_otp", R"sql(
  delete from auth.otp where id = $1)sql"};
// The try is counted before the code is compared: past the limit nobody sees a row.
constexpr store::Query kTry{"auth.try_otp", R"sql(
  update auth.otp set tries = tries + 1
   where binding = $1 and digest is not null and expires_at > $2
     and tries < $3::bigint::smallint
  returning id, digest)sql"};
constexpr store::Query kSpend{"auth.spend_otp", R"sql(
  update auth.otp set digest = null where id = $1 and digest = $2 returning 1::bigint)sql"};
constexpr store::Query kSweep{"auth.sweep_otps", R"sql(
  delete from auth.otp where id in (
    select id from auth.otp where made_at < $1 - interval '1 day' - interval '1 hour'
     order by made_at limit $2))sql"};

constexpr std::uint32_t kCodes = 1'000'000;

/// Six digits, each with the same chance.
std::string fresh_code(base::Random& random) {
  constexpr std::uint32_t kFair = 0xffffffffU / kCodes * kCodes;
  std::uint32_t number = kFair;
  while (number >= kFair) {
    number = 0;
    for (const auto byte : random.bytes(4)) number = number << 8 | byte;
  }
  auto text = std::to_string(number % kCodes);
  return std::string(6 - text.size(), '0') + text;
}

base::Error slow(base::Time now, base::Time until) {
  auto failure = base::error(base::Code::rate_limited, "auth.sms.slow");
  failure.retry_after =
      std::max(std::chrono::ceil<std::chrono::seconds>(until - now), std::chrono::seconds(1));
  failure.args = {{"seconds", std::to_string(failure.retry_after->count())}};
  return failure;
}

base::Error wrong_code() {
  return base::error(base::Code::unauthenticated, "auth.code.wrong");
}

}  // namespace

base::Digest Otps::binding(std::string_view purpose, std::string_view browser,
                                std::string_view phone) const {
  std::string all(purpose);
  ((all += '\n') += browser) += '\n';
  return parts_.cipher.lookup("auth/otp/binding", all.append(phone));
}

base::Digest Otps::digest(std::string_view id, std::string_view code) const {
  return parts_.cipher.lookup("auth/otp/code", std::string(id) + " " + std::string(code));
}

base::Result<void> Otps::send(std::string_view purpose, std::string_view browser,
                                   std::string_view phone, std::string_view network) {
  using std::chrono::hours;
  const auto& config = parts_.config;
  const auto now = parts_.clock.now();
  const auto phone_key = parts_.cipher.lookup("auth/otp/phone", phone);
  const auto network_key = parts_.cipher.lookup("auth/otp/network", network);
  const auto bound = binding(purpose, browser, phone);
  const auto id = base::to_hex(parts_.random.bytes(16));
  const auto code = fresh_code(parts_.random);
  {
    BASE_TRY(auto tx, parts_.pool.begin());
    BASE_TRY_VOID(tx.run(kLockPhone, {base::BytesView(phone_key)}));
    BASE_TRY_VOID(tx.run(kLockNetwork, {base::BytesView(network_key)}));
    BASE_TRY(const auto sent, tx.run(kCountPhone, {base::BytesView(phone_key), now}));
    if (!sent.is_null(0, 2) && now < sent.time(0, 2) + config.resend_after)
      return slow(now, sent.time(0, 2) + config.resend_after);
    if (sent.integer(0, 0) >= config.per_phone_hour) return slow(now, sent.time(0, 3) + hours(1));
    if (sent.integer(0, 1) >= config.per_phone_day) return slow(now, sent.time(0, 4) + hours(24));
    BASE_TRY(const auto here, tx.run(kCountNetwork, {base::BytesView(network_key), now}));
    if (here.integer(0, 0) >= config.per_network_hour) return slow(now, here.time(0, 1) + hours(1));
    BASE_TRY_VOID(tx.run(kVoidEarlier, {base::BytesView(bound)}));
    BASE_TRY_VOID(tx.run(kPutCode, {id, base::BytesView(bound), base::BytesView(phone_key),
                                    base::BytesView(network_key),
                                    base::BytesView(digest(id, code)), now, now + config.life}));
    BASE_TRY_VOID(tx.commit());
  }
  const TextMessage message{
      std::string(phone),
      "code",
      {{"purpose", base::message(purpose, base::Language::zh)},
       {"code", code},
       {"minutes", std::to_string(std::chrono::duration_cast<std::chrono::minutes>(config.life)
                                      .count())}}};
  const auto sent = parts_.sender.send(message);
  if (sent.ok()) return {};
  BASE_TRY_VOID(parts_.pool.run(kForgetCode, {id}));
  return sent.error();
}

base::Result<void> Otps::check(std::string_view purpose, std::string_view browser,
                                    std::string_view phone, std::string_view code) {
  std::string typed;
  for (const char c : code.substr(0, 32))
    if (c != ' ' && c != '-') typed += c;
  BASE_TRY(const auto found,
           parts_.pool.run(kTry, {base::BytesView(binding(purpose, browser, phone)),
                                  parts_.clock.now(), parts_.config.tries}));
  if (found.empty()) return wrong_code();
  const auto right = digest(found.text(0, 0), typed);
  if (!base::constant_time_equal(right, found.bytes(0, 1))) return wrong_code();
  BASE_TRY(const auto spent, parts_.pool.run(kSpend, {found.text(0, 0), found.bytes(0, 1)}));
  if (spent.empty()) return wrong_code();
  return {};
}

base::Result<std::int64_t> Otps::sweep(int most) {
  BASE_TRY(const auto gone, parts_.pool.run(kSweep, {parts_.clock.now(), most}));
  return static_cast<std::int64_t>(gone.affected());
}

}  // namespace auth
