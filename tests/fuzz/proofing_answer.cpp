// Answers of proofing sources, as anybody on the way may send them, and payloads of a source that
// went mad. No match without the right MAC; none without a transaction; nothing long or odd passes.
#include "base/check.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "gateways/proofing_wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const base::Secret secret(base::as_bytes(std::string_view("source-secret")));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto opened = gateways::open_answer(text, secret, "nonce", true);
  if (opened.ok()) base::check(base::json_text(*opened, "nonce") == "nonce", "another question's");

  const auto payload = base::parse_json(text, {.bytes = gateways::kMostProofingAnswer, .depth = 4});
  if (!payload.ok() || !payload->IsObject()) return 0;
  if (const auto answer = gateways::read_answer(*payload)) {
    const bool good = answer->outcome == auth::ProofingOutcome::matches;
    base::check(!good || !answer->transaction.empty(), "a match without a transaction");
    base::check(good || answer->matched.empty(), "a hint of what agreed");
    base::check(answer->transaction.size() <= 100 && answer->matched.size() <= 7, "too much");
  }
  if (const auto visit = gateways::read_visit(*payload, false); visit.ok())
    base::check(visit->address.starts_with("https://") &&
                    visit->address.find_first_of("\"'<> \\") == std::string::npos,
                "an address that a page could stumble over");
  return 0;
}
