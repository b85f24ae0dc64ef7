// What stands in the minutes: how they begin, the ledger in them, what went otherwise than planned,
// and how they are closed.
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "api/cli/ceremony_run.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "base/messages.h"
#include "base/text.h"
#include "store/audit.h"

namespace cli {
namespace {

using hsm::officers::Decision;
using hsm::officers::Deviation;

constexpr std::string_view kDeviate = "d", kRepeat = "r";

/// Nothing at the end of the input.
std::optional<std::string> typed_line() {
  std::string out;
  if (!std::getline(std::cin, out)) return std::nullopt;
  while (!out.empty() && (out.back() == '\r' || out.back() == ' ')) out.pop_back();
  return out;
}

}  // namespace

/// The first lines, written when there is something to say: the plan, the people, the module.
base::Result<void> Ceremony::open_minutes() {
  if (minutes_.begun()) return {};
  base::JsonWriter opened;
  opened.StartObject();
  opened.member("plan_sha256", base::to_hex(plan_.sha256));
  opened.member("demonstration", plan_.demonstration);
  if (options_.rehearsal) opened.member("rehearsal", true);
  opened.member("token_label", health_.token_label);
  opened.member("token_serial", health_.token_serial);
  opened.member("genesis_sha256", base::json_text(governance_.all(), "genesis_sha256"));
  opened.key("roles");
  opened.StartArray();
  for (const auto& role : plan_.roles) {
    opened.StartObject();
    opened.member("id", role.id);
    opened.member("role", hsm::officers::to_string(role.role));
    opened.member("title", role.title);
    opened.member("person", role.person);
    opened.EndObject();
  }
  opened.EndArray();
  opened.EndObject();
  BASE_TRY_VOID(minutes_.note("open",
                              std::string(options_.rehearsal ? "【演练 REHEARSAL】" : "") +
                                  plan_.title + "；计划 SHA-256 " + base::to_hex(plan_.sha256) +
                                  "；密钥设备 " + health_.token_label + " / " +
                                  health_.token_serial,
                              opened.text()));
  ledger_noted_ = minutes_.report().ledger_lines;
  return note_ledger();
}

/// What the signer wrote down since, word for word: the minutes can be checked without it.
base::Result<void> Ceremony::note_ledger() {
  if (!minutes_.begun()) return {};
  while (true) {
    BASE_TRY(const auto told,
             officer_.signer.officers("ledger", std::to_string(ledger_noted_ + 1)));
    BASE_TRY(const auto page, base::parse_json(told, {16 << 20, 3}));
    if (!page.HasMember("lines") || !page["lines"].IsArray() || page["lines"].Empty()) return {};
    for (const auto& line : page["lines"].GetArray()) {
      BASE_TRY(const auto read,
               hsm::officers::read_line({line.GetString(), line.GetStringLength()}));
      base::JsonWriter data;
      data.StartObject();
      data.member("line", std::string_view(line.GetString(), line.GetStringLength()));
      data.EndObject();
      BASE_TRY_VOID(minutes_.note(
          "ledger",
          "账本第 " + std::to_string(read.n) + " 行 " + read.kind + "，" + base::to_hex(read.hash),
          data.text()));
      ledger_noted_ = read.n;
    }
  }
}

bool Ceremony::interactive() const {
  return !options_.confirmed && ::isatty(STDIN_FILENO) != 0;
}

/// In minutes that are begun: by this run, or by one that was stopped before their closing.
base::Result<void> Ceremony::note_failed(const base::Error& failure) {
  const auto& report = minutes_.report();
  if (!minutes_.begun() && report.lines > 0 && !report.closed && health_.token_up)
    BASE_TRY_VOID(open_minutes());
  if (!minutes_.begun()) return {};
  base::JsonWriter data;
  data.StartObject();
  data.member("detail", base::shown(failure.detail, 512));
  data.member("error", failure.key.empty() ? std::string("error") : failure.key);
  data.member("step", step_);
  data.EndObject();
  return minutes_.note("failed",
                       "【步骤失败 STEP FAILED】" + step_ + "：" + failure.key + " " +
                           base::message(failure.key, base::Language::zh, failure.args),
                       data.text());
}

/// The step has come to its end: what failed of it before was done over.
base::Result<void> Ceremony::note_done_over() {
  const auto failures = minutes_.report().failures;
  for (const auto& one : failures) {
    if (one.repeated || one.step != step_) continue;
    BASE_TRY_VOID(open_minutes());
    base::JsonWriter data;
    data.StartObject();
    data.member("failed", one.n);
    data.member("step", step_);
    data.EndObject();
    BASE_TRY_VOID(minutes_.note(
        "repeated",
        "步骤 " + step_ + " 重做完成，此前于第 " + std::to_string(one.n) + " 行失败 · done over",
        data.text()));
  }
  return {};
}

bool Ceremony::ask_to_repeat(const base::Error& failure) {
  while (true) {
    officer_.context.say("步骤 " + step_ + " 未完成 · not done: " + failure.key + " " +
                         base::shown(failure.detail, 512));
    officer_.context.say("r 重做 do it over；d 记入偏差 note a deviation；其他键结束 else stop");
    const auto typed = typed_line();
    if (typed == kRepeat) return true;
    if (typed != kDeviate) return false;
    if (const auto noted = type_deviation(); !noted.ok()) officer_.context.say(noted.error().key);
  }
}

/// Asked at the terminal of who was there: the step, what happened, why, and who says so.
base::Result<void> Ceremony::type_deviation() {
  BASE_TRY_VOID(open_minutes());
  Deviation out;
  const auto ask_for_text = [&](const std::string& question, const std::string& usual) {
    officer_.context.say(question + (usual.empty() ? "" : " [" + usual + "]") + ":");
    auto typed = typed_line().value_or("");
    return typed.empty() ? usual : typed;
  };
  out.step = ask_for_text("步骤 which step", step_);
  out.happened = ask_for_text("发生了什么 what happened", "");
  out.why = ask_for_text("原因与处置 why, and what was done", "");
  out.by = ask_for_text("陈述人编号 id of who says so", "");
  return minutes_.note(out);
}

/// The end of the request's name, or a deviation first.
base::Result<void> Ceremony::typed_by(const std::string& person, const std::string& wanted) {
  if (::isatty(STDIN_FILENO) == 0)
    return base::error(base::Code::invalid_argument, "cli.confirm_wanted");
  while (true) {
    officer_.context.say(person + "：请输入请求编号的最后 6 位 · type the last 6 characters (" +
                         wanted + ")；d 记入偏差 notes a deviation:");
    const auto typed = typed_line();
    if (typed == wanted) return {};
    if (typed != kDeviate) return base::error(base::Code::invalid_argument, "cli.confirm_differs");
    if (const auto noted = type_deviation(); !noted.ok()) officer_.context.say(noted.error().key);
  }
}

/// Before anybody signs: has somebody more to say?
void Ceremony::last_remarks() {
  while (interactive()) {
    officer_.context.say(
        "签名前是否有偏差要记入？d 记入，其他键继续 · a deviation to note before everybody signs? "
        "d notes it, else go on:");
    if (typed_line() != kDeviate) return;
    if (const auto noted = type_deviation(); !noted.ok()) officer_.context.say(noted.error().key);
  }
}

/// Did an earlier run stop before those who were there had signed?
bool Ceremony::left_open() const {
  const auto& report = minutes_.report();
  return report.lines > 0 &&
         (!report.closed ||
          report.signed_by.size() < std::min(options_.cards.size(), plan_.roles.size()));
}

/// Everybody who is present signs the head; it also goes into the audit trail, so that neither can
/// be rewritten without the other.
base::Result<void> Ceremony::close_minutes() {
  if (!minutes_.begun()) {
    if (!left_open()) return {};
    BASE_TRY_VOID(open_minutes());
  }
  last_remarks();
  BASE_TRY_VOID(note_done_over());
  BASE_TRY_VOID(note_ledger());
  for (const auto& line : deviation_lines(minutes_.report())) officer_.context.say("  " + line);
  BASE_TRY_VOID(minutes_.note("close", options_.rehearsal ? "演练结束" : "仪式结束"));
  base::fail_point("ceremony.closed");
  const auto head = minutes_.report().head;
  for (const auto& options : options_.cards) {
    BASE_TRY(const auto card, open_card(officer_.context, options));
    BASE_TRY(const auto person, governance_.person(card->public_key()));
    const auto& already = minutes_.report().signed_by;
    if (std::count(already.begin(), already.end(), person) != 0) continue;
    const hsm::officers::Vote vote{
        person, Decision::attest, head,
        std::chrono::floor<std::chrono::seconds>(officer_.context.clock().now()), ""};
    BASE_TRY(const auto signature, card->sign(base::as_bytes(vote.signing_input())));
    base::JsonWriter data;
    data.StartObject();
    data.member("vote", vote.jws(signature));
    data.EndObject();
    BASE_TRY_VOID(minutes_.note("signed", person + " 在场并签名", data.text()));
  }
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("plan_sha256", base::to_hex(plan_.sha256));
  facts.member("minutes_lines", minutes_.report().lines);
  facts.member("minutes_head", base::to_hex(minutes_.report().head));
  facts.member("token_serial", health_.token_serial);
  facts.EndObject();
  BASE_TRY(auto tx, officer_.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {officer_.context.clock().now(), officer_.name, "ceremony.run",
                                  base::to_hex(plan_.sha256), "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());

  return write_for_people();
}

/// The paper form: deviations first, then what happened in this run, then room for signatures.
base::Result<void> Ceremony::write_for_people() const {
  std::string text = "# " + plan_.title + "\n\n";
  if (options_.rehearsal) text += "**演练，不作为证据 · A rehearsal: evidence of nothing**\n\n";
  if (plan_.demonstration) text += "**仅供演示，无任何法律效力 · For demonstration only**\n\n";
  for (const auto& role : plan_.roles) text += "- " + role.title + "：" + role.person + "\n";
  const auto deviations = deviation_lines(minutes_.report());
  text += "\n## 偏差与失败 · Deviations and failures\n\n";
  for (const auto& line : deviations) text += "- **" + line + "**\n";
  if (deviations.empty()) text += "无 · none\n";
  text += "\n## 经过 · What happened\n\n" + minutes_.told() +
          "\n记录链头 · head of the minutes: `" + base::to_hex(minutes_.report().head) +
          "`\n\n签名 · signed:\n\n";
  for (const auto& role : plan_.roles)
    text += role.person + "（" + role.title + "）____________________\n\n";
  const auto day = base::to_rfc3339(officer_.context.clock().now()).substr(0, 10);
  const certs::PkiDirectory there(officer_.pki.path() / "ceremony");
  return there.write("minutes-" + day + "-" + std::to_string(minutes_.report().lines) + ".md",
                     text);
}

}  // namespace cli
