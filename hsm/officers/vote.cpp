#include "hsm/officers/vote.h"

#include <algorithm>
#include <array>

#include "base/canonical_json.h"
#include "base/encoding.h"
#include "hsm/public_key.h"

namespace hsm::officers {
namespace {

constexpr std::size_t kMostJws = 4096;
constexpr std::size_t kMostText = 1024;
constexpr std::array kDecisions{
    std::pair{Decision::approve, std::string_view("approve")},
    std::pair{Decision::reject, std::string_view("reject")},
    std::pair{Decision::found, std::string_view("found")},
    std::pair{Decision::attest, std::string_view("attest")},
};

base::Error bad(std::string_view why) {
  auto failure = base::error(base::Code::invalid_argument, "hsm.officers.vote", std::string(why));
  failure.args = {{"why", std::string(why)}};
  return failure;
}

std::string header_of(std::string_view person) {
  return R"({"alg":"ES256","kid":")" + std::string(person) + R"(","typ":"xinyin-vote"})";
}

}  // namespace

std::string_view to_string(Decision decision) {
  for (const auto& [one, word] : kDecisions)
    if (one == decision) return word;
  base::fail("unknown Decision");
}

std::string Vote::signing_input() const {
  base::JsonWriter out;
  out.StartObject();
  out.member("at", base::to_rfc3339(at));
  out.member("decision", to_string(decision));
  out.member("person", person);
  out.member("request", base::to_hex(request));
  out.member("text", text);
  out.member("v", 1);
  out.EndObject();
  const auto document = base::parse_json(out.text());
  base::check(document.ok(), "a vote of our own is not JSON");
  const auto payload = base::canonical_json(*document);
  base::check(payload.ok(), "a vote's text has control characters");
  return base::to_base64url(base::as_bytes(header_of(person))) + "." +
         base::to_base64url(base::as_bytes(*payload));
}

std::string Vote::jws(base::BytesView signature) const {
  return signing_input() + "." + base::to_base64url(signature);
}

bool SignedVote::by(const Person& person) const {
  if (person.id != vote.person) return false;
  const auto check = SignatureCheck::make(Algorithm::ecdsa_p256, person.public_key);
  return check.ok() && (*check)->good(base::sha256(base::as_bytes(signing_input)), signature);
}

base::Result<SignedVote> read_vote(std::string_view jws) {
  if (jws.size() > kMostJws) return bad("longer than 4 KiB");
  const auto first = jws.find('.');
  const auto second = first == std::string_view::npos ? first : jws.find('.', first + 1);
  if (second == std::string_view::npos) return bad("not a compact JWS");
  const auto payload = base::from_base64url(jws.substr(first + 1, second - first - 1));
  auto signature = base::from_base64url(jws.substr(second + 1));
  if (!payload || !signature || signature->size() != 64) return bad("not base64url");
  auto document = base::parse_canonical_json(base::as_text(*payload), {kMostJws, 2});
  if (!document.ok() || !document->IsObject() || document->MemberCount() != 6 ||
      base::json_int(*document, "v") != 1)
    return bad("the payload is not a vote");
  SignedVote out;
  auto& vote = out.vote;
  vote.person = base::json_text(*document, "person");
  vote.text = base::json_text(*document, "text");
  const auto at = base::parse_rfc3339(base::json_text(*document, "at"));
  const auto request = base::from_hex(base::json_text(*document, "request"));
  const auto word = base::json_text(*document, "decision");
  const auto* decision = std::find_if(kDecisions.begin(), kDecisions.end(),
                                      [&](const auto& one) { return one.second == word; });
  if (!at || !request || request->size() != 32 || decision == kDecisions.end() ||
      vote.text.size() > kMostText)
    return bad("a member of the vote");
  vote.at = *at;
  vote.decision = decision->first;
  std::copy(request->begin(), request->end(), vote.request.begin());
  out.signing_input = jws.substr(0, second);
  out.signature = std::move(*signature);
  if (vote.signing_input() != out.signing_input) return bad("another spelling");
  return out;
}

}  // namespace hsm::officers
