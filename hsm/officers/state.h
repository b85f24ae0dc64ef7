// What follows from the ledger: who may vote, what is needed, which keys may be used, what is asked
// and how far it got. The same code moves the signer on and lets an auditor check it afterwards:
// apply() takes a line only if the rules of the moment allowed it.
#pragma once

#include <map>
#include <set>
#include <string>

#include "hsm/officers/content.h"
#include "hsm/officers/ledger.h"
#include "hsm/officers/people.h"
#include "hsm/officers/request.h"
#include "hsm/officers/vote.h"

namespace hsm::officers {

/// NIST SP 800-57 part 1 §7.
enum class KeyState { pre_active, active, suspended, deactivated, compromised, destroyed };
std::string_view to_string(KeyState state);

struct KeyRecord {
  std::string label;
  KeyId id;
  Algorithm algorithm = Algorithm::ecdsa_p256;
  Purpose purpose = Purpose::seal;
  std::string protection = "token";
  base::Bytes public_key;  ///< SPKI; empty for a secret key
  KeyState state = KeyState::pre_active;
  base::Time since;                         ///< of the state
  std::optional<base::Time> invalid_since;  ///< compromised: what it signed before stays good
  std::optional<base::Time> backup_proven;
  std::string why;  ///< of a suspension that nobody asked for
};

enum class Standing { open, rejected, executing, done, failed };
std::string_view to_string(Standing standing);

/// The trust list that was signed last.
struct ListMemory {
  std::string said;       ///< Content::said: what a renewal may not change
  base::Digest stable{};  ///< of that
  std::int64_t sequence = 0;
  KeyId key;  ///< that signed it
};

/// What an authority's key has signed by itself, without votes.
struct Unattended {
  std::map<std::string, std::string> revoked;  ///< serial -> dates, as Content::revoked
  /// SHA-256 of the authority's name: of its certificates that officers approved, or, where its
  /// first list came before those, of that list.
  std::set<base::Digest> names;
  std::int64_t number = 0;           ///< of the last revocation list; 0: none was told of
  std::vector<base::Time> last_day;  ///< when lists were signed, those of the last 24 hours
};

/// How often an act is begun before it is given up: it ends the process each time.
inline constexpr int kMostTries = 3;

struct Asked {
  Request request;
  base::Time lodged;
  int needed = 0;
  std::map<std::string, SignedVote> votes;  ///< by person
  std::map<std::string, std::string> jws;
  Standing standing = Standing::open;
  int tries = 0;       ///< how often it was begun
  std::string result;  ///< canonical JSON of what was done, or why it failed
};

class State {
 public:
  /// Checks a line against the rules and moves on. After an Error nothing has changed.
  /// Errors: what the rules say, `hsm.officers.…`.
  base::Result<void> apply(const Line& line);

  // The same rules, asked before a line is written; `at` is now.
  base::Result<void> may_ask(const Request& request, base::Time at) const;
  base::Result<void> may_vote(const SignedVote& vote, base::Time at) const;
  base::Result<void> may_execute(const base::Digest& id, base::Time at) const;
  /// A list that `key`, an authority's, is to sign without votes: it comes now and for a sane time,
  /// takes nothing back, adds nothing that officers did not approve, is the key's own, rises, and
  /// is within the day's limit.
  base::Result<void> may_renew(const KeyRecord& key, const Content& content, base::Time at) const;

  bool founded() const { return !genesis_.empty(); }
  const std::string& genesis() const { return genesis_; }  ///< the founding document
  const Policy& policy() const { return policy_; }
  const std::map<std::string, Person, std::less<>>& people() const { return people_; }
  const std::map<std::string, KeyRecord, std::less<>>& keys() const { return keys_; }
  const std::map<base::Digest, Asked>& asked() const { return asked_; }
  const Asked* find(const base::Digest& id) const;
  const KeyRecord* key(std::string_view label) const;
  const base::Digest& world() const { return world_; }
  const std::string& token() const { return token_; }
  /// Of the inventory file that the last act left; nothing before the first.
  const std::optional<base::Digest>& inventory() const { return inventory_; }
  const std::optional<ListMemory>& trust_list() const { return trust_list_; }
  /// By key id; nothing signed, nothing there.
  const std::map<std::string, Unattended>& unattended() const { return unattended_; }
  /// Lists that the key signed without votes in the 24 hours before `at`.
  int lists_signed(const KeyId& key, base::Time at) const;
  /// The newest active key of purpose audit: it signs the ledger's lines.
  const KeyRecord* ledger_key() const;
  /// Lines at the end that no signature covers yet.
  std::int64_t uncovered() const { return uncovered_; }
  int approvals(const Asked& asked, base::Time at) const;
  int officers(base::Time at) const;

 private:
  struct Reader;  // of bodies
  base::Result<void> check_signature(const Line& line) const;
  base::Result<void> found(const Line& line);
  base::Result<void> ask(const Line& line);
  base::Result<void> vote(const Line& line);
  base::Result<void> execute(const Line& line);
  base::Result<void> finish(const Line& line, bool good);
  base::Result<void> event(const Line& line);
  base::Result<void> listed(const rapidjson::Value& body, base::Time at);
  base::Result<void> begun_again(const rapidjson::Value& body);
  base::Result<int> check_act(const Request& request) const;
  base::Result<int> check_sign(const Request& request) const;
  bool stops(const Request& request, const Sign& wanted, const Content& list) const;
  base::Result<void> may_revoke(const KeyRecord& key, const Content& content, base::Time at) const;
  void take_signed(const Sign& wanted);
  Unattended signed_by(const KeyId& key) const;
  void take_name(const Content& certificate);
  base::Result<void> effect(const Asked& asked, const rapidjson::Value& result, const Line& line);
  base::Result<void> take_keys(const rapidjson::Value& result, KeyState state, base::Time at);
  base::Result<void> enough_officers(const std::map<std::string, Person, std::less<>>& people,
                                     const Policy& policy) const;

  std::string genesis_, token_;
  Policy policy_;
  std::map<std::string, Person, std::less<>> people_;
  std::map<std::string, KeyRecord, std::less<>> keys_;
  std::map<base::Digest, Asked> asked_;
  base::Digest world_{};
  std::optional<base::Digest> inventory_;
  std::optional<ListMemory> trust_list_;
  std::map<std::string, Unattended> unattended_;
  std::int64_t uncovered_ = 0;
};

/// The founding document: people and policy, signed by everyone who stands in it.
///   {"created":…,"people":[…],"policy":{…},"token":"<label>","v":1}
/// Errors: invalid_argument `hsm.officers.genesis`.
base::Result<std::string> genesis_document(const std::vector<Person>& people, const Policy& policy,
                                           std::string_view token_label, base::Time created);
/// The body of the ledger's first line, which is also the file that an installation is founded
/// with: {"document":"…","signatures":["<vote>",…]}.
std::string genesis_body(std::string_view document, const std::vector<std::string>& signatures);
/// Reads and checks such a file as a first line would be.
base::Result<State> read_genesis(std::string_view body, base::Time at);

}  // namespace hsm::officers
