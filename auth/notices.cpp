#include "auth/notices.h"

#include <algorithm>

#include "auth/details.h"
#include "base/json.h"
#include "base/text.h"

namespace auth {
namespace {

constexpr const char* kField = "auth/text_message";
constexpr std::string_view kTemplate = "notice";

constexpr store::Query kPhonesOf{"auth.phones_of", R"sql(
  select (select f.id from auth.factor f
           where f.subject_id = s.id and f.kind = 'sms' and f.ended_at is null),
         (select f.sealed from auth.factor f
           where f.subject_id = s.id and f.kind = 'sms' and f.ended_at is null),
         d.sealed
    from auth.subject s left join auth.subject_detail d on d.subject_id = s.id
   where s.id = $1)sql"};
constexpr store::Query kPutMessage{"auth.put_text_message", R"sql(
  insert into auth.text_message (subject_id, template, sealed, made_at, due_at)
  values ($1, $2, $3, $4, $4))sql"};
// Claimed by moving when it is due again: several senders never have the same one, and one that
// falls leaves it to the next.
constexpr store::Query kClaimMessages{"auth.claim_text_messages", R"sql(
  update auth.text_message m
     set tries = tries + 1,
         due_at = $1 + interval '30 seconds' * power(4, least(tries, 5))
    from (select id from auth.text_message where ended_at is null and due_at <= $1
           order by due_at limit $2 for update skip locked) due
   where m.id = due.id
  returning m.id, m.subject_id, m.template, m.sealed, m.tries)sql"};
constexpr store::Query kEndMessage{"auth.end_text_message", R"sql(
  update auth.text_message set ended_at = $2, outcome = $3, sealed = null
   where id = $1 and ended_at is null)sql"};
constexpr store::Query kSweepMessages{"auth.sweep_text_messages", R"sql(
  delete from auth.text_message where id in (
    select id from auth.text_message where ended_at < $1 - interval '30 days'
     order by ended_at limit $2))sql"};

constexpr std::int64_t kMostTries = 8;  // the last after most of a day

std::string to_json(const TextMessage& message) {
  base::JsonWriter out;
  out.StartObject();
  out.member("phone", message.phone);
  out.key("values");
  out.StartObject();
  for (const auto& [name, value] : message.values) out.member(name, value);
  out.EndObject();
  out.EndObject();
  return out.text();
}

base::Result<TextMessage> from_json(std::string_view text) {
  BASE_TRY(const auto json, base::parse_json(text));
  TextMessage out;
  out.phone = base::json_text(json, "phone");
  if (const auto values = json.FindMember("values");
      values != json.MemberEnd() && values->value.IsObject())
    for (const auto& each : values->value.GetObject())
      out.values.emplace_back(each.name.GetString(), base::json_text(values->value, each.name.GetString()));
  return out;
}

}  // namespace

base::Result<std::vector<std::string>> phones_of(store::Tx& tx, const store::FieldCipher& cipher,
                                                 const SubjectId& subject) {
  BASE_TRY(const auto rows, tx.run(kPhonesOf, {subject.value()}));
  std::vector<std::string> out;
  if (rows.empty()) return out;
  if (!rows.is_null(0, 0)) {
    BASE_TRY(const auto opened, cipher.open("auth/factor", rows.text(0, 0), rows.bytes(0, 1)));
    out.emplace_back(base::as_text(opened));
  }
  if (!rows.is_null(0, 2)) {
    BASE_TRY(const auto opened,
             cipher.open("auth/subject_detail", subject.value(), rows.bytes(0, 2)));
    auto phone = phone_in(values_from_json(base::as_text(opened)));
    if (!phone.empty() && std::find(out.begin(), out.end(), phone) == out.end())
      out.push_back(std::move(phone));
  }
  return out;
}

base::Result<void> Notices::tell_at(store::Tx& tx, const SubjectId& subject,
                                    const std::vector<std::string>& phones, std::string_view key,
                                    base::MessageArgs args) {
  const auto now = parts_.clock.now();
  for (const auto& phone : phones) {
    const TextMessage message{phone,
                              std::string(kTemplate),
                              {{"what", base::message(key, base::Language::zh, args)},
                               {"when", base::to_china_time(now)}}};
    BASE_TRY_VOID(tx.run(kPutMessage,
                         {subject.value(), message.template_name,
                          parts_.cipher.seal(kField, subject.value(), base::as_bytes(to_json(message))),
                          now}));
  }
  return {};
}

base::Result<void> Notices::tell(store::Tx& tx, const SubjectId& subject, std::string_view key,
                                 base::MessageArgs args) {
  BASE_TRY(const auto phones, phones_of(tx, parts_.cipher, subject));
  return tell_at(tx, subject, phones, key, args);
}

base::Result<void> Notices::factor_added(store::Tx& tx, const SubjectId& subject, FactorKind kind) {
  const std::pair<std::string, std::string> args[] = {
      {"kind", base::message("web.factor." + std::string(to_text(kind)), base::Language::zh)}};
  return tell(tx, subject, "web.notice.factor_added", args);
}

base::Result<void> Notices::factor_removed(store::Tx& tx, const SubjectId& subject,
                                           FactorKind kind,
                                           const std::vector<std::string>& phones) {
  const std::pair<std::string, std::string> args[] = {
      {"kind", base::message("web.factor." + std::string(to_text(kind)), base::Language::zh)}};
  return tell_at(tx, subject, phones, "web.notice.factor_removed", args);
}

base::Result<void> Notices::recovery_code_used(store::Tx& tx, const SubjectId& subject) {
  return tell(tx, subject, "web.notice.recovery_code_used");
}

base::Result<void> Notices::password_changed(store::Tx& tx, const SubjectId& subject) {
  return tell(tx, subject, "web.notice.password_changed");
}

base::Result<void> Notices::new_place(store::Tx& tx, const SubjectId& subject,
                                      std::string_view network) {
  const std::pair<std::string, std::string> args[] = {{"network", base::printable(network, 64)}};
  return tell(tx, subject, "web.notice.new_place", args);
}

base::Result<void> Notices::phone_changed(store::Tx& tx, const SubjectId& subject,
                                          std::string_view from, std::string_view to) {
  return number_changed(tx, subject, from, to, "web.notice.phone_changed");
}

base::Result<void> Notices::contact_changed(store::Tx& tx, const SubjectId& subject,
                                            std::string_view from, std::string_view to) {
  return number_changed(tx, subject, from, to, "web.notice.contact_changed");
}

base::Result<void> Notices::number_changed(store::Tx& tx, const SubjectId& subject,
                                           std::string_view from, std::string_view to,
                                           std::string_view key) {
  std::vector<std::string> phones;
  for (const auto phone : {from, to})
    if (!phone.empty() && std::find(phones.begin(), phones.end(), phone) == phones.end())
      phones.emplace_back(phone);
  const std::pair<std::string, std::string> args[] = {{"to", base::mask_number(to, 3, 4)}};
  return tell_at(tx, subject, phones, key, args);
}

base::Result<int> Notices::send_due(SmsSender& sender, int most) {
  BASE_TRY(const auto due, parts_.pool.run(kClaimMessages, {parts_.clock.now(), most}));
  int sent = 0;
  for (std::size_t i = 0; i < due.size(); ++i) {
    const auto opened = parts_.cipher.open(kField, due.text(i, 1), due.bytes(i, 3));
    auto message = opened.ok() ? from_json(base::as_text(*opened))
                               : base::Result<TextMessage>(opened.error());
    std::string outcome = "sent";
    if (message.ok()) {
      message->template_name = due.text(i, 2);
      const auto done = sender.send(*message);
      if (!done.ok()) {
        const bool later = done.error().code == base::Code::unavailable ||
                           done.error().code == base::Code::rate_limited;
        if (later && due.integer(i, 4) < kMostTries) continue;
        outcome = done.error().key;
      }
    } else {
      outcome = message.error().key;
    }
    sent += outcome == "sent" ? 1 : 0;
    BASE_TRY_VOID(parts_.pool.run(kEndMessage, {due.integer(i, 0), parts_.clock.now(), outcome}));
  }
  return sent;
}

base::Result<std::int64_t> Notices::sweep(int most) {
  BASE_TRY(const auto gone, parts_.pool.run(kSweepMessages, {parts_.clock.now(), most}));
  return static_cast<std::int64_t>(gone.affected());
}

}  // namespace auth
