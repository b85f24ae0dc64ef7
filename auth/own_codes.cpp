#include "auth/own_codes.h"

#include "auth/accounts.h"
#include "auth/totp.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kPutRecovery{"auth.put_recovery_code", R"sql(
  insert into auth.recovery_code (factor_id, digest) values ($1, $2))sql"};
constexpr store::Query kSpendRecovery{"auth.spend_recovery_code", R"sql(
  update auth.recovery_code set used_at = $3
   where factor_id = $1 and digest = $2 and used_at is null returning 1::bigint)sql"};
constexpr store::Query kRecoveryLeft{"auth.recovery_codes_left", R"sql(
  select count(*) from auth.recovery_code c join auth.factor f on f.id = c.factor_id
   where f.subject_id = $1 and f.kind = 'recovery' and f.ended_at is null
     and c.used_at is null)sql"};

// Password, an account elsewhere, a passkey that verifies its user: what begins a login by itself.
constexpr store::Query kWaysIn{"auth.ways_in", R"sql(
  select (select count(*) from auth.credential where subject_id = $1)
       + (select count(*) from auth.factor f left join auth.passkey p on p.id = f.id
           where f.subject_id = $1 and f.ended_at is null
             and (f.kind = 'third_party'
                  or (p.user_verified and p.suspended_at is null))))sql"};

constexpr const char* kOfferField = "auth/totp_offer";
constexpr std::chrono::minutes kOfferLife{10};
constexpr int kRecoveryCodes = 10;
constexpr std::size_t kRecoveryBytes = 10;

std::string row_of(const SubjectId& subject, std::string_view session) {
  return subject.value() + " " + std::string(session);
}

/// "abcd-efgh-ijkl-mnop"
std::string shown(base::BytesView secret) {
  std::string out;
  for (const char c : to_base32(secret)) {
    if (out.size() % 5 == 4) out += '-';
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

/// As it was typed: case, blanks and hyphens do not matter, nor 0, 1 and 8, which base32 lacks.
std::string plain(std::string_view typed) {
  std::string out;
  for (char c : typed.substr(0, 64)) {
    if (c == ' ' || c == '-') continue;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '0') c = 'o';
    if (c == '1') c = 'i';
    if (c == '8') c = 'b';
    out += c;
  }
  return out;
}

base::Digest digest_of(const store::FieldCipher& cipher, const Factor& factor,
                       std::string_view code) {
  return cipher.lookup("auth/recovery_code", factor.id + " " + plain(code));
}

base::Error wrong_code() {
  return base::error(base::Code::unauthenticated, "auth.code.wrong");
}

}  // namespace

OwnCodes::Offer OwnCodes::offer_totp(const SubjectId& subject, std::string_view session,
                                     std::string_view login_name) const {
  const auto secret = parts_.random.bytes(kTotpSecretBytes);
  const auto until = base::to_unix_s(parts_.clock.now() + kOfferLife);
  base::Bytes plain(secret);
  for (int shift = 56; shift >= 0; shift -= 8)
    plain.push_back(static_cast<std::uint8_t>(until >> shift));
  return {base::to_base64url(parts_.cipher.seal(kOfferField, row_of(subject, session), plain)),
          to_base32(secret), totp_address(secret, parts_.issuer, login_name)};
}

/// The secret of an offer that is still good.
std::optional<base::Bytes> OwnCodes::secret_in(const SubjectId& subject, std::string_view session,
                                               std::string_view token) const {
  const auto sealed = token.size() <= 512 ? base::from_base64url(token) : std::nullopt;
  if (!sealed) return std::nullopt;
  auto opened = parts_.cipher.open(kOfferField, row_of(subject, session), *sealed);
  if (!opened.ok() || opened->size() != kTotpSecretBytes + 8) return std::nullopt;
  std::int64_t until = 0;
  for (std::size_t i = kTotpSecretBytes; i < opened->size(); ++i) until = until << 8 | (*opened)[i];
  if (base::to_unix_s(parts_.clock.now()) >= until) return std::nullopt;
  opened->resize(kTotpSecretBytes);
  return std::move(*opened);
}

std::optional<OwnCodes::Offer> OwnCodes::same_offer(const SubjectId& subject,
                                                    std::string_view session,
                                                    std::string_view token,
                                                    std::string_view login_name) const {
  const auto secret = secret_in(subject, session, token);
  if (!secret) return std::nullopt;
  return Offer{std::string(token), to_base32(*secret),
               totp_address(*secret, parts_.issuer, login_name)};
}

base::Result<void> OwnCodes::add_totp(const SubjectId& subject, std::string_view session,
                                      std::string_view token, std::string_view code,
                                      std::string_view label) {
  const auto now = parts_.clock.now();
  const auto opened = secret_in(subject, session, token);
  if (!opened) return base::error(base::Code::expired, "auth.totp.offer_over");
  const base::BytesView secret(*opened);
  const auto step = totp_step(secret, code, now);
  if (!step) return wrong_code();
  BASE_TRY(auto tx, parts_.pool.begin());
  NewFactor factor{subject, FactorKind::totp, std::string(label), secret};
  factor.counter = *step;  // the first code is spent
  BASE_TRY_VOID(add_factor(tx, parts_.cipher, parts_.random, factor, subject.value(), now));
  BASE_TRY_VOID(parts_.notices.factor_added(tx, subject, FactorKind::totp));
  return tx.commit();
}

