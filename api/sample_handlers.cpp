// Samples of every kind of document, for everybody to see. LD/T 01-2020 5.6.2e.
//
// A sample goes the way of every document: sealed, judged, registered; but its facts are invented,
// every page says 样本, and its code and its file are judged a sample wherever they are shown.
#include "api/handlers.h"
#include "api/page_handlers.h"
#include "auth/system_actor.h"
#include "base/encoding.h"

namespace api::handlers {

base::Result<Response> samples_page(Call& call) {
  BASE_TRY(const auto templates, seal::Templates::built_in());
  std::vector<PageData> handling, rights;
  for (const auto* one : templates->newest()) {
    PageData row;
    row.text("kind", one->kind).message("title", "document." + one->kind);
    row.text("version", std::to_string(one->version));
    (one->proof_of_right ? rights : handling).push_back(std::move(row));
  }
  PageData page;
  page.list("handling", std::move(handling)).list("rights", std::move(rights));
  return Response::html(pages_look().page("samples", "web.samples.title", page), call.nonce(), 200,
                        {});
}

// One sample a template, seal and certificate: the same bytes for whoever asks.
base::Result<Response> sample_file(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto templates, seal::Templates::built_in());
  const std::string kind(call.path("kind"));
  if (templates->find(kind) == nullptr) return base::error(base::Code::not_found, "seal.kind");
  BASE_TRY(const auto draft, templates->sample(kind, call.services.random));
  auto key = kind + "/" + std::to_string(draft.version);
  for (const auto& certificate : house->in_use)
    key += "/" + base::to_hex(certificate).substr(0, 16);
  BASE_TRY(const auto issued, house->issuer->issue(auth::samples_actor(), draft, key));
  return Response::file(issued.file(), issued.media_type(), issued.file_name());
}

}  // namespace api::handlers
