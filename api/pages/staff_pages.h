// The console's pages. LD/T 01-2020 6.2.5, 6.1.2e.
//
// Personal numbers, names and telephones are shown in part, but for what must be compared with the
// paper where a request is decided.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/pages/renderer.h"
#include "auth/details.h"
#include "auth/dynamic_clients.h"
#include "auth/portals.h"
#include "auth/staff_desk.h"
#include "store/audit_search.h"

namespace api::pages {

/// What every page of the console has.
struct StaffPage {
  std::string csrf;
  std::string staff;                         ///< subject id of who looks
  std::map<std::string, std::string> names;  ///< login names by subject id
  std::string done = {};                     ///< catalogue key of what was just done
  const base::Error* problem = nullptr;      ///< of a deed that was refused
  auth::FieldValues typed = {};              ///< what was typed then
};

void put_staff(PageData& data, const StaffPage& page);

struct StaffHome : StaffPage {
  std::size_t people = 0, portals = 0;  ///< that wait for a decision
};
std::string staff_home(const Renderer& look, const StaffHome& page);

struct StaffPerson : StaffPage {
  auth::PersonFile file;
};
std::string staff_person(const Renderer& look, const StaffPerson& page);

struct StaffRequests : StaffPage {
  std::vector<auth::IdentityRequest> people;
  std::vector<auth::PortalRequest> portals;
};
std::string staff_requests(const Renderer& look, const StaffRequests& page);

/// One of the two.
struct StaffRequest : StaffPage {
  std::optional<auth::IdentityRequest> person;
  std::string person_name;  ///< as it is now, whole
  std::optional<auth::PortalRequest> portal;
  std::string in_force;  ///< JSON; empty of a new one
};
std::string staff_request(const Renderer& look, const StaffRequest& page);

struct StaffPortals : StaffPage {
  std::vector<auth::RegisteredClient> all;
  base::Time now;
};
std::string staff_portals(const Renderer& look, const StaffPortals& page);

struct StaffPortal : StaffPage {
  auth::RegisteredClient portal;
  std::vector<auth::ClientStep> steps;
  base::Time now;
};
std::string staff_portal(const Renderer& look, const StaffPortal& page);

/// Tokens with which clients register themselves.
struct StaffTokens : StaffPage {
  std::vector<auth::InitialTokenRow> tokens;
  std::string key;  ///< of what the form proposes (auth/proposal_keys.h)
};
std::string staff_tokens(const Renderer& look, const StaffTokens& page);

struct StaffTrail : StaffPage {
  store::AuditLines found;
  std::string next;  ///< address of the next page; empty: there is none
};
std::string staff_trail(const Renderer& look, const StaffTrail& page);

/// A code or a secret: in this answer and nowhere else.
struct StaffOnce : StaffPage {
  std::string title, text;  ///< catalogue keys
  std::string value, back;
};
std::string staff_once(const Renderer& look, const StaffOnce& page);

}  // namespace api::pages
