// A configuration file: "key = value" lines, '#' comments. Strict: a key that nobody knows, a key
// given twice and a value out of range are errors that name file and line. Read by the programs'
// mains only.
//
//   auto s = base::Settings::from_file(path);            // Result
//   const auto port = s->integer("http.port", 8081, 1, 65535, "port to listen on");
//   BASE_TRY_VOID(s->finish());                          // all that was wrong, at once
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace base {

class Settings {
 public:
  /// Errors: unavailable `config.file`; invalid_argument `config.invalid`.
  static Result<Settings> from_file(const std::filesystem::path& path);
  static Result<Settings> from_text(std::string_view text, std::string name,
                                    const std::filesystem::path& directory = {});

  /// Each getter notes the key, its default and its help; wrong values are kept for finish().
  std::string text(std::string_view key, std::string_view fallback, std::string_view help);
  /// A value that has no default.
  std::string required(std::string_view key, std::string_view help);
  std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                       std::int64_t most, std::string_view help);
  bool boolean(std::string_view key, bool fallback, std::string_view help);
  /// Relative paths are relative to the configuration file's directory; empty stays empty.
  std::filesystem::path path(std::string_view key, std::string_view fallback,
                             std::string_view help);
  /// A wrong value that only the caller can tell.
  void refuse(std::string_view key, std::string_view why);

  /// Errors: invalid_argument `config.invalid` naming each wrong line and each unknown key.
  Result<void> finish() const;
  /// The keys asked for, as a Markdown table (docs/config.md is made from it).
  std::string describe() const;

 private:
  struct Given {
    std::string value;
    int line = 0;
    bool asked = false;
  };
  struct Asked {
    std::string key, fallback, help;
  };
  const std::string* ask(std::string_view key, std::string_view fallback, std::string_view help);

  std::string name_;
  std::filesystem::path directory_;
  std::map<std::string, Given, std::less<>> given_;
  std::vector<Asked> asked_;
  std::vector<std::string> wrong_;
};

}  // namespace base
