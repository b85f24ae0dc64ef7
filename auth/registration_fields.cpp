#include "auth/registration_fields.h"

#include <array>

#include "auth/accounts.h"
#include "auth/contact_numbers.h"
#include "auth/details.h"
#include "auth/identity_document.h"
#include "base/text.h"

namespace auth {
namespace {

using Step = RegistrationStep;
constexpr auto kPerson = SubjectKind::person;
constexpr auto kUnit = SubjectKind::unit;

constexpr std::array<RegistrationField, 8> kPersonFields{{
    {"name", kPerson, Step::identity, true, 240},
    {"id_type", kPerson, Step::identity, true, 20},
    {"id_number", kPerson, Step::identity, true, 120},
    {"country", kPerson, Step::identity, false, 3},
    {"social_security_number", kPerson, Step::details, false, 80},
    {"card_number", kPerson, Step::details, false, 80},
    {"bank_account", kPerson, Step::details, false, 80},
    {"mobile", kPerson, Step::details, true, 80},
}};
constexpr std::array<RegistrationField, 8> kUnitFields{{
    {"unit_name", kUnit, Step::identity, true, 480},
    {"id_type", kUnit, Step::identity, true, 20},
    {"id_number", kUnit, Step::identity, true, 120},
    {"country", kUnit, Step::identity, false, 3},
    {"legal_name", kUnit, Step::details, true, 240},
    {"legal_phone", kUnit, Step::details, true, 80},
    {"handler_name", kUnit, Step::details, true, 240},
    {"handler_phone", kUnit, Step::details, true, 80},
}};

std::string typed_in(const FieldValues& typed, std::string_view name) {
  const auto it = typed.find(name);
  return it == typed.end() ? std::string() : it->second;
}

class Judge {
 public:
  Judge(const FieldValues& typed, base::Date today) : typed_(typed), today_(today) {}

  std::string typed(std::string_view name) const { return typed_in(typed_, name); }
  bool given(std::string_view name) const {
    return typed(name).find_first_not_of(' ') != std::string::npos;
  }
  void wrong(std::string_view field, std::string key) {
    out_.wrong.push_back({std::string(field), std::move(key)});
  }
  void keep(std::string_view field, std::string value) {
    out_.values.insert_or_assign(std::string(field), std::move(value));
  }
  /// One value by its own rule; `key` names what is wrong with it.
  void take(std::string_view field, const std::optional<std::string>& value, const char* key) {
    if (!given(field))
      wrong(field, "auth.field.missing");
    else if (!value)
      wrong(field, key);
    else
      keep(field, *value);
  }

  void identity(SubjectKind kind) {
    const std::string_view name_field = kind == kPerson ? "name" : "unit_name";
    take(name_field, normal_name(kind, typed(name_field)), "auth.name.form");
    const auto* type = document_type(typed("id_type"));
    if (!given("id_type") || type == nullptr || type->kind != kind) {
      wrong("id_type", given("id_type") ? "auth.id_type.kind" : "auth.field.missing");
      if (!given("id_number")) wrong("id_number", "auth.field.missing");
      return;
    }
    keep("id_type", std::string(type->id));
    if (!given("id_number")) {
      wrong("id_number", "auth.field.missing");
      return;
    }
    const auto read = read_identity_document(kind, type->id, typed("id_number"),
                                             type->country_needed ? typed("country") : "", today_);
    if (!read.ok()) {
      const bool country = read.error().key == "auth.id_number.country" && type->country_needed;
      if (country && !given("country"))
        wrong("country", "auth.field.missing");
      else
        wrong(country ? "country" : "id_number", read.error().key);
      return;
    }
    // As typed, so that a machine-readable line is judged again and its date of birth is known.
    keep("id_number", typed("id_number"));
    keep("country", type->country_needed ? read->country : "");
    if (read->doubtful) out_.doubts.push_back({"id_number", "auth.uscc.organisation"});
  }

  void person_details() {
    const auto id_type = typed("id_type");
    const bool citizen = id_type == "cn-id";
    const auto document =
        read_identity_document(kPerson, id_type, typed("id_number"), typed("country"), today_);
    const auto number = normal_social_security_number(typed("social_security_number"));
    if (citizen) {
      // A citizen's social security number is the identity number (Social Insurance Law, 58); when
      // that is wrong, it is told there.
      if (document.ok() && given("social_security_number") && number != document->number)
        wrong("social_security_number", "auth.field.social_security_number_differs");
      else if (document.ok())
        keep("social_security_number", document->number);
    } else {
      take("social_security_number", number, "auth.field.social_security_number");
    }
    if (!given("card_number") && !given("bank_account")) {
      wrong("card_number", "auth.field.card_or_account");
    } else {
      if (given("card_number"))
        take("card_number", normal_card_number(typed("card_number")), "auth.field.card_number");
      if (given("bank_account")) {
        const auto account = normal_bank_account(typed("bank_account"));
        take("bank_account", account, "auth.field.bank_account");
        if (account && !bank_account_checks(*account))
          out_.doubts.push_back({"bank_account", "auth.field.bank_account_doubt"});
      }
    }
    take("mobile", normal_mobile(typed("mobile")), "auth.field.mobile");
  }

  void unit_details() {
    for (const auto* name : {"legal_name", "handler_name"}) {
      take(name, normal_name(kPerson, typed(name)), "auth.name.form");
      const auto* phone = std::string_view(name) == "legal_name" ? "legal_phone" : "handler_phone";
      take(phone, normal_telephone(typed(phone)), "auth.field.telephone");
    }
  }

  Judged finish() { return std::move(out_); }

 private:
  const FieldValues& typed_;
  const base::Date today_;
  Judged out_;
};

}  // namespace

std::string_view to_text(RegistrationStep step) {
  switch (step) {
    case Step::identity:
      return "identity";
    case Step::details:
      return "details";
    case Step::account:
      return "account";
  }
  return {};
}

bool needs_fresh_login(const FieldValues& typed) {
  return !phone_in(typed).empty();
}

std::string masked_value(std::string_view field, std::string_view value) {
  if (value.empty()) return {};
  return field.ends_with("name") ? base::mask_name(value) : base::mask_number(value, 3, 4);
}

std::span<const RegistrationField> registration_fields(SubjectKind kind) {
  if (kind == SubjectKind::person) return kPersonFields;
  return kUnitFields;
}

Judged judge_fields(SubjectKind kind, RegistrationStep step, const FieldValues& typed,
                    base::Date today) {
  Judge judge(typed, today);
  if (step == Step::identity) judge.identity(kind);
  if (step == Step::details) {
    if (kind == kPerson)
      judge.person_details();
    else
      judge.unit_details();
  }
  return judge.finish();
}

}  // namespace auth
