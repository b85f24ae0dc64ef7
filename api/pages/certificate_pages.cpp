#include "api/pages/certificate_pages.h"

#include <algorithm>

#include "base/text.h"

namespace api::pages {

std::string masked_holder(std::string_view holder) {
  constexpr std::size_t kShortest = 8, kDigits = 5;  // shorter ones are no numbers of people
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto plain = [&](char c) {
    return digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  std::string out;
  while (!holder.empty()) {
    std::size_t size = 0, digits = 0;
    for (; size < holder.size() && plain(holder[size]); ++size) digits += digit(holder[size]) ? 1 : 0;
    const auto run = holder.substr(0, size);
    out += size >= kShortest && digits >= kDigits ? base::mask_number(run) : std::string(run);
    if (size < holder.size()) out += holder[size];
    holder.remove_prefix(std::min(size + 1, holder.size()));
  }
  return out;
}

std::string certificate(const Renderer& look, const CertificatePage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("action", page.action).text("return_to", page.return_to);
  data.text("back", page.back).flag("binds", page.binds).flag("at_tls", page.at_tls);
  if (!page.other.empty()) data.text("other", page.other);
  if (page.at_tls) {
    data.flag("nobody", page.holder.empty());
    if (!page.holder.empty()) data.text("holder", masked_holder(page.holder));
  } else {
    data.text("challenge", page.challenge).text("text", page.text).text("file", page.file);
  }
  if (page.problem != nullptr) data.message("problem", page.problem->key, page.problem->args);
  return look.page("certificate", page.binds ? "web.certificate.bind" : "web.certificate.login",
                   data);
}

}  // namespace api::pages
