#include "hsm/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>

#include "base/encoding.h"
#include "base/fail_point.h"
#include "hsm/archive.h"
#include "hsm/durable_file.h"
#include "hsm/envelope.h"
#include "hsm/inventory.h"
#include "hsm/shares.h"
#include "hsm/token.h"

namespace hsm {
namespace {

constexpr std::size_t kIdBytes = 16, kProbeBytes = 32, kLengthBytes = 4;
constexpr std::size_t kMostInventoryBytes = 64 << 20;

using Digests = std::map<std::string, base::Digest, std::less<>>;

base::Secret header_key(const base::Secret& secret, std::string_view id) {
  return hkdf_sha256(secret.reveal(), base::as_bytes(id), base::as_bytes("xinyin backup header 1"),
                     32);
}

base::Error directory_failed(const std::filesystem::path& path, const std::string& why) {
  auto failure =
      base::error(base::Code::unavailable, "hsm.token_directory", path.string() + ": " + why);
  failure.args = {{"path", path.string()}, {"why", why}};
  return failure;
}

/// The files of the token, by their name below its directory.
base::Result<std::vector<StateFile>> token_files(const std::filesystem::path& directory) {
  std::vector<StateFile> files;
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator it(directory, failed), end;
       !failed && it != end; it.increment(failed)) {
    if (it->is_directory() && !it->is_symlink()) continue;
    const auto name = it->path().lexically_relative(directory).generic_string();
    if (it->is_symlink() || !it->is_regular_file() || !good_entry_name(name))
      return directory_failed(it->path(), "is not a plain file of a token");
    files.push_back({name, it->path()});
  }
  if (failed) return directory_failed(directory, failed.message());
  if (files.empty()) return directory_failed(directory, "holds no token");
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

/// What the inventory recorded of the token's files must be what was put into the archive.
base::Result<void> check_against(const Inventory& inventory, const std::filesystem::path& directory,
                                 const Digests& written) {
  for (const auto& [name, digest] : inventory.files) {
    const auto it = written.find(std::string(kTokenEntries) + name);
    const std::string why = it == written.end() ? "is missing"
                            : base::to_hex(it->second) != digest
                                ? "is not as it was when the token was provisioned"
                                : "";
    if (why.empty()) continue;
    const auto path = (directory / name).string();
    auto failure = base::error(base::Code::unavailable, "hsm.token_files", path + " " + why);
    failure.args = {{"path", path}, {"why", why}};
    return failure;
  }
  return {};
}

class Writing {
 public:
  Writing(const BackupPlan& plan, base::Random& random) : plan_(plan), random_(random) {}

  base::Result<BackupFacts> run(const base::Clock& clock);

 private:
  base::Result<void> make_header(const base::Clock& clock);
  base::Result<void> write_archive();
  base::Result<void> add(std::string_view name, base::BytesView content);
  base::Result<void> read_back();

