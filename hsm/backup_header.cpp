#include "hsm/backup_header.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "hsm/public_key.h"

namespace hsm {
namespace {

constexpr std::size_t kIdBytes = 16, kMostText = 200, kMostKeys = 100'000,
                      kMostPublicKeyBytes = 1024, kMostEncryptedBytes = 256;

bool hex_of(std::string_view text, std::size_t size) {
  const auto bytes = base::from_hex(text);
  return bytes && bytes->size() == size;
}

bool good_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool good_text(std::string_view text) {
  return !text.empty() && text.size() <= kMostText && base::is_utf8(text) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool read_digest(const rapidjson::Value& value, const char* name, base::Digest& out) {
  const auto bytes = base::from_hex(base::json_text(value, name));
  if (!bytes || bytes->size() != out.size()) return false;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return true;
}

bool read_bytes(const rapidjson::Value& value, const char* name, std::size_t most,
                base::Bytes& out) {
  const auto text = base::json_text(value, name);
  if (text.size() > most * 2) return false;
  auto bytes = base::from_base64(text);
  if (!bytes || bytes->size() > most) return false;
  out = std::move(*bytes);
  return true;
}

base::Result<KeyInfo> read_key(const rapidjson::Value& value) {
  if (!value.IsObject()) return bad_backup("a key is not an object");
  KeyInfo key;
  key.label = base::json_text(value, "label");
  if (!good_text(key.label)) return bad_backup("a key without a label");
  key.id = KeyId(std::string(base::json_text(value, "id")));
  if (!hex_of(key.id.value(), 20)) return bad_backup("key " + key.label + ": its id");
  const auto algorithm = algorithm_from(base::json_text(value, "algorithm"));
  const auto purpose = purpose_from(base::json_text(value, "purpose"));
  if (!algorithm || !purpose) return bad_backup("key " + key.label + ": algorithm or purpose");
  key.algorithm = *algorithm;
  key.purpose = *purpose;
  const auto protection = base::json_text(value, "protection");
  if (protection == to_string(Protection::wrapped))
    key.protection = Protection::wrapped;
  else if (protection != to_string(Protection::token))
    return bad_backup("key " + key.label + ": protection");
  if (!read_bytes(value, "public_key", kMostPublicKeyBytes, key.public_key))
    return bad_backup("key " + key.label + ": its public key");
  return key;
}

base::Result<EnclosedShare> read_share(const rapidjson::Value& value) {
  if (!value.IsObject()) return bad_backup("a share is not an object");
  EnclosedShare share;
  share.holder.id = base::json_text(value, "officer");
  share.holder.name = base::json_text(value, "name");
  if (!read_bytes(value, "share_key", kMostPublicKeyBytes, share.holder.share_key) ||
      !read_bytes(value, "ephemeral", kMostPublicKeyBytes, share.ephemeral) ||
      !read_bytes(value, "encrypted", kMostEncryptedBytes, share.encrypted) ||
      !read_digest(value, "share_sha256", share.digest))
    return bad_backup("the share of " + base::printable(share.holder.id));
  return share;
}

template <class T>
base::Result<std::vector<T>> read_all(const rapidjson::Value& object, const char* name,
                                      std::size_t most,
                                      base::Result<T> (*read)(const rapidjson::Value&)) {
  const auto it = object.FindMember(name);
  if (it == object.MemberEnd() || !it->value.IsArray() || it->value.Size() > most)
    return bad_backup(std::string("no ") + name + ", or too many");
  std::vector<T> all;
  for (const auto& one : it->value.GetArray()) {
    BASE_TRY(auto read_one, read(one));
    all.push_back(std::move(read_one));
  }
  return all;
}

}  // namespace

base::Error bad_backup(const std::string& why) {
  auto failure = base::error(base::Code::invalid_argument, "hsm.backup_form", why);
  failure.args = {{"why", why}};
  return failure;
}

base::Error altered(const std::string& part) {
  auto failure = base::error(base::Code::conflict, "hsm.backup_altered", part);
  failure.args = {{"part", part}};
  return failure;
}

base::Result<void> check_threshold(int threshold, std::size_t holders) {
  if (threshold >= kLeastThreshold && holders <= kMostHolders &&
      static_cast<std::size_t>(threshold) < holders)
    return {};
  auto failure = base::error(base::Code::invalid_argument, "hsm.threshold");
  failure.detail = std::to_string(threshold) + " of " + std::to_string(holders);
  failure.args = {{"threshold", std::to_string(threshold)}, {"holders", std::to_string(holders)}};
  return failure;
}

base::Result<void> check_holders(const std::vector<ShareHolder>& holders) {
  std::set<std::string> ids;
  std::set<base::Bytes> keys;
  for (const auto& one : holders) {
    std::string why;
    if (!good_id(one.id) || !good_text(one.name)) why = "id or name";
    if (!SignatureCheck::make(Algorithm::ecdsa_p256, one.share_key).ok())
      why = "the share key is not a P-256 key";
    if (!ids.insert(one.id).second || !keys.insert(one.share_key).second)
      why = "the same person or card twice";
    if (why.empty()) continue;
    auto failure = base::error(base::Code::invalid_argument, "hsm.share_holder");
    failure.detail = base::printable(one.id) + ": " + why;
    failure.args = {{"officer", base::printable(one.id)}, {"why", why}};
    return failure;
  }
  return {};
}

base::Result<BackupHeader> BackupHeader::from_text(std::string_view json) {
  auto document = base::parse_json(json, {.bytes = kMostHeaderBytes, .depth = 8});
  if (!document.ok()) return bad_backup(document.error().key);
  if (!document->IsObject() || base::json_int(*document, "version") != 1)
    return bad_backup("not a header of version 1");
  BackupHeader header;
  header.id = base::json_text(*document, "id");
  if (!hex_of(header.id, kIdBytes)) return bad_backup("no id");
  const auto made_at = base::parse_rfc3339(base::json_text(*document, "made_at"));
  if (!made_at) return bad_backup("no time");
  header.made_at = *made_at;
  header.token_label = base::json_text(*document, "token_label");
  header.token_serial = base::json_text(*document, "token_serial");
  if (!good_text(header.token_label) || !good_text(header.token_serial))
    return bad_backup("no token");
  BASE_TRY(header.keys, read_all(*document, "keys", kMostKeys, read_key));
  if (!read_digest(*document, "inventory_sha256", header.inventory_digest))
    return bad_backup("no digest of the inventory");
  header.ledger_head = base::json_text(*document, "ledger_head");
  if (!header.ledger_head.empty() && !hex_of(header.ledger_head, 32))
    return bad_backup("the ledger's head");
  const auto threshold = base::json_int(*document, "threshold");
  BASE_TRY(header.shares, read_all(*document, "shares", kMostHolders, read_share));
  if (!threshold || *threshold < 0 || *threshold > kMostHolders ||
      !check_threshold(static_cast<int>(*threshold), header.shares.size()).ok())
    return bad_backup("threshold and shares do not fit");
  header.threshold = static_cast<int>(*threshold);
  std::vector<ShareHolder> holders;
  for (const auto& one : header.shares) holders.push_back(one.holder);
  if (const auto good = check_holders(holders); !good.ok()) return bad_backup(good.error().detail);
  return header;
}

std::string BackupHeader::text() const {
  base::JsonWriter out;
  out.StartObject();
  out.member("version", 1);
  out.member("id", id);
  out.member("made_at", base::to_rfc3339(made_at, true));
  out.member("token_label", token_label);
  out.member("token_serial", token_serial);
  out.key("keys");
  out.StartArray();
  for (const auto& key : keys) {
    out.StartObject();
    out.member("label", key.label);
    out.member("id", key.id.value());
    out.member("algorithm", to_string(key.algorithm));
    out.member("protection", to_string(key.protection));
    out.member("purpose", to_string(key.purpose));
    out.member("public_key", base::to_base64(key.public_key));
    out.EndObject();
  }
  out.EndArray();
  out.member("inventory_sha256", base::to_hex(inventory_digest));
  out.member("ledger_head", ledger_head);
  out.member("threshold", threshold);
  out.key("shares");
  out.StartArray();
  for (const auto& share : shares) {
    out.StartObject();
    out.member("officer", share.holder.id);
    out.member("name", share.holder.name);
    out.member("share_key", base::to_base64(share.holder.share_key));
    out.member("ephemeral", base::to_base64(share.ephemeral));
    out.member("encrypted", base::to_base64(share.encrypted));
    out.member("share_sha256", base::to_hex(share.digest));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

}  // namespace hsm
