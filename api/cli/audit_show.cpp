// xinyin audit show, tail: rows for people to read. Shows what stands there; whether it is whole,
// `verify` says.
#include <algorithm>

#include "api/cli/audit_report.h"
#include "base/json.h"
#include "base/text.h"

namespace cli {
namespace {

/// Rows are looked through in blocks, so that no filter makes one statement run for minutes.
constexpr std::int64_t kBlock = 50'000;

constexpr store::Query kRows{"api.audit_rows", R"sql(
  select seq, at, actor, act, object, outcome, facts from audit.entry
   where seq > $1 and seq <= $2 and ($3 = '' or act = $3 or starts_with(act, $3 || '.'))
     and ($4 = '' or actor = $4) and ($5 = '' or object = $5) and at >= $6 and at <= $7
   order by seq limit $8)sql"};
constexpr store::Query kNewest{"api.audit_newest", R"sql(
  select seq, at, actor, act, object, outcome, facts from audit.entry
   where seq > $1 and seq <= $2 and ($3 = '' or act = $3 or starts_with(act, $3 || '.'))
     and ($4 = '' or actor = $4) and ($5 = '' or object = $5) and at >= $6 and at <= $7
   order by seq desc limit $8)sql"};

struct Found {
  std::vector<std::string> json, text;
};

/// Control characters and what is no text in a column stay out of a terminal.
std::string plain(std::string_view text, std::size_t wide) {
  std::string out;
  std::size_t letters = 0;
  for (const auto c : base::to_code_points(text)) {
    if (letters++ == wide) return out + "…";
    if (c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
        (c >= 0x2066 && c <= 0x2069)) {
      out += '?';
    } else if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xC0 | (c >> 6));
      out += static_cast<char>(0x80 | (c & 0x3F));
    } else {
      if (c >= 0x10000) {
        out += static_cast<char>(0xF0 | (c >> 18));
        out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
      } else {
        out += static_cast<char>(0xE0 | (c >> 12));
      }
      out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
      out += static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  return out;
}

std::string padded(std::string text, std::size_t wide) {
  const auto letters = base::length_code_points(text);
  if (letters < wide) text.append(wide - letters, ' ');
  return text;
}

void put(const store::Rows& rows, std::size_t i, Found& out) {
  base::JsonWriter json;
  json.StartObject();
  json.member("seq", rows.integer(i, 0));
  json.member("at", base::to_rfc3339(rows.time(i, 1), true));
  json.member("actor", rows.text(i, 2));
  json.member("act", rows.text(i, 3));
  json.member("object", rows.text(i, 4));
  json.member("outcome", rows.text(i, 5));
  json.member("facts", rows.text(i, 6));
  json.EndObject();
  out.json.push_back(json.text());
  const auto facts = rows.text(i, 6);
  out.text.push_back(
      padded(std::to_string(rows.integer(i, 0)), 8) + base::to_china_time(rows.time(i, 1)) + "  " +
      padded(plain(rows.text(i, 2), 28), 28) + "  " + padded(plain(rows.text(i, 3), 22), 22) +
      "  " + padded(plain(rows.text(i, 4), 36), 36) + "  " + plain(rows.text(i, 5), 40) +
      (facts == "{}" ? "" : "  " + plain(facts, 200)));
}

base::Result<base::Time> time_of(const std::string& text, base::Time otherwise) {
  if (text.empty()) return otherwise;
  const auto at = base::parse_rfc3339(text);
  if (!at) return base::error(base::Code::invalid_argument, "cli.bad_time", text);
  return *at;
}

}  // namespace

base::Result<Answer> audit_show(Context& context, const AuditFilter& filter) {
  BASE_TRY(const auto since, time_of(filter.since, base::from_unix_s(-2'000'000'000)));
  BASE_TRY(const auto until, time_of(filter.until, base::from_unix_s(250'000'000'000)));
  BASE_TRY(const auto* config, context.config());
  store::Pool pool({.conninfo = config->database.service,
                    .connections = 1,
                    .statement_deadline = std::chrono::minutes{1}});
  BASE_TRY(const auto state, store::audit_state(pool));
  Found found;
  const auto missing = [&] { return filter.most - static_cast<std::int64_t>(found.json.size()); };
  const auto look = [&](std::int64_t from, std::int64_t to) -> base::Result<void> {
    BASE_TRY(const auto rows,
             pool.run(filter.newest ? kNewest : kRows, {from, to, filter.act, filter.actor,
                                                        filter.object, since, until, missing()}));
    for (std::size_t i = 0; i < rows.size(); ++i) put(rows, i, found);
    return {};
  };
  if (filter.newest) {
    for (auto to = state.seq; to > 0 && missing() > 0; to -= kBlock)
      BASE_TRY_VOID(look(std::max<std::int64_t>(0, to - kBlock), to));
    std::reverse(found.json.begin(), found.json.end());
    std::reverse(found.text.begin(), found.text.end());
  } else {
    for (std::int64_t from = 0; from < state.seq && missing() > 0; from += kBlock)
      BASE_TRY_VOID(look(from, std::min(state.seq, from + kBlock)));
  }
  std::string json = "[", text;
  for (const auto& row : found.json) json += (json.size() > 1 ? "," : "") + row;
  for (const auto& row : found.text) text += (text.empty() ? "" : "\n") + row;
  if (text.empty()) text = "没有符合的记录 · no row fits";
  return Answer{json + "]", text, kDone};
}

}  // namespace cli
