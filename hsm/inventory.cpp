#include "hsm/inventory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "base/encoding.h"
#include "base/json.h"
#include "base/unique_fd.h"
#include "hsm/algorithm.h"
#include "hsm/public_key.h"
#include "hsm/wrapped_key.h"

namespace hsm {
namespace {

constexpr std::size_t kMostBytes = 64 << 20;  // 10,000 keys take about 12 MB

base::Error bad(const std::string& why) {
  auto failure = base::error(base::Code::unavailable, "hsm.inventory", why);
  failure.args = {{"why", why}};
  return failure;
}

/// Empty, or what is wrong. Entries of earlier inventories say nothing: they are in the token.
std::string read_protection(const rapidjson::Value& value, InventoryEntry& entry) {
  const auto protection = base::json_text(value, "protection");
  if (protection.empty() && !value.HasMember("protection")) return {};
  if (protection == to_string(Protection::token))
    return value.HasMember("wrapped") ? "wrapped, and in the token as well" : "";
  if (protection != to_string(Protection::wrapped)) return "unknown protection";
  entry.key.protection = Protection::wrapped;
  if (entry.key.algorithm != Algorithm::sm2) return "only SM2 keys are wrapped";
  const auto wrapped = base::from_base64(base::json_text(value, "wrapped"));
  if (!wrapped || !wrapping_parts(*wrapped)) return "its wrapping has another form";
  entry.wrapped = *wrapped;
  entry.wrapped_by = KeyId(std::string(base::json_text(value, "wrapped_by")));
  const auto id = base::from_hex(entry.wrapped_by.value());
  return !id || id->size() != 20 ? "the wrapping key's id is not 20 bytes of hex" : "";
}

base::Result<InventoryEntry> read_entry(const rapidjson::Value& value) {
  if (!value.IsObject()) return bad("a key is not an object");
  InventoryEntry entry;
  entry.key.label = base::json_text(value, "label");
  if (entry.key.label.empty()) return bad("a key has no label");
  const auto wrong = [&](std::string_view what) {
    return bad("key " + entry.key.label + ": " + std::string(what));
  };
  entry.key.id = KeyId(std::string(base::json_text(value, "id")));
  const auto id = base::from_hex(entry.key.id.value());
  if (!id || id->size() != 20) return wrong("the id is not 20 bytes of hex");
  const auto algorithm = algorithm_from(base::json_text(value, "algorithm"));
  if (!algorithm) return wrong("unknown algorithm");
  entry.key.algorithm = *algorithm;
  const auto purpose = purpose_from(base::json_text(value, "purpose"));
  if (!purpose) return wrong("unknown purpose");
  entry.key.purpose = *purpose;
  if (!fits(*algorithm, *purpose)) return wrong("purpose and algorithm do not fit");
  const auto spki = base::from_base64(base::json_text(value, "spki"));
  if (!spki) return wrong("spki is not base64");
  entry.key.public_key = *spki;
  if (signs(*algorithm)) {
    if (!good_form(*algorithm, *spki)) return wrong("spki is not a public key of its algorithm");
    if (id_of(*spki) != entry.key.id) return wrong("the id is not the digest of the public key");
  }
  if (auto why = read_protection(value, entry); !why.empty()) return wrong(why);
  if (!value.HasMember("attributes") || !value["attributes"].IsObject())
    return wrong("no attributes");
  for (const auto& one : value["attributes"].GetObject()) {
    if (!one.value.IsBool()) return wrong("an attribute is neither true nor false");
    entry.attributes.emplace(one.name.GetString(), one.value.GetBool());
  }
  return entry;
}

}  // namespace

const InventoryEntry* Inventory::find(std::string_view label) const {
  for (const auto& one : keys)
    if (one.key.label == label) return &one;
  return nullptr;
}

base::Result<Inventory> Inventory::from_text(std::string_view json) {
  auto document = base::parse_json(json, {.bytes = kMostBytes, .depth = 8});
  if (!document.ok()) return bad(document.error().key + " " + document.error().detail);
  if (!document->IsObject() || base::json_int(*document, "version") != 1)
    return bad("not an inventory of version 1");
  Inventory inventory;
  inventory.token_label = base::json_text(*document, "token_label");
  inventory.token_serial = base::json_text(*document, "token_serial");
  if (!document->HasMember("keys") || !(*document)["keys"].IsArray()) return bad("no keys");
  std::set<std::string> seen;
  for (const auto& value : (*document)["keys"].GetArray()) {
    BASE_TRY(auto entry, read_entry(value));
    if (!seen.insert("label " + entry.key.label).second ||
        !seen.insert("id " + entry.key.id.value()).second)
      return bad("key " + entry.key.label + ": label or id twice");
    inventory.keys.push_back(std::move(entry));
  }
  if (!document->HasMember("files")) return inventory;
  const rapidjson::Value& files =
      (*document)["files"];  // const: clang finds != ambiguous otherwise
  if (!files.IsObject()) return bad("files is not an object");
  for (const auto& one : files.GetObject()) {
    const std::filesystem::path name(one.name.GetString());
    if (!one.value.IsString() || name.is_absolute() || name.lexically_normal() != name ||
        name.begin() == name.end() || *name.begin() == "..")
      return bad("a file's entry");
    inventory.files.emplace(one.name.GetString(), one.value.GetString());
  }
  return inventory;
}

base::Result<Inventory> Inventory::from_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) return bad(path.string() + " cannot be read; provisioning writes it");
  auto inventory = from_text(text.str());
  if (!inventory.ok()) return bad(path.string() + ": " + inventory.error().detail);
  return inventory;
}

std::string Inventory::text() const {
  base::JsonWriter out;
  out.StartObject();
  out.member("version", 1);
  out.member("token_label", token_label);
  out.member("token_serial", token_serial);
  out.key("keys");
  out.StartArray();
  for (const auto& one : keys) {
    out.StartObject();
    out.member("label", one.key.label);
    out.member("id", one.key.id.value());
    out.member("algorithm", to_string(one.key.algorithm));
    out.member("purpose", to_string(one.key.purpose));
    out.member("protection", to_string(one.key.protection));
    if (one.key.protection == Protection::wrapped) {
      out.member("wrapped", base::to_base64(one.wrapped));
      out.member("wrapped_by", one.wrapped_by.value());
    }
    out.member("spki", base::to_base64(one.key.public_key));
    out.key("attributes");
    out.StartObject();
    for (const auto& [name, value] : one.attributes) out.member(name, value);
    out.EndObject();
    out.EndObject();
  }
  out.EndArray();
  out.key("files");
  out.StartObject();
  for (const auto& [name, digest] : files) out.member(name.c_str(), digest);
  out.EndObject();
  out.EndObject();
  return out.text();
}

base::Result<void> Inventory::save(const std::filesystem::path& path) const {
  const auto failed = [&](std::string_view what) {
    return bad(path.string() + ": " + std::string(what) + ": " + std::strerror(errno));
  };
  const auto beside = path.string() + ".new";
  const auto content = text() + "\n";
  base::UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return failed("open");
  (void)::fchmod(fd.get(), 0644);  // public halves and names; the serving user may be another
  for (std::string_view rest = content; !rest.empty();) {
    const auto wrote = ::write(fd.get(), rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed("write");
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (::fsync(fd.get()) != 0) return failed("fsync");
  if (::rename(beside.c_str(), path.c_str()) != 0) return failed("rename");
  const auto directory = path.has_parent_path() ? path.parent_path() : ".";
  const base::UniqueFd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return failed("fsync of the directory");
  return {};
}

}  // namespace hsm
