// Self-tests: known answers of every algorithm that this process computes, the health of the
// sources of chance, and, through Token::self_test, a signature of every key in use. Run when the
// token is opened and on demand; one that fails keeps the token from being served.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace hsm {

struct SelfTestResult {
  std::string name;  ///< "sha256", "random system", "key seal-1"
  bool passed = false;
  std::string why = {};  ///< when it did not
};

/// One known answer; the vectors are published ones (hsm/known_answers.cpp names their sources).
std::vector<SelfTestResult> known_answers();

/// Two readings differ, no value repeats too often in a row, none is too frequent: the repetition
/// count and adaptive proportion tests of NIST SP 800-90B §4.4, over octets with a false alarm in
/// 2^40. They find a source that is stuck or grossly biased, no more.
SelfTestResult random_health(
    std::string name, const std::function<base::Result<void>(std::span<std::uint8_t>)>& read);

/// Known answers, SM2 signatures of this process's own, and the health of `random`.
std::vector<SelfTestResult> self_test(base::Random& random);

/// Errors: unavailable `hsm.self_test` naming those that failed.
base::Result<void> all_passed(const std::vector<SelfTestResult>& results);

}  // namespace hsm
