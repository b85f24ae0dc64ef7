// Two trust lists, a line each, and whether the second only stops somebody: no text does harm, what
// stops is never undone by the same rule, and nothing that is no list of ours stops anybody.
#include "hsm/officers/trust_change.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/encoding.h"
#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using hsm::officers::only_stops;
  const auto text = base::as_text(base::BytesView(data, size));
  const auto end = text.find('\n');
  const auto before = text.substr(0, end);
  const auto after = end == std::string_view::npos ? before : text.substr(end + 1);
  const auto issued = *base::parse_rfc3339("2026-11-26T12:00:00Z");
  if (!only_stops(before, after, issued)) return 0;
  base::check(before.substr(0, before.find('.')) == after.substr(0, after.find('.')),
              "another header");
  base::check(only_stops(before, before, issued) && only_stops(after, after, issued),
              "a list that is not like itself");
  const auto old = base::parse_json(before.substr(before.find('.') + 1), {1 << 20, 16});
  const auto now = base::parse_json(after.substr(after.find('.') + 1), {1 << 20, 16});
  if (!old.ok() || !now.ok()) return 0;
  base::check((*old)["bodies"].Size() == (*now)["bodies"].Size() &&
                  (*old)["entries"].Size() == (*now)["entries"].Size(),
              "more or fewer of something");
  if (*old != *now) base::check(!only_stops(after, before, issued), "a stop that can be undone");
  return 0;
}
