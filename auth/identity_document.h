// Documents that say who somebody is: what kinds there are, how each is read, and the one form in
// which it is kept and found. LD/T 01-2020 6.2.2b, 6.2.3b.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "auth/person.h"
#include "base/clock.h"
#include "base/result.h"

namespace auth {

struct DocumentType {
  std::string_view id;  ///< "cn-id"; its name in the catalogue is `auth.document.<id>`
  SubjectKind kind = SubjectKind::person;
  bool country_needed = false;  ///< the number is unique within a country only
};

/// For persons: cn-id (公民身份号码), hmt-permit (港澳台居民居住证), foreign-residence
/// (外国人永久居留身份证, both generations), passport. For units: uscc (统一社会信用代码), and
/// other agreed codes: unit-number (单位编号), project-code (工程建设项目编码), overseas-body.
std::span<const DocumentType> document_types();
/// Nothing for an unknown one.
const DocumentType* document_type(std::string_view id);

struct IdentityDocument {
  std::string type;
  std::string number;   ///< upper case, as its rule has it
  std::string country;  ///< ISO 3166-1 alpha-3; of passports and residence cards
  std::string born_yymmdd =
      {};                 ///< where the document says so and no other number of its kind does
  bool doubtful = false;  ///< well made, but with a mark of old data (GB 11714 inside a USCC)

  /// The text that is encrypted and that the look-up hash is made of: the number, with the country
  /// before it where it is unique only there ("KAZ:N1234567").
  std::string kept() const;
  /// Shown to people: enough left to tell it from another one.
  std::string masked() const;
};

/// Reads what somebody typed: outer spaces and full-width letters are forgiven. A passport's number
/// may be given as the second machine-readable line (44 characters), whose checks are then made and
/// whose country counts. `today` in China. Errors: invalid_argument `auth.id_type.unknown`,
/// `auth.id_type.kind` (a unit's for a person), and those of the kind's own rule.
base::Result<IdentityDocument> read_identity_document(SubjectKind kind, std::string_view type,
                                                      std::string_view typed,
                                                      std::string_view country, base::Date today);

/// As read from what `kept()` gave.
IdentityDocument from_kept(std::string_view type, std::string_view kept);

}  // namespace auth
