// The register of the certificate authorities: what they gave out, what they took back, and the
// numbers that only rise. Each entry stands in one transaction with its audit row.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "certs/authority.h"
#include "certs/bodies.h"
#include "certs/trust_list.h"
#include "store/store.h"

namespace certs {

/// A row of the register.
struct Issued {
  Certificate certificate;
  Profile profile = Profile::seal;
  std::string label;      ///< of its key on the token
  base::Digest issuer{};  ///< SHA-256 of the issuer's SubjectPublicKeyInfo
  std::string agency;     ///< whom the key acts for
  std::string agency_code;
  base::Time issued_at;
  std::optional<Authority::Revocation> revoked;
};

/// Reads and writes within the caller's transaction; `actor` goes into the audit rows, "officer:…".
class CertificateRegister {
 public:
  CertificateRegister(store::Tx& tx, const base::Clock& clock, std::string actor)
      : tx_(tx), clock_(clock), actor_(std::move(actor)) {}

  /// Errors: conflict `certs.serial_taken` when the issuer gave this serial out before.
  base::Result<void> record(const Issued& issued);
  /// All, newest first; of one key label only, when given.
  base::Result<std::vector<Issued>> list(std::string_view label = {});
  /// Errors: not_found `certs.not_issued`.
  base::Result<Issued> find(std::string_view serial_hex);

  /// Errors: not_found `certs.not_issued`; conflict `certs.already_revoked`.
  base::Result<void> revoke(const base::Digest& issuer, const Authority::Revocation& revocation);
  /// Everything that the issuer ever gave out and that is not revoked yet, when its own key is no
  /// longer its own; `how.serial_hex` is not looked at. Gives how many; nothing twice.
  base::Result<std::int64_t> revoke_all(const base::Digest& issuer,
                                        const Authority::Revocation& how);
  base::Result<std::vector<Authority::Revocation>> revocations(const base::Digest& issuer);

  /// The number after the last one. Two writers that take the same one: one of them gets a conflict
  /// `certs.number_taken` when it records.
  base::Result<std::int64_t> next_crl_number(const base::Digest& issuer);
  /// DER of the last one; nothing when there is none.
  base::Result<std::optional<base::Bytes>> last_crl(const base::Digest& issuer);
  base::Result<void> record_crl(const base::Digest& issuer, std::int64_t number,
                                base::BytesView der);
  base::Result<std::int64_t> next_trust_list_sequence();
  base::Result<void> record_trust_list(const TrustList& list, std::string_view jws);
  /// The certification bodies of others, in the same transaction and for the same actor.
  Bodies bodies() { return {tx_, clock_, actor_}; }

 private:
  base::Result<void> audit(std::string act, std::string object, std::string facts_json);

  store::Tx& tx_;
  const base::Clock& clock_;
  std::string actor_;
};

}  // namespace certs
