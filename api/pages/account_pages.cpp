#include "api/pages/account_pages.h"

#include <algorithm>

#include "auth/countries.h"
#include "base/text.h"

namespace api::pages {
namespace {

using auth::SubjectKind;

PageData both(std::string_view key, base::MessageArgs args = {}) {
  PageData out;
  out.text("zh", base::message(key, base::Language::zh, args));
  out.text("en", base::message(key, base::Language::en, args));
  return out;
}

std::string value_in(const auth::FieldValues& values, std::string_view name) {
  const auto it = values.find(name);
  return it == values.end() ? std::string() : it->second;
}

PageData fact(std::string_view label_key, std::string value) {
  PageData row;
  row.object("label", both(label_key)).text("value", std::move(value));
  return row;
}

void put_facts(PageData& data, const AccountPage& page) {
  const auto& person = page.person;
  const bool unit = person.kind == SubjectKind::unit;
  std::vector<PageData> facts;
  facts.push_back(fact("web.field.login_name", page.login_name));
  // A unit's name and code are public; a person's are shown in part.
  facts.push_back(fact(unit ? "web.field.unit_name" : "web.field.name",
                       unit ? person.name : base::mask_name(person.name)));
  for (const auto& field : auth::registration_fields(person.kind)) {
    if (field.step != auth::RegistrationStep::details) continue;
    auto value = auth::masked_value(field.name, value_in(page.details, field.name));
    if (!value.empty())
      facts.push_back(fact("web.field." + std::string(field.name), std::move(value)));
  }
  data.list("facts", std::move(facts));
  data.text("level", std::to_string(static_cast<int>(person.proofing)));
  data.flag("unproven", person.proofing == auth::Proofing::p0);
}

void put_problems(PageData& data, const AccountPage& page) {
  std::vector<PageData> rows;
  if (page.problem != nullptr) {
    for (const auto& field : page.problem->fields) {
      PageData row;
      auto label = both("web.field." + field.field);
      label.text("id", field.field);
      row.object("label", std::move(label));
      row.object("text", both(field.key, page.problem->args));
      rows.push_back(std::move(row));
    }
    if (rows.empty()) {
      PageData row;
      row.flag("label", false).object("text", both(page.problem->key, page.problem->args));
      rows.push_back(std::move(row));
    }
  }
  data.flag("wrong", !rows.empty()).list("problems", std::move(rows));
}

void put_details_form(PageData& data, const AccountPage& page) {
  std::vector<PageData> fields;
  bool open = false;
  for (const auto& field : auth::registration_fields(page.person.kind)) {
    if (field.step != auth::RegistrationStep::details) continue;
    // A citizen's social security number is the identity number, and changes with it alone.
    if (field.name == "social_security_number" && page.person.id_type == "cn-id") continue;
    PageData row;
    row.text("id", std::string(field.name));
    row.object("label", both("web.field." + std::string(field.name)));
    row.text("typed", value_in(page.typed, field.name)).text("most", std::to_string(field.most));
    row.text("masked", auth::masked_value(field.name, value_in(page.details, field.name)));
    row.flag("bad", false);
    if (page.problem != nullptr)
      for (const auto& wrong : page.problem->fields)
        if (wrong.field == field.name) row.object("bad", both(wrong.key)), open = true;
    fields.push_back(std::move(row));
  }
  data.flag("has_details", !fields.empty()).flag("open_details", open);
  data.list("fields", std::move(fields));
}

void put_documents(PageData& data, const AccountPage& page) {
  std::vector<PageData> rows;
  for (const auto& one : page.documents) {
    PageData row;
    row.object("type", both("auth.document." + one.document.type));
    row.text("number", one.document.masked() +
                           (one.document.country.empty() ? "" : " " + one.document.country));
    row.flag("replaced", one.replaced_at.has_value());
    rows.push_back(std::move(row));
  }
  data.list("documents", std::move(rows));
}

void put_sessions(PageData& data, const AccountPage& page) {
  std::vector<PageData> rows;
  for (const auto& one : page.sessions) {
    PageData row;
    row.text("id", one.id).text("since", base::to_china_time(one.authenticated_at));
    row.text("seen", base::to_china_time(one.seen_at)).text("network", one.network);
    row.flag("current", one.current);
    rows.push_back(std::move(row));
  }
  data.list("sessions", std::move(rows));
}

void put_consents(PageData& data, const AccountPage& page) {
  std::vector<PageData> rows;
  for (const auto& one : page.consents) {
    PageData row;
    row.text("id", one.client_id).text("name", one.client_name);
    row.text("since", base::to_china_time(one.granted_at));
    std::vector<PageData> scopes;
    for (const auto& scope : one.scopes)
      if (base::has_message("web.scope." + scope)) scopes.push_back(both("web.scope." + scope));
    row.list("scopes", std::move(scopes));
    rows.push_back(std::move(row));
  }
  data.flag("no_consents", rows.empty()).list("consents", std::move(rows));
}

void put_acts(PageData& data, const AccountPage& page) {
  std::vector<PageData> rows;
  bool consents = false, decided = false;
  for (const auto& one : page.acts) {  // newest first: the first of a kind is what holds
    if (one.kind == auth::AgreementKind::privacy && !decided) {
      decided = true;
      consents = one.accepted;
    }
    PageData row;
    row.object("name", both("web.field.accept_" + std::string(auth::to_text(one.kind))));
    row.text("version", std::to_string(one.version)).text("at", base::to_china_time(one.at));
    row.object("act", both(one.accepted ? "web.account.agreement.accepted"
                                        : "web.account.agreement.withdrawn"));
    row.text("sha256", one.sha256.substr(0, 16));
    rows.push_back(std::move(row));
  }
  data.flag("can_withdraw", consents).list("acts", std::move(rows));
}

void put_requests(PageData& data, const AccountPage& page) {
  std::vector<PageData> rows, types, countries;
  for (const auto& one : page.requests) {
    PageData row;
    row.object("kind", both("web.request." + std::string(auth::to_text(one.change.kind))));
    row.object("standing", both("web.request." + one.standing));
    row.text("at", base::to_china_time(one.asked_at)).text("reason", one.reason);
    rows.push_back(std::move(row));
  }
  for (const auto& type : auth::document_types())
    if (type.kind == page.person.kind) {
      PageData row = both("auth.document." + std::string(type.id));
      row.text("id", std::string(type.id));
      types.push_back(std::move(row));
    }
  for (const auto& country : auth::countries()) {
    PageData row;
    row.text("id", std::string(country.alpha3));
    row.text("zh", std::string(country.zh)).text("en", std::string(country.en));
    countries.push_back(std::move(row));
  }
  data.flag("has_requests", !rows.empty()).list("requests", std::move(rows));
  data.list("types", std::move(types)).list("countries", std::move(countries));
}

void put_trace(PageData& data, const AccountPage& page) {
  std::vector<PageData> rows;
  for (const auto& one : page.trace) {
    PageData row;
    const auto key = "web.act." + one.act;
    row.object("act", both(base::has_message(key) ? key : "web.act.other"));
    row.text("at", base::to_china_time(one.at)).text("network", one.network);
    row.flag("good", one.outcome == "ok");
    row.object("outcome", both(base::has_message(one.outcome) ? one.outcome : "web.act.failed"));
    rows.push_back(std::move(row));
  }
  data.list("trace", std::move(rows));
}

}  // namespace

std::string agreement(const Renderer& look, const AgreementPage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("return_to", page.return_to);
  if (page.problem != nullptr) data.message("problem", page.problem->key, page.problem->args);
  std::vector<PageData> rows;
  for (const auto& one : page.agreements) {
    const std::string kind(auth::to_text(one.kind));
    PageData row;
    row.text("kind", kind).text("version", std::to_string(one.version));
    row.text("sha256", one.sha256).text("title_zh", one.title_zh).text("title_en", one.title_en);
    row.text("published", base::to_chinese_date(base::china_date(one.published_at)));
    row.object("accept", both("web.register." + kind + ".accept"));
    std::vector<PageData> sections;
    for (const auto& section : one.sections) {
      PageData text;
      text.text("zh", section.zh).text("en", section.en);
      sections.push_back(std::move(text));
    }
    row.list("sections", std::move(sections));
    rows.push_back(std::move(row));
  }
  data.list("agreements", std::move(rows));
  return look.page("agreement", "web.agreement.title", data);
}

std::string account(const Renderer& look, const AccountPage& page) {
  PageData data;
  data.text("csrf", page.csrf).flag("open_password", page.password_refused);
  data.flag("staff", page.staff);
  if (page.done.empty())
    data.flag("done", false);
  else
    data.object("done", both(page.done));
  put_facts(data, page);
  put_problems(data, page);
  put_details_form(data, page);
  put_documents(data, page);
  put_sessions(data, page);
  put_consents(data, page);
  put_acts(data, page);
  put_requests(data, page);
  put_trace(data, page);
  if (page.ends_at) data.text("ends_at", base::to_china_time(*page.ends_at));
  return look.page("account", "web.account.title", data);
}

}  // namespace api::pages
