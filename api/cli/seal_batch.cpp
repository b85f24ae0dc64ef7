#include "api/cli/seal_batch.h"

#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "api/cli/private_file.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/secret.h"
#include "gateways/http_exchange.h"
#include "seal/batch_line.h"

namespace cli {
namespace {

using base::Code;
using namespace std::chrono_literals;

constexpr std::size_t kMostAnswer = 64 << 20;  // a document of thousands of pages
constexpr std::size_t kMostSending = 4 << 20;  // of lines at once
constexpr auto kPatience = 60s;                // for one answer
constexpr auto kTokenMargin = 30s;
constexpr auto kPoll = 1s;
constexpr int kTries = 6;  // of one exchange that did not come through
constexpr int kPage = 500;

base::Result<std::string> read_whole(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in) return file_failure(file, "cannot be read");
  return content.str();
}

/// A file is there whole or not at all.
base::Result<void> write_whole(const std::filesystem::path& file, std::string_view bytes) {
  const auto partial = file.string() + ".part";
  std::ofstream out(partial, std::ios::binary);
  out << bytes;
  out.close();
  if (!out) return file_failure(file, "cannot be written");
  std::error_code failed;
  std::filesystem::rename(partial, file, failed);
  if (failed) return file_failure(file, "cannot be written");
  return {};
}

struct Standing {
  std::string id, state, note;
  std::int64_t total = 0, done = 0, failed = 0;
};

/// The service as this client sees it.
class Remote {
 public:
  Remote(const BatchOrder& order, const base::Clock& clock) : order_(order), clock_(clock) {}

  base::Result<gateways::HttpReply> ask(const std::string& method, const std::string& path,
                                        const std::string& body = {}, const std::string& type = {},
                                        const std::string& idempotency_key = {}) {
    BASE_TRY(const auto token, bearer());
    gateways::HttpAsk ask{.method = method,
                          .url = order_.url + path,
                          .fields = {{"Authorization", "Bearer " + token}},
                          .content_type = type,
                          .body = body,
                          .most_body = kMostAnswer};
    if (!idempotency_key.empty()) ask.fields.emplace_back("Idempotency-Key", idempotency_key);
    auto reply = exchange(std::move(ask));
    if (!reply.ok()) return reply;
    if (reply->status / 100 != 2) return refusal(*reply);
    return reply;
  }

  base::Result<Standing> standing(const std::string& method, const std::string& path,
                                  const std::string& body = {}, const std::string& type = {},
                                  const std::string& idempotency_key = {}) {
    BASE_TRY(const auto reply, ask(method, path, body, type, idempotency_key));
    BASE_TRY(const auto json, base::parse_json(reply.body));
    Standing out;
    out.id = base::json_text(json, "id");
    out.state = base::json_text(json, "state");
    out.note = base::json_text(json, "note");
    out.total = base::json_int(json, "total").value_or(0);
    out.done = base::json_int(json, "done").value_or(0);
    out.failed = base::json_int(json, "failed").value_or(0);
    if (out.id.empty() || out.state.empty())
      return base::error(Code::unavailable, "cli.batch.answer", path);
    return out;
  }

 private:
  /// As the service said it, so that it is told in its words.
  static base::Error refusal(const gateways::HttpReply& reply) {
    auto failure = base::error(Code::conflict, "cli.batch.answer", reply.body.substr(0, 500));
    failure.args = {{"status", std::to_string(reply.status)}};
    const auto json = base::parse_json(reply.body);
    if (!json.ok() || !json->IsObject()) return failure;
    if (const auto key = base::json_text(*json, "key"); !key.empty()) failure.key = key;
    const auto errors = json->FindMember("errors");
    if (errors != json->MemberEnd() && errors->value.IsArray())
      for (const auto& one : errors->value.GetArray())
        failure.fields.push_back(
            {std::string(base::json_text(one, "field")), std::string(base::json_text(one, "key"))});
    return failure;
  }