  const BackupPlan& plan_;
  base::Random& random_;
  base::Bytes inventory_bytes_;
  Inventory inventory_;
  base::Secret secret_;
  BackupHead head_;
  base::Sha256 digest_;
  std::uint64_t bytes_ = 0;
  std::optional<DurableFile> file_;
  std::optional<ArchiveWriter> archive_;
  Digests written_;
};

base::Result<void> Writing::make_header(const base::Clock& clock) {
  BASE_TRY(inventory_bytes_, read_file(plan_.inventory, kMostInventoryBytes));
  BASE_TRY(inventory_, Inventory::from_text(base::as_text(inventory_bytes_)));
  auto& header = head_.header;
  header.id = base::to_hex(random_.bytes(kIdBytes));
  header.made_at = clock.now();
  header.token_label = inventory_.token_label;
  header.token_serial = inventory_.token_serial;
  for (const auto& entry : inventory_.keys) header.keys.push_back(entry.key);
  header.inventory_digest = base::sha256(inventory_bytes_);
  header.ledger_head = plan_.ledger_head;
  header.threshold = plan_.threshold;

  auto chance = random_.bytes(kBackupSecretBytes);
  secret_ = base::Secret(chance);
  base::wipe(chance);
  BASE_TRY(const auto shares,
           split(secret_, plan_.threshold, static_cast<int>(plan_.officers.size()), random_));
  // What the first T and the last T have together is what was split, before anybody relies on it.
  const auto count = static_cast<std::size_t>(plan_.threshold);
  for (const auto from : {std::size_t{0}, shares.size() - count}) {
    std::vector<Share> some;
    for (auto i = from; i < from + count; ++i)
      some.push_back({shares[i].number, shares[i].bytes.clone()});
    BASE_TRY(const auto joined, join(some, plan_.threshold));
    if (!joined.equals(secret_.reveal())) return altered("the shares together");
  }
  for (std::size_t i = 0; i < shares.size(); ++i) {
    BASE_TRY(auto enclosed, enclose_share(header.id, plan_.officers[i], shares[i], random_));
    header.shares.push_back(std::move(enclosed));
  }
  const auto text = header.text();
  base::check(text.size() <= kMostHeaderBytes, "a header larger than a reader takes");
  head_.bytes = base::to_bytes(base::as_bytes(kBackupMagic));
  for (int shift = 24; shift >= 0; shift -= 8)
    head_.bytes.push_back(static_cast<std::uint8_t>(text.size() >> shift));
  base::append(head_.bytes, base::as_bytes(text));
  head_.mac = base::hmac_sha256(header_key(secret_, header.id).reveal(), head_.bytes);
  return {};
}

base::Result<void> Writing::add(std::string_view name, base::BytesView content) {
  BASE_TRY_VOID(archive_->begin(name, content.size()));
  BASE_TRY_VOID(archive_->content(content));
  BASE_TRY(const auto digest, archive_->end());
  written_.emplace(name, digest);
  base::fail_point("backup.entry");
  return {};
}

base::Result<void> Writing::write_archive() {
  archive_.emplace(archive_key(secret_, head_.header.id), base::sha256(head_.bytes),
                   [this](base::BytesView some) -> base::Result<void> {
                     digest_.update(some);
                     bytes_ += some.size();
                     return file_->write(some);
                   });
  const auto add_file = [&](const std::string& name,
                            const std::filesystem::path& path) -> base::Result<void> {
    BASE_TRY(auto content, read_file(path, kMostEntryBytes));
    auto done = add(name, content);
    base::wipe(content);
    return done;
  };
  BASE_TRY_VOID(add(kInventoryEntry, inventory_bytes_));
  BASE_TRY_VOID(add(kPinEntry, plan_.pin.reveal()));
  if (plan_.probe) {
    auto probe = base::to_bytes(plan_.probe->digest);
    base::append(probe, plan_.probe->wrapped);
    BASE_TRY_VOID(add(kProbeEntry, probe));
  }
  if (!plan_.ledger.empty()) BASE_TRY_VOID(add_file(std::string(kLedgerEntry), plan_.ledger));
  for (const auto& one : plan_.state)
    BASE_TRY_VOID(add_file(std::string(kStateEntries) + one.name, one.file));
  BASE_TRY(const auto files, token_files(plan_.token_directory));
  for (const auto& one : files)
    BASE_TRY_VOID(add_file(std::string(kTokenEntries) + one.name, one.file));
  BASE_TRY_VOID(check_against(inventory_, plan_.token_directory, written_));
  return archive_->finish();
}

/// As a restore will read it, from the file itself.
base::Result<void> Writing::read_back() {
  auto beside = plan_.file;
  beside += ".new";
  std::size_t at = 0;
  BASE_TRY(const auto head, BackupHead::read(beside, at));
  BASE_TRY_VOID(head.check_mac(secret_));
  const base::UniqueFd fd(::open(beside.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::lseek(fd.get(), static_cast<off_t>(at), SEEK_SET) < 0)
    return file_failed(beside, std::strerror(errno));
  ArchiveReader reader(archive_key(secret_, head.header.id), base::sha256(head.bytes),
                       [&](std::span<std::uint8_t> out) -> base::Result<std::size_t> {
                         const auto got = ::read(fd.get(), out.data(), out.size());
                         if (got < 0) return file_failed(beside, std::strerror(errno));
                         return static_cast<std::size_t>(got);
                       });
  std::size_t seen = 0;
  base::Sha256 digest;
  BASE_TRY_VOID(reader.read(
      [&](const ArchiveReader::Entry&) -> base::Result<Sink> {
        digest = base::Sha256();
        return Sink([&](base::BytesView some) -> base::Result<void> {
          digest.update(some);
          return {};
        });
      },
      [&](const ArchiveReader::Entry& entry) -> base::Result<void> {
        const auto it = written_.find(entry.name);
        if (it == written_.end() || it->second != digest.finish())
          return altered("entry " + entry.name);
        ++seen;
        return {};
      }));
  return seen == written_.size() ? base::Result<void>{} : altered("an entry is missing");
}

base::Result<BackupFacts> Writing::run(const base::Clock& clock) {
  BASE_TRY_VOID(make_header(clock));
  BASE_TRY(auto file, DurableFile::create(plan_.file));
  file_.emplace(std::move(file));
  for (const base::BytesView part : {base::BytesView(head_.bytes), base::BytesView(head_.mac)}) {
    digest_.update(part);
    bytes_ += part.size();
    BASE_TRY_VOID(file_->write(part));
  }
  base::fail_point("backup.header");
  BASE_TRY_VOID(write_archive());
  BASE_TRY_VOID(read_back());
  base::fail_point("backup.written");
  BASE_TRY_VOID(file_->commit());
  const auto& header = head_.header;
  return BackupFacts{header.id,
                     base::to_hex(digest_.finish()),
                     bytes_,
                     header.made_at,
                     header.token_label,
                     header.token_serial,
                     header.keys,
                     base::to_hex(header.inventory_digest),
                     header.ledger_head,
                     header.threshold,
                     plan_.officers};
}

}  // namespace

base::Secret archive_key(const base::Secret& secret, std::string_view backup_id) {
  return hkdf_sha256(secret.reveal(), base::as_bytes(backup_id),
                     base::as_bytes("xinyin backup archive 1"), kGcmKeyBytes);
}

base::Result<BackupHead> BackupHead::parse(base::BytesView file, std::size_t& size) {
  const auto magic = base::as_bytes(kBackupMagic);
  const auto start = magic.size() + kLengthBytes;
  if (file.size() < start || !std::equal(magic.begin(), magic.end(), file.begin()))
    return bad_backup("it does not begin as a backup does");
  std::size_t length = 0;
  for (const auto octet : file.subspan(magic.size(), kLengthBytes)) length = length << 8 | octet;
  BackupHead head;
  if (length > kMostHeaderBytes || file.size() - start < length + head.mac.size())
    return bad_backup("its header is cut off");
  BASE_TRY(head.header, BackupHeader::from_text(base::as_text(file.subspan(start, length))));
  head.bytes = base::to_bytes(file.first(start + length));
  const auto mac = file.subspan(start + length, head.mac.size());
  std::copy(mac.begin(), mac.end(), head.mac.begin());
  size = start + length + head.mac.size();
  return head;
}

base::Result<BackupHead> BackupHead::read(const std::filesystem::path& file, std::size_t& size) {
  const base::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return file_failed(file, std::strerror(errno));
  base::Bytes start(kBackupMagic.size() + kLengthBytes + kMostHeaderBytes + sizeof(base::Digest));
  std::size_t have = 0;
  while (have < start.size()) {
    const auto got = ::read(fd.get(), start.data() + have, start.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_failed(file, std::strerror(errno));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return parse(base::BytesView(start).first(have), size);
}

base::Result<void> BackupHead::check_mac(const base::Secret& secret) const {
  const auto expected = base::hmac_sha256(header_key(secret, header.id).reveal(), bytes);
  return base::constant_time_equal(expected, mac) ? base::Result<void>{} : altered("header");
}

base::Result<std::optional<WrapProbe>> make_probe(const Token& token, base::Random& random) {
  const auto keys = token.keys();
  if (std::none_of(keys.begin(), keys.end(),
                   [](const KeyInfo& key) { return key.purpose == Purpose::data_wrapping; }))
    return std::optional<WrapProbe>{};
  const base::Secret secret(random.bytes(kProbeBytes));
  BASE_TRY(auto wrapped, token.wrap(kProbeName, secret));
  return std::optional(WrapProbe{std::move(wrapped), base::sha256(secret.reveal())});
}

base::Result<BackupFacts> backup(const BackupPlan& plan, base::Random& random,
                                 const base::Clock& clock) {
  BASE_TRY_VOID(check_threshold(plan.threshold, plan.officers.size()));
  BASE_TRY_VOID(check_holders(plan.officers));
  if (plan.pin.empty()) return file_failed("PIN", "is empty");
  for (const auto& one : plan.state)
    if (!good_entry_name(one.name)) return file_failed(one.name, "cannot be a name in a backup");
  return Writing(plan, random).run(clock);
}

}  // namespace hsm
