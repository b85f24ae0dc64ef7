#include "api/public_files.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include "base/encoding.h"

namespace api {
namespace {

constexpr std::size_t kMostBytes = 16u << 20;

}  // namespace

base::Result<std::string> read_file(const std::filesystem::path& path, std::size_t most) {
  const auto refuse = [&](std::string why) {
    auto error = base::error(base::Code::unavailable, "api.file", path.string() + ": " + why);
    error.args = {{"path", path.string()}, {"why", std::move(why)}};
    return error;
  };
  std::error_code wrong;
  const auto size = std::filesystem::file_size(path, wrong);
  if (wrong) return refuse(wrong.message());
  if (size > most) return refuse("too large");
  std::ifstream in(path, std::ios::binary);
  std::string out(static_cast<std::size_t>(size), '\0');
  if (!in.read(out.data(), static_cast<std::streamsize>(size))) return refuse("cannot be read");
  return out;
}

base::Result<LoadedFiles> load_public_files(const std::filesystem::path& directory,
                                            const std::string& root_sha256) {
  auto files = std::make_shared<PublicFiles>();
  BASE_TRY(files->trust_list_jws, read_file(directory / "trust-list.jws", kMostBytes));
  std::optional<base::Digest> pinned;
  if (const auto bytes = base::from_hex(root_sha256); bytes && bytes->size() == 32) {
    pinned.emplace();
    std::copy(bytes->begin(), bytes->end(), pinned->begin());
  }
  std::string_view jws = files->trust_list_jws;
  while (!jws.empty() && (jws.back() == '\n' || jws.back() == '\r')) jws.remove_suffix(1);
  BASE_TRY(auto trust, certs::TrustList::parse(jws, pinned));
  files->trust_sequence = trust.sequence;
  files->trust_next_update = trust.next_update;
  files->trust_list_jws = std::string(jws);
  // The others are for download only: one that is missing is missed by whoever asks for it.
  if (auto root = read_file(directory / "root.pem", kMostBytes); root.ok())
    files->root_pem = std::move(*root);
  if (auto crl = read_file(directory / "issuing.crl", kMostBytes); crl.ok())
    files->issuing_crl_der = std::move(*crl);
  if (auto issuing = read_file(directory / "issuing.pem", kMostBytes); issuing.ok())
    if (auto certificate = certs::Certificate::from_pem(*issuing); certificate.ok())
      files->issuing = std::move(*certificate);
  return LoadedFiles{std::move(files), std::make_shared<const verify::Verifier>(std::move(trust))};
}

std::string fingerprint_of(const std::filesystem::path& directory) {
  std::string out;
  for (const auto* name : {"trust-list.jws", "root.pem", "issuing.crl", "issuing.pem"}) {
    std::error_code wrong;
    const auto size = std::filesystem::file_size(directory / name, wrong);
    const auto time = std::filesystem::last_write_time(directory / name, wrong);
    out += std::to_string(size) + "/" + std::to_string(time.time_since_epoch().count()) + ";";
  }
  return out;
}

std::string certificates_fingerprint_of(const std::filesystem::path& directory) {
  std::vector<std::string> all;
  std::error_code wrong;
  for (const auto& entry : std::filesystem::directory_iterator(directory, wrong)) {
    if (entry.path().extension() != ".pem") continue;
    std::error_code gone;
    const auto size = entry.file_size(gone);
    const auto time = entry.last_write_time(gone);
    all.push_back(entry.path().filename().string() + "/" + std::to_string(size) + "/" +
                  std::to_string(time.time_since_epoch().count()));
  }
  std::sort(all.begin(), all.end());
  std::string out;
  for (const auto& one : all) out += one + ";";
  return out;
}

}  // namespace api
