// What handlers write into answers in JSON: each kind of row has one writer, whoever is shown it.
#pragma once

#include <string_view>
#include <vector>

#include "api/http/message.h"
#include "auth/agreements.h"
#include "auth/factors.h"
#include "auth/identity_requests.h"
#include "auth/locks.h"
#include "auth/own_account.h"
#include "auth/proofings.h"
#include "base/json.h"

namespace api {

/// Numbers, names and telephones whole, or as they are shown where they might be copied.
enum class Shown { in_part, whole };

/// An object whose members `put` writes.
template <class Put>
Response json_answer(const Put& put, int status = 200) {
  base::JsonWriter w;
  w.StartObject();
  put(w);
  w.EndObject();
  return Response::json(w.text(), status);
}

/// `"name": [{…}, …]`: `put` writes the members of each.
template <class Rows, class Put>
void put_rows(base::JsonWriter& w, std::string_view name, const Rows& rows, const Put& put) {
  w.key(name);
  w.StartArray();
  for (const auto& one : rows) {
    w.StartObject();
    put(one);
    w.EndObject();
  }
  w.EndArray();
}
void put_texts(base::JsonWriter& w, std::string_view name, const std::vector<std::string>& texts);
/// A member with a value that is JSON already.
void put_raw(base::JsonWriter& w, std::string_view name, const std::string& json);

// Members that are left out where there is nothing to tell.
void put_time(base::JsonWriter& w, std::string_view name, const std::optional<base::Time>& at);
void put_text(base::JsonWriter& w, std::string_view name, std::string_view value);

/// "p0" to "p3".
std::string level_text(auth::Proofing level);
/// kind, login_name, name, proofing.
void put_subject(base::JsonWriter& w, const auth::SubjectRecord& subject,
                 std::string_view login_name, Shown shown);
void put_details(base::JsonWriter& w, const auth::FieldValues& details, Shown shown);
void put_documents(base::JsonWriter& w, const std::vector<auth::LinkedDocument>& documents,
                   Shown shown);
void put_consents(base::JsonWriter& w, std::string_view name,
                  const std::vector<auth::OwnConsent>& consents);
void put_agreement_acts(base::JsonWriter& w, std::string_view name,
                        const std::vector<auth::AgreementAct>& acts);
void put_trace(base::JsonWriter& w, const std::vector<auth::TraceRow>& trace);
/// The members of one factor, without what proves it.
void put_factor(base::JsonWriter& w, const auth::Factor& factor, base::Time now);
/// The members of one act of proofing.
void put_proofing(base::JsonWriter& w, const auth::Proofings::Row& row);
/// As the person is told: reasons and names are for staff.
void put_own_locks(base::JsonWriter& w, const std::vector<auth::AccountLock>& locks);
/// The members of one request, without what is asked for.
void put_identity_request(base::JsonWriter& w, const auth::IdentityRequest& request);

}  // namespace api
