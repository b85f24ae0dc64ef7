#include "verify/report.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"

namespace verify {
namespace {

/// "标签 Label: value"
std::string row(std::string_view key, Speech speech, const std::string& value) {
  std::string label;
  if (speech != Speech::en) label += base::message(key, base::Language::zh);
  if (speech == Speech::both) label += ' ';
  if (speech != Speech::zh) label += base::message(key, base::Language::en);
  return "    " + label + (speech == Speech::zh ? "：" : ": ") + value + "\n";
}

/// "是 yes"
std::string word(std::string_view key, Speech speech) {
  if (speech == Speech::zh) return base::message(key, base::Language::zh);
  if (speech == Speech::en) return base::message(key, base::Language::en);
  return base::message(key, base::Language::zh) + " " + base::message(key, base::Language::en);
}

std::string answer(Answer answer, Speech speech) {
  return word("verify.cli." + std::string(to_string(answer)), speech);
}

std::string object_text(const SealObject& object, Speech speech) {
  const auto day = [](base::Time at) { return base::to_iso_date(base::china_date(at)); };
  std::string out = row(
      "verify.cli.seal_object", speech,
      shown(object.name) + " (" + shown(object.id) + ", v" + std::to_string(object.version) + ")");
  out +=
      row("verify.cli.seal_maker", speech, shown(object.maker) + " (" + shown(object.vendor) + ")");
  out += row("verify.cli.seal_valid", speech,
             day(object.valid_from) + " – " + day(object.valid_until));
  out += row("verify.cli.seal_picture", speech,
             object.picture_type + ", " + std::to_string(object.width_mm) + " × " +
                 std::to_string(object.height_mm) + " mm, " + std::to_string(object.picture_bytes) +
                 " B");
  return out;
}

std::string step_text(const Step& step, Speech speech) {
  std::string out = row(step.what, speech, answer(step.answer, speech) + "  [" + step.clause + "]");
  if (!step.reason.empty()) out += say(step.reason, speech, "        ");
  return out;
}

std::string seal_text(const SealReport& seal, std::size_t number, Speech speech) {
  std::string out;
  const std::pair<std::string, std::string> args[] = {{"number", std::to_string(number)}};
  out += "  " + base::message("verify.cli.seal_number",
                              speech == Speech::en ? base::Language::en : base::Language::zh, args);
  if (speech == Speech::both)
    out += " · " + base::message("verify.cli.seal_number", base::Language::en, args);
  out += '\n';
  if (!seal.signer.empty()) {
    std::string who = shown(seal.signer);
    if (!seal.signer_code.empty()) who += " (" + shown(seal.signer_code) + ")";
    out += row("verify.cli.sealed_by", speech, who);
  }
  if (seal.sealed_at)
    out += row("verify.cli.sealed_at", speech,
               base::to_china_time(*seal.sealed_at) + " " + word("verify.cli.china_time", speech) +
                   " — " +
                   word(seal.time_attested ? "verify.cli.attested" : "verify.cli.claimed", speech));
  if (seal.compromised_since)
    out += row(
        "verify.cli.compromised_since", speech,
        base::to_china_time(*seal.compromised_since) + " " + word("verify.cli.china_time", speech));
  out += row("verify.cli.intact", speech, answer(seal.intact, speech));
  out += row("verify.cli.genuine", speech, answer(seal.genuine, speech));
  out += row("verify.cli.in_force", speech, answer(seal.in_force, speech));
  out += row("verify.cli.whole", speech,
             answer(seal.whole_document ? Answer::yes : Answer::no, speech));
  if (seal.level != PadesLevel::none)
    out += row("verify.cli.level", speech, "PAdES " + std::string(to_string(seal.level)));
  if (seal.seal_object) out += object_text(*seal.seal_object, speech);
  for (const std::string& reason : seal.reasons) out += say(reason, speech, "    ! ");
  for (const Step& step : seal.steps) out += step_text(step, speech);
  return out;
}

std::string stamp_text(const StampReport& stamp, Speech speech) {
  std::string out;
  if (stamp.at)
    out += row("verify.cli.document_stamp", speech,
               base::to_china_time(*stamp.at) + " " + word("verify.cli.china_time", speech) +
                   " — " + answer(std::min(stamp.intact, stamp.trusted), speech));
  for (const std::string& reason : stamp.reasons) out += say(reason, speech, "    ! ");
  return out;
}

void strings(base::JsonWriter& out, std::string_view name, const std::vector<std::string>& keys) {
  out.key(name);
  out.StartArray();
  for (const std::string& key : keys) out.string(key);
  out.EndArray();
}

/// JSON is UTF-8, whatever a certificate or a file name holds.
std::string utf8(const std::string& text) {
  return base::is_utf8(text) ? text : base::printable(text);
}

void write_object(base::JsonWriter& out, const SealObject& object) {
  out.key("seal_object");
  out.StartObject();
  out.member("version", object.version);
  out.member("id", object.id);
  out.member("name", utf8(object.name));
  out.member("vendor", object.vendor);
  out.member("type", object.type);
  out.member("maker", utf8(object.maker));
  out.member("picture_type", object.picture_type);
  out.member("picture_bytes", static_cast<std::int64_t>(object.picture_bytes));
  out.member("width_mm", object.width_mm);
  out.member("height_mm", object.height_mm);
  out.member("created", base::to_rfc3339(object.created));
  out.member("valid_from", base::to_rfc3339(object.valid_from));
  out.member("valid_until", base::to_rfc3339(object.valid_until));
  out.EndObject();
}

void write_steps(base::JsonWriter& out, const std::vector<Step>& steps) {
  out.key("steps");
  out.StartArray();
  for (const Step& step : steps) {
    out.StartObject();
    out.member("clause", step.clause);
    out.member("step", step.what);
    out.member("answer", to_string(step.answer));
    if (!step.reason.empty()) out.member("reason", step.reason);
    out.EndObject();
  }
  out.EndArray();
}

}  // namespace

std::string shown(std::string_view text) {
  if (!base::is_utf8(text)) return base::printable(text);
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const std::string_view one = text.substr(i, size);
    i += size;
    const char32_t c = base::to_code_points(one).front();
    const bool control = c < 0x20 || (c >= 0x7F && c <= 0x9F);
    const bool direction = c == 0x061C || c == 0x200E || c == 0x200F ||
                           (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    if (!control && !direction) out += one;
  }
  return out;
}

std::string say(std::string_view key, Speech speech, std::string_view indent,
                base::MessageArgs args) {
  std::string out;
  if (speech != Speech::en)
    out.append(indent).append(base::message(key, base::Language::zh, args)).append("\n");
  if (speech == Speech::both) out.append(indent.size(), ' ');
  if (speech == Speech::en) out.append(indent);
  if (speech != Speech::zh) out.append(base::message(key, base::Language::en, args)).append("\n");
  return out;
}

std::string to_text(const std::string& name, const Verdict& verdict, const Ground& ground,
                    Speech speech) {
  std::string out = shown(name) + "\n";
  out += say("verify.outcome." + std::string(to_string(verdict.outcome)), speech,
             verdict.outcome == Outcome::genuine ? "  = " : "  x ");
  for (const std::string& reason : verdict.reasons) out += say(reason, speech, "    ! ");
  for (std::size_t i = 0; i < verdict.seals.size(); ++i)
    out += seal_text(verdict.seals[i], i + 1, speech);
  for (const StampReport& stamp : verdict.document_stamps) out += stamp_text(stamp, speech);
  if (verdict.document_code) out += row("verify.cli.code", speech, *verdict.document_code);
  out += row("verify.cli.root", speech, "SHA-256 " + base::to_hex(ground.root_sha256));
  out += say(ground.root_pinned ? "verify.cli.pinned" : "verify.cli.not_pinned", speech, "      ");
  if (verdict.outcome == Outcome::genuine && !ground.domain.empty()) {
    const std::pair<std::string, std::string> args[] = {{"address", shown(ground.domain)}};
    out += say("verify.cli.online", speech, "    ", args);
  }
  return out;
}

std::string to_json(const std::string& name, const Verdict& verdict, const Ground& ground) {
  base::JsonWriter out;
  out.StartObject();
  out.member("file", utf8(name));
  out.member("outcome", to_string(verdict.outcome));
  out.member("kind", to_string(verdict.kind));
  out.member("sha256", base::to_hex(verdict.sha256));
  if (verdict.document_code) out.member("document_code", *verdict.document_code);
  strings(out, "reasons", verdict.reasons);
  out.key("seals");
  out.StartArray();
  for (const SealReport& seal : verdict.seals) {
    out.StartObject();
    out.member("intact", to_string(seal.intact));
    out.member("genuine", to_string(seal.genuine));
    out.member("in_force", to_string(seal.in_force));
    out.member("signer", utf8(seal.signer));
    out.member("signer_code", utf8(seal.signer_code));
    if (seal.sealed_at) out.member("sealed_at", base::to_rfc3339(*seal.sealed_at));
    out.member("time_attested", seal.time_attested);
    if (seal.compromised_since)
      out.member("compromised_since", base::to_rfc3339(*seal.compromised_since));
    out.member("whole_document", seal.whole_document);
    if (seal.level != PadesLevel::none) out.member("level", to_string(seal.level));
    strings(out, "reasons", seal.reasons);
    if (seal.seal_object) write_object(out, *seal.seal_object);
    if (!seal.steps.empty()) write_steps(out, seal.steps);
    out.EndObject();
  }
  out.EndArray();
  out.key("document_stamps");
  out.StartArray();
  for (const StampReport& stamp : verdict.document_stamps) {
    out.StartObject();
    out.member("intact", to_string(stamp.intact));
    out.member("trusted", to_string(stamp.trusted));
    if (stamp.at) out.member("at", base::to_rfc3339(*stamp.at));
    strings(out, "reasons", stamp.reasons);
    out.EndObject();
  }
  out.EndArray();
  out.member("judged_at", base::to_rfc3339(ground.at));
  out.key("trust");
  out.StartObject();
  out.member("root_sha256", base::to_hex(ground.root_sha256));
  out.member("root_pinned", ground.root_pinned);
  out.member("sequence", ground.sequence);
  out.member("next_update", base::to_rfc3339(ground.next_update));
  out.member("domain", utf8(ground.domain));
  out.EndObject();
  out.EndObject();
  return out.text();
}

}  // namespace verify
