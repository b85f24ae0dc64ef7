#include "store/audit.h"

#include "store/audit_chain.h"

namespace store {
namespace {

// The head's row lock makes the chain: whoever holds it knows the row before its own.
constexpr Query kHead{"audit.head", "select seq, hash from audit.head where id = 1 for update"};
constexpr Query kAppend{"audit.append", R"sql(
  with entry as (
    insert into audit.entry (seq, at, actor, act, object, outcome, facts, previous, hash)
    values ($1, $2, $3, $4, $5, $6, $7::json, $8, $9)
    returning seq, hash)
  update audit.head set seq = entry.seq, hash = entry.hash from entry where id = 1)sql"};

}  // namespace

base::Result<void> audit(Tx& tx, const AuditEntry& entry) {
  if (entry.actor.size() + entry.act.size() + entry.object.size() + entry.outcome.size() +
          entry.facts_json.size() >
      kMostAuditBytes)
    return base::error(base::Code::internal, "store.audit_too_large", entry.act);
  BASE_TRY(const auto head, tx.run(kHead));
  if (head.empty())
    return base::error(base::Code::internal, "store.audit_headless", "audit.head has no row");
  AuditRow row{head.integer(0, 0) + 1, entry.at,      entry.actor,     entry.act,
               entry.object,           entry.outcome, entry.facts_json};
  const auto previous = head.bytes(0, 1);
  if (previous.size() != row.previous.size())
    return base::error(base::Code::internal, "store.audit_headless", "audit.head has no hash");
  std::copy(previous.begin(), previous.end(), row.previous.begin());
  row.hash = audit_hash(row);
  // With the commit, as a rule: the head is locked for one way to the server and back.
  tx.put(kAppend, {row.seq, row.at, row.actor, row.act, row.object, row.outcome, row.facts,
                   base::BytesView(row.previous), base::BytesView(row.hash)});
  return {};
}

}  // namespace store
