// The content of a document before it is sealed.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "verify/register.h"

namespace seal {

/// A template and what to fill it with; Templates::draft() makes one of facts. Texts are UTF-8,
/// ready to print; rows are the cells of the template's last table.
struct Draft {
  std::string kind;     ///< template id, e.g. "enrolment-certificate"
  std::string subject;  ///< whose document it is (auth::SubjectId value)
  std::vector<std::pair<std::string, std::string>> fields;  ///< template field -> text
  std::vector<std::vector<std::string>> rows;
  std::vector<verify::MaskedFact> masked_facts;  ///< what public verification may show
  std::string facts_json;                        ///< the machine-readable record attached
  std::optional<base::Time> valid_until;
  int version = 1;      ///< of the template
  bool sample = false;  ///< 样本: invented, marked on every page, judged as a sample

  /// As the register names it: a sample's kind is one of its own.
  std::string registered_kind() const {
    return (sample ? std::string(verify::kSamplePrefix) : std::string()) + kind;
  }
};

}  // namespace seal
