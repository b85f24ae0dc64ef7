#include "api/batch_desk.h"

#include <algorithm>

#include "auth/system_actor.h"
#include "seal/templates.h"

namespace api {
namespace {

using namespace std::chrono_literals;

constexpr auto kIdle = 1'000ms;     // until somebody hands something in
constexpr auto kTrouble = 5'000ms;  // after a failure that no line is the cause of
constexpr auto kListen = 100ms;

}  // namespace

seal::Batches batches_of(Services& services, const Upstairs& rooms, base::Time started) {
  return seal::Batches({services.pool, *rooms.cipher, services.clock, services.random,
                        services.config.instance, started});
}

base::Result<seal::Batches::Made> issue_batch_line(Services& services, Upstairs& rooms,
                                                   const std::string& client,
                                                   const seal::BatchLine& line,
                                                   const std::string& idempotency_key) {
  BASE_TRY(const auto actor, rooms.provider->system_actor(auth::ClientId(client)));
  if (!actor.has_scope(seal::kSystemScope))
    return base::error(base::Code::permission_denied, "auth.scope_missing");
  BASE_TRY(const auto templates, seal::Templates::built_in());
  const auto* publication = templates->find(line.kind);
  if (publication == nullptr || publication->source != seal::FactSource::system)
    return base::error(base::Code::not_found, "seal.kind");
  const auto& allowed = services.config.documents.issuers;
  if (std::find(allowed.begin(), allowed.end(), client + "/" + line.kind) == allowed.end())
    return base::error(base::Code::permission_denied, "api.documents.not_issuer");
  BASE_TRY(const auto found, rooms.accounts->find_by_number(line.id_type, line.id_number));
  if (!found) return base::error(base::Code::not_found, "api.documents.no_subject");
  BASE_TRY(const auto subject, rooms.accounts->subject(*found));
  const seal::DocumentHolder holder{subject.id.value(), subject.kind == auth::SubjectKind::unit,
                                    subject.name, subject.id_number};
  BASE_TRY(const auto draft, templates->draft(line.kind, holder, line.facts_json, services.random));
  BASE_TRY(const auto issued, rooms.issuer->issue(auth::in_matter_of(actor, *found), draft,
                                                  idempotency_key, seal::SealUse::batch));
  return seal::Batches::Made{issued.id().value(), found->value()};
}

BatchWorkers::BatchWorkers(Services& services, Log& log, int count)
    : services_(services), log_(log), started_(services.clock.now()) {
  for (int i = 0; i < count; ++i) threads_.emplace_back([this] { run(); });
}

BatchWorkers::~BatchWorkers() {
  go_on_ = false;
  for (auto& thread : threads_) thread.join();
}

void BatchWorkers::run() {
  const auto pause = [&](std::chrono::milliseconds time) {
    for (auto waited = 0ms; go_on_ && waited < time; waited += kListen)
      std::this_thread::sleep_for(kListen);
  };
  std::string told;
  while (go_on_) {
    const auto rooms = services_.upstairs.get();
    if (!rooms) {
      pause(kIdle);
      continue;
    }
    auto batches = batches_of(services_, *rooms, started_);
    // The rooms that are newest when a line is made: a renewed certificate waits for no portion.
    const auto worked = batches.work(
        [&](const std::string& client, const seal::BatchLine& line, const std::string& key) {
          const auto now = services_.upstairs.get();
          return issue_batch_line(services_, *now, client, line, key);
        },
        go_on_);
    const auto said = worked.ok() ? std::string() : worked.error().key;
    if (said != told) log_.event("batches", said.empty() ? "ok" : said);
    told = said;
    if (!worked.ok()) pause(kTrouble);
    if (worked.ok() && !*worked) pause(kIdle);
  }
}

}  // namespace api
