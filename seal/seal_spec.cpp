#include "seal/seal_spec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/json.h"
#include "base/text.h"

namespace seal {
namespace {

constexpr std::int64_t kMostUses = 100'000'000;
constexpr std::size_t kMostNamed = 100;  // kinds, clients
constexpr int kMinutesPerDay = 24 * 60;
constexpr double kLeastSide_mm = 10, kMostSide_mm = 60;
constexpr auto kLongest = std::chrono::years(10);
constexpr auto kDay = std::chrono::hours(24);

template <class T, std::size_t N>
using Names = std::array<std::pair<T, std::string_view>, N>;
constexpr Names<SealType, 6> kTypes{{{SealType::unit, "unit"},
                                     {SealType::business, "business"},
                                     {SealType::finance, "finance"},
                                     {SealType::contract, "contract"},
                                     {SealType::personal, "personal"},
                                     {SealType::other, "other"}}};
constexpr Names<SealShape, 3> kShapes{
    {{SealShape::round, "round"}, {SealShape::oval, "oval"}, {SealShape::square, "square"}}};
constexpr Names<SealUse, 3> kUses{
    {{SealUse::own, "own"}, {SealUse::batch, "batch"}, {SealUse::remote, "remote"}}};

template <class T, std::size_t N>
std::string_view name_of(const Names<T, N>& names, T value) {
  for (const auto& [one, name] : names)
    if (one == value) return name;
  base::fail("a value without a name");
}

template <class T, std::size_t N>
std::optional<T> named(const Names<T, N>& names, std::string_view name) {
  for (const auto& [one, known] : names)
    if (known == name) return one;
  return std::nullopt;
}

/// "07:30" -> 450; "24:00" is the day's end.
std::optional<int> minute_of(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const auto i : {0, 1, 3, 4})
    if (text[static_cast<std::size_t>(i)] < '0' || text[static_cast<std::size_t>(i)] > '9')
      return std::nullopt;
  const int minute =
      (text[0] - '0') * 600 + (text[1] - '0') * 60 + (text[3] - '0') * 10 + (text[4] - '0');
  if (text[3] > '5' || minute > kMinutesPerDay) return std::nullopt;
  return minute;
}

std::string to_clock(int minute) {
  std::string out = "00:00";
  out[0] = static_cast<char>('0' + minute / 600);
  out[1] = static_cast<char>('0' + minute / 60 % 10);
  out[3] = static_cast<char>('0' + minute % 60 / 10);
  out[4] = static_cast<char>('0' + minute % 10);
  return out;
}

std::optional<base::Time> day_of(std::string_view text) {
  if (text.size() != 10) return std::nullopt;
  return base::parse_rfc3339(std::string(text) + "T00:00:00+08:00");
}

bool digits(std::string_view text, std::size_t size) {
  return text.size() == size &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Reads the members of one object; what is wrong is noted under its JSON pointer.
class Reader {
 public:
  Reader(const rapidjson::Value& json, std::string pointer, base::Error& invalid)
      : json_(json), pointer_(std::move(pointer)), invalid_(invalid) {}

  void wrong(std::string_view name, const char* key) {
    invalid_.fields.push_back({pointer_ + "/" + std::string(name), key});
  }
  /// No member but these.
  void only(std::initializer_list<std::string_view> known) {
    for (const auto& member : json_.GetObject()) {
      const std::string_view name(member.name.GetString(), member.name.GetStringLength());
      if (std::find(known.begin(), known.end(), name) == known.end())
        wrong(base::printable(name, 40), "seal.spec.unknown");
    }
  }
  const rapidjson::Value* find(const char* name) const {
    const auto at = json_.FindMember(name);
    return at == json_.MemberEnd() ? nullptr : &at->value;
  }
  std::string text(const char* name, std::size_t least, std::size_t most) {
    const auto* value = find(name);
    if (value == nullptr && least == 0) return {};
    if (value == nullptr || !value->IsString()) return wrong(name, "seal.spec.text"), "";
    std::string out(value->GetString(), value->GetStringLength());
    const auto size = base::length_code_points(out);
    // What would turn a line or the reading direction round has no place on a seal.
    if (size < least || size > most || base::shown(out) != out || base::to_nfc(out) != out)
      return wrong(name, "seal.spec.text"), "";
    return out;
  }
  std::int64_t whole(const char* name, std::int64_t least, std::int64_t most,
                     std::int64_t otherwise) {
    const auto* value = find(name);
    if (value == nullptr) return otherwise;
    if (!value->IsInt64() || value->GetInt64() < least || value->GetInt64() > most)
      return wrong(name, "seal.spec.number"), otherwise;
    return value->GetInt64();
  }
  double side(const char* name) {
    const auto* value = find(name);
    if (value == nullptr || !value->IsNumber() || value->GetDouble() < kLeastSide_mm ||
        value->GetDouble() > kMostSide_mm)
      return wrong(name, "seal.spec.side"), kLeastSide_mm;
    return std::round(value->GetDouble() * 10) / 10;
  }
  template <class T, std::size_t N>
  T one_of(const char* name, const Names<T, N>& names) {
    const auto* value = find(name);
    const auto found = value != nullptr && value->IsString()
                           ? named(names, {value->GetString(), value->GetStringLength()})
                           : std::nullopt;
    if (!found) wrong(name, "seal.spec.word");
    return found.value_or(names[0].first);
  }
  std::vector<std::string> words(const char* name) {
    std::vector<std::string> out;
    const auto* value = find(name);
    if (value == nullptr) return out;
    if (!value->IsArray() || value->Size() > kMostNamed) return wrong(name, "seal.spec.list"), out;
    for (const auto& each : value->GetArray()) {
      if (!each.IsString() || each.GetStringLength() == 0 || each.GetStringLength() > 100)
        return wrong(name, "seal.spec.list"), out;
      out.emplace_back(each.GetString(), each.GetStringLength());
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }
  /// A member object; nothing (and noted) when it is none.
  std::optional<Reader> object(const char* name) {
    const auto* value = find(name);
    if (value == nullptr || !value->IsObject())
      return wrong(name, "seal.spec.object"), std::nullopt;
    return Reader(*value, pointer_ + "/" + name, invalid_);
  }

 private:
  const rapidjson::Value& json_;
  std::string pointer_;
  base::Error& invalid_;
};

/// "P2" -> 2.
int level(Reader& in, const char* name, char letter, int otherwise) {
  const auto* value = in.find(name);
  if (value == nullptr) return otherwise;
  const std::string_view text =
      value->IsString() ? std::string_view(value->GetString(), value->GetStringLength()) : "";
  if (text.size() != 2 || text[0] != letter || text[1] < '0' || text[1] > '3')
    return in.wrong(name, "seal.spec.word"), otherwise;
  return text[1] - '0';
}

/// "07:00-22:00".
void read_hours(Reader& in, SealPolicy& out) {
  const auto hours = in.text("hours", 0, 11);
  if (hours.empty()) return;
  if (hours.size() != 11 || hours[5] != '-') return in.wrong("hours", "seal.spec.hours");
  const int from = minute_of(std::string_view(hours).substr(0, 5)).value_or(-1);
  const int until = minute_of(std::string_view(hours).substr(6)).value_or(-1);
  // A window over midnight is refused: night use is what hours are there against.
  if (from < 0 || until <= from) return in.wrong("hours", "seal.spec.hours");
  out.from_minute = from;
  out.until_minute = until;
}

SealPolicy policy_in(Reader in) {
  in.only({"kinds", "uses", "clients", "proofing", "authentication", "hours", "per_hour", "per_day",
           "stop_per_minute"});
  SealPolicy out;
  out.kinds = in.words("kinds");
  if (out.kinds.empty()) in.wrong("kinds", "seal.spec.list");
  if (in.find("uses") != nullptr) {
    out.uses.clear();
    for (const auto& word : in.words("uses")) {
      const auto use = named(kUses, word);
      if (!use) in.wrong("uses", "seal.spec.word");
      out.uses.push_back(use.value_or(SealUse::own));
    }
    std::sort(out.uses.begin(), out.uses.end());
    if (out.uses.empty()) in.wrong("uses", "seal.spec.list");
  }
  out.clients = in.words("clients");
  out.proofing = level(in, "proofing", 'P', out.proofing);
  out.authentication = level(in, "authentication", 'A', out.authentication);
  read_hours(in, out);
  out.per_hour = in.whole("per_hour", 1, kMostUses, 0);
  out.per_day = in.whole("per_day", 1, kMostUses, 0);
  out.stop_per_minute = in.whole("stop_per_minute", 1, kMostUses, 0);
  return out;
}

SealPictureSpec picture_in(Reader in) {
  in.only({"shape", "width_mm", "height_mm", "text", "caption"});
  SealPictureSpec out;
  out.shape = in.one_of("shape", kShapes);
  out.width_mm = in.side("width_mm");
  out.height_mm = in.side("height_mm");
  const bool square = out.shape == SealShape::square;
  out.text = in.text("text", 2, square ? 16 : 30);
  out.caption = in.text("caption", square ? 0 : 2, square ? 0 : 14);
  if (out.shape == SealShape::round && out.width_mm != out.height_mm)
    in.wrong("height_mm", "seal.spec.round");
  if (out.shape == SealShape::oval && out.height_mm >= out.width_mm)
    in.wrong("height_mm", "seal.spec.oval");
  return out;
}

void read_validity(Reader in, SealSpec& out) {
  in.only({"from", "until"});
  const auto from = day_of(in.text("from", 10, 10)), until = day_of(in.text("until", 10, 10));
  if (!from) in.wrong("from", "seal.spec.day");
  if (!until || (from && *until <= *from) || (from && *until > *from + kLongest))
    in.wrong("until", "seal.spec.day");
  out.valid_from = from.value_or(base::Time());
  out.valid_until = until.value_or(base::Time()) + kDay;  // that day is the last
}

void read_keys(Reader in, SealSpec& out) {
  in.only({"pdf", "ofd"});
  out.pdf_key = in.text("pdf", 0, 64);
  out.ofd_key = in.text("ofd", 0, 64);
  if (out.pdf_key.empty() && out.ofd_key.empty()) in.wrong("pdf", "seal.spec.key");
}

base::Result<rapidjson::Document> parse(std::string_view json) {
  auto document = base::parse_json(json, {kMostSpecBytes, 6});
  if (!document.ok()) return document;
  if (!document->IsObject()) {
    auto invalid = base::error(base::Code::invalid_argument, "seal.spec");
    invalid.fields.push_back({"/", "seal.spec.object"});
    return invalid;
  }
  return document;
}

void put_policy(base::JsonWriter& out, const SealPolicy& policy) {
  const auto list = [&](std::string_view name, const std::vector<std::string>& words) {
    out.key(name);
    out.StartArray();
    for (const auto& word : words) out.string(word);
    out.EndArray();
  };
  out.StartObject();
  list("kinds", policy.kinds);
  out.key("uses");
  out.StartArray();
  for (const auto use : policy.uses) out.string(to_string(use));
  out.EndArray();
  if (!policy.clients.empty()) list("clients", policy.clients);
  out.member("proofing", "P" + std::to_string(policy.proofing));
  out.member("authentication", "A" + std::to_string(policy.authentication));
  out.member("hours", to_clock(policy.from_minute) + "-" + to_clock(policy.until_minute));
  if (policy.per_hour > 0) out.member("per_hour", policy.per_hour);
  if (policy.per_day > 0) out.member("per_day", policy.per_day);
  if (policy.stop_per_minute > 0) out.member("stop_per_minute", policy.stop_per_minute);
  out.EndObject();
}

}  // namespace

std::string_view to_string(SealType type) {
  return name_of(kTypes, type);
}
std::string_view to_string(SealShape shape) {
  return name_of(kShapes, shape);
}
std::string_view to_string(SealUse use) {
  return name_of(kUses, use);
}

bool SealPolicy::allows_kind(std::string_view kind) const {
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const auto& one) { return one == "*" || one == kind; });
}
bool SealPolicy::allows(SealUse use) const {
  return std::find(uses.begin(), uses.end(), use) != uses.end();
}
bool SealPolicy::allows_client(std::string_view client) const {
  return clients.empty() || std::find(clients.begin(), clients.end(), client) != clients.end();
}
bool SealPolicy::allows_at(base::Time at) const {
  const auto clock = base::to_china_time(at);  // "2026-11-24 11:00:00"
  const auto minute = minute_of(std::string_view(clock).substr(11, 5)).value_or(0);
  return from_minute <= minute && minute < until_minute;
}

