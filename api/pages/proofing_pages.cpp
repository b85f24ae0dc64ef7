#include "api/pages/proofing_pages.h"

#include "api/pages/security_pages.h"
#include "base/text.h"

namespace api::pages {
namespace {

using Way = auth::ProofingMethod::Way;

PageData both(std::string_view key, base::MessageArgs args = {}) {
  PageData out;
  out.text("zh", base::message(key, base::Language::zh, args));
  out.text("en", base::message(key, base::Language::en, args));
  return out;
}

std::string digit(auth::Proofing level) {
  return std::to_string(static_cast<int>(level));
}

PageData field_row(const ProofingPage& page, const auth::ProofingMethod& method,
                   std::string_view name) {
  PageData row;
  row.text("name", std::string(name))
      .text("field_id", std::string(method.id) + "-" + std::string(name));
  row.object("label", both("web.field." + std::string(name)));
  row.text("inputmode", name == "card_number" ? "text"
                        : name == "last_base" ? "decimal"
                                              : "numeric");
  row.flag("bad", false);
  if (page.problem != nullptr && page.method == method.id)
    for (const auto& wrong : page.problem->fields)
      if (wrong.field == name) row.object("bad", both(wrong.key));
  return row;
}

PageData way_row(const ProofingPage& page, const ProofingPage::Way& way) {
  const auto& method = *way.method;
  const std::string id(method.id);
  PageData row;
  row.text("id", id).text("level", digit(method.level));
  row.object("label", both("auth.proofing.method." + id));
  row.object("help", both("web.proofing.help." + id));
  row.flag("open", page.method == id);
  row.flag("asked", method.way == Way::asked);
  row.flag("consent_needed", method.consent && !way.consented);
  row.flag("visited", method.way == Way::visited && (!method.consent || way.consented));
  row.flag("can_withdraw", method.consent && way.consented);
  std::vector<PageData> fields;
  for (const auto name : method.typed)
    if (!name.empty()) fields.push_back(field_row(page, method, name));
  row.list("fields", std::move(fields));
  return row;
}

void put_problem(PageData& data, const ProofingPage& page) {
  data.flag("wrong", false);
  if (page.problem == nullptr) return;
  PageData wrong;
  wrong.object("text", both(page.problem->key, page.problem->args));
  std::vector<PageData> fields;
  for (const auto& field : page.problem->fields) {
    auto row = both(field.key);
    row.text("id", page.method + "-" + field.field);
    fields.push_back(std::move(row));
  }
  wrong.flag("has_fields", !fields.empty()).list("fields", std::move(fields));
  data.object("wrong", std::move(wrong));
}

void put_back(PageData& data, const ProofingPage& page) {
  data.flag("back", false);
  if (page.return_to.empty()) return;
  PageData back;
  back.text("address", page.return_to);
  back.flag("met", !page.needed || page.standing.level >= *page.needed);
  back.flag("needed", false);
  if (page.needed) {
    PageData needed;
    needed.text("level", digit(*page.needed));
    back.object("needed", std::move(needed));
  }
  data.object("back", std::move(back));
}

}  // namespace

std::string proofing(const Renderer& look, const ProofingPage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("return_to", page.return_to);
  data.flag("simulated", page.simulated).flag("none", !page.online).flag("done", false);
  if (!page.done.empty()) {
    auto done = both(page.done);
    done.text("tone", page.good ? "good" : "warn");
    data.object("done", std::move(done));
  }
  put_problem(data, page);
  put_back(data, page);
  data.text("level", digit(page.standing.level));
  data.object("name", both("web.proofing.level." + ("p" + digit(page.standing.level))));
  data.flag("until", false);
  if (page.standing.until) {
    PageData until;
    until.text("at", base::to_china_time(*page.standing.until));
    data.object("until", std::move(until));
  }
  std::vector<PageData> items, ways, history;
  for (const auto& item : page.policies) {
    PageData row;
    row.object("label", both("web.proofing.item." + std::string(item.message)));
    row.flag("open", page.standing.level >= item.proofing).text("needs", digit(item.proofing));
    items.push_back(std::move(row));
  }
  for (const auto& way : page.ways) ways.push_back(way_row(page, way));
  for (const auto& one : page.history) {
    PageData row;
    row.text("at", base::to_china_time(one.at)).text("number", one.transaction);
    row.object("way", both("auth.proofing.method." + one.method));
    row.object("outcome", both("web.proofing.outcome." + one.outcome));
    row.flag("proves", one.level.has_value()).flag("in_force", one.in_force);
    row.text("level", one.level ? digit(*one.level) : "");
    history.push_back(std::move(row));
  }
  data.list("items", std::move(items)).list("ways", std::move(ways));
  data.flag("has_history", !history.empty()).list("history", std::move(history));
  return look.page("proofing", "web.proofing.title", data);
}

std::string proofing_visit(const Renderer& look, const ProofingVisitPage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("state", page.state).text("address", page.address);
  data.object("label", both(page.method.empty() ? "web.proofing.title"
                                                : "auth.proofing.method." + page.method));
  data.flag("pending", page.pending).flag("simulated", page.simulated);
  data.flag("has_address", !page.address.empty()).flag("qr", false);
  const auto scheme = page.address.find("://");
  if (scheme != std::string::npos)
    data.text("host", page.address.substr(0, page.address.find('/', scheme + 3)));
  const bool scanned = page.method == "social-card" || page.method.starts_with("network-id");
  if (scanned && !page.address.empty())
    if (const auto drawn = qr_drawing(page.address); drawn.ok()) {
      PageData qr;
      qr.text("path", drawn->path).text("size", std::to_string(drawn->size));
      data.object("qr", std::move(qr));
    }
  return look.page("proofing_visit", "web.proofing.title", data);
}

}  // namespace api::pages
