// 授权代办 in the browser and as JSON. LD/T 01-2020 5.4.1.5, 6.2.2d.
#include <charconv>

#include "api/form_values.h"
#include "api/handlers.h"
#include "api/item_policy.h"
#include "api/json_body.h"
#include "api/page_handlers.h"
#include "api/pages/mandate_pages.h"
#include "api/problem.h"
#include "base/json.h"
#include "base/text.h"

namespace api {
namespace {

/// The beginning of a day in China. Nothing for another form.
std::optional<base::Time> day_from(std::string_view text) {
  if (text.size() != 10) return std::nullopt;
  return base::parse_rfc3339(std::string(text) + "T00:00:00+08:00");
}

base::Error wrong(const char* field, const char* key) {
  auto error = base::error(base::Code::invalid_argument, "auth.mandate.terms");
  error.fields = {{field, key}};
  return error;
}

/// `since` and `until` are days; the last one is in it. Items that must be done by oneself are none
/// that one could be mandated for.
base::Result<auth::MandateTerms> read_terms(std::span<const ItemPolicy> policies,
                                            const std::vector<std::string>& items,
                                            std::string_view since, std::string_view until,
                                            std::string_view most, base::Time now) {
  auth::MandateTerms out;
  for (const auto& item : items) {
    const auto* policy = find_item(policies, item);
    if (policy == nullptr || policy->self_only) return wrong("items", "auth.mandate.items");
    out.items.push_back(item);
  }
  const auto first = since.empty() ? std::optional<base::Time>(now) : day_from(since);
  const auto last = day_from(until);
  if (!first) return wrong("since", "auth.mandate.day");
  if (!last) return wrong("until", "auth.mandate.day");
  out.since = *first;
  out.until = *last + std::chrono::hours(24);
  if (!most.empty()) {
    int number = 0;
    const auto [end, error] = std::from_chars(most.data(), most.data() + most.size(), number);
    if (error != std::errc() || end != most.data() + most.size())
      return wrong("most_uses", "auth.mandate.uses");
    out.most_uses = number;
  }
  return out;
}

base::Result<std::string> shown_name(Call& call, const auth::SubjectId& subject) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto record, house->accounts->subject(subject));
  return record.kind == auth::SubjectKind::unit ? record.name : base::mask_name(record.name);
}

base::Result<Response> show(Call& call, pages::MandatesPage shown, int status = 200) {
  BASE_TRY(const auto house, call.house());
  const auto& session = *call.session;
  shown.csrf = session.csrf;
  shown.policies = call.services.config.items;
  BASE_TRY(shown.given, house->mandates->given(session.subject));
  BASE_TRY(auto received, house->mandates->received(session.subject));
  for (auto& one : received) {
    BASE_TRY(auto name, shown_name(call, one.principal));
    shown.received.push_back({std::move(one), std::move(name)});
  }
  BASE_TRY(const auto chosen, house->mandates->chosen(session.id));
  if (chosen) shown.acting = chosen->id;
  auto answer = Response::html(pages::mandates(pages_look(), shown), call.nonce(), status);
  if (shown.problem != nullptr) answer.note(shown.problem->key);
  return answer;
}

base::Result<Response> refused(Call& call, const base::Error& problem) {
  pages::MandatesPage shown;
  shown.problem = &problem;
  return show(call, std::move(shown), status_of(problem.code));
}

/// To the page that tells it: a form that is sent again by loading the page anew does nothing twice.
Response done(std::string_view word) {
  return Response::redirect("/account/mandates?done=" + std::string(word), 303);
}

std::string_view done_key(std::string_view word) {
  if (word == "offered") return "web.mandate.offered";
  if (word == "accepted") return "web.mandate.accepted";
  if (word == "ended") return "web.mandate.ended";
  if (word == "chosen") return "web.mandate.chosen";
  return {};
}

void put_mandate(base::JsonWriter& w, const auth::Mandate& one) {
  w.StartObject();
  w.member("id", one.id);
  w.member("standing", to_text(one.standing));
  w.key("items");
  w.StartArray();
  for (const auto& item : one.terms.items) w.string(item);
  w.EndArray();
  w.member("since", base::to_rfc3339(one.terms.since));
  w.member("until", base::to_rfc3339(one.terms.until));
  w.member("uses", one.uses);
  if (one.terms.most_uses) w.member("most_uses", *one.terms.most_uses);
}

}  // namespace

