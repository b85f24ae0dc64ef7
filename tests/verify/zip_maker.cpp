#include "tests/verify/zip_maker.h"

#include <zlib.h>

namespace test {
namespace {

void put16(std::string& out, std::uint32_t value) {
  out += static_cast<char>(value);
  out += static_cast<char>(value >> 8);
}
void put32(std::string& out, std::uint32_t value) {
  put16(out, value & 0xffff);
  put16(out, value >> 16);
}

std::string raw_deflate(const std::string& plain) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, static_cast<uLong>(plain.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

std::string zip(const std::vector<ZipEntry>& entries, const ZipShape& shape) {
  std::string out, directory;
  int listed = 0;
  for (const auto& entry : entries) {
    out += entry.before;
    const auto at = static_cast<std::uint32_t>(out.size());
    const auto packed = entry.deflate ? raw_deflate(entry.content) : entry.content;
    const auto size = entry.claimed_size < 0 ? static_cast<std::uint32_t>(entry.content.size())
                                             : static_cast<std::uint32_t>(entry.claimed_size);
    const auto packed_size = static_cast<std::uint32_t>(packed.size());
    const auto crc =
        static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(entry.content.data()),
                                         static_cast<uInt>(entry.content.size()))) ^
        entry.crc_flip;
    const auto method = static_cast<std::uint32_t>(entry.method >= 0 ? entry.method
                                                   : entry.deflate   ? 8
                                                                     : 0);
    const auto flags = static_cast<std::uint32_t>(entry.flags | (entry.descriptor ? 8 : 0));
    const auto& local = entry.local_name.empty() ? entry.name : entry.local_name;
    const auto header = [&](std::string& to, bool zeroed, std::uint32_t crc_flip,
                            const std::string& name) {
      put16(to, 20);
      put16(to, flags);
      put16(to, method);
      put32(to, 0x00210000);
      put32(to, zeroed ? 0 : crc ^ crc_flip);
      put32(to, zeroed ? 0 : packed_size);
      put32(to, zeroed ? 0 : size);
      put16(to, static_cast<std::uint32_t>(name.size()));
      put16(to, static_cast<std::uint32_t>(entry.extra.size()));
    };
    put32(out, 0x04034b50);
    header(out, entry.descriptor, entry.local_crc_flip, local);
    const auto flags_at = out.size() - 24;
    out[flags_at] = static_cast<char>(out[flags_at] ^ entry.local_flags_flip);
    out[flags_at + 1] = static_cast<char>(out[flags_at + 1] ^ (entry.local_flags_flip >> 8));
    out += local + entry.extra;
    if (entry.large_in_local) {
      const auto sizes = out.size() - local.size() - entry.extra.size() - 12;
      out.replace(sizes, 8, 8, '\xff');
      out[sizes + 10] = static_cast<char>(entry.extra.size() + 20);
      put32(out, 0x00100001);
      for (const auto value : {size, packed_size}) {
        put32(out, value + entry.large_lie);
        put32(out, 0);
      }
    }
    out += packed;
    if (entry.descriptor) {
      put32(out, 0x08074b50);
      put32(out, crc);
      put32(out, packed_size);
      put32(out, size);
    }
    if (!entry.listed) continue;
    ++listed;
    put32(directory, 0x02014b50);
    put16(directory, entry.made_by);
    header(directory, false, 0, entry.name);
    put16(directory, 0);
    put16(directory, 0);
    put16(directory, 0);
    put32(directory, entry.attributes);
    put32(directory, at);
    directory += entry.name + entry.extra;
  }
  out += shape.before_directory;
  const auto at = static_cast<std::uint32_t>(out.size());
  out += directory + shape.behind_directory;
  const auto count = static_cast<std::uint32_t>(shape.count < 0 ? listed : shape.count);
  put32(out, 0x06054b50);
  put32(out, 0);
  put16(out, count);
  put16(out, count);
  put32(out, static_cast<std::uint32_t>(directory.size()));
  put32(out, at);
  put16(out, static_cast<std::uint32_t>(shape.comment.size()));
  return out + shape.comment + shape.behind;
}

std::string zip_of(const std::map<std::string, std::string>& files) {
  std::vector<ZipEntry> entries;
  for (const auto& [name, content] : files) entries.push_back({.name = name, .content = content});
  return zip(entries);
}

}  // namespace test
