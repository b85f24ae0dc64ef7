// What a person signs with the own card: a compact JWS (RFC 7515, ES256) over a canonical text, so
// that anybody can check it with stock tools, years later.
//
//   header   {"alg":"ES256","kid":"<person>","typ":"xinyin-vote"}
//   payload  {"at":…,"decision":…,"person":…,"request":"<SHA-256, hex>","text":…,"v":1}
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "hsm/officers/people.h"

namespace hsm::officers {

enum class Decision {
  approve,  ///< of a request
  reject,   ///< of a request; it is dead then
  found,    ///< of a founding document
  attest,   ///< of the head of minutes: "I was there, this is what happened"
};
std::string_view to_string(Decision decision);

struct Vote {
  std::string person;
  Decision decision = Decision::approve;
  base::Digest request{};  ///< SHA-256 of what is decided on
  base::Time at;
  std::string text;  ///< a reason or remark, at most 1024 bytes; may be empty

  /// What the card signs.
  std::string signing_input() const;
  /// The JWS, once signed (r‖s, 64 bytes).
  std::string jws(base::BytesView signature) const;
};

struct SignedVote {
  Vote vote;
  std::string signing_input;
  base::Bytes signature;

  /// Is it by this person's key?
  bool by(const Person& person) const;
};

/// One text for one vote: anything else is refused. At most 4 KiB.
/// Errors: invalid_argument `hsm.officers.vote`.
base::Result<SignedVote> read_vote(std::string_view jws);

}  // namespace hsm::officers
