#include "api/pages/verify_pages.h"

#include "base/encoding.h"

namespace api::pages {
namespace {

using base::Time;

/// The three tones of a verdict; shape and words say the same as the colour.
void tone(PageData& page, std::string_view name) {
  page.text("tone", std::string(name));
  page.flag("good", name == "good").flag("bad", name == "bad").flag("warn", name == "warn");
}

PageData both(std::string_view key) {
  PageData out;
  out.text("zh", base::message(key, base::Language::zh));
  out.text("en", base::message(key, base::Language::en));
  return out;
}

void headline(PageData& page, const std::string& key, const std::string& text_key) {
  page.message("outcome", key).message("explain", text_key);
}

void advice(PageData& page, std::initializer_list<std::string_view> keys) {
  std::vector<PageData> rows;
  for (const auto key : keys) rows.push_back(both(key));
  page.list("advice", std::move(rows));
}

void describe(PageData& page, const verify::Entry& entry) {
  page.flag("known", true);
  page.message("kind", kind_key(entry.kind));
  page.text("issuer", entry.issuer).text("issuer_code", entry.issuer_code);
  page.text("issued_at", base::to_china_time(entry.issued_at));
  page.text("issued_at_utc", base::to_rfc3339(entry.issued_at));
  if (entry.valid_until) page.text("valid_until", base::to_china_time(*entry.valid_until));
  if (entry.standing != verify::Standing::in_force) {
    if (entry.standing_since)
      page.text("standing_since", base::to_china_time(*entry.standing_since));
    if (!entry.standing_reason.empty() && base::has_message(entry.standing_reason))
      page.message("reason", entry.standing_reason);
  }
  std::vector<PageData> facts;
  for (const auto& fact : entry.facts) {
    PageData row;
    row.message("label", fact.label).text("value", fact.value);
    facts.push_back(std::move(row));
  }
  page.list("facts", std::move(facts));
}

void answer(PageData& seal, std::string name, verify::Answer value) {
  const auto text = std::string(verify::to_string(value));
  auto row = both("web.answer." + text);
  row.text("class", text);
  seal.object(std::move(name), std::move(row));
}

PageData seal_page(const verify::SealReport& seal, std::size_t number) {
  PageData out;
  out.text("number", std::to_string(number)).text("signer", seal.signer);
  out.text("signer_code", seal.signer_code);
  out.text("sealed_at", seal.sealed_at ? base::to_china_time(*seal.sealed_at) : "—");
  out.message("attested", seal.time_attested ? "web.file.attested" : "web.file.claimed");
  if (seal.compromised_since)
    out.text("compromised_since", base::to_china_time(*seal.compromised_since));
  answer(out, "intact", seal.intact);
  answer(out, "genuine", seal.genuine);
  answer(out, "in_force", seal.in_force);
  answer(out, "whole", seal.whole_document ? verify::Answer::yes : verify::Answer::no);
  return out;
}

std::string_view tone_of(verify::Outcome outcome) {
  switch (outcome) {
    case verify::Outcome::genuine:
      return "good";
    case verify::Outcome::altered:
    case verify::Outcome::not_trusted:
    case verify::Outcome::expired:
      return "bad";
    case verify::Outcome::sample:
    case verify::Outcome::unsealed:
    case verify::Outcome::malformed:
    case verify::Outcome::undetermined:
      return "warn";
  }
  return "warn";
}

}  // namespace

std::string_view to_string(CodeState state) {
  switch (state) {
    case CodeState::in_force:
      return "in_force";
    case CodeState::sample:
      return "sample";
    case CodeState::expired:
      return "expired";
    case CodeState::superseded:
      return "superseded";
    case CodeState::revoked:
      return "revoked";
    case CodeState::suspended:
      return "suspended";
  }
  base::fail("unknown CodeState");
}

std::string kind_key(std::string_view kind) {
  if (verify::is_sample(kind)) kind.remove_prefix(verify::kSamplePrefix.size());
  return "document." + std::string(kind);
}

CodeState state_of(const verify::Entry& entry, Time now) {
  if (verify::is_sample(entry.kind)) return CodeState::sample;
  switch (entry.standing) {
    case verify::Standing::revoked:
      return CodeState::revoked;
    case verify::Standing::superseded:
      return CodeState::superseded;
    case verify::Standing::suspended:
      return CodeState::suspended;
    case verify::Standing::in_force:
      break;
  }
  return entry.valid_until && *entry.valid_until < now ? CodeState::expired : CodeState::in_force;
}

std::string code_verdict(const Renderer& look, const verify::Entry& entry, Time now) {
  const auto state = state_of(entry, now);
  const auto key = "web.code." + std::string(to_string(state));
  PageData page;
  headline(page, key, key + ".text");
  describe(page, entry);
  page.text("judged_at", base::to_china_time(now));
  switch (state) {
    case CodeState::in_force:
      tone(page, "good");
      advice(page, {"web.advice.compare", "web.advice.address", "web.advice.upload"});
      break;
    case CodeState::sample:
      tone(page, "warn");
      advice(page, {"web.advice.not_a_document", "web.advice.address"});
      break;
    case CodeState::expired:
    case CodeState::superseded:
      tone(page, "warn");
      advice(page, {"web.advice.ask_new", "web.advice.address"});
      break;
    case CodeState::suspended:
      tone(page, "warn");
      advice(page, {"web.advice.ask_new", "web.advice.later"});
      break;
    case CodeState::revoked:
      tone(page, "bad");
      advice(page, {"web.advice.report", "web.advice.ask_new"});
      break;
  }
  return look.page("verdict", key, page);
}

std::string code_unknown(const Renderer& look, Time now) {
  PageData page;
  tone(page, "bad");
  headline(page, "web.code.unknown", "web.code.unknown.text");
  page.text("judged_at", base::to_china_time(now));
  advice(page, {"web.advice.report", "web.advice.address"});
  return look.page("verdict", "web.code.unknown", page);
}

std::string code_unavailable(const Renderer& look, Time now) {
  PageData page;
  tone(page, "warn");
  headline(page, "web.code.unavailable", "web.code.unavailable.text");
  page.text("judged_at", base::to_china_time(now));
  advice(page, {"web.advice.later"});
  return look.page("verdict", "web.code.unavailable", page);
}

std::string verify_form(const Renderer& look, std::string_view typed, const base::Error* problem) {
  PageData page;
  page.text("typed", std::string(typed));
  if (problem != nullptr) page.message("problem", problem->key, problem->args);
  return look.page("verify", "web.verify.title", page);
}

std::string file_verdict(const Renderer& look, const verify::Verdict& verdict,
                         const verify::Entry* entry, bool register_asked, Time now) {
  PageData page;
  const bool genuine = verdict.outcome == verify::Outcome::genuine;
  const bool out_of_force =
      genuine && entry != nullptr && state_of(*entry, now) != CodeState::in_force;
  const bool unregistered = genuine && entry == nullptr && register_asked;
  const auto key =
      "web.file." + std::string(out_of_force ? "revoked" : verify::to_string(verdict.outcome));
  tone(page, out_of_force || unregistered ? "warn" : tone_of(verdict.outcome));
  headline(page, key + ".title", key + ".text");

  std::vector<PageData> reasons;
  for (const auto& reason : verdict.reasons) reasons.push_back(both(reason));
  for (const auto& seal : verdict.seals)
    for (const auto& reason : seal.reasons) reasons.push_back(both(reason));
  if (unregistered) reasons.push_back(both("web.file.unregistered"));
  page.flag("reasons_any", !reasons.empty()).list("reasons", std::move(reasons));

  std::vector<PageData> seals;
  for (const auto& seal : verdict.seals) seals.push_back(seal_page(seal, seals.size() + 1));
  page.list("seals", std::move(seals));

  if (entry != nullptr) {
    PageData registered;
    const auto state = state_of(*entry, now);
    auto standing = both("web.code." + std::string(to_string(state)));
    standing.text("class", state == CodeState::in_force  ? "yes"
                           : state == CodeState::revoked ? "no"
                                                         : "unsure");
    registered.message("kind", kind_key(entry->kind)).object("standing", std::move(standing));
    registered.text("issued_at", base::to_china_time(entry->issued_at));
    page.object("registered", std::move(registered));
  }
  page.text("sha256", base::to_hex(verdict.sha256));
  page.text("judged_at", base::to_china_time(now));
  return look.page("file_verdict", key + ".title", page);
}

}  // namespace api::pages
