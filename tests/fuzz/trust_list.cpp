// Trust lists as anyone may hand them in. First the text as it is; then the octets as the payload
// of a list whose header and shape are right, so that the fuzzer gets past the frame; then as the
// JSON of a list's bodies, which stands behind a signature that no fuzzer makes. What is accepted
// must write itself back to the same text.
#include "certs/trust_list.h"
#include "base/check.h"
#include "base/encoding.h"
#include "certs/trust_list_text.h"

namespace {

void read(std::string_view jws) {
  const auto list = certs::TrustList::parse(jws);
  if (!list) return;
  const auto first = jws.find('.');
  const auto payload = jws.substr(first + 1, jws.rfind('.') - first - 1);
  base::check(base::to_base64url(base::as_bytes(certs::trust_list_payload(*list))) == payload,
              "an accepted list has another text");
  base::check(certs::check_consistent(*list).ok(), "an accepted list is not consistent");
}

std::string text_of(const std::vector<certs::TrustBody>& bodies) {
  base::JsonWriter out;
  out.StartObject();
  certs::write_bodies(out, bodies);
  out.EndObject();
  return out.text();
}

void read_member(std::string_view text) {
  const auto document = base::parse_json(text, {1 << 20, 5});
  if (!document || !document->IsObject()) return;
  const auto bodies = certs::read_bodies(*document);
  if (!bodies) return;
  const auto once = text_of(*bodies);
  const auto again = base::parse_json(once, {8 << 20, 5});
  base::check(again.ok(), "bodies are written as no JSON");
  const auto back = certs::read_bodies(*again);
  base::check(back.ok() && text_of(*back) == once, "bodies read back differently");
  base::check(certs::check_bodies(*back).ok() == certs::check_bodies(*bodies).ok(),
              "bodies are judged differently when read back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::BytesView octets(data, size);
  read(base::as_text(octets));
  read_member(base::as_text(octets));
  read(base::to_base64url(base::as_bytes(certs::kTrustListHeader)) + "." +
       base::to_base64url(octets) + "." + std::string(86, 'A'));
  return 0;
}
