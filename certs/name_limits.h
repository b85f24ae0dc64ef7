// Limits of ours on the names in a foreign body's certificates, with the rules that RFC 5280
// §4.2.1.10 has for name constraints.
//
//   directory:/C=CN/O=某公司   subjects below these first parts of a name (types C ST L O OU CN)
//   dns:example.cn   email:example.cn   uri:.example.cn
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "certs/certificate.h"

namespace certs {

/// One of the forms above, at most 256 octets.
bool is_name_limit(std::string_view text);

/// Each name of `certificate` whose kind `permitted` limits lies within one of them, and none lies
/// within `excluded`. A certificate without any name of a limited kind is within: a limit for the
/// directory name is the one that every subject meets. A limit that is not one lets nothing pass.
bool within_limits(const Certificate& certificate, std::span<const std::string> permitted,
                   std::span<const std::string> excluded);

}  // namespace certs
