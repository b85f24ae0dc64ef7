// The founding: who the first officers are, and that all of them agreed.
#include "base/canonical_json.h"
#include "base/encoding.h"
#include "hsm/officers/rules.h"

namespace hsm::officers {
namespace {

using base::Code;

base::Error bad_genesis(const std::string& why) {
  return refused(Code::invalid_argument, "hsm.officers.genesis", why);
}

}  // namespace

base::Result<void> State::found(const Line& line) {
  if (line.n != 1 || founded()) return bad_line("a founding stands first, and once");
  BASE_TRY(const auto body, base::parse_canonical_json(line.body, {kMostLineBytes, 4}));
  if (!body.IsObject()) return bad_genesis("not an object");
  const auto text = base::json_text(body, "document");
  const auto signatures = body.FindMember("signatures");
  if (body.MemberCount() != 2 || signatures == body.MemberEnd() || !signatures->value.IsArray())
    return bad_genesis("wanted: document and signatures");
  const auto document = base::parse_canonical_json(text, {kMostLineBytes, 6});
  if (!document.ok() || !document->IsObject() || document->MemberCount() != 5 ||
      base::json_int(*document, "v") != 1)
    return bad_genesis("the document has created, people, policy, token and v");
  const auto people = document->FindMember("people");
  const auto policy = document->FindMember("policy");
  const auto created = base::parse_rfc3339(base::json_text(*document, "created"));
  if (people == document->MemberEnd() || !people->value.IsArray() || people->value.Size() > 64 ||
      policy == document->MemberEnd() || !created || *created > line.at + kSkew)
    return bad_genesis("people, policy or created");
  const auto token = base::json_text(*document, "token");
  if (token.empty() || token.size() > 32) return bad_genesis("token is the token's label");
  BASE_TRY(auto rules, read_policy(policy->value));
  std::map<std::string, Person, std::less<>> present;
  for (const auto& one : people->value.GetArray()) {
    BASE_TRY(auto person, read_person(one));
    const auto id = person.id;
    if (!present.emplace(id, std::move(person)).second) return bad_genesis(id + " stands twice");
  }
  BASE_TRY_VOID(enough_officers(present, rules));
  const auto digest = base::sha256(base::as_bytes(text));
  std::set<std::string, std::less<>> signed_by;
  for (const auto& one : signatures->value.GetArray()) {
    if (!one.IsString()) return bad_genesis("a signature");
    BASE_TRY(const auto vote, read_vote({one.GetString(), one.GetStringLength()}));
    const auto person = present.find(vote.vote.person);
    if (person == present.end() || vote.vote.decision != Decision::found ||
        vote.vote.request != digest || !vote.by(person->second))
      return bad_genesis("a signature is not by one of the people, under this document");
    signed_by.insert(vote.vote.person);
  }
  if (signed_by.size() != present.size()) return bad_genesis("not everybody has signed");
  genesis_ = text;
  token_ = token;
  policy_ = std::move(rules);
  people_ = std::move(present);
  world_ = line.hash;
  return {};
}

base::Result<std::string> genesis_document(const std::vector<Person>& people, const Policy& policy,
                                           std::string_view token_label, base::Time created) {
  base::JsonWriter out;
  out.StartObject();
  out.member("created", base::to_rfc3339(created));
  out.key("people");
  out.StartArray();
  for (const auto& person : people) write_person(out, person);
  out.EndArray();
  out.key("policy");
  write_policy(out, policy);
  out.member("token", token_label);
  out.member("v", 1);
  out.EndObject();
  BASE_TRY(const auto document, base::parse_json(out.text(), {kMostLineBytes, 6}));
  return base::canonical_json(document);
}

std::string genesis_body(std::string_view document, const std::vector<std::string>& signatures) {
  base::JsonWriter out;
  out.StartObject();
  out.member("document", document);
  out.key("signatures");
  out.StartArray();
  for (const auto& one : signatures) out.string(one);
  out.EndArray();
  out.EndObject();
  const auto value = base::parse_json(out.text(), {kMostLineBytes, 6});
  base::check(value.ok(), "a founding of our own is not JSON");
  auto text = base::canonical_json(*value);
  base::check(text.ok(), "a founding of our own is not canonical");
  return std::move(text).value();
}

base::Result<State> read_genesis(std::string_view body, base::Time at) {
  State state;
  BASE_TRY_VOID(state.apply(make_line(1, at, "genesis", body, {})));
  return state;
}

}  // namespace hsm::officers
