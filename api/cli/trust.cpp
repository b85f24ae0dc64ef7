// xinyin trust publish | show: the trust list.
#include "api/cli/issuing.h"
#include "api/cli/words.h"
#include "base/encoding.h"
#include "base/json.h"

namespace cli {
namespace {

base::Result<Answer> publish_now(Context& context, std::int64_t older_than_hours,
                                 std::int64_t life_hours, bool dry_run) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  const auto before = published_list(officer.pki);
  if (!before)
    context.warn("现有信任列表无法读取 · the present trust list cannot be read: " +
                 before.error().detail);
  base::JsonWriter out;
  out.StartObject();
  if (older_than_hours > 0 && before && *before &&
      context.clock().now() < (*before)->issued + std::chrono::hours(older_than_hours)) {
    out.member("published", false);
    out.member("sequence", (*before)->sequence);
    out.EndObject();
    return Answer{
        out.text(),
        "第 " + std::to_string((*before)->sequence) + " 期仍然够新，未发布 · still new enough",
        kDone};
  }
  if (dry_run) {
    BASE_TRY(const auto with, authorities(officer));  // what it takes is at hand
    const auto next = before && *before ? (*before)->sequence + 1 : 1;
    out.member("published", false);
    out.member("would_publish", next);
    out.EndObject();
    return Answer{out.text(),
                  "将发布吊销列表与第 " + std::to_string(next) +
                      " 期信任列表 · would publish revocation lists and this trust list",
                  kDone};
  }
  BASE_TRY(const auto outcome, publish_lists(officer, std::chrono::hours(life_hours),
                                             "发布信任列表 · publish a trust list"));
  out.member("published", outcome.published.has_value());
  std::string text;
  if (outcome.published) {
    const auto& list = *outcome.published;
    out.member("sequence", list.sequence);
    out.member("next_update", base::to_rfc3339(list.next_update));
    text = "已发布第 " + std::to_string(list.sequence) + " 期信任列表 · published, good until " +
           base::to_rfc3339(list.next_update);
  }
  if (outcome.waiting) {
    out.member("request", outcome.waiting->id);
    text += (text.empty() ? "" : "\n") + request_answer(*outcome.waiting).text;
  }
  out.EndObject();
  return Answer{out.text(), text, outcome.waiting ? kWaiting : kDone};
}

base::Result<Answer> show(Context& context, const std::filesystem::path& file,
                          const std::string& root) {
  std::optional<base::Digest> pinned;
  if (!root.empty()) {
    const auto bytes = base::from_hex(root);
    if (!bytes || bytes->size() != 32)
      return base::error(base::Code::invalid_argument, "cli.bad_fingerprint");
    pinned.emplace();
    std::copy(bytes->begin(), bytes->end(), pinned->begin());
  }
  const certs::PkiDirectory directory(file.parent_path());
  BASE_TRY(const auto jws, directory.read(file.filename().string()));
  BASE_TRY(const auto list, certs::TrustList::parse(jws, pinned));
  const bool stale = context.clock().now() > list.next_update;
  base::JsonWriter out;
  out.StartObject();
  out.member("sequence", list.sequence);
  out.member("issued", base::to_rfc3339(list.issued));
  out.member("next_update", base::to_rfc3339(list.next_update));
  out.member("stale", stale);
  out.member("domain", list.domain);
  out.member("root_sha256", base::to_hex(list.roots.front().sha256()));
  out.member("root_pinned", pinned.has_value());
  std::string text = "第 " + std::to_string(list.sequence) + " 期 · issued " +
                     base::to_rfc3339(list.issued) + ", good until " +
                     base::to_rfc3339(list.next_update) + (stale ? "  【已过期 STALE】" : "") +
                     "\n" + "根证书 root " + list.roots.front().subject() + "\n  SHA-256 " +
                     base::to_hex(list.roots.front().sha256()) +
                     (pinned ? "" : "  （未核对 not compared with anything）");
  out.key("entries");
  out.StartArray();
  for (const auto& entry : list.entries) {
    out.StartObject();
    out.member("purpose", entry.purpose);
    out.member("agency", entry.agency);
    out.member("agency_code", entry.agency_code);
    out.member("subject", entry.certificate.subject());
    out.member("serial", entry.certificate.serial_hex());
    out.member("since", base::to_rfc3339(entry.since));
    if (entry.until) out.member("until", base::to_rfc3339(*entry.until));
    out.EndObject();
    text += "\n  " + entry.purpose + "  " + entry.agency + "  " + entry.certificate.common_name() +
            "  " + entry.certificate.serial_hex();
  }
  out.EndArray();
  out.EndObject();
  return Answer{out.text(), text, kDone};
}

struct Options {
  std::filesystem::path file;
  std::string root;
  std::int64_t older_than_hours = 0;
  std::int64_t life_hours = 24 * 7;
  bool dry_run = false;
};

}  // namespace

void register_trust(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("trust", "the trust list");
  noun->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  auto* published =
      noun->add_subcommand("publish", "fresh revocation lists and the next trust list");
  published
      ->add_option("--if-older-than-hours", options->older_than_hours,
                   "do nothing while the present list is younger")
      ->check(CLI::Range(0, 24 * 366));
  published->add_option("--life-hours", options->life_hours, "how long they are good")
      ->check(CLI::Range(1, 24 * 366))
      ->capture_default_str();
  published->add_flag("--dry-run", options->dry_run, "say what would go out, publish nothing");
  published->callback([&context, options] {
    context.run([&] {
      return publish_now(context, options->older_than_hours, options->life_hours, options->dry_run);
    });
  });
  auto* shown = noun->add_subcommand("show", "check a list and print what it says");
  shown->add_option("FILE", options->file, "trust-list.jws")->required();
  shown->add_option("--root", options->root,
                    "SHA-256 of the root certificate, hex, to be compared");
  shown->callback([&context, options] {
    context.run([&] { return show(context, options->file, options->root); });
  });
}

}  // namespace cli
