#include "store/audit_export.h"

#include <algorithm>
#include <istream>

#include "base/encoding.h"
#include "base/json.h"

namespace store {
namespace {

constexpr std::size_t kMostLine = 512 << 10;  // kMostAuditBytes, each octet as \u00XX, and the rest
constexpr std::size_t kMostKeys = 64;
constexpr std::int64_t kMostRows = 1'000'000'000'000'000;  // far from where counting overflows
constexpr std::size_t kChunk = 64 << 10;
constexpr std::int64_t kProgressRows = 100'000;
constexpr Query kHashOf{"audit.hash_of", "select hash from audit.entry where seq = $1"};

bool get(const rapidjson::Value& object, const char* name, base::Digest& out) {
  const auto bytes = base::from_hex(base::json_text(object, name));
  if (!bytes || bytes->size() != out.size()) return false;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return true;
}

bool get(const rapidjson::Value& object, const char* name, std::string& out) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd() || !found->value.IsString()) return false;
  out.assign(found->value.GetString(), found->value.GetStringLength());
  return true;
}

bool get(const rapidjson::Value& object, const char* name, std::int64_t& out) {
  const auto value = base::json_int(object, name);
  if (value) out = *value;
  return value.has_value();
}

bool get(const rapidjson::Value& object, const char* name, base::Time& out) {
  const auto at = base::parse_rfc3339(base::json_text(object, name));
  if (at) out = *at;
  return at.has_value();
}

std::optional<rapidjson::Document> object_of(std::string_view line, std::size_t depth) {
  auto parsed = base::parse_json(line, {.bytes = kMostLine, .depth = depth});
  if (!parsed.ok() || !parsed->IsObject()) return std::nullopt;
  return std::move(*parsed);
}

bool read_keys(const rapidjson::Value& object, std::vector<AuditExportKey>& out) {
  const auto keys = object.FindMember("keys");
  if (keys == object.MemberEnd() || !keys->value.IsArray() || keys->value.Size() > kMostKeys)
    return false;
  for (const auto& item : keys->value.GetArray()) {
    if (!item.IsObject()) return false;
    AuditExportKey key;
    const auto spki = base::from_base64(base::json_text(item, "spki"));
    const auto certificate = base::from_base64(base::json_text(item, "certificate"));
    if (!get(item, "kid", key.id) || !spki || !certificate) return false;
    key.public_key = *spki;
    key.certificate = *certificate;
    if (audit_key_id(key.public_key) != key.id) return false;
    out.push_back(std::move(key));
  }
  return true;
}

std::string end_line(const AuditExportEnd& end) {
  base::JsonWriter out;
  out.StartObject();
  out.key("end");
  out.StartObject();
  out.member("rows", end.rows);
  out.member("heads", end.heads);
  out.member("last", end.last);
  out.member("hash", base::to_hex(end.hash));
  out.member("sha256", base::to_hex(end.sha256));
  out.EndObject();
  out.EndObject();
  return out.text();
}

std::optional<AuditExportEnd> parse_end(const rapidjson::Value& object, std::string_view line) {
  const auto end = object.FindMember("end");
  if (end == object.MemberEnd() || !end->value.IsObject()) return std::nullopt;
  AuditExportEnd out;
  const auto& value = end->value;
  if (!get(value, "rows", out.rows) || !get(value, "heads", out.heads) ||
      !get(value, "last", out.last) || !get(value, "hash", out.hash) ||
      !get(value, "sha256", out.sha256) || end_line(out) != line)
    return std::nullopt;
  return out;
}

std::optional<AuditRow> row_of(const rapidjson::Value& object, std::string_view line) {
  AuditRow row;
  if (!get(object, "seq", row.seq) || !get(object, "at", row.at) ||
      !get(object, "actor", row.actor) || !get(object, "act", row.act) ||
      !get(object, "object", row.object) || !get(object, "outcome", row.outcome) ||
      !get(object, "facts", row.facts) || !get(object, "previous", row.previous) ||
      !get(object, "hash", row.hash) || row.seq < 1 || audit_line(row) != line)
    return std::nullopt;
  return row;
}

/// One reading. The first thing that is wrong with the file's form ends the reading of its lines:
/// what follows cannot be told apart.
class Reading {
 public:
  Reading(const AuditExpectOf& expect, const std::function<void(std::int64_t)>& progress)
      : expect_(expect), progress_(progress) {}

