#include "hsm/archive.h"

#include <algorithm>
#include <set>

#include "hsm/backup_header.h"
#include "hsm/envelope.h"

namespace hsm {
namespace {

constexpr std::size_t kChunkHeadBytes = 5, kMostNameBytes = 512;
constexpr std::uint32_t kMostChunks = 0xffff'fffe;

GcmIv iv_of(std::uint32_t chunk, bool last) {
  GcmIv iv{};
  for (std::size_t i = 0; i < 4; ++i) iv[7 + i] = static_cast<std::uint8_t>(chunk >> (24 - 8 * i));
  iv[11] = last ? 1 : 0;
  return iv;
}

template <std::size_t N>
std::array<std::uint8_t, N> big_endian(std::uint64_t number) {
  std::array<std::uint8_t, N> out{};
  for (std::size_t i = 0; i < N; ++i) out[N - 1 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return out;
}

std::uint64_t number_of(base::BytesView bytes) {
  std::uint64_t number = 0;
  for (const auto byte : bytes) number = number << 8 | byte;
  return number;
}

std::string name_of(std::uint32_t chunk) {
  return "chunk " + std::to_string(chunk);
}

/// Exactly as many as asked for; fewer say where the file ends too early.
base::Result<void> exactly(const Source& source, std::span<std::uint8_t> out, std::uint32_t chunk) {
  while (!out.empty()) {
    BASE_TRY(const auto got, source(out));
    if (got == 0) return altered(name_of(chunk) + ": the file ends before it does");
    out = out.subspan(got);
  }
  return {};
}

}  // namespace

bool good_entry_name(std::string_view name) {
  if (name.empty() || name.size() > kMostNameBytes || name.front() == '/' || name.back() == '/')
    return false;
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('/', at), name.size());
    const auto part = name.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = end + 1;
  }
  return std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

ArchiveWriter::ArchiveWriter(base::Secret key, const base::Digest& bound, Sink sink)
    : key_(std::move(key)), bound_(bound), sink_(std::move(sink)) {
  clear_.reserve(kChunkBytes);
}

ArchiveWriter::~ArchiveWriter() {
  base::wipe(clear_);
}

base::Result<void> ArchiveWriter::begin(std::string_view name, std::uint64_t size) {
  base::check(good_entry_name(name) && left_ == 0 && size <= kMostEntryBytes,
              "an entry out of place");
  BASE_TRY_VOID(put(big_endian<2>(name.size())));
  BASE_TRY_VOID(put(base::as_bytes(name)));
  BASE_TRY_VOID(put(big_endian<8>(size)));
  left_ = size;
  digest_ = base::Sha256();
  return {};
}

base::Result<void> ArchiveWriter::content(base::BytesView some) {
  base::check(some.size() <= left_, "an entry longer than announced");
  left_ -= some.size();
  digest_.update(some);
  return put(some);
}

base::Result<base::Digest> ArchiveWriter::end() {
  base::check(left_ == 0, "an entry shorter than announced");
  const auto digest = digest_.finish();
  BASE_TRY_VOID(put(digest));
  return digest;
}

base::Result<void> ArchiveWriter::finish() {
  BASE_TRY_VOID(put(big_endian<2>(0)));
  return flush(true);
}

base::Result<void> ArchiveWriter::put(base::BytesView bytes) {
  while (!bytes.empty()) {
    if (clear_.size() == kChunkBytes) BASE_TRY_VOID(flush(false));
    const auto some = bytes.first(std::min(bytes.size(), kChunkBytes - clear_.size()));
    base::append(clear_, some);
    bytes = bytes.subspan(some.size());
  }
  return {};
}

base::Result<void> ArchiveWriter::flush(bool last) {
  base::check(chunk_ < kMostChunks, "more chunks than have numbers");
  const auto encrypted = gcm_encrypt(key_, iv_of(chunk_++, last), bound_, clear_);
  base::wipe(clear_);
  clear_.clear();
  base::Bytes head{static_cast<std::uint8_t>(last ? 1 : 0)};
  base::append(head, big_endian<4>(encrypted.size()));
  BASE_TRY_VOID(sink_(head));
  return sink_(encrypted);
}

ArchiveReader::ArchiveReader(base::Secret key, const base::Digest& bound, Source source)
    : key_(std::move(key)), bound_(bound), source_(std::move(source)) {}

base::Result<void> ArchiveReader::fill() {
  if (last_) return altered("the archive ends inside an entry");
  std::array<std::uint8_t, kChunkHeadBytes> head{};
  BASE_TRY_VOID(exactly(source_, head, chunk_));
  const auto size = number_of(base::BytesView(head).subspan(1));
  if (head[0] > 1 || size < kGcmTagBytes || size > kChunkBytes + kGcmTagBytes)
    return altered(name_of(chunk_));
  base::Bytes encrypted(size);
  BASE_TRY_VOID(exactly(source_, encrypted, chunk_));
  last_ = head[0] == 1;
  auto clear = gcm_decrypt(key_, iv_of(chunk_, last_), bound_, encrypted);
  if (!clear) return altered(name_of(chunk_));
  clear_ = std::move(*clear);
  used_ = 0;
  ++chunk_;
  if (!last_) return {};
  std::array<std::uint8_t, 1> more{};
  BASE_TRY(const auto behind, source_(more));
  return behind == 0 ? base::Result<void>{} : altered("bytes behind the last chunk");
}

base::Result<void> ArchiveReader::take(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    if (used_ == clear_.reveal().size()) BASE_TRY_VOID(fill());
    const auto some = clear_.reveal().subspan(used_);
    const auto count = std::min(some.size(), out.size());
    std::copy_n(some.begin(), count, out.begin());
    used_ += count;
    out = out.subspan(count);
  }
  return {};
}

base::Result<void> ArchiveReader::read(const std::function<base::Result<Sink>(const Entry&)>& begin,
                                       const std::function<base::Result<void>(const Entry&)>& end) {
  std::set<std::string> seen;
  base::Bytes buffer(kChunkBytes);
  const struct Wipe {
    base::Bytes& bytes;
    ~Wipe() { base::wipe(bytes); }
  } wipe{buffer};
  while (true) {
    std::array<std::uint8_t, 8> number{};
    BASE_TRY_VOID(take(std::span(number).first(2)));
    const auto length = number_of(base::BytesView(number).first(2));
    if (length == 0) break;
    if (length > kMostNameBytes) return altered("an entry's name");
    Entry entry;
    entry.name.resize(length);
    BASE_TRY_VOID(take({reinterpret_cast<std::uint8_t*>(entry.name.data()), length}));
    BASE_TRY_VOID(take(number));
    entry.size = number_of(number);
    if (!good_entry_name(entry.name) || entry.size > kMostEntryBytes ||
        !seen.insert(entry.name).second || seen.size() > kMostEntries)
      return altered("an entry's name or size");
    BASE_TRY(const auto sink, begin(entry));
    base::Sha256 digest;
    for (auto left = entry.size; left > 0;) {
      const auto some = std::span(buffer).first(std::min<std::uint64_t>(left, buffer.size()));
      BASE_TRY_VOID(take(some));
      digest.update(some);
      BASE_TRY_VOID(sink(some));
      left -= some.size();
    }
    base::Digest written{};
    BASE_TRY_VOID(take(written));
    if (written != digest.finish()) return altered("entry " + entry.name);
    BASE_TRY_VOID(end(entry));
  }
  if (!last_ || used_ != clear_.reveal().size()) return altered("bytes behind the last entry");
  return {};
}

}  // namespace hsm
