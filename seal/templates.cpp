#include "seal/templates.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/messages.h"
#include "embedded_document_templates.h"

namespace seal {
namespace {

using rapidjson::Value;

constexpr std::string_view kTemplateSchema = "template.schema.json";

base::Error wrong(std::string_view file, std::string_view why) {
  auto failure = base::error(base::Code::internal, "seal.template",
                             std::string(file) + ": " + std::string(why));
  failure.args = {{"why", failure.detail}};
  return failure;
}

/// The same with the file in front.
base::Error in_file(std::string_view file, const base::Error& failure) {
  return wrong(file, failure.key + " " + failure.detail);
}

std::string text(const Value& object, const char* name) {
  return std::string(base::json_text(object, name));
}
double millimetres(const Value& object, const char* name) {
  return static_cast<double>(object[name].GetInt()) / 10;
}
pdf::Label label(const Value& object) {
  return {text(object, "zh"), text(object, "en")};
}
pdf::Align align_of(std::string_view name) {
  return name == "left"    ? pdf::Align::left
         : name == "right" ? pdf::Align::right
                           : pdf::Align::centre;
}

// What the schema of templates cannot say is checked while reading.

base::Result<void> read_grid(const Value& json, Publication& out) {
  for (const auto& line : json.GetArray()) {
    auto& row = out.form.grid.emplace_back();
    if (line.HasMember("height")) row.height_mm = millimetres(line, "height");
    for (const auto& cell : line["cells"].GetArray()) {
      BASE_TRY(auto value, Phrase::parse(text(cell, "value"), out.words));
      row.cells.push_back(
          {label(cell), text(cell, "field"), std::move(value), millimetres(cell, "width")});
    }
  }
  return {};
}

base::Result<void> read_tables(const Value& json, Publication& out) {
  for (const auto& one : json.GetArray()) {
    auto& table = out.form.tables.emplace_back();
    const bool last = out.form.tables.size() == json.Size();
    table.heading = label(one);
    table.prefix = last ? "" : text(one, "name");
    table.source = text(one, "rows");
    table.row_mm = millimetres(one, "height");
    table.optional = one.HasMember("optional") && one["optional"].GetBool();
    for (const auto& column : one["columns"].GetArray()) {
      BASE_TRY(auto value, Phrase::parse(text(column, "value"), out.words));
      table.columns.push_back({label(column), text(column, "field"), std::move(value),
                               millimetres(column, "width"), align_of(text(column, "align"))});
    }
  }
  return {};
}

base::Result<void> read_public(const Value& json, Publication& out) {
  for (const auto& one : json.GetArray()) {
    const auto name = text(one, "label");
    if (!base::has_message(name))
      return base::error(base::Code::internal, "seal.template", name + " is not in base/messages");
    BASE_TRY(auto value, Phrase::parse(text(one, "value"), out.words));
    out.public_facts.push_back({name, std::move(value), text(one, "rows")});
  }
  return {};
}

base::Result<std::unique_ptr<Publication>> read(const Value& json) {
  auto out = std::make_unique<Publication>();
  out->kind = out->form.kind = text(json, "kind");
  out->version = out->form.version = json["version"].GetInt();
  out->proof_of_right = base::json_text(json, "class") == "rights";
  out->source =
      base::json_text(json, "source") == "system" ? FactSource::system : FactSource::records;
  out->for_persons = base::json_text(json, "holder") != "unit";
  out->for_units = base::json_text(json, "holder") != "person";
  if (!base::has_message("document." + out->kind))
    return base::error(base::Code::internal, "seal.template",
                       "document." + out->kind + " is not in base/messages");
  out->form.title = label(json["title"]);
  if (json.HasMember("called")) out->form.called = text(json, "called");
  if (json.HasMember("words"))
    for (const auto& list : json["words"].GetArray())
      for (const auto& word : list["words"].GetArray())
        out->words[text(list, "name")][text(word, "value")] = text(word, "zh");
  BASE_TRY_VOID(read_grid(json["grid"], *out));
  if (json.HasMember("moment")) {
    out->form.moment_field = text(json["moment"], "field");
    BASE_TRY(out->form.moment, Phrase::parse(text(json["moment"], "value"), out->words));
  }
  BASE_TRY_VOID(read_tables(json["tables"], *out));
  out->form.statement = text(json, "statement");
  out->form.expected = text(json, "expected");
  for (const auto& [list, words] : out->words)
    for (const auto& [value, word] : words) out->form.expected += word;
  BASE_TRY_VOID(read_public(json["public"], *out));
  out->digested_rows = text(json, "digested_rows");
  return out;
}

}  // namespace

base::Result<std::shared_ptr<const Templates>> Templates::load(std::span<const File> files) {
  std::map<std::string, std::string_view> by_path;
  for (const auto& file : files) by_path[std::string(file.path)] = file.bytes;
  const auto rules = Schema::create(by_path[std::string(kTemplateSchema)]);
  if (!rules.ok()) return in_file(kTemplateSchema, rules.error());

  const auto out = std::make_shared<Templates>();
  for (const auto& [path, bytes] : by_path) {
    if (!path.ends_with("/template.json")) continue;
    const auto folder = path.substr(0, path.rfind('/') + 1);
    const auto json = base::parse_json(bytes);
    if (!json.ok()) return in_file(path, json.error());
    if (const auto fits = rules->validate(*json); !fits.ok()) return in_file(path, fits.error());
    auto made = read(*json);
    if (!made.ok()) return in_file(path, made.error());
    auto& one = **made;
    if (folder != one.kind + "/" + std::to_string(one.version) + "/")
      return wrong(path, "lies in the folder of another kind or version");
    auto schema = Schema::create(by_path[folder + "schema.json"]);
    if (!schema.ok()) return in_file(folder + "schema.json", schema.error());
    one.schema = std::move(*schema);
    one.sample_json = by_path[folder + "sample.json"];
    auto& newest = out->newest_[one.kind];
    if (newest == nullptr || newest->version < one.version) newest = &one;
    out->all_.push_back(std::move(*made));
  }
  // Invented facts must make a document: a template whose sample fails would fail in earnest.
  base::SystemRandom random;
  for (const auto& [kind, one] : out->newest_)
    if (const auto drafted = out->sample(kind, random); !drafted.ok())
      return in_file(kind + "/" + std::to_string(one->version) + "/sample.json", drafted.error());
  return std::shared_ptr<const Templates>(out);
}

base::Result<std::shared_ptr<const Templates>> Templates::built_in() {
  static const auto all = [] {
    std::vector<File> files;
    for (const auto& one : embedded::document_templates()) files.push_back({one.path, one.bytes});
    return load(files);
  }();
  return all;
}

const Publication* Templates::find(std::string_view kind) const {
  const auto it = newest_.find(kind);
  return it == newest_.end() ? nullptr : it->second;
}

std::vector<const Publication*> Templates::newest() const {
  std::vector<const Publication*> out;
  for (const auto& [kind, one] : newest_) out.push_back(one);
  return out;
}

}  // namespace seal
