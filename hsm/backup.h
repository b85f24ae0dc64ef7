// A backup of a software token: its directory, inventory, ledger, PIN and other state in one
// encrypted file whose secret is split among the officers. The keys themselves are born
// non-extractable: a device is backed up with its maker's own means, and this is not for it.
// docs/decisions/0072-cards-and-backup.md
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "hsm/backup_header.h"

namespace hsm {

class Token;

/// Something that the data-wrapping key wrapped while the token lived: a restored one must unwrap
/// it.
struct WrapProbe {
  base::Bytes wrapped;
  base::Digest digest{};  ///< of what was wrapped
};
/// Nothing when the token has no such key. Errors: those of Token::wrap.
base::Result<std::optional<WrapProbe>> make_probe(const Token& token, base::Random& random);

struct StateFile {
  std::string name;  ///< in the archive: "quorum.json"
  std::filesystem::path file;
};

struct BackupPlan {
  std::filesystem::path token_directory;
  std::filesystem::path inventory;
  std::filesystem::path ledger;  ///< empty: there is none
  std::string ledger_head;       ///< hex of SHA-256, of its newest entry; empty: there is none
  std::vector<StateFile> state;  ///< whatever else belongs to the token
  base::Secret pin;              ///< what the token's PIN file holds
  std::optional<WrapProbe> probe;
  int threshold = 0;
  std::vector<ShareHolder> officers;
  std::filesystem::path file;  ///< must not be there yet
};

/// For the ledger and for people; nothing secret.
struct BackupFacts {
  std::string id;
  std::string sha256;  ///< of the file, hex
  std::uint64_t bytes = 0;
  base::Time made_at;
  std::string token_label, token_serial;
  std::vector<KeyInfo> keys;
  std::string inventory_sha256, ledger_head;
  int threshold = 0;
  std::vector<ShareHolder> officers;
};

/// Reads only, so it may run while the token serves; nothing may write to the token meanwhile. The
/// file is read back, and shares are joined again, before it takes its name: a kill leaves no file
/// of that name. What proves it is a drill (hsm/restore.h).
/// Errors: invalid_argument `hsm.threshold`, `hsm.share_holder`, `hsm.public_key`; conflict
/// `hsm.file_exists`; unavailable `hsm.inventory`, `hsm.token_files` (a file differs from the
/// inventory or is missing), `hsm.token_directory`, `hsm.file`; internal `hsm.backup_altered`.
base::Result<BackupFacts> backup(const BackupPlan& plan, base::Random& random,
                                 const base::Clock& clock);

// The file: this line, the header's length (4 octets) and text, HMAC-SHA-256 over all that under a
// key from the secret, then the archive (hsm/archive.h).
inline constexpr std::string_view kBackupMagic = "xinyin backup 1\n";

/// The head of a file as it lies there. Nothing in it is authentic before check_mac().
struct BackupHead {
  BackupHeader header;
  base::Bytes bytes;  ///< magic, length and text
  base::Digest mac{};

  /// From the first bytes of a file; `size` is where the archive begins.
  /// Errors: invalid_argument `hsm.backup_form`.
  static base::Result<BackupHead> parse(base::BytesView file, std::size_t& size);
  /// Errors: invalid_argument `hsm.backup_form`; unavailable `hsm.file`.
  static base::Result<BackupHead> read(const std::filesystem::path& file, std::size_t& size);
  /// Errors: conflict `hsm.backup_altered` "header".
  base::Result<void> check_mac(const base::Secret& secret) const;
};
/// The archive's key, from the joined secret.
base::Secret archive_key(const base::Secret& secret, std::string_view backup_id);

// The archive's names.
inline constexpr std::string_view kTokenEntries = "token/", kStateEntries = "state/";
inline constexpr std::string_view kInventoryEntry = "inventory", kLedgerEntry = "ledger",
                                  kPinEntry = "pin", kProbeEntry = "probe";
inline constexpr std::string_view kProbeName = "backup probe";

}  // namespace hsm
