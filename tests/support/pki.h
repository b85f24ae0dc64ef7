// A small whole PKI for tests: root, issuing authority, one leaf a purpose, revocation lists, a
// signed trust list; and ways to make bad ones.
//
//   test::Pki pki;                 // keys in memory, ready in a few milliseconds
//   test::Token token;
//   test::Pki pki(token);          // the same with real keys in a SoftHSM token
//   pki.certificate("seal-1"); pki.key("seal-1"); pki.list(); pki.clock();
//
// Its moment is `start` (the clock can be moved): the authorities are 30 days old then, the leaves
// one day, the revocation lists new and good for 7 days, the trust list likewise. Programs that
// look at the machine's clock (pdfsig) want Pki(…, base::SystemClock().now()).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "certs/authority.h"
#include "certs/timestamp.h"
#include "certs/trust_list.h"
#include "tests/support/manual_clock.h"
#include "tests/support/soft_key.h"

namespace test {

class Token;

/// A certificate and its key.
struct Leaf {
  std::shared_ptr<const hsm::Key> key;
  certs::Certificate certificate;
};

/// For one thread. What cannot be made stops the test program.
class Pki {
 public:
  static constexpr std::int64_t kStart = 1'795'489'200;  ///< 2026-11-24T03:00:00Z
  static constexpr const char* kAgency = "江州市社会保险事业管理中心";
  static constexpr const char* kAgencyCode = "12360000MB0000001X";

  explicit Pki(base::Time start = base::from_unix_s(kStart));
  explicit Pki(Token& token, base::Time start = base::from_unix_s(kStart));
  /// With keys from anywhere: a signer's officers' socket.
  using Keys = std::function<std::shared_ptr<const hsm::Key>(const std::string& label)>;
  explicit Pki(const Keys& keys, base::Time start = base::from_unix_s(kStart));
  ~Pki();
  Pki(const Pki&) = delete;
  Pki& operator=(const Pki&) = delete;

  base::ManualClock& clock() { return clock_; }
  base::Time start() const { return start_; }

  /// Labels: root-ca, issuing-ca, seal-1, timestamp-1, openid-1, document-code-1.
  std::shared_ptr<const hsm::Key> key(const std::string& label) const;
  const certs::Certificate& certificate(const std::string& label) const;
  /// As it was published last.
  const certs::TrustList& list() const { return list_; }
  const std::string& jws() const { return jws_; }
  base::Bytes root_crl() const { return list_.crls.at(0); }
  base::Bytes issuing_crl() const { return list_.crls.at(1); }
  /// Of timestamp-1, sending the issuing authority's certificate along.
  const certs::TimestampAuthority& timestamps() const { return *timestamps_; }

  /// Another leaf with a new key in memory, issued at the clock's moment, not in the list yet.
  Leaf issue(certs::Profile profile, const std::string& name = "另一张证书");
  /// Issued so long before `start` that it has ended by then.
  Leaf expired(certs::Profile profile);
  /// By another root with the same names as ours, which no list knows.
  Leaf foreign(certs::Profile profile);
  /// Puts it into the list under `purpose` and publishes.
  void enlist(const certs::Certificate& certificate, const std::string& purpose);
  /// Revokes a certificate of the issuing authority and publishes.
  void revoke(const certs::Certificate& certificate, base::Time at, int reason = 1,
              std::optional<base::Time> invalid_since = std::nullopt);
  /// Puts the certification bodies into the list, in place of those there, and publishes.
  void admit(std::vector<certs::TrustBody> bodies);
  /// Ends the entry of `certificate`, with since when its key is compromised when given; publishes.
  void end(const certs::Certificate& certificate, base::Time until,
           std::optional<base::Time> compromised_since = std::nullopt);
  /// New revocation lists and a new trust list (sequence + 1) at the clock's moment.
  void publish();

  certs::Authority& root() { return *root_; }
  certs::Authority& issuing() { return *issuing_; }
  certs::Subject agency(const std::string& name) const;

  /// The files that xinyind and others read: root.pem, issuing.pem, <label>.pem, issuing.crl,
  /// root.crl, trust-list.jws.
  void write(const std::filesystem::path& directory) const;

 private:
  void build(const Keys& keys);
  void make(const std::string& label, certs::Profile profile, const std::string& name);

  base::Time start_;
  base::ManualClock clock_;
  base::SystemRandom random_;
  std::map<std::string, std::shared_ptr<const hsm::Key>> keys_;
  std::map<std::string, certs::Certificate> certificates_;
  std::unique_ptr<certs::Authority> root_, issuing_;
  std::unique_ptr<certs::TimestampAuthority> timestamps_;
  std::vector<certs::Authority::Revocation> revoked_;
  certs::TrustList list_;
  std::string jws_;
  std::int64_t crl_number_ = 0;
};

}  // namespace test
