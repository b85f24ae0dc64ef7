// Accounts of third-party platforms (第三方平台): linked, logged in with, unlinked. LD/T 01-2020 5.4.1.4c,
// 6.2.6c; docs/decisions/0140-third-party-platforms.md. We are an OpenID relying party there: code
// flow, PKCE, state and nonce (OpenID Connect Core §3.1, RFC 7636, RFC 9207, RFC 9700).
//
// A link is a factor (auth/factors.h) found by issuer and sub; it stands for one subject. Whose
// account it is is never guessed: not by name, number, telephone or address. What came of a try is
// worth something only in the browser that began it, once.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/factors.h"
#include "auth/notices.h"
#include "auth/platform_token.h"
#include "auth/provider.h"
#include "auth/sessions.h"

namespace auth {

/// One platform, as the agency agreed with its operator.
struct Platform {
  std::string id;  ///< in addresses: a–z 0–9 -
  std::string name_zh, name_en;
  std::string issuer, authorize_url, token_url, client_id;
  std::string scope = "openid";
  std::string algorithm = "RS256";  ///< of its ID tokens; a word of kPlatformAlgorithms
  /// Whether we prove ourselves with a key (private_key_jwt): the one that signs our ID tokens.
  bool by_key = false;
  bool tells_issuer = false;  ///< its answers carry "iss" (RFC 9207): one without it is refused
  std::chrono::seconds login_age{300};  ///< how long ago the login there may be; zero: not asked
  /// Words of its "acr" that say that two kinds of proof were shown there.
  std::vector<std::string> two_kinds = {};
  const PlatformSource* source = nullptr;
};

/// Thread-safe through its parts.
class Platforms {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    Notices& notices;
    Provider& provider;  ///< signs what we prove ourselves with
    const base::Clock& clock;
    base::Random& random;
    std::string public_url;  ///< ours; addresses of return stand below it
  };
  Platforms(Parts parts, std::vector<Platform> platforms);

  const std::vector<Platform>& all() const { return platforms_; }
  const Platform* find(std::string_view id) const;  ///< null: there is none

  struct Begun {
    std::string cookie;   ///< names this try in this browser; kept as SHA-256
    std::string address;  ///< of the platform, where the browser goes
  };
  /// A login, or with a session a link to that session's subject. Good for ten minutes.
  /// Errors: not_found `auth.platform.unknown`; rate_limited `auth.platform.slow` past 120
  /// beginnings of a network in ten minutes.
  base::Result<Begun> begin(std::string_view platform, const Session* session,
                            std::string_view return_to, std::string_view network);

  /// What the browser brought back.
  struct Answer {
    std::string state, code, error, issuer;
  };
  struct Came {
    std::optional<SubjectId> subject;  ///< whose account it is; none: nobody's yet
    Methods proven;                    ///< of a login
    bool linked = false;               ///< this was a link, and it stands
    std::string cookie;                ///< of an account that is nobody's: for waiting(), link()
    std::string return_to;
  };
  /// Spent by the first answer with its state, in the browser that began, at that platform's
  /// address. `session`: the live one, when there is one. Errors: expired `auth.platform.over`;
  /// permission_denied `auth.platform.denied` (the person said no there); unauthenticated
  /// `auth.platform.refused`; unavailable `auth.platform.trouble`; conflict `auth.platform.taken`,
  /// `auth.factor.too_many`.
  base::Result<Came> finish(std::string_view platform, std::string_view cookie,
                            const Answer& answer, const Session* session);

  /// The platform of an account that was shown in this browser and is nobody's yet: for half an
  /// hour. Null: there is none.
  base::Result<const Platform*> waiting(std::string_view cookie);
  /// Links it, once; gives where the person was going when he left for the platform.
  /// Errors: expired `auth.platform.over`; conflict `auth.platform.taken`, `auth.factor.too_many`.
  base::Result<std::string> link(const SubjectId& subject, std::string_view cookie);

  base::Result<std::int64_t> sweep(int most = 1000);

 private:
  struct Kept;
  struct Who;
  base::Result<std::optional<Kept>> take(const Platform& platform, std::string_view cookie,
                                         std::string_view state);
  base::Result<Who> ask(const Platform& platform, const Kept& kept, const Answer& answer);
  base::Result<std::vector<std::pair<std::string, std::string>>> token_form(
      const Platform& platform, const Kept& kept, const std::string& code);
  base::Result<Came> log_in(const Platform& platform, const Kept& kept, const Who& who);
  base::Result<void> put_link(store::Tx& tx, const SubjectId& subject, const Platform& platform,
                              const std::string& there);
  base::Result<void> note(std::string_view platform, const SubjectId* subject,
                          std::string_view outcome);
  base::Digest lookup(const Platform& platform, std::string_view there) const;
  std::string return_address(const Platform& platform) const;

  Parts parts_;
  std::vector<Platform> platforms_;
  std::map<std::string, std::unique_ptr<PlatformKeys>, std::less<>> keys_;  ///< by platform
};

}  // namespace auth
