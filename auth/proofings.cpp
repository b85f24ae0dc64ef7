#include "auth/proofings.h"

#include <algorithm>

#include "auth/details.h"
#include "auth/identity_requests.h"
#include "base/encoding.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

using Way = ProofingMethod::Way;

constexpr const char* kVisitField = "auth/proofing_visit";
/// Of its own, and by method: guessing one thing is not forgiven by knowing another.
constexpr std::string_view kLock = "auth/login_failure/proofing";

constexpr store::Query kPutVisit{"auth.put_proofing_visit", R"sql(
  insert into auth.proofing_visit (digest, subject_id, session_id, method, sealed, expires_at)
  values ($1, $2, $3, $4, $5, $6))sql"};
constexpr store::Query kFindVisit{"auth.find_proofing_visit", R"sql(
  select method, sealed from auth.proofing_visit
   where digest = $1 and session_id = $2 and expires_at > $3)sql"};
constexpr store::Query kTakeVisit{"auth.take_proofing_visit", R"sql(
  delete from auth.proofing_visit where digest = $1 returning method)sql"};

base::Error visit_over() {
  return base::error(base::Code::expired, "auth.proofing.visit_over");
}

ProofingQuestion question_about(const SubjectRecord& person, const ProofingMethod& method,
                                std::string nonce) {
  ProofingQuestion out{std::string(method.id), std::move(nonce), {}};
  out.attributes = {
      {"name", person.name}, {"id_type", person.id_type}, {"id_number", person.id_number}};
  if (!person.id_country.empty()) out.attributes.emplace_back("country", person.id_country);
  return out;
}

/// A name and number that somebody else vouches for against those on record: all of it, or nothing.
bool is_person(const SubjectRecord& person, std::string_view name, std::string_view id_number) {
  const auto told = normal_name(person.kind, name);
  std::string number(id_number);
  for (auto& c : number)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return told && *told == person.name && !number.empty() && number == person.id_number;
}

base::Digest digest_in(const FieldValues& kept, const char* name) {
  base::Digest out{};
  const auto bytes = base::from_hex(kept.at(name));
  base::check(bytes && bytes->size() == out.size(), "a visit keeps its counters");
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

/// The counters that the visit's beginning stands in.
SoftLock::Admission admission_in(const FieldValues& kept) {
  SoftLock::Admission out;
  out.account = digest_in(kept, "account");
  out.network = digest_in(kept, "network");
  out.counter = digest_in(kept, "counter");
  return out;
}

}  // namespace

Proofings::Proofings(Parts parts) : parts_(std::move(parts)) {
  const auto all = proofing_methods();
  methods_.assign(all.begin(), all.end());
  for (auto& method : methods_)
    if (method.id == "network-id") method.level = parts_.config.network_id_level;
}

const VisitedSource& Proofings::visited(const ProofingMethod& method) const {
  const auto& sources = parts_.sources;
  if (method.id == "face") return *sources.face;
  return method.id == "social-card" ? *sources.social_card : *sources.network_id;
}

bool Proofings::tells(const ProofingMethod& method) const {
  if (method.id == "network-id" || method.id == "network-id-face")
    return parts_.sources.network_id_tells;
  return method.id == "social-card";
}

ProofingQuestion Proofings::visit_question(const SubjectRecord& person,
                                           const ProofingMethod& method, std::string nonce) const {
  // A 网证 that tells gets neither name nor number: they are not its to have.
  if (tells(method) && method.id != "social-card")
    return {std::string(method.id), std::move(nonce), {}};
  return question_about(person, method, std::move(nonce));
}

bool Proofings::is_open(const ProofingMethod& method) const {
  const auto& sources = parts_.sources;
  if (method.id == "association") return sources.association != nullptr;
  if (method.id == "social-card") return sources.social_card != nullptr;
  if (method.id == "face") return sources.face != nullptr;
  if (method.id == "network-id") return sources.network_id != nullptr;
  if (method.id == "network-id-face")
    return sources.network_id != nullptr && sources.network_id_face;
  if (method.id == "certificate") return sources.certificates;
  if (method.id == "counter") return true;
  return sources.identity != nullptr;
}

std::vector<const ProofingMethod*> Proofings::offered(SubjectKind kind) const {
  std::vector<const ProofingMethod*> out;
  for (const auto& method : methods_)
    if (is_open(method) && (kind == SubjectKind::person || method.for_units))
      out.push_back(&method);
  return out;
}

Proofing Proofings::reachable(SubjectKind kind) const {
  auto most = Proofing::p0;
  for (const auto* method : offered(kind))
    if (method->id != "counter") most = std::max(most, method->level);
  return most;
}

base::Result<const ProofingMethod*> Proofings::open_method(SubjectKind kind,
                                                           std::string_view method, Way way) const {
  for (const auto* one : offered(kind))
    if (one->id == method && one->way == way) return one;
  return base::error(base::Code::invalid_argument, "auth.proofing.method");
}