base::Result<SealPolicy> read_seal_policy(std::string_view json) {
  BASE_TRY(const auto document, parse(json));
  auto invalid = base::error(base::Code::invalid_argument, "seal.spec");
  auto out = policy_in(Reader(document, "", invalid));
  if (!invalid.fields.empty()) return invalid;
  return out;
}

base::Result<SealSpec> read_seal_spec(std::string_view json) {
  BASE_TRY(const auto document, parse(json));
  auto invalid = base::error(base::Code::invalid_argument, "seal.spec");
  Reader in(document, "", invalid);
  in.only({"id", "name", "type", "owner", "picture", "valid", "keys", "format", "policy"});
  SealSpec out;
  out.id = in.text("id", 1, 14);
  if (!digits(out.id, 14)) in.wrong("id", "seal.spec.id");
  out.name = in.text("name", 2, 60);
  out.type = in.one_of("type", kTypes);
  if (auto owner = in.object("owner")) {
    owner->only({"name", "code"});
    out.owner = owner->text("name", 2, 60);
    out.owner_code = owner->text("code", 1, 32);
  }
  if (auto picture = in.object("picture")) out.picture = picture_in(*picture);
  if (auto valid = in.object("valid")) read_validity(*valid, out);
  if (auto keys = in.object("keys")) read_keys(*keys, out);
  if (!out.ofd_key.empty()) {
    out.format = static_cast<int>(in.whole("format", 4, 5, 4));
  } else if (in.find("format") != nullptr) {
    in.wrong("format", "seal.spec.format");
  }
  if (auto policy = in.object("policy")) out.policy = policy_in(*policy);
  if (!invalid.fields.empty()) return invalid;
  return out;
}

