#include "auth/phone_factor.h"

#include "auth/contact_numbers.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr std::string_view kConfirm = "web.code_for.confirm_phone", kStep = "web.code_for.login";

base::Result<std::string> mobile(std::string_view typed) {
  auto phone = normal_mobile(typed);
  if (phone) return std::move(*phone);
  auto failure = base::error(base::Code::invalid_argument, "auth.field.mobile");
  failure.fields.push_back({"phone", "auth.field.mobile"});
  return failure;
}

}  // namespace

base::Result<std::optional<Factor>> PhoneFactor::factor_of(const SubjectId& subject) {
  BASE_TRY(auto factors, factors_of(parts_.pool, parts_.cipher, subject));
  for (auto& one : factors)
    if (one.kind == FactorKind::sms) return std::optional<Factor>(std::move(one));
  return std::optional<Factor>();
}

base::Result<void> PhoneFactor::offer(std::string_view session, std::string_view phone,
                                      std::string_view network) {
  BASE_TRY(const auto number, mobile(phone));
  return parts_.codes.send(kConfirm, session, number, network);
}

base::Result<void> PhoneFactor::confirm(const SubjectId& subject, std::string_view session,
                                        std::string_view phone, std::string_view code) {
  BASE_TRY(const auto number, mobile(phone));
  BASE_TRY_VOID(parts_.codes.check(kConfirm, session, number, code));
  const auto now = parts_.clock.now();
  BASE_TRY(const auto before, factor_of(subject));
  BASE_TRY(auto tx, parts_.pool.begin());
  NewFactor factor{subject, FactorKind::sms, base::mask_number(number, 3, 4),
                   base::as_bytes(number)};
  if (before) {
    const auto old = std::string(base::as_text(before->secret));
    if (old != number) factor.cool_off = parts_.cool_off;
    BASE_TRY_VOID(end_factor(tx, parts_.cipher, subject, before->id, subject.value(), now));
    BASE_TRY_VOID(parts_.notices.phone_changed(tx, subject, old, number));
  }
  BASE_TRY_VOID(add_factor(tx, parts_.cipher, parts_.random, factor, subject.value(), now));
  if (!before) BASE_TRY_VOID(parts_.notices.factor_added(tx, subject, FactorKind::sms));
  return tx.commit();
}

base::Result<void> PhoneFactor::send_step(const SubjectId& subject, std::string_view browser,
                                          std::string_view network) {
  BASE_TRY(const auto factor, factor_of(subject));
  if (!factor || factor->usable_from > parts_.clock.now())
    return base::error(base::Code::not_found, "auth.factor.unknown");
  return parts_.codes.send(kStep, browser, base::as_text(factor->secret), network);
}

base::Result<void> PhoneFactor::check_step(const SubjectId& subject, std::string_view browser,
                                           std::string_view code, std::string_view network) {
  BASE_TRY(const auto factor, factor_of(subject));
  if (!factor || factor->usable_from > parts_.clock.now())
    return base::error(base::Code::unauthenticated, "auth.code.wrong");
  // Beside the five tries of one code: somebody could ask for code after code.
  SoftLock lock(parts_.pool, parts_.cipher, parts_.clock);
  BASE_TRY(const auto admission, lock.admit(SoftLock::kFactor, factor->id, network));
  const auto now = parts_.clock.now();
  const auto right =
      parts_.codes.check(kStep, browser, base::as_text(factor->secret), code);
  BASE_TRY(auto tx, parts_.pool.begin());
  if (!right.ok()) {
    BASE_TRY_VOID(store::audit(tx, {now, subject.value(), "login.sms", subject.value(),
                                    right.error().key}));
    BASE_TRY_VOID(tx.commit());
    return right.error();
  }
  BASE_TRY(const bool in_force, use_factor(tx, *factor, now));
  if (!in_force) return base::error(base::Code::unauthenticated, "auth.code.wrong");
  lock.succeeded(tx, admission);
  return tx.commit();
}

}  // namespace auth
