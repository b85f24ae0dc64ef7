// The document security store: what a file brings along to be judged with. ISO 32000-2 §12.8.4.3;
// ETSI EN 319 142-1 §5.4.2. Nothing in it is believed here.
#pragma once

#include <set>

#include "certs/certificate.h"
#include "certs/crl.h"
#include "verify/pdf_file.h"

namespace verify::pdf {

struct Evidence {
  std::vector<certs::Certificate> certificates;
  std::vector<base::Bytes> revocation_lists;  ///< each one a complete, well-formed list
  std::size_t responses = 0;                  ///< OCSP: there, not used
  std::vector<Reference> certificate_streams, list_streams, response_streams;
  std::set<std::int64_t> objects;  ///< the numbers of all objects that the store consists of
};

/// Nothing when the store, or anything in it, is not what it says; empty when there is no store.
/// At most 64 objects of a kind are read.
std::optional<Evidence> evidence_of(File& file);

}  // namespace verify::pdf
