// What auth asks of systems that know who people are: the identity register, the core system's own
// records, a face service, the e-social-security card, the national network identity. gateways/
// implements it.
//
// The answers stay apart: "does not match" and "unavailable" are different things to a person, and
// only one of them counts against him. LD/T 01-2020 5.4.1.5, 6.2.6b, 6.2.6f.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace auth {

enum class ProofingOutcome {
  matches,
  does_not_match,
  not_found,     ///< the source has no such person
  unavailable,   ///< no answer, or none that can be believed
  not_live,      ///< 活体检测未通过: no living face was seen
  not_finished,  ///< the person broke off, or took too long
};

/// "does_not_match". Here, for gateways/ link nothing of auth.
constexpr std::string_view to_text(ProofingOutcome outcome) {
  switch (outcome) {
    case ProofingOutcome::matches:
      return "matches";
    case ProofingOutcome::does_not_match:
      return "does_not_match";
    case ProofingOutcome::not_found:
      return "not_found";
    case ProofingOutcome::unavailable:
      return "unavailable";
    case ProofingOutcome::not_live:
      return "not_live";
    case ProofingOutcome::not_finished:
      return "not_finished";
  }
  return "unavailable";
}

struct ProofingQuestion {
  std::string method;  ///< of auth/proofing_methods.h, e.g. "three-factor"
  std::string nonce;   ///< random; an answer to another question is none
  /// What is to be compared: name, id_type, id_number, country, and by method phone, bank_card,
  /// card_number, last_base.
  std::vector<std::pair<std::string, std::string>> attributes;
};

struct ProofingAnswer {
  ProofingOutcome outcome = ProofingOutcome::unavailable;
  std::string transaction = {};           ///< the source's own number
  std::vector<std::string> matched = {};  ///< names of attributes; only of a match
  /// Who the source says it is, where it tells instead of comparing (an e-social-security card, and
  /// a 网证 where that is set up so).
  std::string name = {}, id_number = {};
  std::string trouble = {};  ///< of `unavailable`: why, for the log
};

/// Compares. Thread-safe.
class ProofingSource {
 public:
  virtual ~ProofingSource() = default;
  virtual std::string name() const = 0;  ///< as the history has it
  virtual ProofingAnswer ask(const ProofingQuestion& question) const = 0;
};

/// Speaks with the person itself, at its own page or through a code that a phone scans.
/// Thread-safe.
class VisitedSource {
 public:
  virtual ~VisitedSource() = default;
  virtual std::string name() const = 0;
  struct Visit {
    std::string address;  ///< where the person goes, or what the code says
    std::string ticket;   ///< names the visit at the source; never shown to the browser by us
  };
  /// `return_address` is where the source sends the browser after. Errors: unavailable
  /// `auth.proofing.unavailable`.
  virtual base::Result<Visit> begin(const ProofingQuestion& question,
                                    const std::string& return_address) const = 0;
  /// What came of it; nothing while the person is still at it.
  virtual std::optional<ProofingAnswer> result(const ProofingQuestion& question,
                                               const std::string& ticket) const = 0;
};

}  // namespace auth
