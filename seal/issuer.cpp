#include "seal/issuer.h"

#include <algorithm>
#include <thread>

#include "auth/system_actor.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "seal/in_flight.h"
#include "seal/records.h"
#include "seal/seal_gate.h"
#include "store/audit.h"

namespace seal {
namespace {

using base::Code;
using base::error;
using namespace std::chrono_literals;

constexpr auto kDeadline = 30s;  // of an intent: far beyond what any step may take
constexpr auto kWait = 8s;       // for another call with the same idempotency key
constexpr std::string_view kScope = "documents";

// What tells the moment of drafting is left out, so that the same request asked twice is the same.
std::string canonical(const Draft& draft) {
  std::string out;
  const auto part = [&](std::string_view text) {
    out += std::to_string(text.size());
    out += ':';
    out += text;
  };
  part(draft.registered_kind());
  part(to_string(draft.format));
  part(draft.subject);
  for (const auto& [name, value] : draft.fields) {
    if (name == "as_of") continue;
    part(name);
    part(value);
  }
  out += ';';
  for (const auto& row : draft.rows) {
    for (const auto& cell : row) part(cell);
    out += ';';
  }
  return out;
}

base::Result<void> check_key(std::string_view key) {
  const bool visible =
      std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (key.empty() || key.size() > 200 || !visible)
    return error(Code::invalid_argument, "seal.idempotency_key");
  return {};
}

base::Error in_progress() {
  auto failure = error(Code::unavailable, "seal.in_progress");
  failure.retry_after = 1s;
  return failure;
}

/// Of a file in this format (OFD: as the industry calls it, none is registered).
struct FileForm {
  std::string_view media_type, extension;
};
FileForm form_of(std::string_view format) {
  return format == to_string(Format::ofd) ? FileForm{"application/ofd", ".ofd"}
                                          : FileForm{"application/pdf", ".pdf"};
}

}  // namespace

struct Issuer::Life {
  const std::string boot;  // names it
  const base::Time started;
  InFlight in_flight;
};

struct Issuer::Impl {
  Impl(Parts parts_in, std::unique_ptr<Composer> composer_in,
       std::shared_ptr<const Templates> kinds)
      : parts(std::move(parts_in)),
        composer(std::move(composer_in)),
        gate({parts.pool, parts.clock, parts.random}, composer->seal().id.value()),
        life(parts.life ? parts.life : new_life(parts.clock, parts.random)),
        boot(life->boot),
        started(life->started),
        publications(std::move(kinds)) {}

  /// A document on its way: made, but not yet released.
  struct Made {
    Issued issued;
    base::Digest sha256{};
    verify::DocumentCode code;
  };

  base::Result<void> may(const auth::Actor& actor) const;
  base::Result<void> may_issue(const auth::Actor& actor, const Draft& draft) const;
  base::Result<Issued> claim_and_make(const auth::Actor& actor, const Draft& draft,
                                      const base::Digest& request, SealUse use);
  base::Result<Issued> work(const auth::Actor& actor, const records::Intent& intent,
                            const Draft& draft, SealUse use);
  base::Result<Made> make(const Draft& draft);
  base::Result<void> release(const auth::Actor& actor, const records::Intent& intent,
                             const Draft& draft, const Made& made);
  base::Result<Issued> resolve_commit(const records::Intent& intent, base::Error failure);
  base::Result<Issued> read(const std::string& id, const std::string& subject);
  std::string new_document_id(base::Time at);

