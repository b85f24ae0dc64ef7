#include "auth/consents.h"

#include "auth/clients.h"

namespace auth {
namespace {

constexpr store::Query kConsentBefore{"auth.consent_before", R"sql(
  select scopes, claims from auth.consent where subject_id = $1 and client_id = $2)sql"};
constexpr store::Query kPutConsent{"auth.put_consent", R"sql(
  insert into auth.consent (subject_id, client_id, scopes, granted_at, claims)
  values ($1, $2, $3, $4, $5)
  on conflict (subject_id, client_id) do update
    set scopes = excluded.scopes, granted_at = excluded.granted_at,
        claims = excluded.claims)sql"};
constexpr store::Query kDenyDevices{"auth.deny_devices", R"sql(
  update auth.device_request set granted = false
   where subject_id = $1 and ($2 = '' or client_id = $2) and granted and used_at is null)sql"};

}  // namespace

base::Result<void> add_consent(store::Tx& tx, std::string_view subject, std::string_view client,
                               std::string_view scopes, std::string_view claim_words,
                               base::Time now) {
  BASE_TRY(const auto before, tx.run(kConsentBefore, {subject, client}));
  const auto joined = [&](int column, std::string_view more) {
    std::string out(before.empty() ? "" : before.text(0, column));
    for (const auto& word : split_scopes(more))
      if (!has_scope(out, word)) out += (out.empty() ? "" : " ") + word;
    return out;
  };
  BASE_TRY_VOID(
      tx.run(kPutConsent, {subject, client, joined(0, scopes), now, joined(1, claim_words)}));
  return {};
}

base::Result<void> deny_devices(store::Tx& tx, const SubjectId& subject, std::string_view client) {
  BASE_TRY_VOID(tx.run(kDenyDevices, {subject.value(), client}));
  return {};
}

}  // namespace auth