std::optional<base::Time> Proofings::until(Proofing level, base::Time now) const {
  const auto life = parts_.config.life[static_cast<std::size_t>(level) - 1];
  return life.count() == 0 ? std::nullopt : std::optional<base::Time>(now + life);
}

base::Result<Proofings::Tried> Proofings::put_down(const SubjectRecord& person,
                                                   const ProofingMethod& method,
                                                   const std::string& source,
                                                   const ProofingAnswer& answer, store::Tx& tx) {
  const auto now = parts_.clock.now();
  ProofingEvidence evidence{person.id, std::string(method.id), source, answer.outcome};
  evidence.transaction = base::printable(answer.transaction, 100);
  if (answer.outcome == ProofingOutcome::matches) {
    evidence.level = method.level;
    evidence.matched = answer.matched;
    evidence.valid_until = until(method.level, now);
  }
  BASE_TRY_VOID(put_proofing(tx, parts_.random, evidence, now, person.id.value()));
  return Tried{answer.outcome, Proofing::p0, {}, answer.trouble};
}

base::Result<Proofings::Tried> Proofings::ask(const SubjectId& subject, std::string_view method,
                                              const FieldValues& typed, std::string_view network) {
  BASE_TRY(const auto person, parts_.accounts.subject(subject));
  BASE_TRY(const auto* way, open_method(person.kind, method, Way::asked));
  BASE_TRY(const auto values, read_typed(*way, typed));
  const auto* source =
      way->id == "association" ? parts_.sources.association : parts_.sources.identity;

  SoftLock lock(parts_.pool, parts_.cipher, parts_.clock);
  BASE_TRY(const auto admission,
           lock.admit(kLock, subject.value() + " " + std::string(way->id), network));
  auto question = question_about(person, *way, base::to_base64url(parts_.random.bytes(24)));
  question.attributes.insert(question.attributes.end(), values.begin(), values.end());
  const auto answer = source->ask(question);
  if (answer.outcome == ProofingOutcome::unavailable) BASE_TRY_VOID(lock.forgive(admission));

  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(auto tried, put_down(person, *way, source->name(), answer, tx));
  if (answer.outcome == ProofingOutcome::matches) lock.succeeded(tx, admission);
  BASE_TRY_VOID(tx.commit());
  BASE_TRY(const auto stands, standing(subject));
  tried.level = stands.level;
  return tried;
}

base::Result<Proofings::Begun> Proofings::begin(const Session& session, std::string_view method,
                                                const std::string& return_address,
                                                std::string_view return_to,
                                                std::string_view network) {
  BASE_TRY(const auto person, parts_.accounts.subject(session.subject));
  BASE_TRY(const auto* way, open_method(person.kind, method, Way::visited));
  if (way->consent) {
    BASE_TRY(const bool given, has_consent(session.subject, way->id));
    if (!given) return base::error(base::Code::permission_denied, "auth.proofing.consent");
  }
  SoftLock lock(parts_.pool, parts_.cipher, parts_.clock);
  BASE_TRY(const auto admission,
           lock.admit(kLock, session.subject.value() + " " + std::string(way->id), network));
  const auto& source = visited(*way);
  const auto question = visit_question(person, *way, base::to_base64url(parts_.random.bytes(24)));
  const auto secret = parts_.random.bytes(32);
  const auto state = base::to_base64url(secret);
  auto visit = source.begin(question, return_address + "?state=" + state);
  if (!visit.ok()) {
    BASE_TRY_VOID(lock.forgive(admission));
    return std::move(visit).error();
  }
  const auto digest = base::sha256(secret);
  const auto sealed = parts_.cipher.seal(
      kVisitField, base::to_hex(digest),
      base::as_bytes(to_json(FieldValues{{"ticket", visit->ticket},
                                         {"nonce", question.nonce},
                                         {"return_to", std::string(return_to)},
                                         {"account", base::to_hex(admission.account)},
                                         {"network", base::to_hex(admission.network)},
                                         {"counter", base::to_hex(admission.counter)}})));
  BASE_TRY_VOID(
      parts_.pool.run(kPutVisit, {base::BytesView(digest), session.subject.value(), session.id,
                                  way->id, sealed, parts_.clock.now() + parts_.config.visit_life}));
  return Begun{visit->address, state};
}

