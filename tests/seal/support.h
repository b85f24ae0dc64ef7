// What sealing's tests share: programs of others that judge our files, sample drafts, sealed
// samples.
#pragma once

#include <filesystem>
#include <string>

#include "seal/cms.h"
#include "seal/issuer.h"
#include "seal/pdf/document.h"
#include "tests/support/pki.h"

namespace test {

inline constexpr const char* kBodyFont = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";
inline constexpr const char* kTitleFont = "/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc";
inline constexpr const char* kAddress = "http://127.0.0.1:8080/v/";
inline constexpr const char* kPerson = "0123456789abcdef0123456789abcdef";

/// A directory that goes away.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, base::BytesView bytes) const;

 private:
  std::filesystem::path path_;
};

/// What a shell command printed (both streams) and how it ended. A missing program fails the test
/// with the package that holds it.
struct Ran {
  int status = -1;
  std::string output;
};
Ran run(const std::string& command, const std::string& package);

seal::Draft person_draft(int months = 12, const std::string& name = "张小三");
seal::Draft unit_draft(int roster = 0);

/// Those compiled in.
const seal::Templates& templates();

/// The faces, opened once a process.
const seal::pdf::Faces& faces();
seal::pdf::Letterhead letterhead();

/// A composed file of a draft, not yet sealed; with another seal than the letterhead's, if given.
base::Result<seal::pdf::Unsigned> compose(const seal::Draft& draft,
                                          std::size_t signature_bytes = 8000,
                                          const seal::SealPictureSpec* picture = nullptr);

/// Composed and sealed with a key and its certificate, with a time stamp of `pki`.
struct Sample {
  base::Bytes file;
  base::Bytes cms;
  std::size_t contents_begin = 0, contents_end = 0;
};
Sample sealed_sample(const seal::Draft& draft, const hsm::Key& key,
                     const certs::Certificate& certificate, Pki& pki, bool with_stamp = true);

}  // namespace test