namespace handlers {

base::Result<Response> mandates_page(Call& call) {
  pages::MandatesPage shown;
  shown.done = done_key(only(call.request.query, "done").value_or(""));
  return show(call, std::move(shown));
}

base::Result<Response> mandates_offer(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  pages::MandatesPage shown;
  for (const auto* name :
       {"name", "id_type", "id_number", "country", "since", "until", "most_uses"})
    shown.typed.insert_or_assign(name, form_text(form, name));
  for (const auto& item : call.services.config.items)
    if (form_text(form, "item." + std::string(item.id)) == "yes") shown.items.emplace_back(item.id);
  const auto& typed = shown.typed;
  const auto terms = read_terms(call.services.config.items, shown.items, typed.at("since"),
                                typed.at("until"), typed.at("most_uses"),
                                call.services.clock.now());
  const auto offered = terms.ok()
                           ? house->mandates->offer(call.session->subject,
                                                    {typed.at("name"), typed.at("id_type"),
                                                     typed.at("id_number"), typed.at("country")},
                                                    *terms)
                           : base::Result<std::string>(terms.error());
  if (offered.ok()) return done("offered");
  shown.problem = &offered.error();
  return show(call, std::move(shown), status_of(offered.error().code));
}

base::Result<Response> mandates_answer(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto mandate = form_text(form, "mandate");
  const bool accept = form_text(form, "decision") == "accept";
  const auto answered = accept ? house->mandates->accept(mandate, call.session->subject)
                               : house->mandates->end(mandate, call.session->subject);
  if (!answered.ok()) return refused(call, answered.error());
  return done(accept ? "accepted" : "ended");
}

base::Result<Response> mandates_choose(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto chosen =
      house->mandates->choose(call.session->id, call.session->subject, form_text(form, "acting"));
  if (!chosen.ok()) return refused(call, chosen.error());
  return done("chosen");
}

base::Result<Response> list_mandates(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto given, house->mandates->given(call.actor->subject()));
  BASE_TRY(const auto received, house->mandates->received(call.actor->subject()));
  base::JsonWriter w;
  w.StartObject();
  w.key("given");
  w.StartArray();
  for (const auto& one : given) {
    put_mandate(w, one);
    w.member("agent_name", base::mask_name(one.agent_name));
    w.member("agent_number", one.agent_number);
    w.EndObject();
  }
  w.EndArray();
  w.key("received");
  w.StartArray();
  for (const auto& one : received) {
    BASE_TRY(const auto name, shown_name(call, one.principal));
    put_mandate(w, one);
    w.member("principal_name", name);
    w.EndObject();
  }
  w.EndArray();
  w.EndObject();
  return Response::json(w.text());
}

base::Result<Response> offer_mandate(Call& call) {
  BASE_TRY(const auto json, base::parse_json(call.request.body, {.bytes = 16 * 1024, .depth = 3}));
  if (!json.IsObject()) return unknown_member("");
  std::vector<std::string> items;
  auth::FieldValues texts;
  for (const auto& member : json.GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    if (name == "items") {
      if (!member.value.IsArray() || member.value.Size() > 50) return unknown_member(name);
      for (const auto& item : member.value.GetArray()) {
        if (!item.IsString()) return unknown_member(name);
        items.emplace_back(item.GetString(), item.GetStringLength());
      }
    } else if (name == "most_uses" && member.value.IsInt()) {
      texts.insert_or_assign(name, std::to_string(member.value.GetInt()));
    } else if ((name == "name" || name == "id_type" || name == "id_number" || name == "country" ||
                name == "since" || name == "until") &&
               member.value.IsString()) {
      texts.insert_or_assign(name,
                             std::string(member.value.GetString(), member.value.GetStringLength()));
    } else {
      return unknown_member(name);
    }
  }
  const auto text = [&](const char* name) {
    const auto it = texts.find(name);
    return it == texts.end() ? std::string() : it->second;
  };
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto terms,
           read_terms(call.services.config.items, items, text("since"), text("until"),
                      text("most_uses"), call.services.clock.now()));
  BASE_TRY(const auto id,
           house->mandates->offer(
               call.actor->subject(),
               {text("name"), text("id_type"), text("id_number"), text("country")}, terms));
  base::JsonWriter w;
  w.StartObject();
  w.member("id", id);
  w.EndObject();
  return Response::json(w.text(), 201);
}

base::Result<Response> answer_mandate(Call& call) {
  BASE_TRY(const auto json, base::parse_json(call.request.body, {.bytes = 1024, .depth = 2}));
  if (!json.IsObject() || json.MemberCount() != 1) return unknown_member("decision");
  const auto decision = base::json_text(json, "decision");
  if (decision != "accept" && decision != "end") return unknown_member("decision");
  BASE_TRY(const auto house, call.house());
  const auto& me = call.actor->subject();
  BASE_TRY_VOID(decision == "accept" ? house->mandates->accept(call.path("id"), me)
                                     : house->mandates->end(call.path("id"), me));
  return Response(204);
}

}  // namespace handlers
}  // namespace api
