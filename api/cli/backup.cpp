#include "api/cli/backup.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>

#include "base/json.h"

namespace cli {
namespace {

constexpr const char* kMemory = "/dev/shm";

struct Wish {
  std::filesystem::path backup, module = kSoftHsm;
  std::filesystem::path into, inventory, ledger, pin, state;
  std::filesystem::path place;
  std::vector<std::filesystem::path> cards, pin_files;
  std::vector<int> pin_fds;
  bool dry_run = false;
};

void add_cards(CLI::App& verb, Wish& wish) {
  verb.add_option("--backup", wish.backup, "the backup file")->required();
  verb.add_option("--card", wish.cards, "settings file of an officer's card; once for each officer")
      ->required();
  auto* files = verb.add_option("--pin-file", wish.pin_files,
                                "file with a card's PIN; as often as --card, in the same order");
  verb.add_option("--pin-fd", wish.pin_fds, "open descriptor with a card's PIN, likewise")
      ->excludes(files);
}

base::Error too_few(const hsm::BackupHeader& header, const std::vector<int>& have) {
  auto failure = base::error(base::Code::permission_denied, "hsm.too_few_shares");
  failure.args = {{"have", std::to_string(have.size())},
                  {"need", std::to_string(header.threshold)}};
  return failure;
}

/// The cards' shares, one card open at a time. A card that holds none was named by mistake.
hsm::NextShare shares_named(Context& context, const Wish& wish) {
  return [&context, &wish, next = std::size_t{0}](
             const hsm::BackupHeader& header,
             const std::vector<int>& have) mutable -> base::Result<hsm::Share> {
    if (next == wish.cards.size()) return too_few(header, have);
    CardOptions options{wish.cards[next], {}};
    if (!wish.pin_files.empty()) options.pin.file = wish.pin_files[next];
    if (!wish.pin_fds.empty()) options.pin.fd = wish.pin_fds[next];
    ++next;
    context.say("卡 · card " + options.card.string());
    BASE_TRY(const auto card, open_card(context, options));
    return hsm::open_share(header, *card);
  };
}

base::Result<void> check_cards(const Wish& wish) {
  for (const auto given : {wish.pin_files.size(), wish.pin_fds.size()})
    if (given != 0 && given != wish.cards.size())
      return base::error(
          base::Code::invalid_argument, "cli.pins_and_cards",
          std::to_string(wish.cards.size()) + " cards, " + std::to_string(given) + " PINs");
  return {};
}

void put_keys(base::JsonWriter& out, const std::vector<hsm::KeyProof>& keys) {
  out.key("keys");
  out.StartArray();
  for (const auto& proof : keys) {
    out.StartObject();
    out.member("label", proof.key.label);
    out.member("id", proof.key.id.value());
    out.member("algorithm", hsm::to_string(proof.key.algorithm));
    out.member("protection", hsm::to_string(proof.key.protection));
    out.member("purpose", hsm::to_string(proof.key.purpose));
    out.member("proof", hsm::to_string(proof.how));
    out.EndObject();
  }
  out.EndArray();
}

Answer answer_of(const hsm::RestoreReport& report, const std::string& heading) {
  auto text = heading + "\n备份 backup " + report.backup_id + "  " +
              base::to_rfc3339(report.made_at) + "\nSHA-256 " + report.sha256;
  for (const auto& proof : report.keys)
    text += "\n" + proof.key.label + "  " + std::string(hsm::to_string(proof.key.protection)) +
            "  " + std::string(hsm::to_string(proof.how));
  return Answer{drill_json(report), text, kDone};
}

hsm::RestorePlan plan_of(const Wish& wish) {
  return {wish.backup, wish.module, wish.into, wish.inventory, wish.ledger, wish.pin, wish.state};
}

/// What would happen; no card is asked for.
base::Result<Answer> foresee(const Wish& wish) {
  BASE_TRY(const auto header, hsm::check_restore(plan_of(wish)));
  base::JsonWriter out;
  out.StartObject();
  out.member("dry_run", true);
  out.member("backup", header.id);
  out.member("made_at", base::to_rfc3339(header.made_at));
  out.member("token_label", header.token_label);
  out.member("token_serial", header.token_serial);
  out.member("threshold", header.threshold);
  out.key("officers");
  out.StartArray();
  std::string holders, keys;
  for (const auto& share : header.shares) {
    out.string(share.holder.id);
    holders += "\n  " + share.holder.id + "  " + share.holder.name;
  }
  out.EndArray();
  out.key("keys");
  out.StartArray();
  for (const auto& key : header.keys) {
    out.string(key.label);
    keys += "\n  " + key.label + "  " + key.id.value();
  }
  out.EndArray();
  out.member("into", wish.into.string());
  out.EndObject();
  return Answer{out.text(),
                "仅预演，未作更改 · nothing was changed\n备份 backup " + header.id + "  " +
                    base::to_rfc3339(header.made_at) + "  " + header.token_label + " (" +
                    header.token_serial + ")\n需要 needed: " + std::to_string(header.threshold) +
                    " 人，其中 of" + holders + "\n将恢复到 would be restored into " +
                    wish.into.string() + keys,
                kDone};
}

base::Result<Answer> restore(Context& context, const Wish& wish) {
  BASE_TRY_VOID(check_cards(wish));
  if (wish.dry_run) return foresee(wish);
  BASE_TRY(const auto report,
           hsm::restore(plan_of(wish), shares_named(context, wish), context.random(),
                        [&](const std::string& line) { context.say(line); }));
  return answer_of(report, "已恢复并逐一验证 · restored, and every key proven");
}

base::Result<Answer> drill(Context& context, const Wish& wish) {
  BASE_TRY_VOID(check_cards(wish));
  const auto place = drill_place(context, wish.place);
  BASE_TRY(const auto report,
           hsm::drill(wish.backup, wish.module, place, shares_named(context, wish),
                      context.random(), [&](const std::string& line) { context.say(line); }));
  return answer_of(report, "演练成功，副本已销毁 · drill passed, the copy is destroyed");
}

base::Result<Answer> test_shares(Context& context, const Wish& wish) {
  BASE_TRY_VOID(check_cards(wish));
  std::size_t ignored = 0;
  BASE_TRY(const auto head, hsm::BackupHead::read(wish.backup, ignored));
  auto next = shares_named(context, wish);
  std::vector<hsm::Share> shares;
  std::vector<int> have;
  base::JsonWriter out;
  out.StartObject();
  out.member("backup", head.header.id);
  out.key("officers");
  out.StartArray();
  for (std::size_t i = 0; i < wish.cards.size(); ++i) {
    BASE_TRY(auto share, next(head.header, have));
    out.string(head.header.shares[static_cast<std::size_t>(share.number) - 1].holder.id);
    have.push_back(share.number);
    shares.push_back(std::move(share));
  }
  out.EndArray();
  out.EndObject();
  BASE_TRY_VOID(hsm::test_shares(head, shares));
  return Answer{
      out.text(),
      "份额有效，足以打开备份；未显示、未解密任何内容 · the shares are good and enough; nothing "
      "was shown or decrypted",
      kDone};
}

}  // namespace

hsm::NextShare shares_of(Context& context, std::vector<CardOptions> cards) {
  return [&context, cards = std::move(cards), next = std::size_t{0}](
             const hsm::BackupHeader& header,
             const std::vector<int>& have) mutable -> base::Result<hsm::Share> {
    while (next < cards.size()) {
      BASE_TRY(const auto card, open_card(context, cards[next++]));
      const auto number = hsm::share_of(header, *card);
      if (!number.ok() && number.error().key == "hsm.wrong_officer") continue;
      if (!number.ok()) return number.error();
      if (std::count(have.begin(), have.end(), *number) != 0) continue;
      return hsm::open_share(header, *card);
    }
    return too_few(header, have);
  };
}

std::filesystem::path drill_place(Context& context, const std::filesystem::path& wanted) {
  struct statfs found {};
  auto place = wanted.empty() ? std::filesystem::path(kMemory) : wanted;
  if (wanted.empty() && !std::filesystem::is_directory(place))
    place = std::filesystem::temp_directory_path();
  if (::statfs(place.c_str(), &found) != 0 ||
      static_cast<unsigned long>(found.f_type) != TMPFS_MAGIC)
    context.warn(place.string() + " 不是内存文件系统，演练副本会短暂写入磁盘 · " + place.string() +
                 " is not a memory file system: the copy touches a disk for a moment");
  return place;
}

std::string drill_json(const hsm::RestoreReport& report) {
  base::JsonWriter out;
  out.StartObject();
  out.member("backup", report.backup_id);
  out.member("sha256", report.sha256);
  out.member("made_at", base::to_rfc3339(report.made_at));
  out.member("token_label", report.token_label);
  out.member("token_serial", report.token_serial);
  out.member("ledger_head", report.ledger_head);
  out.key("officers");
  out.StartArray();
  for (const auto& officer : report.officers) out.string(officer);
  out.EndArray();
  put_keys(out, report.keys);
  out.member("files", static_cast<std::int64_t>(report.files.size()));
  out.EndObject();
  return out.text();
}

void add_backup_verbs(CLI::App& noun, Context& context) {
  const auto wanted = std::make_shared<Wish>();
  auto* restored =
      noun.add_subcommand("restore", "a backup into a new place, with officers' cards");
  add_cards(*restored, *wanted);
  restored->add_option("--into", wanted->into, "the token's directory: empty, or not there yet")
      ->required();
  restored->add_option("--inventory", wanted->inventory, "file for the inventory")->required();
  restored->add_option("--ledger", wanted->ledger, "file for the officers' ledger")->required();
  restored->add_option("--pin-out", wanted->pin, "file for the token's PIN")->required();
  restored->add_option("--state-into", wanted->state, "directory for other state of the signer");
  restored->add_option("--module", wanted->module, "the software token's PKCS#11 module")
      ->capture_default_str();
  restored->add_flag("--dry-run", wanted->dry_run, "say what would happen; ask for no card");
  restored->callback(
      [&context, wanted] { context.run([&] { return restore(context, *wanted); }); });

  const auto tried = std::make_shared<Wish>();
  auto* drilled = noun.add_subcommand(
      "drill", "a restore into a throw-away place: prove every key, destroy the copy");
  add_cards(*drilled, *tried);
  drilled->add_option("--place", tried->place,
                      "where the copy lives meanwhile; /dev/shm by default");
  drilled->add_option("--module", tried->module, "the software token's PKCS#11 module")
      ->capture_default_str();
  drilled->callback([&context, tried] { context.run([&] { return drill(context, *tried); }); });

  const auto tested = std::make_shared<Wish>();
  auto* test =
      noun.add_subcommand("test-shares", "prove that these cards open a backup; show nothing");
  add_cards(*test, *tested);
  test->callback(
      [&context, tested] { context.run([&] { return test_shares(context, *tested); }); });
}

}  // namespace cli
