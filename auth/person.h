// A subject and the personal data kept of it: encrypted at rest, found by keyed hash, masked on screen.
// LD/T 01-2020 6.2.1–6.2.3.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "auth/actor.h"
#include "base/random.h"
#include "base/secret.h"
#include "store/store.h"

namespace auth {

enum class SubjectKind { person, unit };

struct SubjectRecord {
  SubjectId id;
  SubjectKind kind = SubjectKind::person;
  std::string name;       ///< 姓名 or 单位名称
  std::string id_type;    ///< "cn-id" (公民身份号码), "uscc", …
  std::string id_number;  ///< decrypted; never logged
  Proofing proofing = Proofing::p0;
};

/// Encrypts personal fields (AES-256-GCM under the data key, field and row bound as associated data)
/// and hashes them for look-up (HMAC-SHA-256 under a key derived from it). Thread-safe.
class FieldCipher {
 public:
  /// `data_key` is 32 bytes, unwrapped by the token at start.
  FieldCipher(const base::Secret& data_key, base::Random& random);
  base::Bytes seal(std::string_view field, std::string_view row, std::string_view plain) const;
  /// Errors: internal `auth.field_damaged`.
  base::Result<std::string> open(std::string_view field, std::string_view row,
                                 base::BytesView sealed) const;
  base::Digest lookup(std::string_view field, std::string_view plain) const;

 private:
  struct Keys;
  std::shared_ptr<const Keys> keys_;
  base::Random& random_;
};

}  // namespace auth
