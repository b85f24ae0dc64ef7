// What a seal maker's key signs, read by the signer: SES_SealInfo of v4 and v5. GB/T
// 38540-2020 5.2, GM/T 0031-2025. Only what officers must know of it is kept; verify/ses.h judges
// the rest.
#pragma once

#include <optional>

#include "hsm/officers/content.h"

namespace hsm::officers {

/// Whether it begins as a SES_SealInfo does, and as no certificate or list: with the header "ES".
bool is_seal_info(base::BytesView der);
/// `der` is strict DER (strict_der.h). Nothing when it has another form.
std::optional<Content> read_seal_info(base::BytesView der);

}  // namespace hsm::officers
