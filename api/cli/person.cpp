// xinyin person: what staff do for people and units: look one up, decide changes of identity, lock
// and unlock, have a code made for a new password. LD/T 01-2020 6.2.1, 6.2.5.
//
// Who acts is an account of staff that logs in here with its password; everything has its row in
// the audit trail under that account.
#include "api/cli/people.h"
#include "auth/client_metadata.h"
#include "auth/proofings.h"
#include "base/json.h"
#include "base/text.h"

namespace cli {
namespace {

struct Options {
  StaffLogin staff;
  std::string login_name, id_type, country, subject, request, reason, name, unlink, duplicate;
  std::string factor, until;
  std::filesystem::path number_file;
  std::string evidence;
  int days = 1'825;
  bool beside = false, dry_run = false;
};

/// A personal number: from a file, never from the command line that others can read.
base::Result<auth::IdentityDocument> document_of(Context& context, const Options& options) {
  BASE_TRY(const auto number, base::Secret::from_file(options.number_file));
  const auto* type = auth::document_type(options.id_type);
  if (type == nullptr) return base::error(base::Code::invalid_argument, "auth.id_type.unknown");
  return auth::read_identity_document(type->kind, options.id_type, number.reveal_text(),
                                      options.country, base::china_date(context.clock().now()));
}

base::Result<Answer> find(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto staff, log_in_staff(*people, options.staff));
  std::optional<auth::SubjectId> id;
  if (!options.login_name.empty()) {
    BASE_TRY(id, people->desk.find_login(staff, options.login_name));
  } else {
    BASE_TRY(const auto document, document_of(context, options));
    BASE_TRY(id, people->desk.find_document(staff, document));
  }
  if (!id) return base::error(base::Code::not_found, "auth.subject_unknown");
  BASE_TRY(const auto record, people->accounts.subject(*id));
  BASE_TRY(const auto documents, auth::documents_of(people->pool, people->cipher, *id));
  base::JsonWriter out;
  out.StartObject();
  out.member("subject", id->value());
  out.member("kind", record.kind == auth::SubjectKind::unit ? "unit" : "person");
  out.member("name", base::mask_name(record.name));
  out.member("proofing", static_cast<int>(record.proofing));
  out.key("documents");
  out.StartArray();
  std::string text = id->value() + "  " + base::mask_name(record.name);
  for (const auto& one : documents) {
    out.StartObject();
    out.member("id", one.id);
    out.member("type", one.document.type);
    out.member("number", one.document.masked());
    out.member("leading", one.leading);
    out.EndObject();
    text += "\n  " + one.id + "  " + one.document.type + "  " + one.document.masked() +
            (one.leading ? "  使用中 in use" : "");
  }
  out.EndArray();
  out.EndObject();
  return Answer{out.text(), text, kDone};
}

base::Result<Answer> list(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY_VOID(log_in_staff(*people, options.staff));
  BASE_TRY(const auto open, people->requests.open());
  base::JsonWriter out;
  out.StartArray();
  std::string text;
  for (const auto& one : open) {
    const std::string kind(auth::to_text(one.change.kind));
    out.StartObject();
    out.member("id", one.id);
    out.member("subject", one.subject.value());
    out.member("kind", kind);
    out.member("asked_by", one.asked_by);
    out.member("asked_at", base::to_rfc3339(one.asked_at));
    out.member("approvals", one.approvals);
    out.member("approvals_needed", one.approvals_needed);
    // What must be compared with the paper is shown whole; it is staff's to see.
    if (!one.change.name.empty()) out.member("name", one.change.name);
    if (!one.change.document.number.empty()) {
      out.member("id_type", one.change.document.type);
      out.member("id_number", one.change.document.number);
      out.member("country", one.change.document.country);
    }
    if (!one.change.document_id.empty()) out.member("document", one.change.document_id);
    if (!one.change.duplicate.value().empty())
      out.member("duplicate", one.change.duplicate.value());
    if (!one.change.factor_id.empty()) out.member("factor", one.change.factor_id);
    out.EndObject();
    text += (text.empty() ? "" : "\n") + one.id + "  " + kind + "  " + one.subject.value() + "  " +
            std::to_string(one.approvals) + "/" + std::to_string(one.approvals_needed);
  }
  out.EndArray();
  return Answer{out.text(), text.empty() ? "没有待办的申请 · nothing is open" : text, kDone};
}

base::Result<auth::IdentityChange> change_of(Context& context, const Options& options) {
  auth::IdentityChange out;
  if (!options.name.empty()) {
    out.name = options.name;
  } else if (!options.id_type.empty()) {
    out.kind = auth::IdentityChange::Kind::document;
    BASE_TRY(out.document, document_of(context, options));
    out.leads = !options.beside;
  } else if (!options.unlink.empty()) {
    out.kind = auth::IdentityChange::Kind::unlink;
    out.document_id = options.unlink;
  } else if (!options.duplicate.empty()) {
    out.kind = auth::IdentityChange::Kind::merge;
    out.duplicate = auth::SubjectId(options.duplicate);
  } else if (!options.factor.empty()) {
    out.kind = auth::IdentityChange::Kind::factor;
    out.factor_id = options.factor;
  } else {
    return base::error(base::Code::invalid_argument, "auth.request.nothing");
  }
  return out;
}

Answer id_answer(std::string_view name, const std::string& id, std::string text) {
  base::JsonWriter out;
  out.StartObject();
  out.member(name, std::string_view(id));
  out.EndObject();
  return {out.text(), std::move(text), kDone};
}

base::Result<Answer> ask(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto staff, log_in_staff(*people, options.staff));
  BASE_TRY(const auto change, change_of(context, options));
  if (options.dry_run) return id_answer("would_ask", options.subject, "可以申请 · could be asked");
  BASE_TRY(const auto id, people->requests.ask(auth::SubjectId(options.subject), change, staff));
  return id_answer("request", id, "已提出申请，等待他人批准 · asked, waits for others: " + id);
}

