// The officers' side of the signer: keeps the ledger, checks every request and vote against it, and
// carries out what was approved, once. Command line and service are not trusted: whatever they
// send, nothing sensitive happens unless enough officers signed for exactly that. security.md §1.4.
//
// The order is always: executing, written down; the deed; done, written down, with its result; and
// only then the token's change is put in place and the answer leaves. After a crash what was begun
// is finished at the next start, from the ledger alone.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/random.h"
#include "hsm/journal.h"
#include "hsm/officers/state.h"
#include "hsm/signer_config.h"
#include "hsm/token_change.h"
#include "hsm/token_keeper.h"

namespace hsm::officers {

struct ConductorParts {
  const SignerConfig& config;
  const base::Clock& clock;
  base::Random& random;
  const Journal& journal;
};

/// Thread-safe.
class Conductor {
 public:
  /// Reads and checks the whole ledger, founds it when it is empty, and puts a token change in
  /// place that was recorded but not finished. To be called before the token is opened. Errors:
  /// those of LedgerFile and State; unavailable `hsm.officers.genesis` when the founding file is
  /// missing, or is another one than the ledger was founded with; `hsm.officers.inventory` when the
  /// inventory is not the one that the officers' last act left.
  static base::Result<std::unique_ptr<Conductor>> open(const ConductorParts& parts);

  /// `keeper` and `watch` (a place of its own) outlive this. Finishes what a crash interrupted as
  /// soon as the token is up.
  void join(TokenKeeper& keeper, Watch& watch, std::size_t place);
  /// To be called now and then by the thread that also calls act().
  void finish_interrupted();

  /// Stands for "any key of purpose data_wrapping".
  static constexpr std::string_view kDataWrapping = "data wrapping";
  /// May the key be used? Cheap: asked for every signature.
  /// Errors: permission_denied `hsm.key_state`.
  base::Result<void> may_use(std::string_view label) const;

  static bool is_reading(std::string_view verb);
  /// "state", "request", "ledger": what is written down. Any door.
  base::Result<std::string> read(std::string_view verb, std::string_view data) const;
  /// "submit", "vote", "execute", "content": blocks until it is done. The officers' door only.
  /// `who` is the kernel's word on the caller. A refusal is written down as well.
  base::Result<std::string> act(std::string_view verb, std::string_view data,
                                const std::string& who);
  /// The token stopped a key by itself.
  void suspended(const std::string& label, const std::string& why);
  /// The ledger cannot be written: the process should end.
  bool broken() const { return broken_; }

 private:
  explicit Conductor(const ConductorParts& parts);
  base::Result<void> found();
  base::Result<void> put_token_right();
  base::Result<void> write(std::string_view kind, std::string_view body);
  std::string signature_for(const Line& line) const;
  void publish();  // the states of keys, for may_use
  void note_refusal(std::string_view verb, const base::Error& why, const std::string& who);

  base::Result<std::string> submit(std::string_view data, const std::string& who);
  base::Result<std::string> vote(std::string_view data);
  base::Result<std::string> execute(std::string_view data);
  base::Result<std::string> content(std::string_view data);
  base::Result<std::string> run(const base::Digest& id, bool first);
  base::Result<std::string> try_again(const base::Digest& id);
  base::Result<std::string> carry_out(const Request& request, bool& changes_token);
  base::Result<std::string> sign_items(const Request& request);
  base::Result<std::string> make_keys(const Request& request);
  base::Result<std::string> adopt_keys(const Request& request);
  base::Result<std::string> destroy_keys(const Request& request);
  base::Result<std::string> back_up(const Request& request);
  base::Result<base::Bytes> sign(const std::string& label, const KeyId& id,
                                 base::BytesView message) const;
  static std::string signed_list(const KeyRecord& key, const Content& content,
                                 const std::map<std::string, std::string>& revoked_before,
                                 base::BytesView bytes);

  using Uses = std::unordered_map<std::string, KeyState>;
  const SignerConfig& config_;
  const base::Clock& clock_;
  base::Random& random_;
  const Journal& journal_;
  const TokenPlace place_;
  TokenKeeper* keeper_ = nullptr;
  Watch* watch_ = nullptr;
  std::size_t watch_place_ = 0;
  std::mutex acting_;           // one act at a time
  std::mutex writing_;          // one line at a time; state_ and ledger_ change under it and lock_
  mutable std::mutex signing_;  // one call into the token at a time: it has one place to watch
  mutable std::mutex lock_;  // guards state_ and ledger_; never held across a call into the token
  State state_;
  std::unique_ptr<LedgerFile> ledger_;
  std::set<std::string, std::less<>> limit_told_;  // keys at the day's limit; under lock_
  int refusals_ = 0;                               // since the last other line
  std::shared_ptr<const Uses> uses_;               // read and replaced atomically
  std::atomic<bool> broken_{false};
};

}  // namespace hsm::officers
