#include "hsm/officers/conductor.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

#include "base/canonical_json.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/text.h"
#include "hsm/backup.h"
#include "hsm/inventory.h"
#include "hsm/officers/content.h"
#include "hsm/officers/report.h"
#include "hsm/officers/rules.h"

namespace hsm::officers {
namespace {

using base::Code;

constexpr int kMostRefusals = 100;  // in a row; further ones stand in the operation log only
constexpr int kMostOpen = 256;      // requests; each is kept for ever, and asking takes no vote
constexpr std::int64_t kMostStep =
    1000;  // of a renewed trust list's sequence: it must never run out

std::string canonical(const base::JsonWriter& out) {
  const auto document = base::parse_json(out.text(), {kMostLineBytes, 12});
  base::check(document.ok(), "a ledger body of our own is not JSON");
  auto text = base::canonical_json(*document);
  base::check(text.ok(), "a ledger body of our own has no canonical form");
  return std::move(text).value();
}

TokenPlace place_of(const SignerConfig& config) {
  TokenPlace place;
  place.module = config.token.module;
  place.pin_file = config.token.pin_file;
  place.softhsm_conf = config.token.softhsm_conf;
  place.directory = config.token.directory;
  place.inventory = config.token.inventory;
  place.label = config.token.label;
  place.serial = config.token.serial;
  place.sm2 = config.token.sm2;
  place.longest_change = config.longest_change;
  return place;
}

std::string signature_json(base::BytesView signature) {
  base::JsonWriter out;
  out.StartObject();
  out.member("signature", base::to_base64(signature));
  out.EndObject();
  return out.text();
}

}  // namespace

Conductor::Conductor(const ConductorParts& parts)
    : config_(parts.config),
      clock_(parts.clock),
      random_(parts.random),
      journal_(parts.journal),
      place_(place_of(parts.config)),
      uses_(std::make_shared<Uses>()) {}

// ---- opening -----------------------------------------------------------------------------------

base::Result<std::unique_ptr<Conductor>> Conductor::open(const ConductorParts& parts) {
  std::unique_ptr<Conductor> out(new Conductor(parts));
  BASE_TRY(out->ledger_, LedgerFile::open(parts.config.officers.ledger, [&](const Line& line) {
             return out->state_.apply(line);
           }));
  BASE_TRY_VOID(out->found());
  BASE_TRY_VOID(out->put_token_right());
  out->publish();
  return out;
}

/// The founding file is part of the configuration: what the ledger was founded with stays pinned.
base::Result<void> Conductor::found() {
  std::ifstream file(config_.officers.genesis, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  while (text.ends_with('\n')) text.pop_back();
  if (!file && text.empty())
    return refused(Code::unavailable, "hsm.officers.genesis",
                   config_.officers.genesis.string() + " cannot be read");
  if (!state_.founded()) {
    const auto document = base::parse_canonical_json(text, {kMostLineBytes, 4});
    if (!document.ok())
      return refused(Code::unavailable, "hsm.officers.genesis", "not canonical JSON");
    BASE_TRY_VOID(write("genesis", text));
  } else {
    const auto document = base::parse_canonical_json(text, {kMostLineBytes, 4});
    if (!document.ok() || base::json_text(*document, "document") != state_.genesis())
      return refused(Code::unavailable, "hsm.officers.genesis",
                     "the ledger was founded with another document");
  }
  if (state_.token() != config_.token.label)
    return refused(Code::unavailable, "hsm.officers.genesis",
                   "it is about the token " + state_.token());
  return {};
}

base::Result<void> Conductor::put_token_right() {
  const auto wanted = state_.inventory();
  if (wanted && prepared_inventory(place_) == wanted) {
    BASE_TRY_VOID(adopt_change(place_));
    journal_.tell("token change finished", {{"inventory", base::to_hex(*wanted)}});
  } else if (!place_.directory.empty() || prepared_inventory(place_)) {
    discard_change(place_);
  }
  if (wanted && digest_of_file(place_.inventory) != wanted)
    return refused(Code::unavailable, "hsm.officers.inventory", place_.inventory.string());
  return {};
}

void Conductor::join(TokenKeeper& keeper, Watch& watch, std::size_t place) {
  keeper_ = &keeper;
  watch_ = &watch;
  watch_place_ = place;
}

void Conductor::publish() {
  auto uses = std::make_shared<Uses>();
  for (const auto& [label, key] : state_.keys()) {
    uses->emplace(label, key.state);
    if (key.purpose == Purpose::data_wrapping && key.state == KeyState::active)
      uses->insert_or_assign(std::string(kDataWrapping), key.state);
  }
  std::atomic_store(&uses_, std::shared_ptr<const Uses>(std::move(uses)));
}

base::Result<void> Conductor::may_use(std::string_view label) const {
  const auto uses = std::atomic_load(&uses_);
  const auto it = uses->find(std::string(label));
  if (it != uses->end() && it->second == KeyState::active) return {};
  auto failure = base::error(Code::permission_denied, "hsm.key_state", std::string(label));
  failure.args = {
      {"label", std::string(label)},
      {"state", it == uses->end() ? "not_admitted" : std::string(to_string(it->second))}};
  return failure;
}

// ---- lines -------------------------------------------------------------------------------------

/// Best effort: while the token is away, a line goes unsigned, and the next signed one covers it.
std::string Conductor::signature_for(const Line& line) const {
  const auto* key = state_.ledger_key();
  if (key == nullptr || keeper_ == nullptr) return {};
  const auto signature = sign(key->label, key->id, base::as_bytes(line.signing_input()));
  return signature.ok() ? base::to_base64url(*signature) : std::string();
}

base::Result<void> Conductor::write(std::string_view kind, std::string_view body) {
  // The signature comes from the token, which may hang: whoever only reads must not wait for it,
  // least of all the thread that minds the watchdog. State and file change under both locks.
  const std::scoped_lock one(writing_);
  if (broken_) return refused(Code::unavailable, "hsm.officers.ledger", "broken");
  auto line = make_line(ledger_->lines() + 1, clock_.now(), kind, body, ledger_->head());
  line.signature = signature_for(line);
  const std::scoped_lock lock(lock_);
  BASE_TRY_VOID(state_.apply(line));
  publish();
  if (auto kept = ledger_->append(line); !kept.ok()) {
    broken_ = true;  // the state is ahead of the file: only reading it again puts that right
    return kept;
  }
  if (kind != "event") refusals_ = 0;
  return {};
}

void Conductor::note_refusal(std::string_view verb, const base::Error& why,
                             const std::string& who) {
  if (refusals_ >= kMostRefusals || broken_) return;
  base::JsonWriter out;
  out.StartObject();
  out.member("by", who);
  out.member("verb", base::printable(verb, 32));
  out.member("what", "refused");
  out.member("why", why.key + (why.detail.empty() ? "" : ": " + base::printable(why.detail, 256)));
  out.EndObject();
  if (write("event", canonical(out)).ok()) ++refusals_;
}

void Conductor::suspended(const std::string& label, const std::string& why) {
  {
    const std::scoped_lock lock(lock_);
    const auto* key = state_.key(label);
    if (key == nullptr || key->state != KeyState::active) return;
  }
  base::JsonWriter out;
  out.StartObject();
  out.member("label", label);
  out.member("what", "suspended");
  out.member("why", base::printable(why, 256));
  out.EndObject();
  if (const auto kept = write("event", canonical(out)); !kept.ok())
    journal_.tell("failed", {{"why", "the suspension of " + label + ": " + kept.error().detail}});
}

// ---- verbs -------------------------------------------------------------------------------------

bool Conductor::is_reading(std::string_view verb) {
  return verb == "state" || verb == "request" || verb == "ledger";
}

base::Result<std::string> Conductor::read(std::string_view verb, std::string_view data) const {
  const std::scoped_lock lock(lock_);
  if (verb == "state") return state_report(state_, *ledger_, clock_.now());
  if (verb == "request") {
    const auto id = digest_from(data);
    const auto* asked = id ? state_.find(*id) : nullptr;
    if (asked == nullptr) return refused(Code::not_found, "hsm.officers.no_request");
    return request_report(state_, *asked, clock_.now());
  }
  std::int64_t from = 1;
  if (!data.empty()) {
    const auto [end, failure] = std::from_chars(data.data(), data.data() + data.size(), from);
    if (failure != std::errc{} || end != data.data() + data.size() || from < 1)
      return refused(Code::invalid_argument, "hsm.officers.request", "a line number");
  }
  BASE_TRY(const auto lines, ledger_->read(from, 1000));
  return lines_report(lines, ledger_->lines());
}

base::Result<std::string> Conductor::act(std::string_view verb, std::string_view data,
                                         const std::string& who) {
  const std::scoped_lock one(acting_);
  auto result = [&]() -> base::Result<std::string> {
    if (verb == "submit") return submit(data, who);
    if (verb == "vote") return vote(data);
    if (verb == "execute") return execute(data);
    if (verb == "content") return content(data);
    return refused(Code::invalid_argument, "hsm.officers.request", "an unknown verb");
  }();
  if (!result.ok() && result.error().code != Code::unavailable)
    note_refusal(verb, result.error(), who);
  return result;
}

base::Result<std::string> Conductor::submit(std::string_view data, const std::string& who) {
  BASE_TRY(const auto request, read_request(data));
  {
    const std::scoped_lock lock(lock_);
    const auto now = clock_.now();
    const auto open =
        std::count_if(state_.asked().begin(), state_.asked().end(), [&](const auto& one) {
          return one.second.standing == Standing::open && now < one.second.request.not_after &&
                 one.second.request.world == state_.world();
        });
    if (open >= kMostOpen)
      return refused(Code::rate_limited, "hsm.officers.too_many_open", std::to_string(open));
  }
  base::JsonWriter out;
  out.StartObject();
  out.member("by", who);
  out.member("request", request.text);
  out.EndObject();
  BASE_TRY_VOID(write("request", canonical(out)));
  return read("request", base::to_hex(request.id));
}

base::Result<std::string> Conductor::vote(std::string_view data) {
  BASE_TRY(const auto vote, read_vote(data));
  base::JsonWriter out;
  out.StartObject();
  out.member("vote", data);
  out.EndObject();
  BASE_TRY_VOID(write("vote", canonical(out)));
  return read("request", base::to_hex(vote.vote.request));
}

base::Result<std::string> Conductor::execute(std::string_view data) {
  const auto id = digest_from(data);
  if (!id) return refused(Code::invalid_argument, "hsm.officers.request", "a request's name");
  bool begun = false;
  {
    const std::scoped_lock lock(lock_);
    const auto* asked = state_.find(*id);
    // Done already: whoever asks again gets what came of it.
    if (asked != nullptr && asked->standing == Standing::done)  // LD/T 01-2020 6.2.5: once
      return request_report(state_, *asked, clock_.now());
    begun = asked != nullptr && asked->standing == Standing::executing;
    if (!begun) BASE_TRY_VOID(state_.may_execute(*id, clock_.now()));
  }
  BASE_TRY_VOID(keeper_->token());  // while it is away the approvals stay good
  if (begun) return run(*id);       // a crash was in between, and finish_interrupted not yet here
  base::JsonWriter out;
  out.StartObject();
  out.member("request", data);
  out.EndObject();
  BASE_TRY_VOID(write("executing", canonical(out)));
  base::fail_point("officers.executing");
  return run(*id);
}

base::Result<std::string> Conductor::run(const base::Digest& id) {
  const Request* request = nullptr;
  {
    const std::scoped_lock lock(lock_);
    request = &state_.find(id)->request;  // stays where it is: nothing leaves the map
  }
  bool changes_token = false;
  const auto result = carry_out(*request, changes_token);
  base::fail_point("officers.carried_out");
  base::JsonWriter out;
  out.StartObject();
  out.member("request", base::to_hex(id));
  if (result.ok()) {
    out.key("result");
    out.RawValue(result->data(), result->size(), rapidjson::kObjectType);
  } else {
    out.member("why", result.error().key + ": " + base::printable(result.error().detail, 512));
  }
  out.EndObject();
  if (auto kept = write(result.ok() ? "done" : "failed", canonical(out)); !kept.ok()) {
    // Executing without an end: tried again at the next start.
    if (changes_token) discard_change(place_);
    broken_ = true;
    return kept.error();
  }
  base::fail_point("officers.done");
  if (!result.ok()) return result.error();
  if (changes_token) {
    if (auto put = adopt_change(place_); !put.ok()) {
      broken_ = true;  // the next start puts it in place
      return put.error();
    }
    keeper_->reopen();
  }
  return read("request", base::to_hex(id));
}

void Conductor::finish_interrupted() {
  const std::scoped_lock one(acting_);  // what is executing now was interrupted
  std::vector<base::Digest> begun;
  {
    const std::scoped_lock lock(lock_);
    for (const auto& [id, asked] : state_.asked())
      if (asked.standing == Standing::executing) begun.push_back(id);
  }
  if (begun.empty() || keeper_ == nullptr || !keeper_->token().ok()) return;
  for (const auto& id : begun) {
    const auto done = run(id);
    journal_.tell("act finished", {{"request", base::to_hex(id)},
                                   {"outcome", done.ok() ? "done" : done.error().key}});
  }
}

// ---- deeds -------------------------------------------------------------------------------------

base::Result<std::string> Conductor::carry_out(const Request& request, bool& changes_token) {
  changes_token = request.op == "key.generate" || request.op == "key.destroy";
  if (request.op == "sign") return sign_items(request);
  if (request.op == "key.generate") return make_keys(request);
  if (request.op == "key.destroy") return destroy_keys(request);
  if (request.op == "key.adopt") return adopt_keys(request);
  if (request.op == "key.backup") return back_up(request);
  if (request.op == "key.resume") {
    BASE_TRY(const auto step, read_key_step(request.params(), false));
    for (const auto& one : step.keys) keeper_->forgive(one.label);
  }
  return std::string("{}");  // the ledger's own business
}

base::Result<base::Bytes> Conductor::sign(const std::string& label, const KeyId& id,
                                          base::BytesView message) const {
  BASE_TRY(const auto token, keeper_->token());
  BASE_TRY(const auto key, token->key(label));
  if (key->info().id != id) return refused(Code::not_found, "hsm.officers.no_key", label);
  const std::scoped_lock one(signing_);
  auto signature = [&] {
    const Watch::Inside inside(*watch_, watch_place_, config_.watchdog);
    return key->sign_message(message);
  }();
  if (!signature.ok()) keeper_->look_again();  // nobody else may notice that the token is down
  return signature;
}

base::Result<std::string> Conductor::sign_items(const Request& request) {
  BASE_TRY(const auto wanted, read_sign(request.params()));
  base::JsonWriter out;
  out.StartObject();
  out.key("signatures");
  out.StartArray();
  for (const auto& item : wanted.items) {
    BASE_TRY(const auto signature, sign(item.label, item.id, item.content));
    out.string(base::to_base64(signature));
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

base::Result<std::string> Conductor::make_keys(const Request& request) {
  BASE_TRY(const auto wanted, read_generate(request.params()));
  TokenWish wish;
  for (const auto& one : wanted.keys) wish.make.push_back({one.label, one.algorithm, one.purpose});
  BASE_TRY(const auto change, prepare_change(place_, wish));
  const auto health = keeper_->health();
  base::JsonWriter out;
  out.StartObject();
  out.member("inventory", base::to_hex(change.inventory));
  out.key("keys");
  out.RawValue(change.keys_json.data(), change.keys_json.size(), rapidjson::kArrayType);
  out.member("token_label", health.label);
  out.member("token_serial", health.serial);
  out.EndObject();
  return out.text();
}

base::Result<std::string> Conductor::adopt_keys(const Request& request) {
  BASE_TRY(const auto wanted, read_adopt(request.params()));
  if (digest_of_file(place_.inventory) != wanted.inventory)
    return refused(Code::conflict, "hsm.officers.inventory", place_.inventory.string());
  BASE_TRY(const auto inventory, Inventory::from_file(place_.inventory));
  base::JsonWriter out;
  out.StartObject();
  out.member("inventory", base::to_hex(wanted.inventory));
  out.key("keys");
  out.StartArray();
  for (const auto& [one, id] : wanted.keys) {
    const auto* entry = inventory.find(one.label);
    if (entry == nullptr || entry->key.id != id || entry->key.algorithm != one.algorithm ||
        entry->key.purpose != one.purpose)
      return refused(Code::not_found, "hsm.officers.no_key", one.label);
    out.StartObject();
    out.member("algorithm", to_string(entry->key.algorithm));
    out.member("id", entry->key.id.value());
    out.member("label", entry->key.label);
    out.member("protection", to_string(entry->key.protection));
    out.member("purpose", to_string(entry->key.purpose));
    out.member("spki", base::to_base64(entry->key.public_key));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

base::Result<std::string> Conductor::destroy_keys(const Request& request) {
  BASE_TRY(const auto step, read_key_step(request.params(), false));
  TokenWish wish;
  for (const auto& one : step.keys) wish.destroy.push_back(one.label);
  BASE_TRY(const auto change, prepare_change(place_, wish));
  base::JsonWriter out;
  out.StartObject();
  out.member("inventory", base::to_hex(change.inventory));
  out.EndObject();
  return out.text();
}

base::Result<std::string> Conductor::back_up(const Request& request) {
  BASE_TRY(const auto wanted, read_backup(request.params()));
  BackupPlan plan;
  plan.token_directory = place_.directory;
  plan.inventory = place_.inventory;
  plan.ledger = config_.officers.ledger;
  plan.state = {{"genesis.json", config_.officers.genesis}};
  plan.threshold = wanted.threshold;
  plan.file = config_.officers.backups / (wanted.file + ".xbk");
  {
    const std::scoped_lock lock(lock_);
    plan.ledger_head = base::to_hex(ledger_->head());
    for (const auto& id : wanted.officers) {
      const auto& person = state_.people().find(id)->second;
      plan.officers.push_back({person.id, person.name, person.share_key});
    }
  }
  BASE_TRY(plan.pin, base::Secret::from_file(place_.pin_file));
  {
    BASE_TRY(const auto token, keeper_->token());
    BASE_TRY(plan.probe, make_probe(*token, random_));
  }
  std::error_code ignored;
  std::filesystem::create_directories(config_.officers.backups, ignored);
  BASE_TRY(const auto facts, backup(plan, random_, clock_));
  base::JsonWriter out;
  out.StartObject();
  out.member("backup", facts.sha256);
  out.member("bytes", static_cast<std::int64_t>(facts.bytes));
  out.member("file", plan.file.filename().string());
  out.member("id", facts.id);
  out.member("inventory", facts.inventory_sha256);
  out.key("keys");
  out.StartArray();
  for (const auto& key : facts.keys) out.string(key.id.value());
  out.EndArray();
  out.EndObject();
  return out.text();
}

// ---- lists that are renewed --------------------------------------------------------------------

base::Result<std::string> Conductor::content(std::string_view data) {
  BASE_TRY(const auto document, base::parse_json(data, {8 << 20, 2}));
  const auto bytes = base::from_base64(base::json_text(document, "content"));
  if (!bytes) return refused(Code::invalid_argument, "hsm.officers.content", "not base64");
  BASE_TRY(const auto content, read_content(*bytes));
  KeyRecord key;
  Policy policy;
  {
    const std::scoped_lock lock(lock_);
    const auto* record = state_.key(base::json_text(document, "label"));
    if (record == nullptr || record->id.value() != base::json_text(document, "id"))
      return refused(Code::not_found, "hsm.officers.no_key");
    if (record->purpose != Purpose::root_ca && record->purpose != Purpose::issuing_ca)
      return refused(Code::permission_denied, "hsm.refused", "not an authority's key");
    key = *record;
    policy = state_.policy();
  }
  BASE_TRY_VOID(may_use(key.label));
  if (content.kind == ContentKind::certificate)
    return refused(Code::permission_denied, "hsm.officers.needs_approval", "certificate");
  const auto now = clock_.now();
  if (content.from > now + kSkew || content.from + kSkew < now ||
      content.to - content.from > std::chrono::hours(policy.list_life_h))
    return refused(Code::permission_denied, "hsm.officers.list_times");
  return content.kind == ContentKind::crl ? sign_crl(key, content, *bytes)
                                          : sign_list(key, content, *bytes);
}

/// What was revoked stays revoked: a list may only add.
base::Result<std::string> Conductor::sign_crl(const KeyRecord& key, const Content& content,
                                              base::BytesView bytes) {
  std::map<std::string, std::string> before;
  {
    const std::scoped_lock lock(lock_);
    if (const auto it = state_.revoked().find(key.id.value()); it != state_.revoked().end())
      before = it->second;
  }
  for (const auto& [serial, when] : before) {
    const auto now = content.revoked.find(serial);
    if (now == content.revoked.end() || now->second != when)
      return refused(Code::permission_denied, "hsm.officers.unrevoked", serial);
  }
  BASE_TRY(const auto signature, sign(key.label, key.id, bytes));
  base::JsonWriter out;
  out.StartObject();
  out.key("added");
  out.StartObject();
  for (const auto& [serial, when] : content.revoked)
    if (before.count(serial) == 0) out.member(serial, when);
  out.EndObject();
  out.member("entries", static_cast<std::int64_t>(content.revoked.size()));
  out.member("kind", "crl");
  out.member("label", key.label);
  out.member("sha256", base::to_hex(base::sha256(bytes)));
  out.member("what", "signed");
  out.EndObject();
  BASE_TRY_VOID(write("event", canonical(out)));
  return signature_json(signature);
}

base::Result<std::string> Conductor::sign_list(const KeyRecord& key, const Content& content,
                                               base::BytesView bytes) {
  {
    const std::scoped_lock lock(lock_);
    const auto& approved = state_.trust_list();
    if (!approved || approved->stable != content.stable)
      return refused(Code::permission_denied, "hsm.officers.needs_approval", "trust_list");
    if (content.sequence <= approved->sequence)
      return refused(Code::conflict, "hsm.officers.state", "the sequence does not rise");
    if (content.sequence - approved->sequence > kMostStep)
      return refused(Code::conflict, "hsm.officers.state", "the sequence leaps");
  }
  BASE_TRY(const auto signature, sign(key.label, key.id, bytes));
  base::JsonWriter out;
  out.StartObject();
  out.member("kind", "trust_list");
  out.member("label", key.label);
  out.member("sequence", content.sequence);
  out.member("sha256", base::to_hex(base::sha256(bytes)));
  out.member("stable", base::to_hex(content.stable));
  out.member("what", "signed");
  out.EndObject();
  BASE_TRY_VOID(write("event", canonical(out)));
  return signature_json(signature);
}

}  // namespace hsm::officers
