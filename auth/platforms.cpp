#include "auth/platforms.h"

#include <algorithm>

#include "auth/details.h"
#include "auth/redirect.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr const char* kField = "auth/platform_login";
constexpr std::chrono::minutes kWithin{10}, kWaits{30};
constexpr std::int64_t kMostBegun = 120;  // of a network, in ten minutes
constexpr std::size_t kMostCode = 4096;
constexpr std::size_t kMostReply = 64 * 1024;

constexpr store::Query kCountBegun{"auth.count_platform_logins", R"sql(
  select count(*) from auth.platform_login
   where network = $1 and begun_at > $2 - interval '10 minutes')sql"};
constexpr store::Query kPut{"auth.put_platform_login", R"sql(
  insert into auth.platform_login
    (digest, state, platform, sealed, session_id, network, begun_at, expires_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8))sql"};
// The state, the browser and the platform's own address of return, in one.
constexpr store::Query kTakeSent{"auth.take_platform_login", R"sql(
  delete from auth.platform_login
   where digest = $1 and state = $2 and platform = $3 and expires_at > $4
  returning sealed, session_id, network)sql"};
constexpr store::Query kFindShown{"auth.find_platform_account", R"sql(
  select platform from auth.platform_login
   where digest = $1 and state is null and expires_at > $2)sql"};
constexpr store::Query kTakeShown{"auth.take_platform_account", R"sql(
  delete from auth.platform_login where digest = $1 and state is null and expires_at > $2
  returning platform, sealed)sql"};
// Kept a while after their time, so that beginnings are counted.
constexpr store::Query kSweep{"auth.sweep_platform_logins", R"sql(
  delete from auth.platform_login where digest in (
    select digest from auth.platform_login where expires_at < $1 - interval '10 minutes'
     order by expires_at limit $2))sql"};

base::Error over() {
  return base::error(base::Code::expired, "auth.platform.over");
}
base::Error refused(std::string why) {
  return base::error(base::Code::unauthenticated, "auth.platform.refused", std::move(why));
}

std::optional<base::Digest> digest_of(std::string_view secret) {
  if (secret.size() != 43) return std::nullopt;
  const auto bytes = base::from_base64url(secret);
  if (!bytes || bytes->size() != 32) return std::nullopt;
  return base::sha256(*bytes);
}

}  // namespace

struct Platforms::Kept {
  std::string nonce, verifier, return_to, session;
  base::Bytes network;
};

/// Who logged in at a platform.
struct Platforms::Who {
  std::string there;  ///< its "sub"
  bool two_kinds = false;
};

Platforms::Platforms(Parts parts, std::vector<Platform> platforms)
    : parts_(std::move(parts)), platforms_(std::move(platforms)) {
  for (const auto& each : platforms_) {
    base::check(each.source != nullptr, "a platform has a source");
    keys_.emplace(each.id, std::make_unique<PlatformKeys>(*each.source, each.algorithm,
                                                          parts_.clock));
  }
}

const Platform* Platforms::find(std::string_view id) const {
  for (const auto& each : platforms_)
    if (each.id == id) return &each;
  return nullptr;
}

/// One for each platform, so that no platform's answer passes for another's (RFC 9700 §4.4.2).
std::string Platforms::return_address(const Platform& platform) const {
  return parts_.public_url + "/login/platform/" + platform.id + "/return";
}

base::Digest Platforms::lookup(const Platform& platform, std::string_view there) const {
  return parts_.cipher.lookup("auth/factor/third_party",
                              platform.issuer + "\n" + std::string(there));
}

base::Result<void> Platforms::note(std::string_view platform, const SubjectId* subject,
                                   std::string_view outcome) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("platform", platform);
  facts.EndObject();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(store::audit(
      tx, {parts_.clock.now(), subject == nullptr ? std::string("anonymous") : subject->value(),
           "login.third_party", subject == nullptr ? std::string() : subject->value(),
           std::string(outcome), facts.text()}));
  return tx.commit();
}

