// A backup brought back: the officers' shares joined, the archive written to a new place, and every
// key of it put to work before anybody is told that it is there.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "hsm/backup.h"
#include "hsm/shares.h"

namespace hsm {

struct RestorePlan {
  std::filesystem::path file;       ///< the backup
  std::filesystem::path module;     ///< the software token's PKCS#11 module
  std::filesystem::path into;       ///< the token's directory: empty, or not there yet
  std::filesystem::path inventory;  ///< none of these may be there yet
  std::filesystem::path ledger;
  std::filesystem::path pin;
  std::filesystem::path state;  ///< directory for other state; empty: not wanted
};

/// Gives the share of one more officer. It is asked until enough have come; `have` are the numbers
/// so far. When it holds a card open, it lets it go before it returns. Its Error ends the restore.
using NextShare =
    std::function<base::Result<Share>(const BackupHeader& header, const std::vector<int>& have)>;
using Progress = std::function<void(const std::string& line)>;

struct KeyProof {
  enum class How {
    signed_test,  ///< it signed, and the inventory's public key verified
    unwrapped,    ///< it opened what it had wrapped before the backup
    compared,     ///< its file and attributes are as recorded; there was nothing for it to do
  };
  KeyInfo key;
  How how = How::compared;
};
std::string_view to_string(KeyProof::How how);

struct RestoreReport {
  std::string backup_id, sha256;  ///< of the file, hex
  base::Time made_at;
  std::string token_label, token_serial, ledger_head;
  std::vector<std::string> officers;  ///< ids of those whose shares opened it
  std::vector<KeyProof> keys;         ///< every key of the inventory
  std::vector<std::string> files;     ///< names in the archive, all of them compared
};

/// What can be said before a card is asked for: the header's form, and whether the places are free.
/// Errors: invalid_argument `hsm.backup_form`; conflict `hsm.not_empty`, `hsm.file_exists`,
/// `hsm.restore_busy`; unavailable `hsm.file`.
base::Result<BackupHeader> check_restore(const RestorePlan& plan);

/// Everything is made and proven in "<into>.restoring" beside `into`, then put into place, the
/// token last: a kill leaves no token in `into`. What an earlier kill left there is removed. Opens
/// the token once; no Card, Token or KeyMaker may be open then. Errors: those of check_restore; of
/// `next`; conflict `hsm.share_twice`, `hsm.backup_altered`; unavailable `hsm.restore_unproven`
/// naming each key that failed, `hsm.file`, those of Token::open.
base::Result<RestoreReport> restore(const RestorePlan& plan, const NextShare& next,
                                    base::Random& random, const Progress& tell);

/// A restore into a throw-away directory below `place` (a memory file system), which is destroyed
/// afterwards. Errors: as restore.
base::Result<RestoreReport> drill(const std::filesystem::path& file,
                                  const std::filesystem::path& module,
                                  const std::filesystem::path& place, const NextShare& next,
                                  base::Random& random, const Progress& tell);

/// T of N proven without showing: the shares join to the secret that the header was authenticated
/// with; nothing is decrypted. Errors: those of join; conflict `hsm.backup_altered`.
base::Result<void> test_shares(const BackupHead& head, const std::vector<Share>& shares);

}  // namespace hsm
