#include "hsm/restore.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/encoding.h"
#include "base/fail_point.h"
#include "hsm/archive.h"
#include "hsm/durable_file.h"
#include "hsm/inventory.h"
#include "hsm/software_token.h"
#include "hsm/token.h"
#include "hsm/token_files.h"

namespace hsm {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

/// A directory of ours, locked while we live and removed at the end, secrets and all.
class Staging {
 public:
  /// Errors: conflict `hsm.restore_busy`; unavailable `hsm.file`.
  static base::Result<std::unique_ptr<Staging>> make(const std::filesystem::path& path) {
    // Locked first, looked at again, then emptied: what a kill left goes, another's work stays.
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
      return file_failed(path, std::strerror(errno));
    base::UniqueFd lock(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat ours {
    }, named{};
    if (!lock || ::fstat(lock.get(), &ours) != 0) return file_failed(path, std::strerror(errno));
    if (ours.st_uid != ::geteuid()) return file_failed(path, "belongs to somebody else");
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 || ::lstat(path.c_str(), &named) != 0 ||
        named.st_ino != ours.st_ino) {
      auto failure = base::error(base::Code::conflict, "hsm.restore_busy", path.string());
      failure.args = {{"path", path.string()}};
      return failure;
    }
    if (::fchmod(lock.get(), 0700) != 0) return file_failed(path, std::strerror(errno));
    std::unique_ptr<Staging> made(new Staging(path, std::move(lock)));
    std::error_code failed;
    for (const auto& old : std::filesystem::directory_iterator(path, failed))
      std::filesystem::remove_all(old.path(), failed);
    if (failed) return file_failed(path, failed.message());
    return made;
  }
  ~Staging() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Errors: unavailable `hsm.file`, telling what is left.
  base::Result<void> remove() {
    std::error_code failed;
    std::filesystem::remove_all(path_, failed);
    if (failed)
      return file_failed(path_, "could not be removed, and holds secrets: " + failed.message());
    path_.clear();
    return {};
  }

 private:
  Staging(std::filesystem::path path, base::UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  base::UniqueFd lock_;
};

bool belongs(std::string_view name) {
  return name.starts_with(kTokenEntries) || name.starts_with(kStateEntries) ||
         name == kInventoryEntry || name == kLedgerEntry || name == kPinEntry ||
         name == kProbeEntry;
}

/// One restore, from the file to a proven token in the staging directory.
class Restoring {
 public:
  Restoring(std::filesystem::path file, std::filesystem::path module, std::filesystem::path place,
            base::Random& random, const Progress& tell)
      : file_(std::move(file)),
        module_(std::move(module)),
        place_(std::move(place)),
        random_(random),
        tell_(tell) {}

  base::Result<RestoreReport> run(const NextShare& next);
  bool has(std::string_view name) const {
    return std::any_of(report_.files.begin(), report_.files.end(),
                       [&](const std::string& one) { return one.starts_with(name); });
  }

 private:
  base::Result<void> collect(const NextShare& next);
  base::Result<void> unpack();
  base::Result<void> write_entries(ArchiveReader& reader);
  base::Result<void> compare();
  base::Result<void> prove();
  base::Result<KeyProof> prove(const Token& token, const KeyInfo& key);

