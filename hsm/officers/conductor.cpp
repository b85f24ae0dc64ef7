#include "hsm/officers/conductor.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

#include "base/canonical_json.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/text.h"
#include "hsm/inventory.h"
#include "hsm/officers/report.h"
#include "hsm/officers/rules.h"

namespace hsm::officers {
namespace {

using base::Code;

constexpr int kMostRefusals = 100;  // in a row; further ones stand in the operation log only
constexpr int kMostOpen = 256;      // requests; each is kept for ever, and asking takes no vote

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
  if (write("event", ledger_body(out)).ok()) ++refusals_;
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
  if (const auto kept = write("event", ledger_body(out)); !kept.ok())
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
  BASE_TRY_VOID(write("request", ledger_body(out)));
  return read("request", base::to_hex(request.id));
}

base::Result<std::string> Conductor::vote(std::string_view data) {
  BASE_TRY(const auto vote, read_vote(data));
  base::JsonWriter out;
  out.StartObject();
  out.member("vote", data);
  out.EndObject();
  BASE_TRY_VOID(write("vote", ledger_body(out)));
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
  BASE_TRY_VOID(keeper_->token());   // while it is away the approvals stay good
  if (begun) return try_again(*id);  // a crash was in between, and finish_interrupted not yet here
  base::JsonWriter out;
  out.StartObject();
  out.member("request", data);
  out.EndObject();
  BASE_TRY_VOID(write("executing", ledger_body(out)));
  base::fail_point("officers.executing");
  return run(*id, true);
}

/// An act that was begun and has no end ended the process. It is begun again, each time written
/// down before, and given up after kMostTries: an act that kills must not keep the signer from
/// serving.
base::Result<std::string> Conductor::try_again(const base::Digest& id) {
  int tries = 0;
  {
    const std::scoped_lock lock(lock_);
    tries = state_.find(id)->tries;
  }
  base::JsonWriter out;
  out.StartObject();
  out.member("request", base::to_hex(id));
  if (tries >= kMostTries) {
    discard_change(place_);
    auto gave_up = refused(Code::internal, "hsm.officers.gave_up", std::to_string(tries));
    out.member("why", gave_up.key + ": begun " + gave_up.detail + " times");
    out.EndObject();
    BASE_TRY_VOID(write("failed", ledger_body(out)));
    journal_.tell("act given up", {{"request", base::to_hex(id)}, {"tries", gave_up.detail}});
    return gave_up;
  }
  out.member("try", tries + 1);
  out.member("what", "retry");
  out.EndObject();
  BASE_TRY_VOID(write("event", ledger_body(out)));
  return run(id, false);
}

base::Result<std::string> Conductor::run(const base::Digest& id, bool first) {
  const Request* request = nullptr;
  {
    const std::scoped_lock lock(lock_);
    request = &state_.find(id)->request;  // stays where it is: nothing leaves the map
  }
  bool changes_token = false;
  const auto result = carry_out(*request, changes_token);
  if (first) base::fail_point("officers.carried_out");
  base::fail_point("officers.each_try");
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
  if (auto kept = write(result.ok() ? "done" : "failed", ledger_body(out)); !kept.ok()) {
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
    const auto done = try_again(id);
    journal_.tell("act finished", {{"request", base::to_hex(id)},
                                   {"outcome", done.ok() ? "done" : done.error().key}});
  }
}

}  // namespace hsm::officers
