// For whoever runs the service: is it alive, is it ready, how does it fare, what does it speak.
#include "api/handlers.h"
#include "api/metrics.h"
#include "base/json.h"
#include "embedded_openapi.h"

namespace api {
namespace {

constexpr auto kWarmUp = std::chrono::seconds(10);
constexpr store::Query kPing{"api.ping", "select 1::bigint"};

struct Part {
  std::string_view name;
  bool good = false;
  std::string why;  ///< an error key or a short word, for operators
};

Part database_part(Services& services) {
  const auto answer = services.pool.run(kPing);
  return {"database", answer.ok(), answer.ok() ? "" : answer.error().key};
}

Part signer_part(Services& services) {
  const auto health = services.signer->health();
  if (!health.ok()) return {"signer", false, health.error().key};
  if (!health->token_up) return {"signer", false, "hsm.unavailable"};
  if (!services.upstairs.get()) return {"signer", false, "api.starting"};
  return {"signer", true, ""};
}

Part trust_list_part(Services& services) {
  const auto files = services.files.get();
  if (!files || !services.verifier.get()) return {"trust_list", false, "api.no_trust_list"};
  const bool fresh = services.clock.now() < files->trust_next_update;
  return {"trust_list", fresh, fresh ? "" : "api.trust_list_stale"};
}

}  // namespace

namespace handlers {

base::Result<Response> live(Call&) {
  return Response::json("{\"status\":\"live\"}");
}

/// 200 when this instance may be sent requests, 503 when not; each part by name. "degraded" is 200
/// on purpose: without signer or database the public verification of known documents goes on, and
/// a proxy that took the instance out would end that too.
base::Result<Response> ready(Call& call) {
  auto& services = call.services;
  std::vector<Part> parts{database_part(services), trust_list_part(services)};
  if (services.signer) parts.push_back(signer_part(services));
  const bool draining = services.draining.load();
  const bool can_judge = services.verifier.get() && (parts[0].good || services.snapshot.size() > 0);
  // A fresh instance waits a while for its signer before it takes work that it could not do.
  const bool warming = services.signer && !services.upstairs.get() &&
                       services.clock.now() - services.started_at < kWarmUp;
  const bool serving = can_judge && !draining && !warming;
  parts.push_back({"serving", serving, draining ? "api.stopping" : serving ? "" : "api.starting"});
  bool good = true;
  for (const auto& part : parts) good = good && part.good;
  base::JsonWriter w;
  w.StartObject();
  w.member("status", !serving ? "not ready" : good ? "ready" : "degraded");
  w.key("parts");
  w.StartObject();
  for (const auto& part : parts) {
    w.key(part.name);
    w.StartObject();
    w.member("ready", part.good);
    if (!part.why.empty()) w.member("reason", part.why);
    w.EndObject();
  }
  w.EndObject();
  w.EndObject();
  auto out = Response::json(w.text(), serving ? 200 : 503);
  if (!serving) out.retry_after(std::chrono::seconds(2));
  return out;
}

base::Result<Response> metrics_text(Call& call) {
  return Response::bytes(call.services.metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
}

base::Result<Response> openapi(Call&) {
  for (const auto& file : embedded::openapi())
    return Response::bytes(std::string(file.bytes), "application/json")
        .set("Cross-Origin-Resource-Policy", "cross-origin")
        .cache({Cache::Kind::shared, std::chrono::seconds(3'600), false});
  return base::error(base::Code::internal, "http.internal", "no OpenAPI document in the binary");
}

}  // namespace handlers
}  // namespace api
