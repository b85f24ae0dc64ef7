// xinyin audit verify: the database's trail, or an export with nothing but public material.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "api/cli/audit_keys.h"
#include "api/cli/audit_ledger.h"
#include "api/cli/audit_report.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/messages.h"

namespace cli {
namespace {

constexpr std::int64_t kProgressRows = 100'000;
constexpr std::size_t kMostHead = 4096;

std::string json_text_of(std::string_view text) {
  base::JsonWriter out;
  out.string(text);
  return out.text();
}

base::Error bad_head(const std::string& text) {
  auto failure = base::error(base::Code::invalid_argument, "cli.audit_head", text);
  failure.args = {{"path", text}};
  return failure;
}

/// "ROW:HASH", or a file that holds a signed head.
base::Result<store::KnownHead> known_head(const std::string& text) {
  const auto colon = text.rfind(':');
  const auto hash = colon == std::string::npos
                        ? std::nullopt
                        : base::from_hex(std::string_view(text).substr(colon + 1));
  store::KnownHead out;
  if (hash && hash->size() == out.hash.size() && colon > 0 && colon <= 18 &&
      std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon),
                  [](char c) { return c >= '0' && c <= '9'; })) {
    out.seq = std::stoll(text.substr(0, colon));
    std::copy(hash->begin(), hash->end(), out.hash.begin());
    return out;
  }
  const auto file = read_audit_file(text, kMostHead);
  if (!file.ok()) return bad_head(text);
  auto jws = *file;
  while (!jws.empty() && (jws.back() == '\n' || jws.back() == '\r')) jws.pop_back();
  const auto head = store::parse_head(jws);
  if (!head) return bad_head(text);
  return store::KnownHead{head->seq, head->hash};
}

base::Result<std::optional<base::Digest>> digest_of(const std::string& hex) {
  if (hex.empty()) return std::optional<base::Digest>{};
  const auto bytes = base::from_hex(hex);
  base::Digest out{};
  if (!bytes || bytes->size() != out.size())
    return base::error(base::Code::invalid_argument, "cli.bad_fingerprint", hex);
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return std::optional(out);
}

void warn_of_claimed(Context& context, const AuditKeys& keys, const store::AuditReport& report) {
  if (report.heads == 0) return;
  if (keys.source() == "claimed")
    context.warn(
        "签名密钥取自数据本身，未经验证；请用 --key 或 --trust 指定 · the keys are the trail's own "
        "claim: name them with --key or --trust to know whose signatures these are");
}

base::Result<std::vector<AuditPart>> verify_file(Context& context, const AuditVerify& what,
                                                 AuditKeys& keys,
                                                 std::vector<store::KnownHead> known) {
  std::ifstream in(what.file, std::ios::binary);
  if (!in) return audit_file_failed(what.file, std::strerror(errno));
  const auto report = store::verify_audit_export(
      in,
      [&](const store::AuditExportStart& start) {
        if (keys.empty())
          for (const auto& key : start.keys) keys.add_claimed(key.public_key);
        return store::AuditExpectations{[&keys](const auto& head) { return keys.judge(head); },
                                        std::move(known)};
      },
      [&](std::int64_t rows) { context.say("  " + std::to_string(rows)); });
  if (in.bad()) return audit_file_failed(what.file, std::strerror(errno));
  warn_of_claimed(context, keys, report.trail);
  std::vector<AuditPart> parts{file_part(report)};
  for (auto& part : parts_of(report.trail, keys.source())) parts.push_back(std::move(part));
  return parts;
}

base::Result<std::vector<AuditPart>> verify_database(Context& context,
                                                     const std::optional<base::Digest>& genesis,
                                                     AuditKeys& keys,
                                                     std::vector<store::KnownHead> known) {
  BASE_TRY(const auto* config, context.config());
  store::Config connection;
  connection.conninfo = config->database.service;
  connection.connections = 1;
  connection.statement_deadline = std::chrono::minutes{1};
  store::Pool pool(std::move(connection));
  if (keys.empty()) BASE_TRY_VOID(keys.add_directory(config->pki_directory));
  if (keys.empty()) {
    BASE_TRY(const auto claimed, store::head_keys(pool));
    for (const auto& key : claimed) keys.add_claimed(key.public_key);
  }
  std::int64_t told = 0;
  BASE_TRY(const auto report,
           store::verify_audit(
               pool, {[&keys](const auto& head) { return keys.judge(head); }, std::move(known)},
               [&](std::int64_t rows, std::int64_t of) {
                 if (rows - told < kProgressRows) return;
                 told = rows;
                 context.say("  " + std::to_string(rows) + " / " + std::to_string(of));
               }));
  warn_of_claimed(context, keys, report);
  auto parts = parts_of(report, keys.source());
  BASE_TRY(auto ledger, ledger_mirror_part(context, pool, config->signer.socket, genesis));
  parts.push_back(std::move(ledger));
  return parts;
}

