// The child that changes the copy of a token: see token_change.h.
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/encoding.h"
#include "base/json.h"
#include "hsm/inventory.h"
#include "hsm/key_maker.h"
#include "hsm/token_change.h"

namespace hsm {
namespace {

namespace fs = std::filesystem;

base::Error failed(const std::string& why) {
  auto failure = base::error(base::Code::unavailable, "hsm.token_change", why);
  failure.args = {{"why", why}};
  return failure;
}

struct Order {
  std::int64_t parent = 0;
  ProvisionConfig config;
  std::vector<PlannedKey> make;
  std::vector<std::string> destroy;
};

base::Result<Order> read_order(std::string_view text) {
  BASE_TRY(const auto document, base::parse_json(text, {16 << 20, 4}));
  Order order;
  const auto path = [&](const char* name) { return fs::path(base::json_text(document, name)); };
  order.parent = base::json_int(document, "parent").value_or(0);
  order.config.module = path("module");
  order.config.label = base::json_text(document, "label");
  order.config.serial = base::json_text(document, "serial");
  order.config.directory = path("directory");
  order.config.inventory = path("inventory");
  BASE_TRY(order.config.pin, base::Secret::from_file(path("pin_file")));
  const auto number = [&](const char* name) {
    return static_cast<unsigned long>(base::json_int(document, name).value_or(0));
  };
  const auto flag = [&](const char* name) {
    const auto it = document.FindMember(name);
    return it != document.MemberEnd() && it->value.IsBool() && it->value.GetBool();
  };
  order.config.sm2 = {.native = flag("sm2_native"),
                      .key_type = number("sm2_key_type"),
                      .generate_mechanism = number("sm2_generate"),
                      .sign_mechanism = number("sm2_sign"),
                      .der = flag("sm2_der")};
  if (!document.HasMember("make") || !document["make"].IsArray() ||
      !document.HasMember("destroy") || !document["destroy"].IsArray())
    return failed("an order without make and destroy");
  for (const auto& one : document["make"].GetArray()) {
    const auto algorithm = algorithm_from(base::json_text(one, "algorithm"));
    const auto purpose = purpose_from(base::json_text(one, "purpose"));
    if (!algorithm || !purpose) return failed("an order for an unknown kind of key");
    order.make.push_back({std::string(base::json_text(one, "label")), *algorithm, *purpose});
  }
  for (const auto& one : document["destroy"].GetArray())
    order.destroy.emplace_back(one.IsString() ? one.GetString() : "");
  return order;
}

base::Result<void> destroy_keys(const Order& order, base::Random& random) {
  if (order.destroy.empty()) return {};
  BASE_TRY(auto inventory, Inventory::from_file(order.config.inventory));
  TokenConfig opening;
  opening.module = order.config.module;
  opening.label = order.config.label;
  opening.serial = order.config.serial;
  opening.pin = order.config.pin.clone();
  opening.sm2 = order.config.sm2;
  {
    BASE_TRY(const auto maker, KeyMaker::open(std::move(opening), random));
    for (const auto& label : order.destroy) {
      const auto* entry = inventory.find(label);
      if (entry == nullptr) continue;  // destroyed by an earlier try
      if (entry->key.protection == Protection::token)
        BASE_TRY_VOID(maker->destroy(label, entry->key.id));
      std::erase_if(inventory.keys, [&](const auto& one) { return one.key.label == label; });
    }
  }
  if (!order.config.directory.empty()) {
    BASE_TRY(inventory.files, digest_files(order.config.directory));
  }
  return inventory.save(order.config.inventory);
}

std::string keys_text(const Inventory& inventory, const std::vector<PlannedKey>& wanted) {
  base::JsonWriter out;
  out.StartArray();
  for (const auto& planned : wanted) {
    const auto* entry = inventory.find(planned.label);
    if (entry == nullptr) continue;
    out.StartObject();
    out.member("algorithm", to_string(entry->key.algorithm));
    out.key("attributes");
    out.StartObject();
    for (const auto& [name, value] : entry->attributes) out.member(name, value);
    out.EndObject();
    out.member("id", entry->key.id.value());
    out.member("label", entry->key.label);
    out.member("protection", to_string(entry->key.protection));
    out.member("purpose", to_string(entry->key.purpose));
    out.member("spki", base::to_base64(entry->key.public_key));
    out.EndObject();
  }
  out.EndArray();
  return out.text();
}

base::Result<std::string> carry_out(base::Random& random) {
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  BASE_TRY(auto order, read_order(text));
  if (order.parent != ::getppid()) return failed("who started this has gone");
  BASE_TRY_VOID(destroy_keys(order, random));
  if (!order.make.empty()) {
    auto config = ProvisionConfig{};
    config.module = order.config.module;
    config.label = order.config.label;
    config.serial = order.config.serial;
    config.directory = order.config.directory;
    config.inventory = order.config.inventory;
    config.pin = order.config.pin.clone();
    config.sm2 = order.config.sm2;
    BASE_TRY_VOID(provision(std::move(config), order.make, random, [](const ProvisionStep&) {}));
  }
  BASE_TRY(const auto inventory, Inventory::from_file(order.config.inventory));
  return keys_text(inventory, order.make);
}

}  // namespace

int change_token(base::Random& random) {
  // It dies with the worker that started it: the next one begins on a new copy, in the same place.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return 1;
  const auto done = carry_out(random);
  if (done.ok()) {
    std::fwrite(done->data(), 1, done->size(), stdout);
    return std::fflush(stdout) == 0 ? 0 : 1;
  }
  std::fprintf(stderr, "%s: %s\n", done.error().key.c_str(), done.error().detail.c_str());
  return 1;
}

}  // namespace hsm