base::Result<Platforms::Begun> Platforms::begin(std::string_view id, const Session* session,
                                                std::string_view return_to,
                                                std::string_view network) {
  const auto* platform = find(id);
  if (platform == nullptr) return base::error(base::Code::not_found, "auth.platform.unknown");
  const auto now = parts_.clock.now();
  const auto from = parts_.cipher.lookup("auth/platform_login/network", network);
  BASE_TRY(const auto begun, parts_.pool.run(kCountBegun, {base::BytesView(from), now}));
  if (begun.integer(0, 0) >= kMostBegun) {
    auto failure = base::error(base::Code::rate_limited, "auth.platform.slow");
    failure.retry_after = std::chrono::minutes(10);
    return failure;
  }
  const auto secret = parts_.random.bytes(32), state = parts_.random.bytes(32);
  const auto nonce = base::to_base64url(parts_.random.bytes(32));
  const auto verifier = base::to_base64url(parts_.random.bytes(32));
  const auto digest = base::sha256(secret);
  const auto sealed = parts_.cipher.seal(
      kField, base::to_hex(digest),
      base::as_bytes(to_json(FieldValues{{"nonce", nonce},
                                         {"verifier", verifier},
                                         {"return_to", std::string(return_to)}})));
  std::optional<std::string> session_id;
  if (session != nullptr) session_id = session->id;
  BASE_TRY_VOID(parts_.pool.run(
      kPut, {base::BytesView(digest), base::BytesView(base::sha256(state)), platform->id, sealed,
             session_id, base::BytesView(from), now, now + kWithin}));

  std::string address = platform->authorize_url;
  char mark = address.find('?') == std::string::npos ? '?' : '&';
  const auto add = [&](std::string_view name, std::string_view value) {
    address += mark;
    address += std::string(name) + "=" + percent_encode(value);
    mark = '&';
  };
  add("response_type", "code");
  add("client_id", platform->client_id);
  add("redirect_uri", return_address(*platform));
  add("scope", platform->scope);
  add("state", base::to_base64url(state));
  add("nonce", nonce);
  add("code_challenge", base::to_base64url(base::sha256(base::as_bytes(verifier))));
  add("code_challenge_method", "S256");
  if (platform->login_age.count() != 0) add("max_age", std::to_string(platform->login_age.count()));
  std::string wish;
  for (const auto& word : platform->two_kinds) wish += (wish.empty() ? "" : " ") + word;
  if (!wish.empty()) add("acr_values", wish);
  return Begun{base::to_base64url(secret), std::move(address)};
}

base::Result<std::optional<Platforms::Kept>> Platforms::take(const Platform& platform,
                                                             std::string_view cookie,
                                                             std::string_view state) {
  const auto digest = digest_of(cookie), shown = digest_of(state);
  if (!digest || !shown) return std::optional<Kept>();
  BASE_TRY(const auto rows,
           parts_.pool.run(kTakeSent, {base::BytesView(*digest), base::BytesView(*shown),
                                       platform.id, parts_.clock.now()}));
  if (rows.empty()) return std::optional<Kept>();
  BASE_TRY(const auto opened,
           parts_.cipher.open(kField, base::to_hex(*digest), rows.bytes(0, 0)));
  const auto values = values_from_json(base::as_text(opened));
  Kept out{values.at("nonce"), values.at("verifier"), values.at("return_to"), {}, {}};
  if (!rows.is_null(0, 1)) out.session = rows.text(0, 1);
  const auto network = rows.bytes(0, 2);
  out.network.assign(network.begin(), network.end());
  return std::optional<Kept>(std::move(out));
}

