#include "api/pages/seal_pages.h"

#include "base/encoding.h"

namespace api::pages {
namespace {

/// For an <img>: pages take pictures from data addresses, and markup from templates alone.
std::string data_address(std::string_view svg) {
  return svg.empty() ? std::string()
                     : "data:image/svg+xml;base64," + base::to_base64(base::as_bytes(svg));
}

std::string name_of(const StaffPage& page, const std::string& id) {
  const auto found = page.names.find(id);
  return found == page.names.end() || found->second.empty() ? id : found->second;
}

std::string last_day(const seal::SealSpec& spec) {
  return base::to_iso_date(base::china_date(spec.valid_until - std::chrono::microseconds(1)));
}

void put_spec(PageData& data, const seal::SealSpec& spec) {
  data.text("seal", spec.id).text("seal_name", spec.name);
  data.text("owner", spec.owner).text("owner_code", spec.owner_code);
  data.message("type", "web.seal.type." + std::string(to_string(spec.type)));
  data.text("from", base::to_iso_date(base::china_date(spec.valid_from)));
  data.text("until", last_day(spec));
  data.text("pdf_key", spec.pdf_key).text("ofd_key", spec.ofd_key);
  data.text("policy", to_json(spec.policy));
}

std::string approvals(const seal::SealRequest& request) {
  return std::to_string(request.approvals) + "/" + std::to_string(seal::kSealApprovals);
}

void put_request(PageData& data, const StaffPage& page, const seal::SealRequest& request) {
  data.text("request", request.id).text("of_seal", request.seal);
  data.message("act", "web.seal.act." + request.act);
  data.text("by", name_of(page, request.asked_by));
  data.text("at", base::to_china_time(request.asked_at));
  data.text("runs_out", base::to_china_time(request.expires_at));
  data.text("count", approvals(request)).text("why", request.reason);
}

}  // namespace

std::string staff_seals(const Renderer& look, const StaffSeals& page) {
  PageData data;
  put_staff(data, page);
  std::vector<PageData> seals, requests;
  for (const auto& one : page.all) {
    PageData row;
    put_spec(row, one.spec);
    row.message("state", "web.seal.state." + std::string(to_string(one.state)));
    row.flag("in_order", one.state == seal::SealState::active);
    seals.push_back(std::move(row));
  }
  for (const auto& one : page.open) {
    PageData row;
    put_request(row, page, one);
    requests.push_back(std::move(row));
  }
  data.flag("any_open", !requests.empty()).list("requests", std::move(requests));
  data.flag("any", !seals.empty()).list("seals", std::move(seals));
  data.text("preview", data_address(page.preview));
  const auto chosen = [&](const char* field, std::initializer_list<const char*> words) {
    const auto typed = page.typed.find(field);
    for (const char* word : words)
      data.flag(std::string(field) + "_" + word,
                typed != page.typed.end() && typed->second == word);
  };
  chosen("type", {"unit", "business", "finance", "contract", "personal", "other"});
  chosen("shape", {"round", "oval", "square"});
  chosen("format", {"4", "5"});
  data.flag("open_form", page.problem != nullptr || !page.preview.empty());
  return look.page("staff_seals", "web.seal.title", data);
}

std::string staff_seal(const Renderer& look, const StaffSeal& page) {
  using seal::SealState;
  PageData data;
  put_staff(data, page);
  const auto& one = page.seal;
  put_spec(data, one.spec);
  data.message("state", "web.seal.state." + std::string(to_string(one.state)));
  data.text("since", base::to_china_time(one.since)).text("picture", data_address(page.svg));
  data.flag("may_make",
            one.state == SealState::approved && !one.made_at && one.spec.ofd_key.empty());
  data.flag("by_officers",
            one.state == SealState::approved && !one.made_at && !one.spec.ofd_key.empty());
  data.flag("may_activate", one.state == SealState::approved && one.made_at.has_value());
  data.flag("may_suspend", one.state == SealState::active);
  data.flag("may_resume", one.state == SealState::suspended);
  const bool alive = one.state != SealState::revoked && one.state != SealState::destroyed;
  data.flag("alive", alive).flag("may_destroy", one.state == SealState::revoked);
  std::vector<PageData> steps;
  for (const auto& step : page.steps) {
    PageData row;
    row.message("act", "web.seal.act." + step.act);
    row.text("at", base::to_china_time(step.at)).text("by", name_of(page, step.by));
    // What the service does of its own accord says so by a key.
    const bool known = base::has_message(step.reason);
    row.flag("by_itself", known).text("why", known ? std::string() : step.reason);
    if (known) row.message("said", step.reason);
    row.message("state", "web.seal.state." + step.state);
    steps.push_back(std::move(row));
  }
  data.list("steps", std::move(steps));
  return look.page("staff_seal", "web.seal.title", data);
}

std::string staff_seal_request(const Renderer& look, const StaffSealRequest& page) {
  PageData data;
  put_staff(data, page);
  put_request(data, page, page.request);
  data.text("picture", data_address(page.svg)).text("in_force", page.in_force);
  data.text("proposal", page.request.proposal == "{}" ? std::string() : page.request.proposal);
  data.flag("own", page.request.asked_by == page.staff);
  return look.page("staff_seal_request", "web.seal.request", data);
}

}  // namespace api::pages
