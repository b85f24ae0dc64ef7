#include "api/pages/platform_pages.h"

namespace api::pages {
namespace {

PageData data_of(const PlatformPage& page) {
  PageData data;
  data.text("name_zh", page.name_zh).text("name_en", page.name_en);
  return data;
}

/// The host and the scheme, for people to see where they are going.
std::string origin_of(const std::string& address) {
  const auto mark = address.find("://");
  return address.substr(0, address.find_first_of("/?", mark == std::string::npos ? 0 : mark + 3));
}

}  // namespace

std::string platform_leave(const Renderer& look, const PlatformPage& page) {
  auto data = data_of(page);
  data.text("address", page.address).text("origin", origin_of(page.address));
  return look.page("platform_leave", "web.platform.leave", data);
}

std::string platform_nobody(const Renderer& look, const PlatformPage& page) {
  return look.page("platform_nobody", "web.platform.nobody", data_of(page));
}

std::string platform_link(const Renderer& look, const PlatformPage& page, std::string_view csrf,
                          std::string_view login_name) {
  auto data = data_of(page);
  data.text("csrf", std::string(csrf)).text("login_name", std::string(login_name));
  return look.page("platform_link", "web.platform.link", data);
}

std::string platform_refused(const Renderer& look, const base::Error& problem,
                             const std::string& back) {
  PageData data;
  data.message("problem", problem.key, problem.args).text("back", back);
  return look.page("platform_refused", "web.platform.refused", data);
}

}  // namespace api::pages
