#include "api/pages/security_pages.h"

#include <algorithm>

#include "api/http/message.h"
#include "api/pages/certificate_pages.h"
#include "seal/pdf/qr.h"

namespace api::pages {
namespace {

constexpr std::chrono::days kEndsSoon{30};
constexpr int kQuiet = 4;  // modules, ISO/IEC 18004 §5.3.8

const auth::Factor* of_kind(const std::vector<auth::Factor>& factors, auth::FactorKind kind) {
  const auto at = std::find_if(factors.begin(), factors.end(),
                               [&](const auto& factor) { return factor.kind == kind; });
  return at == factors.end() ? nullptr : &*at;
}

PageData factor_row(const auth::Factor& factor, const SecurityPage& page, base::Time now) {
  PageData row;
  row.text("id", factor.id).text("csrf", page.csrf).text("label", factor.label);
  row.message("kind", "web.factor." + std::string(auth::to_text(factor.kind)));
  row.text("added", base::to_china_time(factor.added_at));
  if (factor.last_used_at) row.text("used", base::to_china_time(*factor.last_used_at));
  if (factor.usable_from > now) row.text("waits", base::to_china_time(factor.usable_from));
  if (factor.kind == auth::FactorKind::recovery)
    row.text("left", std::to_string(page.recovery_left));
  for (const auto& one : page.certificates) {
    if (one.id != factor.id) continue;
    PageData facts;
    facts.text("holder", masked_holder(one.holder)).text("issuer", one.issuer).text("serial", one.serial);
    facts.text("from", base::to_china_time(one.not_before));
    facts.text("until", base::to_china_time(one.not_after));
    facts.flag("over", one.not_after <= now);
    facts.flag("soon", one.not_after > now && one.not_after - now <= kEndsSoon);
    row.object("certificate", std::move(facts));
  }
  row.flag("renamable", factor.kind != auth::FactorKind::recovery &&
                            factor.kind != auth::FactorKind::sms);
  return row;
}

}  // namespace

base::Result<QrDrawing> qr_drawing(std::string_view content) {
  BASE_TRY(const auto symbol, seal::pdf::qr_symbol(content));
  QrDrawing out;
  out.size = symbol.modules + 2 * kQuiet;
  const auto stride = static_cast<std::size_t>(symbol.modules + 7) / 8;
  for (int y = 0; y < symbol.modules; ++y)
    for (int x = 0; x < symbol.modules; ++x) {
      const auto byte =
          symbol.rows[static_cast<std::size_t>(y) * stride + static_cast<std::size_t>(x) / 8];
      if ((byte & (0x80 >> (x % 8))) != 0)
        out.path += "M" + std::to_string(x + kQuiet) + " " + std::to_string(y + kQuiet) + "h1v1h-1z";
    }
  return out;
}

std::string second(const Renderer& look, const SecondPage& page) {
  PageData data;
  data.text("csrf", page.csrf).text("return_to", page.return_to);
  data.text("return_to_in_link", percent_encode(page.return_to));
  data.flag("raise", page.raise).flag("sent", page.sent).flag("password", page.password);
  data.flag("none", page.steps.empty() && !page.password);
  data.flag("certificate", of_kind(page.steps, auth::FactorKind::certificate) != nullptr);
  data.flag("passkey", of_kind(page.steps, auth::FactorKind::passkey) != nullptr);
  data.flag("totp", of_kind(page.steps, auth::FactorKind::totp) != nullptr);
  data.flag("recovery", of_kind(page.steps, auth::FactorKind::recovery) != nullptr);
  const auto* phone = of_kind(page.steps, auth::FactorKind::sms);
  data.flag("sms", phone != nullptr);
  if (phone != nullptr) data.text("phone", phone->label);
  if (page.problem != nullptr) data.message("problem", page.problem->key, page.problem->args);
  return look.page("second", "web.second.title", data);
}

std::vector<PageData> platform_rows(const std::vector<PlatformChoice>& platforms,
                                    const std::string& csrf, const std::string& return_to) {
  std::vector<PageData> rows;
  for (const auto& each : platforms) {
    PageData row;
    row.text("id", each.id).text("name_zh", each.name_zh).text("name_en", each.name_en);
    row.text("csrf", csrf).text("return_to", return_to);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string security(const Renderer& look, const SecurityPage& page, base::Time now) {
  PageData data;
  data.text("csrf", page.csrf).text("phone", page.phone).flag("sent", page.sent);
  data.flag("texts", page.texts);
  if (!page.return_to.empty()) data.text("return_to", page.return_to);
  data.flag("passkeys", page.passkeys).flag("bodies", page.bodies);
  if (!page.done.empty()) data.message("done", page.done);
  if (page.problem != nullptr) data.message("problem", page.problem->key, page.problem->args);
  std::vector<PageData> rows;
  for (const auto& factor : page.factors) rows.push_back(factor_row(factor, page, now));
  data.flag("only_password", rows.empty()).list("factors", std::move(rows));
  if (!page.platforms.empty())
    data.object("linkable", PageData().list("rows", platform_rows(page.platforms, page.csrf,
                                                                  page.return_to)));
  if (!page.codes.empty()) {
    std::vector<PageData> codes;
    for (const auto& code : page.codes) codes.push_back(PageData().text("code", code));
    data.object("codes", PageData().list("rows", std::move(codes)));
  }
  if (page.offer) {
    const auto drawing = qr_drawing(page.offer->address);
    PageData offer;
    offer.text("token", page.offer->token).text("secret", page.offer->secret);
    if (drawing.ok())
      offer.text("path", drawing->path).text("size", std::to_string(drawing->size));
    offer.text("label", page.label.empty()
                            ? base::message("web.security.totp.default", base::Language::zh)
                            : page.label);
    offer.text("csrf", page.csrf).text("return_to", page.return_to);
    data.object("offer", std::move(offer));
  }
  return look.page("security", "web.security.title", data);
}

}  // namespace api::pages
