// Documents of identity as people type them, machine-readable lines among them. What is kept reads
// back as the same document, and what is shown hides part of it.
#include "auth/foreign_documents.h"
#include "auth/identity_document.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr base::Date kToday{std::chrono::year{2026} / 11 / 24};
  for (const auto& type : auth::document_types())
    for (const auto* country : {"", "KAZ", "CHN", "DEU", "x"}) {
      const auto read = auth::read_identity_document(type.kind, type.id, text, country, kToday);
      if (!read.ok()) continue;
      const auto back = auth::from_kept(type.id, read->kept());
      base::check(back.number == read->number, "what is kept reads back as another number");
      base::check(!type.country_needed || back.country == read->country, "the country is lost");
      const auto again =
          auth::read_identity_document(type.kind, type.id, read->number, read->country, kToday);
      base::check(again.ok() && again->kept() == read->kept(), "a document is not stable");
      base::check(read->masked().find(read->number) == std::string::npos, "shown whole");
    }
  (void)auth::parse_passport_line(text).ok();
  (void)auth::parse_residence_card(text, kToday).ok();
  return 0;
}
