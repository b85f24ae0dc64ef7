#include "api/pages/auth_pages.h"

#include "api/http/message.h"

namespace api::pages {
namespace {

std::vector<PageData> scope_rows(const std::vector<std::string>& scopes) {
  std::vector<PageData> rows;
  for (const auto& scope : scopes) {
    const auto key = "web.scope." + scope;
    PageData row;
    row.text("zh", base::message(key, base::Language::zh));
    row.text("en", base::message(key, base::Language::en));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::string login(const Renderer& look, const LoginPage& page) {
  PageData data;
  data.text("csrf", page.csrf)
      .text("return_to", page.return_to)
      .text("return_to_in_link", percent_encode(page.return_to))
      .text("login_name", page.login_name);
  if (!page.client_name.empty()) data.text("client_name", page.client_name);
  data.flag("card", page.card).flag("certificates", page.certificates);
  data.flag("passkeys", page.passkeys);
  data.list("platforms", platform_rows(page.platforms, page.csrf, page.return_to));
  if (page.problem != nullptr) data.message("problem", page.problem->key, page.problem->args);
  return look.page("login", "web.login.title", data);
}

std::string card_login(const Renderer& look, const CardPage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("return_to", page.return_to);
  data.text("return_to_in_link", percent_encode(page.return_to));
  if (page.code)
    data.object("code", PageData().text("path", page.code->path)
                            .text("size", std::to_string(page.code->size)));
  else
    data.flag("code", false);
  data.flag("registers", page.registers);
  if (page.problem != nullptr) data.message("problem", page.problem->key, page.problem->args);
  return look.page("card_login", "web.card.title", data);
}

std::string consent(const Renderer& look, const ConsentPage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("transaction", page.transaction);
  data.text("client_name", page.client_name).text("person", page.person);
  data.list("scopes", scope_rows(page.scopes));
  std::vector<PageData> acting;
  bool any = false;
  for (const auto& one : page.acting) {
    PageData row;
    row.text("mandate", one.mandate).text("name", one.name).flag("chosen", one.chosen);
    any = any || one.chosen;
    acting.push_back(std::move(row));
  }
  data.flag("may_act", !acting.empty()).flag("self", !any).list("acting", std::move(acting));
  return look.page("consent", "web.consent.title", data);
}

std::string activate(const Renderer& look, const ActivatePage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("login_name", page.login_name);
  if (page.problem != nullptr) data.message("problem", page.problem->key, page.problem->args);
  return look.page("activate", "web.activate.title", data);
}

std::string device(const Renderer& look, const DevicePage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("user_code", page.user_code);
  if (page.problem != nullptr) data.message("problem", page.problem->key, page.problem->args);
  return look.page("device", "web.device.title", data);
}

std::string device_confirm(const Renderer& look, const DeviceConfirmPage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("user_code", page.user_code);
  data.text("client_name", page.client_name).list("scopes", scope_rows(page.scopes));
  return look.page("device_confirm", "web.device.title", data);
}

std::string logout(const Renderer& look, std::string_view csrf) {
  PageData data;
  data.text("csrf", std::string(csrf));
  return look.page("logout", "web.logout.title", data);
}

std::string passkey(const Renderer& look, const PasskeyPage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("return_to", page.return_to).text("label", page.label);
  data.text("options", page.options).text("action", page.action).text("back", page.back);
  data.flag("creates", page.creates).text("ceremony", page.creates ? "create" : "get");
  return look.page("passkey", page.creates ? "web.passkey.create" : "web.passkey.use", data);
}

std::string passkey_refused(const Renderer& look, const base::Error& problem,
                            const std::string& back) {
  PageData data;
  data.message("problem", problem.key, problem.args).text("back", back);
  return look.page("passkey_refused", "web.passkey.refused", data);
}

std::string message(const Renderer& look, std::string_view tone, std::string_view title_key,
                    std::string_view text_key, base::MessageArgs args,
                    std::string_view request_id) {
  PageData data;
  data.text("tone", std::string(tone)).flag("good", tone == "good").flag("warn", tone != "good");
  data.message("heading", title_key).message("text", text_key, args);
  if (!request_id.empty()) data.text("request_id", std::string(request_id));
  return look.page("message", title_key, data);
}

}  // namespace api::pages
