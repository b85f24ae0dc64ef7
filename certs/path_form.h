// Rules of form that a path keeps, and that OpenSSL's RFC 5280 check leaves out: as data, one rule
// with its clause. Inside this room. security.md §2.3.
//
// Only rules whose breach the standard makes a reason to refuse, or that a known attack needs: a
// rule of good issuing (certs/lint.h) would refuse honest certificates of others.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "certs/certificate.h"

namespace certs {

struct PathFormRule {
  std::string_view id;
  std::string_view clause;
  /// Of `path[index]`; leaf first.
  bool (*holds)(const std::vector<Certificate>& path, std::size_t index);
};

std::span<const PathFormRule> path_form_rules();

/// Name and policy constraints are critical, as RFC 5280 §4.2.1.10 and §4.2.1.11 oblige who issues.
/// They are obeyed either way; authorities from before 2008 did not have to (PathRules).
bool constraints_critical(const std::vector<Certificate>& path);

/// Each rule, of each certificate.
bool path_form_holds(const std::vector<Certificate>& path);

}  // namespace certs
