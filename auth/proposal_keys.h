// The name that a program gives what it proposes, so that it may ask again where the answer was
// lost and nothing is proposed twice. docs/decisions/0164-staff-api.md.
//
// Kept as digests, for as long as a proposal waits at most.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/actor.h"
#include "base/digest.h"
#include "store/store.h"

namespace auth {

/// 1 to 200 visible ASCII characters. Errors: invalid_argument `auth.request.key`.
base::Result<void> check_proposal_key(std::string_view key);

/// What is proposed under a key.
struct NamedProposal {
  base::Digest key{}, content{};
};
/// Nothing: `key` is empty, each asking is a new one. `content` digests all that was asked for.
std::optional<NamedProposal> named_proposal(const SubjectId& by, std::string_view key,
                                            const base::Digest& content);

/// Within the deed, first: of several at once with one key each waits for the one before. The
/// request that was made under the key. Errors: conflict `auth.request.key_used`: for something
/// else.
base::Result<std::optional<std::string>> find_proposal(store::Tx& tx,
                                                       const std::optional<NamedProposal>& named);
/// Within the deed that made `request`.
base::Result<void> put_proposal(store::Tx& tx, const std::optional<NamedProposal>& named,
                                std::string_view request, base::Time now);

}  // namespace auth
