// A backup's secret, split so that T of N officers have it together and T − 1 have nothing. Shamir
// over GF(256) with a digest inside (Botan's RTSS, draft-mcgrew-tss-03); each share is enclosed for
// one officer's card.
#pragma once

#include <vector>

#include "base/random.h"
#include "base/secret.h"
#include "hsm/backup_header.h"
#include "hsm/card.h"

namespace hsm {

inline constexpr std::size_t kBackupSecretBytes = 32;

struct Share {
  int number = 0;  ///< 1 … N
  base::Secret bytes;
};

/// `secret` has 32 bytes. Errors: as check_threshold.
base::Result<std::vector<Share>> split(const base::Secret& secret, int threshold, int holders,
                                       base::Random& random);
/// Errors: conflict `hsm.share_twice`, `hsm.backup_altered` (what they give together is not what
/// was split); permission_denied `hsm.too_few_shares`.
base::Result<base::Secret> join(const std::vector<Share>& shares, int threshold);

/// The share number `share.number` of the backup `backup_id`, for its holder's card alone.
/// Errors: invalid_argument `hsm.public_key`.
base::Result<EnclosedShare> enclose_share(std::string_view backup_id, const ShareHolder& holder,
                                          const Share& share, base::Random& random);

/// The number of the share that this card opens. Errors: permission_denied `hsm.wrong_officer`,
/// naming card and holders.
base::Result<int> share_of(const BackupHeader& header, const Card& card);
/// Opens it. Errors: as share_of and Card::agree; conflict `hsm.backup_altered` naming the share.
base::Result<Share> open_share(const BackupHeader& header, const Card& card);

}  // namespace hsm
