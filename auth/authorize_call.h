// One request at the authorization endpoint or pushed to it, and what its sources share.
// authorize.cpp holds the checks, authorize_answer.cpp what comes of a request that passed them,
// pushed.cpp the pushed ones. Included by these alone.
#pragma once

#include <algorithm>

#include "auth/provider_impl.h"

namespace auth {

/// In our own return addresses: the login that was asked for must be younger than this moment.
constexpr std::string_view kLoginAfter = "xinyin_login_after";
/// A second step was offered: who comes back without it is not asked again.
constexpr std::string_view kRaiseAsked = "xinyin_raise_asked";

struct AuthorizeCall {
  Provider::Impl& provider;
  const Parameters& given;  ///< as they came
  const std::optional<Session>& session;
  base::Time now;
  Parameters parameters = {};  ///< what is asked: given, or what they refer to
  bool is_signed = false;
  GrantRequest request = {};
  std::vector<std::string> prompts = {};
  std::optional<std::int64_t> max_age_s = std::nullopt, login_after_s = std::nullopt;
  /// As they were asked for, in order: one of these must be met, one of those should be.
  std::vector<std::string> essential_acrs = {}, wanted_acrs = {};

  std::string_view value(std::string_view name) const { return value_of(parameters, name); }
  bool prompts_for(std::string_view prompt) const {
    return std::find(prompts.begin(), prompts.end(), prompt) != prompts.end();
  }
};

/// Who asks and where the answer goes; fills `parameters`. What fails here is never redirected.
std::optional<OAuthError> address_trouble(AuthorizeCall& call);
/// What is asked; fills the rest.
std::optional<OAuthError> request_trouble(AuthorizeCall& call);
/// The address of a request whose client is known: registered, or refused.
std::optional<OAuthError> registered_redirect_uri(AuthorizeCall& call);
/// What comes of a request that passed.
base::Result<AuthorizeAnswer> answer_request(const AuthorizeCall& call);

}  // namespace auth
