// Lists that an authority's key signs: with votes, and how many; and without, within what bounds.
#include <algorithm>

#include "base/encoding.h"
#include "hsm/officers/content.h"
#include "hsm/officers/rules.h"
#include "hsm/officers/trust_change.h"

namespace hsm::officers {
namespace {

using base::Code;
using std::chrono::hours;

constexpr auto kDay = hours(24);
constexpr auto kLeastLife = hours(1);  // of a list: a shorter one is over before it is fetched
/// How far a sequence or number may rise at once: it must never run out.
constexpr std::int64_t kMostStep = 1000;
constexpr std::int64_t kMostFirst = std::int64_t{1} << 40;  // of a key's first revocation list

bool is_authority(const KeyRecord& key) {
  return key.purpose == Purpose::root_ca || key.purpose == Purpose::issuing_ca;
}

}  // namespace

// ---- with votes --------------------------------------------------------------------------------

/// A trust list that only stops somebody is one officer's affair. It is the only item: of two, the
/// second could start what the first stopped, and both would be judged by the list before them.
bool State::stops(const Request& request, const Sign& wanted, const Content& list) const {
  const auto& key = wanted.items.front().id;
  return wanted.items.size() == 1 && trust_list_ && trust_list_->key == key &&
         list.from <= request.created + kSkew && list.from + hours(1) >= request.created &&
         list.to - list.from <= hours(policy_.list_life_h) &&
         only_stops(trust_list_->said, list.said, list.from);
}

base::Result<int> State::check_sign(const Request& request) const {
  const auto wrong = [](const std::string& why) {
    return refused(Code::conflict, "hsm.officers.state", why);
  };
  BASE_TRY(const auto wanted, read_sign(request.params()));
  int needed = 0;
  for (const auto& item : wanted.items) {
    const auto* record = key(item.label);
    if (record == nullptr || record->id != item.id)
      return refused(Code::not_found, "hsm.officers.no_key", item.label);
    const bool maker = record->purpose == Purpose::seal_maker;
    if (!is_authority(*record) && !maker)
      return wrong(item.label + " is neither an authority's key nor a seal maker's");
    if (record->state != KeyState::active) return wrong(item.label + " is not active");
    BASE_TRY(const auto content, read_content(item.content));
    if (to_string(content.kind) != item.kind)
      return wrong("the content is a " + std::string(to_string(content.kind)));
    // A seal maker makes seals and nothing else, and nobody else makes them.
    if (maker != (content.kind == ContentKind::seal_object))
      return wrong(item.label + " does not sign a " + item.kind);
    const bool list = content.kind == ContentKind::trust_list;
    if (list && trust_list_ && content.sequence <= trust_list_->sequence)
      return wrong("the trust list's sequence does not rise");
    const auto* rule = maker ? "sign.seal_maker"
                       : !list
                           ? (record->purpose == Purpose::root_ca ? "sign.root" : "sign.issuing")
                       : stops(request, wanted, content) ? "sign.trust_list.stop"
                                                         : "sign.trust_list";
    needed = std::max(needed, policy_.needs(rule));
  }
  return needed;
}

/// Was read before it was signed, and can be read again.
void State::take_signed(const Sign& wanted) {
  for (const auto& item : wanted.items) {
    const auto content = read_content(item.content);
    base::check(content.ok(), "content that was signed and cannot be read");
    if (content->kind == ContentKind::trust_list)
      trust_list_ = ListMemory{content->said, content->stable, content->sequence, item.id};
    else if (content->kind == ContentKind::certificate)
      take_name(*content);
  }
}

/// What a certificate calls an authority's key is the name under which it may revoke.
void State::take_name(const Content& certificate) {
  for (const auto& [label, key] : keys_)
    if (is_authority(key) && key.public_key == certificate.public_key)
      unattended_[key.id.value()].names.insert(certificate.name);
}

// ---- without -----------------------------------------------------------------------------------

Unattended State::signed_by(const KeyId& key) const {
  const auto it = unattended_.find(key.value());
  return it == unattended_.end() ? Unattended{} : it->second;
}

int State::lists_signed(const KeyId& key, base::Time at) const {
  const auto it = unattended_.find(key.value());
  if (it == unattended_.end()) return 0;
  // One from the time to come, as of a clock that was put back, counts as well.
  return static_cast<int>(std::count_if(it->second.last_day.begin(), it->second.last_day.end(),
                                        [&](base::Time one) { return one > at - kDay; }));
}

base::Result<void> State::may_renew(const KeyRecord& key, const Content& content,
                                    base::Time at) const {
  if (!is_authority(key))
    return refused(Code::permission_denied, "hsm.refused", "not an authority's key");
  if (content.kind == ContentKind::certificate)
    return refused(Code::permission_denied, "hsm.officers.needs_approval", "certificate");
  if (content.from > at + kSkew || content.from + kSkew < at ||
      content.to - content.from < kLeastLife ||
      content.to - content.from > hours(policy_.list_life_h))
    return refused(Code::permission_denied, "hsm.officers.list_times");
  if (content.kind == ContentKind::trust_list) {
    if (!trust_list_ || trust_list_->stable != content.stable || trust_list_->key != key.id)
      return refused(Code::permission_denied, "hsm.officers.needs_approval", "trust_list");
    if (content.sequence <= trust_list_->sequence)
      return refused(Code::conflict, "hsm.officers.state", "the sequence does not rise");
    if (content.sequence - trust_list_->sequence > kMostStep)
      return refused(Code::conflict, "hsm.officers.state", "the sequence leaps");
  } else {
    BASE_TRY_VOID(may_revoke(key, content, at));
  }
  if (const auto most = policy_.most_lists(); lists_signed(key.id, at) >= most)
    return refused(Code::rate_limited, "hsm.officers.list_limit",
                   key.label + ": " + std::to_string(most));
  return {};
}

/// What was revoked stays revoked: a list may only add.
base::Result<void> State::may_revoke(const KeyRecord& key, const Content& content,
                                     base::Time at) const {
  const auto before = signed_by(key.id);
  if (!before.names.empty() && before.names.count(content.name) == 0)
    return refused(Code::permission_denied, "hsm.officers.list_issuer", key.label);
  const auto most = before.number == 0 ? kMostFirst : before.number + kMostStep;
  if (content.sequence <= before.number || content.sequence > most)
    return refused(Code::conflict, "hsm.officers.list_number",
                   std::to_string(content.sequence) + ", " + std::to_string(before.number));
  for (const auto& [serial, when] : before.revoked) {
    const auto now = content.revoked.find(serial);
    if (now == content.revoked.end() || now->second != when)
      return refused(Code::permission_denied, "hsm.officers.unrevoked", serial);
  }
  // Once told a date stays, so one that is to come would never let the certificate be revoked.
  // Texts of one form: what is later is greater.
  const auto latest = base::to_rfc3339(std::chrono::floor<std::chrono::seconds>(at + kSkew));
  for (const auto& [serial, when] : content.revoked) {
    const auto space = when.find(' ');
    if (before.revoked.count(serial) == 0 &&
        (when.substr(0, space) > latest ||
         (space != std::string::npos && when.substr(space + 1) > latest)))
      return refused(Code::permission_denied, "hsm.officers.list_times", serial);
  }
  return {};
}

/// The line that tells of such a list. Those of before lists were numbered here, and of a policy
/// without a limit, are taken as they are.
base::Result<void> State::listed(const rapidjson::Value& body, base::Time at) {
  const auto* record = key(base::json_text(body, "label"));
  if (record == nullptr || record->state != KeyState::active || !is_authority(*record))
    return bad_line("a list signed by a key that may not");
  if (policy_.lists_per_day && lists_signed(record->id, at) >= *policy_.lists_per_day)
    return bad_line("more lists than the policy lets a key sign in a day");
  auto known = signed_by(record->id);
  if (base::json_text(body, "kind") == "trust_list") {
    const auto stable = digest_from(base::json_text(body, "stable"));
    const auto sequence = base::json_int(body, "sequence");
    if (!trust_list_ || !stable || *stable != trust_list_->stable || !sequence ||
        *sequence <= trust_list_->sequence || trust_list_->key != record->id)
      return bad_line("a trust list renewed that was never approved");
    trust_list_->sequence = *sequence;
  } else {
    const auto added = body.FindMember("added");
    if (added == body.MemberEnd() || !added->value.IsObject())
      return bad_line("a revocation list without what it adds");
    const auto number = base::json_int(body, "number");
    const auto name = digest_from(base::json_text(body, "issuer"));
    if (number.has_value() != name.has_value() || (!number && known.number > 0) ||
        (number && *number <= known.number) ||
        (name && !known.names.empty() && known.names.count(*name) == 0))
      return bad_line("a revocation list whose number does not rise, or of another name");
    if (number) {
      known.number = *number;
      known.names.insert(*name);
    }
    for (const auto& one : added->value.GetObject())
      if (one.value.IsString()) known.revoked.emplace(one.name.GetString(), one.value.GetString());
  }
  auto& times = known.last_day;
  times.erase(
      std::remove_if(times.begin(), times.end(), [&](base::Time one) { return one <= at - kDay; }),
      times.end());
  times.push_back(at);
  unattended_.insert_or_assign(record->id.value(), std::move(known));
  return {};
}

}  // namespace hsm::officers
