// Which of several keys works now. A configured label that ends in '*' stands for all labels with a
// number there ("seal-*": seal-1, seal-2, …), and the highest one that may sign now is taken, so
// that a successor is taken up when it is published and its predecessor goes on until then.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "api/handlers.h"
#include "certs/chain.h"

namespace api {

struct ChosenKey {
  std::string label;
  std::shared_ptr<const hsm::Key> key;
  certs::Certificate certificate;
};

/// The numbers behind `stem` among the directory's certificates ("seal-": 2, 1), highest first.
std::vector<int> numbers_of(const std::filesystem::path& directory, const std::string& stem);

/// `label`.pem of the PKI directory. Errors: unavailable `api.file`; invalid_argument
/// `certs.malformed`.
base::Result<certs::Certificate> certificate_of(const Config& config, const std::string& label);

/// A plain label is taken as it is. Of a family, the candidates are the directory's files, highest
/// number first; taken is the first one in its period of use that the trust list trusts for
/// `purpose` (or would, were its revocation lists new enough) and whose key the signer has.
/// Errors: unavailable `api.no_trust_list`, `hsm.unavailable`; not_found `api.no_key` naming what
/// was wrong with the last candidate.
base::Result<ChosenKey> choose_key(Services& services, const std::string& label,
                                   certs::ChainPurpose purpose);

}  // namespace api
