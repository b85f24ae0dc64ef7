// A time-stamp token over the value of a SM2 signature, as seals and seal signatures carry it.
// RFC 3161; GB/T 38540-2020, GM/T 0031-2025. Inside this room.
#pragma once

#include "certs/timestamp.h"
#include "verify/verdict.h"

namespace verify::ses {

struct Token {
  Answer intact = Answer::unsure;  ///< over these octets, and nothing foreign in it
  certs::ChainStatus chain;        ///< of its authority, at `at`
  base::Time at;                   ///< the stamped moment, when intact
  std::string reason;              ///< message key, when it does not attest

  bool attests() const {
    return intact == Answer::yes && chain.answer == certs::ChainAnswer::trusted;
  }
  /// `signature` are the octets in the BIT STRING. Our authority stamps their SHA-256; a token of
  /// SM2 with SM3 is not judged (unsure, `verify.ses.token_sm3`): OpenSSL has no such CMS.
  static Token judge(base::BytesView token, base::BytesView signature,
                     const certs::TrustList& trust);
};

}  // namespace verify::ses
