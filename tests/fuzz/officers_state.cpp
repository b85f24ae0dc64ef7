// Lines of the officers' ledger, as somebody may have edited the file: read in one spelling, and
// applied to a state that was founded (the corpus's first line founds it). The bodies are tried
// under hashes that fit as well: an editor would put them right.
#include <optional>

#include "base/canonical_json.h"
#include "base/check.h"
#include "hsm/officers/state.h"

namespace {

using namespace hsm::officers;

/// Splits at line ends; each line as it stands, and its body again with kind and chain mended.
void run(std::string_view text) {
  State as_it_stands, mended;
  base::Digest head{};
  std::int64_t n = 0;
  for (int lines = 0; !text.empty() && lines < 64; ++lines) {
    const auto end = text.find('\n');
    const auto one = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (const auto line = read_line(one); line.ok()) {
      base::check(line->text() == one, "a line that has two spellings");
      (void)as_it_stands.apply(*line);
    }
    const auto document = base::parse_json(one, {1 << 20, 12});
    if (!document.ok() || !document->IsObject()) continue;
    const auto body = document->FindMember("body");
    const auto at = base::parse_rfc3339(base::json_text(*document, "at"));
    if (body == document->MemberEnd() || !body->value.IsObject() || !at) continue;
    const auto canonical = base::canonical_json(body->value);
    if (!canonical.ok()) continue;
    const auto line = make_line(n + 1, *at, base::json_text(*document, "kind"), *canonical, head);
    const auto before = mended.asked().size();
    if (mended.apply(line).ok()) {
      head = line.hash;
      ++n;
    } else {
      base::check(mended.asked().size() == before, "a line was refused and left something");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  run(base::as_text({data, size}));
  return 0;
}
