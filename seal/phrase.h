// A text with places that facts fill: "{period/from|month}至{period/to|month}[（{handler}代办）]".
//
// A place names a member, or a path of them: from the row at hand, with a leading slash from the
// whole record. Filters follow. What stands in brackets is left out when one of its places has no
// value; elsewhere "—" stands for it, so that nothing on a document is blank.
//
//   month        2026-11 -> 2026年11月          day      2026-11-24 -> 2026年11月24日
//   moment       2026-11-24T03:00:00Z -> 2026-11-24 11:00:00 (China time)
//   words:NAME   what the template's list of that name says for the value
//   list         an array of texts, joined by 、
//   mask_name, mask_number                      for what public verification may show
#pragma once

#include <rapidjson/document.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace seal {

/// Lists of words by name: value -> what is printed.
using Words = std::map<std::string, std::map<std::string, std::string>, std::less<>>;

/// A fact that is not as it must be: invalid_argument `seal.facts` with args "pointer", "rule".
base::Error bad_fact(std::string pointer, std::string_view rule);

/// The member at a path "a/b" below `from`; null when there is none or it is null.
const rapidjson::Value* find_fact(const rapidjson::Value& from, std::string_view path);

/// Immutable, thread-safe. Outlives nothing but its Words.
class Phrase {
 public:
  Phrase() = default;
  /// Errors: internal `seal.template` whose detail says what is wrong.
  static base::Result<Phrase> parse(std::string_view text, const Words& words);
  /// `here` is the row at hand, or `facts` itself. Errors: bad_fact().
  base::Result<std::string> fill(const rapidjson::Value& facts, const rapidjson::Value& here) const;

 private:
  struct Filter {
    std::string name;
    const std::map<std::string, std::string>* words = nullptr;
  };
  struct Part {
    std::string literal;  ///< printed when `path` is empty
    std::string path;
    std::vector<Filter> filters;
    int group = 0;  ///< of brackets; 0: none
  };
  static base::Result<Filter> filter(std::string_view text, const Words& words);
  static base::Result<std::string> apply(const Filter& filter, std::string value,
                                         std::string_view path);
  std::vector<Part> parts_;
};

}  // namespace seal
