#include "seal/ofd/zip_writer.h"

#include <zlib.h>

#include "base/check.h"

namespace seal::ofd {
namespace {

constexpr std::uint16_t kNeeded = 20;        // version 2.0: deflate and folders
constexpr std::uint16_t kDate = 1 << 5 | 1;  // 1 January 1980, the first day there is
constexpr std::uint16_t kUtf8 = 1 << 11;
constexpr int kLevel = 3;  // 6 takes two thirds of a millisecond more a document for two per cent

void put16(base::Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8));
}
void put32(base::Bytes& out, std::size_t value) {
  put16(out, value & 0xffff);
  put16(out, value >> 16);
}

/// What local header and directory have in common.
void put_common(base::Bytes& out, const Packed& entry) {
  put16(out, kNeeded);
  put16(out, kUtf8);
  put16(out, entry.deflated ? 8 : 0);
  put16(out, 0);
  put16(out, kDate);
  put32(out, entry.crc);
  put32(out, entry.bytes.size());
  put32(out, entry.size);
  put16(out, entry.name.size());
  put16(out, 0);
}

}  // namespace

std::shared_ptr<const Packed> pack(std::string name, base::BytesView content) {
  auto out = std::make_shared<Packed>();
  out->name = std::move(name);
  out->size = content.size();
  out->crc =
      static_cast<std::uint32_t>(crc32_z(crc32_z(0, nullptr, 0), content.data(), content.size()));
  out->sm3 = base::sm3(content);
  z_stream stream{};
  base::check(deflateInit2(&stream, kLevel, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK,
              "no memory to deflate");
  out->bytes.resize(deflateBound(&stream, static_cast<uLong>(content.size())));
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = out->bytes.data();
  stream.avail_out = static_cast<uInt>(out->bytes.size());
  base::check(deflate(&stream, Z_FINISH) == Z_STREAM_END, "deflate stopped before its end");
  out->bytes.resize(stream.total_out);
  deflateEnd(&stream);
  out->deflated = out->bytes.size() < content.size();
  if (!out->deflated) out->bytes = base::to_bytes(content);
  return out;
}

base::Bytes write_zip(const std::vector<std::shared_ptr<const Packed>>& entries) {
  base::Bytes out, directory;
  std::size_t total = 0;
  for (const auto& entry : entries) total += entry->bytes.size() + 2 * entry->name.size() + 76;
  out.reserve(total + 22);
  for (const auto& entry : entries) {
    put32(directory, 0x02014b50);
    put16(directory, kNeeded);
    put_common(directory, *entry);
    put16(directory, 0);  // comment
    put16(directory, 0);  // disk
    put16(directory, 0);
    put32(directory, 0);
    put32(directory, out.size());
    base::append(directory, base::as_bytes(entry->name));

    put32(out, 0x04034b50);
    put_common(out, *entry);
    base::append(out, base::as_bytes(entry->name));
    base::append(out, entry->bytes);
  }
  base::check(entries.size() < 0xffff && out.size() + directory.size() < 0xffffffff,
              "a document has outgrown what a ZIP file of the first kind holds");
  const auto at = out.size();
  base::append(out, directory);
  put32(out, 0x06054b50);
  put32(out, 0);  // disks
  put16(out, entries.size());
  put16(out, entries.size());
  put32(out, directory.size());
  put32(out, at);
  put16(out, 0);
  return out;
}

}  // namespace seal::ofd
