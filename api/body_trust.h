// What certificates of bodies are judged with: the trust list that the service follows, and the
// bodies' revocation lists, out of a directory and from the bodies themselves. LD/T 01-2020 6.2.7;
// docs/decisions/0125-revocation-lists-of-bodies.md
//
// A list counts until its next update. What comes from a body is taken only when one of its
// authorities signed it and it is no older than what is there, so that whoever answers at its
// address can take nothing away.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "api/handlers.h"
#include "auth/certificates.h"

namespace api {

/// As auth asks for it. Errors: unavailable `api.no_trust_list`.
class FollowedBodyTrust final : public auth::BodyTrustSource {
 public:
  explicit FollowedBodyTrust(const Slot<const auth::BodyTrust>& slot) : slot_(slot) {}
  base::Result<std::shared_ptr<const auth::BodyTrust>> now() override;

 private:
  const Slot<const auth::BodyTrust>& slot_;
};

/// Thread-safe.
class BodyLists {
 public:
  using Fetch = std::function<base::Result<base::Bytes>(const std::string& url)>;
  struct Config {
    std::filesystem::path directory;  ///< of files, DER or PEM; empty: none
    std::chrono::seconds every{3600};  ///< between two fetches of one address; 0: never
    std::chrono::seconds again{300};   ///< after one that came to nothing
  };
  static constexpr std::size_t kMostFiles = 256;
  static constexpr std::size_t kMostBytes = 128u << 20;  ///< of all lists together

  BodyLists(const base::Clock& clock, Config config, Fetch fetch)
      : clock_(clock), config_(std::move(config)), fetch_(std::move(fetch)) {}

  /// Reads the directory when a file there is another. A file that is no list is passed over, as is
  /// what is beyond the limits; the first of them is the error, what could be read is taken.
  /// Errors: unavailable `api.file`; invalid_argument `certs.crl_malformed`.
  base::Result<void> read_directory();
  struct Fetched {
    std::string url;
    base::Result<void> outcome;  ///< errors: `gateways.crl`, `certs.crl_malformed`, `api.body_list`
  };
  /// Asks the addresses that the trust list has and that are due, at most `most`; waits for them.
  std::vector<Fetched> fetch_due(const certs::TrustList& trust, std::size_t most = 8);
  /// Each address that the trust list has was asked once, if any ever is: what is not there now is
  /// missing, not on its way.
  bool asked_all(const certs::TrustList& trust) const;
  /// DER, those in the directory first.
  std::vector<base::Bytes> all() const;
  /// Changes when all() does.
  std::uint64_t version() const;

 private:
  struct Kept {
    base::Bytes der;  ///< empty: none yet
    base::Time due;
  };
  const base::Clock& clock_;
  const Config config_;
  const Fetch fetch_;
  mutable std::mutex mutex_;  // protects all below
  std::string seen_;
  std::vector<base::Bytes> files_;
  std::map<std::string, Kept> fetched_;  // by address
  std::uint64_t version_ = 1;
};

/// There is a body in the trust list whose certificates log in now.
bool bodies_log_in(const Services& services);

/// An authority of a body whose certificates log in.
struct BodyAuthority {
  std::int64_t body = 0;
  std::string body_name, serial;
  /// Of its revocation list in force; nothing: there is none, and what it issued is refused.
  std::optional<base::Time> next_update;
};
/// Of the bodies that stand admitted for logging in at `now`.
std::vector<BodyAuthority> authorities_of(const auth::BodyTrust& trust, base::Time now);
/// An alarm for each without a list, told once a day.
void add_body_findings(const std::vector<BodyAuthority>& authorities, base::Time now,
                       std::vector<certs::Finding>& out);

}  // namespace api
