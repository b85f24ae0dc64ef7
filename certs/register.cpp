#include "certs/register.h"

#include "base/encoding.h"
#include "base/json.h"
#include "certs/crl.h"
#include "certs/profiles.h"
#include "store/audit.h"

namespace certs {
namespace {

using base::Code;
using store::Query;

constexpr Query kRecord{"certs.record", R"sql(
  insert into certs.issued (issuer, serial, profile, label, public_key, agency, agency_code, not_before,
                            not_after, der, issued_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11))sql"};
constexpr Query kList{"certs.list", R"sql(
  select i.issuer, i.profile, i.label, i.agency, i.agency_code, i.der, i.issued_at, i.serial,
         r.at, r.reason, r.invalid_since
    from certs.issued i left join certs.revocation r using (issuer, serial)
   where $1 = '' or i.label = $1
   order by i.issued_at desc, i.serial)sql"};
constexpr Query kFind{"certs.find", R"sql(
  select i.issuer, i.profile, i.label, i.agency, i.agency_code, i.der, i.issued_at, i.serial,
         r.at, r.reason, r.invalid_since
    from certs.issued i left join certs.revocation r using (issuer, serial)
   where i.serial = $1)sql"};
constexpr Query kRevoke{"certs.revoke", R"sql(
  insert into certs.revocation (issuer, serial, at, reason, invalid_since)
  values ($1, $2, $3, $4, $5))sql"};
constexpr Query kRevokeAll{"certs.revoke_all", R"sql(
  insert into certs.revocation (issuer, serial, at, reason, invalid_since)
  select i.issuer, i.serial, $2, $3, $4 from certs.issued i where i.issuer = $1
  on conflict on constraint revocation_pkey do nothing)sql"};
constexpr Query kLastCrl{"certs.last_crl", R"sql(
  select der from certs.crl where issuer = $1 order by number desc limit 1)sql"};
constexpr Query kIsIssued{"certs.is_issued",
                          "select from certs.issued where issuer = $1 and serial = $2"};
constexpr Query kRevocations{"certs.revocations", R"sql(
  select serial, at, reason, invalid_since from certs.revocation where issuer = $1 order by serial)sql"};
constexpr Query kNextCrl{"certs.next_crl",
                         "select coalesce(max(number), 0) + 1 from certs.crl where issuer = $1"};
constexpr Query kRecordCrl{"certs.record_crl", R"sql(
  insert into certs.crl (issuer, number, this_update, next_update, der)
  values ($1, $2, $3, $4, $5))sql"};
constexpr Query kNextSequence{"certs.next_sequence",
                              "select coalesce(max(sequence), 0) + 1 from certs.trust_list"};
constexpr Query kRecordTrustList{"certs.record_trust_list", R"sql(
  insert into certs.trust_list (sequence, issued, next_update, sha256, jws)
  values ($1, $2, $3, $4, $5))sql"};

base::Error damaged(std::string why) {
  return base::error(Code::internal, "certs.register_damaged", std::move(why));
}

/// A row of kList or kFind. Named columns by place: see the select lists.
base::Result<Issued> read(const store::Rows& rows, std::size_t row) {
  const auto profile = profile_from(rows.text(row, 1));
  auto certificate = Certificate::from_der(rows.bytes(row, 5));
  const auto issuer = rows.bytes(row, 0);
  if (!profile || !certificate || issuer.size() != 32 ||
      certificate->serial_hex() != rows.text(row, 7))
    return damaged("certificate " + std::string(rows.text(row, 7)));
  Issued out{std::move(*certificate),
             *profile,
             std::string(rows.text(row, 2)),
             {},
             std::string(rows.text(row, 3)),
             std::string(rows.text(row, 4)),
             rows.time(row, 6),
             std::nullopt};
  std::copy(issuer.begin(), issuer.end(), out.issuer.begin());
  if (!rows.is_null(row, 8)) {
    out.revoked = Authority::Revocation{std::string(rows.text(row, 7)), rows.time(row, 8),
                                        static_cast<int>(rows.integer(row, 9)), std::nullopt};
    if (!rows.is_null(row, 10)) out.revoked->invalid_since = rows.time(row, 10);
  }
  return out;
}

/// A unique violation becomes an error of this room.
base::Error told(base::Error failure, std::string_view constraint, std::string key) {
  if (!store::is_violation(failure, constraint)) return failure;
  return base::error(Code::conflict, std::move(key), failure.detail);
}

}  // namespace

base::Result<void> CertificateRegister::audit(std::string act, std::string object,
                                              std::string facts_json) {
  return store::audit(
      tx_, {clock_.now(), actor_, std::move(act), std::move(object), "ok", std::move(facts_json)});
}

base::Result<void> CertificateRegister::record(const Issued& issued) {
  const auto& certificate = issued.certificate;
  const auto key = certificate.public_key_sha256();
  const auto done =
      tx_.run(kRecord, {base::BytesView(issued.issuer), certificate.serial_hex(),
                        to_string(issued.profile), issued.label, base::BytesView(key),
                        issued.agency, issued.agency_code, certificate.not_before(),
                        certificate.not_after(), certificate.der(), issued.issued_at});
  if (!done) return told(done.error(), "issued_pkey", "certs.serial_taken");
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("profile", to_string(issued.profile));
  facts.member("label", issued.label);
  facts.member("subject", certificate.subject());
  facts.member("sha256", base::to_hex(certificate.sha256()));
  facts.EndObject();
  return audit("certificate.issue", certificate.serial_hex(), facts.text());
}

base::Result<std::vector<Issued>> CertificateRegister::list(std::string_view label) {
  BASE_TRY(const auto rows, tx_.run(kList, {label}));
  std::vector<Issued> out;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    BASE_TRY(auto issued, read(rows, row));
    out.push_back(std::move(issued));
  }
  return out;
}

