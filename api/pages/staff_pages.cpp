#include "api/pages/staff_pages.h"

#include "auth/countries.h"
#include "base/text.h"

namespace api::pages {
namespace {

PageData both(std::string_view key, base::MessageArgs args = {}) {
  PageData out;
  out.text("zh", base::message(key, base::Language::zh, args));
  out.text("en", base::message(key, base::Language::en, args));
  return out;
}

std::string typed(const StaffPage& page, std::string_view name) {
  const auto it = page.typed.find(name);
  return it == page.typed.end() ? std::string() : it->second;
}

/// A text that a section of the template asks for: empty is none.
void given(PageData& row, const char* name, std::string value) {
  if (value.empty())
    row.flag(name, false);
  else
    row.text(name, std::move(value));
}

/// Who did it, as staff know him.
std::string who(const StaffPage& page, const std::string& id) {
  const auto it = page.names.find(id);
  return it == page.names.end() || it->second.empty() ? id : it->second;
}

void put_document_choices(PageData& data, std::optional<auth::SubjectKind> kind,
                          const std::string& chosen) {
  std::vector<PageData> types, countries;
  for (const auto& type : auth::document_types())
    if (!kind || type.kind == *kind) {
      auto row = both("auth.document." + std::string(type.id));
      row.text("type_id", std::string(type.id)).flag("chosen", type.id == chosen);
      types.push_back(std::move(row));
    }
  for (const auto& country : auth::countries()) {
    PageData row;
    row.text("alpha3", std::string(country.alpha3));
    row.text("zh", std::string(country.zh)).text("en", std::string(country.en));
    countries.push_back(std::move(row));
  }
  data.list("types", std::move(types)).list("countries", std::move(countries));
}

std::string shown_name(auth::SubjectKind kind, const std::string& name) {
  return kind == auth::SubjectKind::unit ? name : base::mask_name(name);
}

std::string shown_change(std::string_view field, const std::string& value) {
  return value.empty() ? "–" : auth::masked_change(field, value);
}

std::string country_of(const auth::IdentityDocument& document) {
  return document.country.empty() ? "" : " " + document.country;
}

void put_lock(PageData& data, const StaffPerson& page) {
  data.flag("lock", false);
  if (page.file.lock) {
    const auto& lock = *page.file.lock;
    PageData row;
    row.text("lock_reason", lock.reason).text("lock_by", who(page, lock.by));
    row.text("lock_at", base::to_china_time(lock.at));
    row.flag("ends", lock.until.has_value());
    if (lock.until) row.text("lock_until", base::to_china_time(*lock.until));
    data.object("lock", std::move(row));
  }
  std::vector<PageData> rows;
  for (const auto& lock : page.file.locks) {
    PageData row;
    row.text("at", base::to_china_time(lock.at)).text("by", who(page, lock.by));
    row.text("reason", lock.reason);
    row.text("until", lock.until ? base::to_china_time(*lock.until) : "");
    row.text("ended", lock.ended_at ? base::to_china_time(*lock.ended_at) : "");
    row.text("end_reason", lock.ended_by.empty()
                               ? lock.end_reason
                               : who(page, lock.ended_by) + " " + lock.end_reason);
    rows.push_back(std::move(row));
  }
  data.flag("has_locks", !rows.empty()).list("locks", std::move(rows));
}

void put_documents(PageData& data, const StaffPerson& page) {
  std::vector<PageData> rows;
  for (const auto& one : page.file.documents) {
    PageData row;
    row.object("type", both("auth.document." + one.document.type));
    row.text("document", one.id);
    row.text("number", one.document.masked() + country_of(one.document));
    row.text("linked", base::to_china_time(one.linked_at));
    row.flag("leading", one.leading).flag("may_go", !one.leading);
    rows.push_back(std::move(row));
  }
  data.list("documents", std::move(rows));
}

void put_factors(PageData& data, const StaffPerson& page) {
  std::vector<PageData> rows;
  for (const auto& factor : page.file.factors) {
    PageData row;
    row.object("kind", both("web.factor." + std::string(auth::to_text(factor.kind))));
    row.text("factor", factor.id).text("added", base::to_china_time(factor.added_at));
    given(row, "used", factor.last_used_at ? base::to_china_time(*factor.last_used_at) : "");
    rows.push_back(std::move(row));
  }
  data.flag("has_factors", !rows.empty()).list("factors", std::move(rows));
}

void put_signs(PageData& data, const StaffPerson& page) {
  std::vector<PageData> rows;
  for (const auto& sign : page.file.signs) {
    PageData row;
    row.text("at", base::to_china_time(sign.at)).text("network", sign.network);
    row.message("sign", "web.staff.sign." + std::string(auth::to_text(sign.kind)));
    rows.push_back(std::move(row));
  }
  data.flag("has_signs", !rows.empty()).list("signs", std::move(rows));
}

void put_history(PageData& data, const StaffPerson& page) {
  const auto& file = page.file;
  std::vector<PageData> proofings, changes, trace, requests;
  for (const auto& one : file.proofings) {
    PageData row;
    row.text("at", base::to_china_time(one.at));
    const auto way = "auth.proofing.method." + one.method;
    row.object("way", both(base::has_message(way) ? way : "web.act.other"));
    const auto outcome = "web.proofing.outcome." + one.outcome;
    row.object("outcome", both(base::has_message(outcome) ? outcome : "web.act.failed"));
    row.text("level", one.level ? "P" + std::to_string(static_cast<int>(*one.level)) : "");
    row.flag("over", one.level.has_value() && !one.in_force);
    row.text("number", one.transaction);
    proofings.push_back(std::move(row));
  }
  for (const auto& one : file.changes) {
    PageData row;
    row.text("at", base::to_china_time(one.at)).text("by", who(page, one.by));
    const auto key = "web.field." + one.field;
    row.object("field", both(base::has_message(key) ? key : "web.staff.field.document"));
    row.text("from", shown_change(one.field, one.from));
    row.text("to", shown_change(one.field, one.to));
    changes.push_back(std::move(row));
  }
  for (const auto& one : file.trace) {
    PageData row;
    const auto key = "web.act." + one.act;
    row.object("act", both(base::has_message(key) ? key : "web.act.other"));
    row.text("at", base::to_china_time(one.at)).text("network", one.network);
    row.flag("good", one.outcome == "ok").flag("self", one.by_self);
    row.object("outcome", both(base::has_message(one.outcome) ? one.outcome : "web.act.failed"));
    trace.push_back(std::move(row));
  }
  for (const auto& one : file.requests) {
    PageData row;
    row.object("kind", both("web.request." + std::string(auth::to_text(one.change.kind))));
    row.object("standing", both("web.request." + one.standing));
    row.text("at", base::to_china_time(one.asked_at)).text("reason", one.reason);
    given(row, "request", one.standing == "open" ? one.id : "");
    row.text("by", one.asked_by == file.record.id.value() ? "" : who(page, one.asked_by));
    requests.push_back(std::move(row));
  }
  data.flag("has_proofings", !proofings.empty()).list("proofings", std::move(proofings));
  data.flag("has_changes", !changes.empty()).list("changes", std::move(changes));
  data.list("trace", std::move(trace));
  data.flag("has_requests", !requests.empty()).list("requests", std::move(requests));
}

}  // namespace

void put_staff(PageData& data, const StaffPage& page) {
  data.text("csrf", page.csrf);
  data.flag("done", false);
  if (!page.done.empty()) data.object("done", both(page.done));
  std::vector<PageData> rows;
  if (page.problem != nullptr) {
    data.message("problem", page.problem->key, page.problem->args);
    for (const auto& field : page.problem->fields) {
      auto row = both(field.key, page.problem->args);
      row.text("field", field.field);
      rows.push_back(std::move(row));
    }
  }
  data.flag("has_wrong", !rows.empty()).list("wrong", std::move(rows));
  for (const auto& [name, value] : page.typed) data.text("typed_" + name, value);
}

std::string staff_home(const Renderer& look, const StaffHome& page) {
  PageData data;
  put_staff(data, page);
  data.text("people", std::to_string(page.people)).text("portals", std::to_string(page.portals));
  put_document_choices(data, std::nullopt, typed(page, "id_type"));
  return look.page("staff", "web.staff.title", data);
}

std::string staff_person(const Renderer& look, const StaffPerson& page) {
  PageData data;
  put_staff(data, page);
  const auto& file = page.file;
  const auto& record = file.record;
  data.text("subject", record.id.value()).text("login_name", file.login_name);
  data.text("name", shown_name(record.kind, record.name));
  data.object("subject_kind",
              both(record.kind == auth::SubjectKind::unit ? "web.staff.kind.unit"
                                                          : "web.staff.kind.person"));
  data.text("level", std::to_string(static_cast<int>(record.proofing)));
  given(data, "proofing_until",
        file.proofing_until ? base::to_china_time(*file.proofing_until) : "");
  data.text("sessions", std::to_string(file.sessions));
  data.text("mandates_given", std::to_string(file.mandates_given));
  data.text("mandates_received", std::to_string(file.mandates_received));
  data.flag("is_staff", file.is_staff);
  const bool own = record.id.value() == page.staff;
  data.flag("own", own).flag("may_act", !own);
  std::vector<PageData> merged;
  for (const auto& id : file.merged) merged.push_back(PageData().text("merged_id", id));
  data.flag("has_merged", !merged.empty()).list("merged", std::move(merged));
  put_lock(data, page);
  put_documents(data, page);
  put_factors(data, page);
  put_signs(data, page);
  put_history(data, page);
  put_document_choices(data, record.kind, typed(page, "id_type"));
  return look.page("staff_person", "web.staff.person", data);
}

std::string staff_trail(const Renderer& look, const StaffTrail& page) {
  PageData data;
  put_staff(data, page);
  const auto mode = typed(page, "mode");
  data.flag("mode_actor", mode == "actor").flag("mode_concerning", mode != "actor");
  std::vector<PageData> rows;
  for (const auto& line : page.found.lines) {
    PageData row;
    const auto key = "web.act." + line.act;
    row.text("seq", std::to_string(line.seq)).text("at", base::to_china_time(line.at));
    row.text("act", line.act).text("object", line.object).text("outcome", line.outcome);
    row.object("meaning", both(base::has_message(key) ? key : "web.act.other"));
    const auto name = page.names.find(line.actor);
    row.text("actor", line.actor);
    row.text("actor_name", name == page.names.end() ? "" : name->second);
    given(row, "facts", line.facts_json == "{}" ? "" : line.facts_json);
    row.flag("good", line.outcome == "ok");
    rows.push_back(std::move(row));
  }
  data.flag("none", rows.empty()).list("lines", std::move(rows));
  given(data, "next", page.next);
  return look.page("staff_trail", "web.staff.trail", data);
}

std::string staff_once(const Renderer& look, const StaffOnce& page) {
  PageData data;
  put_staff(data, page);
  data.object("heading", both(page.title)).object("text", both(page.text));
  data.text("value", page.value).text("back", page.back);
  return look.page("staff_once", page.title, data);
}

std::string staff_requests(const Renderer& look, const StaffRequests& page) {
  PageData data;
  put_staff(data, page);
  std::vector<PageData> people, portals;
  for (const auto& one : page.people) {
    PageData row;
    row.object("kind", both("web.request." + std::string(auth::to_text(one.change.kind))));
    row.text("request", one.id).text("subject", one.subject.value());
    row.text("at", base::to_china_time(one.asked_at));
    row.text("until", base::to_china_time(one.expires_at));
    row.flag("by_self", one.asked_by == one.subject.value());
    row.text("by", who(page, one.asked_by));
    row.text("count", std::to_string(one.approvals) + "/" + std::to_string(one.approvals_needed));
    people.push_back(std::move(row));
  }
  for (const auto& one : page.portals) {
    PageData row;
    row.object("kind", both("web.staff.portal.request." + one.kind));
    row.text("request", one.id).text("client", one.client.value());
    row.text("at", base::to_china_time(one.asked_at));
    row.text("until", base::to_china_time(one.expires_at));
    row.text("by", who(page, one.asked_by));
    row.text("count", std::to_string(one.approvals) + "/" + std::to_string(one.approvals_needed));
    portals.push_back(std::move(row));
  }
  data.flag("has_people", !people.empty()).list("people", std::move(people));
  data.flag("has_portals", !portals.empty()).list("portals", std::move(portals));
  return look.page("staff_requests", "web.staff.requests", data);
}

std::string staff_request(const Renderer& look, const StaffRequest& page) {
  PageData data;
  put_staff(data, page);
  data.flag("person", false).flag("portal", false).flag("own", false);
  const auto put = [&](auto& row, const auto& one) {
    row.text("at", base::to_china_time(one.asked_at)).text("by", who(page, one.asked_by));
    row.text("until", base::to_china_time(one.expires_at));
    row.text("count", std::to_string(one.approvals) + "/" + std::to_string(one.approvals_needed));
    data.text("request", one.id).flag("own", one.asked_by == page.staff);
  };
  if (page.person) {
    const auto& one = *page.person;
    PageData row;
    put(row, one);
    row.object("kind", both("web.request." + std::string(auth::to_text(one.change.kind))));
    row.text("subject", one.subject.value()).text("now_name", page.person_name);
    given(row, "new_name", one.change.name);
    const auto& document = one.change.document;
    row.flag("new_document", !document.number.empty());
    if (!document.number.empty()) {
      row.object("document_type", both("auth.document." + document.type));
      row.text("document_number", document.number + country_of(document));
      row.flag("leads", one.change.leads);
    }
    given(row, "unlinked", one.change.document_id);
    given(row, "duplicate", one.change.duplicate.value());
    given(row, "factor", one.change.factor_id);
    data.object("person", std::move(row));
    data.text("what", "person");
  } else if (page.portal) {
    const auto& one = *page.portal;
    PageData row;
    put(row, one);
    row.object("kind", both("web.staff.portal.request." + one.kind));
    row.text("client", one.client.value());
    given(row, "proposal", one.proposal == "{}" ? "" : one.proposal);
    given(row, "in_force", page.in_force);
    data.object("portal", std::move(row));
    data.text("what", "portal");
  }
  return look.page("staff_request", "web.staff.request", data);
}

}  // namespace api::pages
