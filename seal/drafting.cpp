// From facts to a draft: validated by the kind's schema, put into the template's places.
#include "base/encoding.h"
#include "base/json.h"
#include "seal/row_digests.h"
#include "seal/templates.h"

namespace seal {
namespace {

using rapidjson::Document;
using rapidjson::Value;

constexpr base::JsonLimits kFactLimits{.bytes = 8 << 20, .depth = 8};

const Value& rows_at(const Value& facts, std::string_view path) {
  static const Value none(rapidjson::kArrayType);
  const auto* found = find_fact(facts, path);
  return found != nullptr && found->IsArray() ? *found : none;
}

/// The record attached: who and what first, then the facts as given.
base::Result<Document> record_of(const Publication& publication, const DocumentHolder& holder,
                                 Document& facts) {
  Document out(rapidjson::kObjectType);
  auto& allocator = out.GetAllocator();
  const auto put = [&](const char* name, const std::string& value) {
    out.AddMember(Value(name, allocator), Value(value, allocator), allocator);
  };
  put("type", publication.kind);
  out.AddMember("version", publication.version, allocator);
  put("name", holder.name);
  put("id_number", holder.id_number);
  for (const auto& member : facts.GetObject()) {
    if (out.HasMember(member.name))
      return bad_fact("/" + std::string(member.name.GetString()), "reserved");
    out.AddMember(Value(member.name, allocator), Value(member.value, allocator), allocator);
  }
  return out;
}

/// On a document nothing is blank.
std::string shown(std::string text) {
  return text.empty() ? "—" : std::move(text);
}

base::Result<std::vector<std::string>> cells_of(const pdf::Table& table, const Value& facts,
                                                const Value& row) {
  std::vector<std::string> out;
  out.reserve(table.columns.size());
  for (const auto& column : table.columns) {
    BASE_TRY(auto cell, column.value.fill(facts, row));
    out.push_back(shown(std::move(cell)));
  }
  return out;
}

base::Result<void> fill_tables(const pdf::Template& form, const Value& facts, Draft& draft) {
  for (const auto& table : form.tables) {
    const auto& rows = rows_at(facts, table.source);
    int number = 0;
    for (const auto& row : rows.GetArray()) {
      BASE_TRY(auto cells, cells_of(table, facts, row));
      if (table.prefix.empty()) {
        draft.rows.push_back(std::move(cells));
        continue;
      }
      const auto stem = table.prefix + "." + std::to_string(++number) + ".";
      for (std::size_t i = 0; i < cells.size(); ++i)
        draft.fields.emplace_back(stem + table.columns[i].field, std::move(cells[i]));
    }
  }
  return {};
}

base::Result<void> fill_public(const Publication& publication, const Value& facts, Draft& draft) {
  for (const auto& fact : publication.public_facts) {
    std::string value;
    if (fact.rows.empty()) {
      BASE_TRY(value, fact.value.fill(facts, facts));
    } else {
      for (const auto& row : rows_at(facts, fact.rows).GetArray()) {
        BASE_TRY(const auto one, fact.value.fill(facts, row));
        value += (value.empty() ? "" : "、") + one;
      }
    }
    if (!value.empty()) draft.masked_facts.push_back({fact.label, std::move(value)});
  }
  return {};
}

std::string text_of(const Value& value) {
  base::JsonWriter out;
  value.Accept(out);
  return out.text();
}

base::Result<Draft> fill(const Publication& publication, const DocumentHolder& holder,
                         std::string_view facts_json, base::Random& random) {
  BASE_TRY(auto given, base::parse_json(facts_json, kFactLimits));
  BASE_TRY_VOID(publication.schema.validate(given));
  BASE_TRY(auto facts, record_of(publication, holder, given));
  if (!publication.digested_rows.empty()) {
    auto it = facts.FindMember(publication.digested_rows);
    if (it != facts.MemberEnd() && it->value.IsArray()) {
      BASE_TRY(const auto root, digest_rows(it->value, facts.GetAllocator(), random));
      facts.AddMember("rows_digest", Value(base::to_hex(root), facts.GetAllocator()),
                      facts.GetAllocator());
    }
  }
  Draft draft;
  draft.kind = publication.kind;
  draft.version = publication.version;
  draft.subject = holder.subject;
  const auto& form = publication.form;
  for (const auto& row : form.grid)
    for (const auto& cell : row.cells) {
      BASE_TRY(auto value, cell.value.fill(facts, facts));
      draft.fields.emplace_back(cell.field, shown(std::move(value)));
    }
  if (!form.moment_field.empty()) {
    BASE_TRY(auto moment, form.moment.fill(facts, facts));
    draft.fields.emplace_back(form.moment_field, std::move(moment));
  }
  BASE_TRY_VOID(fill_tables(form, facts, draft));
  BASE_TRY_VOID(fill_public(publication, facts, draft));
  draft.facts_json = text_of(facts);
  return draft;
}

}  // namespace

base::Result<Draft> Templates::draft(std::string_view kind, const DocumentHolder& holder,
                                     std::string_view facts_json, base::Random& random) const {
  const auto* publication = find(kind);
  if (publication == nullptr) return base::error(base::Code::invalid_argument, "seal.kind");
  if (!(holder.is_unit ? publication->for_units : publication->for_persons))
    return base::error(base::Code::invalid_argument, "seal.holder");
  return fill(*publication, holder, facts_json, random);
}

base::Result<Draft> Templates::sample(std::string_view kind, base::Random& random) const {
  const auto* publication = find(kind);
  if (publication == nullptr) return base::error(base::Code::invalid_argument, "seal.kind");
  const bool unit = !publication->for_persons;
  // The number is one that GB 11643 cannot give out: no such region, no such person.
  const DocumentHolder nobody{std::string(kSampleSubject), unit,
                              unit ? "样本单位有限责任公司" : "样本人",
                              unit ? "91000000SAMPLE0000" : "000000190001010000"};
  BASE_TRY(auto out, fill(*publication, nobody, publication->sample_json, random));
  out.sample = true;
  return out;
}

}  // namespace seal
