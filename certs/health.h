// Is the PKI of an installation well? What ends soon, what was not renewed: for the alarm, the
// metrics, and whoever asks at the command line. Target xinyin_certs_authority.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "certs/bodies.h"
#include "certs/certificate.h"
#include "certs/pki_directory.h"
#include "store/store.h"

namespace certs {

enum class Severity { notice, warning, alarm };
std::string_view to_string(Severity severity);

struct Finding {
  Severity severity = Severity::notice;
  std::string key;        ///< of the message catalogue, with `args`: "certs.health.…"
  std::string object;     ///< what it is about: a file name, a serial number
  std::string threshold;  ///< told once for each: "90", "60", "30", "0" days, or the list's moment
  std::map<std::string, std::string> args = {};
  std::optional<base::Time> until = std::nullopt;  ///< when it ends, or was to be renewed
};

/// Until when the certificate's key may sign: its private key usage period's end, or its own.
base::Time key_use_ends(const Certificate& certificate);

/// A certificate that an installation works with.
struct InUse {
  std::string label;  ///< the file's name without ".pem"
  Certificate certificate;
};
/// Of the directory: root, issuing, and of each family "name-1", "name-2" the highest number.
/// Errors: unavailable `certs.pki_file`; invalid_argument `certs.malformed`.
base::Result<std::vector<InUse>> certificates_in_use(const PkiDirectory& directory);

/// What ends within 90, 60 or 30 days (of certificates for less than half a year: within a third, a
/// sixth, a twelfth of their time), or has ended. The tightest threshold of each alone.
std::vector<Finding> endings(const std::vector<InUse>& certificates, base::Time now);

/// What ends within 90, 60 or 30 days, or has ended, of a certification body that is admitted or
/// suspended: licence, qualification, the certificates of its authorities. LD/T 01-2020 6.2.7.
std::vector<Finding> body_endings(const std::vector<BodyRecord>& bodies, base::Time now);
/// The same of those in the register. Errors: those of the database.
base::Result<std::vector<Finding>> body_health(store::Pool& pool, const base::Clock& clock);

/// What is looked at besides the files.
struct Look {
  bool ocsp = false;    ///< there are to be answers about revocation in the database
  bool bodies = false;  ///< the certification bodies; the public verifier's role cannot see them
};
/// All of it: endings, the trust list and the revocation lists of the directory (a warning past
/// half of their time, an alarm past three quarters), and what `look` says. A file that cannot be
/// read is a finding, not an error. Errors: those of the database.
base::Result<std::vector<Finding>> health(store::Pool& pool, const PkiDirectory& directory,
                                          const base::Clock& clock, Look look);

/// Writes those that were not told yet into the audit trail, each in one transaction with the note
/// that it was, and gives them. Several instances may do so: each is told once.
base::Result<std::vector<Finding>> raise_alarms(store::Pool& pool, const base::Clock& clock,
                                                const std::vector<Finding>& findings);

}  // namespace certs
