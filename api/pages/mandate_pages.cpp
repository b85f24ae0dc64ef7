#include "api/pages/mandate_pages.h"

#include <algorithm>

#include "auth/countries.h"
#include "auth/identity_document.h"
#include "base/text.h"

namespace api::pages {
namespace {

using Standing = auth::Mandate::Standing;

PageData both(std::string_view key, base::MessageArgs args = {}) {
  PageData out;
  out.text("zh", base::message(key, base::Language::zh, args));
  out.text("en", base::message(key, base::Language::en, args));
  return out;
}

std::string day(base::Time at) {
  return base::to_iso_date(base::china_date(at));
}

PageData row_of(const MandatesPage& page, const auth::Mandate& one) {
  PageData row;
  row.text("id", one.id).text("since", day(one.terms.since));
  row.text("until", day(one.terms.until - std::chrono::seconds(1)));
  row.object("standing", both("web.mandate.standing." + std::string(to_text(one.standing))));
  row.flag("offered", one.standing == Standing::offered);
  row.flag("in_force", one.standing == Standing::in_force);
  row.flag("open", one.standing == Standing::offered || one.standing == Standing::waiting ||
                       one.standing == Standing::in_force);
  std::vector<PageData> items;
  for (const auto& item : one.terms.items)
    if (const auto* policy = find_item(page.policies, item))
      items.push_back(both("web.proofing.item." + std::string(policy->message)));
  row.list("items", std::move(items));
  row.flag("limited", one.terms.most_uses.has_value());
  row.text("uses", std::to_string(one.uses));
  row.text("most", one.terms.most_uses ? std::to_string(*one.terms.most_uses) : "");
  row.flag("counter", !one.evidence.empty()).text("evidence", one.evidence);
  return row;
}

void put_form(PageData& data, const MandatesPage& page) {
  const auto typed = [&](const char* name) {
    const auto it = page.typed.find(name);
    return it == page.typed.end() ? std::string() : it->second;
  };
  for (const char* name : {"name", "id_number", "since", "until", "most_uses"}) {
    data.text(std::string("typed_") + name, typed(name));
    const auto bad = std::string("bad_") + name;
    data.flag(bad, false);
    if (page.problem != nullptr)
      for (const auto& wrong : page.problem->fields)
        if (wrong.field == name) data.object(bad, both(wrong.key, page.problem->args));
  }
  std::vector<PageData> types, countries, items;
  for (const auto& type : auth::document_types())
    if (type.kind == auth::SubjectKind::person) {
      auto row = both("auth.document." + std::string(type.id));
      row.text("id", std::string(type.id)).flag("chosen", typed("id_type") == type.id);
      types.push_back(std::move(row));
    }
  for (const auto& country : auth::countries()) {
    PageData row;
    row.text("id", std::string(country.alpha3));
    row.text("zh", std::string(country.zh)).text("en", std::string(country.en));
    countries.push_back(std::move(row));
  }
  for (const auto& item : page.policies) {
    if (item.self_only) continue;
    auto row = both("web.proofing.item." + std::string(item.message));
    row.text("id", std::string(item.id));
    row.flag("ticked",
             std::find(page.items.begin(), page.items.end(), item.id) != page.items.end());
    items.push_back(std::move(row));
  }
  data.list("types", std::move(types)).list("countries", std::move(countries));
  data.list("offered_items", std::move(items));
}

}  // namespace

std::string mandates(const Renderer& look, const MandatesPage& page) {
  PageData data;
  data.text("csrf", page.csrf).flag("done", false).flag("wrong", false);
  if (!page.done.empty()) data.object("done", both(page.done));
  if (page.problem != nullptr) {
    auto wrong = both(page.problem->key, page.problem->args);
    std::vector<PageData> fields;
    for (const auto& field : page.problem->fields) {
      auto row = both(field.key);
      row.text("id", "mandate-" + field.field);
      fields.push_back(std::move(row));
    }
    wrong.flag("has_fields", !fields.empty()).list("fields", std::move(fields));
    data.object("wrong", std::move(wrong));
  }
  std::vector<PageData> given, received, choices;
  for (const auto& one : page.given) {
    auto row = row_of(page, one);
    row.text("name", base::mask_name(one.agent_name)).text("number", one.agent_number);
    given.push_back(std::move(row));
  }
  for (const auto& one : page.received) {
    auto row = row_of(page, one.mandate);
    row.text("name", one.principal).flag("chosen", one.mandate.id == page.acting);
    if (one.mandate.standing == Standing::in_force) choices.push_back(row);
    received.push_back(std::move(row));
  }
  data.flag("has_given", !given.empty()).list("given", std::move(given));
  data.flag("has_received", !received.empty()).list("received", std::move(received));
  data.flag("has_choices", !choices.empty()).list("choices", std::move(choices));
  data.flag("self", page.acting.empty());
  put_form(data, page);
  return look.page("mandates", "web.mandate.title", data);
}

}  // namespace api::pages
