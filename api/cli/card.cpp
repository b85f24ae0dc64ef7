// xinyin card create | show | change-pin: an officer's own card.
//
// The certificate that `create` puts on it is signed by the card itself: it names the person, and
// is believed only once the officers' ledger says so.
#include <algorithm>

#include "api/cli/card_issue.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "certs/certificate.h"
#include "hsm/software_token.h"

namespace cli {
namespace {

constexpr std::size_t kMostNameBytes = 64, kMostPersonBytes = 64;

struct CreateWish {
  CardOptions card;
  PinSource so_pin;
  std::string name, person;
  bool dry_run = false;
};
struct ChangeWish {
  CardOptions card;
  PinSource new_pin;
  bool dry_run = false;
};

/// What would be done to which card; its PIN is not asked for, the card not touched.
Answer would_touch(const CardFile& file, const char* what) {
  base::JsonWriter out;
  out.StartObject();
  out.member("dry_run", true);
  out.member("label", file.label);
  out.member("module", file.module.string());
  out.member("directory", file.directory.string());
  out.EndObject();
  return Answer{out.text(),
                std::string(what) + file.name() + "\n  " + file.module.string() +
                    (file.directory.empty() ? "" : "\n  " + file.directory.string()),
                kDone};
}

base::Error bad_person(const std::string& why) {
  auto failure = base::error(base::Code::invalid_argument, "cli.card_person", why);
  failure.args = {{"why", why}};
  return failure;
}

base::Result<void> check_person(const CreateWish& wish) {
  if (wish.name.empty() || wish.name.size() > kMostNameBytes || base::shown(wish.name) != wish.name)
    return bad_person("a name has 1 to 64 printable bytes");
  const auto plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (wish.person.empty() || wish.person.size() > kMostPersonBytes ||
      !std::all_of(wish.person.begin(), wish.person.end(), plain))
    return bad_person("a person id has 1 to 64 of A-Z, a-z, 0-9 and '-'");
  return {};
}

base::Result<Answer> describe(const hsm::Card& card, std::string heading) {
  base::JsonWriter out;
  out.StartObject();
  out.member("label", card.label());
  out.member("serial", card.serial());
  out.member("public_key", base::to_base64(card.public_key()));
  out.member("share_key", base::to_base64(card.share_key()));
  auto text = std::move(heading) + card.label() + "  序列号 serial " + card.serial();
  if (!card.certificate().empty()) {
    BASE_TRY(const auto certificate, certs::Certificate::from_der(card.certificate()));
    out.member("subject", certificate.subject());
    out.member("not_after", base::to_rfc3339(certificate.not_after()));
    out.member("certificate_sha256", base::to_hex(certificate.sha256()));
    out.member("certificate", certificate.pem());
    text += "\n" + certificate.subject() + "  至 until " +
            base::to_rfc3339(certificate.not_after()) + "\nSHA-256 " +
            base::to_hex(certificate.sha256()) + "\n" + certificate.pem();
    while (text.ends_with('\n')) text.pop_back();
  } else {
    text += "\n无证书 · no certificate";
  }
  out.EndObject();
  return Answer{out.text(), text, kDone};
}

base::Result<Answer> create(Context& context, const CreateWish& wish) {
  BASE_TRY_VOID(check_person(wish));
  BASE_TRY(const auto file, CardFile::read(wish.card.card));
  if (wish.dry_run)
    return would_touch(file,
                       "将生成两把密钥和一张证书 · would make two keys and a certificate on ");
  hsm::NewCard card{file.module, file.label, file.directory, {}, {}};
  auto source = wish.card.pin;
  if (source.fd < 0 && source.file.empty()) source.file = file.pin_file;
  if (file.directory.empty()) {  // a device: its PIN was set with its maker's tool
    BASE_TRY(card.pin, read_pin(source, file.name()));
  } else {
    BASE_TRY(card.so_pin, read_new_pin(wish.so_pin, "SO " + file.label));
    BASE_TRY(card.pin, read_new_pin(source, file.label));
    std::error_code ignored;
    if (!std::filesystem::exists(file.softhsm_conf, ignored))
      BASE_TRY_VOID(hsm::write_softhsm_conf(file.softhsm_conf, file.directory));
  }
  hsm::point_softhsm_at(file.softhsm_conf);
  context.say("生成两把密钥 · making two keys on " + file.name());
  BASE_TRY(const auto made, issue_card(context, file, std::move(card), {wish.person, wish.name}));
  return describe(*made, "已创建 created  ");
}

base::Result<Answer> show(Context& context, const CardOptions& options) {
  BASE_TRY(const auto card, open_card(context, options));
  // Not only there: it does its work.
  BASE_TRY(const auto proof, card->sign(context.random().bytes(32)));
  return describe(*card, "");
}

base::Result<Answer> change_pin(Context& context, const ChangeWish& wish) {
  BASE_TRY(const auto file, CardFile::read(wish.card.card));
  if (wish.dry_run) return would_touch(file, "将更改 PIN · would change the PIN of ");
  auto source = wish.card.pin;
  if (source.fd < 0 && source.file.empty()) source.file = file.pin_file;
  BASE_TRY(const auto old_pin, read_pin(source, file.name()));
  hsm::CardConfig config{file.module, file.label, file.serial, old_pin.clone(), true};
  hsm::point_softhsm_at(file.softhsm_conf);
  BASE_TRY(const auto card, hsm::Card::open(std::move(config), context.random()));
  BASE_TRY(const auto fresh, read_new_pin(wish.new_pin, file.name()));
  BASE_TRY_VOID(card->change_pin(old_pin, fresh));
  if (!file.pin_file.empty())
    context.warn("卡设置文件所指的 PIN 文件仍是旧的 · " + file.pin_file.string() +
                 " still holds the old PIN");
  return describe(*card, "已更改 PIN · PIN changed  ");
}

}  // namespace

void register_card(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("card", "an officer's own card");
  noun->require_subcommand(1);

  const auto wanted = std::make_shared<CreateWish>();
  auto* created =
      noun->add_subcommand("create", "make its two keys and a certificate of the person");
  add_card_options(*created, wanted->card);
  add_pin_options(*created, "so-pin", "the PIN that opens it when the other is lost",
                  wanted->so_pin);
  created->add_option("--name", wanted->name, "the person's name")->required();
  created->add_option("--person", wanted->person, "the person's id, one per person")->required();
  created->add_flag("--dry-run", wanted->dry_run, "say on which card, touch none");
  created->callback([&context, wanted] { context.run([&] { return create(context, *wanted); }); });

  const auto shown = std::make_shared<CardOptions>();
  auto* show_verb = noun->add_subcommand("show", "prove that it works, and print its certificate");
  add_card_options(*show_verb, *shown);
  show_verb->callback([&context, shown] { context.run([&] { return show(context, *shown); }); });

  const auto change = std::make_shared<ChangeWish>();
  auto* changed = noun->add_subcommand("change-pin", "another PIN");
  add_card_options(*changed, change->card);
  add_pin_options(*changed, "new-pin", "the new PIN", change->new_pin);
  changed->add_flag("--dry-run", change->dry_run, "say of which card, touch none");
  changed->callback(
      [&context, change] { context.run([&] { return change_pin(context, *change); }); });
}

}  // namespace cli
