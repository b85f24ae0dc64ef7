#include "auth/card_login.h"

#include <array>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr const char* kField = "auth/card_login";
constexpr std::string_view kMethod = "social-card";
constexpr std::chrono::minutes kWithin{2}, kHolderWaits{10};
// Whose numbers a card may carry (auth/identity_document.h).
constexpr std::array<std::string_view, 3> kDocuments{"cn-id", "hmt-permit", "foreign-residence"};
constexpr std::int64_t kMostBegun = 30;  // of a network, in ten minutes

constexpr store::Query kCountBegun{"auth.count_card_logins", R"sql(
  select count(*) from auth.card_login
   where network = $1 and begun_at > $2 - interval '10 minutes')sql"};
constexpr store::Query kPut{"auth.put_card_login", R"sql(
  insert into auth.card_login (digest, sealed, network, begun_at, expires_at)
  values ($1, $2, $3, $4, $5))sql"};
constexpr store::Query kFind{"auth.find_card_login", R"sql(
  select sealed, confirmed from auth.card_login where digest = $1 and expires_at > $2)sql"};
constexpr store::Query kTake{"auth.take_card_login", R"sql(
  delete from auth.card_login where digest = $1 and not confirmed returning 1::bigint)sql"};
constexpr store::Query kConfirm{"auth.confirm_card_holder", R"sql(
  update auth.card_login set sealed = $2, confirmed = true, expires_at = $3
   where digest = $1 and not confirmed returning 1::bigint)sql"};
constexpr store::Query kTakeHolder{"auth.take_card_holder", R"sql(
  delete from auth.card_login where digest = $1 and confirmed and expires_at > $2
  returning sealed)sql"};
// Kept a while after their time, so that beginnings are counted.
constexpr store::Query kSweep{"auth.sweep_card_logins", R"sql(
  delete from auth.card_login where digest in (
    select digest from auth.card_login where expires_at < $1 - interval '10 minutes'
     order by expires_at limit $2))sql"};

base::Error over() {
  return base::error(base::Code::expired, "auth.card.over");
}

std::optional<base::Digest> digest_of(std::string_view cookie) {
  if (cookie.size() != 43) return std::nullopt;
  const auto bytes = base::from_base64url(cookie);
  if (!bytes || bytes->size() != 32) return std::nullopt;
  return base::sha256(*bytes);
}

}  // namespace

struct CardLogin::Kept {
  base::Digest digest{};
  std::string address, nonce, ticket;
  bool confirmed = false;
};

base::Result<CardLogin::Begun> CardLogin::begin(const std::string& shown,
                                                const std::string& return_address,
                                                std::string_view network) {
  if (parts_.source == nullptr)
    return base::error(base::Code::unavailable, "auth.proofing.unavailable", "no card platform");
  const auto now = parts_.clock.now();
  const auto from = parts_.cipher.lookup("auth/card_login/network", network);
  BASE_TRY(const auto begun, parts_.pool.run(kCountBegun, {base::BytesView(from), now}));
  if (begun.integer(0, 0) >= kMostBegun) {
    auto failure = base::error(base::Code::rate_limited, "auth.card.slow");
    failure.retry_after = std::chrono::minutes(10);
    return failure;
  }
  ProofingQuestion question{std::string(kMethod), base::to_base64url(parts_.random.bytes(24)),
                            {{"shown", shown}}};
  BASE_TRY(const auto visit, parts_.source->begin(question, return_address));
  const auto secret = parts_.random.bytes(32);
  const auto digest = base::sha256(secret);
  base::JsonWriter kept;
  kept.StartObject();
  kept.member("address", visit.address);
  kept.member("nonce", question.nonce);
  kept.member("ticket", visit.ticket);
  kept.EndObject();
  BASE_TRY_VOID(parts_.pool.run(
      kPut, {base::BytesView(digest),
             parts_.cipher.seal(kField, base::to_hex(digest), base::as_bytes(kept.text())),
             base::BytesView(from), now, now + kWithin}));
  return Begun{base::to_base64url(secret), visit.address};
}

