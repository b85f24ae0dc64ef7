#include "hsm/officers/trust_change.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "base/canonical_json.h"
#include "base/json.h"
#include "hsm/officers/content.h"

namespace hsm::officers {
namespace {

using rapidjson::Value;

/// All that a list of version 2 holds besides what every renewal changes.
constexpr std::array<std::string_view, 6> kMembers{"bodies",        "domain", "entries",
                                                   "intermediates", "roots",  "version"};
constexpr std::size_t kMostText = 8 << 20;

const Value* member(const Value& object, std::string_view name) {
  const auto it = object.FindMember(
      Value(rapidjson::StringRef(name.data(), static_cast<rapidjson::SizeType>(name.size()))));
  return it == object.MemberEnd() ? nullptr : &it->value;
}

/// The same text, to the letter.
bool same(const Value* a, const Value* b) {
  if (a == nullptr || b == nullptr) return a == b;
  const auto first = base::canonical_json(*a), second = base::canonical_json(*b);
  return first.ok() && second.ok() && *first == *second;
}

/// Of two objects: their members are the same but for those named.
bool same_but(const Value& a, const Value& b, std::span<const std::string_view> but) {
  const auto all_in = [&](const Value& from, const Value& other) {
    return std::all_of(from.MemberBegin(), from.MemberEnd(), [&](const auto& one) {
      const std::string_view name(one.name.GetString(), one.name.GetStringLength());
      return std::find(but.begin(), but.end(), name) != but.end() ||
             same(&one.value, member(other, name));
    });
  };
  return a.IsObject() && b.IsObject() && all_in(a, b) && all_in(b, a);
}

std::optional<base::Time> time_of(const Value* text) {
  if (text == nullptr || !text->IsString()) return std::nullopt;
  return base::parse_rfc3339({text->GetString(), text->GetStringLength()});
}

/// An end that is there, and neither later than the one before nor long past.
bool ends_sooner(const Value* before, const Value* after, base::Time earliest) {
  if (same(before, after)) return true;
  const auto now = time_of(after);
  const auto then = time_of(before);
  return now && *now >= earliest && (before == nullptr || (then && *now < *then));
}

bool entry_stops(const Value& before, const Value& after, base::Time earliest) {
  constexpr std::array<std::string_view, 1> kEnd{"until"};
  return same_but(before, after, kEnd) &&
         ends_sooner(member(before, "until"), member(after, "until"), earliest);
}

/// Steps behind those that were there: each leads away from being admitted, from about now on.
bool history_stops(const Value* before, const Value* after, base::Time earliest) {
  if (before == nullptr || after == nullptr || !before->IsArray() || !after->IsArray() ||
      before->Empty() || after->Size() < before->Size())
    return false;
  for (rapidjson::SizeType i = 0; i < before->Size(); ++i)
    if (!same(&(*before)[i], &(*after)[i])) return false;
  for (auto i = before->Size(); i < after->Size(); ++i) {
    const auto& step = (*after)[i];
    if (!step.IsObject() || step.MemberCount() != 3 || !step.HasMember("reason")) return false;
    const auto from = base::json_text((*after)[i - 1], "standing");
    const auto to = base::json_text(step, "standing");
    if (!(to == "suspended" && from == "admitted") &&
        !(to == "removed" && (from == "admitted" || from == "suspended")))
      return false;
    const auto since = time_of(member(step, "since"));
    if (!since || *since < earliest) return false;
  }
  return true;
}

bool body_stops(const Value& before, const Value& after, base::Time earliest) {
  constexpr std::array<std::string_view, 2> kStanding{"history", "expiry"};
  return same_but(before, after, kStanding) && member(before, "expiry") != nullptr &&
         ends_sooner(member(before, "expiry"), member(after, "expiry"), earliest) &&
         history_stops(member(before, "history"), member(after, "history"), earliest);
}

/// One by one, in the same places.
template <class Stops>
bool all_stop(const Value* before, const Value* after, base::Time earliest, Stops stops) {
  if (before == nullptr || after == nullptr || !before->IsArray() || !after->IsArray() ||
      before->Size() != after->Size())
    return false;
  for (rapidjson::SizeType i = 0; i < before->Size(); ++i)
    if (!stops((*before)[i], (*after)[i], earliest)) return false;
  return true;
}

bool is_list(const Value& list) {
  return list.IsObject() && list.MemberCount() == kMembers.size() &&
         std::all_of(kMembers.begin(), kMembers.end(),
                     [&](std::string_view name) { return member(list, name) != nullptr; });
}

}  // namespace

bool only_stops(std::string_view before, std::string_view after, base::Time issued) {
  const auto dot = before.find('.');
  if (dot == std::string_view::npos || before.substr(0, dot + 1) != after.substr(0, dot + 1))
    return false;
  const auto old = base::parse_json(before.substr(dot + 1), {kMostText, 16});
  const auto now = base::parse_json(after.substr(dot + 1), {kMostText, 16});
  if (!old.ok() || !now.ok() || !is_list(*old) || !is_list(*now)) return false;
  constexpr std::array<std::string_view, 2> kStopping{"entries", "bodies"};
  const auto earliest = issued - kStopsBack;
  return same_but(*old, *now, kStopping) &&
         all_stop(member(*old, "entries"), member(*now, "entries"), earliest, entry_stops) &&
         all_stop(member(*old, "bodies"), member(*now, "bodies"), earliest, body_stops);
}

}  // namespace hsm::officers
