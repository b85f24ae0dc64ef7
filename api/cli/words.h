// A request in plain words, made from the very bytes that officers sign.
#pragma once

#include <string>

#include "api/cli/governance.h"

namespace cli {

/// Several lines, Chinese first: what will be done, to what, why, until when, the request's name.
/// What is to be signed is taken apart and shown: each certificate's subject, profile and life,
/// each entry of a trust list.
std::string words(const RequestRecord& record);
/// One line: how far it got.
std::string standing_words(const RequestRecord& record);
/// The last characters of a request's name, which whoever approves types again.
std::string tail_of(const RequestRecord& record);

}  // namespace cli