base::Result<std::vector<std::pair<std::string, std::string>>> Platforms::token_form(
    const Platform& platform, const Kept& kept, const std::string& code) {
  std::vector<std::pair<std::string, std::string>> form{
      {"grant_type", "authorization_code"},
      {"code", code},
      {"redirect_uri", return_address(platform)},
      {"code_verifier", kept.verifier},
      {"client_id", platform.client_id}};
  if (!platform.by_key) return form;
  // RFC 7523 §3, for this issuer alone (RFC 9700, audience injection).
  const auto now = base::to_unix_s(parts_.clock.now());
  base::JsonWriter claims;
  claims.StartObject();
  claims.member("iss", platform.client_id);
  claims.member("sub", platform.client_id);
  claims.member("aud", platform.issuer);
  claims.member("jti", base::to_base64url(parts_.random.bytes(18)));
  claims.member("iat", now);
  claims.member("exp", now + 60);
  claims.EndObject();
  BASE_TRY(auto assertion, parts_.provider.sign_client_assertion(claims.text()));
  form.emplace_back("client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  form.emplace_back("client_assertion", std::move(assertion));
  return form;
}

base::Result<Platforms::Who> Platforms::ask(const Platform& platform, const Kept& kept,
                                            const Answer& answer) {
  // RFC 9207 §2.4: one that is there fits, also where none was promised.
  if (answer.issuer.empty() ? platform.tells_issuer : answer.issuer != platform.issuer)
    return refused("iss of the answer");
  if (answer.error == "access_denied")
    return base::error(base::Code::permission_denied, "auth.platform.denied");
  if (!answer.error.empty())
    return base::error(base::Code::unavailable, "auth.platform.trouble",
                       base::printable(answer.error, 64));
  if (answer.code.empty() || answer.code.size() > kMostCode) return refused("no code");
  BASE_TRY(const auto form, token_form(platform, kept, answer.code));
  BASE_TRY(const auto reply, platform.source->redeem(form));
  const auto json = base::parse_json(reply.body, {.bytes = kMostReply, .depth = 8});
  if (!json.ok() || !json->IsObject()) return refused("token answer is not strict JSON");
  if (reply.status != 200)
    return refused("token endpoint: " + base::printable(base::json_text(*json, "error"), 64));
  const PlatformExpectation expected{platform.issuer, platform.client_id, platform.algorithm,
                                     kept.nonce, platform.login_age};
  BASE_TRY(auto who,
           read_platform_token(base::json_text(*json, "id_token"), *keys_.find(platform.id)->second,
                               expected, parts_.clock.now()));
  const auto& words = platform.two_kinds;
  return Who{std::move(who.subject),
             !who.acr.empty() && std::find(words.begin(), words.end(), who.acr) != words.end()};
}

base::Result<void> Platforms::put_link(store::Tx& tx, const SubjectId& subject,
                                       const Platform& platform, const std::string& there) {
  NewFactor factor;
  factor.subject = subject;
  factor.kind = FactorKind::third_party;
  factor.label = platform.name_zh;
  const auto kept = to_json(FieldValues{{"platform", platform.id}, {"sub", there}});
  factor.secret = base::as_bytes(kept);
  factor.lookup = lookup(platform, there);
  auto put = add_factor(tx, parts_.cipher, parts_.random, factor, subject.value(),
                        parts_.clock.now());
  if (!put.ok() && put.error().key == "auth.factor.taken")
    return base::error(base::Code::conflict, "auth.platform.taken");
  if (!put.ok()) return std::move(put).error();
  return parts_.notices.factor_added(tx, subject, FactorKind::third_party);
}

base::Result<Platforms::Came> Platforms::log_in(const Platform& platform, const Kept& kept,
                                                const Who& who) {
  const auto now = parts_.clock.now();
  Came out;
  out.return_to = kept.return_to;
  BASE_TRY(const auto factor, find_factor(parts_.pool, parts_.cipher, FactorKind::third_party,
                                          lookup(platform, who.there)));
  if (!factor) {
    const auto secret = parts_.random.bytes(32);
    const auto digest = base::sha256(secret);
    const auto sealed = parts_.cipher.seal(
        kField, base::to_hex(digest),
        base::as_bytes(
            to_json(FieldValues{{"sub", who.there}, {"return_to", kept.return_to}})));
    BASE_TRY_VOID(parts_.pool.run(
        kPut, {base::BytesView(digest), std::nullopt, platform.id, sealed,
               std::nullopt, base::BytesView(kept.network), now, now + kWaits}));
    BASE_TRY_VOID(note(platform.id, nullptr, "auth.platform.nobody"));
    out.cookie = base::to_base64url(secret);
    return out;
  }
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("platform", platform.id);
  facts.member("two_kinds", who.two_kinds);
  facts.EndObject();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const bool used, use_factor(tx, *factor, now));
  if (!used) return over();  // unlinked in this very moment
  BASE_TRY_VOID(store::audit(tx, {now, factor->subject.value(), "login.third_party",
                                  factor->subject.value(), "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  out.subject = factor->subject;
  out.proven = Method::third_party;
  // Two kinds shown there stand for a second step only where the person has none of his own.
  if (who.two_kinds) {
    BASE_TRY(auto own, factors_of(parts_.pool, parts_.cipher, factor->subject));
    if (second_steps(std::move(own), out.proven, now).empty())
      out.proven = Method::third_party_verified;
  }
  return out;
}

base::Result<Platforms::Came> Platforms::finish(std::string_view id, std::string_view cookie,
                                                const Answer& answer, const Session* session) {
  const auto* platform = find(id);
  if (platform == nullptr) return base::error(base::Code::not_found, "auth.platform.unknown");
  BASE_TRY(const auto kept, take(*platform, cookie, answer.state));
  if (!kept) return over();
  const bool links = !kept->session.empty();
  // A link belongs to the session that began it, and to no other that came since.
  if (links && (session == nullptr || session->id != kept->session)) return over();
  const auto who = ask(*platform, *kept, answer);
  if (!who.ok()) {
    BASE_TRY_VOID(note(platform->id, links ? &session->subject : nullptr, who.error().key));
    return who.error();
  }
  if (!links) return log_in(*platform, *kept, *who);
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(put_link(tx, session->subject, *platform, who->there));
  BASE_TRY_VOID(tx.commit());
  Came out;
  out.subject = session->subject;
  out.linked = true;
  out.return_to = kept->return_to;
  return out;
}

base::Result<const Platform*> Platforms::waiting(std::string_view cookie) {
  const Platform* none = nullptr;
  const auto digest = digest_of(cookie);
  if (!digest) return none;
  BASE_TRY(const auto rows,
           parts_.pool.run(kFindShown, {base::BytesView(*digest), parts_.clock.now()}));
  return rows.empty() ? none : find(rows.text(0, 0));
}

base::Result<std::string> Platforms::link(const SubjectId& subject, std::string_view cookie) {
  const auto digest = digest_of(cookie);
  if (!digest) return over();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto rows,
           tx.run(kTakeShown, {base::BytesView(*digest), parts_.clock.now()}));
  const auto* platform = rows.empty() ? nullptr : find(rows.text(0, 0));
  if (platform == nullptr) return over();
  BASE_TRY(const auto opened,
           parts_.cipher.open(kField, base::to_hex(*digest), rows.bytes(0, 1)));
  const auto values = values_from_json(base::as_text(opened));
  BASE_TRY_VOID(put_link(tx, subject, *platform, values.at("sub")));
  BASE_TRY_VOID(tx.commit());
  return values.at("return_to");
}

base::Result<std::int64_t> Platforms::sweep(int most) {
  BASE_TRY(const auto gone, parts_.pool.run(kSweep, {parts_.clock.now(), most}));
  return static_cast<std::int64_t>(gone.affected());
}

}  // namespace auth
