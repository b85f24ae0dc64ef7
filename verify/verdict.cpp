// Names of answers and outcomes, as they stand in JSON and in message keys
// ("verify.outcome.<name>").
#include "verify/verdict.h"

#include "base/check.h"

namespace verify {

std::string_view to_string(Answer answer) {
  switch (answer) {
    case Answer::no:
      return "no";
    case Answer::unsure:
      return "unsure";
    case Answer::yes:
      return "yes";
  }
  base::fail("an answer without a name");
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::genuine:
      return "genuine";
    case Outcome::altered:
      return "altered";
    case Outcome::not_trusted:
      return "not_trusted";
    case Outcome::expired:
      return "expired";
    case Outcome::unsealed:
      return "unsealed";
    case Outcome::malformed:
      return "malformed";
    case Outcome::sample:
      return "sample";
    case Outcome::undetermined:
      return "undetermined";
  }
  base::fail("an outcome without a name");
}

std::string_view to_string(FileKind kind) {
  switch (kind) {
    case FileKind::pdf:
      return "pdf";
    case FileKind::ofd:
      return "ofd";
    case FileKind::unknown:
      return "unknown";
  }
  base::fail("a kind of file without a name");
}

}  // namespace verify