base::Result<Issued> CertificateRegister::find(std::string_view serial_hex) {
  BASE_TRY(const auto rows, tx_.run(kFind, {serial_hex}));
  // Serials are 128 random bits: two issuers with the same one do not happen, and if so, none is
  // meant.
  if (rows.size() != 1)
    return base::error(Code::not_found, "certs.not_issued", std::string(serial_hex.substr(0, 64)));
  return read(rows, 0);
}

base::Result<void> CertificateRegister::revoke(const base::Digest& issuer,
                                               const Authority::Revocation& revocation) {
  BASE_TRY(const auto known, tx_.run(kIsIssued, {base::BytesView(issuer), revocation.serial_hex}));
  if (known.empty()) return base::error(Code::not_found, "certs.not_issued", revocation.serial_hex);
  const auto done = tx_.run(kRevoke, {base::BytesView(issuer), revocation.serial_hex, revocation.at,
                                      revocation.reason, store::Param(revocation.invalid_since)});
  if (!done) return told(done.error(), "revocation_pkey", "certs.already_revoked");
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("reason", revocation.reason);
  facts.member("at", base::to_rfc3339(revocation.at));
  if (revocation.invalid_since)
    facts.member("invalid_since", base::to_rfc3339(*revocation.invalid_since));
  facts.EndObject();
  return audit("certificate.revoke", revocation.serial_hex, facts.text());
}

base::Result<std::int64_t> CertificateRegister::revoke_all(const base::Digest& issuer,
                                                           const Authority::Revocation& how) {
  BASE_TRY(const auto done, tx_.run(kRevokeAll, {base::BytesView(issuer), how.at, how.reason,
                                                 store::Param(how.invalid_since)}));
  const auto count = static_cast<std::int64_t>(done.affected());
  if (count == 0) return count;
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("count", count);
  facts.member("reason", how.reason);
  facts.member("at", base::to_rfc3339(how.at));
  if (how.invalid_since) facts.member("invalid_since", base::to_rfc3339(*how.invalid_since));
  facts.EndObject();
  BASE_TRY_VOID(audit("certificate.revoke_all", base::to_hex(issuer), facts.text()));
  return count;
}

base::Result<std::vector<Authority::Revocation>> CertificateRegister::revocations(
    const base::Digest& issuer) {
  BASE_TRY(const auto rows, tx_.run(kRevocations, {base::BytesView(issuer)}));
  std::vector<Authority::Revocation> out;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    out.push_back({std::string(rows.text(row, 0)), rows.time(row, 1),
                   static_cast<int>(rows.integer(row, 2)), std::nullopt});
    if (!rows.is_null(row, 3)) out.back().invalid_since = rows.time(row, 3);
  }
  return out;
}

base::Result<std::int64_t> CertificateRegister::next_crl_number(const base::Digest& issuer) {
  BASE_TRY(const auto rows, tx_.run(kNextCrl, {base::BytesView(issuer)}));
  return rows.integer(0, 0);
}

base::Result<std::optional<base::Bytes>> CertificateRegister::last_crl(const base::Digest& issuer) {
  BASE_TRY(const auto rows, tx_.run(kLastCrl, {base::BytesView(issuer)}));
  if (rows.empty()) return std::optional<base::Bytes>{};
  return std::optional(base::to_bytes(rows.bytes(0, 0)));
}

base::Result<void> CertificateRegister::record_crl(const base::Digest& issuer, std::int64_t number,
                                                   base::BytesView der) {
  BASE_TRY(const auto crl, Crl::from_der(der));
  const auto done = tx_.run(
      kRecordCrl, {base::BytesView(issuer), number, crl.this_update(), crl.next_update(), der});
  if (!done) return told(done.error(), "crl_pkey", "certs.number_taken");
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("number", number);
  facts.member("entries", static_cast<std::int64_t>(crl.size()));
  facts.member("next_update", base::to_rfc3339(crl.next_update()));
  facts.EndObject();
  return audit("crl.publish", base::to_hex(issuer), facts.text());
}

base::Result<std::int64_t> CertificateRegister::next_trust_list_sequence() {
  BASE_TRY(const auto rows, tx_.run(kNextSequence));
  return rows.integer(0, 0);
}

base::Result<void> CertificateRegister::record_trust_list(const TrustList& list,
                                                          std::string_view jws) {
  const auto digest = base::sha256(base::as_bytes(jws));
  const auto done = tx_.run(kRecordTrustList, {list.sequence, list.issued, list.next_update,
                                               base::BytesView(digest), jws});
  if (!done) return told(done.error(), "trust_list_pkey", "certs.number_taken");
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("sequence", list.sequence);
  facts.member("sha256", base::to_hex(digest));
  facts.member("next_update", base::to_rfc3339(list.next_update));
  facts.EndObject();
  return audit("trust_list.publish", std::to_string(list.sequence), facts.text());
}

}  // namespace certs
