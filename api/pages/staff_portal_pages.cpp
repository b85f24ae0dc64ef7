// The console's pages about portals and platforms. LD/T 01-2020 6.1.2e.
#include "api/pages/staff_pages.h"
#include "auth/client_metadata.h"

namespace api::pages {
namespace {

using auth::ClientStanding;

std::string_view key_of(ClientStanding standing) {
  switch (standing) {
    case ClientStanding::in_force:
      return "web.staff.portal.in_force";
    case ClientStanding::ends_soon:
      return "web.staff.portal.ends_soon";
    case ClientStanding::ended:
      return "web.staff.portal.ended";
    case ClientStanding::stopped:
      return "web.staff.portal.stopped";
  }
  return "web.staff.portal.stopped";
}

}  // namespace

std::string staff_portals(const Renderer& look, const StaffPortals& page) {
  PageData data;
  put_staff(data, page);
  std::vector<PageData> rows;
  for (const auto& one : page.all) {
    const auto standing = auth::client_standing(one, page.now, auth::kSoonDays);
    PageData row;
    row.text("client", one.client.id.value()).text("client_name", one.client.name);
    row.text("operator", one.client.operator_name).text("until", auth::agreement_last_day(one.client));
    row.message("standing", key_of(standing));
    row.flag("in_order", standing == ClientStanding::in_force);
    rows.push_back(std::move(row));
  }
  data.list("portals", std::move(rows));
  const auto kind = page.typed.find("kind");
  for (const char* name : {"portal", "third_party", "system"})
    data.flag(std::string("kind_") + name, kind != page.typed.end() && kind->second == name);
  data.flag("open_form", page.problem != nullptr);
  return look.page("staff_portals", "web.staff.portals", data);
}

std::string staff_portal(const Renderer& look, const StaffPortal& page) {
  PageData data;
  put_staff(data, page);
  const auto& client = page.portal.client;
  const auto standing = auth::client_standing(page.portal, page.now, auth::kSoonDays);
  data.text("client", client.id.value()).text("client_name", client.name);
  data.text("operator", client.operator_name).text("until", auth::agreement_last_day(client));
  data.text("agreement", client.agreement).text("scope", client.scopes);
  data.message("standing", key_of(standing));
  data.flag("active", page.portal.active).flag("stopped", !page.portal.active);
  data.flag("may_rotate", page.portal.has_secret);
  const auto& old_until = page.portal.old_secret_until;
  data.flag("old_secret", old_until && *old_until > page.now);
  if (old_until) data.text("old_secret_until", base::to_china_time(*old_until));
  data.text("registration", auth::client_metadata(client));
  std::vector<PageData> rows;
  for (const auto& step : page.steps) {
    PageData row;
    const auto key = "web.act." + step.act;
    const auto name = page.names.find(step.by);
    row.message("act", base::has_message(key) ? key : "web.act.other");
    row.text("at", base::to_china_time(step.at)).text("reason", step.reason);
    row.text("by", name == page.names.end() || name->second.empty() ? step.by : name->second);
    row.text("step_registration", step.registration);
    rows.push_back(std::move(row));
  }
  data.list("steps", std::move(rows));
  return look.page("staff_portal", "web.staff.portal", data);
}

std::string staff_tokens(const Renderer& look, const StaffTokens& page) {
  PageData data;
  put_staff(data, page);
  std::vector<PageData> rows;
  for (const auto& one : page.tokens) {
    PageData row;
    const auto name = page.names.find(one.made_by);
    row.text("token", one.id).text("operator", one.operator_name).text("scope", one.scopes);
    row.text("left", std::to_string(one.uses_left));
    row.text("until", base::to_china_time(one.expires_at));
    row.text("by", name == page.names.end() || name->second.empty() ? one.made_by : name->second);
    rows.push_back(std::move(row));
  }
  data.flag("has_tokens", !rows.empty()).list("tokens", std::move(rows));
  data.text("key", page.key).flag("open_form", page.problem != nullptr);
  return look.page("staff_tokens", "web.staff.tokens", data);
}

}  // namespace api::pages
