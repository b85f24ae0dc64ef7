#include "api/cli/words.h"

#include <map>

#include "base/encoding.h"
#include "base/text.h"
#include "certs/profiles.h"
#include "certs/tbs.h"
#include "hsm/officers/content.h"

namespace cli {
namespace {

using namespace hsm::officers;

constexpr std::size_t kTail = 6;

const std::map<std::string, const char*, std::less<>>& titles() {
  static const std::map<std::string, const char*, std::less<>> kTitles{
      {"officer.enrol", "登记人员或更换其证书 · admit a person, or replace a certificate"},
      {"officer.retire", "取消人员的表决权 · take a person's vote away"},
      {"policy.set", "变更审批规则 · change the policy"},
      {"key.generate", "在密码机中生成密钥 · make keys in the token"},
      {"key.adopt", "接管密码机中已有的密钥 · take over keys that the token holds"},
      {"key.activate", "启用密钥 · let keys be used"},
      {"key.suspend", "暂停密钥 · stop keys for the time being"},
      {"key.resume", "恢复使用密钥 · let keys be used again"},
      {"key.deactivate", "停用密钥（既有签名仍有效）· end keys' use; what they signed stays good"},
      {"key.compromise", "宣告密钥泄露（不可撤回）· declare keys compromised, for ever"},
      {"key.destroy", "销毁密钥（不可恢复）· destroy keys, for ever"},
      {"key.backup", "备份密码机，份额分给管理员 · back up the token, split among officers"},
      {"backup.prove", "登记备份已经演练证明 · record that a backup was proven"},
      {"sign", "以认证机构密钥签发 · sign with an authority's key"},
  };
  return kTitles;
}

std::string line(const std::string& what) {
  return "\n    " + what;
}

/// The certificate that would come of it, read by the same reader as everybody's.
std::string certificate_words(const Sign::Item& item) {
  const auto draft = certs::Certificate::from_der(
      certs::assemble(item.content, hsm::Algorithm::ecdsa_p256, base::Bytes(64, 1)));
  if (!draft.ok()) return line("无法读取的证书！ an unreadable certificate!");
  const auto profile = certs::profile_of(*draft);
  return line("证书 certificate: " + base::shown(draft->subject(), 300)) +
         line("  用途 profile: " +
              (profile ? std::string(certs::to_string(*profile)) : std::string("未知 UNKNOWN"))) +
         line("  有效期 in force: " + base::to_rfc3339(draft->not_before()) + " – " +
              base::to_rfc3339(draft->not_after())) +
         line("  公钥 SPKI SHA-256: " + base::to_hex(draft->public_key_sha256())) +
         line("  签发密钥 signed by: " + item.label);
}

/// What the seal will say of itself, as the signer reads it.
std::string seal_words(const Sign::Item& item) {
  const auto seal = hsm::officers::read_content(item.content);
  if (!seal.ok() || seal->kind != hsm::officers::ContentKind::seal_object)
    return line("无法读取的印章！ an unreadable seal!");
  return line("电子印章 seal: " + base::shown(seal->seal_id, 64) + "  " +
              base::shown(seal->seal_name, 200)) +
         line("  有效期 valid: " + base::to_rfc3339(seal->from) + " – " +
              base::to_rfc3339(seal->to)) +
         line("  印模 picture SHA-256: " + base::to_hex(seal->name)) +
         line("  制章密钥 made by: " + item.label);
}

std::string trust_list_words(const Sign::Item& item) {
  const auto text = base::as_text(item.content);
  const auto payload = base::from_base64url(text.substr(text.find('.') + 1));
  const auto document = base::parse_json(payload ? base::as_text(*payload) : "", {4 << 20, 16});
  if (!document.ok()) return line("无法读取的信任列表！ an unreadable trust list!");
  std::string out = line("信任列表 trust list, sequence " +
                         std::to_string(base::json_int(*document, "sequence").value_or(0)) + ", " +
                         std::string(base::json_text(*document, "domain")) + ", until " +
                         std::string(base::json_text(*document, "next_update")));
  const auto certificate_of = [](const rapidjson::Value& one) {
    const auto der = base::from_base64(base::json_text(one, "certificate"));
    const auto read = certs::Certificate::from_der(der.value_or(base::Bytes{}));
    return read.ok() ? base::shown(read->common_name(), 120) + "  " + read->serial_hex()
                     : std::string("?");
  };
  if (const auto it = document->FindMember("entries");
      it != document->MemberEnd() && it->value.IsArray())
    for (const auto& one : it->value.GetArray())
      out +=
          line("  " + std::string(base::json_text(one, "purpose")) + "  " +
               base::shown(base::json_text(one, "agency"), 80) + "  " + certificate_of(one) +
               (one.HasMember("until") ? "  至 until " + std::string(base::json_text(one, "until"))
                                       : "") +
               (one.HasMember("compromised_since")
                    ? "  泄露 compromised since " +
                          std::string(base::json_text(one, "compromised_since"))
                    : ""));
  if (const auto it = document->FindMember("bodies");
      it != document->MemberEnd() && it->value.IsArray())
    for (const auto& one : it->value.GetArray()) {
      std::string standing;
      if (const auto history = one.FindMember("history");
          history != one.MemberEnd() && history->value.IsArray() && !history->value.Empty())
        standing = base::json_text(history->value[history->value.Size() - 1], "standing");
      out += line("  认证机构 body: " + base::shown(base::json_text(one, "name"), 80) + "  " +
                  std::string(base::json_text(one, "code")) + "  " + standing);
    }
  return out;
}

std::string steps_words(const Request& request) {
  const auto step = read_key_step(request.params(), request.op == "key.compromise");
  if (!step.ok()) return line("！" + step.error().detail);
  std::string out;
  for (const auto& one : step->keys)
    out += line(one.label + "  " + one.id.value() + "  (" + one.state + ")");
  if (step->since) out += line("自 since: " + base::to_rfc3339(*step->since));
  return out;
}

/// What the token holds already, and its backups.
std::string custody_words(const Request& request) {
  const auto& params = request.params();
  if (request.op == "key.adopt") {
    const auto wanted = read_adopt(params);
    if (!wanted.ok()) return line("！" + wanted.error().detail);
    std::string out;
    for (const auto& [one, id] : wanted->keys)
      out +=
          line(one.label + "  " + id.value() + "  " + std::string(hsm::to_string(one.algorithm)) +
               "  " + std::string(hsm::to_string(one.purpose)));
    return out + line("立即可用 in use at once；清单 inventory SHA-256 " +
                      base::to_hex(wanted->inventory));
  }
  if (request.op == "key.backup") {
    const auto wanted = read_backup(params);
    if (!wanted.ok()) return line("！" + wanted.error().detail);
    std::string holders;
    for (const auto& id : wanted->officers) holders += " " + base::shown(id, 64);
    return line("备份文件 file: " + wanted->file) + line("份额持有人 shares for:" + holders) +
           line("恢复需要 needed to restore: " + std::to_string(wanted->threshold) + "/" +
                std::to_string(wanted->officers.size()));
  }
  const auto wanted = read_prove(params);
  if (!wanted.ok()) return line("！" + wanted.error().detail);
  std::string out = line("备份 backup SHA-256 " + base::to_hex(wanted->backup)) +
                    line("演练报告 drill's report SHA-256 " + base::to_hex(wanted->report)) +
                    line("其中经演练的密钥 keys that the drill brought back: " +
                         std::to_string(wanted->keys.size()));
  for (const auto& id : wanted->keys) out += line("  " + id);
  return out;
}

std::string params_words(const Request& request) {
  const auto& params = request.params();
  std::string out;
  if (request.op == "key.generate") {
    const auto wanted = read_generate(params);
    if (!wanted.ok()) return line("！" + wanted.error().detail);
    for (const auto& one : wanted->keys)
      out += line(one.label + "  " + std::string(hsm::to_string(one.algorithm)) + "  " +
                  std::string(hsm::to_string(one.purpose)));
    return out + line(wanted->activate ? "并立即启用 and use them at once"
                                       : "暂不启用 not used until activated");
  }
  if (request.op == "sign") {
    const auto wanted = read_sign(params);
    if (!wanted.ok()) return line("！" + wanted.error().detail);
    for (const auto& item : wanted->items)
      out += item.kind == "certificate"   ? certificate_words(item)
             : item.kind == "seal_object" ? seal_words(item)
                                          : trust_list_words(item);
    return out;
  }
  if (request.op == "officer.enrol" && params.HasMember("person")) {
    const auto person = read_person(params["person"]);
    if (!person.ok()) return line("！" + person.error().detail);
    return line(person->id + "  " + base::shown(person->name, 128) + "  " +
                std::string(to_string(person->role))) +
           line("证书至 certificate until " + base::to_rfc3339(person->not_after)) +
           line("公钥 SPKI SHA-256: " + base::to_hex(base::sha256(person->public_key)));
  }
  if (request.op == "key.adopt" || request.op == "key.backup" || request.op == "backup.prove")
    return custody_words(request);
  if (request.op.starts_with("key.")) return steps_words(request);
  // Small and plain: shown as it is.
  for (auto it = params.MemberBegin(); it != params.MemberEnd(); ++it) {
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    it->value.Accept(writer);
    out += line(std::string(it->name.GetString()) + ": " +
                base::shown({buffer.GetString(), buffer.GetSize()}, 2000));
  }
  return out;
}

}  // namespace

std::string tail_of(const RequestRecord& record) {
  return record.id.substr(record.id.size() - kTail);
}

std::string words(const RequestRecord& record) {
  const auto& request = record.request;
  const auto title = titles().find(request.op);
  std::string out = "请求 request " + record.id.substr(0, 12) + "…" + tail_of(record) + "\n  " +
                    (title == titles().end() ? request.op : std::string(title->second));
  out += params_words(request);
  if (!request.reason.empty()) out += "\n  事由 reason: " + base::shown(request.reason, 1024);
  out += "\n  申请人 asked by " + base::shown(request.requester, 128) + ", " +
         base::to_rfc3339(request.created) + "；有效至 good until " +
         base::to_rfc3339(request.not_after) + "；密码机 token " + request.token;
  return out;
}

std::string standing_words(const RequestRecord& record) {
  std::string out = "  " + record.standing + "；同意 approvals " +
                    std::to_string(record.approvals.size()) + "/" + std::to_string(record.needed);
  for (std::size_t i = 0; i < record.approvals.size(); ++i)
    out += (i == 0 ? ": " : ", ") + record.approvals[i];
  if (record.standing == "failed") out += "\n  " + base::shown(record.result_json, 512);
  return out;
}

}  // namespace cli
