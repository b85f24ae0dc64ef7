#include "verify/ofd/zip.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "base/text.h"

namespace verify::ofd {
namespace {

constexpr std::size_t kEndRecord = 22, kDirectoryEntry = 46, kLocalHeader = 30;
constexpr std::uint32_t kEndSign = 0x06054b50, kDirectorySign = 0x02014b50, kLocalSign = 0x04034b50,
                        kDescriptorSign = 0x08074b50;
constexpr std::uint16_t kEncrypted = 1 << 0, kDescriptor = 1 << 3, kUtf8 = 1 << 11;
// Bits 1 and 2 tell how hard deflate tried.
constexpr std::uint16_t kKnownFlags = kDescriptor | kUtf8 | 1 << 1 | 1 << 2;
constexpr std::size_t kMostName = 400;

base::Error refuse(const char* key, std::string detail = {}) {
  return base::error(base::Code::invalid_argument, key, std::move(detail));
}

/// Little-endian numbers at a place that was checked to be there.
std::uint16_t number16(base::BytesView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] | bytes[at + 1] << 8);
}
std::uint32_t number32(base::BytesView bytes, std::size_t at) {
  return number16(bytes, at) | static_cast<std::uint32_t>(number16(bytes, at + 2)) << 16;
}

struct Entry {
  std::string name;
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc = 0;
  std::size_t packed = 0, unpacked = 0, at = 0;
  bool directory() const { return name.back() == '/'; }
};

/// One spelling of a name only: relative, without empty or dotted segments, nothing that a system
/// would read as another character or another name.
bool good_name(std::string_view name) {
  if (name.empty() || name.size() > kMostName || !base::is_utf8(name)) return false;
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\' || c == ':') return false;
  if (name.back() == '/') name.remove_suffix(1);
  while (true) {
    const auto end = name.find('/');
    const auto segment = name.substr(0, end);
    if (segment.empty() || segment.back() == '.' || segment.back() == ' ' || segment.front() == ' ')
      return false;
    if (end == std::string_view::npos) return true;
    name.remove_prefix(end + 1);
  }
}

/// As the most forgetful file system sees a name.
std::string folded(std::string_view name) {
  if (name.back() == '/') name.remove_suffix(1);
  std::string out = base::to_nfkc(name).value_or(std::string(name));
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return out;
}

/// The 64-bit sizes of a local header, unpacked and packed.
using LargeSizes = std::optional<std::pair<std::uint64_t, std::uint64_t>>;

/// Extra fields in good order, none of which gives another size, another name or a cipher. `large`:
/// sizes may stand here, as programs write them that did not know them before.
bool good_extra(base::BytesView extra, LargeSizes* large = nullptr) {
  while (!extra.empty()) {
    if (extra.size() < 4) return false;
    const auto id = number16(extra, 0);
    const std::size_t size = number16(extra, 2);
    if (size > extra.size() - 4 || id == 0x6375 || id == 0x7075 || id == 0x9901 || id == 0x0017)
      return false;
    if (id == 0x0001) {
      if (large == nullptr || *large || size != 16) return false;
      const auto number64 = [&](std::size_t at) {
        return number32(extra, at) | static_cast<std::uint64_t>(number32(extra, at + 4)) << 32;
      };
      *large = std::pair(number64(4), number64(12));
    }
    extra = extra.subspan(4 + size);
  }
  return true;
}

class Archive {
 public:
  Archive(base::BytesView file, const ZipLimits& limits) : file_(file), limits_(limits) {}
  base::Result<std::vector<Entry>> directory();
  base::Result<void> check_names(const std::vector<Entry>& entries) const;
  /// The octets of the entry, still packed; `at` moves behind it.
  base::Result<base::BytesView> packed(const Entry& entry, std::size_t& at, std::size_t next) const;
  base::Result<base::Bytes> unpack(const Entry& entry, base::BytesView packed) const;
  std::size_t directory_at() const { return directory_at_; }

 private:
  base::Result<Entry> directory_entry(std::size_t& at) const;

  base::BytesView file_;
  const ZipLimits& limits_;
  std::size_t directory_at_ = 0, directory_end_ = 0;
};