base::Result<CardLogin::Kept> CardLogin::find(std::string_view cookie) {
  const auto digest = digest_of(cookie);
  if (!digest) return over();
  BASE_TRY(const auto rows,
           parts_.pool.run(kFind, {base::BytesView(*digest), parts_.clock.now()}));
  if (rows.empty()) return over();
  BASE_TRY(const auto opened,
           parts_.cipher.open(kField, base::to_hex(*digest), rows.bytes(0, 0)));
  BASE_TRY(const auto json, base::parse_json(base::as_text(opened)));
  return Kept{*digest, std::string(base::json_text(json, "address")),
              std::string(base::json_text(json, "nonce")),
              std::string(base::json_text(json, "ticket")), rows.boolean(0, 1)};
}

base::Result<std::string> CardLogin::address(std::string_view cookie) {
  BASE_TRY(auto kept, find(cookie));
  if (kept.confirmed) return over();
  return std::move(kept.address);
}

base::Result<std::optional<SubjectId>> CardLogin::result(std::string_view cookie) {
  BASE_TRY(const auto kept, find(cookie));
  if (kept.confirmed) return base::error(base::Code::not_found, "auth.card.unknown");
  base::check(parts_.source != nullptr, "a try that began has a source");
  const ProofingQuestion question{std::string(kMethod), kept.nonce, {}};
  const auto answer = parts_.source->result(question, kept.ticket);
  if (!answer) return std::optional<SubjectId>();
  if (answer->outcome == ProofingOutcome::unavailable)
    return base::error(base::Code::unavailable, "auth.proofing.unavailable", answer->trouble);
  const bool confirmed = answer->outcome == ProofingOutcome::matches;
  std::optional<SubjectId> who;
  for (const auto document : kDocuments) {
    if (!confirmed || who) break;
    BASE_TRY(who, parts_.accounts.find_by_number(document, answer->id_number));
  }
  if (confirmed && !who)
    BASE_TRY_VOID(keep_holder(kept, *answer));
  else
    BASE_TRY_VOID(take(kept));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("transaction", answer->transaction);
  facts.EndObject();
  const char* outcome = who ? "ok" : confirmed ? "auth.card.unknown" : "auth.card.refused";
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {parts_.clock.now(), who ? who->value() : "anonymous",
                                  "login.social_card", who ? who->value() : "", outcome,
                                  facts.text()}));
  BASE_TRY_VOID(tx.commit());
  if (who) return who;
  return confirmed ? base::error(base::Code::not_found, "auth.card.unknown")
                   : base::error(base::Code::unauthenticated, "auth.card.refused");
}

base::Result<void> CardLogin::take(const Kept& kept) {
  BASE_TRY(const auto taken, parts_.pool.run(kTake, {base::BytesView(kept.digest)}));
  if (taken.empty()) return over();
  return {};
}

base::Result<void> CardLogin::keep_holder(const Kept& kept, const ProofingAnswer& answer) {
  base::JsonWriter holder;
  holder.StartObject();
  holder.member("name", answer.name);
  holder.member("id_number", answer.id_number);
  holder.member("transaction", answer.transaction);
  holder.EndObject();
  const auto sealed =
      parts_.cipher.seal(kField, base::to_hex(kept.digest), base::as_bytes(holder.text()));
  BASE_TRY(const auto done,
           parts_.pool.run(kConfirm, {base::BytesView(kept.digest), sealed,
                                      parts_.clock.now() + kHolderWaits}));
  if (done.empty()) return over();
  return {};
}

base::Result<CardLogin::Holder> CardLogin::holder(std::string_view cookie) {
  const auto digest = digest_of(cookie);
  if (!digest) return over();
  BASE_TRY(const auto rows,
           parts_.pool.run(kTakeHolder, {base::BytesView(*digest), parts_.clock.now()}));
  if (rows.empty()) return over();
  BASE_TRY(const auto opened,
           parts_.cipher.open(kField, base::to_hex(*digest), rows.bytes(0, 0)));
  BASE_TRY(const auto json, base::parse_json(base::as_text(opened)));
  return Holder{std::string(base::json_text(json, "name")),
                std::string(base::json_text(json, "id_number")), parts_.source->name(),
                std::string(base::json_text(json, "transaction"))};
}

base::Result<std::int64_t> CardLogin::sweep(int most) {
  BASE_TRY(const auto gone, parts_.pool.run(kSweep, {parts_.clock.now(), most}));
  return static_cast<std::int64_t>(gone.affected());
}

}  // namespace auth
