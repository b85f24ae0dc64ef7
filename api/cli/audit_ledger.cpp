// xinyin audit verify, the officers' ledger; xinyin audit export-ledger.
#include "api/cli/audit_ledger.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "api/cli/audit_file.h"
#include "api/cli/audit_keys.h"
#include "api/cli/minutes.h"
#include "base/encoding.h"
#include "base/json.h"
#include "certs/ledger_mirror.h"
#include "hsm/client.h"

namespace cli {
namespace {

constexpr const char* kName = "officers_ledger";
constexpr const char* kTitle = "密钥管理员账本 officers' ledger";

constexpr store::Query kRows{"api.audit_ledger_rows", R"sql(
  select seq, actor, act, object, outcome, facts from audit.entry
   where act like 'hsm.%' and act <> 'hsm.ledger_alarm' and seq > $1 order by seq limit 500)sql"};

std::string json_string(std::string_view text) {
  base::JsonWriter out;
  out.string(text);
  return out.text();
}

store::AuditBreak break_at(std::string key, std::int64_t line, std::string why = {}) {
  return {std::move(key), line, {{"line", std::to_string(line)}, {"why", std::move(why)}}};
}

/// Of LedgerReplay's: the line, and what is wrong with it.
store::AuditBreak break_of(const base::Error& failure, std::int64_t line) {
  return {failure.key, line, failure.args};
}

void judge_genesis(Context& context, const std::optional<base::Digest>& is,
                   const std::optional<base::Digest>& wanted, AuditPart& part) {
  if (!is) return;
  part.members.emplace_back("genesis_sha256", json_string(base::to_hex(*is)));
  part.text += "\n  创始文件 founding " + base::to_hex(*is);
  if (!wanted) {
    context.warn(
        "未用 --genesis 核对创始文件 · the founding is the ledger's own claim: compare its digest "
        "with a copy from elsewhere (--genesis)");
  } else if (*wanted != *is && !part.broken) {
    part.broken = break_at("cli.ledger_genesis", 1, base::to_hex(*is));
  }
}

void describe(const certs::LedgerReplay& replay, AuditPart& part) {
  const auto unsigned_lines = replay.lines() - replay.signed_to();
  part.text = std::to_string(replay.lines()) + " 行 lines，其中有签名 signed " +
              std::to_string(replay.signed_lines()) + "，其后无签名 not signed yet " +
              std::to_string(unsigned_lines);
  if (replay.lines() > 0) part.text += "，" + base::to_hex(replay.head());
  part.members = {{"lines", std::to_string(replay.lines())},
                  {"head", json_string(base::to_hex(replay.head()))},
                  {"signed_lines", std::to_string(replay.signed_lines())},
                  {"signed_to", std::to_string(replay.signed_to())},
                  {"unsigned_lines", std::to_string(unsigned_lines)}};
}

/// The audit rows that tell of lines, a page at a time, in order.
class Rows {
 public:
  explicit Rows(store::Pool& pool) : pool_(pool) {}
  /// Does the next row tell of this line? A break when it does not.
  base::Result<std::optional<store::AuditBreak>> match(const store::AuditEntry& wanted,
                                                       std::int64_t line) {
    BASE_TRY(const bool there, any());
    if (!there) return std::optional(break_at("cli.ledger_row_missing", line));
    const auto i = next_++;
    seq_ = rows_->integer(i, 0);
    if (rows_->text(i, 1) == wanted.actor && rows_->text(i, 2) == wanted.act &&
        rows_->text(i, 3) == wanted.object && rows_->text(i, 4) == wanted.outcome &&
        rows_->text(i, 5) == wanted.facts_json)
      return std::optional<store::AuditBreak>();
    return std::optional(break_at("cli.ledger_row_differs", line, std::to_string(seq_)));
  }
  base::Result<bool> any() {
    if (rows_ && next_ < rows_->size()) return true;
    BASE_TRY(auto page, pool_.run(kRows, {seq_}));
    rows_.emplace(std::move(page));
    next_ = 0;
    return !rows_->empty();
  }

