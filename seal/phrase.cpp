#include "seal/phrase.h"

#include "base/clock.h"
#include "base/text.h"

namespace seal {
namespace {

constexpr std::string_view kNothing = "—";
constexpr std::string_view kPlain[] = {"month", "day",       "moment",
                                       "list",  "mask_name", "mask_number"};

base::Error wrong(std::string_view text, std::string_view why) {
  return base::error(base::Code::internal, "seal.template",
                     "\"" + std::string(text) + "\": " + std::string(why));
}

std::string text_of(const rapidjson::Value& value) {
  if (value.IsString()) return {value.GetString(), value.GetStringLength()};
  if (value.IsInt64()) return std::to_string(value.GetInt64());
  if (value.IsBool()) return value.GetBool() ? "true" : "false";
  std::string out;
  if (value.IsArray())
    for (const auto& one : value.GetArray()) {
      if (!out.empty()) out += "、";
      out += text_of(one);
    }
  return out;
}

/// A real day of the calendar.
std::optional<base::Date> day_of(std::string_view text) {
  const auto at = base::parse_rfc3339(std::string(text) + "T00:00:00Z");
  if (!at || text.size() != 10) return std::nullopt;
  return std::chrono::floor<std::chrono::days>(*at);
}

}  // namespace

base::Error bad_fact(std::string pointer, std::string_view rule) {
  auto failure = base::error(base::Code::invalid_argument, "seal.facts", pointer);
  failure.detail += ": " + std::string(rule);
  failure.fields = {{pointer, "seal.facts"}};
  failure.args = {{"pointer", std::move(pointer)}, {"rule", std::string(rule)}};
  return failure;
}

const rapidjson::Value* find_fact(const rapidjson::Value& from, std::string_view path) {
  const auto* at = &from;
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (!at->IsObject()) return nullptr;
    const auto it = at->FindMember(std::string(path.substr(0, slash)));
    if (it == at->MemberEnd() || it->value.IsNull()) return nullptr;
    at = &it->value;
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return at;
}

base::Result<Phrase::Filter> Phrase::filter(std::string_view text, const Words& words) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  if (name == "words" && colon != std::string_view::npos) {
    const auto it = words.find(text.substr(colon + 1));
    if (it == words.end()) return wrong(text, "no such list of words");
    return Filter{"words", &it->second};
  }
  for (const auto plain : kPlain)
    if (text == plain) return Filter{std::string(text)};
  return wrong(text, "no such filter");
}

base::Result<Phrase> Phrase::parse(std::string_view text, const Words& words) {
  Phrase out;
  int group = 0, groups = 0;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) out.parts_.push_back({std::exchange(literal, {}), {}, {}, group});
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '[' || c == ']') {
      if ((c == '[') != (group == 0)) return wrong(text, "brackets do not pair");
      flush();
      group = c == '[' ? ++groups : 0;
    } else if (c == '{') {
      flush();
      const auto end = text.find('}', i);
      if (end == std::string_view::npos) return wrong(text, "a place does not end");
      auto inside = text.substr(i + 1, end - i - 1);
      Part part;
      part.group = group;
      part.path = inside.substr(0, inside.find('|'));
      constexpr std::string_view kPath = "abcdefghijklmnopqrstuvwxyz0123456789_/";
      if (part.path.empty() || part.path.ends_with('/') ||
          part.path.find_first_not_of(kPath) != std::string::npos)
        return wrong(text, "a place names no path");
      while (inside.find('|') != std::string_view::npos) {
        inside.remove_prefix(inside.find('|') + 1);
        BASE_TRY(auto one, filter(inside.substr(0, inside.find('|')), words));
        part.filters.push_back(std::move(one));
      }
      out.parts_.push_back(std::move(part));
      i = end;
    } else if (c == '}') {
      return wrong(text, "braces do not pair");
    } else {
      literal += c;
    }
  }
  if (group != 0) return wrong(text, "brackets do not pair");
  flush();
  return out;
}

base::Result<std::string> Phrase::apply(const Filter& filter, std::string value,
                                        std::string_view path) {
  if (filter.words != nullptr) {
    const auto it = filter.words->find(value);
    if (it == filter.words->end()) return bad_fact(std::string(path), "words");
    return it->second;
  }
  if (filter.name == "list") return value;
  if (filter.name == "mask_name") return base::mask_name(value);
  if (filter.name == "mask_number") return base::mask_number(value);
  if (filter.name == "moment") {
    const auto at = base::parse_rfc3339(value);
    if (!at) return bad_fact(std::string(path), "moment");
    return base::to_china_time(*at);
  }
  const bool month = filter.name == "month";
  const auto day = day_of(month ? value + "-01" : value);
  if (!day) return bad_fact(std::string(path), filter.name);
  return month ? value.substr(0, 4) + "年" + value.substr(5, 2) + "月"
               : base::to_chinese_date(*day);
}

base::Result<std::string> Phrase::fill(const rapidjson::Value& facts,
                                       const rapidjson::Value& here) const {
  std::string out, pending;
  int group = 0;
  bool whole = true;  // nothing of the bracket at hand is lacking
  const auto close = [&] {
    if (whole) out += pending;
    pending.clear();
    whole = true;
  };
  for (const auto& part : parts_) {
    if (part.group != group) {
      close();
      group = part.group;
    }
    auto& to = group == 0 ? out : pending;
    if (part.path.empty()) {
      to += part.literal;
      continue;
    }
    const bool from_root = part.path.front() == '/';
    const auto* found = from_root ? find_fact(facts, std::string_view(part.path).substr(1))
                                  : find_fact(here, part.path);
    if (found == nullptr) {
      if (group == 0) to += kNothing;
      whole = false;
      continue;
    }
    auto value = text_of(*found);
    for (const auto& filter : part.filters) {
      BASE_TRY(value, apply(filter, std::move(value), part.path));
    }
    to += value.empty() && group == 0 ? std::string(kNothing) : value;
  }
  close();
  return out;
}

}  // namespace seal
