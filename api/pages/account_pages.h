// 我的账户, and the page that asks for agreements. LD/T 01-2020 6.2.4, 6.2.5.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/pages/renderer.h"
#include "auth/agreements.h"
#include "auth/identity_requests.h"
#include "auth/own_account.h"

namespace api::pages {

struct AgreementPage {
  std::string csrf;
  std::string return_to;
  std::vector<auth::Agreement> agreements;  ///< that wait for an answer
  const base::Error* problem = nullptr;
};
std::string agreement(const Renderer& look, const AgreementPage& page);

struct AccountPage {
  std::string csrf;
  auth::SubjectRecord person;
  std::string login_name;
  auth::FieldValues details;
  std::vector<auth::LinkedDocument> documents;
  std::vector<auth::OwnSession> sessions;
  std::vector<auth::OwnConsent> consents;
  std::vector<auth::AgreementAct> acts;
  std::vector<auth::TraceRow> trace;
  std::vector<auth::IdentityRequest> requests;  ///< of this person, newest first
  std::optional<base::Time> ends_at = std::nullopt;  ///< the account's end was asked for
  bool staff = false;                    ///< leads to the console
  std::string done;                      ///< catalogue key of what was just done; empty: nothing
  const base::Error* problem = nullptr;  ///< of a deed that was refused
  auth::FieldValues typed;               ///< what was typed in the contact data, when refused
  bool password_refused = false;         ///< opens that form again
};
std::string account(const Renderer& look, const AccountPage& page);

}  // namespace api::pages
