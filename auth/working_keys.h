// Working keys of tokens: made by the service, wrapped and endorsed by keys inside the hardware
// token, each for a day. docs/decisions/0133-working-keys.md
//
// The database keeps them, so that all instances sign with the same one and a restart loses
// nothing; it is not believed: a row counts only with an endorsement by a token key. Nobody signs
// longer than kWorkingKeyLease without having seen the hardware token.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/jwt.h"
#include "auth/provider.h"
#include "base/random.h"
#include "base/secret.h"
#include "hsm/working_key.h"

namespace auth {

constexpr std::string_view kWorkingKeyType = "xinyin-working-key+jwt";
constexpr std::chrono::minutes kWorkingKeyLease{15};

/// What wraps inside the hardware token; api/ joins it to the signer. Thread-safe.
class KeyWrapper {
 public:
  virtual ~KeyWrapper() = default;
  /// Errors: unavailable `hsm.unavailable`.
  virtual base::Result<base::Bytes> wrap(std::string_view name, const base::Secret& secret) = 0;
  /// Errors: also invalid_argument `hsm.bad_wrapping`.
  virtual base::Result<base::Secret> unwrap(std::string_view name, base::BytesView wrapped) = 0;
};

/// Thread-safe.
class WorkingKeys {
 public:
  struct Config {
    std::string issuer;
    std::chrono::seconds life{24 * 3600};          ///< so long one signs
    std::chrono::seconds publish_ahead{3600};      ///< so long before that it is published
    std::chrono::seconds keep_earlier{24 * 3600};  ///< and so long after; less than `life` + this
  };
  struct Parts {
    store::Pool& pool;
    KeyWrapper& wrapper;
    const base::Clock& clock;
  };
  WorkingKeys(Config config, Parts parts) : config_(std::move(config)), parts_(parts) {}

  struct Turn {
    std::string names;    ///< which one signs and which are published, for the log
    std::string refused;  ///< ids of rows that no key of the token endorsed, separated by spaces
  };
  /// In the place of the P-256 key of `keys`, which endorses, puts the working key whose turn it
  /// is; makes the next one when it is time. To be called every few minutes. Errors: unavailable of
  /// the database or of the hardware token; `keys` is as it was then.
  base::Result<Turn> put_into(Provider::SigningKeys& keys);
  base::Result<std::int64_t> sweep();

 private:
  struct Row;
  std::vector<Row> read(const store::Rows& found, const TokenKeys& endorsers,
                        std::string& refused) const;
  static const Row* signing(const std::vector<Row>& all, base::Time now);
  std::optional<base::Time> next_from(const std::vector<Row>& all, base::Time now) const;
  base::Result<void> make(const hsm::Key& endorser, const TokenKeys& endorsers, base::Time from);
  base::Result<std::shared_ptr<const hsm::WorkingKey>> open(const Row& row);

  const Config config_;
  Parts parts_;
  std::mutex mutex_;  // protects opened_
  std::map<std::string, std::shared_ptr<const hsm::WorkingKey>> opened_;
};

}  // namespace auth