  bool line(std::string_view text) {
    ++number_;
    if (end_) return broken("store.audit_file_more");
    if (!walk_) return start(text);
    const auto object = object_of(text, 3);
    if (!object) return broken("store.audit_file_line");
    if (object->HasMember("end")) {
      end_ = parse_end(*object, text);
      return end_ ? true : broken("store.audit_file_line");
    }
    hash_.update(base::as_bytes(text)).update(base::as_bytes("\n"));
    if (object->HasMember("signed_head")) return head(*object, text);
    const auto row = row_of(*object, text);
    if (!row) return broken("store.audit_file_line");
    ++rows_;
    last_ = *row;
    walk_->row(*row);
    if (progress_ && rows_ % kProgressRows == 0) progress_(rows_);
    return true;
  }

  bool broken(const char* key) {
    if (!report_.file_break)
      report_.file_break = AuditBreak{key, number_, {{"line", std::to_string(number_)}}};
    return false;
  }
  /// A line without an end, or one that has none in sight.
  bool torn(const char* key) {
    ++number_;
    return broken(key);
  }

  AuditExportReport finish() {
    report_.sha256 = hash_.finish();
    if (!report_.file_break && !end_) torn("store.audit_file_cut");
    if (walk_) {
      if (!report_.file_break) {
        if (end_->sha256 != report_.sha256)
          broken("store.audit_file_digest");
        else if (end_->rows != rows_ || end_->heads != heads_ || end_->last != last_.seq ||
                 end_->hash != last_.hash)
          broken("store.audit_file_counts");
        walk_->end();
      }
      report_.trail = walk_->report();
    }
    return std::move(report_);
  }

 private:
  bool start(std::string_view text) {
    auto read = parse_audit_start(text);
    if (!read) return broken("store.audit_file_start");
    hash_.update(base::as_bytes(text)).update(base::as_bytes("\n"));
    report_.start = std::move(*read);
    last_.seq = report_.start.from - 1;
    last_.hash = report_.start.previous;
    walk_.emplace(expect_ ? expect_(report_.start) : AuditExpectations{}, report_.start.from,
                  report_.start.previous);
    return true;
  }

  bool head(const rapidjson::Value& object, std::string_view text) {
    std::string jws;
    if (!get(object, "signed_head", jws) || audit_head_line(jws) != text)
      return broken("store.audit_file_line");
    ++heads_;
    if (const auto head = parse_head(jws))
      walk_->head(*head);
    else
      walk_->bad_head(last_.seq);
    return true;
  }

  const AuditExpectOf& expect_;
  const std::function<void(std::int64_t)>& progress_;
  AuditExportReport report_;
  std::optional<AuditWalk> walk_;
  std::optional<AuditExportEnd> end_;
  base::Sha256 hash_;
  AuditRow last_;
  std::int64_t number_ = 0, rows_ = 0, heads_ = 0;
};

}  // namespace

