// What the tests of this room share: other people's programs, a directory that goes away, crooked
// certificates.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "certs/profiles.h"
#include "certs/tbs.h"
#include "tests/support/pki.h"

namespace test {

/// Removed, with all in it, at the end.
class Directory {
 public:
  Directory();
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Ran {
  int exit = -1;
  std::string out;  ///< both streams
};
/// Runs a shell command line. 127 (no such program) fails the test with the line that mends it.
Ran shell(const std::string& command);

void write_file(const std::filesystem::path& path, base::BytesView content);
void write_file(const std::filesystem::path& path, std::string_view content);
std::string read_file(const std::filesystem::path& path);

/// A certificate whose parts a test bent before it was signed.
certs::Certificate crooked(const hsm::Key& issuer_key, const certs::TbsInput& input,
                           const std::function<void(certs::TbsCertificate&)>& bend = {});
/// An ordinary input for a leaf of `pki`, to be bent.
certs::TbsInput leaf_input(Pki& pki, certs::Profile profile, const hsm::Key& key);
/// An ordinary input for an authority named `name` below the root of `pki`.
certs::TbsInput authority_input(Pki& pki, const std::string& name, const hsm::Key& key);

}  // namespace test
