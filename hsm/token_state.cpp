// Opening a token, looking at it again, and calling into it: what an open token must keep true.
#include "hsm/token_state.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>

#include "base/encoding.h"
#include "hsm/algorithm.h"
#include "hsm/mechanisms.h"

namespace hsm {
namespace {

constexpr int kMostAttempts = 3;     // on new sessions (security.md §4.3, fault 3)
constexpr std::size_t kSlice = 256;  // keys that one recheck looks at
constexpr int kWholeEvery = 60;      // rechecks, of a token with more keys than that
constexpr int kWholeSoon = 6;        // while one of them is missing

}  // namespace

base::Error key_error(std::string key, std::string_view label, const std::string& why) {
  auto failure =
      base::error(base::Code::unavailable, std::move(key), std::string(label) + ": " + why);
  failure.args = {{"label", std::string(label)}, {"why", why}};
  return failure;
}

base::Error no_such_key(std::string_view label) {
  auto failure = base::error(base::Code::not_found, "hsm.no_key", std::string(label));
  failure.args = {{"label", std::string(label)}};
  return failure;
}

base::Error Token::State::down(Condition to, const std::string& why, std::string key) {
  {
    const std::scoped_lock lock(notes);
    if (condition == Condition::up) condition_reason = why;
    condition = to;
  }
  auto failure = base::error(base::Code::unavailable,
                             to == Condition::alarm ? "hsm.pin" : std::move(key), why);
  failure.args = {{"why", why}};
  return failure;
}

base::Result<Matching> Token::State::compare() {
  const auto lease = pool->take(config.session_wait);
  if (!lease)
    return base::error(base::Code::unavailable, "hsm.unavailable", "no session came free");
  if (lease->rv != CKR_OK)
    return down(Condition::down, "C_OpenSession: " + p11::name_of(lease->rv));
  auto objects = p11::read_objects(*login, lease->session);
  if (!objects.ok()) {
    pool->close(lease->session);
    return down(Condition::down, objects.error().detail);
  }
  pool->give_back(lease->session);
  return match(inventory, *objects);
}

base::Result<void> Token::State::start() {
  BASE_TRY(inventory, Inventory::from_file(config.inventory));
  if (!config.directory.empty()) {
    files = std::make_unique<FileWatch>(config.directory, inventory.files);
    BASE_TRY_VOID(files->check(/*all=*/true));
  }
  // Before the PIN is shown to anything: a broken library must not get so far.
  BASE_TRY_VOID(all_passed(hsm::self_test(*random)));
  BASE_TRY(login,
           p11::Login::open(config.module, {config.label, config.serial}, std::move(config.pin),
                            /*writable=*/false, config.sm2));
  if (login->name().label != inventory.token_label ||
      login->name().serial != inventory.token_serial) {
    const std::string why = "it was written for token " + inventory.token_label + " (" +
                            inventory.token_serial + "), this is " + login->name().label + " (" +
                            login->name().serial + ")";
    return key_error("hsm.inventory", config.inventory.string(), why);
  }
  pool = std::make_unique<p11::SessionPool>(*login, config.sessions);
  BASE_TRY_VOID(all_passed({token_random()}));
  BASE_TRY(auto matching, compare());
  std::unordered_map<std::string_view, Entry*> wrappers;  // by id
  for (auto& one : matching.keys) {
    auto entry = std::make_unique<Entry>();
    entry->recorded = one.entry;
    entry->key = one.entry->key;
    entry->id = base::from_hex(entry->key.id.value()).value_or(base::Bytes{});
    entry->handle = one.handle;
    entry->open_handle = one.open_handle;
    entry->not_matched = !one.refusal.empty();
    if (one.refusal.empty() && entry->key.protection == Protection::token &&
        !p11::mechanism_of(*login, entry->key.algorithm))
      one.refusal = "token.sm2 does not say that this token speaks SM2";
    if (!one.refusal.empty()) refuse(*entry, entry->refused, std::move(one.refusal));
    by_label.emplace(entry->key.label, entry.get());
    if (entry->key.purpose == Purpose::data_wrapping) data_wrappers.push_back(entry.get());
    if (entry->key.purpose == Purpose::key_wrapping)
      wrappers.emplace(entry->key.id.value(), entry.get());
    entries.push_back(std::move(entry));
  }
  for (const auto& entry : entries)
    if (entry->key.protection == Protection::wrapped)
      if (const auto it = wrappers.find(entry->recorded->wrapped_by.value()); it != wrappers.end())
        entry->wrapper = it->second;
  unknown = std::move(matching.unknown);
  return {};
}

void Token::State::refuse(Entry& entry, std::atomic<bool>& flag, std::string why) {
  const std::scoped_lock lock(notes);
  if (!flag) entry.reason = std::move(why);
  flag = true;
}

base::Result<Token::State::Entry*> Token::State::usable(std::string_view label) {
  if (condition != Condition::up) {
    const std::scoped_lock lock(notes);
    auto failure = base::error(base::Code::unavailable, "hsm.unavailable", condition_reason);
    failure.args = {{"why", condition_reason}};
    return failure;
  }
  const auto it = by_label.find(label);
  if (it == by_label.end()) return no_such_key(label);
  auto& entry = *it->second;
  if (entry.suspended || entry.refused) {
    const std::scoped_lock lock(notes);
    return key_error(entry.suspended ? "hsm.suspended" : "hsm.key_refused", label, entry.reason);
  }
  return &entry;
}

/// Reading a key takes OpenSSL longer than all else of an opening: only those that sign are read.
base::Result<const SignatureCheck*> Token::State::check_of(Entry& entry) {
  std::call_once(entry.checking, [&] {
    auto made = SignatureCheck::make(entry.key.algorithm, entry.key.public_key);
    if (made.ok())
      entry.check = std::move(*made);
    else
      refuse(entry, entry.refused, "its public key is none: " + made.error().detail);
  });
  if (entry.check != nullptr) return entry.check.get();
  return key_error("hsm.key_refused", entry.key.label, "its public key is none");
}

/// After "no such handle": another thread may have found it already; else the token is asked once
/// more.
bool Token::State::find_again(Entry& entry, p11::Handle session, p11::Handle stale, p11::Rv& rv) {
  const std::scoped_lock lock(finding_again);
  if (entry.handle != stale) return true;
  const auto part = signs(entry.key.algorithm) ? p11::Part::private_half : p11::Part::secret;
  const auto found = p11::find_objects(*login, session, part, entry.id, rv);
  if (rv != CKR_OK || found.size() != 1) return false;
  entry.handle = found.front();
  return true;
}

/// `entry` is the key that is used; none: the call needs only a session.
base::Result<void> Token::State::attempt(Entry* entry, std::string_view name, const Call& call) {
  p11::Rv rv = CKR_OK;
  for (int round = 0; round < kMostAttempts; ++round) {
    const auto lease = pool->take(config.session_wait);
    if (!lease) {
      auto failure =
          base::error(base::Code::unavailable, "hsm.unavailable", "no session came free");
      failure.args = {{"why", failure.detail}};
      return failure;
    }
    if ((rv = lease->rv) != CKR_OK) continue;
    Try one{lease->session, entry != nullptr ? entry->handle.load() : 0};
    rv = call(one);
    if (rv == CKR_OK && !one.discard) {
      pool->give_back(lease->session);
      return {};
    }
    const auto fault = p11::fault_of(rv);
    bool found = true;
    p11::Rv find_rv = CKR_OK;
    if (fault == p11::Fault::handle && entry != nullptr)
      found = find_again(*entry, lease->session, one.object, find_rv);
    pool->close(lease->session);
    if (rv == CKR_OK) return {};
    if (fault == p11::Fault::argument) return p11::call_failed(name, rv);
    if (fault == p11::Fault::pin)
      return down(Condition::alarm, std::string(name) + ": " + p11::name_of(rv));
    if (!found)
      return down(Condition::down, std::string(name) + ": " + p11::name_of(rv) + ", and key " +
                                       entry->key.label + " is not found again");
    if (fault == p11::Fault::login) {
      const auto again = login->login_again();
      if (p11::fault_of(again) == p11::Fault::pin)
        return down(Condition::alarm, "C_Login: " + p11::name_of(again));
    }
  }
  // New sessions do not help: the module has lost itself and must be initialised again.
  return down(Condition::down, std::string(name) + ": " + p11::name_of(rv));
}

/// False when something differs or has gone: then all are looked at.
base::Result<bool> Token::State::slice_as_recorded(std::size_t first, std::size_t count) {
  bool same = true;
  BASE_TRY_VOID(attempt(nullptr, "C_GetAttributeValue", [&](Try& one) -> p11::Rv {
    same = true;
    for (std::size_t i = first; same && i < first + count; ++i) {
      const auto& entry = *entries[i];
      if (entry.refused || entry.key.protection == Protection::wrapped) continue;
      const bool pair = entry.open_handle != 0;
      p11::Object holder, open_half;
      auto rv = p11::read_object(*login, one.session, entry.handle,
                                 pair ? p11::Part::private_half : p11::Part::secret, holder);
      if (rv == CKR_OK && pair)
        rv = p11::read_object(*login, one.session, entry.open_handle, p11::Part::public_half,
                              open_half);
      if (p11::fault_of(rv) == p11::Fault::handle) {
        same = false;
        break;
      }
      if (rv != CKR_OK) return rv;
      std::vector<const p11::Object*> parts{&holder};
      if (pair) parts.push_back(&open_half);
      Match found;
      same = holder.id == entry.id && (!pair || open_half.id == entry.id) &&
             judge(*entry.recorded, parts, found).empty();
    }
    return CKR_OK;
  }));
  return same;
}

base::Result<void> Token::State::recheck() {
  const std::scoped_lock lock(looking);
  if (condition != Condition::up) {
    const std::scoped_lock guard(notes);
    return base::error(base::Code::unavailable, "hsm.unavailable", condition_reason);
  }
  const bool few = entries.size() <= kSlice;
  const bool missing =
      std::any_of(entries.begin(), entries.end(), [](const auto& one) { return one->not_matched; });
  bool whole = few || ++since_whole >= (missing ? kWholeSoon : kWholeEvery);
  if (files != nullptr)
    if (const auto same = files->check(whole); !same.ok())
      return down(Condition::down, same.error().detail);
  if (const auto rv = login->token_present(); rv != CKR_OK)
    return down(Condition::down, "C_GetTokenInfo: " + p11::name_of(rv));
  const auto first = next_slice;
  const auto count = std::min(kSlice, entries.size() - first);
  next_slice = first + count == entries.size() ? 0 : first + count;
  if (!whole) {
    BASE_TRY(const bool same, slice_as_recorded(first, count));
    whole = !same;
  }
  if (whole) {
    since_whole = 0;
    BASE_TRY(auto matching, compare());
    for (std::size_t i = 0; i < matching.keys.size(); ++i) {
      // Opening again tells a token that went away from a key that did, and refuses the latter by
      // name.
      const auto& why = matching.keys[i].refusal;
      if (!why.empty() && !entries[i]->refused)
        return down(Condition::down, "key " + entries[i]->key.label + ": " + why);
      // Not to be taken for gone for good: the token may have failed while it was opened.
      if (why.empty() && entries[i]->not_matched)
        return down(Condition::down, "key " + entries[i]->key.label + " is there again");
    }
    const std::scoped_lock guard(notes);
    unknown = std::move(matching.unknown);
  }
  for (std::size_t i = first; i < first + count; ++i)
    if (!entries[i]->proven && !entries[i]->refused && !entries[i]->suspended)
      BASE_TRY_VOID(prove(*entries[i]));
  return {};
}

/// A signature that verifies, or a wrapping that opens again. The Error is the token's; a key that
/// does not do what it is for is suspended.
base::Result<void> Token::State::prove(Entry& entry) {
  const auto message = random->bytes(32);
  base::Result<void> done;
  if (signs(entry.key.algorithm)) {
    const auto signature = sign_message(entry, message);
    if (!signature.ok()) done = signature.error();
  } else {
    const auto iv = random->bytes(p11::kGcmIvSize);
    const auto bound = base::as_bytes("self-test");
    BASE_TRY(auto sealed, encrypt(entry, iv, bound, message));
    BASE_TRY(const auto again, decrypt(entry, iv, bound, sealed));
    sealed[0] ^= 1;
    BASE_TRY(const auto bent, decrypt(entry, iv, bound, sealed));
    if (!again || !again->equals(message) || bent)
      done = key_error("hsm.self_test", entry.key.label, "it does not open what it wrapped");
  }
  if (done.ok()) {
    entry.proven = true;
    return {};
  }
  if (condition != Condition::up) return done;
  const auto& why = done.error().key;
  if (why == "hsm.wrong_signature" || why == "hsm.self_test" || why == "hsm.key_refused")
    refuse(entry, entry.suspended, "its self-test failed: " + done.error().detail);
  return {};
}

SelfTestResult Token::State::token_random() {
  return random_health("random token", [this](std::span<std::uint8_t> out) {
    return attempt(nullptr, "C_GenerateRandom", [&](Try& one) {
      return login->call().C_GenerateRandom(one.session, out.data(), out.size());
    });
  });
}

std::vector<SelfTestResult> Token::State::self_test() {
  auto results = hsm::self_test(*random);
  if (condition == Condition::up) {
    results.push_back(token_random());
    if (const auto passed = all_passed(results); !passed.ok() && condition == Condition::up)
      (void)down(Condition::down, "hsm.self_test: " + passed.error().detail);
  }
  for (const auto& entry : entries) {
    if (entry->refused || entry->suspended) continue;
    SelfTestResult one{"key " + entry->key.label, false};
    if (condition != Condition::up) {
      one.why = "the token is down";
    } else {
      const auto done = prove(*entry);
      one.passed = done.ok() && !entry->suspended;
      const std::scoped_lock lock(notes);
      if (!one.passed) one.why = done.ok() ? entry->reason : done.error().detail;
    }
    results.push_back(std::move(one));
  }
  return results;
}

}  // namespace hsm
