// A certification body of others, made and run by openssl(1): root, sub-authority, certificates of
// people and companies, revocation lists. What our judge says of them openssl is asked too.
#pragma once

#include <string>
#include <vector>

#include "certs/foreign.h"
#include "tests/certs/support.h"

namespace test {

/// Its moment is `now`: all is valid from a day before it. For one thread.
class ForeignBody {
 public:
  explicit ForeignBody(base::Time now);

  const certs::Certificate& root() const { return *root_; }
  const certs::Certificate& sub() const { return *sub_; }
  /// Issued by the sub-authority, with the extensions of a section of the configuration: "login",
  /// "seal", "either" (no extended key usage), "server" (for TLS), "other_policy", "authority".
  certs::Certificate leaf(const std::string& section,
                          const std::string& subject = "/C=CN/O=乙公司/CN=李四", int days = 365);
  /// Revoked now.
  void revoke(const certs::Certificate& leaf);
  /// Of "root" and "sub", DER, from `hours_ago` on for `hours`.
  std::vector<base::Bytes> crls(int hours_ago = 1, int hours = 72);
  /// As the trust list would have it: admitted two days ago, for both uses, policies and limits
  /// none, until a year from now.
  certs::TrustBody body() const;
  /// openssl verify, with revocation lists for the whole path.
  bool openssl_accepts(const certs::Certificate& leaf, const std::string& purpose);

  const std::filesystem::path& path() const { return directory_.path(); }
  static constexpr const char* kPolicy = "1.2.156.112570.1.2.3";

 private:
  certs::Certificate read(const std::string& name) const;
  std::string run(const std::string& arguments) const;

  Directory directory_;
  base::Time now_;
  int made_ = 0;
  std::optional<certs::Certificate> root_, sub_;
};

}  // namespace test