/// What the options name: the officers' ledger or minutes alone, an export, or the database.
base::Result<std::vector<AuditPart>> verify_what(Context& context, const AuditVerify& what,
                                                 AuditKeys& keys,
                                                 std::vector<store::KnownHead> known) {
  BASE_TRY(const auto genesis, digest_of(what.genesis));
  std::vector<AuditPart> parts;
  if (what.file.empty() && what.ledger.empty() && what.minutes.empty())
    return verify_database(context, genesis, keys, std::move(known));
  if (!what.file.empty()) {
    BASE_TRY(parts, verify_file(context, what, keys, std::move(known)));
  }
  if (!what.ledger.empty()) {
    BASE_TRY(auto part, ledger_file_part(context, what.ledger, genesis));
    parts.push_back(std::move(part));
  }
  if (!what.minutes.empty()) {
    BASE_TRY(auto part, minutes_part(context, what.minutes, genesis));
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

AuditPart file_part(const store::AuditExportReport& report) {
  AuditPart out{"file", "文件 file", {}, {}, report.file_break};
  out.text = report.start.agency + " " + report.start.agency_code + "  SHA-256 " +
             base::to_hex(report.sha256);
  out.members = {{"agency", json_text_of(report.start.agency)},
                 {"agency_code", json_text_of(report.start.agency_code)},
                 {"sha256", json_text_of(base::to_hex(report.sha256))}};
  return out;
}

std::vector<AuditPart> parts_of(const store::AuditReport& report, const std::string& keys) {
  AuditPart chain{"chain", "审计链 chain", {}, {}, report.chain_break};
  const auto first = std::to_string(report.first), last = std::to_string(report.last());
  chain.text = std::to_string(report.rows) + " 条 rows";
  if (report.rows > 0) chain.text += "，" + first + "–" + last + "，" + base::to_hex(report.hash);
  chain.members = {{"first", first},
                   {"last", last},
                   {"rows", std::to_string(report.rows)},
                   {"hash", json_text_of(base::to_hex(report.hash))}};
  AuditPart heads{"signed_heads", "签名链首 signed heads", {}, {}, report.heads_break};
  const auto loose = std::to_string(report.last() - std::max(report.signed_seq, report.first - 1));
  heads.text = std::to_string(report.heads) + " 个";
  if (report.heads > 0)
    heads.text += "，至第 " + std::to_string(report.signed_seq) + " 条，" +
                  base::to_china_time(report.signed_at);
  heads.text += "；其后 " + loose + " 条尚未签名 rows not signed yet";
  heads.members = {{"heads", std::to_string(report.heads)},
                   {"vouched", std::to_string(report.vouched)},
                   {"signed_to", std::to_string(report.signed_seq)},
                   {"unsigned_rows", loose},
                   {"keys", json_text_of(keys)}};
  if (report.heads > 0)
    heads.members.emplace_back("signed_at", json_text_of(base::to_rfc3339(report.signed_at, true)));
  return {std::move(chain), std::move(heads)};
}

Answer audit_answer(const std::vector<AuditPart>& parts) {
  bool whole = true;
  base::JsonWriter out;
  std::string text;
  out.StartObject();
  out.key("parts");
  out.StartArray();
  for (const auto& part : parts) {
    out.StartObject();
    out.member("part", part.name);
    out.member("whole", !part.broken.has_value());
    for (const auto& [name, value] : part.members) {
      out.key(name);
      out.RawValue(value.c_str(), value.size(), rapidjson::kStringType);
    }
    text += (text.empty() ? "" : "\n") + part.title + "：" + part.text;
    if (part.broken) {
      whole = false;
      const auto zh = base::message(part.broken->key, base::Language::zh, part.broken->args);
      const auto en = base::message(part.broken->key, base::Language::en, part.broken->args);
      out.member("broken", part.broken->key);
      out.member("broken_at", part.broken->seq);
      out.member("why_zh", zh);
      out.member("why_en", en);
      text += "\n  断裂 broken：" + zh + "\n  " + en;
    }
    out.EndObject();
  }
  out.EndArray();
  out.member("whole", whole);
  out.EndObject();
  text += whole ? "\n完好 · whole" : "\n不完好 · NOT whole";
  return Answer{out.text(), text, whole ? kDone : kLogBroken};
}

base::Result<Answer> audit_verify(Context& context, const AuditVerify& what) {
  AuditKeys keys;
  for (const auto& file : what.keys) BASE_TRY_VOID(keys.add_file(file));
  BASE_TRY(const auto root, digest_of(what.root_sha256));
  if (!what.trust_list.empty()) BASE_TRY_VOID(keys.add_trust_list(what.trust_list, root));
  std::vector<store::KnownHead> known;
  for (const auto& text : what.heads) {
    BASE_TRY(const auto head, known_head(text));
    known.push_back(head);
  }
  BASE_TRY(const auto parts, verify_what(context, what, keys, std::move(known)));
  return audit_answer(parts);
}

}  // namespace cli
