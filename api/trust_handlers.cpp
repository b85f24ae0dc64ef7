// Whom we admitted: certification bodies of others, for programs and for people. LD/T 01-2020
// 6.2.7. All of it stands in the signed trust list; here it is only put in order.
#include "api/handlers.h"
#include "api/page_handlers.h"
#include "base/encoding.h"
#include "base/json.h"

namespace api {
namespace {

base::Result<std::shared_ptr<const verify::Verifier>> judge_of(const Call& call) {
  auto verifier = call.services.verifier.get();
  if (!verifier) return base::error(base::Code::unavailable, "api.no_trust_list", "no trust list");
  return verifier;
}

/// "admitted", "suspended", "removed", or "expired" for who is admitted and whose time is over.
std::string standing_of(const certs::TrustBody& body, base::Time now) {
  const auto* step = certs::standing_at(body, now);
  const auto state = step != nullptr ? step->standing : certs::Standing::proposed;
  if (state == certs::Standing::admitted && now >= body.expiry) return "expired";
  return std::string(to_string(state));
}

void put(base::JsonWriter& out, const char* name, const std::vector<std::string>& values) {
  out.key(name);
  out.StartArray();
  for (const auto& value : values) out.string(value);
  out.EndArray();
}

void put(base::JsonWriter& out, const certs::TrustBody& body, base::Time now) {
  out.StartObject();
  out.member("number", body.number);
  out.member("name", body.name);
  out.member("code", body.code);
  out.member("licence", body.licence);
  out.member("standing", standing_of(body, now));
  out.member("expiry", base::to_rfc3339(body.expiry));
  put(out, "uses", body.uses);
  put(out, "policies", body.limits.policies);
  put(out, "permitted", body.limits.permitted);
  put(out, "excluded", body.limits.excluded);
  certs::write_history(out, body.history);
  put(out, "crl_urls", body.crl_urls);
  out.key("anchors");
  out.StartArray();
  for (const auto& anchor : body.anchors) {
    out.StartObject();
    out.member("subject", anchor.subject());
    out.member("sha256", base::to_hex(anchor.sha256()));
    out.member("not_after", base::to_rfc3339(anchor.not_after()));
    out.EndObject();
  }
  out.EndArray();
  out.key("documents");
  out.StartArray();
  for (const auto& document : body.documents) {
    out.StartObject();
    out.member("kind", document.kind);
    out.member("sha256", base::to_hex(document.sha256));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
}

PageData step_of(const certs::BodyStanding& step) {
  PageData out;
  out.message("standing", "certs.standing." + std::string(to_string(step.standing)));
  out.text("since", base::to_china_time(step.since));
  if (!step.reason.empty()) out.message("reason", "certs.body_reason." + step.reason);
  if (step.invalid_since) out.text("invalid_since", base::to_china_time(*step.invalid_since));
  return out;
}

std::vector<PageData> lines(const std::vector<std::string>& values) {
  std::vector<PageData> out;
  for (const auto& value : values) out.push_back(PageData().text("value", value));
  return out;
}

PageData card_of(const certs::TrustBody& body, base::Time now) {
  PageData out;
  const auto standing = standing_of(body, now);
  out.text("number", std::to_string(body.number)).text("name", body.name).text("code", body.code);
  out.text("licence", body.licence).text("expiry", base::to_china_time(body.expiry));
  PageData state;
  state.message("text", "certs.standing." + standing);
  state.text("class", standing == "admitted" ? "yes" : standing == "suspended" ? "unsure" : "no");
  out.object("standing", std::move(state));
  std::vector<PageData> uses;
  for (const auto& use : body.uses)
    uses.push_back(PageData().message("name", "certs.body_use." + use));
  out.list("uses", std::move(uses));
  auto permitted = lines(body.limits.policies);
  for (auto& one : lines(body.limits.permitted)) permitted.push_back(std::move(one));
  out.flag("limited", !permitted.empty()).list("permitted", std::move(permitted));
  out.flag("barred", !body.limits.excluded.empty()).list("excluded", lines(body.limits.excluded));
  std::vector<PageData> history, anchors, documents;
  for (const auto& step : body.history) history.push_back(step_of(step));
  for (const auto& anchor : body.anchors)
    anchors.push_back(
        PageData().text("subject", anchor.subject()).text("sha256", base::to_hex(anchor.sha256())));
  for (const auto& document : body.documents)
    documents.push_back(PageData()
                            .message("kind", "certs.body_document." + document.kind)
                            .text("sha256", base::to_hex(document.sha256)));
  out.list("history", std::move(history)).list("anchors", std::move(anchors));
  out.list("documents", std::move(documents));
  return out;
}

}  // namespace

namespace handlers {

base::Result<Response> trust_bodies(Call& call) {
  BASE_TRY(const auto verifier, judge_of(call));
  const auto& trust = verifier->trust();
  base::JsonWriter out;
  out.StartObject();
  out.member("sequence", trust.sequence);
  out.member("issued", base::to_rfc3339(trust.issued));
  out.member("next_update", base::to_rfc3339(trust.next_update));
  out.key("bodies");
  out.StartArray();
  for (const auto& body : trust.bodies) put(out, body, call.services.clock.now());
  out.EndArray();
  out.EndObject();
  return Response::json(out.text());
}

base::Result<Response> bodies_page(Call& call) {
  BASE_TRY(const auto verifier, judge_of(call));
  const auto& trust = verifier->trust();
  std::vector<PageData> cards;
  for (const auto& body : trust.bodies) cards.push_back(card_of(body, call.services.clock.now()));
  PageData page;
  page.flag("none", cards.empty()).list("bodies", std::move(cards));
  page.text("sequence", std::to_string(trust.sequence));
  page.text("issued", base::to_china_time(trust.issued));
  return Response::html(pages_look().page("bodies", "web.bodies.title", page), call.nonce(), 200,
                        {});
}

}  // namespace handlers
}  // namespace api
