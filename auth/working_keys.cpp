#include "auth/working_keys.h"

#include <algorithm>

#include "auth/jwt.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kRows{"auth.working_keys", R"sql(
  select id, public_key, wrapped, endorsement, signs_from, signs_until, published_until
    from auth.working_key where published_until > $1 order by signs_from desc, id limit 64)sql"};
// One instance makes the next key; the others find it.
constexpr store::Query kTurnLock{"auth.lock_working_keys",
                                 "select pg_advisory_xact_lock(hashtext('auth.working_key'))"};
constexpr store::Query kPut{"auth.put_working_key", R"sql(
  insert into auth.working_key (id, public_key, wrapped, endorsement, signs_from, signs_until,
                                published_until)
  values ($1, $2, $3, $4, $5, $6, $7))sql"};
constexpr store::Query kSweep{"auth.sweep_working_keys",
                              "delete from auth.working_key where published_until <= $1"};

std::string name_of(const std::string& id) {
  return "working-key " + id;
}

/// What the endorsement says: whose key, for whom, from when until when.
std::string claims_of(const std::string& issuer, const std::string& id, base::Time now,
                      base::Time from, base::Time until, base::Time published) {
  base::JsonWriter out;
  out.StartObject();
  out.member("iss", issuer);
  out.member("iat", base::to_unix_s(now));
  out.member("nbf", base::to_unix_s(from));
  out.member("exp", base::to_unix_s(published));
  out.member("signs_until", base::to_unix_s(until));
  out.member("jkt", id);
  out.EndObject();
  return out.text();
}

}  // namespace

struct WorkingKeys::Row {
  std::string id;
  base::Bytes public_key, wrapped;
  std::string endorsement;
  base::Time signs_from, signs_until, published_until;
};

/// Those that count, the latest first; ids of the others.
std::vector<WorkingKeys::Row> WorkingKeys::read(const store::Rows& found,
                                                const TokenKeys& endorsers,
                                                std::string& refused) const {
  refused.clear();
  std::vector<Row> out;
  for (std::size_t i = 0; i < found.size(); ++i) {
    Row row{std::string(found.text(i, 0)),
            base::to_bytes(found.bytes(i, 1)),
            base::to_bytes(found.bytes(i, 2)),
            std::string(found.text(i, 3)),
            found.time(i, 4),
            found.time(i, 5),
            found.time(i, 6)};
    const auto key = TokenKey::from_spki(row.public_key);
    const auto said = endorsers.verify(row.endorsement, kWorkingKeyType);
    const bool good =
        key.ok() && said.ok() && key->id() == row.id && key->algorithm() == "ES256" &&
        base::json_text(said->claims, "iss") == config_.issuer &&
        base::json_text(said->claims, "jkt") == row.id &&
        base::json_int(said->claims, "nbf") == base::to_unix_s(row.signs_from) &&
        base::json_int(said->claims, "signs_until") == base::to_unix_s(row.signs_until) &&
        base::json_int(said->claims, "exp") == base::to_unix_s(row.published_until);
    if (good)
      out.push_back(std::move(row));
    else
      refused += (refused.empty() ? "" : " ") + row.id;
  }
  return out;
}

const WorkingKeys::Row* WorkingKeys::signing(const std::vector<Row>& all, base::Time now) {
  const auto at = std::find_if(all.begin(), all.end(), [&](const Row& row) {
    return row.signs_from <= now && now < row.signs_until;
  });
  return at == all.end() ? nullptr : &*at;
}

/// When the next one is to begin, where it is time to make it.
std::optional<base::Time> WorkingKeys::next_from(const std::vector<Row>& all,
                                                 base::Time now) const {
  if (signing(all, now) == nullptr) return now;
  const auto latest_ends = all.front().signs_until;
  if (latest_ends - now > config_.publish_ahead) return std::nullopt;
  return latest_ends;
}

