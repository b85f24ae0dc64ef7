#include "auth/proposal_keys.h"

#include <algorithm>

namespace auth {
namespace {

constexpr store::Query kLockKey{"auth.lock_proposal_key", R"sql(
  select 1::bigint from pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 7303)))sql"};
constexpr store::Query kFindKey{"auth.find_proposal_key", R"sql(
  select content, request from auth.proposal_key where key = $1)sql"};
constexpr store::Query kPutKey{"auth.put_proposal_key", R"sql(
  insert into auth.proposal_key (key, content, request, at) values ($1, $2, $3, $4))sql"};

}  // namespace

base::Result<void> check_proposal_key(std::string_view key) {
  const bool visible =
      std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (key.empty() || key.size() > 200 || !visible)
    return base::error(base::Code::invalid_argument, "auth.request.key");
  return {};
}

std::optional<NamedProposal> named_proposal(const SubjectId& by, std::string_view key,
                                            const base::Digest& content) {
  if (key.empty()) return std::nullopt;
  return NamedProposal{base::sha256(base::as_bytes(by.value() + "\n" + std::string(key))), content};
}

base::Result<std::optional<std::string>> find_proposal(store::Tx& tx,
                                                       const std::optional<NamedProposal>& named) {
  if (!named) return std::optional<std::string>();
  BASE_TRY_VOID(tx.run(kLockKey, {base::BytesView(named->key)}));
  BASE_TRY(const auto rows, tx.run(kFindKey, {base::BytesView(named->key)}));
  if (rows.empty()) return std::optional<std::string>();
  if (!base::constant_time_equal(named->content, rows.bytes(0, 0)))
    return base::error(base::Code::conflict, "auth.request.key_used");
  return std::optional(std::string(rows.text(0, 1)));
}

base::Result<void> put_proposal(store::Tx& tx, const std::optional<NamedProposal>& named,
                                std::string_view request, base::Time now) {
  if (!named) return {};
  BASE_TRY_VOID(tx.run(
      kPutKey, {base::BytesView(named->key), base::BytesView(named->content), request, now}));
  return {};
}

}  // namespace auth