base::Result<std::vector<Entry>> Archive::directory() {
  if (file_.size() < kEndRecord) return refuse("verify.ofd.zip_none");
  directory_end_ = file_.size() - kEndRecord;
  const auto end = file_.subspan(directory_end_);
  // The record ends the file: a comment would be octets that no seal covers.
  if (number32(end, 0) != kEndSign || number16(end, 20) != 0) return refuse("verify.ofd.zip_none");
  const std::size_t count = number16(end, 10), size = number32(end, 12);
  directory_at_ = number32(end, 16);
  if (count == 0xffff || size == 0xffffffff || directory_at_ == 0xffffffff ||
      number16(end, 4) != 0 || number16(end, 6) != 0 || number16(end, 8) != count)
    return refuse("verify.ofd.zip_unsupported", "ZIP64 or several disks");
  if (count > limits_.entries) return refuse("verify.ofd.zip_too_many");
  if (size > directory_end_ || directory_at_ != directory_end_ - size)
    return refuse("verify.ofd.zip_gap", "around the directory");

  std::vector<Entry> out;
  std::size_t at = directory_at_;
  for (std::size_t i = 0; i < count; ++i) {
    BASE_TRY(auto entry, directory_entry(at));
    out.push_back(std::move(entry));
  }
  if (at != directory_end_) return refuse("verify.ofd.zip_gap", "behind the directory");
  const auto beyond = [&](const Entry& entry) { return entry.at >= directory_at_; };
  if (std::any_of(out.begin(), out.end(), beyond))
    return refuse("verify.ofd.zip_gap", "an entry behind the directory");
  std::sort(out.begin(), out.end(), [](const Entry& a, const Entry& b) { return a.at < b.at; });
  return out;
}

base::Result<Entry> Archive::directory_entry(std::size_t& at) const {
  if (directory_end_ - at < kDirectoryEntry) return refuse("verify.ofd.zip_structure");
  const auto header = file_.subspan(at, kDirectoryEntry);
  const std::size_t name = number16(header, 28), extra = number16(header, 30);
  if (number32(header, 0) != kDirectorySign || number16(header, 32) != 0 ||
      name + extra > directory_end_ - at - kDirectoryEntry)
    return refuse("verify.ofd.zip_structure");
  Entry out;
  out.name = base::as_text(file_.subspan(at + kDirectoryEntry, name));
  if (!good_name(out.name)) return refuse("verify.ofd.zip_name");
  out.flags = number16(header, 8);
  out.method = number16(header, 10);
  out.crc = number32(header, 16);
  out.packed = number32(header, 20);
  out.unpacked = number32(header, 24);
  out.at = number32(header, 42);
  if (out.flags & kEncrypted) return refuse("verify.ofd.zip_encrypted");
  // Made on Unix (3), the upper half of the attributes is the mode: 0xA000 is a symbolic link.
  const bool link = header[5] == 3 && (number32(header, 38) >> 28) == 0xA;
  if ((out.flags & ~kKnownFlags) != 0 || (out.method != 0 && out.method != 8) ||
      number16(header, 34) != 0 || link ||
      !good_extra(file_.subspan(at + kDirectoryEntry + name, extra)))
    return refuse("verify.ofd.zip_unsupported");
  if (out.method == 0 && out.packed != out.unpacked)
    return refuse("verify.ofd.zip_structure", "a stored entry of two sizes");
  if (out.directory() && out.unpacked != 0)
    return refuse("verify.ofd.zip_structure", "a directory with content");
  at += kDirectoryEntry + name + extra;
  return out;
}

base::Result<void> Archive::check_names(const std::vector<Entry>& entries) const {
  std::set<std::string> files, directories, all;
  for (const Entry& entry : entries) {
    const auto name = folded(entry.name);
    if (!all.insert(name).second) return refuse("verify.ofd.zip_duplicate");
    (entry.directory() ? directories : files).insert(name);
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
      directories.insert(name.substr(0, slash));
  }
  for (const auto& name : files)
    if (directories.contains(name)) return refuse("verify.ofd.zip_duplicate");
  return {};
}