base::Result<std::optional<Proofings::Tried>> Proofings::finish(const Session& session,
                                                                std::string_view state) {
  const auto secret = base::from_base64url(state);
  if (!secret || secret->size() != 32) return visit_over();
  const auto digest = base::sha256(*secret);
  BASE_TRY(const auto rows,
           parts_.pool.run(kFindVisit, {base::BytesView(digest), session.id, parts_.clock.now()}));
  if (rows.empty()) return visit_over();
  BASE_TRY(const auto person, parts_.accounts.subject(session.subject));
  BASE_TRY(const auto* way, open_method(person.kind, rows.text(0, 0), Way::visited));
  BASE_TRY(const auto opened,
           parts_.cipher.open(kVisitField, base::to_hex(digest), rows.bytes(0, 1)));
  const auto kept = values_from_json(base::as_text(opened));
  const auto& source = visited(*way);
  auto told = source.result(visit_question(person, *way, kept.at("nonce")), kept.at("ticket"));
  if (!told) return std::optional<Tried>();
  // No answer is none: the visit waits for the next try, until it is too old.
  if (told->outcome == ProofingOutcome::unavailable)
    return std::optional<Tried>(Tried{told->outcome, person.proofing, {}, told->trouble});
  if (told->outcome == ProofingOutcome::matches && tells(*way)) {
    if (!is_person(person, told->name, told->id_number))
      told->outcome = ProofingOutcome::does_not_match;
    else
      told->matched = {"name", "id_number"};
  }
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto taken, tx.run(kTakeVisit, {base::BytesView(digest)}));
  if (taken.empty()) return visit_over();
  BASE_TRY(auto tried, put_down(person, *way, source.name(), *told, tx));
  if (told->outcome == ProofingOutcome::matches) {
    SoftLock lock(parts_.pool, parts_.cipher, parts_.clock);
    lock.succeeded(tx, admission_in(kept));
  }
  BASE_TRY_VOID(tx.commit());
  BASE_TRY(const auto stands, standing(session.subject));
  tried.level = stands.level;
  tried.return_to = kept.at("return_to");
  return std::optional<Tried>(std::move(tried));
}

base::Result<Proofing> Proofings::put_match(store::Tx& tx, const SubjectId& subject,
                                            std::string_view method, const std::string& source,
                                            const std::string& transaction) {
  BASE_TRY(const auto* way, open_method(SubjectKind::person, method, Way::visited));
  const auto now = parts_.clock.now();
  ProofingEvidence evidence{subject, std::string(way->id), source, ProofingOutcome::matches};
  evidence.level = way->level;
  evidence.matched = {"name", "id_number"};
  evidence.transaction = base::printable(transaction, 100);
  evidence.valid_until = until(way->level, now);
  return put_proofing(tx, parts_.random, evidence, now, subject.value());
}

base::Result<Proofing> Proofings::take_certificate(const SubjectId& subject,
                                                   const VerifiedCertificate& certificate) {
  BASE_TRY(const auto person, parts_.accounts.subject(subject));
  BASE_TRY(const auto* way, open_method(person.kind, "certificate", Way::shown));
  const auto now = parts_.clock.now();
  const bool same =
      is_person(person, certificate.name, certificate.id_number) && certificate.not_after > now;
  ProofingEvidence evidence{subject, std::string(way->id), certificate.body,
                            same ? ProofingOutcome::matches : ProofingOutcome::does_not_match};
  // Shown again it proves again: what must be new is the challenge, and its judge saw to that.
  evidence.transaction =
      certificate.fingerprint.substr(0, 64) + "." + base::to_hex(parts_.random.bytes(4));
  if (same) {
    evidence.level = way->level;
    evidence.matched = {"name", "id_number"};
    const auto end = until(way->level, now);
    evidence.valid_until = end ? std::min(*end, certificate.not_after) : certificate.not_after;
  }
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto level, put_proofing(tx, parts_.random, evidence, now, subject.value()));
  BASE_TRY_VOID(tx.commit());
  if (!same) return base::error(base::Code::conflict, "auth.proofing.certificate_other");
  return level;
}

base::Result<Proofing> Proofings::at_counter(const SubjectId& subject, const SubjectId& staff,
                                             std::string_view evidence) {
  IdentityRequests requests({parts_.pool, parts_.cipher, parts_.clock, parts_.random});
  BASE_TRY(const bool may, requests.is_staff(staff));
  if (!may) return base::error(base::Code::permission_denied, "auth.staff.none");
  if (staff == subject) return base::error(base::Code::permission_denied, "auth.staff.own");
  if (evidence.empty() || evidence.size() > 100 || base::printable(evidence, 100) != evidence)
    return base::error(base::Code::invalid_argument, "auth.proofing.evidence");
  const auto now = parts_.clock.now();
  ProofingEvidence found{subject, "counter", "staff:" + staff.value(), ProofingOutcome::matches};
  found.level = Proofing::p3;
  found.matched = {"name", "id_number"};
  found.transaction = evidence;
  found.valid_until = until(Proofing::p3, now);
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto level, put_proofing(tx, parts_.random, found, now, staff.value()));
  BASE_TRY_VOID(tx.commit());
  return level;
}

}  // namespace auth
