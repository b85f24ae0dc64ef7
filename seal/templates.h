// The kinds of formal documents (LD/T 01-2020 5.4.2.2, 5.4.2.3) as data, and drafts made of them.
//
// seal/templates/<kind>/<version>/ holds template.json (what it looks like and where each text
// comes from), schema.json (what its facts must be) and sample.json (invented facts). They are
// compiled in. A version that was published never changes; seal/templates/manifest.json pins its
// digests. docs/documents.md; docs/decisions/0176-documents-as-data.md.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "seal/draft.h"
#include "seal/pdf/template.h"
#include "seal/schema.h"

namespace seal {

/// Who may state a document's facts.
enum class FactSource {
  records,  ///< the rooms of services, from their own tables, for whom the rows are about
  system,   ///< a handling system, by a token of its own (scope kSystemScope); never a person
};
inline constexpr std::string_view kSystemScope = "documents.issue";

/// The subject a document is about, as auth knows it. No facts given can say otherwise.
struct DocumentHolder {
  std::string subject;
  bool is_unit = false;
  std::string name, id_number;
};

/// One published version of one kind. Immutable.
struct Publication {
  std::string kind;
  int version = 1;
  bool proof_of_right = false;  ///< 权益证明类; otherwise 办理凭证类 (5.4.2.1)
  FactSource source = FactSource::records;
  bool for_persons = true, for_units = true;
  pdf::Template form;
  Schema schema;
  struct PublicFact {
    std::string label;
    Phrase value;
    std::string rows = {};  ///< not empty: the value for each row, joined by 、
  };
  std::vector<PublicFact> public_facts;
  std::string digested_rows;  ///< path of the rows that each get a salt and stand under one digest
  std::string sample_json;
  Words words;
};

class Templates {
 public:
  /// A file of seal/templates: "<kind>/<version>/template.json".
  struct File {
    std::string_view path, bytes;
  };
  /// Errors: internal `seal.template` (args "why": file, JSON pointer and what is wrong there).
  static base::Result<std::shared_ptr<const Templates>> load(std::span<const File> files);
  /// Those compiled in, read once a process. Errors: as load().
  static base::Result<std::shared_ptr<const Templates>> built_in();

  /// The newest version of a kind; null when there is no such kind.
  const Publication* find(std::string_view kind) const;
  /// The newest versions, by kind.
  std::vector<const Publication*> newest() const;
  /// Every version.
  const std::vector<std::unique_ptr<const Publication>>& all() const { return all_; }

  /// Drafts from facts, a JSON object by the kind's schema. What the record attached adds: type,
  /// version, name, id_number, salts of digested rows. Errors: invalid_argument `seal.kind`,
  /// `seal.facts` (args "pointer", "rule"), `seal.holder` (not a kind for persons, or for units);
  /// those of base::parse_json.
  base::Result<Draft> draft(std::string_view kind, const DocumentHolder& holder,
                            std::string_view facts_json, base::Random& random) const;
  /// Of invented facts. Errors: invalid_argument `seal.kind`.
  base::Result<Draft> sample(std::string_view kind, base::Random& random) const;

 private:
  std::vector<std::unique_ptr<const Publication>> all_;
  std::map<std::string, const Publication*, std::less<>> newest_;
};

/// Whose samples are: nobody's, given out to everybody.
inline constexpr std::string_view kSampleSubject = "sample";

}  // namespace seal
