// Makes keys: the only code that opens the token for writing. Used by provisioning, never while
// serving.
//
// A key is born in the session, proven by a signature, and only then copied into the token with its
// id and unchangeable; what a kill can leave behind is a half that survey() names, never a key that
// is used unproven (security.md §4.3: kill during key generation).
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "hsm/inventory.h"
#include "hsm/pkcs11_objects.h"
#include "hsm/token.h"

namespace hsm {

/// Thread-safe. Holds the process's one login, for writing.
class KeyMaker {
 public:
  /// `config.inventory` and the session settings are not used.
  /// Errors: as Token::open, without `hsm.inventory`: a stuck source of chance makes no keys.
  static base::Result<std::unique_ptr<KeyMaker>> open(TokenConfig config, base::Random& random);

  const std::string& label() const { return login_->name().label; }
  const std::string& serial() const { return login_->name().serial; }

  /// All key objects on the token.
  base::Result<std::vector<p11::Object>> survey();
  /// Makes a key inside the token and reads it back; what the token cannot make is made here and
  /// wrapped by `wrapping` (a token key of the purpose key_wrapping), which is proven by opening
  /// it again. What is returned is for the inventory: a wrapped key is nowhere else.
  /// Errors: conflict `hsm.label_taken`; invalid_argument `hsm.generate` (label, or purpose and
  /// algorithm); unavailable `hsm.generate` (also when the token did not give the key the
  /// attributes asked for; the key is then left for a person to look at, by name).
  base::Result<InventoryEntry> generate(Algorithm algorithm, const std::string& label,
                                        Purpose purpose, const KeyInfo* wrapping = nullptr);
  /// Whether the token makes and uses keys of this algorithm itself.
  bool in_token(Algorithm algorithm) const;
  /// A complete, sound key that is on the token but not in the inventory yet, proven by use.
  /// Errors: not_found `hsm.no_key`; conflict `hsm.half_made` naming what is wrong with it.
  base::Result<InventoryEntry> adopt(const std::string& label, Algorithm algorithm,
                                     Purpose purpose);

  /// Removes every object of a key, for ever. A key that is gone already is no error.
  /// Errors: unavailable `hsm.unavailable`.
  base::Result<void> destroy(const std::string& label, const KeyId& id);

 private:
  /// A key's objects on the token, or on their way to it.
  struct Made {
    p11::Handle holder = 0, open_half = 0;
  };
  KeyMaker(std::unique_ptr<p11::Login> login, base::Random& random)
      : login_(std::move(login)), random_(random) {}
  base::Result<bool> taken(p11::Handle session, const std::string& label);
  base::Result<Made> make_pair(p11::Handle session, Algorithm algorithm, const std::string& label);
  base::Result<Made> keep_pair(p11::Handle session, const Made& made, base::BytesView spki,
                               const std::string& label);
  base::Result<Made> make_secret(p11::Handle session, const std::string& label);
  base::Result<InventoryEntry> make_in_token(p11::Handle session, Algorithm algorithm,
                                             const std::string& label, Purpose purpose);
  base::Result<InventoryEntry> make_wrapped(p11::Handle session, const std::string& label,
                                            Purpose purpose, const KeyInfo* wrapping);
  base::Result<InventoryEntry> judged(p11::Handle session, const p11::Object* holder,
                                      const p11::Object* open_half, const std::string& label,
                                      Algorithm algorithm, Purpose purpose);
  base::Result<void> prove(p11::Handle session, const p11::Object& object, base::BytesView spki);

  std::unique_ptr<p11::Login> login_;
  base::Random& random_;
  std::optional<std::set<std::string, std::less<>>> labels_;  // on the token; nobody else writes
  std::mutex one_at_a_time_;  // guards labels_; parallel generation fails in SoftHSM
                              // (performance-details.md §2.2)
};

}  // namespace hsm