  const Parts parts;
  const std::unique_ptr<Composer> composer;
  SealGate gate;
  const std::shared_ptr<Life> life;
  const std::string& boot;  // this life of the instance
  const base::Time started;
  const std::shared_ptr<const Templates> publications;
};

std::shared_ptr<Issuer::Life> Issuer::new_life(const base::Clock& clock, base::Random& random) {
  return std::shared_ptr<Life>(new Life{base::to_hex(random.bytes(16)), clock.now(), {}});
}

Issuer::Issuer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Issuer::~Issuer() = default;

base::Result<std::unique_ptr<Issuer>> Issuer::create(Parts parts, SealConfig seal) {
  BASE_TRY(auto publications, Templates::built_in());
  BASE_TRY(auto composer,
           Composer::create({parts.verifier, parts.timestamps, parts.clock, parts.random,
                             parts.verify_address, parts.font_file, parts.title_font_file},
                            std::move(seal), *publications));
  return std::unique_ptr<Issuer>(new Issuer(
      std::make_unique<Impl>(std::move(parts), std::move(composer), std::move(publications))));
}

base::Result<void> Issuer::Impl::may(const auth::Actor& actor) const {
  if (!actor.has_scope(kScope) && !actor.has_scope(auth::kSampleScope))
    return error(Code::permission_denied, "seal.scope");
  return {};
}

// Facts that a handling system states leave for a system alone, samples for nobody in particular:
// no person can have either made, whatever a floor above gets wrong.
base::Result<void> Issuer::Impl::may_issue(const auth::Actor& actor, const Draft& draft) const {
  const auto* kind = publications->find(draft.kind);
  const bool of_system = !draft.sample && kind != nullptr && kind->source == FactSource::system;
  const auto scope = draft.sample ? auth::kSampleScope : of_system ? kSystemScope : kScope;
  if (!actor.has_scope(scope) || auth::is_system(actor) != of_system)
    return error(Code::permission_denied, "seal.scope");
  // Whom he acts for, by a mandate or himself: decided where the actor was made, and nowhere else.
  if (draft.subject.empty() || actor.acting_for().value() != draft.subject)
    return error(Code::permission_denied, "seal.not_own");
  return {};
}

base::Result<Issued> Issuer::issue(const auth::Actor& actor, const Draft& draft,
                                   std::string_view idempotency_key, SealUse use) {
  BASE_TRY_VOID(impl_->may_issue(actor, draft));
  BASE_TRY_VOID(check_key(idempotency_key));
  if (!impl_->composer->has(draft.kind))
    return error(Code::invalid_argument, "seal.kind", base::to_hex(base::as_bytes(draft.kind)));
  if (!impl_->composer->has(draft.format)) return error(Code::invalid_argument, "seal.format");
  const auto request = impl_->parts.cipher.lookup(
      "seal.request", draft.subject + '\n' + std::string(idempotency_key));
  const auto turn = impl_->life->in_flight.take(base::to_hex(request), kWait);
  if (!turn) return in_progress();
  return impl_->claim_and_make(actor, draft, request, use);
}

// Claims the request with an intent of its own, or finds who did so before.
base::Result<Issued> Issuer::Impl::claim_and_make(const auth::Actor& actor, const Draft& draft,
                                                  const base::Digest& request, SealUse use) {
  const auto content = parts.cipher.lookup("seal.draft", canonical(draft));
  const auto give_up = std::chrono::steady_clock::now() + kWait;
  for (auto pause = 10ms;; pause = std::min(pause * 2, 200ms)) {
    const auto now = parts.clock.now();
    const records::Intent intent{.id = base::to_hex(parts.random.bytes(16)),
                                 .subject = draft.subject,
                                 .request = request,
                                 .draft = content,
                                 .kind = draft.registered_kind(),
                                 .instance = parts.instance,
                                 .boot = boot,
                                 .created_at = now,
                                 .deadline = now + kDeadline};
    const auto claimed = records::open(parts.pool, intent);
    if (claimed.ok() && *claimed) return work(actor, intent, draft, use);
    const bool in_doubt = !claimed.ok() && claimed.error().key == "store.commit_unknown";
    if (!claimed.ok() && !in_doubt) return claimed.error();

    BASE_TRY(const auto found, records::find(parts.pool, draft.subject, request));
    if (!found) {  // abandoned this very moment, or never written
      if (std::chrono::steady_clock::now() >= give_up) return in_progress();
      continue;
    }
    if (found->id == intent.id) return work(actor, intent, draft, use);
    if (!base::constant_time_equal(found->draft, content))
      return error(Code::conflict, "seal.idempotency");
    if (found->issued) return read(found->document, draft.subject);
    // In this process only the holder of the turn works on a request, and that is us: an open
    // intent of this life was left when the database went away.
    const bool dead = found->deadline < now || found->boot == boot ||
                      (found->instance == parts.instance && found->created_at < started);
    if (dead) {
      BASE_TRY([[maybe_unused]] const bool ended,
               records::abandon(parts.pool, found->id, "seal.crash", now));
      continue;
    }
    if (std::chrono::steady_clock::now() >= give_up) return in_progress();
    std::this_thread::sleep_for(pause);  // another instance is at it
  }
}

base::Result<Issued> Issuer::Impl::work(const auth::Actor& actor, const records::Intent& intent,
                                        const Draft& draft, SealUse use) {
  base::fail_point("seal.after_intent");
  auto made = [&]() -> base::Result<Made> {
    BASE_TRY_VOID(gate.may(actor, draft.kind, use));
    return make(draft);
  }();
  base::Result<void> done = made.ok() ? composer->judge(made->issued.file(), draft, made->code)
                                      : base::Result<void>(made.error());
  if (done.ok()) {
    base::fail_point("seal.after_judge");
    done = release(actor, intent, draft, *made);
  }
  if (done.ok()) return std::move(made->issued);
  auto failure = std::move(done).error();
  if (failure.key == "store.commit_unknown") return resolve_commit(intent, std::move(failure));
  if (failure.key == "seal.policy.stopped") {
    // If this fails the next document is refused, and stops it, in the same way.
    [[maybe_unused]] const auto stopped = gate.stop();
  }
  // Nothing left. If the database is away the intent stays open, and settle() ends it.
  [[maybe_unused]] const auto ended =
      records::abandon(parts.pool, intent.id, failure.key, parts.clock.now());
  return failure;
}

base::Result<Issuer::Impl::Made> Issuer::Impl::make(const Draft& draft) {
  const auto at = parts.clock.now();
  const Composer::Identity identity{new_document_id(at), verify::DocumentCode::mint(parts.random),
                                    at};
  base::fail_point("seal.after_mint");
  BASE_TRY(auto file, composer->make(draft, identity));
  const auto form = form_of(to_string(draft.format));
  Made out{.issued = Issued(), .sha256 = base::sha256(file), .code = identity.code};
  out.issued.id_ = verify::DocumentId(identity.id);
  out.issued.code_ = identity.code.pretty();
  out.issued.file_ = std::move(file);
  out.issued.kind_ = draft.registered_kind();
  out.issued.media_type_ = form.media_type;
  out.issued.file_name_ = draft.registered_kind() + "-" + identity.id + std::string(form.extension);
  out.issued.issued_at_ = at;
  return out;
}

// Register, document, intent and audit row: together or not at all.
base::Result<void> Issuer::Impl::release(const auth::Actor& actor, const records::Intent& intent,
                                         const Draft& draft, const Made& made) {
  const auto& issued = made.issued;
  const auto id = issued.id().value();
  const records::Document row{
      .id = id,
      .subject = draft.subject,
      .kind = draft.registered_kind(),
      .issued_at = issued.issued_at(),
      .file_sealed = parts.cipher.seal("seal.document.file", id, issued.file()),
      .code_sealed = parts.cipher.seal("seal.document.code", id, base::as_bytes(issued.code())),
      .sha256 = made.sha256,
      .seal = composer->seal().id.value(),
      .template_version = draft.version,
      .format = std::string(to_string(draft.format))};
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("kind", draft.registered_kind());
  facts.member("template", draft.version);
  facts.member("format", to_string(draft.format));
  facts.member("sha256", base::to_hex(made.sha256));
  facts.member("seal", composer->seal().id.value());
  facts.member("key", composer->seal().key->info().id.value());
  facts.member("intent", intent.id);
  if (actor.acts_for_another()) {
    facts.member("on_behalf_of", actor.acting_for().value());
    facts.member("mandate", actor.mandate());
  }
  facts.EndObject();

  verify::Entry entry;
  entry.id = issued.id();
  entry.code = verify::digest_of(made.code, parts.code_pepper);
  entry.kind = draft.registered_kind();
  entry.issuer = composer->seal().agency;
  entry.issuer_code = composer->seal().agency_code;
  entry.issued_at = issued.issued_at();
  entry.valid_until = draft.valid_until;
  entry.file_sha256 = made.sha256;
  entry.file_bytes = static_cast<std::int64_t>(issued.file().size());
  entry.facts = draft.masked_facts;

  BASE_TRY(auto tx, parts.pool.begin());
  BASE_TRY_VOID(parts.documents.record(tx, entry));
  BASE_TRY_VOID(records::insert(tx, row));
  BASE_TRY(const bool still_open, records::mark_issued(tx, intent.id, id, parts.clock.now()));
  // Someone ended the intent meanwhile: whoever did so was told that nothing would come of it.
  if (!still_open) return error(Code::unavailable, "seal.too_late");
  BASE_TRY_VOID(gate.count(tx, parts.clock.now(), made.sha256[0]));
  // Last, for the chain's head is locked from here to the commit.
  BASE_TRY_VOID(store::audit(tx, {.at = issued.issued_at(),
                                  .actor = actor.subject().value(),
                                  .act = "document.issue",
                                  .object = id,
                                  .outcome = "ok",
                                  .facts_json = facts.text()}));
  base::fail_point("seal.before_commit");
  BASE_TRY_VOID(tx.commit());
  base::fail_point("seal.after_commit");
  return {};
}

// The commit's answer was lost. Abandoning waits for the row that the commit holds, so its answer
// is final: either it ended the intent, and the commit can no longer succeed, or the commit was
// there first.
base::Result<Issued> Issuer::Impl::resolve_commit(const records::Intent& intent,
                                                  base::Error failure) {
  const auto ended = records::abandon(parts.pool, intent.id, failure.key, parts.clock.now());
  if (!ended.ok() || *ended) return failure;  // settle() ends it if we could not
  BASE_TRY(const auto document, records::document_of(parts.pool, intent.id));
  if (!document) return failure;
  return read(*document, intent.subject);
}

base::Result<Issued> Issuer::Impl::read(const std::string& id, const std::string& subject) {
  BASE_TRY(const auto row, records::read(parts.pool, id, subject));
  if (!row) return error(Code::not_found, "seal.no_document");
  auto file = parts.cipher.open("seal.document.file", row->id, row->file_sealed);
  const auto code = parts.cipher.open("seal.document.code", row->id, row->code_sealed);
  if (!file.ok() || !code.ok() || base::sha256(*file) != row->sha256)
    return error(Code::internal, "seal.damaged", row->id);
  Issued out;
  out.id_ = verify::DocumentId(row->id);
  out.code_ = base::as_text(*code);
  out.file_ = std::move(file).value();
  out.kind_ = row->kind;
  const auto form = form_of(row->format);
  out.media_type_ = form.media_type;
  out.file_name_ = row->kind + "-" + row->id + std::string(form.extension);
  out.issued_at_ = row->issued_at;
  return out;
}

// Date and 60 random bits, in symbols that are not mistaken for one another.
std::string Issuer::Impl::new_document_id(base::Time at) {
  constexpr std::string_view kSymbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::string out;
  for (const auto c : base::to_iso_date(base::china_date(at)))
    if (c != '-') out += c;
  out += '-';
  for (const auto byte : parts.random.bytes(12)) out += kSymbols[byte & 31];
  return out;
}

base::Result<Issued> Issuer::fetch(const auth::Actor& actor, const verify::DocumentId& id) {
  // A system that made a document for somebody hands it on; a list of his documents it never has.
  if (!(auth::is_system(actor) && actor.has_scope(kSystemScope)))
    BASE_TRY_VOID(impl_->may(actor));
  return impl_->read(id.value(), actor.holders());
}

base::Result<std::vector<Issuer::Listed>> Issuer::list(const auth::Actor& actor) {
  BASE_TRY_VOID(impl_->may(actor));
  BASE_TRY(const auto rows, records::list(impl_->parts.pool, actor.holders()));
  std::vector<Listed> out;
  for (const auto& row : rows) out.push_back({verify::DocumentId(row.id), row.kind, row.issued_at});
  return out;
}

base::Result<int> Issuer::settle() {
  BASE_TRY_VOID(impl_->gate.forget_old());
  return records::abandon_stale(impl_->parts.pool, impl_->parts.instance, impl_->boot,
                                impl_->started, impl_->parts.clock.now());
}

}  // namespace seal