base::Result<std::optional<Factor>> OwnCodes::factor_of(const SubjectId& subject, FactorKind kind) {
  BASE_TRY(auto factors, factors_of(parts_.pool, parts_.cipher, subject));
  for (auto& one : factors)
    if (one.kind == kind && one.usable_from <= parts_.clock.now())
      return std::optional<Factor>(std::move(one));
  return std::optional<Factor>();
}

base::Result<void> OwnCodes::note_failure(const Factor& factor) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("factor", factor.id);
  facts.EndObject();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {parts_.clock.now(), factor.subject.value(),
                                  "login." + std::string(to_text(factor.kind)),
                                  factor.subject.value(), "auth.code.wrong", facts.text()}));
  return tx.commit();
}

base::Result<void> OwnCodes::check_totp(const SubjectId& subject, std::string_view code,
                                        std::string_view network) {
  BASE_TRY(const auto factor, factor_of(subject, FactorKind::totp));
  if (!factor) return wrong_code();
  SoftLock lock(parts_.pool, parts_.cipher, parts_.clock);
  BASE_TRY(const auto admission, lock.admit(SoftLock::kFactor, factor->id, network));
  const auto now = parts_.clock.now();
  if (const auto step = totp_step(factor->secret, code, now)) {
    BASE_TRY(auto tx, parts_.pool.begin());
    BASE_TRY(const bool mine, use_factor(tx, *factor, *step, now));
    if (mine) {
      lock.succeeded(tx, admission);
      return tx.commit();
    }
  }
  BASE_TRY_VOID(note_failure(*factor));
  return wrong_code();
}

base::Result<std::vector<std::string>> OwnCodes::make_recovery_codes(const SubjectId& subject) {
  const auto now = parts_.clock.now();
  BASE_TRY(const auto before, factor_of(subject, FactorKind::recovery));
  BASE_TRY(auto tx, parts_.pool.begin());
  if (before)
    BASE_TRY_VOID(end_factor(tx, parts_.cipher, subject, before->id, subject.value(), now));
  NewFactor factor{subject, FactorKind::recovery, "恢复码 Recovery codes", {}};
  BASE_TRY(const auto id,
           add_factor(tx, parts_.cipher, parts_.random, factor, subject.value(), now));
  Factor made;
  made.id = id;
  std::vector<std::string> codes;
  for (int i = 0; i < kRecoveryCodes; ++i) {
    codes.push_back(shown(parts_.random.bytes(kRecoveryBytes)));
    BASE_TRY_VOID(tx.run(
        kPutRecovery, {id, base::BytesView(digest_of(parts_.cipher, made, codes.back()))}));
  }
  BASE_TRY_VOID(parts_.notices.factor_added(tx, subject, FactorKind::recovery));
  BASE_TRY_VOID(tx.commit());
  return codes;
}

base::Result<std::int64_t> OwnCodes::recovery_codes_left(const SubjectId& subject) {
  BASE_TRY(const auto rows, parts_.pool.run(kRecoveryLeft, {subject.value()}));
  return rows.integer(0, 0);
}

base::Result<void> OwnCodes::check_recovery_code(const SubjectId& subject, std::string_view code,
                                                 std::string_view network) {
  BASE_TRY(const auto factor, factor_of(subject, FactorKind::recovery));
  if (!factor) return wrong_code();
  SoftLock lock(parts_.pool, parts_.cipher, parts_.clock);
  BASE_TRY(const auto admission, lock.admit(SoftLock::kFactor, factor->id, network));
  const auto now = parts_.clock.now();
  {
    BASE_TRY(auto tx, parts_.pool.begin());
    BASE_TRY(const auto spent,
             tx.run(kSpendRecovery,
                    {factor->id, base::BytesView(digest_of(parts_.cipher, *factor, code)), now}));
    if (!spent.empty()) {
      BASE_TRY(const bool in_force, use_factor(tx, *factor, now));
      if (in_force) {
        lock.succeeded(tx, admission);
        BASE_TRY_VOID(parts_.notices.recovery_code_used(tx, subject));
        return tx.commit();
      }
    }
  }
  BASE_TRY_VOID(note_failure(*factor));
  return wrong_code();
}

base::Result<void> OwnCodes::remove(const SubjectId& subject, std::string_view id) {
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto phones, phones_of(tx, parts_.cipher, subject));
  BASE_TRY(const auto ended,
           end_factor(tx, parts_.cipher, subject, id, subject.value(), parts_.clock.now()));
  BASE_TRY(const auto ways, tx.run(kWaysIn, {subject.value()}));
  if (ways.integer(0, 0) == 0) return base::error(base::Code::conflict, "auth.factor.last");
  BASE_TRY_VOID(parts_.notices.factor_removed(tx, subject, ended.kind, phones));
  return tx.commit();
}

}  // namespace auth
