// Batches of documents, handed in by systems. docs/batches.md.
#include <charconv>

#include "api/batch_desk.h"
#include "auth/system_actor.h"
#include "base/json.h"
#include "base/messages.h"

namespace api {
namespace {

constexpr int kMostResults = 1000;

std::string client_of(const Call& call) {
  return call.actor->client().value();
}

/// Errors: invalid_argument `api.query` naming it.
base::Result<std::int64_t> number_in(Call& call, std::string_view name, std::int64_t otherwise) {
  const auto text = only(call.request.query, name);
  if (!text) return otherwise;
  std::int64_t out = 0;
  const auto [end, wrong] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (wrong == std::errc() && end == text->data() + text->size() && out >= 0) return out;
  auto failure = base::error(base::Code::invalid_argument, "api.query");
  failure.args = {{"name", std::string(name)}};
  failure.fields.push_back({std::string(name), "api.query"});
  return failure;
}

void put(base::JsonWriter& out, const seal::BatchStanding& batch) {
  out.StartObject();
  out.member("id", batch.id);
  out.member("state", batch.state);
  out.member("submitted_at", base::to_rfc3339(batch.submitted_at));
  out.member("total", batch.total);
  out.member("done", batch.done);
  out.member("failed", batch.failed);
  if (!batch.note.empty()) out.member("note", batch.note);
  if (batch.ended_at) out.member("ended_at", base::to_rfc3339(*batch.ended_at));
  out.EndObject();
}

Response answer(const seal::BatchStanding& batch, int status = 200) {
  base::JsonWriter out;
  put(out, batch);
  auto response = Response::json(out.text(), status);
  if (status == 201) response.set("Location", "/v1/batches/" + batch.id);
  return response;
}

}  // namespace

namespace handlers {

base::Result<Response> open_batch(Call& call) {
  BASE_TRY(const auto house, call.house());
  auto batches = batches_of(call.services, *house);
  BASE_TRY(const auto batch, batches.open(client_of(call), call.request.header("idempotency-key")));
  return answer(batch, 201);
}

base::Result<Response> list_batches(Call& call) {
  BASE_TRY(const auto house, call.house());
  auto batches = batches_of(call.services, *house);
  BASE_TRY(const auto all, batches.list(client_of(call)));
  base::JsonWriter out;
  out.StartObject();
  out.key("batches");
  out.StartArray();
  for (const auto& one : all) put(out, one);
  out.EndArray();
  out.EndObject();
  return Response::json(out.text());
}

base::Result<Response> show_batch(Call& call) {
  BASE_TRY(const auto house, call.house());
  auto batches = batches_of(call.services, *house);
  BASE_TRY(const auto batch, batches.standing(client_of(call), call.path("id")));
  return answer(batch);
}

base::Result<Response> fill_batch(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto from, number_in(call, "from", 0));
  auto batches = batches_of(call.services, *house);
  BASE_TRY(const auto batch,
           batches.append(client_of(call), call.path("id"), from, call.request.body));
  return answer(batch);
}

base::Result<Response> start_batch(Call& call) {
  BASE_TRY(const auto house, call.house());
  auto batches = batches_of(call.services, *house);
  BASE_TRY(const auto batch, batches.start(client_of(call), call.path("id")));
  return answer(batch);
}

base::Result<Response> stop_batch(Call& call) {
  BASE_TRY(const auto house, call.house());
  auto batches = batches_of(call.services, *house);
  BASE_TRY(const auto batch, batches.stop(client_of(call), call.path("id")));
  return answer(batch);
}

base::Result<Response> batch_results(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto after, number_in(call, "after", 0));
  BASE_TRY(const auto limit, number_in(call, "limit", kMostResults));
  auto batches = batches_of(call.services, *house);
  BASE_TRY(const auto results,
           batches.results(client_of(call), call.path("id"), after,
                           static_cast<int>(std::min<std::int64_t>(limit, kMostResults))));
  base::JsonWriter out;
  out.StartObject();
  out.key("results");
  out.StartArray();
  for (const auto& one : results) {
    out.StartObject();
    out.member("line", one.line);
    if (!one.document.empty()) out.member("document", one.document);
    if (!one.error.empty()) {
      out.member("error", one.error);
      out.member("message", base::message(one.error, base::Language::zh));
      out.member("message_en", base::message(one.error, base::Language::en));
    }
    if (!one.fields.empty()) {
      out.key("fields");
      out.StartArray();
      for (const auto& field : one.fields) {
        out.StartObject();
        out.member("field", field.field);
        out.member("key", field.key);
        out.EndObject();
      }
      out.EndArray();
    }
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return Response::json(out.text());
}

/// The file of one line: for whom the batch is, and whose documents it made, nothing else.
base::Result<Response> batch_document(Call& call) {
  BASE_TRY(const auto house, call.house());
  std::int64_t line = 0;
  const auto text = call.path("line");
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), line);
  if (wrong != std::errc() || end != text.data() + text.size() || line < 1)
    return base::error(base::Code::not_found, "seal.no_document");
  auto batches = batches_of(call.services, *house);
  BASE_TRY(const auto results, batches.results(client_of(call), call.path("id"), line - 1, 1));
  if (results.empty() || results[0].line != line || results[0].document.empty())
    return base::error(base::Code::not_found, "seal.no_document");
  const auto actor = auth::in_matter_of(*call.actor, auth::SubjectId(results[0].subject));
  BASE_TRY(const auto issued, house->issuer->fetch(actor, verify::DocumentId(results[0].document)));
  return Response::file(issued.file(), issued.media_type(), issued.file_name());
}

}  // namespace handlers

}  // namespace api