base::Result<Answer> approve(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto staff, log_in_staff(*people, options.staff));
  if (options.dry_run) return id_answer("would_approve", options.request, "可以批准 · may approve");
  BASE_TRY(const auto outcome, people->requests.approve(options.request, staff, options.reason));
  const bool done = outcome == auth::IdentityRequests::Outcome::done;
  auto answer = id_answer("request", options.request,
                          done ? "已批准并办结 · approved and done"
                               : "已批准，还需另一人批准 · approved, another one is needed");
  if (!done) answer.exit = kWaiting;
  return answer;
}

base::Result<Answer> refuse(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto staff, log_in_staff(*people, options.staff));
  if (options.dry_run) return id_answer("would_refuse", options.request, "可以拒绝 · may refuse");
  BASE_TRY_VOID(people->requests.refuse(options.request, staff, options.reason));
  return id_answer("request", options.request, "已拒绝 · refused");
}

base::Result<Answer> lock(Context& context, const Options& options) {
  std::optional<base::Time> until;
  if (!options.until.empty()) {
    until = auth::end_of_day(options.until);
    if (!until) return base::error(base::Code::invalid_argument, "auth.lock.until");
  }
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto staff, log_in_staff(*people, options.staff));
  if (options.dry_run) return id_answer("would_lock", options.subject, "可以锁定 · may be locked");
  BASE_TRY_VOID(
      people->locks.lock(auth::SubjectId(options.subject), staff, options.reason, until));
  return id_answer("subject", options.subject,
                   "已锁定，登录和令牌全部失效 · locked, logins and tokens have ended");
}

base::Result<Answer> unlock(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto staff, log_in_staff(*people, options.staff));
  if (options.dry_run)
    return id_answer("would_unlock", options.subject, "可以解锁 · may be unlocked");
  BASE_TRY_VOID(people->locks.unlock(auth::SubjectId(options.subject), staff, options.reason));
  return id_answer("subject", options.subject, "已解锁 · unlocked");
}

/// What stands against logging in, and what one logs in with.
base::Result<Answer> show(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto staff, log_in_staff(*people, options.staff));
  BASE_TRY(const auto file, people->desk.open(staff, auth::SubjectId(options.subject)));
  base::JsonWriter out;
  out.StartObject();
  out.member("subject", options.subject);
  out.member("name", base::mask_name(file.record.name));
  out.member("proofing", static_cast<int>(file.record.proofing));
  out.member("sessions", file.sessions);
  out.member("locked", file.lock.has_value());
  std::string text = options.subject + "  " + base::mask_name(file.record.name);
  text += file.lock ? "\n  已锁定 locked  " : "\n  可以登录 may log in";
  if (file.lock) {
    out.member("lock_reason", file.lock->reason);
    out.member("locked_by", file.lock->by);
    out.member("locked_at", base::to_rfc3339(file.lock->at));
    text += file.lock->reason;
    if (file.lock->until) {
      out.member("locked_until", base::to_rfc3339(*file.lock->until));
      text += "\n  至 until " + base::to_china_time(*file.lock->until);
    }
  }
  out.key("factors");
  out.StartArray();
  for (const auto& factor : file.factors) {
    out.StartObject();
    out.member("id", factor.id);
    out.member("kind", auth::to_text(factor.kind));
    out.member("added_at", base::to_rfc3339(factor.added_at));
    out.EndObject();
    text += "\n  " + factor.id + "  " + std::string(auth::to_text(factor.kind));
  }
  out.EndArray();
  out.EndObject();
  return Answer{out.text(), text, kDone};
}

