#include "auth/identity_document.h"

#include <algorithm>
#include <array>

#include "auth/countries.h"
#include "auth/foreign_documents.h"
#include "auth/id_numbers.h"
#include "base/text.h"

namespace auth {
namespace {

constexpr std::array<DocumentType, 8> kTypes{{
    {"cn-id", SubjectKind::person, false},
    {"hmt-permit", SubjectKind::person, false},
    {"foreign-residence", SubjectKind::person, false},
    {"passport", SubjectKind::person, true},
    {"uscc", SubjectKind::unit, false},
    {"unit-number", SubjectKind::unit, false},
    {"project-code", SubjectKind::unit, false},
    {"overseas-body", SubjectKind::unit, true},
}};

base::Error refuse(const char* key) {
  return base::error(base::Code::invalid_argument, key);
}

/// Without outer spaces, full-width letters and digits made ordinary ones.
base::Result<std::string> plain_text(std::string_view typed) {
  if (typed.size() > 256) return refuse("auth.id_number.form");
  const auto folded = base::to_nfkc(typed);
  if (!folded) return refuse("auth.id_number.form");
  const auto first = folded->find_first_not_of(' ');
  if (first == std::string::npos) return refuse("auth.id_number.form");
  return folded->substr(first, folded->find_last_not_of(' ') - first + 1);
}

/// Agreed codes have no national rule: letters, digits and the signs that stand in such numbers.
bool is_agreed_code(std::string_view number) {
  return number.size() >= 4 && number.size() <= 40 &&
         std::all_of(number.begin(), number.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '-' || c == '/' ||
                  c == '.';
         });
}

base::Result<IdentityDocument> read_passport(std::string_view typed, std::string_view country) {
  const bool line = typed.size() == 44;
  auto parsed = line ? parse_passport_line(typed) : parse_passport(typed, country);
  if (!parsed.ok()) return std::move(parsed).error();
  if (line && !country.empty() && country != parsed->country)
    return refuse("auth.id_number.country");
  return IdentityDocument{"passport", std::move(parsed->number), std::move(parsed->country),
                          parsed->born_yymmdd.value_or("")};
}

base::Result<IdentityDocument> read_overseas(std::string number, std::string_view country) {
  if (country_by_alpha3(country) == nullptr || country == "CHN")
    return refuse("auth.id_number.country");
  return IdentityDocument{"overseas-body", std::move(number), std::string(country)};
}

}  // namespace

std::span<const DocumentType> document_types() {
  return kTypes;
}

const DocumentType* document_type(std::string_view id) {
  const auto it = std::find_if(kTypes.begin(), kTypes.end(),
                               [&](const DocumentType& one) { return one.id == id; });
  return it == kTypes.end() ? nullptr : &*it;
}

std::string IdentityDocument::kept() const {
  const auto* known = document_type(type);
  return known != nullptr && known->country_needed && !country.empty() ? country + ":" + number
                                                                       : number;
}

std::string IdentityDocument::masked() const {
  if (number.size() >= 15) return base::mask_number(number);
  return base::mask_number(number, 2, std::min<std::size_t>(3, number.size() / 3));
}

base::Result<IdentityDocument> read_identity_document(SubjectKind kind, std::string_view type,
                                                      std::string_view typed,
                                                      std::string_view country, base::Date today) {
  const auto* known = document_type(type);
  if (known == nullptr) return refuse("auth.id_type.unknown");
  if (known->kind != kind) return refuse("auth.id_type.kind");
  BASE_TRY(const auto text, plain_text(typed));
  if (type == "passport") return read_passport(text, country);
  if (type == "foreign-residence") {
    BASE_TRY(auto card, parse_residence_card(text, today));
    return IdentityDocument{std::string(type), std::move(card.number), std::move(card.nationality),
                            std::move(card.born_yymmdd)};
  }
  BASE_TRY(auto number, normal_id_number(type, text, today));
  if (type == "uscc") {
    BASE_TRY(const auto code, parse_unified_code(number));
    return IdentityDocument{
        std::string(type), std::move(number), {}, {}, !code.organisation_checks};
  }
  if (type == "cn-id" || type == "hmt-permit")
    return IdentityDocument{std::string(type), std::move(number), {}};
  if (!is_agreed_code(number)) return refuse("auth.id_number.form");
  if (type == "overseas-body") return read_overseas(std::move(number), country);
  return IdentityDocument{std::string(type), std::move(number), {}};
}

IdentityDocument from_kept(std::string_view type, std::string_view kept) {
  const auto* known = document_type(type);
  if (known != nullptr && known->country_needed && kept.size() > 4 && kept[3] == ':')
    return {std::string(type), std::string(kept.substr(4)), std::string(kept.substr(0, 3))};
  return {std::string(type), std::string(kept), {}};
}

}  // namespace auth
