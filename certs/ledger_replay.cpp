#include "certs/ledger_replay.h"

#include "base/canonical_json.h"
#include "base/encoding.h"
#include "base/text.h"
#include "hsm/officers/vote.h"

namespace certs {
namespace {

using hsm::officers::Line;

constexpr std::size_t kMostObject = 128;

base::Error wrong(std::int64_t n, const std::string& why) {
  auto failure = base::error(base::Code::conflict, "certs.ledger_line",
                             "line " + std::to_string(n) + ": " + why);
  failure.args = {{"line", std::to_string(n)}, {"why", why}};
  return failure;
}

/// An error key out of "key: detail".
std::string key_of(std::string_view why) {
  auto key = base::printable(why.substr(0, why.find(':')), kMostObject);
  return key.empty() ? "failed" : key;
}

void tell_event(const rapidjson::Value& body, store::AuditEntry& entry, base::JsonWriter& facts) {
  const auto what = base::json_text(body, "what");
  facts.member("what", what);
  entry.object = base::printable(base::json_text(body, "label"), kMostObject);
  if (what == "refused") {
    entry.object = base::printable(base::json_text(body, "verb"), kMostObject);
    entry.outcome = key_of(base::json_text(body, "why"));
  } else if (what == "signed") {
    facts.member("kind", base::json_text(body, "kind"));
    facts.member("sha256", base::json_text(body, "sha256"));
  }
}

}  // namespace

base::Result<Line> LedgerReplay::next(std::string_view text) const {
  const auto n = lines_ + 1;
  auto line = hsm::officers::read_line(text);
  if (!line.ok()) return wrong(n, line.error().detail);
  if (line->n != n) return wrong(n, "line " + std::to_string(line->n) + " stands in its place");
  if (line->prev != head_) return wrong(n, "it does not follow the line before it");
  return line;
}

base::Result<void> LedgerReplay::apply(const Line& line, std::string_view text) {
  if (const auto taken = state_.apply(line); !taken.ok())
    return wrong(line.n, taken.error().key + (taken.error().detail.empty() ? "" : " ") +
                             taken.error().detail);
  lines_ = line.n;
  head_ = line.hash;
  last_ = text;
  if (!line.signature.empty()) {
    ++signed_;
    signed_to_ = line.n;
  }
  return {};
}

base::Result<void> LedgerReplay::take(std::string_view text) {
  BASE_TRY(const auto line, next(text));
  return apply(line, text);
}

std::optional<base::Digest> LedgerReplay::genesis() const {
  if (!state_.founded()) return std::nullopt;
  return base::sha256(base::as_bytes(state_.genesis()));
}

store::AuditEntry ledger_entry(const Line& line, base::Time at) {
  store::AuditEntry entry{at, "signer", "hsm." + line.kind, "", "ok"};
  const auto body = base::parse_canonical_json(line.body, {hsm::officers::kMostLineBytes, 12});
  base::check(body.ok(), "a line that no replay has taken");
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("n", line.n);
  facts.member("hash", base::to_hex(line.hash));
  if (line.kind == "genesis") {
    entry.object = base::to_hex(base::sha256(base::as_bytes(base::json_text(*body, "document"))));
  } else if (line.kind == "request") {
    const auto text = base::json_text(*body, "request");
    entry.object = base::to_hex(base::sha256(base::as_bytes(text)));
    if (const auto request = hsm::officers::read_request(text); request.ok())
      facts.member("op", request->op);
  } else if (line.kind == "vote") {
    const auto vote = hsm::officers::read_vote(base::json_text(*body, "vote"));
    base::check(vote.ok(), "a vote that no replay has taken");
    entry.actor = vote->vote.person;
    entry.object = base::to_hex(vote->vote.request);
    facts.member("decision", hsm::officers::to_string(vote->vote.decision));
  } else if (line.kind == "event") {
    tell_event(*body, entry, facts);
  } else {
    entry.object = base::printable(base::json_text(*body, "request"), kMostObject);
    if (line.kind == "failed") {
      const auto why = body->FindMember("why");
      entry.outcome = why != body->MemberEnd() && why->value.IsString()
                          ? key_of({why->value.GetString(), why->value.GetStringLength()})
                          : "failed";
    }
  }
  facts.EndObject();
  entry.facts_json = facts.text();
  return entry;
}

}  // namespace certs
