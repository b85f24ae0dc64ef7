// The wire interface of proofing sources (docs/gateways.md): one JSON envelope each way, MACed with
// a shared secret; an answer is bound to its question by a nonce. No I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/proofing_source.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/secret.h"

namespace gateways {

constexpr std::size_t kMostProofingAnswer = 16 << 10;

/// {"key", "payload", "mac"}: the payload is base64url of a JSON object with call, at, nonce,
/// method, attributes and what `more` adds.
std::string seal_question(std::string_view key_id, const base::Secret& secret,
                          std::string_view call, const auth::ProofingQuestion& question,
                          base::Time at,
                          const std::vector<std::pair<std::string, std::string>>& more = {});

/// The payload of an envelope {"payload", "mac"}. Errors: unavailable `gateways.proofing` whose
/// detail says why: not an envelope, another MAC, another nonce, and with `refuse_simulators` the
/// mark of one.
base::Result<rapidjson::Document> open_answer(std::string_view body, const base::Secret& secret,
                                              std::string_view nonce, bool refuse_simulators);

/// What a payload says. Nothing: "pending". What is not of the interface is `unavailable`.
std::optional<auth::ProofingAnswer> read_answer(const rapidjson::Value& payload);

/// Address and ticket of a visit. Errors: unavailable `gateways.proofing`.
base::Result<auth::VisitedSource::Visit> read_visit(const rapidjson::Value& payload,
                                                    bool allow_http);

}  // namespace gateways
