// The ZIP reader of OFD packages. What it lets through has names of one spelling, and no more
// octets than it was told.
#include "base/check.h"
#include "verify/ofd/package.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const verify::ofd::ZipLimits limits{.entries = 100, .unpacked = 1 << 20};
  const auto read = verify::ofd::Zip::read({data, size}, limits);
  if (!read.ok()) {
    base::check(read.error().key.starts_with("verify.ofd.zip_"), "a reason of its own");
    return 0;
  }
  std::size_t total = 0;
  for (const auto& [name, content] : read->entries()) {
    base::check(verify::ofd::resolve("x/y", "/" + name) == name || name.find('?') != name.npos ||
                    name.find('#') != name.npos,
                "a name leads to itself");
    total += content.size();
  }
  base::check(total <= limits.unpacked && read->entries().size() <= limits.entries, "the limits");
  return 0;
}
