#include "certs/timestamp_record.h"

namespace certs {
namespace {

constexpr store::Query kRecord{"certs.timestamp_record", R"sql(
  insert into certs.given_timestamp (tsa, serial, digest, imprint, at) values ($1, $2, $3, $4, $5))sql"};

}  // namespace

base::Result<void> record_timestamp(store::Pool& pool, const base::Digest& authority,
                                    const TimestampAuthority::Stamped& stamped) {
  const auto done =
      pool.run(kRecord, {base::BytesView(authority), stamped.serial_hex, stamped.digest,
                         base::BytesView(stamped.imprint), stamped.at});
  if (done) return {};
  if (store::is_violation(done.error(), "given_timestamp_pkey"))
    return base::error(base::Code::conflict, "certs.serial_taken", stamped.serial_hex);
  return done.error();
}

}  // namespace certs
