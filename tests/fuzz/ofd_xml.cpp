// The XML reader of OFD packages: what it keeps stays within its budget, and has no white space
// around its texts.
#include "base/check.h"
#include "verify/ofd/xml.h"

namespace {

std::size_t count(const verify::ofd::Element& element, int depth) {
  base::check(depth <= 16 && element.attributes.size() <= 8, "the limits");
  base::check(element.text.empty() || (element.text.front() != ' ' && element.text.back() != ' '),
              "no white space around");
  std::size_t out = 1;
  for (const auto& child : element.children) out += count(child, depth + 1);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  verify::ofd::XmlBudget budget{.elements = 200, .kept = 100, .depth = 16, .attributes = 8};
  const auto read = verify::ofd::parse_xml({data, size}, budget);
  if (read.ok())
    base::check(count(*read, 1) <= 100, "the budget");
  else
    base::check(read.error().key.starts_with("verify.ofd.xml_"), "a reason of its own");
  return 0;
}
