#include "api/form_values.h"

namespace api {
namespace {

/// A small positive number; 0 when it is none.
int small_number(std::string_view text) {
  if (text.empty() || text.size() > 6) return 0;
  int out = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return 0;
    out = out * 10 + (c - '0');
  }
  return out;
}

}  // namespace

std::string form_text(const Parameters& form, std::string_view name) {
  return std::string(only(form, name).value_or(""));
}

base::Secret form_secret(const Parameters& form, std::string_view name) {
  auto text = form_text(form, name);
  base::Secret out{base::as_bytes(text)};
  base::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return out;
}

std::vector<auth::Acceptance> form_acceptances(const Parameters& form) {
  std::vector<auth::Acceptance> out;
  for (const auto kind : {auth::AgreementKind::service, auth::AgreementKind::privacy}) {
    const std::string name(auth::to_text(kind));
    if (form_text(form, "accept_" + name) != "yes") continue;
    out.push_back({kind, small_number(form_text(form, name + "_version")),
                   form_text(form, name + "_sha256")});
  }
  return out;
}

}  // namespace api
