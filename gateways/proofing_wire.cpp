#include "gateways/proofing_wire.h"

#include <algorithm>
#include <array>

#include "base/digest.h"
#include "base/encoding.h"

namespace gateways {
namespace {

using auth::ProofingAnswer;
using auth::ProofingOutcome;

// Two words, so that a question thrown back is no answer.
constexpr std::string_view kQuestion = "xinyin proofing question 1\n";
constexpr std::string_view kAnswer = "xinyin proofing answer 1\n";
constexpr std::size_t kMostText = 200, kMostAddress = 2000;
constexpr std::array<std::string_view, 7> kAttributes{
    "name", "id_number", "id_type", "phone", "bank_card", "card_number", "last_base"};

base::Error bad(std::string why) {
  return base::error(base::Code::unavailable, "gateways.proofing", std::move(why));
}

std::string mac_of(const base::Secret& secret, std::string_view label, std::string_view payload) {
  const auto text = std::string(label) + std::string(payload);
  return base::to_hex(base::hmac_sha256(secret.reveal(), base::as_bytes(text)));
}

/// A text that is short and has nothing in it that a page or a log could stumble over.
bool is_plain(std::string_view text, std::size_t most) {
  return text.size() <= most && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

std::optional<ProofingOutcome> outcome_from(std::string_view word) {
  for (const auto outcome :
       {ProofingOutcome::matches, ProofingOutcome::does_not_match, ProofingOutcome::not_found,
        ProofingOutcome::unavailable, ProofingOutcome::not_live, ProofingOutcome::not_finished})
    if (to_text(outcome) == word) return outcome;
  return std::nullopt;
}

ProofingAnswer no_answer(std::string why) {
  ProofingAnswer out;
  out.trouble = std::move(why);
  return out;
}

}  // namespace

std::string seal_question(std::string_view key_id, const base::Secret& secret,
                          std::string_view call, const auth::ProofingQuestion& question,
                          base::Time at,
                          const std::vector<std::pair<std::string, std::string>>& more) {
  base::JsonWriter payload;
  payload.StartObject();
  payload.member("call", call);
  payload.member("at", base::to_rfc3339(at));
  payload.member("nonce", question.nonce);
  payload.member("method", question.method);
  payload.key("attributes");
  payload.StartObject();
  for (const auto& [name, value] : question.attributes) payload.member(name, value);
  payload.EndObject();
  for (const auto& [name, value] : more) payload.member(name, value);
  payload.EndObject();
  const auto text = base::to_base64url(base::as_bytes(payload.text()));
  base::JsonWriter out;
  out.StartObject();
  out.member("key", key_id);
  out.member("payload", text);
  out.member("mac", mac_of(secret, kQuestion, text));
  out.EndObject();
  return out.text();
}

base::Result<rapidjson::Document> open_answer(std::string_view body, const base::Secret& secret,
                                              std::string_view nonce, bool refuse_simulators) {
  auto envelope = base::parse_json(body, {.bytes = kMostProofingAnswer, .depth = 2});
  if (!envelope.ok() || !envelope->IsObject()) return bad("not an envelope");
  const auto text = base::json_text(*envelope, "payload");
  const auto mac = base::json_text(*envelope, "mac");
  if (text.empty() || !base::constant_time_equal(base::as_bytes(mac),
                                                 base::as_bytes(mac_of(secret, kAnswer, text))))
    return bad("another MAC");
  const auto bytes = base::from_base64url(text);
  if (!bytes) return bad("payload is not base64url");
  auto payload =
      base::parse_json(base::as_text(*bytes), {.bytes = kMostProofingAnswer, .depth = 4});
  if (!payload.ok() || !payload->IsObject()) return bad("payload is not an object");
  if (nonce.empty() || base::json_text(*payload, "nonce") != nonce) return bad("another nonce");
  const auto mark = payload->FindMember("simulator");
  if (refuse_simulators && mark != payload->MemberEnd() && !mark->value.IsFalse())
    return bad("a simulator's answer");
  return payload;
}

std::optional<ProofingAnswer> read_answer(const rapidjson::Value& payload) {
  const auto word = base::json_text(payload, "outcome");
  if (word == "pending") return std::nullopt;
  const auto outcome = outcome_from(word);
  if (!outcome) return no_answer("an outcome that there is not");
  ProofingAnswer out;
  out.outcome = *outcome;
  out.transaction = base::json_text(payload, "transaction");
  out.name = base::json_text(payload, "name");
  out.id_number = base::json_text(payload, "id_number");
  if (!is_plain(out.transaction, 100) || !is_plain(out.name, kMostText) ||
      !is_plain(out.id_number, kMostText))
    return no_answer("a text that is too long or not plain");
  // Evidence without a number at the source cannot be held against it, nor told from a replay.
  if (out.outcome == ProofingOutcome::matches && out.transaction.empty())
    return no_answer("a match without a transaction");
  if (out.outcome == ProofingOutcome::unavailable) out.trouble = "the source says so";
  const auto matched = payload.FindMember("matched");
  if (out.outcome == ProofingOutcome::matches && matched != payload.MemberEnd()) {
    if (!matched->value.IsArray() || matched->value.Size() > kAttributes.size())
      return no_answer("matched is no list of attributes");
    for (const auto& one : matched->value.GetArray()) {
      if (!one.IsString()) return no_answer("matched is no list of attributes");
      const std::string name(one.GetString(), one.GetStringLength());
      if (std::find(kAttributes.begin(), kAttributes.end(), name) == kAttributes.end())
        return no_answer("an attribute that there is not");
      out.matched.push_back(name);
    }
  }
  return out;
}

base::Result<auth::VisitedSource::Visit> read_visit(const rapidjson::Value& payload,
                                                    bool allow_http) {
  auth::VisitedSource::Visit out{std::string(base::json_text(payload, "address")),
                                 std::string(base::json_text(payload, "ticket"))};
  const bool scheme =
      out.address.starts_with("https://") || (allow_http && out.address.starts_with("http://"));
  const bool clean = std::all_of(out.address.begin(), out.address.end(), [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != '\'' && c != '<' && c != '>' && c != '\\';
  });
  if (!scheme || !clean || out.address.size() > kMostAddress) return bad("not an https address");
  if (out.ticket.empty() || !is_plain(out.ticket, kMostText)) return bad("no ticket");
  return out;
}

}  // namespace gateways
