#include "auth/passkeys.h"

#include <algorithm>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kPutHandle{"auth.put_passkey_handle", R"sql(
  insert into auth.passkey_user (subject_id, handle) values ($1, $2)
  on conflict (subject_id) do nothing)sql"};
constexpr store::Query kFindHandle{"auth.find_passkey_handle", R"sql(
  select handle from auth.passkey_user where subject_id = $1)sql"};
constexpr store::Query kListPasskeys{"auth.list_passkeys", R"sql(
  select p.id, p.user_verified, p.backed_up, p.attestation, p.created_at, p.used_at, p.suspended_at,
         p.credential_id, p.transports
    from auth.passkey p join auth.factor f on f.id = p.id and f.ended_at is null
   where p.subject_id = $1 order by p.created_at, p.id)sql"};
constexpr store::Query kPutPasskey{"auth.put_passkey", R"sql(
  insert into auth.passkey (id, subject_id, digest, credential_id, algorithm, public_key, sign_count,
    user_verified, backup_eligible, backed_up, aaguid, attestation, transports,
    created_at)
  values ($1, $2, $3, $4, $5::bigint::integer, $6, $7, $8, $9, $10, $11, $12, $13, $14))sql"};
constexpr store::Query kFindPasskey{"auth.find_passkey", R"sql(
  select p.id, p.subject_id, p.credential_id, p.algorithm, p.public_key, p.backup_eligible,
         p.suspended_at is not null, u.handle
    from auth.passkey p
    join auth.factor f on f.id = p.id and f.ended_at is null
    join auth.subject s on s.id = p.subject_id
     and auth.is_open(s.active, s.locked_until, $2)
    join auth.passkey_user u on u.subject_id = p.subject_id
   where p.digest = $1)sql"};
// §6.1.1, §7.2 step 22: a counter moves forward, or there is none. One statement: of two answers
// with one counter, one succeeds.
constexpr store::Query kUsePasskey{"auth.use_passkey", R"sql(
  update auth.passkey set sign_count = $2, used_at = $3, backed_up = $4
   where id = $1 and suspended_at is null and ($2 > sign_count or ($2 = 0 and sign_count = 0))
  returning 1::bigint)sql"};
constexpr store::Query kSuspendPasskey{"auth.suspend_passkey", R"sql(
  update auth.passkey set suspended_at = $2 where id = $1 and suspended_at is null)sql"};
constexpr std::string_view kEnrol = "passkey.enrol", kAnyone = "passkey.login",
                           kSecond = "passkey.second";
base::Error expired() {
  return base::error(base::Code::expired, "auth.passkey.expired");
}
base::Error refused(std::string why) {
  return base::error(base::Code::unauthenticated, "auth.passkey.refused", std::move(why));
}

