#include "store/audit_chain.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"

namespace store {
namespace {

constexpr std::size_t kMostUntold = 4096;
/// How far away the place is looked for where a displaced row belongs.
constexpr std::int64_t kDisplaced = 1000;

void put_number(base::Sha256& out, std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes{};
  for (int i = 7; i >= 0; --i, value >>= 8) bytes[static_cast<std::size_t>(i)] = value & 0xff;
  out.update(bytes);
}

/// Length first, so that no two entries are hashed over the same bytes.
void put_text(base::Sha256& out, std::string_view text) {
  put_number(out, text.size());
  out.update(base::as_bytes(text));
}

base::Digest hash_at(const AuditRow& row, std::int64_t seq, const base::Digest& previous) {
  base::Sha256 hash;
  put_text(hash, "xinyin audit 1");
  put_number(hash, static_cast<std::uint64_t>(seq));
  hash.update(previous);
  put_number(hash, static_cast<std::uint64_t>(row.at.time_since_epoch().count()));
  for (const auto* text : {&row.actor, &row.act, &row.object, &row.outcome, &row.facts})
    put_text(hash, *text);
  return hash.finish();
}

std::string number(std::int64_t value) {
  return std::to_string(value);
}

}  // namespace

base::Digest audit_hash(const AuditRow& row) {
  return hash_at(row, row.seq, row.previous);
}

AuditWalk::AuditWalk(AuditExpectations expect, std::int64_t first, const base::Digest& previous)
    : expect_(std::move(expect)) {
  report_.first = first;
  report_.hash = previous;
  check_known(first - 1);
}

void AuditWalk::break_chain(const char* key, std::int64_t seq,
                            std::vector<std::pair<std::string, std::string>> args) {
  if (report_.chain_break) return;
  args.emplace_back("seq", number(seq));
  report_.chain_break = AuditBreak{key, seq, std::move(args)};
}

void AuditWalk::break_heads(const char* key, std::int64_t seq,
                            std::vector<std::pair<std::string, std::string>> args) {
  if (report_.heads_break) return;
  args.emplace_back("seq", number(seq));
  report_.heads_break = AuditBreak{key, seq, std::move(args)};
}

void AuditWalk::check_known(std::int64_t seq) {
  for (const auto& known : expect_.known)
    if (known.seq == seq && known.hash != report_.hash)
      break_heads("store.audit_known_differs", seq);
}

bool AuditWalk::row(const AuditRow& row) {
  if (report_.chain_break) return false;
  const auto seq = report_.last() + 1;
  if (row.seq != seq || row.previous != report_.hash || row.hash != audit_hash(row)) {
    diagnose(row);
    return false;
  }
  before_ = report_.hash;
  report_.hash = row.hash;
  ++report_.rows;
  check_known(seq);
  if (row.act == kSignHeadAct) row_of_head(row);
  return true;
}

/// A row does not fit: says what was done to it, as far as its own bytes tell.
void AuditWalk::diagnose(const AuditRow& row) {
  const auto seq = report_.last() + 1;
  if (row.seq > seq)
    return row.seq == seq + 1
               ? break_chain("store.audit_row_missing", seq)
               : break_chain("store.audit_rows_missing", seq, {{"last", number(row.seq - 1)}});
  if (row.seq < seq) return break_chain("store.audit_row_repeated", seq, {{"is", number(row.seq)}});
  const bool sound = row.hash == audit_hash(row);
  if (sound) return break_chain("store.audit_row_foreign", seq);
  if (row.previous == report_.hash) {
    // A hash that was made over this content at another place, or over other content.
    return break_chain("store.audit_row_altered", seq);
  }
  if (row.hash == hash_at(row, seq, report_.hash))
    return break_chain("store.audit_link_altered", seq);
  for (std::int64_t step = 1; step <= kDisplaced; ++step)
    for (const auto place : {seq - step, seq + step})
      if (place > 0 && row.hash == hash_at(row, place, row.previous))
        return break_chain("store.audit_row_moved", seq, {{"is", number(place)}});
  break_chain("store.audit_row_altered", seq);
}

void AuditWalk::head(const SignedHead& head) {
  if (report_.chain_break) return;
  if (head.seq > report_.last()) {  // its row may have been cut off: end() knows
    ahead_ = std::max(ahead_, head.seq);
    return;
  }
  if (head.seq != report_.last() || report_.rows == 0 || head.seq <= newest_head_)
    return break_heads("store.audit_head_misplaced", head.seq);
  newest_head_ = head.seq;
  if (untold_.size() >= kMostUntold)
    return break_heads("store.audit_head_untold", untold_.begin()->first);
  untold_[head.seq] = base::sha256(base::as_bytes(head.jws));
  switch (expect_.judge ? expect_.judge(head) : HeadVouch::not_asked) {
    case HeadVouch::wrong_signature:
      return break_heads("store.audit_head_forged", head.seq);
    case HeadVouch::unknown_key:
      return break_heads("store.audit_head_unknown_key", head.seq, {{"key", head.key_id}});
    case HeadVouch::outside_life:
      return break_heads("store.audit_head_outside_life", head.seq, {{"key", head.key_id}});
    case HeadVouch::good:
      ++report_.vouched;
      break;
    case HeadVouch::not_asked:
      break;
  }
  // The chain fits and the signature holds, but they speak of different rows: the rows since the
  // last head that fits were all written anew.
  if (head.hash != report_.hash)
    return break_heads("store.audit_rewritten", head.seq,
                       {{"after", number(std::max(report_.signed_seq, report_.first - 1))}});
  if (report_.heads_break) return;
  ++report_.heads;
  report_.signed_seq = head.seq;
  report_.signed_at = head.at;
}

void AuditWalk::bad_head(std::int64_t seq) {
  if (report_.chain_break) return;
  break_heads("store.audit_head_malformed", seq);
  untold_.erase(seq);
}

/// The audit row that goes with a signed head says which head there was.
void AuditWalk::row_of_head(const AuditRow& row) {
  const auto facts = base::parse_json(row.facts, {.bytes = 1024, .depth = 2});
  const auto seq = facts.ok() && facts->IsObject() ? base::json_int(*facts, "seq") : std::nullopt;
  if (!seq) return break_heads("store.audit_head_untold", row.seq);
  if (*seq < report_.first) return;  // before this walk began
  if (*seq >= row.seq) {             // rows before it were taken out: the head itself will tell
    early_ = *seq;
    return;
  }
  const auto found = untold_.find(*seq);
  if (found == untold_.end()) return break_heads("store.audit_head_missing", *seq);
  if (base::json_text(*facts, "sha256") != base::to_hex(found->second))
    break_heads("store.audit_head_replaced", *seq);
  untold_.erase(found);
}

void AuditWalk::end() {
  if (report_.chain_break) return;
  if (ahead_ > report_.last())
    break_heads("store.audit_truncated", ahead_, {{"last", number(report_.last())}});
  else if (ahead_ > 0)
    break_heads("store.audit_head_misplaced", ahead_);
  if (early_ > 0) break_heads("store.audit_head_missing", early_);
  if (!untold_.empty()) break_heads("store.audit_head_untold", untold_.begin()->first);
  for (const auto& known : expect_.known)
    if (known.seq > report_.last())
      break_heads("store.audit_known_beyond", known.seq, {{"last", number(report_.last())}});
}

void AuditWalk::end_differs(AuditBreak how) {
  how.args.emplace_back("seq", number(how.seq));
  auto& place = how.key == "store.audit_truncated" ? report_.heads_break : report_.chain_break;
  if (!place) place = std::move(how);
}

base::Result<AuditReport> verify_audit(Pool& pool, const AuditExpectations& expect,
                                       const AuditProgress& progress) {
  AuditWalk walk(expect);
  auto opened = AuditPages::open(pool);
  if (!opened.ok()) {
    if (opened.error().key != "store.audit_headless") return opened.error();
    walk.end_differs({"store.audit_headless", 0, {}});
    return walk.report();
  }
  auto& pages = *opened;
  while (true) {
    BASE_TRY(const auto page, pages.next());
    if (page.empty()) break;
    for (const auto& item : page) {
      if (!walk.row(item.row)) return walk.report();
      if (item.bad_head) walk.bad_head(item.row.seq);
      if (item.head) walk.head(*item.head);
    }
    if (progress) progress(walk.report().rows, pages.last());
  }
  const auto last = walk.report().last();
  // What a cut hides in the table, the token's signature over a later row gives away.
  if (pages.newest_head() > last)
    walk.end_differs({"store.audit_truncated", pages.newest_head(), {{"last", number(last)}}});
  walk.end();
  if (last < pages.last())
    walk.end_differs(
        {last + 1 == pages.last() ? "store.audit_row_missing" : "store.audit_rows_missing",
         last + 1,
         {{"last", number(pages.last())}}});
  else if (pages.newest_row() > last)
    walk.end_differs({"store.audit_set_back", last, {{"last", number(pages.newest_row())}}});
  else if (pages.hash() != walk.report().hash)
    walk.end_differs({"store.audit_end_differs", last, {}});
  return walk.report();
}

}  // namespace store
