#include "hsm/officers/request.h"

#include <algorithm>
#include <array>

#include "base/canonical_json.h"
#include "base/encoding.h"

namespace hsm::officers {
namespace {

constexpr std::size_t kMostKeys = 64;
constexpr std::size_t kMostReason = 1024;
constexpr std::array<std::string_view, 14> kOps{"officer.enrol",  "officer.retire",
                                                "policy.set",     "key.generate",
                                                "key.adopt",      "key.activate",
                                                "key.suspend",    "key.resume",
                                                "key.deactivate", "key.compromise",
                                                "key.destroy",    "key.backup",
                                                "backup.prove",   "sign"};

base::Error bad(const std::string& why) {
  auto failure = base::error(base::Code::invalid_argument, "hsm.officers.request", why);
  failure.args = {{"why", why}};
  return failure;
}

bool digest_from(std::string_view text, base::Digest& out) {
  const auto bytes = base::from_hex(text);
  if (!bytes || bytes->size() != out.size()) return false;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return true;
}

bool good_label(std::string_view label) {
  return !label.empty() && label.size() <= 64 &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

bool good_id(std::string_view id) {
  const auto bytes = base::from_hex(id);
  return bytes && bytes->size() == 20;
}

/// The array `name` of an object with exactly `members` members.
base::Result<const rapidjson::Value*> list(const rapidjson::Value& params, const char* name,
                                           std::size_t members, std::size_t most = kMostKeys) {
  if (!params.IsObject() || params.MemberCount() != members)
    return bad("params has other members than this act takes");
  const auto it = params.FindMember(name);
  if (it == params.MemberEnd() || !it->value.IsArray() || it->value.Empty() ||
      it->value.Size() > most)
    return bad(std::string(name) + " is a list of 1 to " + std::to_string(most));
  return &it->value;
}

base::Result<WantedKey> read_wanted(const rapidjson::Value& one, std::size_t members) {
  if (!one.IsObject() || one.MemberCount() != members) return bad("a key has other members");
  WantedKey key;
  key.label = base::json_text(one, "label");
  if (!good_label(key.label)) return bad("a label has 1 to 64 of a-z, 0-9, '-' and '.'");
  const auto algorithm = algorithm_from(base::json_text(one, "algorithm"));
  const auto purpose = purpose_from(base::json_text(one, "purpose"));
  if (!algorithm) return bad("key " + key.label + ": unknown algorithm");
  if (!purpose) return bad("key " + key.label + ": unknown purpose");
  key.algorithm = *algorithm;
  key.purpose = *purpose;
  return key;
}

template <class Item, class Label>
bool all_different(const std::vector<Item>& items, Label&& label) {
  std::set<std::string> seen;
  return std::all_of(items.begin(), items.end(),
                     [&](const Item& one) { return seen.insert(label(one)).second; });
}

}  // namespace

base::Result<std::string> request_text(const Wish& wish, std::string_view requester,
                                       std::string_view token, const base::Digest& world,
                                       base::Time created, base::Time not_after,
                                       base::BytesView nonce) {
  base::JsonWriter out;
  out.StartObject();
  out.member("created", base::to_rfc3339(created));
  out.member("nonce", base::to_hex(nonce));
  out.member("not_after", base::to_rfc3339(not_after));
  out.member("op", wish.op);
  out.key("params");
  out.RawValue(wish.params_json.data(), wish.params_json.size(), rapidjson::kObjectType);
  out.member("reason", wish.reason);
  out.member("requester", requester);
  out.member("token", token);
  out.member("v", 1);
  out.member("world", base::to_hex(world));
  out.EndObject();
  BASE_TRY(const auto document, base::parse_json(out.text(), {kMostRequestBytes, 8}));
  return base::canonical_json(document);
}

base::Result<Request> read_request(std::string_view text) {
  auto document = base::parse_canonical_json(text, {kMostRequestBytes, 8});
  if (!document.ok()) return bad(document.error().key + " " + document.error().detail);
  const auto& body = *document;
  if (!body.IsObject() || body.MemberCount() != 10 || base::json_int(body, "v") != 1)
    return bad("not a request of version 1");
  Request out;
  out.op = base::json_text(body, "op");
  out.requester = base::json_text(body, "requester");
  out.reason = base::json_text(body, "reason");
  out.token = base::json_text(body, "token");
  const auto created = base::parse_rfc3339(base::json_text(body, "created"));
  const auto not_after = base::parse_rfc3339(base::json_text(body, "not_after"));
  const auto nonce = base::from_hex(base::json_text(body, "nonce"));
  const auto params = body.FindMember("params");
  if (std::find(kOps.begin(), kOps.end(), out.op) == kOps.end()) return bad("unknown op");
  if (out.requester.empty() || out.requester.size() > 128) return bad("requester");
  if (out.reason.size() > kMostReason || !body.HasMember("reason")) return bad("reason");
  if (out.token.size() > 64 || !body.HasMember("token")) return bad("token");
  if (!created || !not_after || *not_after <= *created) return bad("created and not_after");
  if (!nonce || nonce->size() != 16) return bad("nonce");
  if (params == body.MemberEnd() || !params->value.IsObject()) return bad("params");
  if (!digest_from(base::json_text(body, "world"), out.world)) return bad("world");
  out.created = *created;
  out.not_after = *not_after;
  out.text = text;
  out.id = base::sha256(base::as_bytes(text));
  out.body = std::move(*document);
  return out;
}

base::Result<Generate> read_generate(const rapidjson::Value& params) {
  BASE_TRY(const auto* keys, list(params, "keys", 2));
  const auto activate = params.FindMember("activate");
  if (activate == params.MemberEnd() || !activate->value.IsBool())
    return bad("activate is true or false");
  Generate out;
  out.activate = activate->value.GetBool();
  for (const auto& one : keys->GetArray()) {
    BASE_TRY(auto key, read_wanted(one, 3));
    const bool wraps =
        key.purpose == Purpose::data_wrapping || key.purpose == Purpose::key_wrapping;
    if (wraps != (key.algorithm == Algorithm::aes_256))
      return bad("key " + key.label + ": purpose and algorithm do not fit");
    out.keys.push_back(std::move(key));
  }
  if (!all_different(out.keys, [](const auto& key) { return key.label; }))
    return bad("a label stands twice");
  return out;
}

base::Result<Adopt> read_adopt(const rapidjson::Value& params) {
  BASE_TRY(const auto* keys, list(params, "keys", 2, 10'000));
  Adopt out;
  if (!digest_from(base::json_text(params, "inventory"), out.inventory)) return bad("inventory");
  for (const auto& one : keys->GetArray()) {
    BASE_TRY(auto key, read_wanted(one, 4));
    const auto id = base::json_text(one, "id");
    if (!good_id(id)) return bad("key " + key.label + ": id");
    out.keys.emplace_back(std::move(key), KeyId(std::string(id)));
  }
  if (!all_different(out.keys, [](const auto& key) { return key.first.label; }))
    return bad("a label stands twice");
  return out;
}

base::Result<KeyStep> read_key_step(const rapidjson::Value& params, bool with_since) {
  BASE_TRY(const auto* keys, list(params, "keys", with_since ? 2 : 1));
  KeyStep out;
  if (with_since) {
    out.since = base::parse_rfc3339(base::json_text(params, "since"));
    if (!out.since) return bad("since is a time");
  }
  for (const auto& one : keys->GetArray()) {
    if (!one.IsObject() || one.MemberCount() != 3) return bad("a key has id, label and state");
    KeyStep::One key;
    key.label = base::json_text(one, "label");
    key.state = base::json_text(one, "state");
    const auto id = base::json_text(one, "id");
    if (!good_label(key.label) || !good_id(id)) return bad("a key's label and id");
    key.id = KeyId(std::string(id));
    out.keys.push_back(std::move(key));
  }
  if (!all_different(out.keys, [](const auto& key) { return key.label; }))
    return bad("a label stands twice");
  return out;
}

base::Result<Sign> read_sign(const rapidjson::Value& params) {
  BASE_TRY(const auto* items, list(params, "items", 1));
  Sign out;
  for (const auto& one : items->GetArray()) {
    if (!one.IsObject() || one.MemberCount() != 4)
      return bad("an item has content, id, kind and label");
    Sign::Item item;
    item.label = base::json_text(one, "label");
    item.kind = base::json_text(one, "kind");
    const auto id = base::json_text(one, "id");
    auto content = base::from_base64(base::json_text(one, "content"));
    if (!good_label(item.label) || !good_id(id)) return bad("an item's label and id");
    if (item.kind != "certificate" && item.kind != "trust_list" && item.kind != "seal_object")
      return bad("an item's kind");
    if (!content || content->empty()) return bad("an item's content");
    item.id = KeyId(std::string(id));
    item.content = std::move(*content);
    out.items.push_back(std::move(item));
  }
  return out;
}

base::Result<Backup> read_backup(const rapidjson::Value& params) {
  BASE_TRY(const auto* officers, list(params, "officers", 3, 32));
  Backup out;
  out.file = base::json_text(params, "file");
  if (!good_label(out.file)) return bad("file is a plain name");
  for (const auto& one : officers->GetArray()) {
    if (!one.IsString()) return bad("officers are ids");
    out.officers.emplace_back(one.GetString(), one.GetStringLength());
  }
  if (!all_different(out.officers, [](const auto& id) { return id; }))
    return bad("an officer stands twice");
  const auto threshold = base::json_int(params, "threshold");
  if (!threshold || *threshold < 2 || *threshold > static_cast<std::int64_t>(out.officers.size()))
    return bad("threshold is 2 to the number of officers");
  out.threshold = static_cast<int>(*threshold);
  return out;
}

base::Result<Prove> read_prove(const rapidjson::Value& params) {
  BASE_TRY(const auto* keys, list(params, "keys", 3, 10'000));
  Prove out;
  if (!digest_from(base::json_text(params, "backup"), out.backup)) return bad("backup");
  if (!digest_from(base::json_text(params, "report"), out.report)) return bad("report");
  for (const auto& one : keys->GetArray()) {
    if (!one.IsString() || !good_id({one.GetString(), one.GetStringLength()}))
      return bad("keys are key ids");
    out.keys.emplace(one.GetString(), one.GetStringLength());
  }
  return out;
}

}  // namespace hsm::officers
