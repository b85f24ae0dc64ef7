#include "store/audit_head.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"

namespace store {
namespace {

constexpr std::size_t kMostText = 1024;
constexpr std::size_t kSignatureBytes = 64;
constexpr std::int64_t kMostKeys = 64;

// One statement, so that all it says is of one moment.
constexpr Query kState{"audit.state", R"sql(
  select h.seq, h.hash, coalesce(s.seq, 0), coalesce(s.jws, ''), news.at
    from audit.head h
    left join lateral (select seq, jws from audit.signed_head order by seq desc limit 1) s on true
    left join lateral (select at from audit.entry
                        where seq > coalesce(s.seq, 0) and act <> 'audit.sign_head'
                        order by seq limit 1) news on true
   where h.id = 1)sql"};
constexpr Query kRecord{"audit.record_head", R"sql(
  insert into audit.signed_head (seq, key_id, public_key, jws) values ($1, $2, $3, $4))sql"};
constexpr Query kKeys{"audit.head_keys", R"sql(
  select key_id, public_key from audit.signed_head group by key_id, public_key
   order by min(seq) limit $1)sql"};

std::string header_text(std::string_view key_id) {
  base::JsonWriter out;
  out.StartObject();
  out.member("alg", "ES256");
  out.member("kid", key_id);
  out.member("typ", "xinyin-audit-head");
  out.EndObject();
  return out.text();
}

std::string payload_text(std::int64_t seq, const base::Digest& hash, base::Time at) {
  base::JsonWriter out;
  out.StartObject();
  out.member("version", 1);
  out.member("seq", seq);
  out.member("hash", base::to_hex(hash));
  out.member("at", base::to_rfc3339(at, true));
  out.EndObject();
  return out.text();
}

bool is_key_id(std::string_view text) {
  return text.size() == 40 && base::from_hex(text).has_value();
}

}  // namespace

std::string_view SignedHead::signing_input() const {
  return std::string_view(jws).substr(0, jws.rfind('.'));
}

base::Bytes SignedHead::signature() const {
  return base::from_base64url(std::string_view(jws).substr(jws.rfind('.') + 1))
      .value_or(base::Bytes{});
}

std::string head_signing_input(std::int64_t seq, const base::Digest& hash, base::Time at,
                               std::string_view key_id) {
  return base::to_base64url(base::as_bytes(header_text(key_id))) + "." +
         base::to_base64url(base::as_bytes(payload_text(seq, hash, at)));
}

std::string head_text(std::string_view signing_input, base::BytesView signature) {
  return std::string(signing_input) + "." + base::to_base64url(signature);
}

std::optional<SignedHead> parse_head(std::string_view jws) {
  if (jws.size() > kMostText) return std::nullopt;
  const auto first = jws.find('.'), last = jws.rfind('.');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  const auto header = base::from_base64url(jws.substr(0, first));
  const auto payload = base::from_base64url(jws.substr(first + 1, last - first - 1));
  const auto signature = base::from_base64url(jws.substr(last + 1));
  if (!header || !payload || !signature || signature->size() != kSignatureBytes)
    return std::nullopt;
  const auto head = base::parse_json(base::as_text(*header), {.bytes = kMostText, .depth = 2});
  const auto body = base::parse_json(base::as_text(*payload), {.bytes = kMostText, .depth = 2});
  if (!head.ok() || !body.ok() || !head->IsObject() || !body->IsObject()) return std::nullopt;
  SignedHead out;
  out.key_id = base::json_text(*head, "kid");
  out.seq = base::json_int(*body, "seq").value_or(0);
  const auto hash = base::from_hex(base::json_text(*body, "hash"));
  const auto at = base::parse_rfc3339(base::json_text(*body, "at"));
  if (!is_key_id(out.key_id) || out.seq < 1 || !hash || hash->size() != out.hash.size() || !at)
    return std::nullopt;
  std::copy(hash->begin(), hash->end(), out.hash.begin());
  out.at = *at;
  // One text for one head: whatever else a header or payload might say, we do not say.
  if (head_signing_input(out.seq, out.hash, out.at, out.key_id) != jws.substr(0, last))
    return std::nullopt;
  out.jws = jws;
  return out;
}

std::string audit_key_id(base::BytesView public_key) {
  const auto digest = base::sha256(public_key);
  return base::to_hex(base::BytesView(digest).first(20));
}

base::Result<AuditState> audit_state(Pool& pool) {
  BASE_TRY(const auto rows, pool.run(kState));
  const auto hash = rows.empty() ? base::BytesView{} : rows.bytes(0, 1);
  AuditState out;
  if (hash.size() != out.hash.size())
    return base::error(base::Code::internal, "store.audit_headless", "audit.head has no row");
  out.seq = rows.integer(0, 0);
  std::copy(hash.begin(), hash.end(), out.hash.begin());
  out.signed_seq = rows.integer(0, 2);
  out.signed_jws = rows.text(0, 3);
  out.news = !rows.is_null(0, 4);
  if (out.news) out.oldest_news = rows.time(0, 4);
  return out;
}

base::Result<void> record_head(Pool& pool, const SignedHead& head, base::BytesView public_key,
                               base::Time at, std::string_view actor) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("seq", head.seq);
  facts.member("sha256", base::to_hex(base::sha256(base::as_bytes(head.jws))));
  facts.EndObject();
  BASE_TRY(auto tx, pool.begin());
  BASE_TRY_VOID(tx.run(kRecord, {head.seq, head.key_id, public_key, head.jws}));
  BASE_TRY_VOID(audit(
      tx, {at, std::string(actor), std::string(kSignHeadAct), head.key_id, "ok", facts.text()}));
  return tx.commit();
}

base::Result<std::vector<HeadKey>> head_keys(Pool& pool) {
  BASE_TRY(const auto rows, pool.run(kKeys, {kMostKeys}));
  std::vector<HeadKey> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({std::string(rows.text(i, 0)), base::to_bytes(rows.bytes(i, 1))});
  return out;
}

}  // namespace store
