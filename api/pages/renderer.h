// Pages from templates: values always escaped, texts from the message catalogue, Chinese first.
//
// A template (web/templates/*.html) is Mustache for values, and [[key]] for a text of the catalogue
// in both languages ([[zh:key]], [[en:key]] for one). Texts are put in once, when the program
// starts; a template or key that is missing stops it then. Values cannot be marked as safe: `{{{`
// and `{{&` are refused.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/messages.h"

namespace api {

/// A page's values: texts, flags, nested objects and lists, in the order they were put.
class PageData {
 public:
  /// {{name}}, and {{#name}} … {{/name}} when it is not empty.
  PageData& text(std::string name, std::string value);
  PageData& flag(std::string name, bool on);
  /// {{name.zh}} and {{name.en}} of a catalogue text.
  PageData& message(std::string name, std::string_view key, base::MessageArgs args = {});
  PageData& object(std::string name, PageData value);
  PageData& list(std::string name, std::vector<PageData> values);

 private:
  friend class Renderer;
  std::map<std::string, std::string> texts_;
  std::map<std::string, bool> flags_;
  std::map<std::string, std::vector<PageData>> lists_;
  std::map<std::string, std::shared_ptr<const PageData>> objects_;
};

/// What is the same on every page.
struct Look {
  std::string agency;       ///< the agency's display name
  std::string public_host;  ///< as people see it in the address bar, e.g. "si.example.gov.cn"
  std::string filing;       ///< ICP and public-security filing numbers (LD/T 01-2020 6.1.2a)
  bool demonstration = false;
  bool accounts = false;  ///< people log in here: not a public verifier
};

/// Thread-safe after construction.
class Renderer {
 public:
  explicit Renderer(Look look);
  ~Renderer();
  /// The whole HTML page of template `name` ("verdict"), titled by a catalogue text.
  std::string page(std::string_view name, std::string_view title_key, const PageData& data) const;
  /// Changes whenever a static file changes; part of their addresses, so that they can be cached.
  const std::string& asset_version() const { return asset_version_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string asset_version_;
};

struct StaticFile {
  std::string_view bytes;
  std::string media_type;
};
/// A file of web/static by its name; nothing when there is none.
const StaticFile* static_file(std::string_view name);

}  // namespace api
