// xinyin document show | revoke | suspend | resume | supersede: how an issued document stands.
//
// A document is named by its id or by the code printed on it. Each change and its audit row are one
// transaction; instances follow within seconds.
#include "api/cli/officer.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/messages.h"
#include "base/secret.h"
#include "store/audit.h"
#include "verify/register.h"

namespace cli {
namespace {

using verify::Entry;
using verify::Standing;

struct Wish {
  std::string document, reason, successor;
  bool dry_run = false;
};

base::Result<Entry> find(verify::Register& documents, const Config& config,
                         const std::string& named) {
  BASE_TRY(auto by_id, documents.find_by_id(verify::DocumentId(named)));
  if (by_id) return std::move(*by_id);
  const auto unknown = base::error(base::Code::not_found, "verify.register.unknown");
  const auto code = verify::DocumentCode::parse(named);
  if (!code) {
    // Neither an id that we know nor a code: say what is wrong with it when it is nearly a code.
    return code.error().key == "verify.code.typo" ? code.error() : unknown;
  }
  BASE_TRY(const auto pepper, base::Secret::from_file(config.code_pepper_file));
  BASE_TRY(auto by_code, documents.find(verify::digest_of(*code, pepper)));
  if (!by_code) return unknown;
  return std::move(*by_code);
}

std::string both(const std::string& key) {
  return base::message(key, base::Language::zh) + " · " + base::message(key, base::Language::en);
}

Answer describe(const Entry& entry) {
  const std::string standing(verify::to_string(entry.standing));
  base::JsonWriter out;
  out.StartObject();
  out.member("id", entry.id.value());
  out.member("kind", entry.kind);
  out.member("issuer", entry.issuer);
  out.member("issuer_code", entry.issuer_code);
  out.member("issued_at", base::to_rfc3339(entry.issued_at));
  if (entry.valid_until) out.member("valid_until", base::to_rfc3339(*entry.valid_until));
  out.member("file_sha256", base::to_hex(entry.file_sha256));
  out.member("file_bytes", entry.file_bytes);
  out.member("standing", standing);
  if (!entry.standing_reason.empty()) out.member("reason", entry.standing_reason);
  if (entry.standing_since) out.member("since", base::to_rfc3339(*entry.standing_since));
  if (entry.successor) out.member("successor", entry.successor->value());
  out.member("change", entry.change);
  out.EndObject();
  std::string text = entry.id.value() + "  " + entry.kind + "\n" + entry.issuer + " (" +
                     entry.issuer_code + ")\n" + base::to_china_time(entry.issued_at) + "  " +
                     std::to_string(entry.file_bytes) + " B  SHA-256 " +
                     base::to_hex(entry.file_sha256) + "\n" + both("verify.standing." + standing);
  if (!entry.standing_reason.empty()) text += "\n" + both(entry.standing_reason);
  if (entry.standing_since) text += "\n" + base::to_china_time(*entry.standing_since);
  if (entry.successor) text += "\n→ " + entry.successor->value();
  return Answer{out.text(), text, kDone};
}

base::Result<Answer> show(Context& context, const Wish& wish) {
  BASE_TRY(const auto* config, context.config());
  store::Pool pool({.conninfo = config->database.service, .connections = 1});
  verify::Register documents(pool);
  BASE_TRY(const auto entry, find(documents, *config, wish.document));
  return describe(entry);
}

/// The rules of the register are those of the deed; this says what is asked of it.
Answer would_change(const Entry& entry, Standing standing, const std::string& reason,
                    const std::optional<verify::DocumentId>& successor) {
  const std::string from(verify::to_string(entry.standing)), to(verify::to_string(standing));
  base::JsonWriter out;
  out.StartObject();
  out.member("dry_run", true);
  out.member("id", entry.id.value());
  out.member("from", from);
  out.member("to", to);
  if (!reason.empty()) out.member("reason", reason);
  if (successor) out.member("successor", successor->value());
  out.EndObject();
  return Answer{out.text(),
                "将更改 · would change " + entry.id.value() + "\n" +
                    both("verify.standing." + from) + "\n→ " + both("verify.standing." + to),
                kDone};
}

base::Result<Answer> change(Context& context, const Wish& wish, Standing standing,
                            const char* act) {
  BASE_TRY(const auto* config, context.config());
  store::Pool pool({.conninfo = config->database.service, .connections = 2});
  verify::Register documents(pool);
  BASE_TRY(const auto entry, find(documents, *config, wish.document));
  std::optional<verify::DocumentId> successor;
  if (!wish.successor.empty()) {
    BASE_TRY(const auto newer, find(documents, *config, wish.successor));
    successor = newer.id;
  }
  const std::string reason = wish.reason.empty() ? "" : "verify.reason." + wish.reason;
  if (wish.dry_run) return would_change(entry, standing, reason, successor);
  const auto now = context.clock().now();
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("from", verify::to_string(entry.standing));
  facts.member("to", verify::to_string(standing));
  if (!reason.empty()) facts.member("reason", reason);
  if (successor) facts.member("successor", successor->value());
  facts.EndObject();
  BASE_TRY(auto tx, pool.begin());
  BASE_TRY_VOID(documents.change(tx, entry.id, standing, reason, now, successor));
  BASE_TRY_VOID(store::audit(tx, {now, officer_name(), act, entry.id.value(), "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  BASE_TRY(const auto changed, documents.find_by_id(entry.id));
  base::check(changed.has_value(), "a document that was changed is in the register");
  return describe(*changed);
}

/// The reasons that the catalogue words: "verify.reason.<name>".
std::string is_reason(const std::string& name) {
  if (base::has_message("verify.reason." + name)) return {};
  return "no such reason: issued_in_error, superseded_data, holder_request, fraud, "
         "key_compromise, replaced, under_review, lawful_order";
}

}  // namespace

void register_document(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("document", "issued documents and how they stand");
  noun->require_subcommand(1);
  const auto verb = [&](const char* name, const char* help) {
    auto wish = std::make_shared<Wish>();
    auto* command = noun->add_subcommand(name, help);
    command->add_option("document", wish->document, "id, or the code printed on it")->required();
    return std::pair(command, wish);
  };
  const auto reason = [](CLI::App* command, const std::shared_ptr<Wish>& wish) {
    command->add_option("--reason", wish->reason, "class of reason, e.g. issued_in_error")
        ->required()
        ->check(CLI::Validator(is_reason, "REASON"));
  };
  const auto changes = [&context](CLI::App* command, const std::shared_ptr<Wish>& wish,
                                  Standing standing, const char* act) {
    command->add_flag("--dry-run", wish->dry_run, "say what would change, change nothing");
    command->callback([&context, wish, standing, act] {
      context.run([&] { return change(context, *wish, standing, act); });
    });
  };

  {
    const auto [command, wish] = verb("show", "what the register says of it");
    command->callback(
        [&context, wish = wish] { context.run([&] { return show(context, *wish); }); });
  }
  {
    const auto [command, wish] = verb("revoke", "for good: it never counts again");
    reason(command, wish);
    changes(command, wish, Standing::revoked, "document.revoke");
  }
  {
    const auto [command, wish] = verb("suspend", "until it is resumed or revoked");
    reason(command, wish);
    changes(command, wish, Standing::suspended, "document.suspend");
  }
  {
    const auto [command, wish] = verb("resume", "back into force, after it was suspended");
    changes(command, wish, Standing::in_force, "document.resume");
  }
  {
    const auto [command, wish] = verb("supersede", "for good: another document stands instead");
    wish->reason = "replaced";
    command->add_option("--by", wish->successor, "the newer document: id or code")->required();
    changes(command, wish, Standing::superseded, "document.supersede");
  }
}

}  // namespace cli
