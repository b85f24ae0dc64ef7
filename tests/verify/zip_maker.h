// ZIP files for tests, made apart from the writer of seal/ofd, so that each of their fields can be
// bent.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace test {

struct ZipEntry {
  std::string name;
  std::string content;
  bool deflate = true;
  bool descriptor = false;      ///< sizes behind the content, as programs that stream write them
  std::string local_name = {};  ///< instead of the name, in the local header
  std::string extra = {};       ///< in both headers
  std::string before = {};      ///< octets before the local header
  std::uint16_t flags = 0x0800;
  std::uint16_t local_flags_flip = 0;
  int method = -1;             ///< instead of the true one
  std::uint32_t crc_flip = 0;  ///< both headers
  std::uint32_t local_crc_flip = 0;
  std::int64_t claimed_size = -1;  ///< unpacked, both headers
  bool large_in_local = false;     ///< sizes in a ZIP64 field of the local header alone
  std::uint32_t large_lie = 0;     ///< added to them
  std::uint16_t made_by = 20;
  std::uint32_t attributes = 0;
  bool listed = true;  ///< in the directory
};

struct ZipShape {
  std::string before_directory = {}, behind_directory = {}, comment = {}, behind = {};
  int count = -1;
};

std::string zip(const std::vector<ZipEntry>& entries, const ZipShape& shape = {});
std::string zip_of(const std::map<std::string, std::string>& files);

}  // namespace test
