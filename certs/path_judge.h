// Is a certificate good for something as of a moment: from any anchors, by any rules.
//
// certs::validate (certs/chain.h) asks with the trust list; who brings anchors of its own (an
// admitted certification body, a path-validation suite) asks here. The moment is an argument;
// nothing is fetched. docs/decisions/0018-path-suites.md
#pragma once

#include <optional>
#include <string>

#include "certs/crl.h"
#include "certs/key_usage.h"
#include "certs/path.h"

namespace certs {

enum class ChainAnswer { trusted, untrusted, expired, not_yet_valid, revoked, unsure };

enum class NameKind { dns, email, ip };

struct ExpectedName {
  NameKind kind = NameKind::dns;
  std::string value;
};

/// What the leaf must be good for and what its path must keep. The default asks for a path that
/// RFC 5280 §6 accepts, in force, with revocation known, and nothing more.
struct PathRules {
  /// Extended key usages, dotted, one of which the leaf and each authority below the anchor must
  /// allow (to an authority, any use is all of them); none: not asked. Time stamping, asked for
  /// alone, must stand alone and critical (RFC 3161 §2.3).
  std::vector<std::string> one_of_extended_usages;
  bool extended_usage_needed = true;   ///< a leaf without the extension allows none
  std::uint32_t one_of_key_usage = 0;  ///< a bit the leaf must have; 0: not asked
  bool key_usage_needed = true;        ///< a leaf without key usage does not have it
  bool end_entity = false;             ///< an authority is no leaf
  bool revocation = true;              ///< false: do not ask (no lists exist; tests)
  /// Refuse name and policy constraints that are not critical (obeyed either way). RFC 5280
  /// §4.2.1.10 and §4.2.1.11 oblige who issues; older authorities' certificates may need false.
  bool constraints_critical = true;
  std::vector<ExpectedName> names;  ///< each must be a subjectAltName of the leaf (RFC 9525)
  PolicyRules policies;
  PathLimits limits;
};

struct PathStatus {
  ChainAnswer answer = ChainAnswer::untrusted;
  std::string reason;                    ///< message-catalogue key, e.g. "certs.untrusted_root"
  std::vector<Certificate> path;         ///< leaf first, when one was built
  std::optional<base::Time> revoked_at;  ///< when answer is revoked
  /// What the lists say of the leaf, also when it came after `at`: a lost key, for one.
  std::optional<RevokedEntry> entry_of_leaf;
  PathWork work;
};

/// Judges `leaf` as of `at` by the best path to one of `anchors`; `extra` are certificates that
/// came along (untrusted), `crls` lists from wherever (each is believed only when an authority of
/// the path signed it).
///
/// Trusted means: a path that RFC 5280 §6 accepts under `rules`; each certificate in it, the
/// anchor too, in force at `at` (both ends included); and, for each certificate below the anchor,
/// revocation lists that speak about it for all reasons, reach to `at` (nextUpdate not before it)
/// and do not name it (certs/revocation.h). A time-stamp key that was revoked without a reason or
/// as compromised vouches for no moment (RFC 3161 §4). Missing or stale lists make it `unsure`,
/// never `trusted`. Bounded: no input makes it do more than `rules.limits` and `PathStatus::work`
/// say.
PathStatus validate_path(const Certificate& leaf, std::span<const Certificate> extra,
                         const Anchors& anchors, std::span<const Crl> crls, const PathRules& rules,
                         base::Time at);

}  // namespace certs
