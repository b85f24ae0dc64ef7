// A signed head: "row `seq` of the trail has this hash", signed by a key of purpose `audit` in the
// token.
//
// A compact JWS (ES256) with exactly one text for one head; docs/audit.md has it to the byte. Heads
// only rise. With each goes an audit row that holds the digest of its text, so that a head which is
// taken away or replaced later is missed. LD/T 01-2020 6.2.5e.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "store/audit.h"

namespace store {

/// The act of the row that goes with each signed head; nothing else may use it.
inline constexpr std::string_view kSignHeadAct = "audit.sign_head";

struct SignedHead {
  std::int64_t seq = 0;
  base::Digest hash{};
  base::Time at;       ///< when it was signed
  std::string key_id;  ///< of the key: hex of SHA-256(SPKI)[0:20]
  std::string jws;

  /// What is signed: header and payload, with the dot between.
  std::string_view signing_input() const;
  base::Bytes signature() const;  ///< r‖s, 64 octets
};

/// The text before the signature.
std::string head_signing_input(std::int64_t seq, const base::Digest& hash, base::Time at,
                               std::string_view key_id);
/// `signature`: r‖s, 64 octets.
std::string head_text(std::string_view signing_input, base::BytesView signature);
/// Reads one; the signature is not looked at. Nothing when it is not the one text of a head.
std::optional<SignedHead> parse_head(std::string_view jws);

/// hex of SHA-256(SPKI)[0:20]
std::string audit_key_id(base::BytesView public_key);

struct AuditState {
  std::int64_t seq = 0;  ///< of the trail's head; 0: no row yet
  base::Digest hash{};
  std::int64_t signed_seq = 0;  ///< of the newest signed head; 0: none
  std::string signed_jws;
  bool news = false;         ///< rows behind the signed head that tell of more than its signing
  base::Time oldest_news{};  ///< when the first of these was written
};
/// Where the trail stands, in one look.
/// Errors: as Pool::run; internal `store.audit_headless`.
base::Result<AuditState> audit_state(Pool& pool);

/// Puts a signed head down, with its audit row, by `actor`.
/// Errors: conflict `store.conflict` when one as new is there (another instance was first); as
/// Pool::begin.
base::Result<void> record_head(Pool& pool, const SignedHead& head, base::BytesView public_key,
                               base::Time at, std::string_view actor);

/// A key that signed heads which are in the database.
struct HeadKey {
  std::string id;
  base::Bytes public_key;
};
/// At most 64 of them. Errors: as Pool::run.
base::Result<std::vector<HeadKey>> head_keys(Pool& pool);

}  // namespace store
