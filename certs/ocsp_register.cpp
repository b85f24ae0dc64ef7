#include "certs/ocsp_register.h"

#include <vector>

namespace certs {
namespace {

using base::BytesView;
using store::Query;

constexpr Query kFind{"certs.ocsp_find", R"sql(
  select case when $3 then sha1 else sha256 end, this_update, next_update from certs.ocsp_response
   where issuer = $1 and serial = $2 and next_update > $4)sql"};
constexpr Query kStatus{"certs.ocsp_status", R"sql(
  select r.at, r.reason, r.invalid_since from certs.issued i left join certs.revocation r using (issuer, serial)
   where i.issuer = $1 and i.serial = $2)sql"};
// Unexpired certificates whose answer is missing, half used up, another responder's, or "good" of a
// revoked one.
constexpr Query kDue{"certs.ocsp_due", R"sql(
  select i.serial, r.at, r.reason, r.invalid_since
    from certs.issued i
    left join certs.ocsp_response o using (issuer, serial)
    left join certs.revocation r using (issuer, serial)
   where i.issuer = $1 and i.not_after > $2
     and (o.serial is null or o.next_update < $3 or o.responder <> $4
          or (r.serial is not null and not o.revoked))
   order by r.serial is not null and o.revoked is distinct from true desc, o.next_update nulls first
   limit $5)sql"};
// One worker at a time among all instances; held to the end of the transaction.
constexpr Query kTurn{"certs.ocsp_turn",
                      "select pg_try_advisory_xact_lock(hashtextextended('certs.ocsp', 0))"};
constexpr Query kStore{"certs.ocsp_store", R"sql(
  insert into certs.ocsp_response as o (issuer, serial, revoked, responder, this_update, next_update, sha1, sha256)
  values ($1, $2, $3, $4, $5, $6, $7, $8)
  on conflict (issuer, serial) do update set
    revoked = excluded.revoked, responder = excluded.responder, this_update = excluded.this_update,
    next_update = excluded.next_update, sha1 = excluded.sha1, sha256 = excluded.sha256
  where o.this_update <= excluded.this_update)sql"};
constexpr Query kStanding{"certs.ocsp_standing", R"sql(
  select count(*), count(*) filter (where o.serial is null or o.next_update <= $2), min(o.next_update)
    from certs.issued i left join certs.ocsp_response o using (issuer, serial)
   where i.issuer = $1 and i.not_after > $2)sql"};

OcspStatus status_of(const store::Rows& rows, std::size_t row, const std::string& serial, int at) {
  OcspStatus out;
  if (!rows.is_null(row, at))
    out.revoked = Authority::Revocation{serial, rows.time(row, at),
                                        static_cast<int>(rows.integer(row, at + 1)), std::nullopt};
  if (out.revoked && !rows.is_null(row, at + 2))
    out.revoked->invalid_since = rows.time(row, at + 2);
  return out;
}

}  // namespace

base::Result<std::optional<OcspResponder::Answer>> OcspRegister::find(const base::Digest& issuer,
                                                                      const std::string& serial_hex,
                                                                      OcspHash hash) {
  BASE_TRY(const auto rows,
           pool_.run(kFind, {BytesView(issuer), serial_hex, hash == OcspHash::sha1, clock_.now()}));
  if (rows.empty()) return std::optional<OcspResponder::Answer>{};
  return std::optional(
      OcspResponder::Answer{base::to_bytes(rows.bytes(0, 0)), rows.time(0, 1), rows.time(0, 2)});
}

base::Result<OcspStatus> OcspRegister::status(const base::Digest& issuer,
                                              const std::string& serial_hex) {
  BASE_TRY(const auto rows, pool_.run(kStatus, {BytesView(issuer), serial_hex}));
  if (rows.empty()) return OcspStatus{.issued = false};
  return status_of(rows, 0, serial_hex, 0);
}

base::Result<int> OcspRegister::renew(const OcspResponder& responder, std::chrono::seconds life,
                                      int most) {
  const auto issuer = responder.issuer().public_key_sha256();
  const auto own = responder.certificate().sha256();
  BASE_TRY(auto tx, pool_.begin());
  BASE_TRY(const auto turn, tx.run(kTurn));
  if (!turn.boolean(0, 0)) return 0;
  const auto now = clock_.now();
  BASE_TRY(const auto due, tx.run(kDue, {BytesView(issuer), now, now + life / 2, BytesView(own),
                                         static_cast<std::int64_t>(most)}));
  for (std::size_t row = 0; row < due.size(); ++row) {
    const std::string serial(due.text(row, 0));
    const auto status = status_of(due, row, serial, 1);
    BASE_TRY(const auto sha1, responder.answer(serial, OcspHash::sha1, status, now, life));
    BASE_TRY(const auto sha256, responder.answer(serial, OcspHash::sha256, status, now, life));
    BASE_TRY_VOID(tx.run(
        kStore, {BytesView(issuer), serial, status.revoked.has_value(), BytesView(own),
                 sha1.this_update, sha1.next_update, BytesView(sha1.der), BytesView(sha256.der)}));
  }
  BASE_TRY_VOID(tx.commit());
  return static_cast<int>(due.size());
}

base::Result<OcspRegister::Standing> OcspRegister::standing(const base::Digest& issuer) {
  BASE_TRY(const auto rows, pool_.run(kStanding, {BytesView(issuer), clock_.now()}));
  Standing out{rows.integer(0, 0), rows.integer(0, 1), std::nullopt};
  if (!rows.is_null(0, 2)) out.next_update = rows.time(0, 2);
  return out;
}

}  // namespace certs
