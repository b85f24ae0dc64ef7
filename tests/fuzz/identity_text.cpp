// Names, numbers and passwords as people and programs type them. Normal forms are stable: normal of
// normal is the same.
#include "auth/accounts.h"
#include "auth/id_numbers.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr base::Date kToday{std::chrono::year{2026} / 11 / 24};
  if (const auto name = auth::normal_login_name(text))
    base::check(auth::normal_login_name(*name) == name, "login name is not stable");
  for (const auto kind : {auth::SubjectKind::person, auth::SubjectKind::unit})
    if (const auto name = auth::normal_name(kind, text))
      base::check(auth::normal_name(kind, *name) == name, "name is not stable");
  for (const auto* type : {"cn-id", "hmt-permit", "uscc", "passport", "unit-number", "project-code",
                           "overseas-body", "other"})
    if (const auto number = auth::normal_id_number(type, text, kToday); number.ok()) {
      const auto again = auth::normal_id_number(type, *number, kToday);
      base::check(again.ok() && *again == *number, "number is not stable");
    }
  (void)auth::citizen_number_for_lookup(text, kToday).ok();
  const base::Secret secret(base::as_bytes(text));
  if (const auto normal = auth::normal_password(secret); normal.ok()) {
    // One normal form may be longer than what was typed, past the limit; then it is refused.
    if (const auto again = auth::normal_password(*normal); again.ok())
      base::check(again->equals(normal->reveal()), "password is not stable");
    (void)auth::judge_new_password(*normal, {}, false, {std::string(text.substr(0, 16))}).ok();
  }
  return 0;
}
