// The PKI directory's public files: what the service judges by and hands out.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "api/handlers.h"

namespace api {

struct LoadedFiles {
  std::shared_ptr<const PublicFiles> files;
  std::shared_ptr<const verify::Verifier> verifier;
};

/// Reads trust-list.jws (checked, and against `root_sha256` when given), root.pem, issuing.pem and
/// issuing.crl. Errors: unavailable `api.no_trust_list`; those of certs::TrustList::parse.
base::Result<LoadedFiles> load_public_files(const std::filesystem::path& directory,
                                            const std::string& root_sha256);

/// Changes when one of the files does: sizes and times of modification.
std::string fingerprint_of(const std::filesystem::path& directory);

/// The same of every certificate there.
std::string certificates_fingerprint_of(const std::filesystem::path& directory);

/// A file whole, at most `most` bytes. Errors: unavailable `api.file` (args path, why).
base::Result<std::string> read_file(const std::filesystem::path& path, std::size_t most);

}  // namespace api
