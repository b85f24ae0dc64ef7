#include "api/audit_heads.h"

namespace api {

base::Result<AuditHeads::Turn> AuditHeads::turn(bool last) {
  const auto now = parts_.clock.now();
  // A clock that was set back must not make a rest of hours.
  if (rest_until_ && !last && now < *rest_until_ && *rest_until_ - now <= pace_.again)
    return Turn::resting;
  auto outcome = try_turn(last);
  rest_until_ = outcome.ok() ? std::nullopt : std::optional(now + pace_.again);
  return outcome;
}

base::Result<AuditHeads::Turn> AuditHeads::try_turn(bool last) {
  BASE_TRY(const auto state, store::audit_state(parts_.pool));
  unsigned_rows_ = state.seq - state.signed_seq;
  // A row that only tells of the last signing is no reason for another.
  if (!state.news) return Turn::nothing_new;
  const auto waited = parts_.clock.now() - state.oldest_news;
  const bool due = unsigned_rows_ >= pace_.rows || waited >= pace_.every || waited < -pace_.every;
  if (!due && !last) return Turn::not_due;
  return sign(state);
}

base::Result<AuditHeads::Turn> AuditHeads::sign(const store::AuditState& state) {
  if (!key_) {
    BASE_TRY(auto key, parts_.key());
    if (key->info().purpose != hsm::Purpose::audit ||
        key->info().algorithm != hsm::Algorithm::ecdsa_p256)
      return base::error(base::Code::permission_denied, "api.audit_key", key->info().label);
    key_ = std::move(key);
  }
  const auto& public_key = key_->info().public_key;
  const auto input = store::head_signing_input(state.seq, state.hash, parts_.clock.now(),
                                               store::audit_key_id(public_key));
  // Signed before the transaction: nobody who appends waits for the token.
  BASE_TRY(const auto signature, key_->sign_message(base::as_bytes(input)));
  const auto head = store::parse_head(store::head_text(input, signature));
  if (!head) return base::error(base::Code::internal, "api.audit_key", "made a head that is none");
  const auto done =
      store::record_head(parts_.pool, *head, public_key, parts_.clock.now(), parts_.actor);
  if (done.ok()) {
    unsigned_rows_ = 1;
    return Turn::signed_now;
  }
  if (store::is_violation(done.error(), "signed_head_pkey")) return Turn::other_was_first;
  return done.error();
}

}  // namespace api
