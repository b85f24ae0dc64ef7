// Facts that a handling system states, of each kind of document. What is taken fills every place of
// its template, and says of the holder what his account says.
#include "base/check.h"
#include "base/json.h"
#include "seal/templates.h"

namespace {

class CountingRandom final : public base::Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (auto& byte : out) byte = next_++;
  }

 private:
  std::uint8_t next_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto templates = seal::Templates::built_in().value();
  CountingRandom random;
  for (const auto* kind : templates->newest()) {
    const seal::DocumentHolder holder{"subject", !kind->for_persons, "张小三",
                                      "110101199003076632"};
    const auto draft = templates->draft(kind->kind, holder, base::as_text({data, size}), random);
    if (!draft.ok()) {
      const auto& key = draft.error().key;
      base::check(key == "seal.facts" || key.starts_with("json."), "a refusal is about the facts");
      continue;
    }
    for (const auto& [name, text] : draft->fields)
      base::check(!name.empty() && !text.empty(), "nothing is blank");
    for (const auto& row : draft->rows)
      base::check(row.size() == kind->form.tables.back().columns.size(), "a row is whole");
    const auto record = base::parse_json(draft->facts_json, {.bytes = 16 << 20, .depth = 8});
    base::check(record.ok() && base::json_text(*record, "id_number") == holder.id_number,
                "the record names the holder");
  }
  return 0;
}