base::Result<base::BytesView> Archive::packed(const Entry& entry, std::size_t& at,
                                              std::size_t next) const {
  if (entry.at != at || next < at || next - at < kLocalHeader) return refuse("verify.ofd.zip_gap");
  const auto header = file_.subspan(at, kLocalHeader);
  if (number32(header, 0) != kLocalSign) return refuse("verify.ofd.zip_structure");
  const std::size_t name = number16(header, 26), extra = number16(header, 28);
  if (name + extra > next - at - kLocalHeader) return refuse("verify.ofd.zip_gap");
  at += kLocalHeader;
  const bool later = entry.flags & kDescriptor;
  LargeSizes large;
  if (!good_extra(file_.subspan(at + name, extra), &large))
    return refuse("verify.ofd.zip_unsupported");
  const auto agrees = [&](std::size_t given, std::size_t said, std::uint64_t in_extra) {
    if (large) return given == 0xffffffff && in_extra == said;
    return given == said || (later && given == 0);
  };
  // An old program says of ASCII names that they are UTF-8 in one place only.
  const bool ascii = std::all_of(entry.name.begin(), entry.name.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  const auto same_flags = [&](unsigned local) {
    return ((local ^ entry.flags) & ~(ascii ? unsigned{kUtf8} : 0u)) == 0;
  };
  if (base::as_text(file_.subspan(at, name)) != entry.name || !same_flags(number16(header, 6)) ||
      number16(header, 8) != entry.method ||
      !(number32(header, 14) == entry.crc || (later && number32(header, 14) == 0)) ||
      !agrees(number32(header, 18), entry.packed, large ? large->second : 0) ||
      !agrees(number32(header, 22), entry.unpacked, large ? large->first : 0))
    return refuse("verify.ofd.zip_mismatch");
  at += name + extra;
  if (entry.packed > next - at) return refuse("verify.ofd.zip_gap");
  const auto out = file_.subspan(at, entry.packed);
  at += entry.packed;
  if (later) {  // CRC and sizes once more, with or without a signature of their own
    auto descriptor = file_.subspan(at, next - at);
    if (descriptor.size() == 16 && number32(descriptor, 0) == kDescriptorSign)
      descriptor = descriptor.subspan(4);
    if (descriptor.size() != 12) return refuse("verify.ofd.zip_gap");
    if (number32(descriptor, 0) != entry.crc || number32(descriptor, 4) != entry.packed ||
        number32(descriptor, 8) != entry.unpacked)
      return refuse("verify.ofd.zip_mismatch");
    at = next;
  }
  if (at != next) return refuse("verify.ofd.zip_gap");
  return out;
}

base::Result<base::Bytes> Archive::unpack(const Entry& entry, base::BytesView packed) const {
  base::Bytes out;
  if (entry.method == 0) {
    out = base::to_bytes(packed);
  } else {
    out.resize(entry.unpacked + 1);  // one more: what is longer than promised shows itself
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return refuse("verify.ofd.zip_damaged");
    stream.next_in = const_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    const int ended = inflate(&stream, Z_FINISH);
    const bool whole =
        ended == Z_STREAM_END && stream.avail_in == 0 && stream.total_out == entry.unpacked;
    inflateEnd(&stream);
    if (!whole) return refuse("verify.ofd.zip_damaged");
    out.resize(entry.unpacked);
  }
  const auto crc = crc32_z(crc32_z(0, nullptr, 0), out.data(), out.size());
  if (crc != entry.crc) return refuse("verify.ofd.zip_damaged", "CRC");
  return out;
}

}  // namespace

const std::string* Zip::spelled(std::string_view path) const {
  if (path.empty()) return nullptr;
  const auto at = folded_.find(folded(path));
  return at == folded_.end() ? nullptr : &at->second;
}

base::Result<Zip> Zip::read(base::BytesView file, const ZipLimits& limits) {
  Archive archive(file, limits);
  BASE_TRY(const auto entries, archive.directory());
  BASE_TRY_VOID(archive.check_names(entries));
  // Before anything is unpacked.
  std::size_t total = 0;
  for (const Entry& entry : entries) {
    total += entry.unpacked;
    if (total > limits.unpacked ||
        (entry.unpacked > limits.small_entry && entry.unpacked / limits.ratio > entry.packed))
      return refuse("verify.ofd.zip_bomb");
  }
  Zip out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto next = i + 1 < entries.size() ? entries[i + 1].at : archive.directory_at();
    BASE_TRY(const auto packed, archive.packed(entries[i], at, next));
    BASE_TRY(auto bytes, archive.unpack(entries[i], packed));
    if (entries[i].directory()) continue;
    out.folded_.emplace(folded(entries[i].name), entries[i].name);
    out.entries_.emplace(entries[i].name, std::move(bytes));
  }
  if (at != archive.directory_at()) return refuse("verify.ofd.zip_gap", "before the directory");
  return out;
}

}  // namespace verify::ofd
