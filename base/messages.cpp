#include "base/messages.h"

#include <map>

#include "base/json.h"
#include "embedded_messages.h"

namespace base {
namespace {

struct Entry {
  std::string zh, en;
};

const std::map<std::string, Entry, std::less<>>& catalogue() {
  static const auto table = [] {
    std::map<std::string, Entry, std::less<>> out;
    for (const auto& file : embedded::messages()) {
      const auto document = parse_json(file.bytes);
      check(document.ok() && document->IsObject(), file.path);
      for (const auto& member : document->GetObject()) {
        const bool fresh =
            out.emplace(member.name.GetString(), Entry{std::string(json_text(member.value, "zh")),
                                                       std::string(json_text(member.value, "en"))})
                .second;
        check(fresh, "a message key stands twice in base/messages");
      }
    }
    return out;
  }();
  return table;
}

}  // namespace

bool has_message(std::string_view key) {
  return catalogue().contains(key);
}

std::string message(std::string_view key, Language language, MessageArgs args) {
  const auto it = catalogue().find(key);
  if (it == catalogue().end()) return std::string(key);
  const auto& text = language == Language::zh ? it->second.zh : it->second.en;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto close = text[i] == '{' ? text.find('}', i) : std::string::npos;
    if (close == std::string::npos) {
      out += text[i++];
      continue;
    }
    const auto name = std::string_view(text).substr(i + 1, close - i - 1);
    for (const auto& [known, value] : args)
      if (known == name) out += value;
    i = close + 1;
  }
  return out;
}

}  // namespace base
