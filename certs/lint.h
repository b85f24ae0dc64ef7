// Rules that each certificate and revocation list of ours keeps, as data: checked before it is
// signed and again before it leaves. RFC 5280; security.md §2.2.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "certs/certificate.h"
#include "certs/crl.h"

namespace certs {

enum class LintScope { any, authority, root, below_root, leaf };

struct LintRule {
  std::string_view id;
  std::string_view clause;
  LintScope scope;
  bool (*holds)(const Certificate&);
};

struct CrlLintRule {
  std::string_view id;
  std::string_view clause;
  bool (*holds)(const Crl&);
};

struct LintFinding {
  std::string_view id;
  std::string_view clause;
};

std::span<const LintRule> lint_rules();
std::span<const CrlLintRule> crl_lint_rules();
std::vector<LintFinding> lint(const Certificate& certificate);
std::vector<LintFinding> lint(const Crl& crl);
/// "rule (clause), rule (clause)"
std::string to_text(const std::vector<LintFinding>& findings);

}  // namespace certs
