#include "hsm/journal.h"

#include <unistd.h>

#include "base/json.h"
#include "base/text.h"

namespace hsm {

void Journal::tell(std::string_view event, std::initializer_list<Field> fields) const {
  base::JsonWriter out;
  out.StartObject();
  out.member("time", base::to_rfc3339(clock_.now(), true));
  out.member("program", "xinyin-signer");
  out.member("pid", static_cast<std::int64_t>(::getpid()));
  out.member("event", event);
  for (const auto& [name, value] : fields) out.member(name.data(), base::printable(value, 1000));
  out.EndObject();
  const auto line = out.text() + "\n";
  (void)!::write(STDERR_FILENO, line.data(), line.size());  // nowhere to complain to
}

}  // namespace hsm
