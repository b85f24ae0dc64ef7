// What gets signed: the TBSCertificate and TBSCertList, written part by part. RFC 5280 §4.1, §5.1.
//
// Written by ourselves rather than by OpenSSL so that the key in the token needs no disguise as an
// OpenSSL key, and so that the octets which are linted are the octets which are signed.
// docs/decisions/0012-der-by-hand.md
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "certs/authority.h"

namespace certs {

/// Each part is DER; tests put wrong ones in to see the lint refuse them.
struct TbsCertificate {
  base::Bytes version;  ///< [0] EXPLICIT
  base::Bytes serial;
  base::Bytes algorithm;  ///< AlgorithmIdentifier
  base::Bytes issuer;
  base::Bytes validity;
  base::Bytes subject;
  base::Bytes public_key;
  std::vector<base::Bytes> extensions;  ///< Extension, each

  base::Bytes encode() const;
};

struct TbsInput {
  Profile profile = Profile::seal;
  base::Bytes serial;                                     ///< magnitude, big-endian
  hsm::Algorithm algorithm = hsm::Algorithm::ecdsa_p256;  ///< of the issuer's key
  base::Bytes issuer;                                     ///< Name
  base::Bytes issuer_key_id;  ///< its subject key identifier; empty when it certifies itself
  Subject subject;
  base::Bytes public_key;  ///< SubjectPublicKeyInfo
  base::Time not_before;
  base::Time not_after;
  std::string crl_url;   ///< empty: no distribution point
  std::string ocsp_url;  ///< empty: no authority information access
};
TbsCertificate tbs_certificate(const TbsInput& in);

base::Bytes name_of(const Subject& subject);
/// Leftmost 160 bits of SHA-256 over the key's bit string. RFC 7093 §2 (1).
base::Bytes key_identifier(base::BytesView public_key);
/// AlgorithmIdentifier. Errors: none; an algorithm that signs nothing stops the program.
base::Bytes signature_algorithm(hsm::Algorithm algorithm);
/// What Key::sign gave as X.509 and CMS carry it: r‖s becomes a SEQUENCE, other forms stay.
base::Bytes signature_value(hsm::Algorithm algorithm, base::BytesView signature);
base::Bytes extension(const char* oid, bool critical, base::BytesView value);

/// Certificate or CertificateList: tbs, algorithm and what Key::sign gave, put together.
base::Bytes assemble(base::BytesView tbs, hsm::Algorithm algorithm, base::BytesView signature);

base::Bytes tbs_crl(hsm::Algorithm algorithm, base::BytesView issuer, base::BytesView issuer_key_id,
                    base::Time this_update, base::Time next_update, std::int64_t number,
                    const std::vector<Authority::Revocation>& revoked);

}  // namespace certs