void write_credentials(base::JsonWriter& json, const char* name, const store::Rows& rows) {
  json.key(name);
  json.StartArray();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows.is_null(i, 6)) continue;  // suspended
    json.StartObject();
    json.member("type", "public-key");
    json.member("id", base::to_base64url(rows.bytes(i, 7)));
    if (!rows.text(i, 8).empty()) {
      json.key("transports");
      json.StartArray();
      for (auto rest = rows.text(i, 8); !rest.empty();) {
        const auto end = std::min(rest.find(' '), rest.size());
        json.string(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
      json.EndArray();
    }
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

/// A credential as it is kept.
struct Passkeys::Stored {
  std::string id;
  SubjectId subject;
  KnownCredential known;
  bool suspended = false;
  base::Bytes handle;
};

Passkeys::Passkeys(Parts parts)
    : parts_(std::move(parts)), challenges_({parts_.pool, parts_.clock, parts_.random}) {}

RelyingParty Passkeys::party_of(std::string_view origin, std::string_view name) {
  auto host = origin.substr(std::min(origin.find("://"), origin.size()));
  host.remove_prefix(std::min<std::size_t>(3, host.size()));
  host = host.substr(0, host.find_first_of(":/"));
  return {std::string(host), std::string(name), std::string(origin)};
}

bool Passkeys::possible_at(std::string_view origin) {
  const auto host = party_of(origin, "").id;
  const bool secure =
      origin.starts_with("https://") || host == "localhost" || host.ends_with(".localhost");
  // The last label of a host name has a letter; that of an address has none.
  const auto last = host.substr(host.rfind('.') + 1);
  return secure && !host.starts_with("[") &&
         std::any_of(last.begin(), last.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

base::Result<base::Bytes> Passkeys::handle_of(const SubjectId& subject) {
  BASE_TRY_VOID(parts_.pool.run(kPutHandle, {subject.value(), parts_.random.bytes(32)}));
  BASE_TRY(const auto rows, parts_.pool.run(kFindHandle, {subject.value()}));
  base::check(!rows.empty(), "a handle was just put there");
  return base::to_bytes(rows.bytes(0, 0));
}

base::Result<std::string> Passkeys::begin_enrolment(const SubjectId& subject, std::string_view name,
                                                    std::string_view binding) {
  BASE_TRY(const auto rows, parts_.pool.run(kListPasskeys, {subject.value()}));
  BASE_TRY(const auto handle, handle_of(subject));
  BASE_TRY(const auto challenge, challenges_.ask(binding, kEnrol, subject, kPasskeyLife));
  base::JsonWriter json;
  json.StartObject();
  json.key("rp");
  json.StartObject();
  json.member("id", parts_.party.id);
  json.member("name", parts_.party.name);
  json.EndObject();
  json.key("user");
  json.StartObject();
  json.member("id", base::to_base64url(handle));
  json.member("name", name);
  json.member("displayName", name);
  json.EndObject();
  json.member("challenge", base::to_base64url(challenge));
  json.key("pubKeyCredParams");
  json.StartArray();
  for (const auto algorithm : {CoseAlgorithm::es256, CoseAlgorithm::eddsa, CoseAlgorithm::rs256}) {
    json.StartObject();
    json.member("type", "public-key");
    json.member("alg", static_cast<int>(algorithm));
    json.EndObject();
  }
  json.EndArray();
  json.member("timeout", static_cast<std::int64_t>(kPasskeyLife.count() * 1000));
  write_credentials(json, "excludeCredentials", rows);
  json.key("authenticatorSelection");
  json.StartObject();
  json.member("residentKey", "preferred");
  json.member("requireResidentKey", false);
  json.member("userVerification", "preferred");
  json.EndObject();
  json.member("attestation", "none");
  json.EndObject();
  return json.text();
}

base::Result<Passkey> Passkeys::finish_enrolment(const SubjectId& subject, std::string_view binding,
                                                 std::string_view text, std::string_view label) {
  BASE_TRY(const auto response, parse_registration_response(text));
  BASE_TRY(const auto challenge,
           read_client_data(response.client_data, Ceremony::registration, parts_.party));
  BASE_TRY(const auto asked, challenges_.take(challenge, binding, kEnrol));
  if (!asked || asked->subject != subject) return expired();
  const auto verified = verify_attestation(response, parts_.party, UserVerification::preferred);
  if (!verified.ok()) {
    BASE_TRY_VOID(note_refusal(subject.value(), "passkey.add", verified.error()));
    return verified.error();
  }
  const auto now = parts_.clock.now();
  const auto& [credential, sign_count, user_verified, eligible, backed_up, attestation] = *verified;
  const auto digest = base::sha256(credential.id);
  BASE_TRY(auto tx, parts_.pool.begin());
  NewFactor factor{subject, FactorKind::passkey, std::string(label), credential.id};
  factor.lookup = parts_.cipher.lookup("auth.passkey", base::as_text(credential.id));
  auto id = add_factor(tx, parts_.cipher, parts_.random, factor, subject.value(), now);
  if (!id.ok())
    return id.error().key == "auth.factor.taken"
               ? base::error(base::Code::conflict, "auth.passkey.known")
               : id.error();
  const auto put = tx.run(
      kPutPasskey, {*id, subject.value(), base::BytesView(digest), credential.id,
                    static_cast<int>(credential.algorithm), credential.public_key,
                    std::int64_t{sign_count}, user_verified, eligible, backed_up,
                    base::BytesView(credential.aaguid), attestation, response.transports, now});
  if (!put.ok())
    return store::is_violation(put.error(), "passkey_digest_key")
               ? base::error(base::Code::conflict, "auth.passkey.known")
               : put.error();
  BASE_TRY_VOID(parts_.notices.factor_added(tx, subject, FactorKind::passkey));
  BASE_TRY_VOID(tx.commit());
  return Passkey{*id, user_verified, backed_up, attestation, now, std::nullopt, std::nullopt};
}

base::Result<std::string> Passkeys::begin_login(const std::optional<SubjectId>& subject,
                                                std::string_view binding) {
  BASE_TRY(const auto challenge,
           challenges_.ask(binding, subject ? kSecond : kAnyone, subject, kPasskeyLife));
  base::JsonWriter json;
  json.StartObject();
  json.member("challenge", base::to_base64url(challenge));
  json.member("timeout", static_cast<std::int64_t>(kPasskeyLife.count() * 1000));
  json.member("rpId", parts_.party.id);
  if (subject) {
    BASE_TRY(const auto rows, parts_.pool.run(kListPasskeys, {subject->value()}));
    write_credentials(json, "allowCredentials", rows);
  }
  json.member("userVerification", subject ? "preferred" : "required");
  json.EndObject();
  return json.text();
}

base::Result<std::optional<Passkeys::Stored>> Passkeys::find(base::BytesView credential_id) {
  BASE_TRY(const auto rows,
           parts_.pool.run(kFindPasskey, {base::BytesView(base::sha256(credential_id)),
                                          parts_.clock.now()}));
  if (rows.empty()) return std::optional<Stored>();
  Stored out;
  out.id = rows.text(0, 0);
  out.subject = SubjectId(std::string(rows.text(0, 1)));
  out.known = {base::to_bytes(rows.bytes(0, 2)), static_cast<CoseAlgorithm>(rows.integer(0, 3)),
               base::to_bytes(rows.bytes(0, 4)), rows.boolean(0, 5)};
  out.suspended = rows.boolean(0, 6);
  out.handle = base::to_bytes(rows.bytes(0, 7));
  return std::optional(std::move(out));
}

base::Result<PasskeyLogin> Passkeys::finish_login(const std::optional<SubjectId>& subject,
                                                  std::string_view binding, std::string_view text) {
  const auto unauthenticated = [](base::Error failure) {
    if (failure.code == base::Code::invalid_argument) failure.code = base::Code::unauthenticated;
    return failure;
  };
  const auto response = parse_assertion_response(text);
  if (!response.ok()) return unauthenticated(response.error());
  const auto challenge =
      read_client_data(response->client_data, Ceremony::authentication, parts_.party);
  if (!challenge.ok()) return unauthenticated(challenge.error());
  BASE_TRY(const auto asked, challenges_.take(*challenge, binding, subject ? kSecond : kAnyone));
  if (!asked || asked->subject != subject) return expired();
  BASE_TRY(const auto stored, find(response->credential_id));
  if (!stored) return refused("nobody's credential");
  // §7.2 step 6: whose it is, is said by what we keep; what the authenticator says must be the
  // same. Without a name before, it must say it.
  if (subject && stored->subject != *subject) return refused("another person's credential");
  if (!subject && !response->user_handle) return refused("no user handle");
  if (response->user_handle && *response->user_handle != stored->handle)
    return refused("another person's user handle");
  const auto shown =
      verify_assertion(*response, stored->known, parts_.party,
                       subject ? UserVerification::preferred : UserVerification::required);
  if (!shown.ok()) {
    BASE_TRY_VOID(note_refusal(stored->subject.value(), "login.passkey", shown.error()));
    return unauthenticated(shown.error());
  }
  if (stored->suspended) {
    const auto why = base::error(base::Code::unauthenticated, "auth.passkey.suspended");
    BASE_TRY_VOID(note_refusal(stored->subject.value(), "login.passkey", why));
    return why;
  }
  return count(*stored, *shown);
}

base::Result<PasskeyLogin> Passkeys::count(const Stored& stored, const VerifiedAssertion& shown) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto used,
           tx.run(kUsePasskey, {stored.id, std::int64_t{shown.sign_count}, now, shown.backed_up}));
  const bool fresh = !used.empty();
  if (!fresh) {
    BASE_TRY_VOID(tx.run(kSuspendPasskey, {stored.id, now}));
  } else {
    Factor factor;
    factor.id = stored.id;
    BASE_TRY_VOID(use_factor(tx, factor, now));
  }
  BASE_TRY_VOID(store::audit(tx, {now, stored.subject.value(), "login.passkey", stored.id,
                                  fresh ? "ok" : "auth.passkey.cloned"}));
  BASE_TRY_VOID(tx.commit());
  if (!fresh) return base::error(base::Code::unauthenticated, "auth.passkey.cloned");
  return PasskeyLogin{stored.subject, stored.id, shown.user_verified};
}

base::Result<void> Passkeys::note_refusal(std::string_view actor, std::string_view act,
                                          const base::Error& why) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("detail", base::printable(why.detail));
  facts.EndObject();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {parts_.clock.now(), std::string(actor), std::string(act),
                                  std::string(actor), why.key, facts.text()}));
  return tx.commit();
}

base::Result<std::vector<Passkey>> Passkeys::list(const SubjectId& subject) {
  BASE_TRY(const auto rows, parts_.pool.run(kListPasskeys, {subject.value()}));
  std::vector<Passkey> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Passkey one;
    one.id = rows.text(i, 0);
    one.user_verified = rows.boolean(i, 1);
    one.backed_up = rows.boolean(i, 2);
    one.attestation = rows.text(i, 3);
    one.created_at = rows.time(i, 4);
    if (!rows.is_null(i, 5)) one.used_at = rows.time(i, 5);
    if (!rows.is_null(i, 6)) one.suspended_at = rows.time(i, 6);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace auth
