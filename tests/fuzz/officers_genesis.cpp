// The founding file, as somebody may have edited it. What is read has enough officers.
#include "base/check.h"
#include "hsm/officers/state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hsm::officers;
  const auto at = base::from_unix_s(1'795'690'000);
  const auto state = read_genesis(base::as_text({data, size}), at);
  if (!state.ok()) return 0;
  base::check(state->founded() && state->people().size() > 2, "founded by too few");
  return 0;
}