base::Result<Answer> reset(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto staff, log_in_staff(*people, options.staff));
  if (options.dry_run)
    return id_answer("would_reset", options.subject, "可以重置 · could be reset");
  BASE_TRY(const auto code,
           people->desk.reset(staff, auth::SubjectId(options.subject)));
  return id_answer(
      "code", code,
      "一次性激活码，24小时内在 /activate 使用 · one-time code for /activate, good for a day:\n" +
          code);
}

/// 窗口核验: the person and the document were seen.
base::Result<Answer> prove(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto staff, log_in_staff(*people, options.staff));
  if (options.dry_run)
    return id_answer("would_prove", options.subject, "可以记录 · could be recorded");
  auth::Proofings::Config config;
  config.life[2] = std::chrono::hours(24 * options.days);
  auth::Proofings proofings({people->pool,
                             people->cipher,
                             people->accounts,
                             context.clock(),
                             context.random(),
                             {},
                             std::move(config)});
  BASE_TRY_VOID(proofings.at_counter(auth::SubjectId(options.subject), staff, options.evidence));
  return id_answer("subject", options.subject, "已记录窗口核验（P3）· proven at a counter (P3)");
}

}  // namespace

void register_person(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("person", "what staff do for people and units");
  noun->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  using Verb = base::Result<Answer> (*)(Context&, const Options&);
  const auto verb = [&](const char* name, const char* help, Verb run) {
    auto* out = add_staff_verb(*noun, name, help, o->staff);
    out->callback([&context, o, run] { context.run([&] { return run(context, *o); }); });
    return out;
  };
  const auto number = [&](CLI::App* out) {
    out->add_option("--type", o->id_type, "kind of document: cn-id, passport, uscc, …");
    out->add_option("--number-file", o->number_file, "file with the document's number");
    out->add_option("--country", o->country, "of a passport: three letters (ISO 3166-1)");
  };
  const auto dry = [&](CLI::App* out) {
    out->add_flag("--dry-run", o->dry_run, "log in and check, change nothing");
  };
  auto* finding = verb("find", "who has this user name or number; shown in part", find);
  finding->add_option("--login", o->login_name, "user name");
  number(finding);
  verb("show", "an account: its lock, its factors; shown in part", show)
      ->add_option("subject", o->subject, "subject id, from find")
      ->required();
  verb("requests", "changes of identity that wait for a decision", list);

  auto* asking = verb("ask", "ask for a change of identity; others decide", ask);
  asking->add_option("subject", o->subject, "subject id, from find")->required();
  asking->add_option("--name", o->name, "the new name");
  number(asking);
  asking->add_flag("--beside", o->beside, "link the document beside the one in use");
  asking->add_option("--unlink", o->unlink, "id of a document to take away");
  asking->add_option("--merge", o->duplicate, "subject id of a duplicate that becomes this one");
  asking->add_option("--unbind", o->factor, "id of a factor that was lost, from show");
  dry(asking);

  auto* approving = verb("approve", "approve a change; the last approval does it", approve);
  auto* refusing = verb("refuse", "refuse a change", refuse);
  for (auto* one : {approving, refusing}) {
    one->add_option("request", o->request, "request id, from requests")->required();
    dry(one);
  }
  refusing->add_option("--reason", o->reason, "why, for the person to read")->required();
  approving->add_option("--reason", o->reason, "a note for the audit trail");

  auto* proving = verb("prove", "the person and the document were seen at a counter (P3)", prove);
  proving->add_option("subject", o->subject, "subject id, from find")->required();
  proving->add_option("--evidence", o->evidence, "number of the counter's record")->required();
  proving->add_option("--days", o->days, "how long it counts; 0: without an end")
      ->check(CLI::Range(0, 36'500))
      ->capture_default_str();
  dry(proving);

  auto* locking =
      verb("lock", "lock an account: no login, all sessions and tokens end", lock);
  auto* unlocking = verb("unlock", "unlock an account", unlock);
  auto* resetting = verb("reset", "make a one-time code for setting a new password", reset);
  for (auto* one : {locking, unlocking, resetting}) {
    one->add_option("subject", o->subject, "subject id, from find")->required();
    dry(one);
  }
  for (auto* one : {locking, unlocking})
    one->add_option("--reason", o->reason, "why, for staff and the audit trail")->required();
  locking->add_option("--until", o->until, "last day of it, e.g. 2027-01-31; else until unlocked");
}

}  // namespace cli
