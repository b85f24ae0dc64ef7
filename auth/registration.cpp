#include "auth/registration.h"

#include <algorithm>
#include <array>

#include "auth/details.h"
#include "auth/identities.h"
#include "auth/proofings.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr const char* kField = "auth/registration";
// No field of a form is named so.
constexpr const char* kReturnTo = "_return_to";
constexpr const char *kMethod = "_method", *kSource = "_source", *kTransaction = "_transaction";

constexpr store::Query kStarts{"auth.registration_starts", R"sql(
  select count(*), min(started_at) from auth.registration
   where network = $1 and started_at > $2 - interval '1 hour')sql"};
constexpr store::Query kStart{"auth.start_registration", R"sql(
  insert into auth.registration (digest, kind, network, sealed, started_at, changed_at, expires_at)
  values ($1, $2, $3, $4, $5, $5, $6))sql"};
constexpr store::Query kFind{"auth.find_registration", R"sql(
  select kind, sealed, expires_at, completed_at is not null from auth.registration
   where digest = $1 and expires_at > $2)sql"};
constexpr store::Query kKeep{"auth.keep_registration", R"sql(
  update auth.registration set sealed = $2, changed_at = $3
   where digest = $1 and completed_at is null)sql"};
// Whoever completes it first does so; the text goes.
constexpr store::Query kComplete{"auth.complete_registration", R"sql(
  update auth.registration set completed_at = $2, changed_at = $2, sealed = ''
   where digest = $1 and completed_at is null)sql"};
constexpr store::Query kBeforeMaking{"auth.before_making", "savepoint making"};
constexpr store::Query kKeepMade{"auth.keep_made", "release savepoint making"};
constexpr store::Query kTakeBack{"auth.take_back_made", "rollback to savepoint making"};
constexpr store::Query kDiscard{"auth.discard_registration", R"sql(
  update auth.registration set completed_at = $2, changed_at = $2, sealed = ''
   where digest = $1 and completed_at is null)sql"};
constexpr store::Query kSweep{"auth.sweep_registrations", R"sql(
  delete from auth.registration where digest in (
    select digest from auth.registration where expires_at < $1 order by expires_at limit $2))sql"};

std::optional<base::Digest> digest_of(std::string_view reference) {
  const auto bytes = base::from_hex(plain_reference(reference));
  if (!bytes || bytes->size() != 16) return std::nullopt;
  return base::sha256(*bytes);
}

base::Error unknown() {
  return base::error(base::Code::not_found, "auth.registration.unknown");
}

bool is_field_of(SubjectKind kind, RegistrationStep step, const std::string& name,
                 const std::string& value) {
  const auto all = registration_fields(kind);
  return std::any_of(all.begin(), all.end(), [&](const RegistrationField& field) {
    return field.name == name && field.step == step && value.size() <= field.most;
  });
}

std::string value_in(const FieldValues& values, std::string_view name) {
  const auto it = values.find(name);
  return it == values.end() ? std::string() : it->second;
}

}  // namespace

std::string plain_reference(std::string_view typed) {
  std::string out;
  for (const char c : typed.substr(0, 64))
    if (c != ' ' && c != '-') out += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

RegistrationStep RegistrationDraft::next(base::Date today) const {
  for (const auto step : {RegistrationStep::identity, RegistrationStep::details})
    if (!judge_fields(kind, step, typed, today).wrong.empty()) return step;
  return RegistrationStep::account;
}

struct Registration::Found {
  base::Digest digest{};
  RegistrationDraft draft;
  FieldValues beside;  ///< what is kept and no field: where to, and how it was proven
  std::string row() const { return base::to_hex(digest); }
};

base::Result<std::string> Registration::start(SubjectKind kind, std::string_view network,
                                              std::string_view return_to) {
  FieldValues kept;
  if (!return_to.empty()) kept.insert_or_assign(kReturnTo, std::string(return_to));
  return put(kind, network, kept, parts_.config.life);
}

base::Result<std::string> Registration::start(const ProvenIdentity& proven,
                                              std::string_view network,
                                              std::string_view return_to) {
  base::check(parts_.proofings != nullptr, "who registers proven is proven");
  const auto today = base::china_date(parts_.clock.now());
  FieldValues kept{{"name", proven.name}, {"id_number", proven.id_number}, {"country", ""}};
  // The number says of which document it is.
  bool usable = false;
  for (const auto* document : {"cn-id", "hmt-permit", "foreign-residence"}) {
    kept.insert_or_assign("id_type", document);
    usable =
        judge_fields(SubjectKind::person, RegistrationStep::identity, kept, today).wrong.empty();
    if (usable) break;
  }
  if (!usable) return base::error(base::Code::invalid_argument, "auth.registration.unusable");
  kept.insert_or_assign(kMethod, proven.method);
  kept.insert_or_assign(kSource, proven.source);
  kept.insert_or_assign(kTransaction, proven.transaction);
  if (!return_to.empty()) kept.insert_or_assign(kReturnTo, std::string(return_to));
  return put(SubjectKind::person, network, kept, parts_.config.proven_life);
}

base::Result<std::string> Registration::put(SubjectKind kind, std::string_view network,
                                            const FieldValues& kept, std::chrono::seconds life) {
  for (const auto needed : {AgreementKind::service, AgreementKind::privacy})
    BASE_TRY_VOID(parts_.agreements.current(needed));
  const auto now = parts_.clock.now();
  const auto counted = parts_.cipher.lookup("auth/registration/network", network);
  const auto secret = parts_.random.bytes(16);
  const auto digest = base::sha256(secret);
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto starts, tx.run(kStarts, {base::BytesView(counted), now}));
  if (starts.integer(0, 0) >= parts_.config.starts_an_hour) {
    auto often = base::error(base::Code::rate_limited, "auth.registration.often");
    const auto free = starts.time(0, 1) + std::chrono::hours(1);
    often.retry_after =
        std::max(std::chrono::ceil<std::chrono::seconds>(free - now), std::chrono::seconds(1));
    return often;
  }
  BASE_TRY_VOID(tx.run(
      kStart, {base::BytesView(digest), kind == SubjectKind::person ? "person" : "unit",
               base::BytesView(counted),
               parts_.cipher.seal(kField, base::to_hex(digest), base::as_bytes(to_json(kept))),
               now, now + life}));
  BASE_TRY_VOID(tx.commit());
  return base::to_hex(secret);
}

