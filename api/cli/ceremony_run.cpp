// The run as a whole: its steps in order, what failed in them, and how a request is carried.
#include <algorithm>
#include <array>

#include "api/cli/ceremony_run.h"
#include "api/cli/words.h"
#include "base/fail_point.h"
#include "base/json.h"

namespace cli {
namespace {

using Outcome = CeremonyStep::Outcome;
using hsm::officers::Decision;

/// What officers are asked for here under the plan's title, and so may be carried on.
constexpr std::array<std::string_view, 5> kActs{"key.generate", "key.backup", "backup.prove",
                                                "key.activate", "sign"};

constexpr const char* kClosing = "closing";

}  // namespace

base::Error about_key(base::Code code, std::string key, const std::string& label) {
  auto failure = base::error(code, std::move(key), label);
  failure.args = {{"key", label}};
  return failure;
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::generated:
      return "generated";
    case Outcome::backed_up:
      return "backed_up";
    case Outcome::drilled:
      return "drilled";
    case Outcome::activated:
      return "activated";
    case Outcome::issued:
      return "issued";
    case Outcome::restored:
      return "restored";
    case Outcome::adopted:
      return "adopted";
    case Outcome::kept:
      return "kept";
    case Outcome::published:
      return "published";
  }
  return "";
}

Ceremony::Ceremony(Officer& officer, const CeremonyPlan& plan, CeremonyOptions options)
    : officer_(officer),
      plan_(plan),
      options_(std::move(options)),
      minutes_(officer.pki.path() / "ceremony" / "minutes.jsonl", officer.context.clock(),
               officer.name) {}

void Ceremony::tell(std::string what, Outcome outcome, std::string detail) {
  officer_.context.say("  " + std::string(to_string(outcome)) + "  " + what +
                       (detail.empty() ? "" : "  " + detail));
  steps_.push_back({std::move(what), outcome, std::move(detail)});
}

base::Result<std::vector<CeremonyStep>> Ceremony::run() {
  if (officer_.config.production && plan_.demonstration)
    return base::error(base::Code::permission_denied, "cli.demonstration_plan");
  BASE_TRY_VOID(minutes_.look());
  BASE_TRY_VOID(step("beginning", &Ceremony::begin));
  BASE_TRY_VOID(step("keys", &Ceremony::make_keys));
  if (auto proven = step("backup", &Ceremony::prove_backup); !proven.ok()) {
    // Officers have to do something elsewhere: those who were here sign what there is.
    if (proven.error().key == "cli.key_not_active")
      BASE_TRY_VOID(step(kClosing, &Ceremony::close_minutes));
    return proven.error();
  }
  BASE_TRY_VOID(step("activation", &Ceremony::activate));
  BASE_TRY_VOID(step("certificates", &Ceremony::certify));
  BASE_TRY_VOID(step("lists", &Ceremony::publish));
  BASE_TRY_VOID(step(kClosing, &Ceremony::close_minutes));
  return steps_;
}

/// One step, as often as those who are there want to try it. What failed, and that it was done
/// over, stands in the minutes.
base::Result<void> Ceremony::step(const char* name, base::Result<void> (Ceremony::*deed)()) {
  step_ = name;
  for (bool again = false;; again = true) {
    // What the first try asked for is open still: it is carried on, not asked for twice.
    auto done = again ? begin() : base::Result<void>{};
    if (done.ok()) done = (this->*deed)();
    if (done.ok()) return step_ == kClosing ? done : note_done_over();
    if (const auto noted = note_failed(done.error()); !noted.ok())
      officer_.context.say(noted.error().key + " " + noted.error().detail);
    if (!interactive() || !ask_to_repeat(done.error())) return done;
  }
}

base::Result<void> Ceremony::begin() {
  BASE_TRY_VOID(look());
  return resume();
}

base::Result<void> Ceremony::look() {
  BASE_TRY(health_, officer_.signer.health());
  if (!health_.token_up)
    return base::error(base::Code::unavailable, "hsm.unavailable", health_.reason);
  BASE_TRY(governance_, Governance::read(officer_.signer));
  BASE_TRY(auto keys, officer_.signer.keys());
  keys_.clear();
  for (auto& key : keys) keys_.insert_or_assign(key.label, std::move(key));
  return {};
}

/// What an earlier run asked for under this plan and was stopped over: approved to the end, carried
/// out and put where it belongs, so that nothing is made or issued a second time.
base::Result<void> Ceremony::resume() {
  std::vector<std::pair<std::string, std::string>> begun;  // when, which
  for (const auto& one : governance_.all()["requests"].GetArray()) {
    const auto op = base::json_text(one, "op"), standing = base::json_text(one, "standing");
    if (std::count(kActs.begin(), kActs.end(), op) == 0 ||
        base::json_text(one, "reason") != plan_.title)
      continue;
    if (standing == "open" || standing == "executing" || (standing == "done" && op == "sign"))
      begun.emplace_back(base::json_text(one, "created"), base::json_text(one, "id"));
  }
  std::sort(begun.begin(), begun.end());
  for (const auto& [created, id] : begun) {
    BASE_TRY(auto record, find_request(officer_, id));
    if (record.standing != "done") {
      BASE_TRY(record, carry(std::move(record)));
    }
    if (record.request.op != "sign") continue;
    BASE_TRY(const bool finished, signing_finished(officer_, record));
    if (finished) continue;
    BASE_TRY_VOID(open_minutes());
    BASE_TRY(const auto lines, finish_signing(officer_, record));
    for (const auto& line : lines) {
      BASE_TRY_VOID(minutes_.note("finish", "补完已批准的签发 " + line));
      officer_.context.say("  finished  " + line);
    }
    issued_anew_ = true;
  }
  return begun.empty() ? base::Result<void>{} : look();
}

/// Shown, approved card by card until there are enough, carried out, and in the minutes.
base::Result<RequestRecord> Ceremony::carry(RequestRecord record) {
  BASE_TRY_VOID(open_minutes());
  officer_.context.say(words(record));
  BASE_TRY_VOID(minutes_.note("request", words(record)));
  for (const auto& options : options_.cards) {
    if (record.standing != "open" || static_cast<int>(record.approvals.size()) >= record.needed)
      break;
    BASE_TRY(const auto card, open_card(officer_.context, options));
    BASE_TRY(const auto person, governance_.person(card->public_key()));
    const auto role = std::find_if(plan_.roles.begin(), plan_.roles.end(),
                                   [&](const PlannedRole& one) { return one.id == person; });
    if (role == plan_.roles.end() || role->role != hsm::officers::Role::officer ||
        std::count(record.approvals.begin(), record.approvals.end(), person) != 0)
      continue;
    if (!options_.confirmed) BASE_TRY_VOID(typed_by(person, tail_of(record)));
    BASE_TRY(record, cast_vote(officer_, governance_, *card, record, Decision::approve, ""));
    officer_.context.say("  " + person + "：同意 approves");
  }
  if (static_cast<int>(record.approvals.size()) < record.needed) {
    auto failure = base::error(base::Code::unavailable, "cli.cards_missing", record.id);
    failure.args = {
        {"what", std::to_string(record.approvals.size()) + "/" + std::to_string(record.needed)}};
    return failure;
  }
  BASE_TRY(record, execute(officer_, record.id));
  BASE_TRY_VOID(note_ledger());
  return record;
}

}  // namespace cli
