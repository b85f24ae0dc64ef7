#include "gateways/proofing_client.h"

#include "gateways/http_exchange.h"
#include "gateways/proofing_wire.h"

namespace gateways {

struct ProofingClient::Reply {
  rapidjson::Document payload;
};

ProofingClient::ProofingClient(ProofingAddress address, base::Secret secret,
                               const base::Clock& clock, const base::SteadyClock& steady,
                               Breaker::Config breaker)
    : address_(std::move(address)),
      secret_(std::move(secret)),
      clock_(clock),
      breaker_(steady, breaker) {}

base::Result<ProofingClient::Reply> ProofingClient::call(
    std::string_view call, const auth::ProofingQuestion& question,
    const std::vector<std::pair<std::string, std::string>>& more) const {
  const auto away = [&](std::string why) {
    return base::error(base::Code::unavailable, "gateways.proofing",
                       address_.name + ": " + std::move(why));
  };
  if (!breaker_.may_ask()) return away("left alone after failures");
  HttpAsk ask;
  ask.url = address_.url;
  ask.content_type = "application/json";
  ask.body = seal_question(address_.key_id, secret_, call, question, clock_.now(), more);
  ask.deadline = address_.deadline;
  ask.most_body = kMostProofingAnswer;
  ask.roots_file = address_.roots_file;
  const auto reply = http_exchange(ask);
  if (!reply.ok()) {
    breaker_.failed();
    return away(reply.error().detail);
  }
  if (reply->status != 200 || reply->media_type != "application/json") {
    breaker_.failed();
    return away("status " + std::to_string(reply->status) + ", " + reply->media_type);
  }
  auto payload = open_answer(reply->body, secret_, question.nonce, address_.production);
  if (!payload.ok()) {
    breaker_.failed();
    return away(payload.error().detail);
  }
  breaker_.answered();
  return Reply{std::move(*payload)};
}

auth::ProofingAnswer ProofingClient::ask(const auth::ProofingQuestion& question) const {
  const auto reply = call("compare", question, {});
  auth::ProofingAnswer none;
  if (!reply.ok()) {
    none.trouble = reply.error().detail;
    return none;
  }
  auto answer = read_answer(reply->payload);
  if (answer) return std::move(*answer);
  none.trouble = "pending is no answer to a comparison";
  return none;
}

base::Result<auth::VisitedSource::Visit> ProofingClient::begin(
    const auth::ProofingQuestion& question, const std::string& return_address) const {
  const auto reply = call("visit", question, {{"return_address", return_address}});
  auto visit = reply.ok() ? read_visit(reply->payload, !address_.production)
                          : base::Result<Visit>(reply.error());
  if (visit.ok()) return visit;
  return base::error(base::Code::unavailable, "auth.proofing.unavailable", visit.error().detail);
}

std::optional<auth::ProofingAnswer> ProofingClient::result(const auth::ProofingQuestion& question,
                                                           const std::string& ticket) const {
  const auto reply = call("result", question, {{"ticket", ticket}});
  if (reply.ok()) return read_answer(reply->payload);
  auth::ProofingAnswer none;
  none.trouble = reply.error().detail;
  return none;
}

}  // namespace gateways
