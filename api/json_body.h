// What handlers read out of bodies in JSON. A member that is not known is refused, not ignored.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.h"
#include "auth/agreements.h"
#include "auth/registration_fields.h"
#include "base/json.h"
#include "base/secret.h"

namespace api {

/// invalid_argument `api.member`, naming it.
base::Error unknown_member(std::string field);
/// An object all of whose members are among `known`. Errors: as base::parse_json; `api.member`.
base::Result<rapidjson::Document> object_of(const Request& request,
                                            std::initializer_list<std::string_view> known);
/// Errors: invalid_argument `api.member` when it is missing or no text.
base::Result<std::string> text_member(const rapidjson::Value& object, const char* name);
/// The same object, whose members are texts alone. Errors: as object_of.
base::Result<auth::FieldValues> texts_of(const Request& request,
                                         std::initializer_list<std::string_view> known);
/// The same for a password; the working copy is wiped.
base::Result<base::Secret> secret_member(const rapidjson::Value& object, const char* name);
/// A proof in a body that was wrong says nothing of the token it came with: 400 with the member's
/// name, where the same error of a login is 401. Other errors go through.
base::Error about_member(base::Error error, const char* name);
/// The member "accept": agreements by kind, version and digest of the text that was shown; none
/// when it is missing. Errors: invalid_argument `api.member`.
base::Result<std::vector<auth::Acceptance>> acceptances_in(const rapidjson::Value& object);

}  // namespace api
