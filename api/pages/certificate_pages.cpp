#include "api/pages/certificate_pages.h"

namespace api::pages {

std::string certificate(const Renderer& look, const CertificatePage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("action", page.action).text("return_to", page.return_to);
  data.text("back", page.back).flag("binds", page.binds).flag("at_tls", page.at_tls);
  if (!page.other.empty()) data.text("other", page.other);
  if (page.at_tls) {
    data.flag("nobody", page.holder.empty());
    if (!page.holder.empty()) data.text("holder", page.holder);
  } else {
    data.text("challenge", page.challenge).text("text", page.text).text("file", page.file);
  }
  if (page.problem != nullptr) data.message("problem", page.problem->key, page.problem->args);
  return look.page("certificate", page.binds ? "web.certificate.bind" : "web.certificate.login",
                   data);
}

}  // namespace api::pages
