// xinyin audit export: the trail into a file, which appears under its name only when it is whole
// and on the disk. A run that was cut off leaves FILE.part; the next one starts it anew.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "api/cli/audit_keys.h"
#include "api/cli/audit_report.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "base/unique_fd.h"

namespace cli {
namespace {

constexpr std::int64_t kProgressRows = 100'000;

base::Result<void> write_all(int fd, std::string_view bytes, const std::filesystem::path& file) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return audit_file_failed(file, std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

/// The name, on the disk too. Some file systems cannot sync a directory; the file itself is kept.
base::Result<void> put_in_place(const std::filesystem::path& part,
                                const std::filesystem::path& file) {
  if (::rename(part.c_str(), file.c_str()) != 0)
    return audit_file_failed(file, std::strerror(errno));
  const auto parent = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const base::UniqueFd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) (void)::fsync(folder.get());
  return {};
}

}  // namespace

base::Result<Answer> audit_export(Context& context, const AuditExportTo& what) {
  BASE_TRY(const auto* config, context.config());
  store::Pool pool({.conninfo = config->database.service,
                    .connections = 1,
                    .statement_deadline = std::chrono::minutes{1}});
  AuditKeys keys;
  BASE_TRY_VOID(keys.add_directory(config->pki_directory));
  store::AuditExportStart start;
  start.agency = config->agency.name;
  start.agency_code = config->agency.code;
  start.from = what.from;
  start.made_at = context.clock().now();
  for (const auto& [id, certificate] : keys.certificates())
    start.keys.push_back({id, certificate.public_key(), base::to_bytes(certificate.der())});

  const std::filesystem::path part = what.out.string() + ".part";
  const base::UniqueFd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return audit_file_failed(part, std::strerror(errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return audit_file_failed(part, "another export writes it");
  if (::ftruncate(fd.get(), 0) != 0) return audit_file_failed(part, std::strerror(errno));
  std::int64_t told = what.from;
  auto written = store::export_audit(
      pool, std::move(start),
      [&](std::string_view bytes) { return write_all(fd.get(), bytes, part); },
      [&](std::int64_t rows, std::int64_t of) {
        base::fail_point("audit.export_page");
        if (rows - told < kProgressRows) return;
        told = rows;
        context.say("  " + std::to_string(rows) + " / " + std::to_string(of));
      });
  if (!written.ok()) {
    ::unlink(part.c_str());
    return written.error();
  }
  if (::fsync(fd.get()) != 0) return audit_file_failed(part, std::strerror(errno));
  BASE_TRY_VOID(put_in_place(part, what.out));
  base::JsonWriter out;
  out.StartObject();
  out.member("file", what.out.string());
  out.member("first", what.from);
  out.member("last", written->last);
  out.member("rows", written->rows);
  out.member("heads", written->heads);
  out.member("hash", base::to_hex(written->hash));
  out.member("sha256", base::to_hex(written->sha256));
  out.EndObject();
  return Answer{out.text(),
                what.out.string() + "：" + std::to_string(written->rows) + " 条 rows，" +
                    std::to_string(written->heads) + " 个签名链首 signed heads\n链首 head " +
                    std::to_string(written->last) + ":" + base::to_hex(written->hash),
                kDone};
}

}  // namespace cli
