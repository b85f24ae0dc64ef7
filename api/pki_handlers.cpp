// The authority's services to everybody: one certificate's revocation (RFC 6960, RFC 5019), time
// stamps (RFC 3161).
#include <algorithm>
#include <cstdio>
#include <ctime>

#include "api/handlers.h"
#include "api/rate_limits.h"
#include "base/encoding.h"
#include "certs/ocsp_register.h"
#include "certs/timestamp_record.h"

namespace api {
namespace {

/// An answer about what nobody issued is good for an hour: nothing about it will change.
constexpr std::chrono::seconds kUnknownLife{3'600};

Response ocsp_response(const base::Bytes& der) {
  return Response::bytes(std::string(base::as_text(der)), "application/ocsp-response");
}

Response refused(certs::OcspRefusal refusal, std::string_view key) {
  auto out = ocsp_response(certs::ocsp_refusal(refusal));
  out.note(key);
  return out;
}

/// IMF-fixdate, RFC 9110 §5.6.7.
std::string http_date(base::Time at) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at - day).count();
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02u %s %04d %02lld:%02lld:%02lld GMT",
                kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<long long>(seconds / 3600), static_cast<long long>(seconds / 60 % 60),
                static_cast<long long>(seconds % 60));
  return text;
}

/// What may be kept until its next update, and asked for again by its tag. RFC 5019 §6.2.
Response kept(const Call& call, const certs::OcspResponder::Answer& answer) {
  const auto tag = "\"" + base::to_hex(base::sha256(answer.der)).substr(0, 32) + "\"";
  const auto asked = call.request.header("if-none-match");
  const bool same = asked == "*" || asked.find(tag) != std::string_view::npos;
  auto out = same ? Response(304) : ocsp_response(answer.der);
  const auto left =
      std::chrono::floor<std::chrono::seconds>(answer.next_update - call.services.clock.now());
  out.set("ETag", tag);
  out.set("Last-Modified", http_date(answer.this_update));
  out.set("Expires", http_date(answer.next_update));
  out.cache({Cache::Kind::shared, std::max(std::chrono::seconds(0), left), false});
  return out;
}

/// The answer lies ready, or is signed now: with a nonce, about what has none yet, what has
/// expired, what nobody issued. An error of ours is never told as an answer.
Response ocsp_answer(Call& call, base::BytesView bytes) {
  auto& services = call.services;
  using certs::OcspRefusal;
  const auto asked = certs::parse_ocsp_request(bytes);
  if (!asked.ok()) return refused(OcspRefusal::malformed_request, asked.error().key);
  const auto files = services.files.get();
  if (!files || !files->issuing) return refused(OcspRefusal::try_later, "api.no_trust_list");
  if (!certs::asks_about(*asked, *files->issuing))
    return refused(OcspRefusal::unauthorized, "certs.not_issued");
  const auto issuer = files->issuing->public_key_sha256();
  certs::OcspRegister answers(services.pool, services.clock);

  const auto responder = services.responder.get();
  const auto may_sign = [&] {
    return responder &&
           !services.rates.take(Rate::ocsp_live, call.request.client, RateLimits::Steady::now());
  };
  // A nonce beyond the rate is left unanswered, which RFC 5019 §4 allows.
  const bool fresh = !asked->nonce.empty() && may_sign();
  if (!fresh) {
    const auto found = answers.find(issuer, asked->serial_hex, asked->hash);
    if (!found.ok()) return refused(OcspRefusal::try_later, found.error().key);
    if (*found) return kept(call, **found);
    if (!responder) return refused(OcspRefusal::unauthorized, "api.no_key");
    if (!asked->nonce.empty() || !may_sign())
      return refused(OcspRefusal::try_later, "http.too_often");
  }
  const auto status = answers.status(issuer, asked->serial_hex);
  if (!status.ok()) return refused(OcspRefusal::try_later, status.error().key);
  const auto life = status->issued ? services.config.ocsp_life : kUnknownLife;
  const auto made =
      responder->answer(asked->serial_hex, asked->hash, *status, services.clock.now(), life,
                        fresh ? base::BytesView(asked->nonce) : base::BytesView{});
  if (!made.ok()) return refused(OcspRefusal::try_later, made.error().key);
  return fresh ? ocsp_response(made->der) : kept(call, *made);
}

}  // namespace

namespace handlers {

base::Result<Response> ocsp_get(Call& call) {
  const auto bytes = base::from_base64(call.path("request"));
  if (!bytes) return refused(certs::OcspRefusal::malformed_request, "certs.ocsp_malformed");
  return ocsp_answer(call, *bytes);
}

base::Result<Response> ocsp_post(Call& call) {
  return ocsp_answer(call, base::as_bytes(call.request.body));
}

/// Recorded before it is handed out. docs/decisions/0017-time-stamps.md
base::Result<Response> timestamp(Call& call) {
  BASE_TRY(const auto rooms, call.house());
  BASE_TRY(const auto answered, rooms->authority->respond(base::as_bytes(call.request.body)));
  if (answered.stamped)
    BASE_TRY_VOID(
        certs::record_timestamp(call.services.pool, rooms->authority_key, *answered.stamped));
  return Response::bytes(std::string(base::as_text(answered.response)),
                         "application/timestamp-reply");
}

}  // namespace handlers
}  // namespace api