base::Result<Registration::Found> Registration::look_up(std::string_view reference) {
  const auto digest = digest_of(reference);
  if (!digest) return unknown();
  BASE_TRY(const auto rows, parts_.pool.run(kFind, {base::BytesView(*digest), parts_.clock.now()}));
  if (rows.empty()) return unknown();
  Found out;
  out.digest = *digest;
  out.draft.kind = rows.text(0, 0) == "unit" ? SubjectKind::unit : SubjectKind::person;
  out.draft.expires_at = rows.time(0, 2);
  out.draft.completed = rows.boolean(0, 3);
  if (out.draft.completed) return out;
  BASE_TRY(const auto opened, parts_.cipher.open(kField, out.row(), rows.bytes(0, 1)));
  out.draft.typed = values_from_json(base::as_text(opened));
  for (const auto* name : {kReturnTo, kMethod, kSource, kTransaction})
    if (auto node = out.draft.typed.extract(name); !node.empty()) out.beside.insert(std::move(node));
  out.draft.return_to = value_in(out.beside, kReturnTo);
  out.draft.proven = out.beside.contains(kMethod);
  return out;
}

base::Result<RegistrationDraft> Registration::find(std::string_view reference) {
  BASE_TRY(auto found, look_up(reference));
  return std::move(found.draft);
}

base::Result<Judged> Registration::fill(std::string_view reference, RegistrationStep step,
                                        const FieldValues& typed) {
  BASE_TRY(auto found, look_up(reference));
  if (found.draft.completed)
    return base::error(base::Code::conflict, "auth.registration.completed");
  if (found.draft.proven && step == RegistrationStep::identity)
    return base::error(base::Code::conflict, "auth.registration.proven");
  for (const auto& [name, value] : typed) {
    if (!is_field_of(found.draft.kind, step, name, value)) {
      auto failure = base::error(base::Code::invalid_argument, "auth.registration.field");
      failure.fields.push_back({name, "auth.registration.field"});
      return failure;
    }
    found.draft.typed.insert_or_assign(name, value);
  }
  auto kept = found.draft.typed;
  kept.insert(found.beside.begin(), found.beside.end());
  const auto now = parts_.clock.now();
  BASE_TRY(
      const auto done,
      parts_.pool.run(
          kKeep, {base::BytesView(found.digest),
                  parts_.cipher.seal(kField, found.row(), base::as_bytes(to_json(kept))), now}));
  if (done.affected() == 0) return base::error(base::Code::conflict, "auth.registration.completed");
  return judge_fields(found.draft.kind, step, found.draft.typed, base::china_date(now));
}