  /// Again while what is in the way passes: the service is restarted, or the proxy has none behind
  /// it. What may have arrived is asked again under the same name: nothing is done twice.
  base::Result<gateways::HttpReply> exchange(gateways::HttpAsk ask) const {
    ask.deadline = kPatience;
    ask.roots_file = order_.roots_file;
    const auto passing = [](const base::Result<gateways::HttpReply>& reply) {
      if (!reply.ok()) return reply.error().code == Code::unavailable;
      return reply->status == 429 || (reply->status >= 502 && reply->status <= 504);
    };
    auto reply = gateways::http_exchange(ask);
    for (int i = 1; i < kTries && passing(reply); ++i) {
      std::this_thread::sleep_for(kPoll * i);
      reply = gateways::http_exchange(ask);
    }
    return reply;
  }

  base::Result<std::string> bearer() {
    if (!token_.empty() && clock_.now() < token_until_) return token_;
    if (endpoint_.empty()) {
      BASE_TRY(
          const auto reply,
          exchange({.method = "GET", .url = order_.url + "/.well-known/openid-configuration"}));
      BASE_TRY(const auto json, base::parse_json(reply.body));
      endpoint_ = base::json_text(json, "token_endpoint");
    }
    BASE_TRY(const auto secret, base::Secret::from_file(order_.secret_file));
    const auto pair = order_.client + ":" + std::string(secret.reveal_text());
    BASE_TRY(
        const auto reply,
        exchange({.url = endpoint_,
                  .fields = {{"Authorization", "Basic " + base::to_base64(base::as_bytes(pair))}},
                  .content_type = "application/x-www-form-urlencoded",
                  .body = "grant_type=client_credentials&scope=documents.issue"}));
    const auto json = base::parse_json(reply.body);
    if (reply.status != 200 || !json.ok()) {
      auto failure =
          base::error(Code::permission_denied, "cli.batch.login", reply.body.substr(0, 500));
      failure.args = {{"status", std::to_string(reply.status)}};
      return failure;
    }
    token_ = base::json_text(*json, "access_token");
    token_until_ = clock_.now() +
                   std::chrono::seconds(base::json_int(*json, "expires_in").value_or(0)) -
                   kTokenMargin;
    return token_;
  }

  const BatchOrder& order_;
  const base::Clock& clock_;
  std::string endpoint_, token_;
  base::Time token_until_;
};

std::string number_of(std::int64_t line) {
  char out[24];
  std::snprintf(out, sizeof out, "%07lld", static_cast<long long>(line));
  return out;
}

std::string with_note(const Standing& now, std::string_view doing) {
  auto out = std::string(doing) + "  " + std::to_string(now.done) + "/" + std::to_string(now.total);
  if (now.failed > 0) out += "  失败 failed " + std::to_string(now.failed);
  if (!now.note.empty()) out += "  等待 waiting: " + now.note;
  return out;
}

/// Sends what the service has not got yet.
base::Result<Standing> send_lines(Context& context, Remote& remote, Standing now,
                                  const std::string& text) {
  std::size_t at = 0;
  for (std::int64_t skipped = 0; skipped < now.total && at < text.size(); ++skipped)
    at = std::min(text.find('\n', at), text.size() - 1) + 1;
  while (at < text.size()) {
    auto end = std::min(at + kMostSending, text.size());
    if (end < text.size()) {
      const auto line_end = text.rfind('\n', end - 1);
      end = line_end == std::string::npos || line_end < at
                ? std::min(text.find('\n', at), text.size() - 1) + 1
                : line_end + 1;
    }
    BASE_TRY(now,
             remote.standing(
                 "POST", "/v1/batches/" + now.id + "/lines?from=" + std::to_string(now.total + 1),
                 text.substr(at, end - at), "application/x-ndjson"));
    at = end;
    context.say("已提交 handed in: " + std::to_string(now.total));
  }
  return now;
}

/// Fetches what has a result and is not in the directory yet; gives the number of the next line.
base::Result<std::int64_t> fetch_results(Remote& remote, const std::filesystem::path& out,
                                         const std::string& batch, std::int64_t after,
                                         std::ofstream& list) {
  BASE_TRY(const auto reply,
           remote.ask("GET", "/v1/batches/" + batch + "/results?after=" + std::to_string(after) +
                                 "&limit=" + std::to_string(kPage)));
  BASE_TRY(const auto json, base::parse_json(reply.body, {kMostAnswer, 8}));
  const auto results = json.FindMember("results");
  if (results == json.MemberEnd() || !results->value.IsArray())
    return base::error(Code::unavailable, "cli.batch.answer", "results");
  for (const auto& one : results->value.GetArray()) {
    const auto line = base::json_int(one, "line").value_or(0);
    if (line != after + 1) return base::error(Code::unavailable, "cli.batch.answer", "order");
    const auto document = std::string(base::json_text(one, "document"));
    if (!document.empty()) {
      const auto file = out / (number_of(line) + "-" + document + ".pdf");
      std::error_code ignored;
      if (!std::filesystem::exists(file, ignored)) {
        BASE_TRY(const auto bytes,
                 remote.ask("GET", "/v1/batches/" + batch + "/documents/" + std::to_string(line)));
        BASE_TRY_VOID(write_whole(file, bytes.body));
      }
    }
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    one.Accept(writer);
    list << std::string_view(buffer.GetString(), buffer.GetSize()) << '\n';
    after = line;
  }
  return after;
}

}  // namespace

