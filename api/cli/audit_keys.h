// Whose signature under an audit head counts: keys from public material, never from the trail
// itself when there is anything better.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "certs/trust_list.h"
#include "store/audit_export.h"

namespace cli {

/// For one thread; its judge() points to it.
class AuditKeys {
 public:
  /// PEM: a PUBLIC KEY, or a CERTIFICATE, whose life then bounds what it vouches for.
  /// Errors: unavailable `cli.audit_file`; invalid_argument `cli.audit_key`.
  base::Result<void> add_file(const std::filesystem::path& file);
  /// The list's keys of purpose `audit`, in their life and before their revocation.
  /// Errors: those of TrustList::parse; not_found `cli.audit_no_key`.
  base::Result<void> add_trust_list(const std::filesystem::path& file,
                                    const std::optional<base::Digest>& pinned_root);
  /// audit-*.pem of a PKI directory; nothing when there is none. Errors: as add_file.
  base::Result<void> add_directory(const std::filesystem::path& directory);
  /// A key that the trail itself names: shows that heads and key fit, not whose they are.
  void add_claimed(base::BytesView public_key);

  bool empty() const { return keys_.empty(); }
  /// "given", "trust_list", "pki_directory", "claimed" or "none": the weakest that was added.
  const std::string& source() const { return source_; }
  /// Certificates that were added, by key id.
  const std::map<std::string, certs::Certificate>& certificates() const { return certificates_; }

  store::HeadVouch judge(const store::SignedHead& head) const;

 private:
  struct Key {
    base::Bytes public_key;
    base::Time from = base::Time::min(), until = base::Time::max();
  };
  void add(base::BytesView public_key, const char* source, base::Time from, base::Time until);
  base::Result<void> add_pem(const std::filesystem::path& file, const char* source);

  std::multimap<std::string, Key> keys_;
  std::map<std::string, certs::Certificate> certificates_;
  std::string source_ = "none";
};

/// Errors: unavailable `cli.audit_file`.
base::Result<std::string> read_audit_file(const std::filesystem::path& file, std::size_t most);
base::Error audit_file_failed(const std::filesystem::path& file, std::string why);

}  // namespace cli