base::Result<void> WorkingKeys::make(const hsm::Key& endorser, const TokenKeys& endorsers,
                                     base::Time from) {
  const auto now = parts_.clock.now();
  from = std::chrono::floor<std::chrono::seconds>(from);
  const auto until = from + config_.life, published = until + config_.keep_earlier;
  BASE_TRY(const auto made, hsm::WorkingKey::make("openid-working", hsm::Purpose::openid));
  const auto& spki = made.key->info().public_key;
  BASE_TRY(const auto key, TokenKey::from_spki(spki));
  BASE_TRY(const auto wrapped, parts_.wrapper.wrap(name_of(key.id()), made.scalar));
  BASE_TRY(const auto endorsement,
           sign_jws(endorser, endorsers.all().front().id(), kWorkingKeyType,
                    claims_of(config_.issuer, key.id(), now, from, until, published)));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(tx.run(kTurnLock));
  // Another instance may have made it meanwhile.
  BASE_TRY(const auto found, tx.run(kRows, {now}));
  std::string refused;
  if (!next_from(read(found, endorsers, refused), now)) return {};
  tx.put(kPut, {key.id(), spki, wrapped, endorsement, from, until, published});
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("endorsed_by", endorser.info().label);
  facts.member("signs_from", base::to_rfc3339(from));
  facts.member("signs_until", base::to_rfc3339(until));
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx, {now, "system:xinyind", "openid.working_key", key.id(), "ok", facts.text()}));
  return tx.commit();
}

base::Result<std::shared_ptr<const hsm::WorkingKey>> WorkingKeys::open(const Row& row) {
  {
    const std::lock_guard hold(mutex_);
    if (const auto at = opened_.find(row.id); at != opened_.end()) return at->second;
  }
  BASE_TRY(const auto scalar, parts_.wrapper.unwrap(name_of(row.id), row.wrapped));
  BASE_TRY(auto key, hsm::WorkingKey::open("openid-working", hsm::Purpose::openid, row.public_key,
                                           scalar));
  const std::lock_guard hold(mutex_);
  opened_.clear();  // one signs; an earlier one goes with whoever still signs with it
  opened_.emplace(row.id, key);
  return key;
}

base::Result<WorkingKeys::Turn> WorkingKeys::put_into(Provider::SigningKeys& keys) {
  base::check(!keys.signing.empty(), "there is a key in the token, which endorses");
  const auto endorser = keys.signing.front();
  std::vector<TokenKey> able;
  BASE_TRY(auto first, TokenKey::from_spki(endorser->info().public_key));
  able.push_back(std::move(first));
  for (const auto& spki : keys.beside) {
    BASE_TRY(auto one, TokenKey::from_spki(spki));
    able.push_back(std::move(one));
  }
  const TokenKeys endorsers(std::move(able));

  Turn out;
  const auto now = parts_.clock.now();
  BASE_TRY(auto found, parts_.pool.run(kRows, {now}));
  auto all = read(found, endorsers, out.refused);
  if (const auto from = next_from(all, now)) {
    BASE_TRY_VOID(make(*endorser, endorsers, *from));
    BASE_TRY(found, parts_.pool.run(kRows, {now}));
    all = read(found, endorsers, out.refused);
  }
  const auto* current = signing(all, now);
  if (current == nullptr)
    return base::error(base::Code::unavailable, "auth.no_signing_key", "no working key signs now");
  BASE_TRY(const auto key, open(*current));

  keys.beside.push_back(endorser->info().public_key);
  keys.signing.front() = key;
  keys.lasting = endorser;
  keys.signs_until = std::min<base::Time>(current->signs_until, now + kWorkingKeyLease);
  for (const auto& row : all) {
    keys.endorsed.emplace_back(row.public_key, row.endorsement);
    if (row.id != current->id) keys.beside.push_back(row.public_key);
    out.names += (out.names.empty() ? "" : ", ") + row.id.substr(0, 8) +
                 (row.id == current->id ? " (signs)" : "");
  }
  return out;
}

base::Result<std::int64_t> WorkingKeys::sweep() {
  BASE_TRY(const auto gone, parts_.pool.run(kSweep, {parts_.clock.now()}));
  return static_cast<std::int64_t>(gone.affected());
}

}  // namespace auth
