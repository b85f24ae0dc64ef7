// Public verification as JSON: by code, by file, and the public files that offline verifiers need.
// LD/T 01-2020 5.4.2.4c. No login, no cookies; facts are masked, codes are never echoed or logged.
#include <cstring>
#include <mutex>

#include "api/handlers.h"
#include "api/pages/verify_pages.h"
#include "api/problem.h"
#include "api/rate_limits.h"
#include "api/verify_lookup.h"
#include "base/encoding.h"
#include "base/json.h"

namespace api {
namespace {

constexpr auto kReadyLife = std::chrono::seconds(5);
constexpr auto zh = base::Language::zh;
constexpr auto en = base::Language::en;

void both(base::JsonWriter& w, std::string_view name, std::string_view key) {
  w.key(name);
  w.StartObject();
  w.member("zh", base::message(key, zh));
  w.member("en", base::message(key, en));
  w.EndObject();
}

void write_entry(base::JsonWriter& w, const verify::Entry& entry, base::Time now) {
  const auto state = pages::state_of(entry, now);
  const std::string state_text(pages::to_string(state));
  w.member("state", state_text);
  both(w, "message", "api.state." + state_text);
  w.key("document");
  w.StartObject();
  w.member("kind", entry.kind);
  both(w, "title", pages::kind_key(entry.kind));
  w.EndObject();
  w.key("issuer");
  w.StartObject();
  w.member("name", entry.issuer);
  w.member("code", entry.issuer_code);
  w.EndObject();
  w.member("issued_at", base::to_rfc3339(entry.issued_at));
  w.key("valid_until");
  if (entry.valid_until)
    w.string(base::to_rfc3339(*entry.valid_until));
  else
    w.Null();
  w.key("facts");
  w.StartArray();
  for (const auto& fact : entry.facts) {
    w.StartObject();
    w.member("label", fact.label);
    both(w, "name", fact.label);
    w.member("value", fact.value);
    w.EndObject();
  }
  w.EndArray();
  w.key("standing");
  w.StartObject();
  w.member("state", verify::to_string(entry.standing));
  w.key("reason");
  if (entry.standing_reason.empty())
    w.Null();
  else
    w.string(entry.standing_reason);
  w.key("since");
  if (entry.standing_since)
    w.string(base::to_rfc3339(*entry.standing_since));
  else
    w.Null();
  w.EndObject();
}

/// The whole verdict but for its last member, the moment of checking.
std::string verdict_head(const verify::Entry& entry, base::Time now) {
  base::JsonWriter w;
  w.StartObject();
  write_entry(w, entry, now);
  auto out = w.text();
  out += ",\"checked_at\":\"";
  return out;
}

Response verdict_response(std::string_view head, base::Time now) {
  std::string body;
  body.reserve(head.size() + 24);
  body.append(head).append(base::to_rfc3339(now)).append("\"}");
  return Response::json(std::move(body));
}

base::Error unknown_code() {
  return base::error(base::Code::not_found, "verify.unknown", "checks hold, nobody issued it");
}

void write_seal(base::JsonWriter& w, const verify::SealReport& seal) {
  w.StartObject();
  w.member("intact", verify::to_string(seal.intact));
  w.member("genuine", verify::to_string(seal.genuine));
  w.member("in_force", verify::to_string(seal.in_force));
  w.member("signer", seal.signer);
  w.member("signer_code", seal.signer_code);
  w.key("sealed_at");
  if (seal.sealed_at)
    w.string(base::to_rfc3339(*seal.sealed_at));
  else
    w.Null();
  w.member("time_attested", seal.time_attested);
  if (seal.compromised_since)
    w.member("compromised_since", base::to_rfc3339(*seal.compromised_since));
  w.member("whole_document", seal.whole_document);
  w.key("reasons");
  w.StartArray();
  for (const auto& reason : seal.reasons) w.string(reason);
  w.EndArray();
  w.EndObject();
}

}  // namespace

std::size_t VerdictCache::Hash::operator()(const verify::CodeDigest& code) const {
  std::size_t out = 0;
  std::memcpy(&out, code.data() + 4, sizeof out);  // a keyed digest is as good as random
  return out;
}

std::shared_ptr<const VerdictCache::Ready> VerdictCache::find(
    const verify::CodeDigest& code) const {
  const auto& shard = shards_[code[0] % kShards];
  const std::shared_lock hold(shard.mutex);
  const auto it = shard.ready.find(code);
  return it == shard.ready.end() ? nullptr : it->second;
}

void VerdictCache::put(const verify::CodeDigest& code, std::shared_ptr<const Ready> ready) {
  auto& held = shard(code);
  const std::unique_lock hold(held.mutex);
  if (held.ready.size() >= kMostPerShard) held.ready.clear();
  held.ready[code] = std::move(ready);
}

base::Result<std::shared_ptr<const verify::Entry>> look_up(Services& services,
                                                           const verify::DocumentCode& code) {
  const auto digest = verify::digest_of(code, services.code_pepper);
  if (auto entry = services.snapshot.find(digest)) return entry;
  BASE_TRY(auto found, services.documents.find(digest));
  if (!found) return std::shared_ptr<const verify::Entry>();
  return std::shared_ptr<const verify::Entry>(
      std::make_shared<const verify::Entry>(std::move(*found)));
}

base::Result<JudgedFile> judge_file(Services& services, base::BytesView file) {
  const auto verifier = services.verifier.get();
  if (!verifier) return base::error(base::Code::unavailable, "api.no_trust_list", "no trust list");
  JudgedFile out{verifier->judge(file, services.clock.now()), nullptr, false};
  if (auto known = services.snapshot.find_by_file(out.verdict.sha256)) {
    out.entry = std::move(known);
    out.register_asked = true;
    return out;
  }
  auto found = services.documents.find_by_file(out.verdict.sha256);
  out.register_asked = found.ok();
  if (found.ok() && *found) out.entry = std::make_shared<const verify::Entry>(std::move(**found));
  return out;
}

namespace handlers {

/// The hot path: memory only. Anything but a known, well-typed code goes to the pool.
std::optional<Response> verify_code_quick(const Services& services, const Request& request,
                                          std::string_view typed) {
  const auto code = verify::DocumentCode::parse(typed);
  if (!code.ok()) return std::nullopt;
  const auto digest = verify::digest_of(*code, services.code_pepper);
  const auto now = services.clock.now();
  const auto newest = services.snapshot.newest_change();
  auto ready = services.verdicts.find(digest);
  const bool good = ready && ready->newest_change == newest && now - ready->made_at < kReadyLife &&
                    now >= ready->made_at && (!ready->turns_at || now < *ready->turns_at);
  if (!good) {
    const auto entry = services.snapshot.find(digest);
    if (!entry) return std::nullopt;
    auto fresh = std::make_shared<VerdictCache::Ready>();
    fresh->head = verdict_head(*entry, now);
    fresh->newest_change = newest;
    fresh->made_at = now;
    if (entry->valid_until && *entry->valid_until > now) fresh->turns_at = entry->valid_until;
    ready = fresh;
    services.verdicts.put(digest, fresh);
  }
  return verdict_response(ready->head, now);
}

base::Result<Response> verify_code(Call& call) {
  BASE_TRY(const auto code, verify::DocumentCode::parse(call.path("code")));
  // Known codes are free; only whoever asks past the memory is counted, so that guessing is slow.
  if (const auto wait =
          call.services.rates.take(Rate::lookup, call.request.client, RateLimits::Steady::now())) {
    auto error = base::error(base::Code::rate_limited, "http.too_often");
    error.retry_after = *wait;
    error.args = {{"seconds", std::to_string(wait->count())}};
    return error;
  }
  BASE_TRY(const auto entry, look_up(call.services, code));
  if (!entry) return unknown_code();
  const auto now = call.services.clock.now();
  return verdict_response(verdict_head(*entry, now), now);
}

base::Result<Response> verify_file(Call& call) {
  if (call.request.body.empty())
    return base::error(base::Code::invalid_argument, "web.file.missing", "empty body");
  BASE_TRY(const auto judged, judge_file(call.services, base::as_bytes(call.request.body)));
  const auto now = call.services.clock.now();
  const auto& verdict = judged.verdict;
  base::JsonWriter w;
  w.StartObject();
  w.member("outcome", verify::to_string(verdict.outcome));
  both(w, "message", "api.outcome." + std::string(verify::to_string(verdict.outcome)));
  w.member("kind", verify::to_string(verdict.kind));
  w.member("sha256", base::to_hex(verdict.sha256));
  w.key("reasons");
  w.StartArray();
  for (const auto& reason : verdict.reasons) w.string(reason);
  w.EndArray();
  w.key("seals");
  w.StartArray();
  for (const auto& seal : verdict.seals) write_seal(w, seal);
  w.EndArray();
  w.key("register");
  w.StartObject();
  w.member("asked", judged.register_asked);
  w.member("known", judged.entry != nullptr);
  if (judged.entry) write_entry(w, *judged.entry, now);
  w.EndObject();
  w.member("checked_at", base::to_rfc3339(now));
  w.EndObject();
  return Response::json(w.text());
}

base::Result<Response> trust_list(Call& call) {
  const auto files = call.services.files.get();
  if (!files) return base::error(base::Code::unavailable, "api.no_trust_list", "no trust list");
  return Response::bytes(files->trust_list_jws, "application/jose")
      .set("Cross-Origin-Resource-Policy", "cross-origin")
      .cache({Cache::Kind::revalidate, {}, false});
}

base::Result<Response> root_certificate(Call& call) {
  const auto files = call.services.files.get();
  if (!files || files->root_pem.empty())
    return base::error(base::Code::unavailable, "api.no_trust_list", "no root certificate");
  return Response::bytes(files->root_pem, "application/x-pem-file")
      .cache({Cache::Kind::shared, std::chrono::seconds(3'600), false});
}

base::Result<Response> issuing_crl(Call& call) {
  const auto files = call.services.files.get();
  if (!files || files->issuing_crl_der.empty())
    return base::error(base::Code::unavailable, "api.no_trust_list", "no revocation list");
  return Response::bytes(files->issuing_crl_der, "application/pkix-crl")
      .cache({Cache::Kind::shared, std::chrono::seconds(300), false});
}

}  // namespace handlers
}  // namespace api