  std::filesystem::path file_, module_, place_;
  base::Random& random_;
  const Progress& tell_;
  BackupHead head_;
  std::size_t archive_at_ = 0;
  base::Secret secret_;
  FileDigests digests_;  // of what the archive said
  RestoreReport report_;
};

base::Result<void> Restoring::collect(const NextShare& next) {
  const auto& header = head_.header;
  std::vector<Share> shares;
  std::vector<int> have;
  while (static_cast<int>(shares.size()) < header.threshold) {
    BASE_TRY(auto share, next(header, have));
    if (std::find(have.begin(), have.end(), share.number) != have.end()) {
      auto failure = base::error(base::Code::conflict, "hsm.share_twice");
      failure.args = {{"number", std::to_string(share.number)}};
      return failure;
    }
    base::check(share.number > 0 && share.number <= static_cast<int>(header.shares.size()),
                "a share of another backup");
    const auto& holder = header.shares[static_cast<std::size_t>(share.number) - 1].holder;
    report_.officers.push_back(holder.id);
    have.push_back(share.number);
    shares.push_back(std::move(share));
    tell_("份额 · share " + std::to_string(shares.size()) + "/" + std::to_string(header.threshold) +
          ": " + holder.id + " " + holder.name);
  }
  BASE_TRY_VOID(test_shares(head_, shares));
  BASE_TRY(secret_, join(shares, header.threshold));
  return {};
}

base::Result<void> Restoring::write_entries(ArchiveReader& reader) {
  base::UniqueFd out;
  std::filesystem::path path;
  base::Sha256 digest;
  return reader.read(
      [&](const ArchiveReader::Entry& entry) -> base::Result<Sink> {
        if (!belongs(entry.name)) return altered("entry " + entry.name + " has no place");
        path = place_ / entry.name;
        std::error_code failed;
        std::filesystem::create_directories(path.parent_path(), failed);
        out = base::UniqueFd(
            ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (failed || !out)
          return file_failed(path, failed ? failed.message() : std::strerror(errno));
        digest = base::Sha256();
        return Sink([&](base::BytesView some) -> base::Result<void> {
          digest.update(some);
          while (!some.empty()) {
            const auto wrote = ::write(out.get(), some.data(), some.size());
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return file_failed(path, std::strerror(errno));
            some = some.subspan(static_cast<std::size_t>(wrote));
          }
          return {};
        });
      },
      [&](const ArchiveReader::Entry& entry) -> base::Result<void> {
        if (::fsync(out.get()) != 0) return file_failed(path, std::strerror(errno));
        out.reset();
        digests_.emplace(entry.name, base::to_hex(digest.finish()));
        report_.files.push_back(entry.name);
        base::fail_point("restore.entry");
        return {};
      });
}

base::Result<void> Restoring::unpack() {
  const base::UniqueFd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::lseek(fd.get(), static_cast<off_t>(archive_at_), SEEK_SET) < 0)
    return file_failed(file_, std::strerror(errno));
  base::Sha256 whole;
  whole.update(head_.bytes).update(head_.mac);
  ArchiveReader reader(archive_key(secret_, head_.header.id), base::sha256(head_.bytes),
                       [&](std::span<std::uint8_t> out) -> base::Result<std::size_t> {
                         ssize_t got = 0;
                         do {
                           got = ::read(fd.get(), out.data(), std::min(out.size(), kReadBytes));
                         } while (got < 0 && errno == EINTR);
                         if (got < 0) return file_failed(file_, std::strerror(errno));
                         whole.update(out.first(static_cast<std::size_t>(got)));
                         return static_cast<std::size_t>(got);
                       });
  BASE_TRY_VOID(write_entries(reader));
  report_.sha256 = base::to_hex(whole.finish());
  // Directories too: what was synced must still have its name.
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator it(place_, failed), end; !failed && it != end;
       it.increment(failed))
    if (it->is_directory()) BASE_TRY_VOID(sync_directory(it->path()));
  if (failed) return file_failed(place_, failed.message());
  return sync_directory(place_);
}

/// What lies there now, read again, against what the archive held.
base::Result<void> Restoring::compare() {
  for (const auto& [name, digest] : digests_) {
    BASE_TRY(auto bytes, read_file(place_ / name, kMostEntryBytes));
    const auto same = base::to_hex(base::sha256(bytes)) == digest;
    base::wipe(bytes);
    if (!same) return file_failed(place_ / name, "is not what was written");
  }
  for (const auto name : {kInventoryEntry, kPinEntry})
    if (!has(name)) return altered("entry " + std::string(name) + " is missing");
  if (digests_.find(kInventoryEntry)->second != base::to_hex(head_.header.inventory_digest))
    return altered("the inventory is not the header's");
  return {};
}

base::Result<KeyProof> Restoring::prove(const Token& token, const KeyInfo& key) {
  if (key.algorithm == Algorithm::aes_256) {
    if (key.purpose != Purpose::data_wrapping || !has(kProbeEntry))
      return KeyProof{key, KeyProof::How::compared};
    BASE_TRY(const auto probe, read_file(place_ / kProbeEntry, kMostSecretBytes));
    if (probe.size() <= sizeof(base::Digest)) return altered("entry probe");
    const auto wrapped = base::BytesView(probe).subspan(sizeof(base::Digest));
    // A wrapping names its key (hsm/token.cpp): the probe is for one key, older ones did not make
    // it.
    const auto id = base::from_hex(key.id.value()).value_or(base::Bytes{});
    if (wrapped.size() <= id.size() || !std::equal(id.begin(), id.end(), wrapped.begin() + 1))
      return KeyProof{key, KeyProof::How::compared};
    BASE_TRY(const auto opened, token.unwrap(kProbeName, wrapped));
    const auto digest = base::sha256(opened.reveal());
    if (!std::equal(digest.begin(), digest.end(), probe.begin()))
      return base::error(base::Code::unavailable, "hsm.wrong_signature", key.label);
    return KeyProof{key, KeyProof::How::unwrapped};
  }
  BASE_TRY(const auto live, token.key(key.label));
  if (live->info().public_key != key.public_key)
    return base::error(base::Code::unavailable, "hsm.wrong_signature", key.label);
  // Verified by the token with the inventory's public key before it is given out.
  BASE_TRY(const auto signature, live->sign_message(random_.bytes(32)));
  return KeyProof{key, KeyProof::How::signed_test};
}

base::Result<void> Restoring::prove() {
  const auto conf = place_ / "softhsm2.conf";
  BASE_TRY_VOID(write_softhsm_conf(conf, place_ / "token"));
  point_softhsm_at(conf);
  TokenConfig config;
  config.module = module_;
  config.label = head_.header.token_label;
  config.serial = head_.header.token_serial;
  config.inventory = place_ / kInventoryEntry;
  config.directory = place_ / "token";
  BASE_TRY(config.pin, base::Secret::from_file(place_ / kPinEntry));
  BASE_TRY(const auto inventory, Inventory::from_file(config.inventory));
  BASE_TRY(const auto token, Token::open(std::move(config), random_));
  std::string failed;
  for (const auto& entry : inventory.keys) {
    auto proof = prove(*token, entry.key);
    if (proof.ok()) {
      tell_("密钥 · key " + entry.key.label + ": " + std::string(to_string(proof->how)));
      report_.keys.push_back(std::move(*proof));
    } else {
      failed += (failed.empty() ? "" : "; ") + entry.key.label + ": " + proof.error().detail;
    }
  }
  // A key whose object is not as recorded is refused by the token, secret ones as well.
  for (const auto& finding : token->findings())
    if (inventory.find(finding.label) != nullptr && failed.find(finding.label) == std::string::npos)
      failed += (failed.empty() ? "" : "; ") + finding.label + ": " + finding.why;
  if (failed.empty()) return {};
  auto failure = base::error(base::Code::unavailable, "hsm.restore_unproven", failed);
  failure.args = {{"keys", failed}};
  return failure;
}

base::Result<RestoreReport> Restoring::run(const NextShare& next) {
  BASE_TRY(head_, BackupHead::read(file_, archive_at_));
  const auto& header = head_.header;
  report_.backup_id = header.id;
  report_.made_at = header.made_at;
  report_.token_label = header.token_label;
  report_.token_serial = header.token_serial;
  report_.ledger_head = header.ledger_head;
  BASE_TRY_VOID(collect(next));
  tell_("解密 · decrypting");
  BASE_TRY_VOID(unpack());
  BASE_TRY_VOID(compare());
  base::fail_point("restore.unpacked");
  BASE_TRY_VOID(prove());
  base::fail_point("restore.proven");
  return report_;
}

std::filesystem::path staging_of(const std::filesystem::path& into) {
  auto path = into.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // a slash at the end
  path += ".restoring";
  return path;
}

}  // namespace

