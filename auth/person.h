// A subject and the personal data kept of it: encrypted at rest, found by keyed hash, masked on
// screen. LD/T 01-2020 6.2.1–6.2.3.
#pragma once

#include <string>

#include "auth/actor.h"

namespace auth {

enum class SubjectKind { person, unit };

struct SubjectRecord {
  SubjectId id;
  SubjectKind kind = SubjectKind::person;
  std::string name;        ///< 姓名 or 单位名称
  std::string id_type;     ///< "cn-id" (公民身份号码), "uscc", … of the leading document
  std::string id_number;   ///< decrypted; never logged
  std::string id_country;  ///< ISO 3166-1 alpha-3, of passports and overseas bodies
  Proofing proofing = Proofing::p0;
};

}  // namespace auth
