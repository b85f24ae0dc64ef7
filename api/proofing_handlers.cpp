// 实名核验 in the browser and as JSON. LD/T 01-2020 5.4.1.2b, 5.4.1.5, 6.2.6b, 6.2.6f.
#include <algorithm>

#include "api/form_values.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/json_body.h"
#include "api/page_handlers.h"
#include "api/pages/proofing_pages.h"
#include "api/problem.h"
#include "base/json.h"
#include "base/text.h"

namespace api {
namespace {

constexpr std::string_view kPath = "/account/proofing";

std::string own_return(std::string_view wanted) {
  return wanted.starts_with("/oauth/authorize?") && is_own_return_path(wanted) ? std::string(wanted)
                                                                               : std::string();
}

/// What the request that the person came from asks for; told by the address that the provider
/// made, and worth no more than a hint on the page.
std::optional<auth::Proofing> needed_by(std::string_view return_to) {
  const auto at = return_to.find(std::string(auth::kProofingAsked) + "=");
  if (at == std::string_view::npos) return std::nullopt;
  const auto digit = return_to.substr(at + auth::kProofingAsked.size() + 1, 1);
  if (digit != "1" && digit != "2" && digit != "3") return std::nullopt;
  return static_cast<auth::Proofing>(digit[0] - '0');
}

bool simulated(const Services& services) {
  return services.config.proofing.simulated;
}

base::Result<Response> show(Call& call, pages::ProofingPage shown, int status = 200) {
  BASE_TRY(const auto house, call.house());
  base::check(call.session.has_value(), "the route demands a session");
  auto& proofings = *house->proofings;
  const auto& subject = call.session->subject;
  BASE_TRY(const auto person, house->accounts->subject(subject));
  shown.csrf = call.session->csrf;
  shown.policies = call.services.config.items;
  BASE_TRY(shown.standing, proofings.standing(subject));
  BASE_TRY(shown.history, proofings.history(subject));
  for (const auto* method : proofings.offered(person.kind)) {
    pages::ProofingPage::Way way{method};
    if (method->consent) {
      BASE_TRY(way.consented, proofings.has_consent(subject, method->id));
    }
    shown.online = shown.online || method->way != auth::ProofingMethod::Way::shown;
    shown.ways.push_back(way);
  }
  shown.simulated = simulated(call.services);
  shown.needed = needed_by(shown.return_to);
  auto answer = Response::html(pages::proofing(pages_look(), shown), call.nonce(), status);
  if (shown.problem != nullptr) {
    answer.note(shown.problem->key);
    if (shown.problem->retry_after) answer.retry_after(*shown.problem->retry_after);
  }
  return answer;
}

base::Result<Response> refused(Call& call, const base::Error& problem, std::string method,
                               std::string return_to) {
  pages::ProofingPage shown;
  shown.return_to = std::move(return_to);
  shown.method = std::move(method);
  shown.problem = &problem;
  return show(call, std::move(shown), status_of(problem.code));
}

base::Result<Response> told(Call& call, const auth::Proofings::Tried& tried, std::string method,
                            std::string return_to) {
  pages::ProofingPage shown;
  shown.return_to = std::move(return_to);
  shown.good = tried.outcome == auth::ProofingOutcome::matches;
  if (!shown.good) shown.method = std::move(method);
  shown.done = "auth.proofing." + std::string(to_text(tried.outcome));
  auto answer = show(call, std::move(shown));
  if (answer.ok() && tried.outcome != auth::ProofingOutcome::matches)
    answer->note("auth.proofing." + std::string(to_text(tried.outcome)));
  return answer;
}

base::Result<Response> finish(Call& call, std::string_view state) {
  BASE_TRY(const auto house, call.house());
  const auto tried = house->proofings->finish(*call.session, state);
  if (!tried.ok()) return refused(call, tried.error(), {}, {});
  if (!tried->has_value()) {
    pages::ProofingVisitPage shown{call.session->csrf, {}, std::string(state), {}};
    shown.pending = true;
    shown.simulated = simulated(call.services);
    return Response::html(pages::proofing_visit(pages_look(), shown), call.nonce());
  }
  return told(call, **tried, {}, own_return((*tried)->return_to));
}

auth::FieldValues typed_in(const Parameters& form) {
  auth::FieldValues out;
  for (const auto* name : {"phone", "bank_card", "card_number", "last_base"})
    if (auto value = form_text(form, name); !value.empty()) out.emplace(name, std::move(value));
  return out;
}

}  // namespace

namespace handlers {

base::Result<Response> proofing_page(Call& call) {
  pages::ProofingPage shown;
  shown.return_to = own_return(only(call.request.query, "return_to").value_or(""));
  return show(call, std::move(shown));
}

base::Result<Response> proofing_ask(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto method = form_text(form, "method");
  const auto return_to = own_return(form_text(form, "return_to"));
  const auto tried = house->proofings->ask(call.session->subject, method, typed_in(form),
                                           call.request.client.network());
  if (!tried.ok()) return refused(call, tried.error(), method, return_to);
  return told(call, *tried, method, return_to);
}

base::Result<Response> proofing_consent(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto method = form_text(form, "method");
  const auto return_to = own_return(form_text(form, "return_to"));
  const bool give = form_text(form, "decision") == "give";
  const auto done = give ? house->proofings->consent(call.session->subject, method)
                         : house->proofings->withdraw(call.session->subject, method);
  if (!done.ok()) return refused(call, done.error(), method, return_to);
  pages::ProofingPage shown;
  shown.return_to = return_to;
  shown.method = method;
  shown.good = true;
  shown.done = give ? "web.proofing.consent.given" : "web.proofing.consent.withdrawn";
  return show(call, std::move(shown));
}

base::Result<Response> proofing_begin(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto method = form_text(form, "method");
  const auto return_to = own_return(form_text(form, "return_to"));
  const auto begun = house->proofings->begin(
      *call.session, method, call.services.config.public_url + std::string(kPath) + "/return",
      return_to, call.request.client.network());
  if (!begun.ok()) return refused(call, begun.error(), method, return_to);
  pages::ProofingVisitPage shown{call.session->csrf, method, begun->state, begun->address};
  shown.simulated = simulated(call.services);
  return Response::html(pages::proofing_visit(pages_look(), shown), call.nonce());
}

base::Result<Response> proofing_return(Call& call) {
  return finish(call, only(call.request.query, "state").value_or(""));
}

base::Result<Response> proofing_finish(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  return finish(call, form_text(form, "state"));
}

base::Result<Response> read_proofing(Call& call) {
  BASE_TRY(const auto house, call.house());
  auto& proofings = *house->proofings;
  const auto& subject = call.actor->subject();
  BASE_TRY(const auto person, house->accounts->subject(subject));
  BASE_TRY(const auto standing, proofings.standing(subject));
  BASE_TRY(const auto history, proofings.history(subject));
  return json_answer([&](auto& w) {
    w.member("level", level_text(standing.level));
    put_time(w, "until", standing.until);
    put_rows(w, "ways", proofings.offered(person.kind), [&](const auto* method) {
      w.member("method", method->id);
      w.member("level", level_text(method->level));
      w.member("way", method->way == auth::ProofingMethod::Way::asked     ? "asked"
                      : method->way == auth::ProofingMethod::Way::visited ? "visited"
                                                                          : "shown");
      w.key("fields");
      w.StartArray();
      for (const auto field : method->typed)
        if (!field.empty()) w.string(field);
      w.EndArray();
    });
    put_rows(w, "history", history, [&](const auto& one) { put_proofing(w, one); });
  });
}

base::Result<Response> do_proofing(Call& call) {
  BASE_TRY(const auto json, base::parse_json(call.request.body, {.bytes = 8 * 1024, .depth = 2}));
  if (!json.IsObject()) return unknown_member("");
  std::string method;
  auth::FieldValues typed;
  for (const auto& member : json.GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    const bool known = name == "method" || name == "phone" || name == "bank_card" ||
                       name == "card_number" || name == "last_base";
    if (!known || !member.value.IsString()) return unknown_member(name);
    std::string value(member.value.GetString(), member.value.GetStringLength());
    if (name == "method")
      method = std::move(value);
    else
      typed.emplace(name, std::move(value));
  }
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto tried, house->proofings->ask(call.actor->subject(), method, typed,
                                                   call.request.client.network()));
  return json_answer([&](auto& w) {
    w.member("outcome", to_text(tried.outcome));
    w.member("level", level_text(tried.level));
  });
}

}  // namespace handlers
}  // namespace api
