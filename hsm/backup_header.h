// What stands in clear at the head of a backup: which token, which keys, and whose cards open it.
// docs/decisions/0072-cards-and-backup.md
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "hsm/key.h"

namespace hsm {

/// T of N: at least two must agree, and one may be away.
inline constexpr int kLeastThreshold = 2, kMostHolders = 32;

/// An officer as a backup knows them.
struct ShareHolder {
  std::string id;         ///< one per person, 1 to 64 of A-Z, a-z, 0-9, '-'
  std::string name;       ///< 1 to 200 bytes of UTF-8
  base::Bytes share_key;  ///< SubjectPublicKeyInfo (P-256) of the card's agreement key
};

/// One officer's share, open to their card alone. Numbers count from 1, in the header's order.
struct EnclosedShare {
  ShareHolder holder;
  base::Bytes ephemeral;  ///< SubjectPublicKeyInfo
  base::Bytes encrypted;
  base::Digest digest{};  ///< SHA-256 of the share; tells nothing of 32 random bytes
};

struct BackupHeader {
  std::string id;  ///< 32 hex digits, random
  base::Time made_at;
  std::string token_label, token_serial;
  std::vector<KeyInfo> keys;
  base::Digest inventory_digest{};
  std::string ledger_head;  ///< hex of the newest entry's digest; empty: no ledger
  int threshold = 0;
  std::vector<EnclosedShare> shares;

  /// JSON, at most 16 MiB. Errors: invalid_argument `hsm.backup_form`.
  static base::Result<BackupHeader> from_text(std::string_view json);
  std::string text() const;
};

inline constexpr std::size_t kMostHeaderBytes = 16 << 20;

/// `hsm.backup_form`: not a backup, or not one of this version.
base::Error bad_backup(const std::string& why);
/// `hsm.backup_altered`, naming the part: "share 2 (officer-2)", "chunk 7".
base::Error altered(const std::string& part);
/// 2 <= threshold < holders <= 32. Errors: invalid_argument `hsm.threshold`.
base::Result<void> check_threshold(int threshold, std::size_t holders);
/// Form, keys of P-256, nobody twice. Errors: invalid_argument `hsm.share_holder`.
base::Result<void> check_holders(const std::vector<ShareHolder>& holders);

}  // namespace hsm
