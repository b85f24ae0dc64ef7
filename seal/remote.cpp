#include "seal/remote.h"

#include "auth/system_actor.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace seal {
namespace {

using base::Code;
using base::error;

constexpr std::size_t kSadBytes = 32;

constexpr store::Query kGrant{"seal.remote_grant", R"sql(
  insert into seal.remote_grant (sad, client, seal, hashes, count, expires_at)
  values ($1, $2, $3, $4, $5::bigint::integer, $6))sql"};
// One atomic statement: of two who show it at once, one succeeds.
constexpr store::Query kTake{"seal.take_remote_grant", R"sql(
  update seal.remote_grant set used_at = $6
   where sad = $1 and client = $2 and seal = $3 and hashes = $4 and count = $5
     and used_at is null and expires_at > $6)sql"};
constexpr store::Query kUse{"seal.remote_use", R"sql(
  insert into seal.remote_use (seal, client, at, form, hash) values ($1, $2, $3, $4, $5))sql"};
constexpr store::Query kSweep{"seal.sweep_remote_grants", R"sql(
  delete from seal.remote_grant where expires_at < $1)sql"};

/// All of them in their order: other digests, or these in another order, are another thing.
base::Digest digest_of(const std::vector<base::Digest>& hashes) {
  base::Sha256 all;
  for (const auto& one : hashes) all.update(one);
  return all.finish();
}

base::Result<void> may(const auth::Actor& actor) {
  // A person's token never reaches a seal that signs what its bearer likes.
  if (!auth::is_system(actor) || !actor.has_scope(kRemoteScope))
    return error(Code::permission_denied, "seal.scope");
  return {};
}

base::Result<void> check_hashes(const std::vector<base::Digest>& hashes) {
  if (hashes.empty() || hashes.size() > kMostRemoteHashes)
    return error(Code::invalid_argument, "seal.remote.hashes");
  return {};
}

}  // namespace

RemoteSealing::RemoteSealing(Parts parts, std::string seal, std::shared_ptr<const hsm::Key> key,
                             CmsFrame cms, std::vector<certs::Certificate> certificates)
    : parts_(parts),
      seal_(std::move(seal)),
      key_(std::move(key)),
      cms_(std::move(cms)),
      certificates_(std::move(certificates)),
      gate_({parts.pool, parts.clock, parts.random}, seal_) {}

base::Result<std::unique_ptr<RemoteSealing>> RemoteSealing::create(
    Parts parts, std::string seal, std::shared_ptr<const hsm::Key> key,
    certs::Certificate certificate, std::vector<certs::Certificate> chain) {
  BASE_TRY(auto cms, CmsFrame::create(key->info(), certificate, chain));
  chain.insert(chain.begin(), std::move(certificate));
  return std::unique_ptr<RemoteSealing>(
      new RemoteSealing(parts, std::move(seal), std::move(key), std::move(cms), std::move(chain)));
}

base::Result<RemoteSealing::Grant> RemoteSealing::authorize(
    const auth::Actor& actor, const std::vector<base::Digest>& hashes) {
  BASE_TRY_VOID(may(actor));
  BASE_TRY_VOID(check_hashes(hashes));
  BASE_TRY_VOID(gate_.may(actor, kRemoteKind, SealUse::remote));
  const auto now = parts_.clock.now();
  const auto sad = parts_.random.bytes(kSadBytes);
  const auto known = base::sha256(sad), all = digest_of(hashes);
  BASE_TRY_VOID(parts_.pool.run(
      kGrant, {base::BytesView(known), actor.client().value(), seal_, base::BytesView(all),
               static_cast<std::int64_t>(hashes.size()), now + parts_.life}));
  return Grant{base::to_base64url(sad), parts_.life};
}

/// The authorisation is used up, and what will be signed written down.
base::Result<void> RemoteSealing::take(const auth::Actor& actor, std::string_view sad,
                                       const std::vector<base::Digest>& hashes,
                                       std::string_view form) {
  BASE_TRY_VOID(may(actor));
  BASE_TRY_VOID(check_hashes(hashes));
  BASE_TRY_VOID(gate_.may(actor, kRemoteKind, SealUse::remote));
  const auto shown = base::from_base64url(sad);
  if (!shown || shown->size() != kSadBytes)
    return error(Code::permission_denied, "seal.remote.sad");
  auto recorded = record(actor, *shown, hashes, form);
  if (!recorded.ok() && recorded.error().key == "seal.policy.stopped") {
    // If this fails the next one that is too many does it.
    [[maybe_unused]] const auto stopped = gate_.stop();
  }
  return recorded;
}

base::Result<void> RemoteSealing::record(const auth::Actor& actor, base::BytesView sad,
                                         const std::vector<base::Digest>& hashes,
                                         std::string_view form) {
  const auto now = parts_.clock.now();
  const auto known = base::sha256(sad), all = digest_of(hashes);
  const auto& client = actor.client().value();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto taken,
           tx.run(kTake, {base::BytesView(known), client, seal_, base::BytesView(all),
                          static_cast<std::int64_t>(hashes.size()), now}));
  if (taken.affected() == 0) return error(Code::permission_denied, "seal.remote.sad");
  for (const auto& hash : hashes) {
    BASE_TRY_VOID(gate_.count(tx, now, hash[0]));
    tx.put(kUse, {seal_, client, now, form, base::BytesView(hash)});
  }
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("form", form);
  facts.member("key", key_->info().id.value());
  facts.key("sha256");
  facts.StartArray();
  for (const auto& hash : hashes) facts.string(base::to_hex(hash));
  facts.EndArray();
  facts.EndObject();
  BASE_TRY_VOID(
      store::audit(tx, {now, actor.subject().value(), "seal.remote", seal_, "ok", facts.text()}));
  return tx.commit();
}

base::Result<std::vector<base::Bytes>> RemoteSealing::sign_hashes(
    const auth::Actor& actor, std::string_view sad, const std::vector<base::Digest>& hashes) {
  BASE_TRY_VOID(take(actor, sad, hashes, "hash"));
  std::vector<base::Bytes> out;
  for (const auto& hash : hashes) {
    BASE_TRY(const auto signature, key_->sign(hash));
    out.push_back(cms_.signature_value(signature));
  }
  return out;
}

base::Result<std::vector<base::Bytes>> RemoteSealing::sign_documents(
    const auth::Actor& actor, std::string_view sad, const std::vector<base::Digest>& digests,
    bool stamped) {
  BASE_TRY_VOID(take(actor, sad, digests, "cms"));
  std::vector<base::Bytes> out;
  for (const auto& digest : digests) {
    BASE_TRY(const auto signature, key_->sign(cms_.to_sign(digest)));
    const auto value = cms_.signature_value(signature);
    base::Bytes token;
    if (stamped) {
      BASE_TRY(token, parts_.timestamps.stamp(base::sha256(value)));
    }
    out.push_back(cms_.finish(digest, value, token));
  }
  return out;
}

base::Result<std::int64_t> RemoteSealing::sweep() {
  BASE_TRY(const auto gone, parts_.pool.run(kSweep, {parts_.clock.now()}));
  return static_cast<std::int64_t>(gone.affected());
}

}  // namespace seal