base::Result<Answer> run_batch(Context& context, const BatchOrder& order) {
  BASE_TRY(const auto text, read_whole(order.in));
  const auto lines = seal::lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto read = seal::read_batch_line(lines[i]);
    if (read.ok()) continue;
    auto failure = std::move(read).error();
    failure.args.emplace_back("member", "line " + std::to_string(i + 1));
    return failure;
  }
  if (order.dry_run)
    return Answer{"{\"lines\":" + std::to_string(lines.size()) + "}",
                  "可以提交 could be handed in: " + std::to_string(lines.size()), kDone};
  std::error_code failed;
  std::filesystem::create_directories(order.out, failed);
  if (failed) return file_failure(order.out, "cannot be made");
  Remote remote(order, context.clock());
  // The file's digest is its name there: run again, it is the same batch.
  const auto key = base::to_hex(base::sha256(base::as_bytes(text)));
  BASE_TRY(auto now, remote.standing("POST", "/v1/batches", {}, {}, key));
  if (now.state == "open") {
    BASE_TRY(now, send_lines(context, remote, std::move(now), text));
    BASE_TRY(now, remote.standing("POST", "/v1/batches/" + now.id + "/start"));
  }
  const auto list_file = order.out / "results.jsonl";
  std::ofstream list(list_file.string() + ".part", std::ios::binary);
  std::string told;
  std::int64_t fetched = 0;
  for (;;) {
    BASE_TRY(const auto reached, fetch_results(remote, order.out, now.id, fetched, list));
    const bool more = reached > fetched;
    fetched = reached;
    BASE_TRY(now, remote.standing("GET", "/v1/batches/" + now.id));
    if (auto progress = with_note(now, "已出具 made"); progress != told) {
      context.say(progress);
      told = std::move(progress);
    }
    const bool ended = now.state == "done" || now.state == "stopped";
    if (ended && fetched >= now.done) break;
    if (!more) std::this_thread::sleep_for(kPoll);
  }
  list.close();
  if (list) std::filesystem::rename(list_file.string() + ".part", list_file, failed);
  if (!list || failed) return file_failure(list_file, "cannot be written");
  base::JsonWriter out;
  out.StartObject();
  out.member("batch", now.id);
  out.member("state", now.state);
  out.member("total", now.total);
  out.member("done", now.done);
  out.member("failed", now.failed);
  out.EndObject();
  return Answer{out.text(),
                "批次 batch " + now.id + " " + now.state + ": " +
                    std::to_string(now.done - now.failed) + " 份文书 documents, " +
                    std::to_string(now.failed) + " 行失败 lines failed; " + list_file.string(),
                now.failed == 0 && now.state == "done" ? kDone : kConflict};
}

}  // namespace cli
