// A copy of the officers' ledger, as a stranger may hand it in, line by line; and what the signer
// may answer when asked for it. Whatever is taken has one text and an audit row.
#include "base/check.h"
#include "certs/ledger_mirror.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = base::as_text({data, size});
  (void)certs::read_ledger_page(text);
  certs::LedgerReplay replay;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto one = text.substr(0, end);
    const auto line = replay.next(one);
    if (!line.ok() || !replay.apply(*line, one).ok()) return 0;
    base::check(line->text() == one, "a line with two texts was taken");
    base::check(certs::ledger_entry(*line, line->at).act == "hsm." + line->kind, "another act");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return 0;
}
