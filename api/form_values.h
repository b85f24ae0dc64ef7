// What handlers of forms read out of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.h"
#include "auth/agreements.h"
#include "base/secret.h"

namespace api {

/// The field's value; empty when it is missing or stands twice.
std::string form_text(const Parameters& form, std::string_view name);
/// A password out of a form; the working copy is wiped.
base::Secret form_secret(const Parameters& form, std::string_view name);
/// Agreements that were ticked, with the version and digest of the text that the page showed.
std::vector<auth::Acceptance> form_acceptances(const Parameters& form);

}  // namespace api
