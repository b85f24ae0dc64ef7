#include "api/cli/governance.h"

#include <algorithm>

#include "api/cli/words.h"
#include "base/encoding.h"

namespace cli {
namespace {

using base::Code;

base::Error about(Code code, std::string key, const std::string& what) {
  auto failure = base::error(code, std::move(key), what);
  failure.args = {{"what", what}};
  return failure;
}

base::Digest digest_of(std::string_view hex) {
  base::Digest out{};
  if (const auto bytes = base::from_hex(hex); bytes && bytes->size() == out.size())
    std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

std::string text_of(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

base::Result<RequestRecord> read_record(std::string json, const std::string& wanted) {
  const auto document = base::parse_json(json, {16 << 20, 16});
  const auto bad = [&](std::string_view why) {
    return about(Code::internal, "cli.signer_answer", std::string(why));
  };
  if (!document.ok()) return bad(document.error().detail);
  RequestRecord out;
  BASE_TRY(out.request, hsm::officers::read_request(base::json_text(*document, "request")));
  out.id = base::to_hex(out.request.id);
  if (!wanted.empty() && out.id != wanted) return bad("another request than the one asked for");
  out.standing = base::json_text(*document, "standing");
  out.needed = static_cast<int>(base::json_int(*document, "needed").value_or(0));
  if (const auto it = document->FindMember("approvals");
      it != document->MemberEnd() && it->value.IsArray())
    for (const auto& one : it->value.GetArray())
      if (one.IsString()) out.approvals.emplace_back(one.GetString());
  if (const auto it = document->FindMember("result");
      it != document->MemberEnd() && !it->value.IsNull())
    out.result_json = text_of(it->value);
  out.json = std::move(json);
  return out;
}

}  // namespace

base::Result<Governance> Governance::read(hsm::Client& signer) {
  BASE_TRY(const auto told, signer.officers("state"));
  Governance out;
  BASE_TRY(out.state_, base::parse_json(told, {16 << 20, 12}));
  for (const auto* name : {"people", "keys", "requests", "rules"})
    if (!out.state_.HasMember(name) || !out.state_[name].IsArray())
      return about(Code::internal, "cli.signer_answer", name);
  return out;
}

base::Digest Governance::world() const {
  return digest_of(base::json_text(state_, "world"));
}

const rapidjson::Value* Governance::key(std::string_view label) const {
  for (const auto& key : state_["keys"].GetArray())
    if (base::json_text(key, "label") == label) return &key;
  return nullptr;
}

base::Result<const rapidjson::Value*> Governance::active(hsm::Purpose purpose) const {
  const rapidjson::Value* newest = nullptr;
  for (const auto& key : state_["keys"].GetArray())
    if (base::json_text(key, "purpose") == hsm::to_string(purpose) &&
        base::json_text(key, "state") == "active" &&
        (newest == nullptr || base::json_text(key, "since") > base::json_text(*newest, "since")))
      newest = &key;
  if (newest == nullptr)
    return about(Code::not_found, "cli.no_active_key", std::string(hsm::to_string(purpose)));
  return newest;
}

base::Result<std::string> Governance::person(base::BytesView public_key) const {
  for (const auto& one : state_["people"].GetArray()) {
    rapidjson::Document plain(rapidjson::kObjectType);
    auto& memory = plain.GetAllocator();
    for (const auto* name : {"certificate", "id", "name", "role", "share_key"})
      plain.AddMember(rapidjson::Value(name, memory),
                      rapidjson::Value(std::string(base::json_text(one, name)), memory), memory);
    const auto person = hsm::officers::read_person(plain);
    if (person.ok() && std::ranges::equal(person->public_key, public_key)) return person->id;
  }
  return about(Code::permission_denied, "cli.unknown_card",
               "SPKI SHA-256 " + base::to_hex(base::sha256(public_key)));
}

base::Result<std::string> Governance::request_named(std::string_view beginning) const {
  std::string found;
  if (beginning.size() >= 6)
    for (const auto& one : state_["requests"].GetArray()) {
      const auto id = base::json_text(one, "id");
      if (!id.starts_with(beginning)) continue;
      if (!found.empty()) return about(Code::conflict, "cli.request_name", std::string(beginning));
      found = id;
    }
  if (found.empty()) return about(Code::not_found, "cli.request_name", std::string(beginning));
  return found;
}

base::Result<RequestRecord> ask(Officer& officer, const Governance& governance,
                                const hsm::officers::Wish& wish) {
  const auto now = std::chrono::floor<std::chrono::seconds>(officer.context.clock().now());
  BASE_TRY(const auto health, officer.signer.health());
  const auto number = [&](const char* name) {
    return base::json_int(governance.policy(), name).value_or(1);
  };
  auto life = std::chrono::hours(number("request_life_h"));
  if (wish.op == "key.destroy") life += std::chrono::hours(number("destroy_grace_h"));
  BASE_TRY(const auto text,
           hsm::officers::request_text(wish, officer.name, health.token_serial, governance.world(),
                                       now, now + life, officer.context.random().bytes(16)));
  BASE_TRY(auto told, officer.signer.officers("submit", text));
  return read_record(std::move(told), base::to_hex(base::sha256(base::as_bytes(text))));
}

base::Result<RequestRecord> find_request(Officer& officer, std::string_view id) {
  BASE_TRY(auto told, officer.signer.officers("request", id));
  return read_record(std::move(told), std::string(id));
}

base::Result<RequestRecord> execute(Officer& officer, const std::string& id) {
  BASE_TRY(auto told, officer.signer.officers("execute", id));
  return read_record(std::move(told), id);
}

base::Result<RequestRecord> cast_vote(Officer& officer, const Governance& governance,
                                      const hsm::Card& card, const RequestRecord& record,
                                      hsm::officers::Decision decision, const std::string& reason) {
  BASE_TRY(const auto person, governance.person(card.public_key()));
  const hsm::officers::Vote vote{
      person, decision, record.request.id,
      std::chrono::floor<std::chrono::seconds>(officer.context.clock().now()), reason};
  BASE_TRY(const auto signature, card.sign(base::as_bytes(vote.signing_input())));
  BASE_TRY(auto told, officer.signer.officers("vote", vote.jws(signature)));
  return read_record(std::move(told), record.id);
}

base::Result<std::string> key_step_params(const Governance& governance,
                                          const std::vector<std::string>& labels,
                                          const std::string& since) {
  base::JsonWriter out;
  out.StartObject();
  out.key("keys");
  out.StartArray();
  for (const auto& label : labels) {
    const auto* key = governance.key(label);
    if (key == nullptr) {
      auto failure = base::error(Code::not_found, "hsm.officers.no_key", label);
      failure.args = {{"why", label}};
      return failure;
    }
    out.StartObject();
    out.member("id", base::json_text(*key, "id"));
    out.member("label", label);
    out.member("state", base::json_text(*key, "state"));
    out.EndObject();
  }
  out.EndArray();
  if (!since.empty()) out.member("since", since);
  out.EndObject();
  return out.text();
}

base::Result<Answer> ask_for(Context& context, const hsm::officers::Wish& wish, bool dry_run) {
  if (dry_run) return Answer{wish.params_json, wish.op + "\n  " + wish.params_json, kDone};
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  BASE_TRY(const auto record, ask(officer, governance, wish));
  return request_answer(record);
}

Answer request_answer(const RequestRecord& record) {
  const bool waiting = record.standing == "open";
  const bool done = record.standing == "done";
  std::string text = words(record) + "\n" + standing_words(record);
  if (waiting)
    text += "\n  xinyin request approve " + record.id.substr(0, 12) + " --card FILE\n" +
            "  xinyin request execute " + record.id.substr(0, 12);
  return Answer{record.json, std::move(text), waiting ? kWaiting : done ? kDone : kConflict};
}

}  // namespace cli