base::Result<void> Registration::complete(std::string_view reference, const RegistrationEnd& end) {
  BASE_TRY(const auto found, look_up(reference));
  if (found.draft.completed) return {};
  const auto today = base::china_date(parts_.clock.now());
  const auto& typed = found.draft.typed;
  const auto identity = judge_fields(found.draft.kind, RegistrationStep::identity, typed, today);
  const auto details = judge_fields(found.draft.kind, RegistrationStep::details, typed, today);
  auto invalid = base::error(base::Code::invalid_argument, "auth.subject_invalid");
  invalid.fields = identity.wrong;
  invalid.fields.insert(invalid.fields.end(), details.wrong.begin(), details.wrong.end());
  const auto login_name = normal_login_name(end.login_name);
  if (!login_name) invalid.fields.push_back({"login_name", "auth.login_name.form"});
  // A user name is no secret and is told before the number is looked at: what follows is then the
  // same for every number.
  if (login_name) {
    BASE_TRY(const auto taken, parts_.accounts.find_by_login(*login_name));
    if (taken) invalid.fields.push_back({"login_name", "auth.login_name_taken"});
  }
  NewSubject subject;
  subject.kind = found.draft.kind;
  subject.name =
      value_in(identity.values, found.draft.kind == SubjectKind::person ? "name" : "unit_name");
  subject.id_type = value_in(identity.values, "id_type");
  subject.id_number = value_in(identity.values, "id_number");
  subject.country = value_in(identity.values, "country");
  subject.login_name = end.login_name;
  if (const auto good = parts_.accounts.judge_password(subject, end.password); !good.ok()) {
    invalid.fields.push_back({"password", good.error().key});
    invalid.args = good.error().args;
  }
  for (const auto kind : {AgreementKind::service, AgreementKind::privacy})
    if (std::none_of(end.accepted.begin(), end.accepted.end(),
                     [&](const Acceptance& one) { return one.kind == kind; }))
      invalid.fields.push_back({"accept_" + std::string(to_text(kind)), "auth.agreement.needed"});
  if (!invalid.fields.empty()) return invalid;
  BASE_TRY_VOID(parts_.agreements.check(end.accepted));
  BASE_TRY(const auto prepared, parts_.accounts.prepare(subject, end.password));
  BASE_TRY(const auto owner, find_subject(parts_.pool, parts_.cipher, prepared.document));
  auto done = finish(found, prepared, details.values, end, owner);
  if (done.ok() || done.error().key != "auth.subject_exists") return done;
  // Somebody was faster since the look-up.
  BASE_TRY(const auto faster, find_subject(parts_.pool, parts_.cipher, prepared.document));
  if (!faster) return done;
  return finish(found, prepared, details.values, end, faster);
}

/// The same statements for every number: where it stands for somebody, all that would be made is
/// made with a number that nobody has and taken back to the savepoint, so that neither the time nor
/// what is written to the disk tells the two apart.
base::Result<void> Registration::finish(const Found& found, const Accounts::Prepared& prepared,
                                        const FieldValues& details, const RegistrationEnd& end,
                                        const std::optional<SubjectId>& owner) {
  const auto now = parts_.clock.now();
  auto written = prepared;
  if (owner) written.document.number = "x" + base::to_hex(parts_.random.bytes(16));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto first, tx.run(kComplete, {base::BytesView(found.digest), now}));
  if (first.affected() == 0) return {};
  BASE_TRY_VOID(tx.run(kBeforeMaking));
  BASE_TRY(const auto id, parts_.accounts.insert(tx, written, ""));
  BASE_TRY_VOID(put_details(tx, parts_.cipher, id, details, now));
  BASE_TRY(const auto sharers, sharers_of_phone(tx, parts_.cipher, phone_in(details)));
  for (const auto& one : end.accepted)
    BASE_TRY_VOID(parts_.agreements.record(tx, id, one, end.how));
  if (found.draft.proven)
    BASE_TRY_VOID(parts_.proofings->put_match(tx, id, value_in(found.beside, kMethod),
                                              value_in(found.beside, kSource),
                                              value_in(found.beside, kTransaction)));
  BASE_TRY_VOID(tx.run(owner ? kTakeBack : kKeepMade));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("how", end.how);
  if (found.draft.proven) facts.member("proven", value_in(found.beside, kMethod));
  if (!owner && sharers > parts_.config.shared_phone) facts.member("phone_shared_by", sharers);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(tx, {now, owner ? "anonymous" : id.value(), "registration.complete",
                                  owner ? owner->value() : id.value(),
                                  owner ? "auth.subject_exists" : "ok", facts.text()}));
  return tx.commit();
}

base::Result<void> Registration::discard(std::string_view reference) {
  const auto digest = digest_of(reference);
  if (!digest) return {};
  BASE_TRY_VOID(parts_.pool.run(kDiscard, {base::BytesView(*digest), parts_.clock.now()}));
  return {};
}

base::Result<std::int64_t> Registration::sweep(int most) {
  BASE_TRY(const auto gone, parts_.pool.run(kSweep, {parts_.clock.now(), most}));
  return static_cast<std::int64_t>(gone.affected());
}

}  // namespace auth
