// xinyin key …: the life of keys, NIST SP 800-57. Everything but looking is a request.
#include "api/cli/backup.h"
#include "api/cli/issuing.h"
#include "api/cli/words.h"
#include "base/encoding.h"
#include "certs/profiles.h"

namespace cli {
namespace {

struct Options {
  std::vector<std::string> labels;
  std::string label, algorithm = "ecdsa_p256", purpose, reason, since, file;
  std::vector<std::string> officers;
  int threshold = 2;
  bool activate = false, dry_run = false, all = false;
};

std::string column(std::string_view text, std::size_t width) {
  std::string out(text);
  if (out.size() < width) out.append(width - out.size(), ' ');
  return out;
}

void put_key(base::JsonWriter& out, const rapidjson::Value& key) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  key.Accept(writer);
  out.RawValue(buffer.GetString(), buffer.GetSize(), rapidjson::kObjectType);
}

base::Result<Answer> list(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  base::JsonWriter out;
  out.StartArray();
  std::string text = column("密钥 key", 22) + column("算法 algorithm", 18) +
                     column("用途 purpose", 20) + column("状态 state", 16) + "保护 protection";
  for (const auto& key : governance.all()["keys"].GetArray()) {
    const auto state = base::json_text(key, "state");
    if (!options.all && state == "destroyed") continue;
    put_key(out, key);
    text += "\n" + column(base::json_text(key, "label"), 20) +
            column(base::json_text(key, "algorithm"), 16) +
            column(base::json_text(key, "purpose"), 18) + column(state, 14) +
            std::string(base::json_text(key, "protection")) +
            (base::json_text(key, "protection") == "wrapped"
                 ? "（由密码机密钥封装，使用时在内存中 · in memory while it signs）"
                 : "") +
            (key.HasMember("why") ? "  " + std::string(base::json_text(key, "why")) : "");
  }
  out.EndArray();
  return Answer{out.text(), text, kDone};
}

/// What is known of one key: its record, the act that made it and who approved it, its attributes
/// as read back from the token, its certificates.
base::Result<Answer> attest(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  const auto* key = governance.key(options.label);
  if (key == nullptr) {
    auto failure = base::error(base::Code::not_found, "hsm.officers.no_key", options.label);
    failure.args = {{"why", options.label}};
    return failure;
  }
  base::JsonWriter out;
  out.StartObject();
  out.key("key");
  put_key(out, *key);
  std::string text;
  for (auto it = key->MemberBegin(); it != key->MemberEnd(); ++it)
    if (it->value.IsString())
      text += column(it->name.GetString(), 16) + it->value.GetString() + "\n";
  out.key("acts");
  out.StartArray();
  for (const auto& one : governance.all()["requests"].GetArray()) {
    const auto op = base::json_text(one, "op");
    if (base::json_text(one, "standing") != "done" || !op.starts_with("key.")) continue;
    BASE_TRY(const auto record, find_request(officer, base::json_text(one, "id")));
    if (record.request.text.find("\"label\":\"" + options.label + "\"") == std::string::npos)
      continue;
    out.RawValue(record.json.data(), record.json.size(), rapidjson::kObjectType);
    text += std::string(op) + "  " + std::string(base::json_text(one, "created")) + "  ";
    for (const auto& who : record.approvals) text += who + " ";
    text += "\n";
    const auto result = base::parse_json(record.result_json, {16 << 20, 12});
    if (op != "key.generate" || !result.ok() || !result->HasMember("keys")) continue;
    for (const auto& made : (*result)["keys"].GetArray()) {
      if (base::json_text(made, "label") != options.label || !made.HasMember("attributes"))
        continue;
      for (const auto& attribute : made["attributes"].GetObject())
        text += std::string("  ") + attribute.name.GetString() + " = " +
                (attribute.value.GetBool() ? "true" : "false") + "\n";
    }
  }
  out.EndArray();
  out.EndObject();
  while (text.ends_with('\n')) text.pop_back();
  return Answer{out.text(), text, kDone};
}

std::string generate_params(const std::vector<hsm::officers::WantedKey>& keys, bool activate) {
  base::JsonWriter out;
  out.StartObject();
  out.member("activate", activate);
  out.key("keys");
  out.StartArray();
  for (const auto& key : keys) {
    out.StartObject();
    out.member("algorithm", hsm::to_string(key.algorithm));
    out.member("label", key.label);
    out.member("purpose", hsm::to_string(key.purpose));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

base::Result<Answer> generate(Context& context, const Options& options) {
  const auto algorithm = hsm::algorithm_from(options.algorithm);
  const auto purpose = hsm::purpose_from(options.purpose);
  base::check(algorithm && purpose, "the command line let a wrong word through");
  return ask_for(
      context,
      {"key.generate", generate_params({{options.label, *algorithm, *purpose}}, options.activate),
       options.reason},
      options.dry_run);
}

/// "seal-1" -> "seal-2"; without a number at the end, "-2" is added.
std::string next_label(const Governance& governance, const std::string& label) {
  const auto dash = label.rfind('-');
  const bool numbered = dash != std::string::npos && dash + 1 < label.size() &&
                        label.find_first_not_of("0123456789", dash + 1) == std::string::npos &&
                        label.size() - dash < 8;
  const auto stem = numbered ? label.substr(0, dash) : label;
  for (int n = numbered ? std::stoi(label.substr(dash + 1)) + 1 : 2;; ++n)
    if (const auto next = stem + "-" + std::to_string(n); governance.key(next) == nullptr)
      return next;
}

/// The successor is made beside the old key, which goes on: it is deactivated when the new one is
/// certified, published and in use everywhere.
base::Result<Answer> rotate(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  const auto* key = governance.key(options.label);
  if (key == nullptr) {
    auto failure = base::error(base::Code::not_found, "hsm.officers.no_key", options.label);
    failure.args = {{"why", options.label}};
    return failure;
  }
  const auto algorithm = hsm::algorithm_from(base::json_text(*key, "algorithm"));
  const auto purpose = hsm::purpose_from(base::json_text(*key, "purpose"));
  const auto next = next_label(governance, options.label);
  const hsm::officers::Wish wish{
      "key.generate", generate_params({{next, *algorithm, *purpose}}, options.activate),
      options.reason.empty() ? "接替 " + options.label + " · successor of " + options.label
                             : options.reason};
  auto answer = ask_for(context, wish, options.dry_run);
  if (answer.ok())
    answer->text += "\n  然后 then: xinyin cert issue " + next +
                    "，xinyin trust publish；待各处改用后 when it is in use everywhere: "
                    "xinyin key deactivate " +
                    options.label;
  return answer;
}

base::Result<Answer> step(Context& context, const Options& options, const std::string& op) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  if (op == "key.compromise" && !base::parse_rfc3339(options.since))
    return base::error(base::Code::invalid_argument, "cli.bad_time");
  BASE_TRY(const auto params,
           key_step_params(governance, options.labels,
                           op == "key.compromise" ? options.since : std::string()));
  return ask_for(context, {op, params, options.reason}, options.dry_run);
}

base::Result<Answer> back_up(Context& context, const Options& options) {
  base::JsonWriter out;
  out.StartObject();
  out.member("file", options.file);
  out.key("officers");
  out.StartArray();
  for (const auto& id : options.officers) out.string(id);
  out.EndArray();
  out.member("threshold", options.threshold);
  out.EndObject();
  return ask_for(context, {"key.backup", out.text(), options.reason}, options.dry_run);
}

}  // namespace

void register_key(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("key", "the keys in the token, from birth to destruction");
  noun->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  const auto asking = [&](CLI::App* verb) {
    verb->add_option("--reason", options->reason, "shown to who approves");
    verb->add_flag("--dry-run", options->dry_run, "show the request, make none");
  };
  auto* listed = noun->add_subcommand("list", "all keys, their state and where they really are");
  listed->add_flag("--all", options->all, "destroyed ones as well");
  listed->callback([&context, options] { context.run([&] { return list(context, *options); }); });
  auto* attested =
      noun->add_subcommand("attest", "how a key came to be: approvals, attributes, acts");
  attested->add_option("LABEL", options->label, "of the key")->required();
  attested->callback(
      [&context, options] { context.run([&] { return attest(context, *options); }); });

  auto* made = noun->add_subcommand("generate", "ask for a new key");
  made->add_option("LABEL", options->label, "a new name of a-z, 0-9, '-' and '.'")->required();
  made->add_option("--purpose", options->purpose, "what it is for")
      ->required()
      ->check(CLI::IsMember({"root_ca", "issuing_ca", "seal", "seal_maker", "timestamp", "ocsp",
                             "openid", "document_code", "audit", "log", "data_wrapping",
                             "key_wrapping"}));
  made->add_option("--algorithm", options->algorithm, "sm2 is wrapped where the token has none")
      ->check(CLI::IsMember(
          {"ecdsa_p256", "ecdsa_p384", "rsa_3072", "rsa_4096", "ed25519", "sm2", "aes_256"}))
      ->capture_default_str();
  made->add_flag("--activate", options->activate, "use it at once, where the policy allows");
  asking(made);
  made->callback([&context, options] { context.run([&] { return generate(context, *options); }); });
  auto* rotated = noun->add_subcommand("rotate", "ask for a key's successor; the old one goes on");
  rotated->add_option("LABEL", options->label, "of the key")->required();
  rotated->add_flag("--activate", options->activate, "use it at once, where the policy allows");
  asking(rotated);
  rotated->callback(
      [&context, options] { context.run([&] { return rotate(context, *options); }); });

  const auto stepping = [&](const char* name, const char* means) {
    auto* verb = noun->add_subcommand(name, means);
    verb->add_option("LABEL", options->labels, "of the keys")->required();
    asking(verb);
    verb->callback([&context, options, op = std::string("key.") + name] {
      context.run([&] { return step(context, *options, op); });
    });
    return verb;
  };
  stepping("activate", "ask to let keys be used");
  stepping("suspend", "ask to stop keys for the time being (one officer is enough)");
  stepping("resume", "ask to let suspended keys be used again");
  stepping("deactivate", "ask to end keys' use; what they signed stays good");
  stepping("destroy", "ask to destroy keys, for ever, after the grace");
  stepping("compromise", "ask to declare keys compromised, for ever")
      ->add_option("--since", options->since,
                   "what was signed before this time (RFC 3339) stays good")
      ->required();
  auto* kept = noun->add_subcommand("backup", "ask for a backup, split among officers");
  kept->add_option("NAME", options->file, "of the file, in the signer's backup directory")
      ->required();
  kept->add_option("--officer", options->officers, "who holds a share; three at least")->required();
  kept->add_option("--threshold", options->threshold, "shares that are needed to restore")
      ->capture_default_str();
  asking(kept);
  kept->callback([&context, options] { context.run([&] { return back_up(context, *options); }); });
  add_backup_verbs(*noun, context);
  add_proof_verbs(*noun, context);
}

}  // namespace cli
