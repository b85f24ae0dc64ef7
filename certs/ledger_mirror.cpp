#include "certs/ledger_mirror.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"

namespace certs {
namespace {

using base::Code;

constexpr std::size_t kMostAnswer = 16 << 20;

// Both in one look: a line and its audit row are written together.
constexpr store::Query kEnds{"certs.ledger_ends", R"sql(
  select coalesce((select max(n) from hsm.ledger_line), 0),
         coalesce((select (e.facts ->> 'n')::bigint from audit.entry e
                    where e.act like 'hsm.%' and e.act <> 'hsm.ledger_alarm'
                    order by e.seq desc limit 1), 0))sql"};
constexpr store::Query kLines{
    "certs.ledger_lines", "select n, line from hsm.ledger_line where n >= $1 order by n limit 100"};
constexpr store::Query kAdd{
    "certs.ledger_add",
    "insert into hsm.ledger_line (n, line, hash, mirrored_at) values ($1, $2, $3, $4)"};

base::Error wrong_at(const char* key, std::int64_t line, const std::string& why) {
  auto failure = base::error(Code::conflict, key, "line " + std::to_string(line) + ": " + why);
  failure.args = {{"line", std::to_string(line)}, {"why", why}};
  return failure;
}

bool is_alarm(const base::Error& failure) {
  return failure.key == "certs.ledger_shorter" || failure.key == "certs.ledger_differs" ||
         failure.key == "certs.ledger_line" || failure.key == "certs.ledger_mirror";
}

}  // namespace

base::Result<LedgerPage> read_ledger_page(std::string_view answer) {
  const auto wrong = [](const char* why) {
    return base::error(Code::unavailable, "certs.ledger_answer", why);
  };
  const auto document = base::parse_json(answer, {kMostAnswer, 3});
  if (!document.ok() || !document->IsObject()) return wrong("not JSON");
  const auto count = base::json_int(*document, "count");
  const auto lines = document->FindMember("lines");
  if (!count || *count < 0 || lines == document->MemberEnd() || !lines->value.IsArray())
    return wrong("count or lines");
  LedgerPage out;
  out.count = *count;
  for (const auto& line : lines->value.GetArray()) {
    if (!line.IsString()) return wrong("a line");
    out.lines.emplace_back(line.GetString(), line.GetStringLength());
  }
  return out;
}

base::Result<std::vector<std::string>> mirrored_lines(store::Pool& pool, std::int64_t from) {
  BASE_TRY(const auto rows, pool.run(kLines, {from}));
  std::vector<std::string> out;
  for (std::size_t i = 0; i < rows.size(); ++i) out.emplace_back(rows.text(i, 1));
  return out;
}

LedgerMirror::LedgerMirror(Parts parts)
    : parts_(std::move(parts)), replay_(std::make_unique<LedgerReplay>()) {}

base::Result<LedgerMirror::Turn> LedgerMirror::turn() {
  auto outcome = follow();
  if (outcome.ok()) {
    alarm_.clear();
    told_.clear();
  } else if (is_alarm(outcome.error())) {
    alarm_ = outcome.error().key;
    BASE_TRY_VOID(raise(outcome.error()));
  }
  return outcome;
}

/// What is in the table already, written by this one or another: checked like what comes new.
base::Result<void> LedgerMirror::catch_up() {
  BASE_TRY(const auto ends, parts_.pool.run(kEnds));
  const auto there = ends.integer(0, 0), audited = ends.integer(0, 1);
  if (there < replay_->lines() || there < audited)
    return wrong_at("certs.ledger_mirror", there + 1, "lines were taken out of the mirror");
  if (there > audited)
    return wrong_at("certs.ledger_mirror", audited + 1, "no audit row tells of it");
  bool known = replay_->lines() > 0;  // the last one again: is it still the same?
  for (auto from = std::max<std::int64_t>(1, replay_->lines()); from <= there;) {
    BASE_TRY(const auto lines, mirrored_lines(parts_.pool, from));
    if (lines.empty()) return wrong_at("certs.ledger_mirror", from, "it is missing");
    for (const auto& text : lines) {
      if (std::exchange(known, false)) {
        if (text != replay_->last())
          return wrong_at("certs.ledger_mirror", replay_->lines(), "it was altered in the mirror");
      } else if (const auto taken = replay_->take(text); !taken.ok()) {
        const auto& args = taken.error().args;
        return wrong_at("certs.ledger_mirror", replay_->lines() + 1,
                        args.size() > 1 ? args[1].second : taken.error().detail);
      }
    }
    from = replay_->lines() + 1;
  }
  return {};
}

base::Result<LedgerMirror::Turn> LedgerMirror::follow() {
  BASE_TRY_VOID(catch_up());
  const auto have = replay_->lines();
  const auto answer = parts_.ask("ledger", std::to_string(std::max<std::int64_t>(1, have)));
  LedgerPage page;
  if (answer.ok()) {
    BASE_TRY(page, read_ledger_page(*answer));
  } else if (answer.error().key != "hsm.officers.not_founded" || have == 0) {
    return answer.error();
  }
  if (page.count < have)
    return wrong_at("certs.ledger_shorter", page.count + 1,
                    "the signer's ledger has " + std::to_string(page.count) +
                        " lines, the mirror " + std::to_string(have));
  if (have > 0 && (page.lines.empty() || page.lines.front() != replay_->last()))
    return wrong_at("certs.ledger_differs", have, "the signer's line is another than the mirror's");
  Turn out;
  for (std::size_t i = have > 0 ? 1 : 0; i < page.lines.size(); ++i) {
    BASE_TRY(const auto mine, take(page.lines[i]));
    if (!mine) return Turn{out.taken, true};
    ++out.taken;
  }
  out.more = replay_->lines() < page.count;
  return out;
}

/// False when another instance was first: what it wrote is checked by the next turn.
base::Result<bool> LedgerMirror::take(std::string_view text) {
  BASE_TRY(const auto line, replay_->next(text));
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  // Waits for another instance that writes the same line, and then gives way.
  if (const auto added = tx.run(kAdd, {line.n, text, base::BytesView(line.hash), now});
      !added.ok()) {
    if (store::is_violation(added.error(), "ledger_line_pkey")) return false;
    if (store::is_violation(added.error(), "ledger_line_follows"))
      return wrong_at("certs.ledger_mirror", line.n, "the mirror's last line is not the one known");
    return added.error();
  }
  BASE_TRY_VOID(replay_->apply(line, text));
  auto kept = store::audit(tx, ledger_entry(line, now));
  if (kept.ok()) kept = tx.commit();
  if (!kept.ok()) {
    // The replay is ahead of the table, or not: only reading it again says.
    replay_ = std::make_unique<LedgerReplay>();
    return kept.error();
  }
  return true;
}

/// Once for each alarm and life of an instance: each is a witness of its own.
base::Result<void> LedgerMirror::raise(const base::Error& what) {
  const auto now_told = what.key + what.detail;
  if (told_ == now_told) return {};
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("mirrored", replay_->lines());
  facts.member("head", base::to_hex(replay_->head()));
  facts.member("why", base::printable(what.detail, 256));
  facts.EndObject();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {parts_.clock.now(), parts_.actor, "hsm.ledger_alarm",
                                  "officers' ledger", what.key, facts.text()}));
  BASE_TRY_VOID(tx.commit());
  told_ = now_told;
  return {};
}

}  // namespace certs