std::string_view to_string(KeyProof::How how) {
  switch (how) {
    case KeyProof::How::signed_test:
      return "signed";
    case KeyProof::How::unwrapped:
      return "unwrapped";
    case KeyProof::How::compared:
      return "compared";
  }
  base::fail("unknown How");
}

base::Result<void> test_shares(const BackupHead& head, const std::vector<Share>& shares) {
  for (const auto& one : shares)
    if (one.number < 1 || one.number > static_cast<int>(head.header.shares.size()) ||
        base::sha256(one.bytes.reveal()) !=
            head.header.shares[static_cast<std::size_t>(one.number) - 1].digest)
      return altered("share " + std::to_string(one.number));
  BASE_TRY(const auto secret, join(shares, head.header.threshold));
  return head.check_mac(secret);
}

base::Result<BackupHeader> check_restore(const RestorePlan& plan) {
  std::size_t ignored = 0;
  BASE_TRY(auto head, BackupHead::read(plan.file, ignored));
  struct stat status {};
  if (::lstat(plan.into.c_str(), &status) == 0) {
    std::error_code failed;
    if (!S_ISDIR(status.st_mode) || !std::filesystem::is_empty(plan.into, failed) || failed) {
      auto failure = base::error(base::Code::conflict, "hsm.not_empty", plan.into.string());
      failure.args = {{"path", plan.into.string()}};
      return failure;
    }
  }
  for (const auto& path : {plan.inventory, plan.ledger, plan.pin, plan.state}) {
    if (path.empty()) continue;
    if (::lstat(path.c_str(), &status) == 0) return file_exists(path);
    const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    if (!std::filesystem::is_directory(parent)) return file_failed(parent, "is not a directory");
  }
  return std::move(head.header);
}

