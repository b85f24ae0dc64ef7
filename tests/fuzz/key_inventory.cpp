// The key inventory, as somebody may have edited it: what is read is written and read the same.
#include "base/check.h"
#include "hsm/inventory.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto inventory = hsm::Inventory::from_text(base::as_text({data, size}));
  if (!inventory.ok()) return 0;
  const auto text = inventory->text();
  const auto again = hsm::Inventory::from_text(text);
  base::check(again.ok(), "what was read is refused after it was written");
  base::check(again->text() == text, "a round trip changed the inventory");
  return 0;
}
