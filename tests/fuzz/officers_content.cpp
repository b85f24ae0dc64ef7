// What an authority's key is to sign: read without harm, and read the same again.
#include "base/check.h"
#include "hsm/officers/content.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hsm::officers;
  const auto content = read_content({data, size});
  if (!content.ok()) return 0;
  base::check(content->kind == ContentKind::certificate || content->to > content->from,
              "a list that ends before it begins");
  const auto again = read_content({data, size});
  base::check(again.ok() && again->revoked == content->revoked && again->stable == content->stable,
              "read twice, two contents");
  // One octet behind is never overlooked.
  auto more = base::to_bytes(base::BytesView(data, size));
  more.push_back(0);
  base::check(!read_content(more).ok(), "a byte behind was overlooked");
  return 0;
}
