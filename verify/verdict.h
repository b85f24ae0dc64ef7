// What judging a file comes to: a value with separate questions, worst answer first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"

namespace verify {

enum class Answer { no, unsure, yes };

/// One step of the verification that a standard demands, in the order in which it was taken.
struct Step {
  std::string clause;  ///< "GB/T 38540-2020 7.3"; of a rule of our own, "Xinyin"
  std::string what;    ///< message key of what is asked, "verify.ses.step.maker_signature"
  Answer answer = Answer::unsure;
  std::string reason;  ///< message key when the answer is not yes, or of a remark; else empty
};

/// What a seal object (电子印章) says of itself. GB/T 38540-2020.
struct SealObject {
  int version = 0;           ///< 1, 4 or 5
  std::string id;            ///< esID
  std::string name;          ///< UTF-8
  std::string vendor;        ///< Vid
  std::int64_t type = 0;     ///< of the property information; codes are the makers' own
  std::string picture_type;  ///< lower case: png, jpg, gif, bmp, svg, ofd
  std::size_t picture_bytes = 0;
  std::int64_t width_mm = 0, height_mm = 0;
  base::Time created, valid_from, valid_until;
  std::string maker;  ///< common name of the maker's certificate
};

/// One seal (signature) in a file.
struct SealReport {
  Answer intact = Answer::unsure;    ///< the bytes are those that were sealed
  Answer genuine = Answer::unsure;   ///< sealed by a key we believe, for this purpose
  Answer in_force = Answer::unsure;  ///< the certificate was good at the moment of sealing
  std::string signer;                ///< organization and name of the sealing certificate
  std::string signer_code;           ///< its unified social credit code
  std::optional<base::Time> sealed_at;
  bool time_attested = false;  ///< by a trusted time stamp, not merely claimed
  /// The sealing key is known to have been in other hands since then. Before it, only what a
  /// trusted time stamp proves counts. 电子签名法 15.
  std::optional<base::Time> compromised_since;
  bool whole_document = false;       ///< nothing in the file stands outside this seal
  std::vector<std::string> reasons;  ///< message-catalogue keys, in the order they were found
  std::vector<Step> steps;  ///< of a national seal signature; none for the signatures of PDF
  std::optional<SealObject> seal_object;  ///< likewise
};

enum class FileKind { pdf, ofd, unknown };

enum class Outcome {
  genuine,       ///< every question answered yes
  altered,       ///< sealed once, changed since
  not_trusted,   ///< sealed by someone we do not believe
  expired,       ///< the sealing certificate was not in force
  unsealed,      ///< no seal at all: not "forged"
  malformed,     ///< not a file we can read
  sample,        ///< 样本: sealed and whole, but made for show; not a document
  undetermined,  ///< could not be judged, e.g. no revocation data
};

std::string_view to_string(Answer answer);
std::string_view to_string(Outcome outcome);
std::string_view to_string(FileKind kind);

struct Verdict {
  FileKind kind = FileKind::unknown;
  Outcome outcome = Outcome::undetermined;
  std::vector<SealReport> seals;
  std::vector<std::string> reasons;
  base::Digest sha256{};  ///< of the file
  std::optional<std::string>
      document_code;  ///< pretty form, when the file carries one in its metadata
};

}  // namespace verify
