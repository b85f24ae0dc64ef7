// The pages of registering by oneself. LD/T 01-2020 5.4.1.2–4.
#pragma once

#include <string>
#include <vector>

#include "api/pages/renderer.h"
#include "auth/agreements.h"
#include "auth/registration.h"

namespace api::pages {

struct RegisterPage {
  std::string csrf;
  std::string return_to;
  std::string going;  ///< the step of a registration that this browser has begun; empty: none
  const base::Error* problem = nullptr;
  bool card = false;  ///< one can register with an e-social-security card
};
std::string register_start(const Renderer& look, const RegisterPage& page);

/// What the steps have in common. `reference` and `csrf` come from the caller's cookies.
struct RegisterFrame {
  std::string csrf;
  std::string reference;
  const auth::RegistrationDraft& draft;
  base::Date today = {};  ///< in China
};

/// A step of fields. `wrong` is what to correct, nothing when the page is shown for the first time.
std::string register_step(const Renderer& look, const RegisterFrame& frame,
                          auth::RegistrationStep step, const std::vector<base::FieldError>& wrong);

struct RegisterAccountPage {
  std::vector<auth::Agreement> agreements;
  std::string login_name;           ///< typed before
  std::vector<std::string> ticked;  ///< kinds of agreements ticked before
  base::Date today;                 ///< in China
  const base::Error* problem = nullptr;
};
/// The last step: what was given, masked, and user name, password, agreements.
std::string register_account(const Renderer& look, const RegisterFrame& frame,
                             const RegisterAccountPage& page);

std::string register_done(const Renderer& look, std::string_view return_to);

}  // namespace api::pages
