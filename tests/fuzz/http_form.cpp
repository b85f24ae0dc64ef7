// Forms and percent encoding: what is taken comes out the same when it is written and read again,
// is UTF-8 and within the limits.
#include "api/http/message.h"
#include "base/check.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto plain = api::percent_decode(input)) {
    base::check(base::is_utf8(*plain), "not UTF-8");
    base::check(api::percent_decode(api::percent_encode(*plain)) == plain,
                "encoding lost something");
    base::check(api::is_header_value(api::percent_encode(*plain)), "encoding let a byte through");
  }
  const auto form = api::parse_form(input);
  if (!form.ok()) return 0;
  base::check(form->size() <= 100, "too many pairs");
  std::string again;
  for (const auto& [name, value] : *form) {
    base::check(base::is_utf8(name) && base::is_utf8(value), "not UTF-8");
    again += "&" + api::percent_encode(name) + "=" + api::percent_encode(value);
  }
  const auto second = api::parse_form(again);
  base::check(second.ok() && *second == *form, "a form changed on its way");
  return 0;
}
