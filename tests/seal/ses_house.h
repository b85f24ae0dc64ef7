// What the tests of national seals share: an SM2 authority beside the P-256 one of test::Pki, a
// maker and a sealer, and raw seals whose every part can be bent before it is signed.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "seal/ses.h"
#include "tests/support/pki.h"
#include "verify/ses_judge.h"

namespace test {

/// Signs a message; DER.
using SesSign = std::function<base::Bytes(base::BytesView)>;
/// SM2 with SM3 under `user_id`.
SesSign sm2(std::shared_ptr<const hsm::Key> key, std::string user_id = "1234567812345678");

/// SESeal, each member a DER value. Built apart from seal/ses.cpp.
struct RawSeal {
  base::Bytes mark, version, vendor, id;
  base::Bytes type, name, list_type, list, created, valid_from, valid_until;
  base::Bytes picture_type, picture, width, height;
  base::Bytes extensions;
  base::Bytes certificate, algorithm, signature, token;  ///< signature: empty, made by `sign`
  SesSign sign;
  bool old = false;  ///< the form of v1

  base::Bytes info() const;
  base::Bytes encode() const;
};

/// SES_Signature, likewise.
struct RawSignature {
  base::Bytes version, seal, time, data_hash, property, extensions;
  base::Bytes certificate, algorithm, signature, token;
  SesSign sign;
  bool old = false;

  base::Bytes to_sign() const;
  base::Bytes encode() const;
};

/// For one thread.
class SesHouse {
 public:
  static constexpr const char* kPlace = "/Doc_0/Signs/Sign_0/Signature.xml";

  SesHouse();

  Pki pki;
  std::shared_ptr<SoftKey> root_key, issuing_key, maker_key, sealer_key;
  std::unique_ptr<certs::Authority> root, issuing;
  std::unique_ptr<certs::Certificate> root_certificate, issuing_certificate, maker, sealer;
  std::vector<certs::Authority::Revocation> revoked;  ///< by the SM2 issuing authority
  std::vector<certs::TrustEntry> entries;             ///< of SM2 keys

  base::Time now() { return pki.clock().now(); }
  /// One that was signed by the first root and read back.
  certs::TrustList trust();
  std::string signed_trust();
  /// 20 days before the moment; the authorities are 30 days old.
  certs::Certificate issue(certs::Profile profile, const std::string& name,
                           base::BytesView public_key);
  void enlist(const certs::Certificate& certificate, const std::string& purpose);
  void revoke(const certs::Certificate& certificate, base::Time at, int reason = 4);

  seal::SealDraft draft(verify::ses::Version version, bool by_digest = false);
  RawSeal raw_seal(int version, bool by_digest = false);
  RawSignature raw_signature(int version, base::Bytes seal);
  base::Bytes original() const { return base::to_bytes(base::as_bytes("<ofd:Signature/>")); }
  base::Digest digest() const { return base::sm3(original()); }
  verify::SealReport judge(base::BytesView signature, base::Time at);
  verify::SealReport judge(base::BytesView signature) { return judge(signature, now()); }
};

/// [0] EXPLICIT BIT STRING of a token over `signature`.
base::Bytes ses_token(const certs::TimestampAuthority& authority, base::BytesView signature);
base::Bytes png();

/// Runs a shell command line in `directory`; both streams and the exit status (127 fails the test
/// with the line that mends it).
struct SesRan {
  int status = -1;
  std::string output;
};
SesRan ses_run(const std::filesystem::path& directory, const std::string& command);

}  // namespace test
