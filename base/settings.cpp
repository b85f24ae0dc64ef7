#include "base/settings.h"

#include <charconv>
#include <fstream>
#include <sstream>

namespace base {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

Error invalid(const std::string& why) {
  auto failure = error(Code::invalid_argument, "config.invalid", why);
  failure.args = {{"why", why}};
  return failure;
}

}  // namespace

Result<Settings> Settings::from_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || text.str().size() > kMostBytes) {
    auto failure = error(Code::unavailable, "config.file", path.string());
    failure.args = {{"path", path.string()},
                    {"why", file ? "larger than 1 MiB" : "cannot be opened"}};
    return failure;
  }
  return from_text(text.str(), path.string(), std::filesystem::absolute(path).parent_path());
}

Result<Settings> Settings::from_text(std::string_view text, std::string name,
                                     const std::filesystem::path& directory) {
  Settings settings;
  settings.name_ = std::move(name);
  settings.directory_ = directory;
  for (int line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    const auto content = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (content.empty() || content.front() == '#') continue;
    const auto where = settings.name_ + ":" + std::to_string(line) + ": ";
    const auto equals = content.find('=');
    if (equals == std::string_view::npos) return invalid(where + "no '=' in this line");
    const auto key = std::string(trimmed(content.substr(0, equals)));
    if (!settings.given_
             .emplace(key, Given{std::string(trimmed(content.substr(equals + 1))), line, false})
             .second)
      return invalid(where + key + " is given twice");
  }
  return settings;
}

const std::string* Settings::ask(std::string_view key, std::string_view fallback,
                                 std::string_view help) {
  asked_.push_back({std::string(key), std::string(fallback), std::string(help)});
  const auto it = given_.find(key);
  if (it == given_.end()) return nullptr;
  it->second.asked = true;
  return &it->second.value;
}

std::string Settings::text(std::string_view key, std::string_view fallback, std::string_view help) {
  const auto* value = ask(key, fallback, help);
  return value != nullptr ? *value : std::string(fallback);
}

std::string Settings::required(std::string_view key, std::string_view help) {
  const auto* value = ask(key, "(required)", help);
  if (value == nullptr || value->empty()) {
    refuse(key, "is required: " + std::string(help));
    return {};
  }
  return *value;
}

std::int64_t Settings::integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                               std::int64_t most, std::string_view help) {
  const auto* value = ask(key, std::to_string(fallback), help);
  if (value == nullptr) return fallback;
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (failure != std::errc{} || end != value->data() + value->size() || number < least ||
      number > most) {
    refuse(key,
           "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return fallback;
  }
  return number;
}

bool Settings::boolean(std::string_view key, bool fallback, std::string_view help) {
  const auto* value = ask(key, fallback ? "true" : "false", help);
  if (value == nullptr) return fallback;
  if (*value != "true" && *value != "false") refuse(key, "must be true or false");
  return *value == "true";
}

std::filesystem::path Settings::path(std::string_view key, std::string_view fallback,
                                     std::string_view help) {
  const std::filesystem::path value = text(key, fallback, help);
  return value.empty() || value.is_absolute() || directory_.empty() ? value : directory_ / value;
}

void Settings::refuse(std::string_view key, std::string_view why) {
  const auto it = given_.find(key);
  const auto where = it == given_.end() ? name_ : name_ + ":" + std::to_string(it->second.line);
  wrong_.push_back(where + ": " + std::string(key) + " " + std::string(why));
}

Result<void> Settings::finish() const {
  auto wrong = wrong_;
  for (const auto& [key, given] : given_)
    if (!given.asked)
      wrong.push_back(name_ + ":" + std::to_string(given.line) + ": " + key +
                      " is not a known key");
  if (wrong.empty()) return {};
  std::string all;
  for (const auto& one : wrong) all += (all.empty() ? "" : "; ") + one;
  return invalid(all);
}

std::string Settings::describe() const {
  std::string out = "| key | default | meaning |\n|---|---|---|\n";
  for (const auto& one : asked_)
    out += "| `" + one.key + "` | " + (one.fallback.empty() ? "" : "`" + one.fallback + "`") +
           " | " + one.help + " |\n";
  return out;
}

}  // namespace base
