#include "api/pages/registration_pages.h"

#include <algorithm>

#include "api/http/message.h"
#include "auth/countries.h"
#include "auth/identity_document.h"
#include "base/text.h"

namespace api::pages {
namespace {

using auth::RegistrationStep;
using auth::SubjectKind;

PageData both(std::string_view key, base::MessageArgs args = {}) {
  PageData out;
  out.text("zh", base::message(key, base::Language::zh, args));
  out.text("en", base::message(key, base::Language::en, args));
  return out;
}

/// A unit has codes where a person has documents.
std::string label_key(SubjectKind kind, std::string_view field) {
  const bool unit = kind == SubjectKind::unit && (field == "id_type" || field == "id_number");
  return "web.field." + std::string(unit ? "unit_" : "") + std::string(field);
}

std::string typed_in(const auth::FieldValues& values, std::string_view name) {
  const auto it = values.find(name);
  return it == values.end() ? std::string() : it->second;
}

const base::FieldError* find(const std::vector<base::FieldError>& errors, std::string_view field) {
  const auto it = std::find_if(errors.begin(), errors.end(),
                               [&](const base::FieldError& one) { return one.field == field; });
  return it == errors.end() ? nullptr : &*it;
}

/// The problems as a list of links, each to its field.
void put_problems(PageData& data, SubjectKind kind, const std::vector<base::FieldError>& wrong,
                  base::MessageArgs args = {}) {
  std::vector<PageData> rows;
  for (const auto& one : wrong) {
    PageData row;
    row.text("id", one.field).object("label", both(label_key(kind, one.field)));
    row.object("text", both(one.key, args));
    rows.push_back(std::move(row));
  }
  data.flag("wrong", !rows.empty()).list("problems", std::move(rows));
}

std::vector<PageData> options_of(std::string_view field, SubjectKind kind,
                                 std::string_view chosen) {
  std::vector<PageData> out;
  const auto put = [&](std::string_view value, std::string text) {
    PageData one;
    one.text("value", std::string(value)).text("text", std::move(text));
    one.flag("chosen", value == chosen);
    out.push_back(std::move(one));
  };
  if (field == "id_type") {
    for (const auto& type : auth::document_types())
      if (type.kind == kind) {
        const auto key = "auth.document." + std::string(type.id);
        put(type.id,
            base::message(key, base::Language::zh) + " " + base::message(key, base::Language::en));
      }
  } else {
    for (const auto& country : auth::countries())
      put(country.alpha3, std::string(country.zh) + " " + std::string(country.en) + " (" +
                              std::string(country.alpha3) + ")");
  }
  return out;
}

std::string_view autocomplete_of(std::string_view field) {
  if (field == "name") return "name";
  if (field == "unit_name") return "organization";
  if (field == "mobile") return "tel-national";
  return "off";
}

PageData field_row(const auth::RegistrationField& field, const auth::RegistrationDraft& draft,
                   const std::vector<base::FieldError>& wrong) {
  PageData row;
  const std::string name(field.name);
  const auto typed = typed_in(draft.typed, field.name);
  const bool choice = field.name == "id_type" || field.name == "country";
  const bool phone = field.name == "mobile" || field.name.ends_with("_phone");
  row.text("id", name).object("label", both(label_key(draft.kind, field.name)));
  row.text("typed", typed).flag("needed", field.required).flag("choice", choice);
  row.flag("plain", !field.name.ends_with("name"));
  row.text("inputmode", phone ? "tel" : field.name == "bank_account" ? "numeric" : "text");
  row.text("autocomplete", std::string(autocomplete_of(field.name)));
  row.text("most", std::to_string(field.most));
  if (choice) row.list("options", options_of(field.name, draft.kind, typed));
  const auto help = "web.help." + name;
  const bool unit_code = draft.kind == SubjectKind::unit && field.name == "id_number";
  if (base::has_message(help) && !unit_code)
    row.object("hint", both(help));
  else
    row.flag("hint", false);
  if (const auto* bad = find(wrong, field.name))
    row.object("bad", both(bad->key));
  else
    row.flag("bad", false);
  return row;
}

void put_frame(PageData& data, const RegisterFrame& frame) {
  std::string grouped;
  for (std::size_t i = 0; i < frame.reference.size(); ++i) {
    if (i > 0 && i % 8 == 0) grouped += '-';
    grouped += frame.reference[i];
  }
  data.text("csrf", frame.csrf).flag("reference", false);
  // What is proven stays in the browser where it was proven.
  if (!frame.draft.proven) data.object("reference", PageData().text("grouped", grouped));
  data.text("until", base::to_china_time(frame.draft.expires_at));
}

/// One given value as it is shown for checking.
std::string shown(const auth::RegistrationDraft& draft, std::string_view field, base::Date today) {
  const auto typed = typed_in(draft.typed, field);
  if (field == "id_type") return base::message("auth.document." + typed, base::Language::zh);
  if (field == "country") {
    const auto* country = auth::country_by_alpha3(typed);
    return country == nullptr ? std::string() : std::string(country->zh);
  }
  if (field == "id_number") {
    const auto read = auth::read_identity_document(draft.kind, typed_in(draft.typed, "id_type"),
                                                   typed, typed_in(draft.typed, "country"), today);
    return read.ok() ? read->masked() : std::string();
  }
  const auto judged = auth::judge_fields(draft.kind, RegistrationStep::details, draft.typed, today);
  auto value = typed_in(judged.values, field);
  if (field.ends_with("name")) return value.empty() ? typed : value;
  return value.size() > 8 ? base::mask_number(value, 3, 4) : value;
}

}  // namespace

std::string register_start(const Renderer& look, const RegisterPage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("return_to", page.return_to);
  data.text("return_to_in_link", percent_encode(page.return_to)).flag("card", page.card);
  if (!page.going.empty()) data.text("going", page.going);
  if (page.problem != nullptr) data.message("problem", page.problem->key, page.problem->args);
  return look.page("register", "web.register.title", data);
}

std::string register_step(const Renderer& look, const RegisterFrame& frame, RegistrationStep step,
                          const std::vector<base::FieldError>& wrong) {
  PageData data;
  put_frame(data, frame);
  const std::string name(auth::to_text(step));
  data.message("heading", "web.register.step." + name);
  data.text("action", "/register/" + name);
  if (step == RegistrationStep::details) data.text("back", "/register/identity");
  put_problems(data, frame.draft.kind, wrong);
  std::vector<PageData> rows;
  for (const auto& field : auth::registration_fields(frame.draft.kind))
    if (field.step == step) rows.push_back(field_row(field, frame.draft, wrong));
  data.list("fields", std::move(rows));
  const bool fixed = frame.draft.proven && step == RegistrationStep::identity;
  data.flag("open", !fixed).flag("fixed", false);
  if (fixed) {
    std::vector<PageData> given;
    for (const auto* field : {"name", "id_type", "id_number"}) {
      PageData row;
      row.object("label", both(label_key(frame.draft.kind, field)));
      row.text("value", shown(frame.draft, field, frame.today));
      given.push_back(std::move(row));
    }
    data.object("fixed", PageData().list("given", std::move(given)));
  }
  return look.page("register_step", "web.register.title", data);
}

std::string register_account(const Renderer& look, const RegisterFrame& frame,
                             const RegisterAccountPage& page) {
  PageData data;
  put_frame(data, frame);
  data.text("login_name", page.login_name);
  std::vector<base::FieldError> wrong;
  base::MessageArgs args;
  if (page.problem != nullptr) {
    wrong = page.problem->fields;
    args = page.problem->args;
  }
  put_problems(data, frame.draft.kind, wrong, args);
  if (page.problem != nullptr && wrong.empty()) {
    PageData row;
    row.flag("label", false).object("text", both(page.problem->key, args));
    data.flag("wrong", true).list("problems", {std::move(row)});
  }
  for (const auto* field : {"login_name", "password", "password_again"}) {
    const auto place = std::string(field) + "_bad";
    if (const auto* bad = find(wrong, field))
      data.object(place, both(bad->key, args));
    else
      data.flag(place, false);
  }
  std::vector<PageData> facts;
  std::vector<base::FieldError> doubts;
  for (const auto step : {RegistrationStep::identity, RegistrationStep::details}) {
    auto judged = auth::judge_fields(frame.draft.kind, step, frame.draft.typed, page.today);
    doubts.insert(doubts.end(), judged.doubts.begin(), judged.doubts.end());
  }
  for (const auto& field : auth::registration_fields(frame.draft.kind)) {
    auto value = shown(frame.draft, field.name, page.today);
    if (value.empty()) continue;
    PageData row;
    row.object("label", both(label_key(frame.draft.kind, field.name)));
    row.text("value", std::move(value));
    if (const auto* doubt = find(doubts, field.name))
      row.object("doubt", both(doubt->key));
    else
      row.flag("doubt", false);
    facts.push_back(std::move(row));
  }
  data.list("facts", std::move(facts));
  std::vector<PageData> agreements;
  for (const auto& one : page.agreements) {
    const std::string kind(auth::to_text(one.kind));
    PageData row;
    row.text("kind", kind).text("version", std::to_string(one.version));
    row.text("sha256", one.sha256).text("title_zh", one.title_zh).text("title_en", one.title_en);
    row.object("read", both("web.register." + kind + ".read"));
    row.object("accept", both("web.register." + kind + ".accept"));
    row.flag("ticked",
             std::find(page.ticked.begin(), page.ticked.end(), kind) != page.ticked.end());
    std::vector<PageData> sections;
    for (const auto& section : one.sections) {
      PageData text;
      text.text("zh", section.zh).text("en", section.en);
      sections.push_back(std::move(text));
    }
    row.list("sections", std::move(sections));
    if (const auto* bad = find(wrong, "accept_" + kind))
      row.object("bad", both(bad->key));
    else
      row.flag("bad", false);
    agreements.push_back(std::move(row));
  }
  data.list("agreements", std::move(agreements));
  return look.page("register_account", "web.register.title", data);
}

std::string register_done(const Renderer& look, std::string_view return_to) {
  PageData data;
  data.text("return_to", percent_encode(return_to));
  return look.page("register_done", "web.register.done", data);
}

}  // namespace api::pages
