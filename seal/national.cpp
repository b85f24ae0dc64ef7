#include "seal/national.h"

#include "base/fail_point.h"

namespace seal {

base::Result<std::unique_ptr<const NationalForms>> NationalForms::create(
    NationalSeal seal, std::span<const pdf::Template* const> forms, const pdf::Faces& faces,
    const pdf::Letterhead& head) {
  base::check(seal.key != nullptr, "a national seal needs a key");
  BASE_TRY(auto frame, SesFrame::create(seal.key->info(), seal.certificate, seal.object,
                                        std::string(ofd::kPropertyInfo)));
  std::unique_ptr<NationalForms> out(new NationalForms(std::move(seal), std::move(frame)));
  for (const auto* form : forms) {
    BASE_TRY(auto made, ofd::OfdTemplate::create(*form, faces, head, out->seal_.object));
    out->forms_.emplace(std::string(form->kind), std::move(made));
  }
  return std::unique_ptr<const NationalForms>(std::move(out));
}

base::Result<base::Bytes> NationalForms::make(std::string_view kind,
                                              const ofd::Parameters& parameters,
                                              const TimestampSource& timestamps) const {
  BASE_TRY(auto document, forms_.find(kind)->second->compose(parameters));
  base::fail_point("seal.after_compose");
  BASE_TRY(const auto signature,
           sign_with(frame_, *seal_.key, document.digest(), parameters.at, &timestamps));
  base::fail_point("seal.after_stamp");
  return document.finish(signature);
}

}  // namespace seal