std::string audit_line(const AuditExportStart& start) {
  base::JsonWriter out;
  out.StartObject();
  out.member("xinyin_audit_export", 1);
  out.member("agency", start.agency);
  out.member("agency_code", start.agency_code);
  out.member("from", start.from);
  out.member("previous", base::to_hex(start.previous));
  out.member("made_at", base::to_rfc3339(start.made_at, true));
  out.key("keys");
  out.StartArray();
  for (const auto& key : start.keys) {
    out.StartObject();
    out.member("kid", key.id);
    out.member("spki", base::to_base64(key.public_key));
    if (!key.certificate.empty()) out.member("certificate", base::to_base64(key.certificate));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

std::string audit_line(const AuditRow& row) {
  base::JsonWriter out;
  out.StartObject();
  out.member("seq", row.seq);
  out.member("at", base::to_rfc3339(row.at, true));
  out.member("actor", row.actor);
  out.member("act", row.act);
  out.member("object", row.object);
  out.member("outcome", row.outcome);
  out.member("facts", row.facts);
  out.member("previous", base::to_hex(row.previous));
  out.member("hash", base::to_hex(row.hash));
  out.EndObject();
  return out.text();
}

std::string audit_head_line(std::string_view jws) {
  base::JsonWriter out;
  out.StartObject();
  out.member("signed_head", jws);
  out.EndObject();
  return out.text();
}

std::optional<AuditExportStart> parse_audit_start(std::string_view line) {
  const auto object = object_of(line, 3);
  if (!object || base::json_int(*object, "xinyin_audit_export") != 1) return std::nullopt;
  AuditExportStart out;
  if (!get(*object, "agency", out.agency) || !get(*object, "agency_code", out.agency_code) ||
      !get(*object, "from", out.from) || !get(*object, "previous", out.previous) ||
      !get(*object, "made_at", out.made_at) || !read_keys(*object, out.keys) || out.from < 1 ||
      out.from > kMostRows || (out.from == 1 && out.previous != base::Digest{}) ||
      audit_line(out) != line)
    return std::nullopt;
  return out;
}

std::optional<AuditRow> parse_audit_row(std::string_view line) {
  const auto object = object_of(line, 1);
  return object ? row_of(*object, line) : std::nullopt;
}

base::Result<AuditExportEnd> export_audit(
    Pool& pool, AuditExportStart start,
    const std::function<base::Result<void>(std::string_view bytes)>& out,
    const AuditProgress& progress) {
  BASE_TRY(auto pages, AuditPages::open(pool, start.from));
  BASE_TRY(const auto before, pool.run(kHashOf, {start.from - 1}));
  if (start.from < 1 || start.from > pages.last() + 1 || (start.from > 1 && before.empty())) {
    auto failure = base::error(base::Code::not_found, "store.audit_no_such_row", "");
    failure.args = {{"seq", std::to_string(start.from)}, {"last", std::to_string(pages.last())}};
    return failure;
  }
  if (!before.empty() && before.bytes(0, 0).size() == start.previous.size())
    std::copy(before.bytes(0, 0).begin(), before.bytes(0, 0).end(), start.previous.begin());
  BASE_TRY(const auto keys, head_keys(pool));
  const auto known = std::exchange(start.keys, {});
  for (const auto& key : keys) {
    AuditExportKey one{audit_key_id(key.public_key), key.public_key, {}};
    for (const auto& other : known)
      if (other.id == one.id) one.certificate = other.certificate;
    start.keys.push_back(std::move(one));
  }
  AuditExportEnd end{0, 0, start.from - 1, start.previous, {}};
  base::Sha256 hash;
  std::string text = audit_line(start) + "\n";
  while (true) {
    hash.update(base::as_bytes(text));
    BASE_TRY_VOID(out(text));
    text.clear();
    BASE_TRY(const auto page, pages.next());
    if (page.empty()) break;
    for (const auto& item : page) {
      text += audit_line(item.row) + "\n";
      if (!item.head_jws.empty()) text += audit_head_line(item.head_jws) + "\n", ++end.heads;
    }
    end.rows += static_cast<std::int64_t>(page.size());
    end.last = page.back().row.seq;
    end.hash = page.back().row.hash;
    if (progress) progress(end.last, pages.last());
  }
  BASE_TRY(const auto beyond, pages.heads_beyond());
  for (const auto& jws : beyond) text += audit_head_line(jws) + "\n", ++end.heads;
  hash.update(base::as_bytes(text));
  if (!text.empty()) BASE_TRY_VOID(out(text));
  end.sha256 = hash.finish();
  BASE_TRY_VOID(out(end_line(end) + "\n"));
  return end;
}

AuditExportReport verify_audit_export(std::istream& in, const AuditExpectOf& expect,
                                      const std::function<void(std::int64_t rows)>& progress) {
  Reading reading(expect, progress);
  std::string held;
  std::vector<char> chunk(kChunk);
  bool good = true;
  while (good && (in.read(chunk.data(), kChunk), in.gcount() > 0)) {
    held.append(chunk.data(), static_cast<std::size_t>(in.gcount()));
    std::size_t from = 0;
    for (auto at = held.find('\n'); good && at != std::string::npos; at = held.find('\n', from)) {
      good = reading.line(std::string_view(held).substr(from, at - from));
      from = at + 1;
    }
    held.erase(0, from);
    if (good && held.size() > kMostLine) good = reading.torn("store.audit_file_line");
  }
  if (good && !held.empty()) reading.torn("store.audit_file_cut");
  return reading.finish();
}

}  // namespace store
