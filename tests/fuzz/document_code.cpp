// What people type for a document code. What is accepted reads back as itself, and with any one
// symbol changed it is a typo that is located.
#include "base/check.h"
#include "verify/code.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto code = verify::DocumentCode::parse(base::as_text({data, size}));
  if (!code) {
    base::check(code.error().key.starts_with("verify.code."), "a refusal is about the code");
    return 0;
  }
  for (const std::string& text : {code->text(), code->pretty()}) {
    const auto again = verify::DocumentCode::parse(text);
    base::check(again.ok() && *again == *code, "a code reads back as itself");
  }
  std::string wrong = code->text();
  char& symbol = wrong[size % wrong.size()];
  symbol = symbol == '7' ? '8' : '7';
  const auto typo = verify::DocumentCode::parse(wrong);
  base::check(!typo && typo.error().key == "verify.code.typo" &&
                  typo.error().args.at(0).second == std::to_string(size % wrong.size() + 1),
              "one wrong symbol is found and located");
  return 0;
}