 private:
  store::Pool& pool_;
  std::optional<store::Rows> rows_;
  std::size_t next_ = 0;
  std::int64_t seq_ = 0;
};

/// What the signer says of its ledger, line by line.
class Asked {
 public:
  explicit Asked(const std::filesystem::path& socket) {
    if (socket.empty()) return;
    client_.emplace(hsm::ClientConfig{.socket = socket, .connections = 1});
    (void)load(1);
  }
  bool asked() const { return client_.has_value(); }
  std::int64_t count() const { return page_.count; }
  const std::string& why() const { return why_; }
  /// The line of this number; nothing when it has none, or cannot be asked any more.
  const std::string* line(std::int64_t n) {
    if (!client_) return nullptr;
    // Past the page, or past the end as it was: the mirror may have been read after it.
    const bool held = n >= from_ && n < from_ + static_cast<std::int64_t>(page_.lines.size());
    if (!held && !load(n)) return nullptr;
    return &page_.lines[static_cast<std::size_t>(n - from_)];
  }

 private:
  bool load(std::int64_t from) {
    const auto answer = client_->officers("ledger", std::to_string(from));
    if (!answer.ok() && answer.error().key == "hsm.officers.not_founded") {
      page_ = {};
      return false;
    }
    auto page = answer.ok() ? certs::read_ledger_page(*answer)
                            : base::Result<certs::LedgerPage>(answer.error());
    if (!page.ok() || (page->lines.empty() && page->count >= from)) {
      why_ = page.ok() ? "certs.ledger_answer" : page.error().key;
      client_.reset();
      return false;
    }
    page_ = std::move(*page);
    from_ = from;
    return !page_.lines.empty();
  }

  std::optional<hsm::Client> client_;
  certs::LedgerPage page_;
  std::int64_t from_ = 1;
  std::string why_ = "no socket";
};

/// Walks the mirror: rules, audit rows, the signer's lines. The first break, or nothing.
base::Result<std::optional<store::AuditBreak>> walk(store::Pool& pool, certs::LedgerReplay& replay,
                                                    Asked& signer) {
  using Broken = std::optional<store::AuditBreak>;
  Rows rows(pool);
  while (true) {
    BASE_TRY(const auto lines, certs::mirrored_lines(pool, replay.lines() + 1));
    if (lines.empty()) break;
    for (const auto& text : lines) {
      const auto n = replay.lines() + 1;
      const auto line = replay.next(text);
      if (!line.ok()) return Broken(break_of(line.error(), n));
      if (const auto taken = replay.apply(*line, text); !taken.ok())
        return Broken(break_of(taken.error(), n));
      BASE_TRY(auto broken, rows.match(certs::ledger_entry(*line, line->at), n));
      if (broken) return broken;
      const auto* theirs = signer.line(n);
      if (theirs != nullptr && *theirs != text)
        return Broken(break_at("cli.ledger_signer_differs", n));
      if (theirs == nullptr && signer.asked())
        return Broken(break_at("cli.ledger_signer_shorter", n, std::to_string(signer.count())));
    }
  }
  BASE_TRY(const bool more, rows.any());
  if (more) return Broken(break_at("cli.ledger_cut", replay.lines() + 1));
  return Broken();
}

}  // namespace

base::Result<AuditPart> ledger_file_part(Context& context, const std::filesystem::path& file,
                                         const std::optional<base::Digest>& genesis) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return audit_file_failed(file, std::strerror(errno));
  certs::LedgerReplay replay;
  AuditPart part{kName, kTitle, {}, {}, {}};
  std::string text, rest(64 << 10, '\0');
  while (!part.broken) {
    in.read(rest.data(), static_cast<std::streamsize>(rest.size()));
    text.append(rest, 0, static_cast<std::size_t>(in.gcount()));
    if (in.gcount() == 0) break;
    std::size_t from = 0;
    for (auto end = text.find('\n'); end != std::string::npos && !part.broken;
         end = text.find('\n', from)) {
      const auto n = replay.lines() + 1;
      const auto taken = replay.take(std::string_view(text).substr(from, end - from));
      if (!taken.ok()) part.broken = break_of(taken.error(), n);
      from = end + 1;
    }
    text.erase(0, from);
    if (text.size() > hsm::officers::kMostLineBytes)
      part.broken = break_at("certs.ledger_line", replay.lines() + 1, "too long");
  }
  if (in.bad()) return audit_file_failed(file, std::strerror(errno));
  if (!part.broken && (!text.empty() || replay.lines() == 0))
    part.broken = break_at("certs.ledger_line", replay.lines() + 1, "cut off");
  describe(replay, part);
  judge_genesis(context, replay.genesis(), genesis, part);
  return part;
}

