// A certification body of others as the trust list carries it: whom we admitted, for what, within
// which limits, and how it stood when. LD/T 01-2020 6.2.7; the model is ETSI TS 119 612.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "certs/certificate.h"

namespace certs {

/// proposed → admitted ↔ suspended → removed; a proposal may be removed too. What was removed
/// never returns: it is proposed anew.
enum class Standing { proposed, admitted, suspended, removed };
/// "proposed", "admitted", "suspended", "removed".
std::string_view to_string(Standing standing);
std::optional<Standing> standing_from(std::string_view name);
/// May a body that stands at `from` be put to `to`?
bool may_follow(Standing from, Standing to);

/// Reasons for stopping: ordered, licence_ended, compromised, ceased, replaced, review, other.
bool is_stopping_reason(std::string_view name);

/// One step of a body's history.
struct BodyStanding {
  Standing standing = Standing::admitted;
  base::Time since;
  std::string reason;  ///< of suspended and removed; empty otherwise
  /// Of a removal as compromised: what its certificates did from here on counts for nothing.
  std::optional<base::Time> invalid_since = std::nullopt;
};

/// What the admission rests on: which paper, and the SHA-256 of its file.
struct BodyDocument {
  std::string kind;  ///< "licence", "qualification", "liability", "acceptance"
  base::Digest sha256{};
};

/// What certificates of a body may say, beside what the body itself allows: never trust a foreign
/// root for everything. (security.md §2.4)
struct BodyLimits {
  std::vector<std::string> policies;   ///< OIDs, one of which a certificate must name; none: any
  std::vector<std::string> permitted;  ///< certs/name_limits.h
  std::vector<std::string> excluded;
};

struct TrustBody {
  std::int64_t number = 0;  ///< of its record in our register
  std::string name;
  std::string code;     ///< unified social credit code
  std::string licence;  ///< number of its 电子认证服务许可证
  /// Its authorities: those that sign themselves are roots, the others stand below one of them.
  std::vector<Certificate> anchors;
  std::vector<std::string> uses;  ///< "login", "seal", sorted
  BodyLimits limits;
  base::Time expiry;                  ///< no admission is for ever
  std::vector<BodyStanding> history;  ///< oldest first; begins with admitted
  std::vector<std::string> crl_urls;  ///< where its revocation lists are
  std::vector<BodyDocument> documents;
};

/// As JSON: an object; the member "history".
void write_step(base::JsonWriter& out, const BodyStanding& step);
void write_history(base::JsonWriter& out, const std::vector<BodyStanding>& history);

/// The step that held at `at`; nothing before the first.
const BodyStanding* standing_at(const TrustBody& body, base::Time at);
/// Since when all that the body vouched for counts for nothing, when it was removed as compromised.
std::optional<base::Time> compromised_since(const TrustBody& body);

}  // namespace certs
