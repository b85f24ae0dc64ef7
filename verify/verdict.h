// What judging a file comes to: a value with separate questions, worst answer first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"

namespace verify {

enum class Answer { no, unsure, yes };

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
};

enum class FileKind { pdf, unknown };

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
