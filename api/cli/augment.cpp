// xinyin seal augment FILE, seal augment-archive: further time stamps for what was sealed before.
//
// A file gets the revocation lists of now and a document time stamp appended; nothing of it
// changes. The archive's documents get theirs when their last stamp's certificate ends soon, in
// portions; stopped at any point, the next call goes on. docs/pades.md
#include "api/cli/augment.h"

#include <fstream>
#include <memory>
#include <sstream>

#include "api/cli/officer.h"
#include "api/cli/people.h"
#include "base/encoding.h"
#include "base/json.h"
#include "certs/chain.h"
#include "certs/health.h"
#include "certs/oids.h"
#include "certs/timestamp.h"
#include "seal/archive.h"
#include "seal/local_timestamps.h"
#include "store/field_cipher.h"

namespace cli {
namespace {

constexpr int kPortion = 20;

struct Wish {
  std::filesystem::path file, to;
  bool dry_run = false;
  int most = 1'000'000, ahead_days = 180;
};

/// Our own authority, and a judge with the published list, for as long as one verb takes.
struct Stamping {
  Stamping(Officer& officer, certs::TrustList trust)
      : verifier(std::make_shared<const verify::Verifier>(std::move(trust))),
        clock(officer.context.clock()) {}

  std::shared_ptr<const verify::Verifier> verifier;
  const base::Clock& clock;
  std::unique_ptr<certs::TimestampAuthority> authority;
  std::unique_ptr<seal::LocalTimestamps> timestamps;
  std::unique_ptr<seal::Augmenter> augmenter;
};

/// By the key that the trust list trusts for it now, the one that may be used the longest.
base::Result<std::unique_ptr<Stamping>> stamping(Officer& officer) {
  BASE_TRY(auto published, published_list(officer.pki));
  if (!published) return base::error(base::Code::unavailable, "certs.pki_file", "no trust list");
  auto out = std::make_unique<Stamping>(officer, std::move(*published));
  const auto& trust = out->verifier->trust();
  const auto now = out->clock.now();
  BASE_TRY(const auto keys, officer.signer.keys());
  const certs::TrustEntry* best = nullptr;
  std::string label;
  for (const auto& entry : trust.entries) {
    if (entry.purpose != "timestamp" || now > certs::key_use_ends(entry.certificate)) continue;
    const auto status =
        certs::validate(entry.certificate, {}, trust, certs::ChainPurpose::timestamp, now);
    if (status.answer != certs::ChainAnswer::trusted) continue;
    for (const auto& key : keys)
      if (key.public_key == entry.certificate.public_key() &&
          (best == nullptr ||
           certs::key_use_ends(entry.certificate) > certs::key_use_ends(best->certificate))) {
        best = &entry;
        label = key.label;
      }
  }
  if (best == nullptr)
    return base::error(base::Code::unavailable, "seal.timestamp", "no key that may stamp now");
  BASE_TRY(auto key, officer.signer.key(label));
  out->authority = std::make_unique<certs::TimestampAuthority>(
      std::move(key), best->certificate, trust.intermediates,
      certs::TimestampAuthority::Config{.policy_oid = certs::oid::kTimestampPolicy}, out->clock,
      officer.context.random());
  out->timestamps = std::make_unique<seal::LocalTimestamps>(*out->authority);
  const auto verifier = out->verifier;
  out->augmenter = std::make_unique<seal::Augmenter>(
      seal::Augmenter::Parts{[verifier] { return verifier; }, *out->timestamps, out->clock});
  return out;
}

base::Error file_error(const std::filesystem::path& path, const char* why) {
  auto failure = base::error(base::Code::unavailable, "verify.file.unreadable");
  failure.args = {{"path", path.string()}, {"why", why}};
  return failure;
}

base::Result<Answer> augment_file(Context& context, const Wish& wish) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  std::ifstream in(wish.file, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in) return file_error(wish.file, "cannot be read");
  BASE_TRY(const auto with, stamping(officer));
  BASE_TRY(const auto more, with->augmenter->augment(base::as_bytes(content.str())));
  const auto to = wish.to.empty() ? wish.file : wish.to;
  if (wish.dry_run)
    return Answer{R"({"would_augment":true})", "可以补时间戳 · could be augmented: " + to.string(),
                  kDone};
  auto temporary = to;
  temporary += ".new";
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << base::as_text(more.file);
    if (!out.flush()) return file_error(temporary, "cannot be written");
  }
  std::error_code failed;
  std::filesystem::rename(temporary, to, failed);
  if (failed) return file_error(to, "cannot be replaced");
  base::JsonWriter out;
  out.StartObject();
  out.member("file", to.string());
  out.member("sha256", base::to_hex(base::sha256(more.file)));
  out.member("good_until", base::to_rfc3339(more.good_until));
  out.EndObject();
  return Answer{out.text(), to.string() + "  B-LTA  → " + base::to_china_time(more.good_until),
                kDone};
}

base::Result<Answer> augment_archived(Context& context, const Wish& wish) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto data_key, unwrap_data_key(*config));
  const store::FieldCipher cipher(data_key, context.random());
  BASE_TRY(const auto with, stamping(officer));
  if (wish.dry_run)
    return Answer{R"({"would_augment":true})", "可以补时间戳 · the archive could be augmented",
                  kDone};
  const seal::Archive archive({officer.pool, cipher, context.clock(), *with->augmenter,
                               std::chrono::hours(24 * wish.ahead_days)});
  seal::Archive::Done all;
  do {
    BASE_TRY(const auto done, archive.turn(kPortion));
    all.looked_at += done.looked_at;
    all.augmented += done.augmented;
    all.failed += done.failed;
    all.more = done.more;
    if (!done.why.empty()) all.why = done.why;
  } while (all.more && all.augmented < wish.most);
  if (all.failed > 0) context.warn(std::to_string(all.failed) + " failed: " + all.why);
  base::JsonWriter out;
  out.StartObject();
  out.member("looked_at", all.looked_at);
  out.member("augmented", all.augmented);
  out.member("failed", all.failed);
  out.EndObject();
  return Answer{out.text(),
                "新看 looked at " + std::to_string(all.looked_at) + ", 补时间戳 augmented " +
                    std::to_string(all.augmented) + ", 失败 failed " + std::to_string(all.failed),
                all.failed > 0 ? kTryAgain : kDone};
}

}  // namespace

void add_augment(CLI::App& noun, Context& context) {
  auto wish = std::make_shared<Wish>();
  using Verb = base::Result<Answer> (*)(Context&, const Wish&);
  const auto verb = [&](const char* name, const char* help, Verb run) {
    auto* command = noun.add_subcommand(name, help);
    command->add_flag("--dry-run", wish->dry_run, "check everything, write nothing");
    command->callback([&context, wish, run] { context.run([&] { return run(context, *wish); }); });
    return command;
  };
  auto* one = verb("augment", "append evidence and a document time stamp to a file", augment_file);
  one->add_option("file", wish->file, "a sealed PDF, which takes them in")->required();
  one->add_option("--to", wish->to, "another file to be written");
  auto* all = verb("augment-archive", "the same for documents of the archive that need it",
                   augment_archived);
  all->add_option("--ahead-days", wish->ahead_days, "before the last stamp's end")
      ->check(CLI::Range(1, 3'650))
      ->capture_default_str();
  all->add_option("--most", wish->most, "documents, then stop")->check(CLI::Range(1, 1'000'000));
}

}  // namespace cli
