// What an open token is made of. Private to this room; hsm/token.h is the door.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <unordered_map>

#include "hsm/inventory.h"
#include "hsm/matching.h"
#include "hsm/public_key.h"
#include "hsm/session_pool.h"
#include "hsm/token.h"

namespace hsm {

base::Error key_error(std::string key, std::string_view label, const std::string& why);
base::Error no_such_key(std::string_view label);

struct Token::State {
  struct Entry {
    const InventoryEntry* recorded = nullptr;
    KeyInfo key;
    base::Bytes id;
    std::once_flag checking;
    std::unique_ptr<SignatureCheck> check;  // made at the first use: see check_of
    Entry* wrapper = nullptr;               // of a wrapped key
    std::atomic<p11::Handle> handle{0};
    p11::Handle open_handle = 0;  // of the public half
    std::atomic<int> wrong_signatures{0};
    std::atomic<bool> refused{false}, suspended{false};
    bool not_matched = false;         // at the opening: refused until it is there again
    std::atomic<bool> proven{false};  // it has signed, and the signature verified
    std::string reason;               // guarded by State::notes
  };
  /// One try of one operation. `discard` closes the session though the call went well.
  struct Try {
    p11::Handle session;
    p11::Handle object;
    bool discard = false;
  };
  class TokenKey;
  using Call = std::function<p11::Rv(Try&)>;

  TokenConfig config;
  base::Random* random = nullptr;
  Inventory inventory;
  std::unique_ptr<p11::Login> login;
  std::unique_ptr<p11::SessionPool> pool;
  std::vector<std::unique_ptr<Entry>> entries;  // never changes after open
  std::unordered_map<std::string_view, Entry*> by_label;
  std::vector<Entry*> data_wrappers;  // the last one wraps, all unwrap

  std::atomic<Condition> condition{Condition::up};
  mutable std::mutex notes;  // guards condition_reason, unknown, Entry::reason
  std::string condition_reason;
  std::vector<Finding> unknown;
  std::mutex finding_again;  // one thread looks for a lost handle
  std::mutex looking;        // one thread rechecks; guards all below
  std::unique_ptr<FileWatch> files;
  std::size_t next_slice = 0;
  int since_whole = 0;

  // Opening, and looking again: token_state.cpp.
  base::Result<void> start();
  base::Result<void> recheck();
  base::Result<Matching> compare();
  base::Result<bool> slice_as_recorded(std::size_t first, std::size_t count);
  base::Result<void> prove(Entry& entry);
  std::vector<SelfTestResult> self_test();
  SelfTestResult token_random();
  // Calls into the module, with retries: token_state.cpp.
  base::Error down(Condition to, const std::string& why, std::string key = "hsm.unavailable");
  base::Result<Entry*> usable(std::string_view label);
  void refuse(Entry& entry, std::atomic<bool>& flag, std::string why);
  base::Result<const SignatureCheck*> check_of(Entry& entry);
  bool find_again(Entry& entry, p11::Handle session, p11::Handle stale, p11::Rv& rv);
  base::Result<void> attempt(Entry* entry, std::string_view name, const Call& call);
  // What keys do: token.cpp.
  base::Result<base::Bytes> sign(Entry& entry, base::BytesView input);
  base::Result<base::Bytes> sign_message(Entry& entry, base::BytesView message);
  base::Result<base::Secret> unwrap_key(Entry& entry);
  base::Result<base::Bytes> encrypt(Entry& entry, base::BytesView iv, base::BytesView bound,
                                    base::BytesView clear);
  /// Nothing when the token is well and these bytes are not of its making.
  base::Result<std::optional<base::Secret>> decrypt(Entry& entry, base::BytesView iv,
                                                    base::BytesView bound, base::BytesView sealed);
};

}  // namespace hsm