std::string to_json(const SealPolicy& policy) {
  base::JsonWriter out;
  put_policy(out, policy);
  return out.text();
}

std::string to_json(const SealSpec& spec) {
  base::JsonWriter out;
  out.StartObject();
  out.member("id", spec.id);
  out.member("name", spec.name);
  out.member("type", to_string(spec.type));
  out.key("owner");
  out.StartObject();
  out.member("name", spec.owner);
  out.member("code", spec.owner_code);
  out.EndObject();
  out.key("picture");
  out.StartObject();
  out.member("shape", to_string(spec.picture.shape));
  out.key("width_mm");
  out.Double(spec.picture.width_mm);
  out.key("height_mm");
  out.Double(spec.picture.height_mm);
  out.member("text", spec.picture.text);
  if (!spec.picture.caption.empty()) out.member("caption", spec.picture.caption);
  out.EndObject();
  out.key("valid");
  out.StartObject();
  out.member("from", base::to_iso_date(base::china_date(spec.valid_from)));
  out.member("until", base::to_iso_date(base::china_date(spec.valid_until - kDay)));
  out.EndObject();
  out.key("keys");
  out.StartObject();
  if (!spec.pdf_key.empty()) out.member("pdf", spec.pdf_key);
  if (!spec.ofd_key.empty()) out.member("ofd", spec.ofd_key);
  out.EndObject();
  if (spec.format != 0) out.member("format", spec.format);
  out.key("policy");
  put_policy(out, spec.policy);
  out.EndObject();
  return out.text();
}

}  // namespace seal
