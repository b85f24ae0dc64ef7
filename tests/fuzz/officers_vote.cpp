// A vote, as anybody may send it: there is one spelling of each.
#include "base/check.h"
#include "hsm/officers/vote.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = base::as_text({data, size});
  const auto vote = hsm::officers::read_vote(text);
  if (!vote.ok()) return 0;
  base::check(vote->vote.jws(vote->signature) == text, "a vote that has two spellings");
  return 0;
}
