// The proposal of a certification body: a JSON file beside the papers and certificates it names.
//
//   {"version": 1, "name", "code", "contact", "until"?,
//    "licence": {"number", "issuer", "from", "until", "file"},
//    "qualification"?: {"name", "until", "file"}, "liability": {"file"}, "acceptance": {"file"},
//    "uses": ["login", "seal"], "policies", "permitted", "excluded", "crl_urls", "ocsp_urls",
//    "anchors": ["root.pem"], "samples": ["one.pem"], "crls": ["root.crl"]}
//
// Certificates and revocation lists are PEM or DER; files are named from where the proposal lies.
#pragma once

#include <filesystem>
#include <vector>

#include "certs/bodies.h"

namespace cli {

struct CaProposal {
  certs::BodyRecord record;
  std::vector<certs::BodyPaper> papers;
  std::vector<certs::Certificate> samples;
  std::vector<base::Bytes> crls;

  /// Errors: invalid_argument `cli.bad_proposal` (args why), `certs.malformed`; unavailable
  /// `certs.pki_file`.
  static base::Result<CaProposal> read(const std::filesystem::path& file);
};

}  // namespace cli