base::Result<AuditPart> minutes_part(Context& context, const std::filesystem::path& file,
                                     const std::optional<base::Digest>& genesis) {
  BASE_TRY(const auto report, check_minutes(file));
  AuditPart part{kName, kTitle, {}, {}, {}};
  if (report.broken_at) part.broken = break_at("cli.ledger_minutes", *report.broken_at, report.why);
  if (report.rehearsal && !part.broken) part.broken = break_at("cli.minutes_rehearsal", 1);
  std::string people, names;
  for (const auto& one : report.signed_by) {
    people += (people.empty() ? "" : ",") + json_string(one);
    names += " " + one;
  }
  part.text = "仪式记录 minutes " + std::to_string(report.lines) + "，账本 ledger " +
              std::to_string(report.ledger_lines) + " 行 lines；" +
              (report.closed ? "已由以下人员签署 closed, signed by" + names
                             : std::string("未签署结束 not closed"));
  for (const auto& line : deviation_lines(report)) part.text += "\n  " + line;
  part.members = {{"minutes_lines", std::to_string(report.lines)},
                  {"minutes_head", json_string(base::to_hex(report.head))},
                  {"lines", std::to_string(report.ledger_lines)},
                  {"closed", report.closed ? "true" : "false"},
                  {"signed_by", "[" + people + "]"},
                  {"deviations", std::to_string(report.deviations.size())},
                  {"failures", std::to_string(report.failures.size())}};
  judge_genesis(context, report.ledger_lines > 0 ? std::optional(report.genesis) : std::nullopt,
                genesis, part);
  return part;
}

base::Result<AuditPart> ledger_mirror_part(Context& context, store::Pool& pool,
                                           const std::filesystem::path& signer_socket,
                                           const std::optional<base::Digest>& genesis) {
  certs::LedgerReplay replay;
  Asked signer(signer_socket);
  AuditPart part{kName, kTitle, {}, {}, {}};
  BASE_TRY(part.broken, walk(pool, replay, signer));
  describe(replay, part);
  if (signer.asked()) {
    const auto ahead = std::to_string(std::max<std::int64_t>(0, signer.count() - replay.lines()));
    part.members.emplace_back("signer", json_string("asked"));
    part.members.emplace_back("signer_lines", std::to_string(signer.count()));
    part.text += "\n  签名机 signer " + std::to_string(signer.count()) +
                 " 行 lines，尚未抄录 not mirrored yet " + ahead;
  } else {
    part.members.emplace_back("signer", json_string("not asked"));
    part.text += "\n  签名机 signer：未询问 not asked (" + signer.why() + ")";
  }
  if (replay.lines() > 0 || genesis) {
    if (!replay.genesis() && !part.broken)
      part.broken = break_at("cli.ledger_genesis", 1, "no ledger");
    judge_genesis(context, replay.genesis(), genesis, part);
  }
  return part;
}

base::Result<Answer> export_ledger(Context& context, const std::filesystem::path& file) {
  BASE_TRY(const auto* config, context.config());
  store::Pool pool({.conninfo = config->database.service,
                    .connections = 1,
                    .statement_deadline = std::chrono::minutes{1}});
  std::int64_t lines = 0;
  const auto write = [&](const AuditOut& put) -> base::Result<void> {
    while (true) {
      BASE_TRY(const auto page, certs::mirrored_lines(pool, lines + 1));
      if (page.empty()) return {};
      for (const auto& line : page) BASE_TRY_VOID(put(line + "\n"));
      lines += static_cast<std::int64_t>(page.size());
    }
  };
  BASE_TRY_VOID(write_audit_file(file, write));
  base::JsonWriter out;
  out.StartObject();
  out.member("file", file.string());
  out.member("lines", lines);
  out.EndObject();
  return Answer{out.text(), file.string() + "：" + std::to_string(lines) + " 行 lines", kDone};
}

}  // namespace cli