namespace {

/// Puts files into place, and takes them away again unless all went well.
class Placing {
 public:
  ~Placing() {
    if (done_) return;
    for (auto it = placed_.rbegin(); it != placed_.rend(); ++it) {
      std::error_code ignored;
      std::filesystem::remove(*it, ignored);
    }
  }
  base::Result<void> file(const std::filesystem::path& from, const std::filesystem::path& to) {
    BASE_TRY(auto bytes, read_file(from, kMostEntryBytes));
    const base::Secret content(bytes);
    base::wipe(bytes);
    BASE_TRY(auto file, DurableFile::create(to));
    BASE_TRY_VOID(file.write(content.reveal()));
    BASE_TRY_VOID(file.commit());
    placed_.push_back(to);
    return {};
  }
  base::Result<void> tree(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (::mkdir(to.c_str(), 0700) != 0) return file_failed(to, std::strerror(errno));
    placed_.push_back(to);
    for (const auto& one : std::filesystem::directory_iterator(from)) {
      const auto target = to / one.path().filename();
      BASE_TRY_VOID(one.is_directory() ? tree(one.path(), target) : file(one.path(), target));
    }
    return sync_directory(to);
  }
  void keep() { done_ = true; }

 private:
  std::vector<std::filesystem::path> placed_;
  bool done_ = false;
};

base::Result<void> put_in_place(const RestorePlan& plan, const std::filesystem::path& staging,
                                const Restoring& restoring) {
  Placing placing;
  if (restoring.has(kStateEntries)) {
    if (plan.state.empty())
      return file_failed("state", "the backup holds other state; say where it goes");
    BASE_TRY_VOID(placing.tree(staging / "state", plan.state));
  }
  if (restoring.has(kLedgerEntry)) BASE_TRY_VOID(placing.file(staging / kLedgerEntry, plan.ledger));
  BASE_TRY_VOID(placing.file(staging / kPinEntry, plan.pin));
  BASE_TRY_VOID(placing.file(staging / kInventoryEntry, plan.inventory));
  base::fail_point("restore.placed");
  // The token last, at one stroke: without it nothing here is of use.
  if (::rename((staging / "token").c_str(), plan.into.c_str()) != 0)
    return file_failed(plan.into, std::strerror(errno));
  placing.keep();
  ::chmod(plan.into.c_str(), 0700);
  return sync_directory(staging.parent_path().empty() ? "." : staging.parent_path());
}

}  // namespace

base::Result<RestoreReport> restore(const RestorePlan& plan, const NextShare& next,
                                    base::Random& random, const Progress& tell) {
  BASE_TRY(const auto header, check_restore(plan));
  BASE_TRY(const auto staging, Staging::make(staging_of(plan.into)));
  Restoring restoring(plan.file, plan.module, staging->path(), random, tell);
  BASE_TRY(auto report, restoring.run(next));
  BASE_TRY_VOID(put_in_place(plan, staging->path(), restoring));
  BASE_TRY_VOID(staging->remove());
  return report;
}

base::Result<RestoreReport> drill(const std::filesystem::path& file,
                                  const std::filesystem::path& module,
                                  const std::filesystem::path& place, const NextShare& next,
                                  base::Random& random, const Progress& tell) {
  std::size_t ignored = 0;
  BASE_TRY(const auto head, BackupHead::read(file, ignored));
  BASE_TRY(const auto staging, Staging::make(place / ("xinyin-drill-" + head.header.id)));
  Restoring restoring(file, module, staging->path(), random, tell);
  BASE_TRY(auto report, restoring.run(next));
  BASE_TRY_VOID(staging->remove());
  tell("已销毁 · the restored copy is destroyed");
  return report;
}

}  // namespace hsm
