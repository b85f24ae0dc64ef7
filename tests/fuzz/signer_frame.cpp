// The signer's frames, as a hostile peer may send them, whole or in pieces; first byte: how they
// are cut. What is accepted must survive a round trip.
#include "base/check.h"
#include "hsm/protocol.h"

namespace {

template <class Decoded>
void round_trip(const Decoded& decoded, base::Result<Decoded> (*decode)(base::BytesView)) {
  const auto frame = hsm::wire::encode(decoded);
  const auto again = decode(base::BytesView(frame).subspan(4));
  base::check(again.ok(), "what was accepted is refused after a round trip");
  base::check(hsm::wire::encode(*again) == frame, "a round trip changed a frame");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0];
  base::BytesView rest(data + 1, size - 1);
  hsm::wire::FrameReader reader(hsm::wire::kMostRequestBytes);
  while (!rest.empty()) {
    const auto some = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(some.size());
    reader.feed(some);
    while (true) {
      const auto payload = reader.next();
      if (!payload.ok()) return 0;
      if (!*payload) break;
      if (const auto request = hsm::wire::decode_request(**payload); request.ok())
        round_trip(*request, hsm::wire::decode_request);
      if (const auto answer = hsm::wire::decode_answer(**payload); answer.ok())
        round_trip(*answer, hsm::wire::decode_answer);
    }
  }
  return 0;
}
