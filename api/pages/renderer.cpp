#include "api/pages/renderer.h"

#include <kainjow/mustache.hpp>

#include "base/check.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "embedded_web.h"

namespace api {
namespace {

using Mustache = kainjow::mustache::mustache;
using Data = kainjow::mustache::data;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string_view file(std::string_view path) {
  for (const auto& one : embedded::web())
    if (one.path == path) return one.bytes;
  base::fail("missing web file " + std::string(path));
}

constexpr std::string_view kFolder = "templates/", kSuffix = ".html", kPart = "part_";

/// Puts in what several templates have in common: [[part:name]] is templates/part_name.html.
std::string with_parts(std::string_view text) {
  constexpr std::string_view kMark = "[[part:";
  std::string out(text);
  for (auto at = out.find(kMark); at != std::string::npos; at = out.find(kMark, at)) {
    const auto end = out.find("]]", at);
    base::check(end != std::string::npos, "a [[ without ]] in a template");
    const auto name = out.substr(at + kMark.size(), end - at - kMark.size());
    auto part =
        std::string(file(std::string(kFolder) + std::string(kPart) + name + std::string(kSuffix)));
    base::check(part.find(kMark) == std::string::npos, "a part within a part");
    if (part.ends_with('\n')) part.pop_back();
    out.replace(at, end + 2 - at, part);
  }
  return out;
}

/// Puts the catalogue's texts in: [[key]], [[zh:key]], [[en:key]].
std::string with_texts(std::string_view text) {
  std::string out;
  while (true) {
    const auto open = text.find("[[");
    if (open == std::string_view::npos) return out.append(text);
    const auto close = text.find("]]", open);
    base::check(close != std::string_view::npos, "a [[ without ]] in a template");
    out.append(text.substr(0, open));
    auto key = text.substr(open + 2, close - open - 2);
    const auto only = key.substr(0, 3);
    if (only == "zh:" || only == "en:") key.remove_prefix(3);
    base::check(base::has_message(key), key);
    const auto zh = escaped(base::message(key, base::Language::zh));
    const auto en = escaped(base::message(key, base::Language::en));
    if (only == "zh:")
      out += zh;
    else if (only == "en:")
      out += en;
    else
      out += zh + " <span class=\"en\" lang=\"en\">" + en + "</span>";
    text.remove_prefix(close + 2);
  }
}

std::string replaced(std::string text, std::string_view mark, std::string_view with) {
  const auto at = text.find(mark);
  base::check(at != std::string::npos, "the layout has no place for the content");
  return text.replace(at, mark.size(), with);
}

std::string static_files_digest() {
  base::Sha256 hash;
  for (const auto& one : embedded::web())
    if (one.path.starts_with("static/")) hash.update(base::as_bytes(one.bytes));
  return base::to_hex(base::BytesView(hash.finish()).first(6));
}

}  // namespace

struct Renderer::Impl {
  Look look;
  // With texts put in and proven to parse. The library's render() is not const, so each rendering
  // parses its own copy: tens of microseconds, off the hot paths.
  std::map<std::string, std::string, std::less<>> templates;

  static Data to_data(const PageData& from) {
    Data out;
    // A section of a text that is empty is left out; the library itself would show it.
    for (const auto& [name, value] : from.texts_)
      out.set(name, value.empty() ? Data(Data::type::bool_false) : Data(value));
    for (const auto& [name, on] : from.flags_)
      out.set(name, Data(on ? Data::type::bool_true : Data::type::bool_false));
    for (const auto& [name, value] : from.objects_) out.set(name, to_data(*value));
    for (const auto& [name, values] : from.lists_) {
      Data list(Data::type::list);
      for (const auto& value : values) list.push_back(to_data(value));
      out.set(name, list);
    }
    return out;
  }
};

PageData& PageData::text(std::string name, std::string value) {
  texts_.insert_or_assign(std::move(name), std::move(value));
  return *this;
}

PageData& PageData::flag(std::string name, bool on) {
  flags_.insert_or_assign(std::move(name), on);
  return *this;
}

PageData& PageData::message(std::string name, std::string_view key, base::MessageArgs args) {
  PageData both;
  both.text("zh", base::message(key, base::Language::zh, args));
  both.text("en", base::message(key, base::Language::en, args));
  return object(std::move(name), std::move(both));
}

PageData& PageData::object(std::string name, PageData value) {
  objects_.insert_or_assign(std::move(name), std::make_shared<const PageData>(std::move(value)));
  return *this;
}

PageData& PageData::list(std::string name, std::vector<PageData> values) {
  lists_.insert_or_assign(std::move(name), std::move(values));
  return *this;
}

Renderer::Renderer(Look look)
    : impl_(std::make_unique<Impl>()), asset_version_(static_files_digest()) {
  impl_->look = std::move(look);
  const std::string layout(file("templates/layout.html"));
  for (const auto& one : embedded::web()) {
    if (!one.path.starts_with(kFolder) || one.path == "templates/layout.html" ||
        one.path.substr(kFolder.size()).starts_with(kPart))
      continue;
    const auto name =
        one.path.substr(kFolder.size(), one.path.size() - kFolder.size() - kSuffix.size());
    auto text = with_texts(replaced(layout, "[[content]]", with_parts(one.bytes)));
    base::check(text.find("{{{") == std::string::npos && text.find("{{&") == std::string::npos,
                "a template leaves a value unescaped");
    Mustache parsed(text);
    base::check(parsed.is_valid(), name);
    impl_->templates.emplace(name, std::move(text));
  }
}

Renderer::~Renderer() = default;

std::string Renderer::page(std::string_view name, std::string_view title_key,
                           const PageData& data) const {
  const auto it = impl_->templates.find(name);
  base::check(it != impl_->templates.end(), name);
  auto values = Impl::to_data(data);
  values.set("title", base::message(title_key, base::Language::zh));
  values.set("page_class", "page-" + std::string(name));
  values.set("asset_version", asset_version_);
  values.set("agency", impl_->look.agency);
  values.set("public_host", impl_->look.public_host);
  if (!impl_->look.filing.empty()) values.set("filing", impl_->look.filing);
  values.set("demonstration",
             Data(impl_->look.demonstration ? Data::type::bool_true : Data::type::bool_false));
  values.set("accounts",
             Data(impl_->look.accounts ? Data::type::bool_true : Data::type::bool_false));
  Mustache parsed(it->second);
  return parsed.render(values);
}

const StaticFile* static_file(std::string_view name) {
  static const auto files = [] {
    std::map<std::string, StaticFile, std::less<>> out;
    for (const auto& one : embedded::web()) {
      if (!one.path.starts_with("static/")) continue;
      const auto type = one.path.ends_with(".css")   ? "text/css; charset=utf-8"
                        : one.path.ends_with(".js")  ? "text/javascript; charset=utf-8"
                        : one.path.ends_with(".svg") ? "image/svg+xml"
                                                     : "application/octet-stream";
      out.emplace(one.path.substr(7), StaticFile{one.bytes, type});
    }
    return out;
  }();
  const auto it = files.find(name);
  return it == files.end() ? nullptr : &it->second;
}

}  // namespace api
